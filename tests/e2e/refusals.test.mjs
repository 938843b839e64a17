// What is wrong at the start: one clear sentence that says what, exit 1, and nothing broken behind it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import {
  assertRefused, cli, cliOk, folder, freePort, initialized, pgUrl, programForAnybody, secrets, serve, store,
} from './harness.mjs';

async function start(s, { port, env = {}, ...options } = {}) {
  return cli(['serve', ...s.flags, '--listen', `127.0.0.1:${port ?? (await freePort())}`], { env: { ...s.env, ...env }, ...options });
}

test('two servers on one folder', async () => {
  const s = await initialized(), first = await serve(s);
  const second = await start(s);
  assertRefused(second, /in use/);
  assert.ok(second.err.includes(String(first.child.pid)), `names the holder's process:\n${second.err}`);
  assert.equal((await fetch(first.base + '/readyz')).status, 200);
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
});

test('two servers on one port', async () => {
  const first = await serve(await initialized());
  const second = await start(await initialized(), { port: first.port });
  assertRefused(second, /taken|in use/);
  assert.ok(second.err.includes(String(first.port)), `names the port:\n${second.err}`);
  assert.equal((await fetch(first.base + '/readyz')).status, 200);
});

test('a folder is free again after kill -9', async () => {
  const s = await initialized(), first = await serve(s);
  await first.kill();
  const second = await serve(s);
  assert.ok(second.readyMs <= 2000, `${second.readyMs} ms`);
});

test('a database of a later version, SQLite', async () => {
  const s = await initialized(), path = join(s.data, 'opboxd.db');
  const db = new DatabaseSync(path);
  db.exec("INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES (999, '0999_future', 'f', 0)");
  db.close();
  assertRefused(await start(s), /newer|later/);
  assertRefused(await cli(['call', 'list_documents', ...s.flags]), /newer|later/);
  assertRefused(await cli(['migrate', ...s.flags]), /newer|later/);
});

test('a database whose migration was altered, SQLite', async () => {
  const s = await initialized();
  const db = new DatabaseSync(join(s.data, 'opboxd.db'));
  db.exec("UPDATE schema_migrations SET sha256 = 'altered' WHERE number = 1");
  db.close();
  assertRefused(await start(s), /0001|migration/);
});

test('a database of a later version, PostgreSQL', { skip: !pgUrl }, async () => {
  const s = await initialized('postgres');
  s.pg.sql("INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES (999, '0999_future', 'f', 0)");
  assertRefused(await start(s), /newer|later/);
});

test('a file that is no database', async () => {
  const s = store();
  mkdirSync(s.data, { mode: 0o700 });
  writeFileSync(join(s.data, 'opboxd.db'), 'not a database, though long enough to be taken for one. '.repeat(100));
  assertRefused(await start(s), /database/);
});

test('a PostgreSQL that does not answer', async () => {
  const s = store();
  s.flags.push('--database', `postgres://postgres@/x?host=${folder()}`);
  assertRefused(await start(s, { env: secrets }), /./);
});

test('an empty secret', async () => {
  assertRefused(await start(await initialized(), { env: { NEXTAUTH_SECRET: '' } }), /NEXTAUTH_SECRET/);
});

test('an emptied secret file', async () => {
  const s = await initialized();
  writeFileSync(join(s.data, 'nextauth-secret'), '');
  assertRefused(await start(s), /nextauth-secret/);
});

test('a short secret on a listener that is not loopback', async () => {
  const s = await initialized(), listen = ['--listen', `0.0.0.0:${await freePort()}`];
  for (const name of ['NEXTAUTH_SECRET', 'OPBOXD_ROOT_KEY', 'IDENTITY_HASH_SECRET', 'CRON_SECRET']) {
    const r = await cli(['serve', ...s.flags, ...listen], { env: { [name]: 'only-15-bytes-x' } });
    assertRefused(r, new RegExp(name));
    assert.ok(!r.err.includes('only-15-bytes'), 'the secret is not shown');
  }
});

test('a short secret on loopback will do', async () => {
  const server = await serve(await initialized(), { env: { NEXTAUTH_SECRET: 'short' } });
  assert.equal((await fetch(server.base + '/readyz')).status, 200);
});

test('absent secrets on PostgreSQL', { skip: !pgUrl }, async () => {
  for (const name of Object.keys(secrets)) {
    const s = store('postgres');
    delete s.env[name];
    assertRefused(await start(s), new RegExp(name));
  }
});

test('a folder that cannot be written', async () => {
  const dir = folder(), closed = join(dir, 'closed');
  chmodSync(dir, 0o755);
  mkdirSync(closed, { mode: 0o555 });
  chmodSync(closed, 0o555);
  // Root may write anywhere: then somebody else tries.
  const root = process.getuid() === 0, who = root ? { uid: 65534, gid: 65534, program: programForAnybody(), cwd: dir } : {};
  for (const data of [closed, join(closed, 'new')]) {
    const r = await cli(['serve', '--data', data, '--listen', `127.0.0.1:${await freePort()}`], who);
    assertRefused(r, /data folder/);
    assert.ok(r.err.includes(data));
  }
});

test('a data folder that is a file', async () => {
  const path = join(folder(), 'file');
  writeFileSync(path, '');
  assertRefused(await start({ flags: ['--data', path], env: {} }), /folder/);
});

test('a folder without a database, for commands that do not make one', async () => {
  assertRefused(await cli(['call', 'list_documents', ...store().flags]), /init/);
});

test('initialising twice', async () => {
  const s = await initialized();
  assertRefused(await cli(['init', ...s.flags, '--email', 'b@example.com', '--password', 'another long password']), /already/);
});

test('what is made in the folder is nobody else\'s', async () => {
  const s = await initialized();
  await cliOk(['doctor', ...s.flags]);
  assert.equal(statSync(s.data).mode & 0o777, 0o700);
  for (const name of ['nextauth-secret', 'root-key', 'identity-hash-secret', 'lock'])
    assert.equal(statSync(join(s.data, name)).mode & 0o777, 0o600, name);
  const server = await serve(s);
  assert.equal(statSync(join(s.data, 'control.sock')).mode & 0o777, 0o600);
  await server.stop();
});
