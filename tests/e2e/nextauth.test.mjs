// The unchanged browser client of NextAuth 4: what `next-auth/react` does in a page, it does here, in the shims of a page.
import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { Client, initialized, owner, serve, unlimited } from './harness.mjs';

let server, page, react;
before(async () => {
  server = await serve(await initialized(), { flags: unlimited });
  page = new Client(server.base);
  process.env.NEXTAUTH_URL = server.base + '/api/auth';
  const silent = { addEventListener() {}, removeEventListener() {} };
  globalThis.window = { ...silent, location: { href: server.base + '/login', reload() {} } };
  globalThis.localStorage = { setItem() {} };
  Object.defineProperty(globalThis, 'document', { value: { ...silent, visibilityState: 'visible' } });
  const real = globalThis.fetch;
  globalThis.fetch = async (url, o = {}) => {
    const h = new Headers(o.headers), method = (o.method ?? 'GET').toUpperCase();
    if (page.jar.size && !h.has('cookie')) h.set('cookie', [...page.jar].map(([k, v]) => `${k}=${v}`).join('; '));
    if (method === 'POST') h.set('origin', server.base);
    const r = await real(new URL(url, server.base), { ...o, method, headers: h, redirect: 'manual' });
    for (const c of r.headers.getSetCookie()) page.keep(c);
    return r;
  };
  const module = await import('next-auth/react');
  react = module.signIn ? module : module.default;
});

const hasSession = () => [...page.jar.keys()].some((k) => k.includes('session-token'));

test('it reads the CSRF token and the providers', async () => {
  assert.match(await react.getCsrfToken(), /^[0-9a-f]{64}$/);
  const providers = await react.getProviders();
  assert.equal(providers.credentials.type, 'credentials');
  assert.equal(providers.credentials.callbackUrl, server.base + '/api/auth/callback/credentials');
});

test('without a session there is none', async () => {
  assert.equal(await react.getSession(), null);
});

test('a wrong password and an unknown user answer alike, and leave no session', async () => {
  const wrong = await react.signIn('credentials', { redirect: false, email: owner.email, password: 'wrong' });
  const unknown = await react.signIn('credentials', { redirect: false, email: 'nobody@example.com', password: 'wrong' });
  assert.equal(wrong.error, 'CredentialsSignin');
  assert.equal(wrong.status, 401);
  assert.equal(wrong.url, null);
  assert.deepEqual(unknown, wrong);
  assert.ok(!hasSession());
});

test('it signs in, reads its session, signs out', async () => {
  const inside = await react.signIn('credentials', { redirect: false, ...owner, callbackUrl: server.base + '/home' });
  assert.equal(inside.ok, true);
  assert.equal(inside.error ?? null, null);
  assert.equal(inside.url, server.base + '/home');
  const session = await react.getSession();
  assert.equal(session.user.email, owner.email);
  assert.ok(Date.parse(session.expires) > Date.now());
  const stolen = page.jar.get('next-auth.session-token');
  const out = await react.signOut({ redirect: false, callbackUrl: server.base + '/bye' });
  assert.equal(out.url, server.base + '/bye');
  assert.equal(await react.getSession(), null);
  assert.ok(!hasSession());
  // Signed out is revoked on the server: a copy of the cookie is worth nothing.
  const r = await fetch(server.base + '/api/documents', { headers: { cookie: 'next-auth.session-token=' + stolen } });
  assert.equal(r.status, 401);
});

test('a foreign callbackUrl is not honoured', async () => {
  const r = await react.signIn('credentials', { redirect: false, ...owner, callbackUrl: 'https://evil.example/' });
  assert.ok(r.url && !r.url.includes('evil.example'), r.url);
  await react.signOut({ redirect: false });
});

test('without the CSRF token nobody is signed in', async () => {
  const c = new Client(server.base);
  const r = await c.json('/api/auth/callback/credentials', { method: 'POST', body: new URLSearchParams({ ...owner, json: 'true' }), csrf: false });
  assert.equal(r.status, 200);
  assert.match(r.body.url, /\/api\/auth\/signin\?csrf=true$/);
  assert.ok(![...c.jar.keys()].some((k) => k.includes('session-token')));
});

test('a garbage session cookie is no session, and is cleared', async () => {
  const r = await fetch(server.base + '/api/auth/session', { headers: { cookie: 'next-auth.session-token=garbage' } });
  assert.equal(r.status, 200);
  assert.deepEqual(await r.json(), {});
  assert.ok(r.headers.getSetCookie().some((c) => /^next-auth\.session-token=;/.test(c)), r.headers.getSetCookie().join(' | '));
});
