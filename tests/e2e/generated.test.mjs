// Refusals and rights of every operation, generated from the API document, which is generated from the operation table: a new
// row is covered with no word here: each operation as each role, as nobody, and as the OWNER of another organisation. Only what the
// document can't say (a session of NextAuth's own forms) has tests by hand.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import test, { before } from 'node:test';
import { Client, cliOk, initialized, owner, pgUrl, raw, serve, signedIn, unlimited } from './harness.mjs';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], ROLES = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'];

// What a refusal may leave: the log says that it happened, and it counts against a rate.
const MAY_GROW = /^(audit|security|rate)/;
// Jobs that the clock makes come at any time; those that a call makes name who made it.
const COUNTED = (table) => table + (table === 'jobs' ? ' WHERE created_by IS NOT NULL' : '');
const sqliteRows = (s) => {
  const db = new DatabaseSync(join(s.data, 'opboxd.db'), { readOnly: true });
  const names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all().map((r) => r.name);
  const rows = Object.fromEntries(names.filter((n) => !MAY_GROW.test(n)).map((n) => [n, db.prepare(`SELECT count(*) AS n FROM ${COUNTED(n)}`).get().n]));
  db.close();
  return rows;
};
const postgresRows = (s) => {
  const names = s.pg.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1").trim().split('\n');
  return s.pg.sql(names.filter((n) => !MAY_GROW.test(n)).map((n) => `SELECT '${n}', count(*) FROM ${COUNTED(n)}`).join(' UNION ALL '));
};

// ---- values from a schema ----

const plain = (schema) => schema.anyOf?.find((x) => x.type !== 'null') ?? schema;
function sample(schema) {
  const s = plain(schema);
  if (s.enum) return s.enum[0];
  if (s.format === 'email') return 'nobody@example.com';
  if (s.format === 'date') return '2026-01-31';
  if (s.format === 'date-time') return '2026-01-31T00:00:00.000Z';
  if (s.type === 'integer' || s.type === 'number') return s.minimum ?? 1;
  if (s.type === 'boolean') return true;
  if (s.type === 'array') return Array.from({ length: s.minItems ?? 0 }, () => sample(s.items));
  if (s.type === 'object') return filled(s);
  return 'x'.repeat(Math.max(s.minLength ?? 1, 1));
}
// Whoever may give a role may give the least one.
const filled = (schema) => Object.fromEntries((schema.required ?? []).map((name) =>
  [name, name === 'role' ? 'VIEWER' : sample(schema.properties[name])]));

// Values that this schema refuses: [what is wrong, value].
function wrongValues(schema, { text = false } = {}) {
  const s = plain(schema), bad = [];
  if (s.type === 'string' && !text) bad.push(['a number', 7], ['an object', {}]);
  if (s.type && s.type !== 'string' && !text) bad.push(['a text', 'x']);
  if (s.maxLength) bad.push(['too long', 'x'.repeat(s.maxLength + 1)]);
  if (s.minLength) bad.push(['empty', '']);
  if (s.enum) bad.push(['outside the enum', 'NO_SUCH_WORD']);
  if (s.format && s.format !== 'password') bad.push(['not a ' + s.format, 'x']);
  if (s.maximum !== undefined) bad.push(['too large', s.maximum + 1]);
  if (s.minimum !== undefined) bad.push(['too small', s.minimum - 1]);
  if (s.type === 'integer') bad.push(['a fraction', 1.5]);
  if (s.maxItems) bad.push(['too many', Array.from({ length: s.maxItems + 1 }, () => sample(s.items))]);
  if (s.type === 'string') bad.push(['a NUL', text ? '%00' : 'a\u0000b']);
  return bad;
}

for (const [engine, rows] of [['sqlite', sqliteRows], ['postgres', postgresRows]]) {
  const skip = engine === 'postgres' && !pgUrl;
  let s, server, people, foreign, ours, operations = [], byPath;
  const on = (name, fn) => test(`${name}, ${engine}`, { skip }, fn);

  // An OWNER of another organisation with a workspace of its own; made in the tables, since an installation sets up one.
  const stranger = { email: 'stranger@example.com', password: 'password of a stranger' };
  async function foreignTenant() {
    await cliOk(['user', 'add', ...s.flags, '--email', stranger.email, '--role', 'OWNER', '--password', stranger.password], { env: s.env });
    const sql = `INSERT INTO organizations (id, name, created_at, updated_at) VALUES ('foreign-org', 'Foreign', 1, 1);
      INSERT INTO workspaces (id, organization_id, name, created_at, updated_at) VALUES ('foreign-workspace', 'foreign-org', 'Foreign', 1, 1);
      UPDATE organization_members SET organization_id = 'foreign-org' WHERE user_id = (SELECT id FROM users WHERE email_key = '${stranger.email}');
      UPDATE workspace_members SET workspace_id = 'foreign-workspace' WHERE user_id = (SELECT id FROM users WHERE email_key = '${stranger.email}');
      UPDATE users SET workspace_id = 'foreign-workspace' WHERE email_key = '${stranger.email}';`;
    if (engine === 'postgres') return s.pg.sql(sql);
    const db = new DatabaseSync(join(s.data, 'opboxd.db'));
    db.exec(sql);
    db.close();
  }

  before(async () => {
    if (skip) return;
    s = await initialized(engine);
    await foreignTenant();
    // No provider is asked: the address is one where nobody is.
    server = await serve(s, { flags: unlimited, env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' } });
    foreign = await signedIn(server, stranger);
    people = { OWNER: await signedIn(server, owner) };
    for (const role of ROLES.slice(1)) {
      const user = { email: role.toLowerCase() + '@example.com', password: 'password of ' + role };
      await cliOk(['user', 'add', ...s.flags, '--email', user.email, '--role', role, '--password', user.password], { env: s.env });
      people[role] = await signedIn(server, user);
    }
    const me = (await people.OWNER.json('/api/me')).body;
    ours = { organization: me.workspace.organizationId, workspace: me.workspace.id, user: me.user.id };
    assert.ok(ours.organization && ours.workspace && ours.user);
    for (const [path, json] of [['/api/documents', { title: 'Ours' }], ['/api/invites', { email: 'invited@example.com', role: 'MEMBER' }]])
      assert.equal((await people.OWNER.json(path, { method: 'POST', json })).status, 201);
    byPath = (await (await fetch(server.base + '/api/openapi.json')).json()).paths;
    for (const [template, methods] of Object.entries(byPath))
      for (const [method, op] of Object.entries(methods))
        operations.push({
          ...op, template, method: method.toUpperCase(), path: template.replace('{orgId}', ours.organization).replace(/\{\w+\}/g, 'no-such-id'),
          session: op.security.some((r) => 'session' in r) && op.security.every((r) => Object.keys(r).length), roles: op['x-roles'] ?? ROLES, cron: op.security.some((x) => 'cron' in x),
          schema: op.requestBody?.content?.['application/json']?.schema, query: (op.parameters ?? []).filter((p) => p.in === 'query'),
        });
    assert.ok(operations.length > 15 && operations.some((op) => op.schema) && operations.some((op) => op.query.length), 'the document has operations');
  });

  // The least that a caller with every right sends.
  const call = (op, who, { path = op.path, json = op.schema && filled(op.schema), ...more } = {}) =>
    who.json(path, { method: op.method, ...(json === undefined ? {} : { json }), ...more });
  const allowed = (op) => people[op.roles[0]];
  // All parts of the path are ids that the server makes, not names that people choose.
  const byIds = (op) => (op.parameters ?? []).filter((p) => p.in === 'path').every((p) => p.schema.maxLength === 64);
  const said = (op, what, r) => `${op.method} ${op.template}, ${what}: ${r.status} ${JSON.stringify(r.body).slice(0, 500)}`;
  function refused(op, what, r, status, code) {
    assert.equal(r.status, status, said(op, what, r));
    assert.equal(r.body.success, false, said(op, what, r));
    assert.equal(r.body.code, code, said(op, what, r));
    assert.ok(r.body.error?.length > 5 && r.headers.get('x-request-id'), said(op, what, r));
  }
  function refusedField(op, field, what, r) {
    refused(op, `${field} ${what}`, r, 400, 'VALIDATION_ERROR');
    assert.ok(field in (r.body.details?.fieldErrors ?? {}), said(op, `${field} ${what}`, r));
  }
  // Runs `fn` on each operation and proves that nothing was stored.
  async function refusing(wanted, fn) {
    const was = rows(s);
    let count = 0;
    for (const op of operations.filter(wanted)) {
      await fn(op);
      count++;
    }
    assert.ok(count > 0, 'some operation is of that kind');
    assert.deepEqual(rows(s), was, 'a refusal stores nothing');
  }

  on('a method that a path does not have', () => refusing((op) => !op.template.startsWith('/api/auth/'), async (op) => {
    const has = Object.keys(byPath[op.template]).map((m) => m.toUpperCase());
    for (const method of METHODS.filter((m) => !has.includes(m))) {
      const r = await people.OWNER.json(op.path, { method });
      refused(op, method, r, 405, 'METHOD_NOT_ALLOWED');
      for (const m of has) assert.ok(r.headers.get('allow').split(/, */).includes(m), `Allow has ${m}: ${r.headers.get('allow')}`);
    }
  }));

  on('no credential, a broken one', () => refusing((op) => op.session, async (op) => {
    refused(op, 'no session', await call(op, new Client(server.base)), 401, 'UNAUTHORIZED');
    const stranger = new Client(server.base);
    stranger.keep('next-auth.session-token=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.BBBB.CCCC');
    refused(op, 'a foreign token', await call(op, stranger), 401, 'UNAUTHORIZED');
  }));

  on('a role that is too low', () => refusing((op) => op.roles.length < ROLES.length, async (op) => {
    for (const role of ROLES.filter((r) => !op.roles.includes(r))) refused(op, role, await call(op, people[role]), 403, 'FORBIDDEN');
  }));

  on('a change without the CSRF token, or from a foreign page', () => refusing((op) => op.session && op.method !== 'GET', async (op) => {
    refused(op, 'no token', await call(op, allowed(op), { csrf: false }), 403, 'CSRF_INVALID');
    refused(op, 'a wrong token', await call(op, allowed(op), { csrf: false, headers: { 'x-csrf-token': 'f'.repeat(64) } }), 403, 'CSRF_INVALID');
  }));

  on('a body that is none', () => refusing((op) => op.schema, async (op) => {
    const send = (body, type = 'application/json') => allowed(op).json(op.path, { method: op.method, body, headers: { 'content-type': type } });
    refused(op, 'text', await send('hello', 'text/plain'), 415, 'UNSUPPORTED_MEDIA_TYPE');
    for (const body of ['{"a":', '[]', '"x"', '{"a":1,"a":2}', '{} {}', '{"a":' + '['.repeat(65) + ']'.repeat(65) + '}', '{"a":"\ud800"}'.replace('\ud800', '\\ud800'), '\ufeff{}'])
      refused(op, body.slice(0, 20), await send(body), 400, 'VALIDATION_ERROR');
  }));

  on('a body that is too large is not read', () => refusing((op) => op.schema, async (op) => {
    const who = allowed(op);
    const r = await raw(server.port, [[`${op.method} ${op.path} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, `Origin: ${server.base}`,
      `Cookie: ${[...who.jar].map(([k, v]) => `${k}=${v}`).join('; ')}`, `X-CSRF-Token: ${who.csrf}`, 'Content-Type: application/json',
      'Content-Length: 9999999999', '', ''].join('\r\n')]);
    assert.match(r.got, /^HTTP\/1\.1 413 /, `${op.template}: ${r.got.slice(0, 300)}`);
    assert.match(r.got, /PAYLOAD_TOO_LARGE/);
  }));

  on('each field absent, unknown, wrong', () => refusing((op) => op.schema?.properties, async (op) => {
    const good = filled(op.schema), who = allowed(op);
    for (const name of op.schema.required ?? []) {
      const { [name]: left, ...json } = good;
      refusedField(op, name, 'absent', await call(op, who, { json }));
    }
    if (op.schema.additionalProperties === false) refusedField(op, 'noSuchField', 'unknown', await call(op, who, { json: { ...good, noSuchField: 1 } }));
    for (const [name, schema] of Object.entries(op.schema.properties))
      for (const [what, value] of wrongValues(schema)) {
        // A long text may be more than a body may have: that is refused too.
        const r = await call(op, who, { json: { ...good, [name]: value } });
        if (r.status !== 413) refusedField(op, what === 'a NUL' ? 'body' : name, what, r);
      }
  }));

  on('each query parameter unknown, twice, wrong', () => refusing((op) => op.session && op.method === 'GET', async (op) => {
    const get = (query) => call(op, allowed(op), { path: `${op.path}?${query}` });
    refusedField(op, 'noSuchParameter', 'unknown', await get('noSuchParameter=1'));
    for (const p of op.query) {
      const value = encodeURIComponent(sample(p.schema));
      refusedField(op, p.name, 'twice', await get(`${p.name}=${value}&${p.name}=${value}`));
      for (const [what, bad] of wrongValues(p.schema, { text: true })) {
        if (bad === '') continue; // an empty parameter is one that is not given
        const r = await get(`${p.name}=${what === 'a NUL' ? bad : encodeURIComponent(bad)}`);
        if (what === 'a NUL') refused(op, `${p.name} ${what}`, r, 400, 'VALIDATION_ERROR');
        else refusedField(op, p.name, what, r);
      }
    }
  }));

  on('a path that is none', () => refusing((op) => op.template.includes('{') && op.session, async (op) => {
    const at = (id) => call(op, allowed(op), { path: op.template.replace(/\{\w+\}/g, id) });
    for (const id of ['%00', '%zz', '%ff', ...(byIds(op) ? ['x'.repeat(65), 'a%2Fb', 'a%20b'] : [])]) {
      const r = await at(id);
      assert.ok([400, 404].includes(r.status), said(op, id, r));
    }
  }));

  on('the access matrix, each operation and each role', async () => {
    for (const op of operations.filter((o) => !o.template.startsWith('/api/auth/') && !o.cron))
      for (const role of ROLES) {
        const r = await call(op, people[role]);
        assert.equal([401, 403].includes(r.status), !op.roles.includes(role), said(op, role, r));
        assert.ok(r.status < 500 || r.body.code === 'UPSTREAM_ERROR', said(op, role, r));
      }
  });

  on('the access matrix, each operation and nobody', async () => {
    for (const op of operations.filter((o) => !o.template.startsWith('/api/auth/') && !o.cron)) {
      const r = await call(op, new Client(server.base));
      if (op.session) refused(op, 'nobody', r, 401, 'UNAUTHORIZED');
      else assert.ok(![401, 403].includes(r.status) && r.status < 500, said(op, 'nobody', r));
    }
  });

  on('the access matrix, each operation and an OWNER of another organisation', () => refusing((op) => op.session, async (op) => {
    refused(op, 'in our workspace', await call(op, foreign, { headers: { 'x-workspace-id': ours.workspace } }), 404, 'NOT_FOUND');
    if (!op.template.includes('{') || !byIds(op)) return;
    // What is ours is, from their own workspace, as what nobody has: each of our ids in each place of the path.
    const absent = await call(op, foreign, { path: op.template.replace(/\{\w+\}/g, 'no-such-id') });
    assert.ok([204, 400, 404].includes(absent.status), said(op, 'no-such-id', absent));
    const made = await people.OWNER.json('/api/documents?limit=1');
    const invite = (await people.OWNER.json('/api/invites?limit=1')).body.invites[0], session = (await people.OWNER.json('/api/me/sessions')).body.sessions[0];
    for (const id of [ours.user, ours.workspace, ours.organization, made.body.documents[0]?.id, invite?.id, session.id].filter(Boolean))
    {
      const r = await call(op, foreign, { path: op.template.replace('{orgId}', ours.organization).replace(/\{\w+\}/g, id) });
      assert.deepEqual([r.status, r.body.code], [absent.status, absent.body.code], said(op, id, r));
    }
  }));
}
