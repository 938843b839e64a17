// People from outside: the real `next-auth/react` 4 with a second factor, invites, roles, changes of password, sessions that end.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test, { before } from 'node:test';
import { Client, cli, cliOk, initialized, owner, pgUrl, serve, signedIn, unlimited } from './harness.mjs';

// ---- an authenticator, written from RFC 6238 and not from the server ----

function base32(text) {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
}
function code(secret, step = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step));
  const mac = createHmac('sha1', base32(secret)).update(counter).digest(), at = mac.at(-1) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0');
}

// ---- next-auth/react in the shims of a page ----

async function page(server) {
  const c = new Client(server.base), silent = { addEventListener() {}, removeEventListener() {} };
  process.env.NEXTAUTH_URL = server.base + '/api/auth';
  globalThis.window ??= { ...silent, location: { href: server.base + '/login', reload() {} } };
  globalThis.localStorage ??= { setItem() {} };
  if (!globalThis.document) Object.defineProperty(globalThis, 'document', { value: { ...silent, visibilityState: 'visible' } });
  const real = globalThis.fetch;
  globalThis.fetch = async (url, o = {}) => {
    const h = new Headers(o.headers), method = (o.method ?? 'GET').toUpperCase();
    if (c.jar.size && !h.has('cookie')) h.set('cookie', [...c.jar].map(([k, v]) => `${k}=${v}`).join('; '));
    if (method === 'POST') h.set('origin', server.base);
    const r = await real(new URL(url, server.base), { ...o, method, headers: h, redirect: 'manual' });
    for (const cookie of r.headers.getSetCookie()) c.keep(cookie);
    return r;
  };
  const module = await import('next-auth/react');
  return { client: c, react: module.signIn ? module : module.default, close: () => (globalThis.fetch = real) };
}

const hasSession = (c) => [...c.jar.keys()].some((k) => k.includes('session-token'));
const is = (r, status, code) => assert.deepEqual([r.status, r.body.code], [status, code], JSON.stringify(r.body).slice(0, 300));
const evaluations = async (server) => +/^opboxd_password_evaluations_total (\d+)$/m.exec(await (await fetch(server.base + '/metrics')).text())[1];

for (const engine of ['sqlite', 'postgres']) {
  const skip = engine === 'postgres' && !pgUrl;
  let s, server, boss;
  const on = (name, fn) => test(`${name}, ${engine}`, { skip }, fn);
  const add = async (name, role) => {
    const user = { email: name + '@example.com', password: 'password of ' + name };
    await cliOk(['user', 'add', ...s.flags, '--email', user.email, '--name', name, '--role', role, '--password', user.password], { env: s.env });
    return user;
  };
  const invite = async (by, email, role) => {
    const r = await by.json('/api/invites', { method: 'POST', json: { email, role } });
    assert.equal(r.status, 201, JSON.stringify(r.body));
    return r.body.invite.link;
  };
  const acceptPath = (link) => `/api/invites/${link.split('/').at(-1)}/accept`;

  before(async () => {
    if (skip) return;
    s = await initialized(engine);
    server = await serve(s, { flags: unlimited });
    boss = await signedIn(server, owner);
  });

  on('next-auth/react signs in with a second factor', async () => {
    const user = await add('tess', 'MEMBER'), { client, react, close } = await page(server);
    try {
      const go = (more) => react.signIn('credentials', { redirect: false, email: user.email, password: user.password, ...more });
      assert.equal((await go()).ok, true);
      client.csrf = await react.getCsrfToken();
      const enrolled = await client.json('/api/me/totp', { method: 'POST' });
      assert.equal(enrolled.status, 200, JSON.stringify(enrolled.body));
      const { secret, otpauthUrl, qrSvg } = enrolled.body.totp, url = new URL(otpauthUrl);
      assert.deepEqual([url.protocol, url.host, decodeURIComponent(url.pathname), url.searchParams.get('secret')],
        ['otpauth:', 'totp', '/opboxd:' + user.email, secret]);
      assert.match(qrSvg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+">/);
      is(await client.json('/api/me/totp/confirm', { method: 'POST', json: { code: '000000' } }), 400, 'VALIDATION_ERROR');
      const on = await client.json('/api/me/totp/confirm', { method: 'POST', json: { code: code(secret) } });
      assert.equal(on.status, 200, JSON.stringify(on.body));
      assert.equal(new Set(on.body.recoveryCodes).size, 10);
      assert.equal((await react.getSession()).user.email, user.email, 'the session that confirmed goes on');
      await react.signOut({ redirect: false });

      const before = await evaluations(server);
      const without = await go(), undef = await go({ totp: undefined }), empty = await go({ totp: '' });
      for (const r of [without, undef, empty]) assert.deepEqual([r.error, r.status, r.ok, r.url], ['TotpRequired', 401, false, null]);
      const wrong = await go({ totp: '000000' });
      assert.deepEqual([wrong.error, wrong.status], ['TotpInvalid', 401]);
      assert.ok(!hasSession(client));
      // The step of the code that confirmed is used up: the next one is inside the window.
      const next = code(secret, 1);
      assert.equal((await go({ totp: next })).ok, true);
      assert.ok(hasSession(client));
      await react.signOut({ redirect: false });
      assert.equal((await go({ totp: next })).error, 'TotpInvalid', 'a code is taken once');
      assert.equal((await go({ totp: on.body.recoveryCodes[0] })).ok, true);
      await react.signOut({ redirect: false });
      assert.equal((await go({ totp: on.body.recoveryCodes[0] })).error, 'TotpInvalid', 'a recovery code is taken once');
      const bad = await react.signIn('credentials', { redirect: false, email: user.email, password: 'wrong', totp: on.body.recoveryCodes[1] });
      assert.equal(bad.error, 'CredentialsSignin', 'without the password nothing is said of a second factor');
      assert.equal(await evaluations(server), before + 9, 'one evaluation of argon2 an attempt, whatever came of it');
      assert.equal((await go({ totp: on.body.recoveryCodes[1] })).ok, true);

      // Reset by an ADMIN: sessions end, the password alone is enough.
      const org = (await boss.json('/api/organizations')).body.organizations[0].id;
      const { members } = (await boss.json(`/api/organizations/${org}/members`)).body, tess = members.find((m) => m.email === user.email);
      assert.equal(tess.secondFactor, true);
      assert.equal((await boss.json(`/api/organizations/${org}/members/${tess.id}/reset-2fa`, { method: 'POST' })).status, 200);
      assert.equal(await react.getSession(), null);
      assert.equal((await go()).ok, true);
      for (const text of [secret, on.body.recoveryCodes[5]]) assert.ok(!server.log.includes(text), 'no secret is logged');
    } finally {
      close();
    }
  });

  on('a failed sign-in is the same work and the same answer for everybody', async () => {
    const answers = [];
    for (const form of [{ email: owner.email, password: 'wrong' }, { email: 'nobody@example.com', password: 'wrong' }, { email: 'no address', password: 'x' },
      { email: owner.email }, { password: 'x' }, { email: 'nobody@example.com', password: 'wrong', totp: '123456' }, { email: owner.email, password: 'x'.repeat(5000) }]) {
      const c = new Client(server.base), { csrfToken } = (await c.json('/api/auth/csrf')).body, before = await evaluations(server);
      const r = await c.json('/api/auth/callback/credentials', { method: 'POST', csrf: false, body: new URLSearchParams({ ...form, csrfToken, json: 'true' }) });
      assert.equal(await evaluations(server), before + 1, JSON.stringify(form));
      const headers = [...r.headers.keys()].filter((h) => h !== 'x-request-id').sort();
      answers.push(JSON.stringify([r.status, r.body, headers, r.headers.getSetCookie()]));
    }
    assert.equal(new Set(answers).size, 1, [...new Set(answers)].join('\n'));
  });

  on('somebody new comes by a link', async () => {
    const link = await invite(boss, 'nia@example.com', 'ADMIN'), nia = new Client(server.base), path = acceptPath(link);
    assert.equal((await nia.json(path)).body.invite.hasAccount, false);
    is(await nia.json(path, { method: 'POST', json: { name: 'Nia', password: 'too short' } }), 400, 'VALIDATION_ERROR');
    const json = { name: 'Nia', password: 'password of nia' };
    const both = await Promise.all([nia.json(path, { method: 'POST', json }), nia.json(path, { method: 'POST', json })]);
    assert.deepEqual(both.map((r) => r.status).sort().slice(0, 1), [200], JSON.stringify(both.map((r) => r.body)));
    assert.ok([409, 410].includes(both.map((r) => r.status).sort()[1]), 'one of two at once');
    is(await nia.json(path, { method: 'POST', json }), 410, 'GONE');
    is(await nia.json(path), 410, 'GONE');
    is(await nia.json('/api/invites/nothing/accept', { method: 'POST', json }), 404, 'NOT_FOUND');
    await nia.signIn({ email: 'nia@example.com', password: json.password });
    assert.equal((await nia.json('/api/me')).body.role, 'ADMIN');
    is(await nia.json('/api/invites', { method: 'POST', json: { email: 'x@example.com', role: 'OWNER' } }), 403, 'FORBIDDEN');
    const again = await boss.json('/api/invites', { method: 'POST', json: { email: 'b@example.com', role: 'MEMBER' }, headers: { 'idempotency-key': 'i-' + engine } });
    assert.equal(again.status, 201);
    is(await boss.json('/api/invites', { method: 'POST', json: { email: 'b@example.com', role: 'MEMBER' }, headers: { 'idempotency-key': 'i-' + engine } }), 409, 'CONFLICT');
    const token = again.body.invite.link.split('/').at(-1);
    assert.ok(!server.log.includes(token), 'the token is not logged');
    if (engine === 'postgres') assert.equal(s.pg.sql(`SELECT count(*) FROM idempotency WHERE convert_from(answer, 'UTF8') LIKE '%${token}%'`).trim(), '0');
  });

  on('a removed member is out at once, and comes back by a link and the old password', async () => {
    const user = await add('mia', 'MEMBER'), mia = await signedIn(server, user);
    const { members } = (await boss.json('/api/members')).body, { id } = members.find((m) => m.email === user.email);
    is(await mia.json('/api/members/' + id, { method: 'PATCH', json: { role: 'OWNER' } }), 403, 'FORBIDDEN');
    assert.equal((await boss.json('/api/members/' + id, { method: 'DELETE' })).status, 200);
    is(await mia.json('/api/documents'), 401, 'UNAUTHORIZED');
    assert.deepEqual((await mia.json('/api/auth/session')).body, {});
    await mia.signIn(user);
    const me = (await mia.json('/api/me')).body;
    assert.deepEqual([me.role ?? null, me.workspaces], [null, []]);
    is(await mia.json('/api/documents'), 403, 'FORBIDDEN');
    const path = acceptPath(await invite(boss, user.email, 'VIEWER'));
    is(await new Client(server.base).json(path, { method: 'POST', json: { name: 'Other', password: 'a password of mine' } }), 401, 'UNAUTHORIZED');
    is(await mia.json(path, { method: 'POST', json: {}, csrf: false }), 403, 'CSRF_INVALID');
    assert.equal((await mia.json(path, { method: 'POST', json: {} })).status, 200);
    assert.equal((await mia.json('/api/documents')).status, 200);
    is(await mia.json('/api/documents', { method: 'POST', json: { title: 'x' } }), 403, 'FORBIDDEN');
  });

  on('a new password ends all sessions but the one that set it', async () => {
    const user = await add('pam', 'MEMBER'), here = await signedIn(server, user), there = await signedIn(server, user);
    const change = (json) => here.json('/api/me/password', { method: 'POST', json });
    is(await change({ currentPassword: 'wrong', newPassword: 'another password' }), 400, 'VALIDATION_ERROR');
    is(await change({ currentPassword: user.password, newPassword: 'PAM@example.com' }), 400, 'VALIDATION_ERROR');
    const done = await change({ currentPassword: user.password, newPassword: 'another password' });
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal((await here.json('/api/me')).status, 200);
    assert.equal((await here.json('/api/auth/session')).body.user.email, user.email);
    is(await there.json('/api/me'), 401, 'UNAUTHORIZED');
    await signedIn(server, { ...user, password: 'another password' });
    const events = (await boss.json('/api/admin/security-events?limit=100')).body.events.map((e) => e.type);
    for (const type of ['PASSWORD_CHANGED', 'SESSION_REVOKED', 'MEMBER_ADDED', 'MEMBER_REMOVED', 'SECOND_FACTOR_CHANGED'])
      assert.ok(events.includes(type), `${type} of ${[...new Set(events)]}`);
  });

  on('the organisation: names, workspaces, and the one OWNER that remains', async () => {
    const { id } = (await boss.json('/api/organizations')).body.organizations[0], at = '/api/organizations/' + id;
    assert.equal((await boss.json(at, { method: 'PATCH', json: { name: 'Agency & Sons' } })).body.organization.name, 'Agency & Sons');
    const made = await boss.json(at + '/workspaces', { method: 'POST', json: { name: 'Second desk', timeZone: 'Europe/Lisbon' } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const second = made.body.workspace.id;
    assert.equal((await boss.json('/api/me', { headers: { 'x-workspace-id': second } })).body.workspace.name, 'Second desk');
    assert.equal((await boss.json('/api/me')).body.workspace.name, 'Desk', 'the header is of one request');
    assert.equal((await boss.json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: second } })).status, 200);
    assert.equal((await boss.json('/api/settings/workspace')).body.settings.timeZone, 'Europe/Lisbon');
    const first = (await boss.json('/api/me')).body.workspaces.find((w) => w.name === 'Desk').id;
    await boss.json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: first } });
    const me = (await boss.json('/api/me')).body.user.id;
    is(await boss.json('/api/members/' + me, { method: 'PATCH', json: { role: 'ADMIN' } }), 409, 'CONFLICT');
    is(await boss.json(`${at}/members/${me}`, { method: 'PATCH', json: { role: 'ADMIN' } }), 409, 'CONFLICT');
    is(await boss.json(`${at}/members/${me}`, { method: 'DELETE' }), 409, 'CONFLICT');
    is(await boss.json('/api/organizations/elsewhere'), 404, 'NOT_FOUND');
  });

  on('the operator takes a lost second factor away', async () => {
    const user = await add('lou', 'MEMBER'), lou = await signedIn(server, user);
    const { secret } = (await lou.json('/api/me/totp', { method: 'POST' })).body.totp;
    assert.equal((await lou.json('/api/me/totp/confirm', { method: 'POST', json: { code: code(secret) } })).status, 200);
    await cliOk(['user', 'reset-2fa', ...s.flags, '--email', user.email], { env: s.env });
    is(await lou.json('/api/me'), 401, 'UNAUTHORIZED');
    await signedIn(server, user);
    const none = await cli(['user', 'reset-2fa', ...s.flags, '--email', user.email], { env: s.env });
    assert.equal(none.code, 1);
    assert.match(none.err, /There is no second factor/);
  });
}
