// Starts and stops what the bench compares: opboxd, nginx, the Node twin, a private PostgreSQL.
// Servers run on processor 0, everything else (this program, wrk, a provider) on processor 1.
import { spawn, spawnSync, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const binary = path.resolve(here, '../build-bench/src/opboxd');
export const account = { email: 'bench@example.com', password: randomBytes(12).toString('hex') };
const secret = () => randomBytes(32).toString('hex');
const secrets = {
  NEXTAUTH_SECRET: secret(), IDENTITY_HASH_SECRET: secret(), OPBOXD_ROOT_KEY: secret(),
};
// The contract's limits are raised: one address and one person make all the load.
const limits = ['address', 'sign-in', 'write', 'read', 'chat']
  .flatMap((name) => [`--${name}-rate`, name === 'sign-in' ? '1000000' : '1000000000']);
const environment = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8' };

const running = new Set();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

export function serve(command, args, options = {}) {
  const log = fs.openSync(options.log, 'a');
  const child = spawn('taskset', ['-c', String(options.processor ?? 0), command, ...args], {
    stdio: ['ignore', log, log], env: { ...environment, ...options.env }, uid: options.uid,
    gid: options.gid, cwd: options.cwd,
  });
  fs.closeSync(log);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

export function stop(child, signal = 'SIGTERM') {
  if (!child || child.exitCode !== null || child.signalCode) return Promise.resolve();
  return new Promise((resolve) => { child.once('exit', resolve); child.kill(signal); });
}

export function get(port, url, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path: url, headers, agent: false }, (res) => {
      const chunks = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('end', () => resolve({ status: res.statusCode, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
  });
}

/** Whoever answers there already would be measured in place of ours. */
export async function portsFree(ports) {
  for (const port of ports)
    if (await get(port, '/').then(() => true, () => false)) throw new Error(`port ${port} is taken`);
}

/** Asks until the answer is 200; throws when the server has gone or 20 s are over. */
export async function ready(child, port, url, log) {
  const until = performance.now() + 20000;
  while (performance.now() < until) {
    if (child.exitCode !== null) break;
    const answer = await get(port, url).catch(() => null);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`no answer on port ${port}:\n${fs.readFileSync(log, 'utf8').slice(-2000)}`);
}

export function opboxdInit(dir, database) {
  const args = ['init', '--data', dir, '--email', account.email, '--password', account.password,
    '--name', 'Bench', ...(database ? ['--database', database] : [])];
  execFileSync(binary, args, { env: { ...environment, ...secrets }, stdio: 'pipe' });
}

/** Resolves when /readyz is 200; `ready_ms` is the time from before fork to there. */
export async function opboxdStart(dir, port, database, env = {}) {
  const log = `${dir}.log`;
  const start = performance.now();
  const child = serve(binary, ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`,
    '--workers', '1', ...limits, ...(database ? ['--database', database] : [])],
  { log, env: { ...secrets, ...env } });
  await ready(child, port, '/readyz', log);
  child.ready_ms = performance.now() - start;
  child.port = port;
  return child;
}

const cookies = (response) => response.headers.getSetCookie().map((c) => c.split(';')[0]);

/** Signs in as a browser does; gives the headers of a signed-in request. */
export async function signIn(port) {
  const base = `http://127.0.0.1:${port}`;
  const csrf = await fetch(`${base}/api/auth/csrf`);
  const { csrfToken } = await csrf.json();
  const jar = cookies(csrf);
  const answer = await fetch(`${base}/api/auth/callback/credentials`, {
    method: 'POST', redirect: 'manual', headers: { cookie: jar.join('; ') },
    body: new URLSearchParams({ ...account, csrfToken, callbackUrl: base, redirect: 'false', json: 'true' }),
  });
  const session = cookies(answer).filter((c) => c.includes('session-token'));
  if (answer.status !== 200 || !session.length)
    throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
  const kept = jar.filter((c) => !session.some((s) => s.split('=')[0] === c.split('=')[0]));
  return { cookie: [...kept, ...session].join('; '), 'x-csrf-token': csrfToken };
}

export const nginxPath = () => ['/usr/sbin/nginx', '/usr/bin/nginx'].find((at) => fs.existsSync(at)) ?? 'nginx';

/** Debian's nginx.conf but for: one process, no access log, connections kept for good. */
export async function nginxStart(dir, port, healthz, list) {
  fs.mkdirSync(path.join(dir, 'www'), { recursive: true });
  fs.writeFileSync(path.join(dir, 'www/list.json'), list);
  fs.writeFileSync(path.join(dir, 'nginx.conf'), `
    master_process off; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log;
    ${process.getuid() === 0 ? 'user root;' : ''}
    events { worker_connections 2048; }
    http {
      sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000;
      default_type application/json;
      client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3;
      uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
      server { listen 127.0.0.1:${port}; root ${dir}/www;
        location = /healthz { return 200 '${healthz}'; } }
    }`);
  const log = path.join(dir, 'nginx.out');
  const child = serve(nginxPath(), ['-c', path.join(dir, 'nginx.conf')], { log });
  await ready(child, port, '/healthz', log);
  return child;
}

export async function twinStart(database, port, log) {
  const child = serve(process.execPath, [path.join(here, 'twin.mjs'), database, String(port)],
    { log, env: { ...secrets, NODE_ENV: 'production' } });
  await ready(child, port, '/healthz', log);
  return child;
}

/** The SQLite file in a data folder, whatever its name. */
export function sqliteFile(dir) {
  for (const name of fs.readdirSync(dir)) {
    const file = path.join(dir, name);
    if (fs.statSync(file).isFile() &&
        fs.readFileSync(file).subarray(0, 15).toString() === 'SQLite format 3') return file;
  }
  throw new Error(`no SQLite file in ${dir}`);
}

/** A cluster of its own on a socket in `dir`; null when PostgreSQL is not installed. */
export async function postgresStart(dir) {
  const versions = fs.existsSync('/usr/lib/postgresql') ? fs.readdirSync('/usr/lib/postgresql') : [];
  const bin = versions.map((v) => `/usr/lib/postgresql/${v}/bin`).findLast((b) => fs.existsSync(`${b}/initdb`));
  if (!bin) return null;
  fs.mkdirSync(dir, { recursive: true });
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres']).stdout.toString());
  const who = process.getuid() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  if (who.uid) fs.chownSync(dir, who.uid, who.gid);
  const data = path.join(dir, 'data');
  execFileSync(`${bin}/initdb`, ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    { ...who, stdio: 'pipe', cwd: dir });
  const log = path.join(path.dirname(dir), 'postgres.log');
  const child = serve(`${bin}/postgres`, ['-D', data, '-k', dir, '-c', 'listen_addresses=', '-c',
    'max_connections=60'], { ...who, log, cwd: dir });
  child.url = `postgres://bench@/opboxd?host=${encodeURIComponent(dir)}`;
  for (let i = 0; i < 200; i++) {
    const made = spawnSync(`${bin}/createdb`, ['-h', dir, '-U', 'bench', 'opboxd'], { stdio: 'pipe' });
    if (made.status === 0) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`PostgreSQL does not start:\n${fs.readFileSync(log, 'utf8').slice(-2000)}`);
}
