// What happens to rights and keys leaves its event: a walk over the operation table for all that is refused, and the deeds
// with keys one by one. What nobody asks for over and over is one event with a count.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { Client, cli, cliOk, initialized, owner, pgUrl, serve, signedIn, unlimited } from './harness.mjs';

const password = 'password of m-ember', viewer = { email: 'viewer@example.com', password };
const KEY = 'sk-ant-good-0123456789abcdef';
const FOREIGN = 'c0000000000000000000000zz';

// All events, once the server has ended: what is counted by the minute is written at the end.
function written(s) {
  const query = 'SELECT type, action, count, outcome, workspace_id, actor_id, entity_type, message FROM audit WHERE seq IS NOT NULL';
  if (s.pg) return JSON.parse(s.pg.sql(`SELECT coalesce(json_agg(e), '[]') FROM (${query}) AS e`));
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  const rows = db.prepare(query).all();
  db.close();
  return rows;
}
const sum = (rows) => rows.reduce((n, e) => n + Number(e.count), 0);

for (const engine of ['sqlite', 'postgres']) {
  const skip = engine === 'postgres' && !pgUrl;
  const on = (name, fn) => test(`${name}, ${engine}`, { skip }, fn);

  on('each refusal of the operation table leaves its event', async () => {
    const s = await initialized(engine);
    await cliOk(['user', 'add', ...s.flags, '--email', viewer.email, '--name', 'V', '--role', 'VIEWER', '--password', password], { env: s.env });
    const server = await serve(s, { flags: unlimited });
    const boss = await signedIn(server), low = await signedIn(server, viewer);
    const { user, workspace } = (await boss.json('/api/me')).body;
    const doc = await (await fetch(server.base + '/api/openapi.json')).json();
    const routes = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) => ({
      name: o.operationId, method: method.toUpperCase(), template: path, roles: o['x-roles'] ?? [], ofOrganization: o['x-role-scope'] === 'organization',
      path: path.replace('{orgId}', workspace.organizationId).replace(/\{[^}]+\}/g, 'x1'),
      session: (o.security ?? []).some((x) => x.session) && o.security.every((x) => Object.keys(x).length),
      cron: (o.security ?? []).some((x) => x.cron) })));
    const session = routes.filter((r) => r.session), denied = session.filter((r) => r.roles.length && !r.roles.includes('VIEWER'));
    const changing = session.filter((r) => r.method !== 'GET'), inOrganization = session.filter((r) => r.ofOrganization), cron = routes.filter((r) => r.cron);
    for (const some of [session, denied, changing, inOrganization, cron]) assert.ok(some.length > 0, 'the document names some of each');
    const body = (r) => (r.method === 'GET' || r.method === 'DELETE' ? {} : { json: {} });
    for (const r of session) {
      assert.equal((await fetch(server.base + r.path, { method: r.method })).status, 401, r.name);
      const foreign = await boss.json(r.path, { method: r.method, headers: { 'x-workspace-id': FOREIGN }, ...body(r) });
      assert.ok([404, 400, 200].includes(foreign.status), `${r.name} in a foreign workspace: ${foreign.status}`);
      r.foreign = foreign.status === 404 && !r.ofOrganization && r.roles.length > 0;
    }
    for (const r of changing) assert.equal((await boss.json(r.path, { method: r.method, csrf: false, ...body(r) })).status, 403, `${r.name} without its token`);
    for (const r of denied) assert.equal((await low.json(r.path, { method: r.method, ...body(r) })).status, 403, r.name);
    for (const r of inOrganization)
      assert.equal((await boss.json(r.template.replace('{orgId}', FOREIGN).replace(/\{[^}]+\}/g, 'x1'), { method: r.method, ...body(r) })).status, 404, r.name);
    for (const r of cron) assert.equal((await fetch(server.base + r.path, { method: r.method, headers: { authorization: 'Bearer guess' } })).status, 401, r.name);
    assert.equal((await server.stop()).code, 0);
    const events = written(s), of = (type) => events.filter((e) => e.type === type);
    assert.ok(sum(of('AUTH_FAILED')) >= session.length + cron.length, 'each request without a credential is counted');
    assert.ok(of('AUTH_FAILED').length <= 4, 'and a flood of them is one event a minute');
    for (const r of denied) assert.ok(of('ROLE_DENIED').some((e) => e.action === r.name), `${r.name} left no ROLE_DENIED`);
    for (const r of changing) assert.ok(of('CSRF_REJECTED').some((e) => e.action === r.name && e.actor_id === user.id), `${r.name} left no CSRF_REJECTED`);
    for (const r of session.filter((x) => x.foreign)) assert.ok(of('CROSS_WORKSPACE_DENIED').some((e) => e.action === r.name && e.actor_id === user.id), `${r.name} left no CROSS_WORKSPACE_DENIED`);
    assert.ok(session.some((r) => r.foreign));
    const strayed = of('CROSS_WORKSPACE_DENIED').filter((e) => e.action === 'enter_organization');
    assert.equal(strayed.length, inOrganization.length, 'each step towards another organisation');
    for (const e of strayed) assert.deepEqual([e.actor_id, e.workspace_id], [user.id, workspace.id]);
  });

  on('sign-ins that fail, and floods of them', async () => {
    const s = await initialized(engine), server = await serve(s, { flags: ['--sign-in-rate', '3'] });
    for (let i = 0; i < 8; i++) await assert.rejects(new Client(server.base).signIn({ ...owner, password: 'guess' + i }));
    await server.stop();
    const events = written(s), failed = events.filter((e) => e.type === 'AUTH_FAILED'), limited = events.filter((e) => e.type === 'RATE_LIMITED');
    assert.ok(failed.length >= 1 && failed.length <= 2 && sum(failed) === 3, JSON.stringify(failed));
    assert.ok(limited.length >= 1 && limited.length <= 4 && sum(limited) >= 5, JSON.stringify(limited));
    assert.ok(!JSON.stringify(events).includes('guess'), 'no password that was tried');
  });

  on('whose account was tried, its OWNER reads', async () => {
    const s = await initialized(engine), first = await serve(s, { flags: unlimited });
    for (let i = 0; i < 3; i++) await assert.rejects(new Client(first.base).signIn({ ...owner, password: 'guess' + i }));
    for (let i = 0; i < 2; i++) await assert.rejects(new Client(first.base).signIn({ email: `nobody${i}@example.com`, password: 'guess' }));
    await first.stop();
    const boss = await signedIn(await serve(s, { flags: unlimited }));
    const { events } = (await boss.json('/api/admin/security-events?type=AUTH_FAILED')).body;
    assert.equal(sum(events), 3, JSON.stringify(events));
    for (const e of events) assert.ok(e.message.includes(owner.email) && e.ip === '127.0.0.1' && e.actor.kind === 'ANONYMOUS', JSON.stringify(e));
  });

  on('who reaches into another workspace', async () => {
    const s = await initialized(engine), server = await serve(s, { flags: unlimited });
    await cliOk(['user', 'add', ...s.flags, '--email', 'member@example.com', '--name', 'M', '--role', 'MEMBER', '--password', password], { env: s.env });
    const boss = await signedIn(server), low = await signedIn(server, { email: 'member@example.com', password });
    const { workspace } = (await boss.json('/api/me')).body, me = (await low.json('/api/me')).body.user.id;
    const there = (await boss.json(`/api/organizations/${workspace.organizationId}/workspaces`, { method: 'POST', json: { name: 'Other' } })).body.workspace.id;
    const inside = (path, json) => boss.json(path, { method: 'POST', json, headers: { 'x-workspace-id': there } });
    const document = (await inside('/api/documents', { title: 'Theirs' })).body.document.id;
    const chat = (await inside('/api/ai/chats', {})).body.chat.id;
    const named = (await inside('/api/ai/chats', { id: 'a-chat-with-a-name' })).body.chat.id;
    const paths = [`/api/documents/doc/${document}`, `/api/ai/chats/${chat}`, `/api/ai/chats/${named}`];
    for (const path of paths) {
      const theirs = await low.json(path), nowhere = await low.json(path.replace(/[^/]+$/, 'cnowhere0000000000000000'));
      assert.equal(theirs.status, 404, path);
      assert.deepEqual(theirs.body, nowhere.body, 'foreign and absent look alike');
    }
    const strayed = await low.json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: there } });
    assert.deepEqual([strayed.status, strayed.body.code], [404, 'NOT_FOUND']);
    let events;
    for (const until = performance.now() + 20_000; performance.now() < until && !(events?.length >= 4);)
      ({ events } = (await boss.json('/api/admin/security-events?type=CROSS_WORKSPACE_DENIED')).body);
    assert.equal(events.length, 4, JSON.stringify(events));
    assert.ok(events.every((e) => e.actor.id === me));
    const { logs } = (await boss.json('/api/audit?action=get_document')).body;
    assert.deepEqual(logs.map((e) => [e.entityId, e.outcome]), [[document, 'NOT_FOUND']], 'which one stands in the entry');
    await server.stop();
    assert.equal(written(s).filter((e) => e.type === 'CROSS_WORKSPACE_DENIED').length, 4, 'and nothing of what is nowhere');
  });

  on('what exceeds a rate', async () => {
    const s = await initialized(engine), server = await serve(s, { flags: ['--write-rate', '2'] }), boss = await signedIn(server);
    let refused = 0;
    for (let i = 0; i < 12; i++) refused += (await boss.json('/api/documents', { method: 'POST', json: { title: 't' + i } })).status === 429;
    await server.stop();
    const events = written(s).filter((e) => e.type === 'RATE_LIMITED');
    assert.ok(refused >= 8 && events.length <= 2, JSON.stringify(events));
    assert.equal(sum(events), refused);
  });

  // ---- keys: what is done with them, by whom ----

  let s, server, boss, member, me, asked, upstream, seen = 0;
  const SETTINGS = '/api/settings/ai-config';
  const set = (who, json, path = SETTINGS, method = 'PATCH') => who.json(path, { method, json });
  // What has come since the last look, newest first; an event that no transaction carries is a moment behind its answer.
  async function news(...types) {
    for (const until = performance.now() + 20_000; performance.now() < until;) {
      const { events } = (await boss.json('/api/admin/security-events?limit=100')).body;
      const now = events.slice(0, events.length - seen);
      if (types.every((type) => now.some((e) => e.type === type))) {
        seen = events.length;
        return now;
      }
    }
    assert.fail(`${types} of ${JSON.stringify((await boss.json('/api/admin/security-events?limit=100')).body.events.map((e) => e.type))}`);
  }
  const deeds = async (action) => (await boss.json('/api/audit?action=' + action)).body.logs;
  const chat = (text) => boss.json('/api/ai/chat', { method: 'POST', json: { id: 't-' + text, messages: [{ id: 'm-' + text, role: 'user', parts: [{ type: 'text', text }] }] } });

  before(async () => {
    if (skip) return;
    asked = { status: 200 };
    upstream = createServer((rq, rs) => {
      rq.resume();
      rs.writeHead(asked.status, { 'content-type': 'application/json' });
      rs.end(JSON.stringify(asked.status === 200 ? { data: [], choices: [{ message: { role: 'assistant', content: 'p' } }] } : { error: { message: 'no' } }));
    });
    await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${upstream.address().port}`;
    asked.url = url;
    s = await initialized(engine);
    await cliOk(['user', 'add', ...s.flags, '--email', 'member@example.com', '--name', 'M', '--role', 'MEMBER', '--password', password], { env: s.env });
    server = await serve(s, { flags: [...unlimited, '--outbound-allow', '127.0.0.0/8'], env: { ANTHROPIC_BASE_URL: url, CRON_SECRET: 'cron-secret-of-the-tests' } });
    boss = await signedIn(server);
    member = await signedIn(server, { email: 'member@example.com', password });
    me = (await boss.json('/api/me')).body;
    seen = (await boss.json('/api/admin/security-events?limit=100')).body.events.length;
  });
  after(() => upstream?.closeAllConnections() ?? upstream?.close());

  on('a key is set, refused, used and cleared', async () => {
    asked.status = 401;
    assert.equal((await set(boss, { anthropicApiKey: 'sk-ant-bad-0123456789abcdefg', verify: true })).status, 400);
    const [refused] = await news('CREDENTIAL_REFUSED');
    assert.deepEqual([refused.actor.id, refused.severity], [me.user.id, 'WARNING']);
    asked.status = 200;
    assert.equal((await set(boss, { anthropicApiKey: KEY })).status, 200);
    const [changed] = await news('CREDENTIAL_CHANGED');
    assert.match(changed.message, /Anthropic of tier/);
    assert.ok(changed.actor.id === me.user.id && !JSON.stringify(changed).includes(KEY));
    // Used: the job asks its provider, who accepts, then does not.
    const cron = () => fetch(server.base + '/api/cron/verify-ai-keys', { method: 'POST', headers: { authorization: 'Bearer cron-secret-of-the-tests' } });
    assert.equal((await cron()).status, 200);
    await news('CREDENTIAL_VERIFIED');
    asked.status = 401;
    await cron();
    await news('CREDENTIAL_REFUSED');
    asked.status = 200;
    await cron();
    await news('CREDENTIAL_VERIFIED');
    // Used in a chat: who asked is told, and the key stands as refused for everybody.
    const ask = () => boss.json('/api/ai/chat', { method: 'POST', json: { id: `refused-${Date.now()}`, provider: 'anthropic', messages: [{ role: 'user', content: 'Hello' }] } });
    asked.status = 401;
    await ask();
    assert.equal((await news('CREDENTIAL_REFUSED')).length, 1);
    assert.equal((await ask()).body.code, 'CREDENTIAL_UNREADABLE');
    asked.status = 200;
    assert.equal((await boss.json(SETTINGS, { method: 'DELETE' })).status, 200);
    assert.match((await news('CREDENTIAL_CHANGED'))[0].message, /Anthropic/);
  });

  on('a person\'s key, and an organisation that forbids it', async () => {
    const org = `/api/organizations/${me.workspace.organizationId}/ai-config`, personal = SETTINGS + '/personal';
    assert.equal((await set(member, { groqApiKey: 'gsk_0123456789abcdef' }, personal)).status, 200);
    assert.match((await news('CREDENTIAL_CHANGED'))[0].message, /Groq/);
    assert.equal((await set(boss, { allowPersonalKeys: false }, org, 'PUT')).status, 200);
    assert.match((await news('CREDENTIAL_CHANGED'))[0].message, /allowPersonalKeys off/);
    assert.equal((await set(member, { groqApiKey: 'gsk_0123456789abcdeg' }, personal)).body.code, 'PERSONAL_KEYS_DISABLED');
    const [blocked] = await news('PERSONAL_KEY_DENIED');
    assert.ok(blocked.actor.name === 'M' || blocked.actor.id, JSON.stringify(blocked));
    assert.equal((await set(boss, { allowPersonalKeys: true }, org, 'PUT')).status, 200);
    await news('CREDENTIAL_CHANGED');
  });

  on('a gateway that is fired at, and one whose address is blocked', async () => {
    const claw = { openclawBearer: 'bearer-0123456789abcdef', openclawAgentId: 'agent-7' };
    assert.equal((await set(boss, { ...claw, openclawEndpointUrl: asked.url })).status, 200);
    await news('CREDENTIAL_CHANGED');
    const fire = () => boss.json(SETTINGS + '/openclaw/test-fire', { method: 'POST' });
    assert.equal((await fire()).body.ok, true);
    await news('CREDENTIAL_VERIFIED');
    assert.equal((await set(boss, { ...claw, openclawEndpointUrl: 'http://169.254.169.254/latest' })).status, 200);
    await news('CREDENTIAL_CHANGED');
    assert.equal((await fire()).body.ok, false);
    const [blocked] = await news('SSRF_BLOCKED');
    assert.equal(blocked.actor.id, me.user.id);
    assert.deepEqual((await deeds('test_openclaw')).map((d) => [d.outcome, d.actorId, d.entityType]),
      [['UPSTREAM_ERROR', me.user.id, 'credential'], ['OK', me.user.id, 'credential']], 'each use, whatever came of it');
    assert.equal((await set(boss, { openclawEndpointUrl: null, openclawAgentId: null })).status, 200);
    await news('CREDENTIAL_CHANGED');
  });

  on('a call that the budget blocks', async () => {
    assert.equal((await set(boss, { anthropicApiKey: KEY })).status, 200);
    const cap = (capUsd) => boss.json('/api/settings/ai-budget', { method: 'PATCH', json: { capUsd } });
    assert.equal((await cap(0)).status, 200);
    assert.equal((await chat('hello')).status, 402);
    // Owners are told once as well, by a job: the second call is refused without another notice.
    assert.equal((await chat('hello-again')).status, 402);
    const told = await news('BUDGET_BLOCKED', 'BUDGET_CAP_REACHED'), [blocked] = told.filter((e) => e.type === 'BUDGET_BLOCKED');
    assert.equal(blocked.actor.id, me.user.id);
    assert.match(blocked.message, /budget/);
    const [reached, ...further] = told.filter((e) => e.type === 'BUDGET_CAP_REACHED');
    assert.deepEqual([reached.severity, further], ['WARNING', []]);
    assert.match(reached.message, /cap is reached: 0\S* of 0 USD/);
    assert.equal((await cap(100)).status, 200);
  });

  on('each operation of the table that changes a key, and each that uses one', async () => {
    const doc = await (await fetch(server.base + '/api/openapi.json')).json();
    const named = (method, path) => doc.paths[path]?.[method]?.operationId;
    const org = `/api/organizations/${me.workspace.organizationId}/ai-config`;
    // The table says which there are; what it has and this list lacks fails the test.
    const changes = {
      set_ai_key: () => set(boss, { provider: 'anthropic', apiKey: KEY }, SETTINGS, 'POST'),
      update_workspace_ai_config: () => set(boss, { groqApiKey: 'gsk_0123456789abcdef' }),
      clear_workspace_ai_config: () => boss.json(SETTINGS, { method: 'DELETE' }),
      update_personal_ai_config: () => set(member, { openaiApiKey: 'sk-0123456789abcdef0123' }, SETTINGS + '/personal'),
      clear_personal_ai_config: () => member.json(SETTINGS + '/personal', { method: 'DELETE' }),
      update_organization_ai_config: () => set(boss, { anthropicApiKey: KEY }, org, 'PUT'),
      clear_organization_ai_config: () => boss.json(org, { method: 'DELETE' }),
    };
    const cron = () => fetch(server.base + '/api/cron/verify-ai-keys', { method: 'POST', headers: { authorization: 'Bearer cron-secret-of-the-tests' } });
    // How often each sends a key, with three stored: Anthropic's, OpenClaw's, Hermes'.
    const uses = {
      list_ai_models: [() => boss.json('/api/ai/models?provider=anthropic'), ['anthropic GET /v1/models?limit=500']],
      test_openclaw: [() => boss.json(SETTINGS + '/openclaw/test-fire', { method: 'POST' }), ['openclaw GET /health', 'openclaw POST /v1/chat/completions']],
      test_hermes: [() => boss.json(SETTINGS + '/hermes/test-fire', { method: 'POST' }), ['hermes GET /v1/models', 'hermes POST /v1/chat/completions']],
      verify_ai_keys: [cron, ['anthropic', 'hermes', 'openclaw'].map((p) => p + ' GET /v1/models?limit=1')],
    };
    const reads = {
      get_workspace_ai_config: () => boss.json(SETTINGS), get_personal_ai_config: () => member.json(SETTINGS + '/personal'), get_organization_ai_config: () => boss.json(org),
    };
    const found = Object.entries(doc.paths).flatMap(([path, methods]) => Object.keys(methods).filter(() => /ai-config|ai-keys|ai\/models/.test(path)).map((m) => named(m, path)));
    assert.deepEqual(found.sort(), [...Object.keys(changes), ...Object.keys(uses), ...Object.keys(reads)].sort());
    for (const [name, change] of Object.entries(changes)) {
      const answer = await change();
      assert.equal(answer.status, 200, `${name}: ${JSON.stringify(answer.body)}`);
      const who = /personal/.test(name) ? (await member.json('/api/me')).body.user.id : me.user.id;
      const left = (await news('CREDENTIAL_CHANGED')).filter((e) => e.type === 'CREDENTIAL_CHANGED');
      assert.ok(left.length >= 1 && left.every((e) => e.actor.id === who && !JSON.stringify(e).includes('0123456789abcdef')), `${name}: ${JSON.stringify(left)}`);
    }
    const claw = { openclawBearer: 'bearer-0123456789abcdef', openclawAgentId: 'agent-7', openclawEndpointUrl: asked.url };
    assert.equal((await set(boss, { anthropicApiKey: KEY, ...claw, hermesApiKey: 'hermes-0123456789abcdef', hermesEndpointUrl: asked.url })).status, 200);
    await news('CREDENTIAL_CHANGED');
    const rows = () => deeds('use_credential&limit=100');
    const leaves = async (name, use, expected, stored = true) => {
      const earlier = (await rows()).length, answer = await use();
      assert.equal(answer.status, 200, `${name}: ${JSON.stringify(answer.body)}`);
      const now = await rows(), left = now.slice(0, now.length - earlier);
      assert.deepEqual(left.map((d) => `${d.metadata.provider} ${d.metadata.request}`).sort(), expected, name);
      for (const d of left) {
        assert.deepEqual([d.entityType, d.metadata.keySource, !!d.entityId], ['credential', 'WORKSPACE_KEY', stored], name);
        assert.ok(!JSON.stringify(d).includes('0123456789abcdef'), name);
      }
    };
    for (const [name, [use, expected]] of Object.entries(uses)) await leaves(name, use, expected);
    for (const [name, read] of Object.entries(reads)) await leaves(name, read, []);
    await leaves('list_ai_models, kept', uses.list_ai_models[0], []);
    await leaves('update_workspace_ai_config, which verifies what is stored', () => set(boss, { verify: true }), uses.verify_ai_keys[1]);
    await leaves('update_workspace_ai_config, with a new key', () => set(boss, { anthropicApiKey: KEY, verify: true }), ['anthropic GET /v1/models?limit=1'], false);
    assert.equal((await boss.json(SETTINGS, { method: 'DELETE' })).status, 200);
    assert.equal((await set(boss, { anthropicApiKey: KEY })).status, 200);
    await news('CREDENTIAL_CHANGED');
    const before = (await deeds('use_credential')).length;
    assert.equal((await chat('with-a-key')).status, 200);
    const [used, ...older] = await deeds('use_credential');
    assert.equal(older.length, before, 'one use, one row');
    assert.deepEqual([used.actorId, used.entityType, used.metadata.provider, used.metadata.keySource], [me.user.id, 'credential', 'anthropic', 'WORKSPACE_KEY']);
    assert.ok(used.entityId && used.metadata.runId && !JSON.stringify(used).includes(KEY));
  });

  on('a role that is given and taken', async () => {
    const { members } = (await boss.json('/api/members')).body, { id } = members.find((x) => x.role === 'MEMBER');
    assert.equal((await boss.json('/api/members/' + id, { method: 'PATCH', json: { role: 'VIEWER' } })).status, 200);
    const [changed] = await news('ROLE_CHANGED');
    assert.equal(changed.actor.id, me.user.id);
    assert.equal((await boss.json('/api/members/' + id, { method: 'PATCH', json: { role: 'MEMBER' } })).status, 200);
    await news('ROLE_CHANGED');
  });

  on('another root key', async () => {
    if (engine === 'postgres') return; // there it takes a restart of every node: credentials.test.mjs
    assert.match(await cliOk(['keys', 'rotate', ...s.flags], { env: s.env }), /wrapped/);
    await server.stop();
    const [changed] = written(s).filter((e) => e.type === 'KEY_CHANGED');
    assert.deepEqual([changed.action, changed.entity_type], ['rotate_root_key', 'root_key']);
  });
}
