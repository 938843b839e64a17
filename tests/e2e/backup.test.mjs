// A backup goes from SQLite into PostgreSQL and back, and says the same all the way; restored is restored whole, or not.
import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assertRefused, cli, cliOk, files, folder, initialized, owner, pgUrl, secrets, serve, signedIn, store } from './harness.mjs';

const awkward = ['plain', 'Ünïcödé – 漢字 🏛', 'quote \' " \\ back', '‮ direction', 'a'.repeat(200)];

async function filled() {
  const s = await initialized();
  s.env = { ...secrets }; // the same keys on every node that reads the data
  for (const title of awkward)
    await cliOk(['call', 'create_document', ...s.flags, '--json', JSON.stringify({ title, markdown: `# ${title}\n\n* one\n* two\n` })], { env: s.env });
  await cliOk(['user', 'add', ...s.flags, '--email', 'm@example.com', '--name', 'M', '--role', 'MEMBER', '--password', 'password of m-ember'], { env: s.env });
  return s;
}

// Everything that can be asked for through `call`.
async function contents(s) {
  const ask = async (operation, json = {}) => JSON.parse(await cliOk(['call', operation, ...s.flags, '--json', JSON.stringify(json)], { env: s.env }));
  const { documents } = await ask('list_documents', { limit: 100 });
  const whole = [];
  for (const d of documents) whole.push((await ask('get_document', { id: d.id })).document);
  const { users } = await ask('list_users');
  return { whole, users, tree: (await ask('get_document_tree')).nodes };
}

test('SQLite → PostgreSQL → SQLite keeps everything', { skip: !pgUrl }, async () => {
  const a = await filled(), b = store('postgres'), c = store(), dir = folder();
  c.env = { ...secrets };
  const before = await contents(a);
  assert.equal(before.whole.length, awkward.length);
  assert.equal(before.users.length, 2);
  await cliOk(['backup', join(dir, 'one'), ...a.flags], { env: a.env });
  assert.equal(statSync(join(dir, 'one')).mode & 0o777, 0o600);
  await cliOk(['restore', join(dir, 'one'), ...b.flags], { env: b.env });
  assert.deepEqual(await contents(b), before);
  await cliOk(['backup', join(dir, 'two'), ...b.flags], { env: b.env });
  await cliOk(['restore', join(dir, 'two'), ...c.flags], { env: c.env });
  assert.deepEqual(await contents(c), before);
  assert.deepEqual(files(dir).map((f) => f.slice(dir.length + 1)), ['one', 'two'], 'nothing temporary is left');
});

test('a backup of a serving server is whole, and sessions end with a restore', async () => {
  const s = await filled(), server = await serve(s), path = join(folder(), 'backup');
  const session = await signedIn(server);
  await cliOk(['backup', path, ...s.flags], { env: s.env });
  assert.equal((await session.json('/api/documents')).status, 200, 'a backup disturbs nobody');
  const before = await contents(s);
  await server.stop();
  const next = store();
  next.env = { ...secrets };
  await cliOk(['restore', path, ...next.flags], { env: next.env });
  assert.deepEqual(await contents(next), before);
  const restored = await serve(next);
  session.base = restored.base;
  assert.equal((await session.json('/api/documents')).status, 401, 'an old session is over');
  assert.equal((await (await signedIn(restored, owner)).json('/api/documents')).body.documents.length, awkward.length);
});

test('a backup holds no key', async () => {
  const s = await filled(), path = join(folder(), 'backup');
  await cliOk(['backup', path, ...s.flags], { env: s.env });
  const bytes = readFileSync(path).toString('latin1');
  for (const secret of Object.values(secrets)) assert.ok(!bytes.includes(secret));
});

test('a cut or altered backup is refused before a row is written', async () => {
  const s = await filled(), path = join(folder(), 'backup');
  await cliOk(['backup', path, ...s.flags], { env: s.env });
  const whole = readFileSync(path);
  for (const spoil of [(p) => truncateSync(p, whole.length - 1), (p) => truncateSync(p, whole.length >> 1), (p) => truncateSync(p, 0),
    (p) => { const b = Buffer.from(whole); b[b.length >> 1] ^= 1; writeFileSync(p, b); },
    (p) => { const b = Buffer.from(whole); b[0] ^= 1; writeFileSync(p, b); }]) {
    const next = store();
    writeFileSync(path, whole);
    spoil(path);
    assertRefused(await cli(['restore', path, ...next.flags], { env: secrets }), /backup|archive/i);
    writeFileSync(path, whole);
    await cliOk(['restore', path, ...next.flags], { env: secrets }); // still empty: nothing was half done
  }
});

test('nothing is restored over what is there', async () => {
  const s = await filled(), path = join(folder(), 'backup');
  await cliOk(['backup', path, ...s.flags], { env: s.env });
  const before = await contents(s);
  assertRefused(await cli(['restore', path, ...s.flags], { env: s.env }), /empty/);
  assert.deepEqual(await contents(s), before);
});

test('a backup that cannot be written says so and leaves nothing', async () => {
  const s = await filled(), dir = folder();
  assertRefused(await cli(['backup', join(dir, 'no', 'such', 'folder'), ...s.flags], { env: s.env }), /no|such|cannot/);
  assert.deepEqual(files(dir), []);
  assertRefused(await cli(['restore', join(dir, 'absent'), ...store().flags], { env: secrets }), /absent/);
});
