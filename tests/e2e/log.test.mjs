// The sealed log in the real program: verified while it serves, after kill -9, after a restore, and against what was
// done to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { cli, cliOk, folder, initialized, pgUrl, serve, signedIn, soak, store, unlimited } from './harness.mjs';

const password = 'password of m-ember';

async function verify(s, ...more) {
  const { code, out, err } = await cli(['log', 'verify', '--json', ...more, ...s.flags], { env: s.env });
  const report = JSON.parse(out || 'null');
  assert.ok(report, `exit ${code}: ${err}`);
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
  assert.equal(body.events.filter((e) => e.type === 'LOG_CHAIN_BROKEN').length, 1);
  const { body: { entry } } = await owner.json(`/api/audit/${body.chain.firstBreak.id}`);
  assert.deepEqual([entry.seq, entry.actorName, entry.action], [seq, 'somebody else', 'create_document']);
  assert.ok(body.chain.lastSeq >= seq && body.chain.lastCheckpoint.number >= 1);
  await again.stop();
});

test('the night proves the log, and the events’ answer says when', async () => {
  const s = await initialized(), first = await serve(s);
  await document(await signedIn(first), 'there before the night');
  await first.stop();
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  db.exec("DELETE FROM jobs WHERE kind = 'verify_log'"); // another day
  db.close();
  const server = await serve(s), owner = await signedIn(server);
  const proved = async () => (await owner.json('/api/admin/security-events')).body.chain.verifiedAt;
  for (let i = 0; i < 400 && !(await proved()); i++) await new Promise((done) => setTimeout(done, 50));
  assert.ok(Date.parse(await proved()) <= Date.now());
  await server.stop();
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

// One column of one row, as the database has it.
function one(s, query) {
  if (s.pg) return s.pg.sql(query);
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  const value = Object.values(db.prepare(query).get())[0];
  db.close();
  return String(value);
}

for (const engine of ['sqlite', 'postgres'])
  test(`an older backup that is restored goes on with new keys and says so, ${engine}`, { skip: engine === 'postgres' && !pgUrl }, async () => {
    const s = await initialized(engine), server = await serve(s), client = await signedIn(server), path = join(folder(), 'backup'), kept = join(folder(), 'kept');
    await document(client, 'before');
    await cliOk(['backup', path, ...s.flags], { env: s.env });
    await document(client, 'behind the backup');
    await server.stop();
    copyFileSync(join(s.data, 'checkpoints.log'), kept);
    const next = store(engine), secret = (name) => readFileSync(join(s.data, name), 'utf8').trim();
    if (!s.pg) next.env = { OPBOXD_ROOT_KEY: secret('root-key'), NEXTAUTH_SECRET: secret('nextauth-secret'), IDENTITY_HASH_SECRET: secret('identity-hash-secret') };
    await cliOk(['restore', path, ...next.flags], { env: next.env });
    const again = await serve(next);
    await document(await signedIn(again), 'on it goes');
    await again.stop();
    const report = await holds(next, '--checkpoints', kept);
    assert.equal(report.generations, 2);
    assert.ok(report.superseded >= 1, 'the lines kept elsewhere name what the backup did not have');
    assert.match(one(next, "SELECT type || ' ' || (seq > 0) FROM audit WHERE action = 'seal'"), /^LOG_REANCHORED (1|true|t)\s*$/);
  });

test('an exported log is verified without the database', async () => {
  const s = await initialized(), path = join(folder(), 'log.ndjson');
  await cliOk(['log', 'export', path, ...s.flags]);
  assert.match(await cliOk(['log', 'verify', '--export', path]), /hold/);
  // What one tenant is given names no other, and proves itself as well.
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  const [{ id }] = db.prepare('SELECT id FROM workspaces').all();
  db.close();
  const own = join(folder(), 'own.ndjson');
  const server = await serve(s), client = await signedIn(server);
  await document(client, 'mine');
  const { organizationId } = (await client.json('/api/me')).body.workspace;
  const made = await client.json(`/api/organizations/${organizationId}/workspaces`, { method: 'POST', json: { name: 'Other' } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const other = made.body.workspace.id;
  await client.json('/api/documents', { method: 'POST', json: { title: 'theirs', markdown: 'x' }, headers: { 'x-workspace-id': other } });
  await server.stop();
  await cliOk(['log', 'export', own, '--workspace', id, ...s.flags]);
  const lines = readFileSync(own, 'utf8').split('\n').filter((l) => l.startsWith('{"checkpoint"')).join('\n');
  assert.ok(lines.includes(`"workspaceId":"${id}"`) && !lines.includes(other) && !lines.includes('"workspaceId":""'));
  assert.ok(readFileSync(join(s.data, 'checkpoints.log'), 'utf8').includes(other), 'the server\'s own lines name both');
  assert.match(await cliOk(['log', 'verify', '--export', own]), /hold/);
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

test('checkpoints go to the operator’s URL, and again when it failed', async (t) => {
  const bodies = [], s = await initialized();
  let wake = () => {};
  const sink = createServer((request, response) => {
    let body = '';
    request.on('data', (d) => (body += d)).on('end', () => {
      bodies.push(body);
      response.writeHead(bodies.length === 1 ? 500 : 204).end();
      wake();
    });
  });
  await new Promise((done) => sink.listen(0, '127.0.0.1', done));
  t.after(() => sink.close());
  const flags = ['--log-sink', `http://127.0.0.1:${sink.address().port}/checkpoints`];
  const first = await serve(s, { flags });
  await document(await signedIn(first), 'one');
  await first.stop(); // signs what is open
  const second = await serve(s, { flags });
  const twice = () => bodies.length > 1 && bodies.slice(1).includes(bodies[0]);
  while (!twice()) await new Promise((done) => (wake = done));
  await second.stop();
  const kept = readFileSync(join(s.data, 'checkpoints.log'), 'utf8').split('\n');
  for (const body of bodies) assert.ok(kept.includes(body.trimEnd()), 'what is sent is a line of the folder’s file');
});

// The C library writes to /dev/log and nowhere else: only where nobody listens there, and root may.
test('checkpoints go to syslog', { skip: existsSync('/dev/log') || process.getuid() !== 0 }, async (t) => {
  const listener = `import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('/dev/log')
print('bound', flush=True)
while True: print(s.recv(4096).decode(), flush=True)`;
  const daemon = spawn('python3', ['-c', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '', wake = () => {};
  t.after(() => {
    daemon.kill();
    rmSync('/dev/log', { force: true });
  });
  daemon.stdout.on('data', (d) => {
    heard += d;
    wake();
  });
  const hears = async (pattern) => {
    while (!pattern.test(heard)) await new Promise((done) => (wake = done));
    return pattern.exec(heard);
  };
  await hears(/bound/);
  const s = await initialized(), server = await serve(s, { flags: ['--log-sink', 'syslog'] });
  await document(await signedIn(server), 'one');
  await server.stop();
  const [, number, hash] = await hears(/opboxd checkpoint \d+\/(\d+) sha256=([0-9a-f]{64})/);
  const lines = readFileSync(join(s.data, 'checkpoints.log'), 'utf8').trimEnd().split('\n');
  const line = lines.find((l) => String(JSON.parse(l).checkpoint?.number) === number);
  assert.ok(line, `checkpoint ${number} of ${lines.length}`);
  assert.equal(hash.length, 64);
});
