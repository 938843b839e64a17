// The real program as a stranger drives it: a process on a port of its own, a data folder of its own, HTTP and the
// command line. Each test file makes what it needs and leaves nothing: folders go, processes end with the file.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const program = process.env.OPBOXD ?? join(top, 'build/opboxd');
export const soak = process.env.OPBOXD_SOAK === '1';
export const owner = { email: 'owner@example.com', password: 'correct horse battery' };
// What a test does faster than people may.
export const unlimited = ['--address-rate', '1000000000', '--write-rate', '1000000000', '--read-rate', '1000000000',
  '--chat-rate', '1000000000', '--sign-in-rate', '1000000'];

const folders = [], children = new Set();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function folder() {
  const made = mkdtempSync(join(tmpdir(), 'opboxd-e2e-'));
  folders.push(made);
  return made;
}

// A copy of the program that a user without rights can reach, wherever the checkout lies.
export function programForAnybody() {
  const dir = folder(), copy = join(dir, 'opboxd');
  chmodSync(dir, 0o755);
  copyFileSync(program, copy);
  chmodSync(copy, 0o755);
  return copy;
}

export function freePort() {
  return new Promise((done, failed) => {
    const s = createServer().once('error', failed);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

// ---- the command line ----

// What the environment of the developer sets must not decide what a test sees.
function environment(extra) {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (/^(OPBOXD_|NEXTAUTH_|CRON_SECRET|IDENTITY_HASH_SECRET|NOTIFY_SOCKET)/.test(name)) delete env[name];
  return { ...env, ...extra };
}

// Runs a command to its end: {code, out, err}. 60 s is far beyond what any takes; then it is killed and code is null.
export function cli(args, { env = {}, input = '', ...options } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(options.program ?? program, args, { ...options, env: environment(env) });
    const clock = setTimeout(() => child.kill('SIGKILL'), 60_000);
    let out = '', err = '';
    children.add(child);
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.once('error', failed);
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('close', (code) => {
      clearTimeout(clock);
      children.delete(child);
      done({ code, out, err });
    });
  });
}

export async function cliOk(args, options) {
  const r = await cli(args, options);
  assert.equal(r.code, 0, `opboxd ${args.join(' ')}: exit ${r.code}\n${r.out}${r.err}`);
  return r.out;
}

// The lines on stderr that are for people; the others are the log.
export function sentences(err) {
  return err.split('\n').filter((line) => line && !line.startsWith('{'));
}

// Exit 1, one sentence that `pattern` fits, nothing like a stack or a crash.
export function assertRefused(r, pattern) {
  assert.equal(r.code, 1, `exit ${r.code}\n${r.out}${r.err}`);
  const said = sentences(r.err);
  assert.equal(said.length, 1, `one sentence is wanted, not:\n${r.err}`);
  assert.match(said[0], /^opboxd: /);
  assert.match(said[0], pattern);
}

// ---- databases ----

export const pgUrl = process.env.TEST_PG_URL;
let databases = 0;
// A fresh PostgreSQL database: the flag's value, and SQL on it.
export function postgres() {
  const name = `e2e_${process.pid}_${++databases}_${randomBytes(3).toString('hex')}`;
  execFileSync('psql', ['-q', '-d', pgUrl, '-c', `CREATE DATABASE ${name}`], { stdio: 'pipe' });
  const url = pgUrl.replace(/\/postgres\?/, `/${name}?`);
  return { url, sql: (text) => execFileSync('psql', ['-qtA', '-d', url, '-c', text], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 26 }) };
}
export const secrets = {
  NEXTAUTH_SECRET: 'e2e-nextauth-secret-of-good-length',
  OPBOXD_ROOT_KEY: 'e2e-root-key-of-a-good-length-too',
  IDENTITY_HASH_SECRET: 'e2e-identity-hash-secret-of-length',
};

// Where a test stores: flags and environment for every command. `engine` is 'sqlite' or 'postgres'.
export function store(engine = 'sqlite') {
  const data = join(folder(), 'data');
  if (engine === 'sqlite') return { data, flags: ['--data', data], env: {} };
  const pg = postgres();
  return { data, pg, flags: ['--data', data, '--database', pg.url], env: { ...secrets } };
}

export async function initialized(engine) {
  const s = store(engine);
  await cliOk(['init', ...s.flags, '--email', owner.email, '--password', '-', '--organization', 'Agency', '--workspace', 'Desk'],
    { env: s.env, input: owner.password + '\n' });
  return s;
}

// ---- the server ----

// Starts it and waits until it says ready: {base, child, log, stop(), kill()}. Throws with its output when it ends before.
export async function serve(s, { flags = [], env = {}, port, command = 'serve', ...options } = {}) {
  port ??= await freePort();
  const args = [command, ...s.flags, '--listen', `127.0.0.1:${port}`, '--log-format', 'json', ...flags];
  const child = spawn(options.program ?? program, args, { ...options, env: environment({ ...s.env, ...env }), stdio: ['ignore', 'pipe', 'pipe'] });
  const server = { base: `http://127.0.0.1:${port}`, port, child, log: '', out: '' };
  const begin = performance.now();
  children.add(child);
  child.stdout.on('data', (d) => (server.out += d));
  const ended = new Promise((done) => child.once('exit', (code, signal) => {
    children.delete(child);
    done({ code, signal });
  }));
  await new Promise((done, failed) => {
    child.once('error', failed);
    child.stderr.on('data', (d) => {
      server.log += d;
      if (/^\{.*"ready"/m.test(server.log)) done();
    });
    child.once('close', () => failed(new Error(`the server ended before it was ready:\n${server.log}`)));
  });
  server.readyMs = performance.now() - begin;
  server.ended = ended;
  server.stop = async () => {
    child.kill('SIGTERM');
    return ended;
  };
  server.kill = async () => {
    child.kill('SIGKILL');
    return ended;
  };
  return server;
}

// ---- HTTP ----

// A browser without a window: cookies, the CSRF token and the workspace go with every request.
export class Client {
  constructor(base) {
    this.base = base;
    this.jar = new Map();
  }
  async fetch(path, { method = 'GET', headers = {}, body, json, csrf = true, signal } = {}) {
    const h = new Headers(headers);
    if (this.jar.size) h.set('cookie', [...this.jar].map(([k, v]) => `${k}=${v}`).join('; '));
    if (json !== undefined) {
      h.set('content-type', 'application/json');
      body = JSON.stringify(json);
    }
    if (method !== 'GET') {
      h.set('origin', this.base);
      if (csrf && this.csrf) h.set('x-csrf-token', this.csrf);
    }
    const r = await fetch(this.base + path, { method, headers: h, body, redirect: 'manual', signal });
    for (const c of r.headers.getSetCookie()) this.keep(c);
    return r;
  }
  // For clients that make their own requests: only the cookies are ours.
  async raw(path, init = {}) {
    const h = new Headers(init.headers);
    h.set('cookie', [...this.jar].map(([k, v]) => `${k}=${v}`).join('; '));
    const r = await fetch(this.base + path, { ...init, headers: h });
    for (const c of r.headers.getSetCookie()) this.keep(c);
    return r;
  }
  keep(cookie) {
    const [pair, ...attributes] = cookie.split(/; */), cut = pair.indexOf('=');
    const dead = attributes.some((a) => /^max-age=0$/i.test(a) || (/^expires=/i.test(a) && new Date(a.slice(8)) < new Date()));
    if (dead) this.jar.delete(pair.slice(0, cut));
    else this.jar.set(pair.slice(0, cut), pair.slice(cut + 1));
  }
  // {status, body, headers}: the body as JSON where it is.
  async json(path, options) {
    const r = await this.fetch(path, options), text = await r.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch {}
    return { status: r.status, body, headers: r.headers };
  }
  async signIn({ email, password } = owner) {
    this.csrf = (await this.json('/api/auth/csrf')).body.csrfToken;
    const form = new URLSearchParams({ email, password, csrfToken: this.csrf, redirect: 'false', json: 'true', callbackUrl: this.base });
    const r = await this.json('/api/auth/callback/credentials', { method: 'POST', body: form, csrf: false });
    assert.equal(r.status, 200, `sign-in of ${email}: ${r.status} ${JSON.stringify(r.body)}`);
    return this;
  }
}

export async function signedIn(server, user) {
  return new Client(server.base).signIn(user);
}

// Sends the pieces as they are and gives what came back, until the server closes, `until` fits, or `ms` are over (then
// `open` is true).
export function raw(port, pieces, { until, ms = 5000 } = {}) {
  return new Promise((done) => {
    let got = '', sent = 0;
    const s = connect(port, '127.0.0.1'), end = (open) => {
      clearTimeout(clock);
      s.destroy();
      done({ got, sent, open });
    };
    const clock = setTimeout(() => end(true), ms);
    s.on('data', (d) => {
      got += d.toString('latin1');
      if (until?.test(got)) end(true);
    });
    s.on('error', () => end(false));
    s.on('close', () => end(false));
    for (const piece of pieces) {
      s.write(piece);
      sent += piece.length;
    }
  });
}

// ---- the disk ----

export function files(dir) {
  const found = [];
  for (const e of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (e.isFile()) found.push(join(e.parentPath, e.name));
  return found.sort();
}
export function bytesIn(dir) {
  return files(dir).reduce((sum, f) => sum + (statSync(f, { throwIfNoEntry: false })?.size ?? 0), 0);
}
export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
