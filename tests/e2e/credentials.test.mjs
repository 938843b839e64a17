// Provider keys against real local servers: verification, test-fire and its diagnoses, the job, models, a change of the
// root key under load, and that no secret is left anywhere on the disk.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { readFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { bytesIn, cli, cliOk, files, folder, initialized, owner, pgUrl, serve, signedIn, unlimited } from './harness.mjs';

const CRON = 'cron-secret-of-the-tests';
const servers = [];
after(() => servers.forEach((s) => s.close()));

// A provider: answers by `state`, keeps what it was asked.
async function provider() {
  const state = { status: 200, seen: [], keys: null };
  const server = createServer((rq, rs) => {
    let body = '';
    rq.on('data', (d) => (body += d));
    rq.on('end', () => {
      const key = rq.headers['x-api-key'] ?? rq.headers.authorization?.replace('Bearer ', '');
      state.seen.push({ method: rq.method, url: rq.url, key, headers: rq.headers, body });
      if (state.answer) return state.answer(rq, rs);
      const status = state.keys && !state.keys.includes(key) ? 401 : state.status;
      const json = status === 200
        ? { data: [{ id: 'claude-sonnet-4-5', display_name: 'Sonnet', created_at: '2025-09-29T00:00:00Z' }], choices: [{ message: { role: 'assistant', content: 'p' } }] }
        : { error: { message: `no, ${key} is not welcome` } };
      rs.writeHead(status, { 'content-type': 'application/json' });
      rs.end(JSON.stringify(json));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  servers.push({ close: () => { server.closeAllConnections(); server.close(); } });
  return { state, url: `http://127.0.0.1:${server.address().port}` };
}

const SETTINGS = '/api/settings/ai-config', PERSONAL = SETTINGS + '/personal';
const secretsSet = new Set();
const key = (text) => (secretsSet.add(text), text);

for (const engine of ['sqlite', 'postgres']) {
  const skip = engine === 'postgres' && !pgUrl;
  const on = (name, fn) => test(`${name}, ${engine}`, { skip }, fn);
  let s, server, anthropic, gateway, people;
  const env = () => ({ CRON_SECRET: CRON, ANTHROPIC_BASE_URL: anthropic.url });
  const flags = [...unlimited, '--outbound-allow', '127.0.0.0/8'];
  const patch = (who, path, json, method = 'PATCH') => who.json(path, { method, json });
  const cron = () => fetch(server.base + '/api/cron/verify-ai-keys', { method: 'POST', headers: { authorization: 'Bearer ' + CRON } });

  before(async () => {
    if (skip) return;
    anthropic = await provider();
    gateway = await provider();
    s = await initialized(engine);
    server = await serve(s, { flags, env: env() });
    const member = { email: 'member@example.com', password: 'password of a member' };
    await cliOk(['user', 'add', ...s.flags, '--email', member.email, '--role', 'MEMBER', '--password', member.password], { env: s.env });
    people = { OWNER: await signedIn(server, owner), MEMBER: await signedIn(server, member) };
  });

  on('a key is verified at its provider before it is saved', async () => {
    const good = key('sk-ant-good-0123456789abcdef'), bad = key('sk-ant-bad-0123456789abcdefg');
    anthropic.state.keys = [good];
    const refused = await patch(people.OWNER, SETTINGS, { anthropicApiKey: bad, verify: true });
    assert.deepEqual([refused.status, refused.body.code], [400, 'VALIDATION_ERROR'], JSON.stringify(refused.body));
    assert.match(refused.body.details.fieldErrors.anthropicApiKey[0], /401/);
    assert.ok(!JSON.stringify(refused.body).includes(bad), 'an echoed key is not shown');
    const saved = await patch(people.OWNER, SETTINGS, { anthropicApiKey: good, verify: true });
    assert.equal(saved.status, 200, JSON.stringify(saved.body));
    assert.equal(saved.body.config.anthropic.masked, 'sk-ant-…cdef');
    assert.equal(saved.body.config.anthropic.state, 'VERIFIED');
    assert.deepEqual([saved.body.effective.provider, saved.body.effective.keySource], ['anthropic', 'WORKSPACE_KEY']);
    assert.deepEqual(anthropic.state.seen.map((x) => [x.method, x.url, x.key]),
      [['GET', '/v1/models?limit=1', bad], ['GET', '/v1/models?limit=1', good]]);
    anthropic.state.status = 500;
    anthropic.state.keys = null;
    const down = await patch(people.OWNER, SETTINGS, { anthropicApiKey: key('sk-ant-third-0123456789abc'), verify: true });
    assert.deepEqual([down.status, down.body.code], [502, 'UPSTREAM_ERROR']);
    assert.equal((await people.OWNER.json(SETTINGS)).body.config.anthropic.masked, 'sk-ant-…cdef');
    anthropic.state.status = 200;
  });

  on('a member sees no secret and may not touch the workspace\'s', async () => {
    const mine = await people.MEMBER.json(PERSONAL);
    assert.equal(mine.status, 200);
    assert.equal(mine.body.config.anthropic.configured, false);
    assert.equal(mine.body.effective.keySource, 'WORKSPACE_KEY');
    assert.equal((await people.MEMBER.json(SETTINGS)).status, 403);
    assert.equal((await patch(people.MEMBER, SETTINGS, { groqApiKey: 'gsk_x' })).status, 403);
    const me = (await people.OWNER.json('/api/me')).body, orgId = JSON.stringify(me).match(/"organizationId":"([^"]+)"/)?.[1];
    const org = `/api/organizations/${orgId}/ai-config`;
    assert.equal((await people.OWNER.json(org)).status, 200, org);
    assert.ok([403, 404].includes((await people.MEMBER.json(org)).status));
    const off = await patch(people.OWNER, org, { allowPersonalKeys: false }, 'PUT');
    assert.equal(off.body.orgPolicy.allowPersonalKeys, false, JSON.stringify(off.body));
    const forbidden = await patch(people.MEMBER, PERSONAL, { groqApiKey: 'gsk_mine' });
    assert.deepEqual([forbidden.status, forbidden.body.code], [403, 'PERSONAL_KEYS_DISABLED']);
    assert.equal((await patch(people.OWNER, org, { allowPersonalKeys: true }, 'PUT')).status, 200);
  });

  on('models with prices, asked once in five minutes', async () => {
    anthropic.state.seen = [];
    for (let i = 0; i < 3; i++) {
      const r = await people.MEMBER.json('/api/ai/models?provider=anthropic');
      assert.equal(r.status, 200, JSON.stringify(r.body));
      assert.deepEqual([r.body.models[0].id, r.body.models[0].price.inputPerMillionUsd], ['claude-sonnet-4-5', 3]);
    }
    assert.equal(anthropic.state.seen.length, 1);
    assert.equal((await people.MEMBER.json('/api/ai/models?provider=groq')).body.code, 'PROVIDER_NOT_CONFIGURED');
  });

  on('the former endpoint', async () => {
    anthropic.state.keys = [];
    const r = await patch(people.OWNER, SETTINGS, { provider: 'anthropic', apiKey: key('sk-ant-legacy-0123456789'), verifyApiKey: true }, 'POST');
    assert.equal(r.status, 200);
    assert.equal(r.body.valid, false);
    assert.match(r.body.error, /401/);
    anthropic.state.keys = null;
  });

  on('gateways are diagnosed in words', async () => {
    const bearer = key('bearer-0123456789abcdef'), cf = key('cf-secret-0123456789abcdef'), hermesKey = key('hermes-0123456789abcdef');
    const fire = async (name) => (await people.OWNER.json(`${SETTINGS}/${name}/test-fire`, { method: 'POST' })).body;
    const set = async (json) => assert.equal((await patch(people.OWNER, SETTINGS, json)).status, 200);
    assert.equal((await fire('openclaw')).code, 'PROVIDER_NOT_CONFIGURED');
    const claw = { openclawBearer: bearer, openclawAgentId: 'agent-7', openclawCfAccessClientId: 'cf-id', openclawCfAccessClientSecret: cf };
    await set({ ...claw, openclawEndpointUrl: gateway.url });
    const good = await fire('openclaw');
    assert.equal(good.ok, true, JSON.stringify(good));
    assert.deepEqual(good.probes.map((p) => [p.method, new URL(p.url).pathname, p.status]), [['GET', '/health', 200], ['POST', '/v1/chat/completions', 200]]);
    const seen = gateway.state.seen.at(-1).headers;
    assert.deepEqual([seen.authorization, seen['x-openclaw-agent'], seen['cf-access-client-id'], seen['cf-access-client-secret']],
      ['Bearer ' + bearer, 'agent-7', 'cf-id', cf]);
    // What a gateway echoes is shown without the secrets.
    gateway.state.answer = (rq, rs) => { rs.writeHead(404, { 'content-type': 'text/plain' }); rs.end(JSON.stringify(rq.headers)); };
    const missing = await fire('openclaw');
    assert.match(missing.probes[1].error, /404: endpoint not implemented/);
    assert.match(missing.probes[1].body, /\[secret\]/);
    for (const secret of [bearer, cf]) assert.ok(!JSON.stringify(missing).includes(secret));
    await set({ hermesEndpointUrl: gateway.url, hermesApiKey: hermesKey });
    gateway.state.answer = (rq, rs) => { rs.writeHead(200, { 'content-type': 'text/html' }); rs.end('<!doctype html><title>Sign in</title>'); };
    const html = await fire('hermes');
    assert.match(html.summary, /HTML/);
    assert.match(html.probes[0].error, /root of a host/);
    // TLS spoken to a server that has none; a server that is silent, or gone; an address that is forbidden.
    await set({ ...claw, openclawEndpointUrl: gateway.url.replace('http:', 'https:') });
    assert.match((await fire('openclaw')).probes[1].error, /no connection: .*(secure connection|TLS)/i);
    const closed = createTcpServer((c) => c.destroy());
    await new Promise((done) => closed.listen(0, '127.0.0.1', done));
    await set({ ...claw, openclawEndpointUrl: `http://127.0.0.1:${closed.address().port}` });
    assert.match((await fire('openclaw')).probes[1].error, /connection/);
    closed.close();
    await set({ ...claw, openclawEndpointUrl: 'http://169.254.169.254/latest' });
    assert.match((await fire('openclaw')).probes[1].error, /private or reserved/);
    gateway.state.answer = undefined;
    await set({ openclawEndpointUrl: null, openclawAgentId: null, hermesEndpointUrl: null });
  });

  on('the job clears on 401 and 403 only, and needs its secret', async () => {
    assert.equal((await fetch(server.base + '/api/cron/verify-ai-keys', { method: 'POST' })).status, 401);
    const state = async () => (await people.OWNER.json(SETTINGS)).body.config.anthropic;
    for (const [status, expected, counted] of [[200, 'VERIFIED', 'verified'], [429, 'VERIFIED', 'unknown'], [503, 'VERIFIED', 'unknown'], [403, 'REFUSED', 'refused']]) {
      anthropic.state.status = status;
      const r = await cron(), body = await r.json();
      assert.equal(r.status, 200, JSON.stringify(body));
      assert.deepEqual([body.ok, body.job, body.checked, body[counted]], [true, 'verify-ai-keys', 1, 1], JSON.stringify(body));
      const now = await state();
      assert.equal(now.state, expected);
      assert.equal(now.keyVerifiedAt === null, expected === 'REFUSED');
    }
    const chat = await people.MEMBER.json('/api/ai/models?provider=anthropic');
    assert.deepEqual([chat.status, chat.body.code], [409, 'CREDENTIAL_UNREADABLE'], 'nobody else\'s key is used instead');
    anthropic.state.status = 200;
    await cron();
    assert.equal((await state()).state, 'VERIFIED');
  });

  on('another root key under load', async () => {
    const good = 'sk-ant-good-0123456789abcdef';
    anthropic.state.keys = [good];
    let stop = false, done = 0, broken;
    const load = Array.from({ length: 4 }, async (_, i) => {
      while (!stop && !broken) {
        const r = i % 2
          ? await patch(people.OWNER, SETTINGS, { verify: true })
          : await patch(people.MEMBER, PERSONAL, { groqApiKey: `gsk_${i}_${done}` });
        if (r.status !== 200) broken = JSON.stringify(r.body);
        done++;
      }
    });
    const until = async (n) => { while (done < n && !broken) await new Promise((go) => setImmediate(go)); };
    await until(8);
    if (engine === 'sqlite') {
      const was = readFileSync(join(s.data, 'root-key'), 'utf8');
      for (let i = 0; i < 3; i++) {
        assert.match(await cliOk(['keys', 'rotate', ...s.flags], { env: s.env }), /data keys are wrapped/);
        await until(done + 8);
      }
      assert.notEqual(readFileSync(join(s.data, 'root-key'), 'utf8'), was);
      assert.ok(!existsSync(join(s.data, 'root-key.next')));
    } else {
      const refused = await cli(['keys', 'rotate', ...s.flags, '--new-root-key-file', join(s.data, 'x')], { env: s.env });
      assert.match(refused.err, /every node/);
    }
    stop = true;
    await Promise.all(load);
    assert.equal(broken, undefined, 'no request fails meanwhile');
    await server.stop();
    if (engine === 'postgres') {
      const next = { OPBOXD_ROOT_KEY: 'the-next-root-key-of-a-good-length', OPBOXD_OLD_ROOT_KEY: s.env.OPBOXD_ROOT_KEY };
      server = await serve(s, { flags, env: { ...env(), ...next } });
      await cliOk(['keys', 'rotate', ...s.flags], { env: { ...s.env, ...next } });
      await server.stop();
      const former = await cli(['serve', ...s.flags, '--listen', '127.0.0.1:1'], { env: s.env });
      assert.match(former.err, /OPBOXD_ROOT_KEY is not the one/);
      s.env = { ...s.env, OPBOXD_ROOT_KEY: next.OPBOXD_ROOT_KEY };
    }
    server = await serve(s, { flags, env: env() });
    people.OWNER.base = people.MEMBER.base = server.base;
    people.OWNER = await signedIn(server, owner);
    const after = await patch(people.OWNER, SETTINGS, { verify: true });
    assert.deepEqual([after.status, after.body.config.anthropic.state], [200, 'VERIFIED'], JSON.stringify(after.body));
  });

  on('no secret is anywhere but sealed', async () => {
    const backup = join(folder(), 'backup');
    await cliOk(['backup', backup, ...s.flags], { env: s.env });
    const places = [...files(s.data), backup].map((f) => [f, readFileSync(f, 'latin1')]);
    if (engine === 'postgres') places.push(['the database', s.pg.sql('SELECT * FROM credentials') + s.pg.sql('SELECT * FROM audit')]);
    places.push(['the log', server.log], ['metrics', await (await fetch(server.base + '/metrics')).text()]);
    places.push(['the security log', JSON.stringify((await people.OWNER.json('/api/admin/security-events?limit=100')).body)]);
    for (const [where, text] of places)
      for (const secret of secretsSet) assert.ok(!text.includes(secret), `${where} holds ${secret}`);
    assert.ok(bytesIn(s.data) > 0 && secretsSet.size >= 6);
  });

  on('a lost root key is said, and entering the key again heals', async () => {
    if (engine === 'postgres') return; // there a foreign root key is refused at the start, as seen above
    await server.stop();
    writeFileSync(join(s.data, 'root-key'), 'another-root-key-the-first-is-gone');
    server = await serve(s, { flags, env: env() });
    people.OWNER = await signedIn(server, owner);
    const models = await people.OWNER.json('/api/ai/models?provider=anthropic');
    assert.deepEqual([models.status, models.body.code], [409, 'CREDENTIAL_UNREADABLE']);
    assert.match(models.body.error, /cannot be decrypted/);
    let shown; // a reader cannot write: the state follows behind the answer
    for (let i = 0; i < 1000 && shown?.config.anthropic.state !== 'UNREADABLE'; i++) shown = (await people.OWNER.json(SETTINGS)).body;
    assert.equal(shown.config.anthropic.state, 'UNREADABLE');
    assert.equal(shown.effective.status, 'UNREADABLE');
    const events = (await people.OWNER.json('/api/admin/security-events?type=CREDENTIAL_UNDECRYPTABLE')).body.events;
    assert.equal(events.length, 1, JSON.stringify(events));
    assert.equal((await patch(people.OWNER, SETTINGS, { anthropicApiKey: 'sk-ant-good-0123456789abcdef', verify: true })).status, 200);
    assert.equal((await people.OWNER.json('/api/ai/models?provider=anthropic')).status, 200);
  });
}

// Every node gets the next root key beside the present one, one after the other; then the data keys are wrapped anew while
// both serve. Nobody who asks notices, and afterwards each node reads what the other has written.
test('another root key under load, two nodes over PostgreSQL', { skip: !pgUrl }, async () => {
  const s = await initialized('postgres'), upstream = await provider(), good = key('sk-ant-both-0123456789abcdef');
  const next = { OPBOXD_ROOT_KEY: 'the-next-root-key-of-both-nodes-x', OPBOXD_OLD_ROOT_KEY: s.env.OPBOXD_ROOT_KEY };
  const places = [s, { ...s, flags: ['--data', join(folder(), 'data'), ...s.flags.slice(2)] }], nodes = [], people = [];
  const start = async (i, env, port) => {
    nodes[i] = await serve(places[i], { port, flags: [...unlimited, '--outbound-allow', '127.0.0.0/8'], env: { ANTHROPIC_BASE_URL: upstream.url, ...env } });
    people[i] = await signedIn(nodes[i], owner);
  };
  const set = (i, json, path = SETTINGS) => people[i].json(path, { method: 'PATCH', json });
  await start(0, {});
  await start(1, {});
  upstream.state.keys = [good];
  assert.equal((await set(0, { anthropicApiKey: good, verify: true })).status, 200);
  for (const i of [1, 0]) { // one restarts while the other, still under the present key alone, answers
    assert.deepEqual(await nodes[i].stop(), { code: 0, signal: null });
    assert.equal((await set(1 - i, { verify: true })).status, 200);
    await start(i, next, nodes[i].port);
    assert.equal((await set(i, { verify: true })).status, 200, 'reads what the other wrote');
  }
  let stop = false, broken;
  const done = [0, 0];
  const load = Array.from({ length: 6 }, async (_, worker) => {
    for (let n = 0; !stop && !broken; n++) {
      const i = worker % 2;
      const r = worker < 2 ? await set(i, { verify: true })
        : worker < 4 ? await set(i, { groqApiKey: `gsk_${worker}_${n}_0123456789` }, PERSONAL)
        : await people[i].json('/api/ai/models?provider=anthropic');
      if (r.status !== 200) broken = `node ${i}: ${r.status} ${JSON.stringify(r.body)}`;
      done[i]++;
    }
  });
  const until = async (n) => { while (!broken && (done[0] < n || done[1] < n)) await new Promise((go) => setImmediate(go)); };
  await until(10);
  const before = Math.max(...done);
  assert.match(await cliOk(['keys', 'rotate', ...s.flags], { env: { ...s.env, ...next } }), /data keys are wrapped/);
  await until(before + 20);
  stop = true;
  await Promise.all(load);
  assert.equal(broken, undefined, 'no request fails meanwhile');
  const fresh = key('sk-ant-fresh-0123456789abcde');
  upstream.state.keys = [good, fresh];
  for (const i of [0, 1]) { // each reads what the other has written since
    assert.equal((await set(i, { anthropicApiKey: i ? good : fresh })).status, 200);
    const other = await set(1 - i, { verify: true });
    assert.deepEqual([other.status, other.body.config.anthropic.state], [200, 'VERIFIED'], JSON.stringify(other.body));
  }
  // The former key is not needed any more, and not taken.
  for (const node of nodes) await node.stop();
  const alone = { OPBOXD_ROOT_KEY: next.OPBOXD_ROOT_KEY };
  await start(1, alone);
  assert.equal((await set(1, { verify: true })).status, 200);
  assert.match((await cli(['serve', ...s.flags, '--listen', '127.0.0.1:1'], { env: s.env })).err, /OPBOXD_ROOT_KEY is not the one/);
  await nodes[1].stop();
});
