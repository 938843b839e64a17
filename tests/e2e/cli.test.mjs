// The command line: every command, its help, its exit codes; operations with and without a running server.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { cli, cliOk, folder, initialized, owner, pgUrl, sentences, serve, signedIn, store } from './harness.mjs';

const commands = ['serve', 'init', 'demo', 'user', 'call', 'operations', 'openapi', 'access-matrix', 'migrate', 'backup', 'restore', 'doctor', 'version'];

test('help lists every command, and every command has its own', async () => {
  const all = await cliOk(['--help']);
  for (const name of commands) {
    assert.match(all, new RegExp(`^  ${name} `, 'm'));
    const own = await cliOk([name, '--help']);
    assert.match(own, new RegExp(`opboxd ${name}\\b`));
  }
});

test('wrong usage is exit 2 and one sentence', async () => {
  const s = store();
  const wrong = [['nonsense'], ['serve', '--nonsense', ...s.flags], ['version', 'extra'], ['init', ...s.flags], ['call', ...s.flags],
    ['user', 'nonsense', ...s.flags], ['serve', '--workers', 'many', ...s.flags], ['backup', ...s.flags], ['restore', ...s.flags]];
  for (const args of wrong) {
    const r = await cli(args);
    assert.equal(r.code, 2, `${args.join(' ')}: exit ${r.code}\n${r.err}`);
    assert.equal(sentences(r.err).length, 1, `${args.join(' ')}:\n${r.err}`);
  }
});

test('version', async () => {
  assert.match(await cliOk(['version']), /^opboxd \d+\.\d+\.\d+\n$/);
  assert.equal(await cliOk(['--version']), await cliOk(['version']));
});

test('operations --json has the shape that catalogue checkers read', async () => {
  const all = JSON.parse(await cliOk(['operations', '--json']));
  for (const name of ['list_documents', 'get_document', 'create_document', 'get_health']) assert.ok(all.some((o) => o.name === name), name);
  for (const o of all) {
    assert.match(o.name, /^[a-z][a-z0-9_]*$/);
    assert.equal(typeof o.category, 'string');
    assert.ok(o.level === null || [0, 1, 2, 3].includes(o.level), o.name);
    assert.ok(['R', 'W', 'X'].includes(o.effect), o.name);
    assert.ok(o.http === null || /^(GET|POST|PUT|PATCH|DELETE) \//.test(o.http), o.name);
  }
  const create = all.find((o) => o.name === 'create_document');
  assert.deepEqual([create.category, create.level, create.effect, create.http], ['documents', 1, 'W', 'POST /api/documents']);
  assert.match(await cliOk(['operations']), /^create_document +documents +POST \/api\/documents$/m);
});

test('the OpenAPI document is valid OpenAPI 3.1, and the server gives the same', async () => {
  const text = await cliOk(['openapi']), document = JSON.parse(text), validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
  assert.equal(validator.version, '3.1');
  const server = await serve(await initialized());
  const served = await (await fetch(server.base + '/api/openapi.json')).json();
  assert.deepEqual(served.paths, document.paths);
  assert.deepEqual(served.components, document.components);
  // Every reference leads somewhere, and operation ids are unique.
  const ids = Object.values(document.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
  assert.equal(new Set(ids).size, ids.length);
  for (const [, at] of text.matchAll(/"\$ref":"#\/([^"]+)"/g))
    assert.ok(at.split('/').reduce((o, k) => o?.[k], document), at);
});

test('the access matrix names every operation', async () => {
  const matrix = await cliOk(['access-matrix']);
  for (const o of JSON.parse(await cliOk(['operations', '--json']))) assert.ok(matrix.includes(o.name), o.name);
});

test('passwords come as a value, from stdin, from a file, and never come out', async () => {
  const s = await initialized(), file = join(folder(), 'password');
  const add = ['user', 'add', ...s.flags, '--name', 'A', '--role', 'MEMBER'];
  writeFileSync(file, 'password from a file\n', { mode: 0o600 });
  await cliOk([...add, '--email', 'a@example.com', '--password', 'password as value']);
  await cliOk([...add, '--email', 'b@example.com', '--password', '-'], { input: 'password from stdin\n' });
  await cliOk([...add, '--email', 'c@example.com', '--password-file', file]);
  const none = await cli([...add, '--email', 'd@example.com']);
  assert.equal(none.code, 2);
  const missing = await cli([...add, '--email', 'd@example.com', '--password-file', file + '.absent']);
  assert.notEqual(missing.code, 0);
  const list = await cliOk(['user', 'list', ...s.flags, '--json']);
  assert.deepEqual(JSON.parse(list).users.map((u) => u.email).sort(), ['a@example.com', 'b@example.com', 'c@example.com', owner.email]);
  assert.ok(!/argon2|password from|password as/.test(list), list);
  const server = await serve(s);
  for (const [email, password] of [['a', 'password as value'], ['b', 'password from stdin'], ['c', 'password from a file']])
    await signedIn(server, { email: `${email}@example.com`, password });
  assert.ok(!server.log.includes('password from'));
});

test('a new password ends the sessions of the old one', async () => {
  const server = await serve(await initialized()), flags = ['--data', server.child.spawnargs[server.child.spawnargs.indexOf('--data') + 1]];
  const session = await signedIn(server);
  assert.equal((await session.json('/api/documents')).status, 200);
  await cliOk(['user', 'passwd', ...flags, '--email', owner.email, '--password', 'an entirely new one']);
  assert.equal((await session.json('/api/documents')).status, 401);
  await signedIn(server, { email: owner.email, password: 'an entirely new one' });
  await assert.rejects(signedIn(server));
});

for (const engine of ['sqlite', 'postgres'])
  test(`call: the same answers with and without a server, ${engine}`, { skip: engine === 'postgres' && !pgUrl }, async () => {
    const s = await initialized(engine), call = (operation, json, ...more) =>
      cli(['call', operation, ...s.flags, ...(json ? ['--json', typeof json === 'string' ? json : JSON.stringify(json)] : []), ...more], { env: s.env });
    const round = async (title) => {
      const made = await call('create_document', { title, markdown: '# Heading\n\nText.' });
      assert.equal(made.code, 0, made.err);
      const { document } = JSON.parse(made.out);
      assert.equal(document.title, title);
      const got = JSON.parse((await call('get_document', { id: document.id })).out).document;
      assert.match(got.markdown, /# Heading/);
      const dry = await call('create_document', { title: title + ' dry' }, '--dry-run');
      assert.equal(dry.code, 0, dry.err);
      assert.equal(JSON.parse(dry.out).document.title, title + ' dry');
      const asOwner = await call('list_documents', null, '--as', owner.email);
      assert.ok(JSON.parse(asOwner.out).documents.every((d) => !d.title.endsWith(' dry')), 'a dry run leaves nothing');
      const bad = await call('create_document', { title: '' });
      assert.equal(bad.code, 1);
      assert.match(bad.err, /title/);
      assert.equal((await call('no_such_operation')).code, 1);
      assert.equal((await call('get_document', '{"id":')).code, 1);
      assert.equal((await call('list_documents', null, '--as', 'nobody@example.com')).code, 1);
      assert.equal((await call('get_document', { id: 'c00000000000000000000000x' })).code, 1);
      return got;
    };
    const before = await round('without');
    const server = await serve(s);
    await round('with');
    const through = JSON.parse((await call('get_document', { id: before.id })).out).document;
    assert.deepEqual(through, before);
    assert.equal((await (await signedIn(server)).json('/api/documents')).body.documents.length, 2);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.deepEqual(JSON.parse((await call('get_document', { id: before.id })).out).document, before);
  });

test('call reads its arguments from stdin', async () => {
  const s = await initialized();
  const out = await cliOk(['call', 'create_document', ...s.flags, '--json', '-'], { input: '{"title":"from stdin"}' });
  assert.equal(JSON.parse(out).document.title, 'from stdin');
});

test('doctor says what is set and from where, and shows no secret', async () => {
  const s = await initialized(), env = { NEXTAUTH_SECRET: 'canary-secret-of-a-good-length' };
  const text = await cliOk(['doctor', ...s.flags], { env });
  assert.match(text, /--data|data/);
  assert.ok(!text.includes('canary-secret'));
  const json = await cliOk(['doctor', ...s.flags, '--json'], { env });
  JSON.parse(json);
  assert.ok(!json.includes('canary-secret'));
});

test('migrate makes a database and is quiet the second time', async () => {
  const s = store();
  await cliOk(['migrate', ...s.flags]);
  await cliOk(['migrate', ...s.flags]);
  await cliOk(['doctor', ...s.flags]);
});

test('demo makes a workspace with the sample pages once, prints the sign-in, and keeps the data', async () => {
  const s = store(), first = await serve(s, { command: 'demo' });
  while (!/password/.test(first.out)) await new Promise((d) => first.child.stdout.once('data', d));
  const [, email, password] = /sign in as (\S+) with the password (\S+)/.exec(first.out);
  const c = await signedIn(first, { email, password });
  const titles = async (client) => (await client.json('/api/documents')).body.documents.map((d) => d.title);
  const sample = await titles(c);
  assert.ok(sample.includes('Fee table') && sample.includes('Office rules'));
  await c.json('/api/documents', { method: 'POST', json: { title: 'kept' } });
  assert.ok(first.out.includes(first.base));
  assert.equal((await first.stop()).code, 0);
  const second = await serve(s, { command: 'demo' });
  assert.deepEqual(await titles(await signedIn(second, { email, password })), ['kept', ...sample]);
});

test('SIGTERM drains, SIGINT stops, SIGHUP reloads', async () => {
  const s = await initialized(), server = await serve(s, { flags: ['--cors-origins', 'https://a.example'] });
  server.child.kill('SIGHUP');
  while (!/reloaded/.test(server.log)) await new Promise((d) => server.child.stderr.once('data', d));
  assert.equal((await fetch(server.base + '/healthz')).status, 200);
  server.child.kill('SIGINT');
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.match(server.log, /stopped/);
});

test('health, readiness, metrics, front page', async () => {
  const server = await serve(await initialized());
  assert.equal((await (await fetch(server.base + '/healthz')).json()).status, 'ok');
  assert.equal((await (await fetch(server.base + '/readyz')).json()).status, 'ready');
  assert.match(await (await fetch(server.base + '/metrics')).text(), /^# TYPE \w+ (counter|gauge|histogram)$/m);
  const page = await fetch(server.base + '/');
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.ok(page.headers.get('content-security-policy'));
  assert.match(await page.text(), /openapi\.json/);
});

test('a core dump is impossible', async () => {
  const server = await serve(await initialized());
  const limits = spawnSync('cat', [`/proc/${server.child.pid}/limits`], { encoding: 'utf8' }).stdout;
  assert.match(limits, /^Max core file size +0 +0 /m);
});
