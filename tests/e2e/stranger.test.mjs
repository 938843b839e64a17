// A stranger cannot make the server store a byte: refused at the head, before the body is read.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test, { before } from 'node:test';
import { bytesIn, files, initialized, raw, serve, signedIn, unlimited } from './harness.mjs';

const CANARY = 'canary-5f1d9b0c-of-a-stranger', MIB = 1024 * 1024;
let s, server;
before(async () => {
  s = await initialized();
  server = await serve(s, { flags: unlimited });
});

const head = (path, ...more) => [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, ...more, '', ''].join('\r\n');
const status = (r) => +/^HTTP\/1\.1 (\d+)/.exec(r.got)?.[1];

test('the refusal comes before a body byte is sent, and the connection closes', async () => {
  for (const type of ['application/json', 'multipart/form-data; boundary=x'])
    for (const framing of [`Content-Length: ${MIB}`, 'Transfer-Encoding: chunked']) {
      const r = await raw(server.port, [head('/api/documents', `Content-Type: ${type}`, framing)]);
      assert.ok([401, 415].includes(status(r)), r.got);
      assert.ok(!r.open, 'the server closes');
    }
});

test('100-continue is not given to a stranger', async () => {
  const r = await raw(server.port, [head('/api/documents', 'Content-Type: application/json', `Content-Length: ${MIB}`, 'Expect: 100-continue')]);
  assert.equal(status(r), 401);
  assert.ok(!r.got.includes('100 Continue'), r.got);
});

test('what a stranger sends all the same is stored nowhere', async () => {
  const body = Buffer.from(CANARY.repeat(Math.ceil(MIB / CANARY.length))), size = bytesIn(s.data);
  const json = (n) => Buffer.concat([Buffer.from('{"title":"'), body.subarray(0, n), Buffer.from('"}')]);
  const paths = ['/api/documents', '/api/auth/session', '/api/auth/callback/credentials', '/api/nothing', '/api/cron/nothing', '/control/call/initialize',
    '/control/call/create_document'];
  for (let round = 0; round < 3; round++)
    for (const path of paths)
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=canary']) {
        const sent = json(MIB - 1024);
        const r = await raw(server.port, [head(path, `Content-Type: ${type}`, `Content-Length: ${sent.length}`, 'Connection: close'), sent]);
        // A reset may overtake the answer: the server closes while we still send.
        assert.ok(!r.got || status(r) >= 400 || path === '/api/auth/callback/credentials', `${path}: ${r.got.slice(0, 300)}`);
      }
  const grown = bytesIn(s.data) - size;
  assert.ok(grown < 256 * 1024, `${grown} bytes of ${3 * paths.length * 3} MiB`);
  for (const f of files(s.data))
    assert.ok(f.endsWith('.sock') || !readFileSync(f).includes(CANARY), `${f} holds what a stranger sent`);
  assert.deepEqual(files(s.data).filter((f) => f.includes('/blobs/')), []);
  assert.ok(!server.log.includes(CANARY), 'nor is it logged');
  assert.equal((await fetch(server.base + '/readyz')).status, 200);
});

test('the control socket is not for others, and its path is nothing on the network', async () => {
  const r = await fetch(server.base + '/control/call/list_users', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  assert.equal(r.status, 404);
  const fake = await fetch(server.base + '/api/documents', { headers: { 'x-opboxd-as': 'owner@example.com' } });
  assert.equal(fake.status, 401);
  if (process.getuid() === 0)
    assert.throws(() => execFileSync('curl', ['-sf', '--unix-socket', s.data + '/control.sock', 'http://localhost/healthz'], { uid: 65534, gid: 65534, stdio: 'pipe' }));
});

test('more sign-ins than argon2 can take: what does not fit is told to come back, the rest is answered, and so are others', async () => {
  const busy = await serve(await initialized(), { flags: [...unlimited, '--trusted-proxies', '127.0.0.0/8'] });
  const page = await signedIn(busy);
  const form = new URLSearchParams({ email: 'owner@example.com', password: 'wrong', csrfToken: page.csrf, json: 'true', redirect: 'false', callbackUrl: busy.base });
  const all = Promise.all(Array.from({ length: 110 }, (_, i) => page.fetch('/api/auth/callback/credentials',
    { method: 'POST', body: form, csrf: false, headers: { 'x-forwarded-for': `203.0.113.${i}` } })));
  // Somebody who is inside waits for none of them.
  assert.equal((await page.json('/api/documents?limit=1')).status, 200);
  const answers = await all, statuses = new Map();
  for (const r of answers) statuses.set(r.status, (statuses.get(r.status) ?? 0) + 1);
  assert.deepEqual([...statuses.keys()].toSorted(), [401, 503], JSON.stringify([...statuses]));
  assert.ok(statuses.get(401) >= 64, `${statuses.get(401)} were tried`);
  assert.ok(answers.filter((r) => r.status === 503).every((r) => Number(r.headers.get('retry-after')) > 0));
  await signedIn(busy);
});
