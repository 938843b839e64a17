// The sealed log in the real program: verified while it serves, after kill -9, after a restore, and against what was
// done to it; and each refusal of the operation table leaves its event.
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { cli, cliOk, folder, initialized, pgUrl, serve, signedIn, soak, store, unlimited } from './harness.mjs';

const password = 'password of m-ember';

async function verify(s, ...more) {
  const { code, out, err } = await cli(['log', 'verify', '--json', ...more, ...s.flags], { env: s.env });
  const report = JSON.parse(out || 'null');
  assert.ok(report, err);
  assert.equal(code, report.ok ? 0 : 1);
  return report;
}

async function holds(s, ...more) {
  const report = await verify(s, ...more);
  assert.deepEqual(report.breaks, []);
  return report;
}

const document = (client, title) => client.json('/api/documents', { method: 'POST', json: { title, markdown: 'x' } });

for (const engine of ['sqlite', 'postgres'])
  test(`a log that is written while it is verified, ${engine}`, { skip: engine === 'postgres' && !pgUrl }, async () => {
    const s = await initialized(engine), server = await serve(s, { flags: unlimited }), client = await signedIn(server);
    let going = true;
    const writing = (async () => { for (let i = 0; going; i++) assert.equal((await document(client, `d${i}`)).status, 201); })();
    for (let i = 0; i < 5; i++) await holds(s);
    going = false;
    await writing;
    assert.equal((await server.stop()).code, 0);
    const report = await holds(s, '--checkpoints', join(s.data, 'checkpoints.log'));
    assert.equal(report.unsealed + report.unsigned, 0, 'an orderly end leaves nothing unproved');
    assert.ok(report.events > 5 && report.checkpoints >= 2);
  });

for (const engine of ['sqlite', 'postgres'])
  test(`kill -9 while sealing, ${engine}`, { skip: engine === 'postgres' && !pgUrl }, async () => {
    const s = await initialized(engine);
    let server = await serve(s, { flags: unlimited });
    const client = await signedIn(server);
    for (let round = 0; round < (soak ? 50 : 4); round++) {
      let killed = false, written = 0;
      const writing = Array.from({ length: 8 }, async (_, w) => {
        try {
          for (let i = 0; !killed; i++) if ((await document(client, `r${round}w${w}i${i}`)).status === 201 && ++written === 40) { killed = true; await server.kill(); }
        } catch { /* the server is gone */ }
      });
      await Promise.all(writing);
      server = await serve(s, { flags: unlimited, port: server.port });
    }
    await server.stop();
    const report = await holds(s);
    assert.equal(report.generations, 1);
  });

test('what is done to the database shows, by kind and place', async () => {
  const s = await initialized(), server = await serve(s), client = await signedIn(server);
  for (let i = 0; i < 5; i++) await document(client, `d${i}`);
  await server.stop();
  const kept = join(folder(), 'kept');
  copyFileSync(join(s.data, 'checkpoints.log'), kept);
  await holds(s, '--checkpoints', kept);
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  const { workspace_id, seq } = db.prepare("SELECT workspace_id, seq FROM audit WHERE action = 'create_document' ORDER BY seq LIMIT 1").get();
  db.exec(`UPDATE audit SET actor_name = 'somebody else' WHERE workspace_id = '${workspace_id}' AND seq = ${seq}`);
  db.close();
  const [broken] = (await verify(s)).breaks;
  assert.deepEqual([broken.kind, broken.workspaceId, broken.seq], ['edit', workspace_id, seq]);
  const { code, out } = await cli(['log', 'verify', ...s.flags]);
  assert.equal(code, 1);
  assert.match(out, /^BROKEN edit in /);
  // The events' answer says so too, and there is an event.
  const again = await serve(s), owner = await signedIn(again);
  const { body } = await owner.json('/api/admin/security-events');
  assert.equal(body.chain.firstBreak.kind, 'edit');
  assert.equal(body.chain.firstBreak.seq, seq);
  const { body: { entry } } = await owner.json(`/api/audit/${body.chain.firstBreak.id}`);
  assert.deepEqual([entry.seq, entry.actorName, entry.action], [seq, 'somebody else', 'create_document']);
  assert.ok(body.chain.lastSeq >= seq && body.chain.lastCheckpoint.number >= 1);
  await again.stop();
});

test('an older copy of the folder is told from the checkpoints kept elsewhere', async () => {
  const s = await initialized(), older = join(folder(), 'older.db'), kept = join(folder(), 'kept');
  copyFileSync(join(s.data, 'opboxd.db'), older);
  const server = await serve(s), client = await signedIn(server);
  await document(client, 'to be forgotten');
  await server.stop();
  copyFileSync(join(s.data, 'checkpoints.log'), kept);
  copyFileSync(older, join(s.data, 'opboxd.db'));
  writeFileSync(join(s.data, 'checkpoints.log'), '');
  assert.ok((await verify(s, '--checkpoints', kept)).breaks.some((b) => b.kind === 'cut'));
});

test('a restored backup goes on with new keys and says so', async () => {
  const s = await initialized(), server = await serve(s), client = await signedIn(server), path = join(folder(), 'backup');
  await document(client, 'before');
  await cliOk(['backup', path, ...s.flags]);
  await server.stop();
  const next = store(), secret = (name) => readFileSync(join(s.data, name), 'utf8').trim();
  next.env = { OPBOXD_ROOT_KEY: secret('root-key'), NEXTAUTH_SECRET: secret('nextauth-secret'), IDENTITY_HASH_SECRET: secret('identity-hash-secret') };
  await cliOk(['restore', path, ...next.flags], { env: next.env });
  const report = await holds(next);
  assert.equal(report.generations, 2);
  const db = new DatabaseSync(join(next.data, 'opboxd.db'));
  assert.deepEqual(db.prepare("SELECT type, seq > 0 AS sealed FROM audit WHERE action = 'seal'").all().map((r) => ({ ...r })), [{ type: 'LOG_REANCHORED', sealed: 1 }]);
  db.close();
});

test('an exported log is verified without the database', async () => {
  const s = await initialized(), path = join(folder(), 'log.ndjson');
  await cliOk(['log', 'export', path, ...s.flags]);
  assert.match(await cliOk(['log', 'verify', '--export', path]), /hold/);
  appendFileSync(path, '{}\n');
  const { code, out } = await cli(['log', 'verify', '--export', path]);
  assert.equal(code, 1);
  assert.match(out, /BROKEN at line/);
});

test('checkpoints go to the operator’s file', async () => {
  const s = await initialized(), path = join(folder(), 'sink');
  const server = await serve(s, { flags: ['--log-sink', `file:${path}`] });
  await document(await signedIn(server), 'one');
  await server.stop();
  const sink = readFileSync(path, 'utf8');
  assert.ok(readFileSync(join(s.data, 'checkpoints.log'), 'utf8').endsWith(sink) && sink.length > 0);
  await holds(s, '--checkpoints', path);
  const { code, err } = await cli(['serve', ...s.flags, '--log-sink', 'ftp://x', '--listen', '127.0.0.1:0']);
  assert.equal(code, 1);
  assert.match(err, /--log-sink/);
});

// ---- the walk over the operation table ----

test('each refusal of the operation table leaves its event', async () => {
  const s = await initialized();
  await cliOk(['user', 'add', ...s.flags, '--email', 'v@example.com', '--name', 'V', '--role', 'VIEWER', '--password', password]);
  const server = await serve(s, { flags: unlimited });
  const owner = await signedIn(server), viewer = await signedIn(server, { email: 'v@example.com', password });
  const doc = await (await fetch(server.base + '/api/openapi.json')).json();
  const routes = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) =>
    ({ name: o.operationId, method: method.toUpperCase(), path: path.replace(/\{[^}]+\}/g, 'x1'), roles: o['x-roles'] ?? [], session: (o.security ?? []).some((x) => x.session) && o.security.every((x) => Object.keys(x).length) })));
  const session = routes.filter((r) => r.session);
  assert.ok(session.length > 3, 'the document names what needs a session');
  const denied = session.filter((r) => r.roles.length && !r.roles.includes('VIEWER'));
  const body = (r) => (r.method === 'GET' || r.method === 'DELETE' ? {} : { json: {} });
  for (const r of session) {
    assert.equal((await fetch(server.base + r.path, { method: r.method })).status, 401, r.name);
    if (r.method !== 'GET') assert.equal((await owner.json(r.path, { method: r.method, csrf: false, ...body(r) })).status, 403, `${r.name} without its token`);
    const foreign = await owner.json(r.path, { method: r.method, headers: { 'x-workspace-id': 'c0000000000000000000000zz' }, ...body(r) });
    assert.ok([404, 400, 200].includes(foreign.status), `${r.name} in a foreign workspace: ${foreign.status}`);
  }
  for (const r of denied) assert.equal((await viewer.json(r.path, { method: r.method, ...body(r) })).status, 403, r.name);
  assert.equal((await server.stop()).code, 0); // what is counted by the minute is written at the end
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  const events = db.prepare("SELECT type, action, count FROM audit WHERE severity IS NOT NULL").all();
  const of = (type) => events.filter((e) => e.type === type);
  const sum = (type) => of(type).reduce((n, e) => n + e.count, 0);
  assert.ok(sum('AUTH_FAILED') >= session.length, 'each request without a credential is counted');
  assert.ok(of('AUTH_FAILED').length <= 4, 'and a flood of them is one event a minute');
  for (const r of denied) assert.ok(of('ROLE_DENIED').some((e) => e.action === r.name), `${r.name} left no ROLE_DENIED`);
  assert.ok(sum('CSRF_REJECTED') >= 1);
  assert.ok(of('CROSS_WORKSPACE_DENIED').length >= 1);
  assert.equal(db.prepare('SELECT count(*) AS n FROM audit WHERE seq IS NULL').get().n, 0, 'all of it is sealed');
  db.close();
  await holds(s);
});
