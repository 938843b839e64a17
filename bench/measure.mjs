// The bench: each part measures its servers in interleaved rounds; the first round warms up and is
// discarded; a ratio is the median of the rounds' ratios, so that a busy moment hits both sides.
import Database from 'better-sqlite3';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { native } from './native.mjs';
import { relay } from './relay.mjs';
import * as servers from './servers.mjs';

const run = promisify(execFile);
const rounds = Number(process.env.BENCH_ROUNDS ?? 5), seconds = Number(process.env.BENCH_SECONDS ?? 2);
const parts = ['healthz', 'list', 'write', 'postgres', 'start', 'first', 'chats', 'thread', 'streams', 'readers', 'ledger', 'seal'];
const wanted = process.env.BENCH_ONLY?.split(',') ?? parts;
const work = fs.mkdtempSync('/var/tmp/opboxd-bench-'); // a disk, also where /tmp is memory
fs.chmodSync(work, 0o711); // PostgreSQL runs as another user
const bare = path.resolve(servers.here, '../build-bench/bare');
const port = { opboxd: 18787, nginx: 18788, twin: 18789, other: 18790, provider: 18791, portkey: 18792, proxy: 18793 };
const connections = 64, threads = 300, idle = 8000;
const listUrl = '/api/ai/chats?limit=20';
const table = [];

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => process.stderr.write(`${text}\n`);
const number = (n) => (n >= 100 ? Math.round(n).toLocaleString('en') : n.toFixed(n < 10 ? 2 : 1));

function row(what, ours, against, value, bar, holds) {
  table.push([what, ours, against, value, bar, holds === null ? '' : holds ? 'yes' : '**no**']);
  say(`  ${what}: ${ours}${against && ` against ${against}`}: ${value}${bar && ` (bar ${bar})`}`);
}

// ---- load ----

const unit = { us: 1e-3, ms: 1, s: 1000, m: 60000 };

async function wrk(url, { headers = {}, script = [], env = {} } = {}) {
  const args = ['-c', '1', 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...script,
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]), url];
  const { stdout } = await run('taskset', args, { env: { ...process.env, ...env } });
  const bad = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(stdout);
  if (bad) throw new Error(`${url}: ${bad[0]}`);
  const percentile = (p) => {
    const m = new RegExp(`${p}%\\s+([\\d.]+)(us|ms|s|m)\\b`).exec(stdout);
    return m ? Number(m[1]) * unit[m[2]] : NaN;
  };
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p50: percentile(50), p99: percentile(99) };
}

/** Runs every target once a round; `turning`: another one begins each round. */
async function interleave(targets, { turning = true } = {}) {
  const names = Object.keys(targets);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + (turning ? round : 0)) % names.length];
      const result = await targets[name]();
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}

function compare(what, results, other, bar) {
  const ours = results.opboxd, theirs = results[other];
  const ratio = median(ours.map((r, i) => r.rate / theirs[i].rate));
  const latency = Number.isNaN(median(ours.map((r) => r.p50))) ? ''
    : `, p50 ${number(median(ours.map((r) => r.p50)))} ms, p99 ${number(median(ours.map((r) => r.p99)))} ms`;
  row(what, `${number(median(ours.map((r) => r.rate)))}/s${latency}`,
    `${other} ${number(median(theirs.map((r) => r.rate)))}/s`, `${ratio.toFixed(2)} ×`,
    bar ? `≥ ${bar.toFixed(1)} ×` : 'for information', bar ? ratio >= bar : null);
}

// ---- parts ----

const pageBody = (n) => JSON.stringify({
  title: `Minutes of the meeting ${n}`,
  markdown: 'The board met at ten. It took note of the accounts and approved them.',
});

async function make(at, credentials, url, body) {
  const answer = await fetch(`http://127.0.0.1:${at}${url}`, {
    method: 'POST', headers: { ...credentials, 'content-type': 'application/json' }, body,
  });
  if (answer.status !== 201) throw new Error(`seeding: ${answer.status} ${await answer.text()}`);
}

async function seed(at, credentials, count) {
  for (let n = 0; n < count; n++) await make(at, credentials, '/api/documents', pageBody(n));
}

async function seedThreads(at, credentials, count) {
  for (let n = 0; n < count; n++)
    await make(at, credentials, '/api/ai/chats', JSON.stringify({ title: `What the minutes of meeting ${n} decide` }));
}

async function healthz() {
  const results = await interleave({
    opboxd: () => wrk(`http://127.0.0.1:${port.opboxd}/healthz`),
    'nginx return 200': () => wrk(`http://127.0.0.1:${port.nginx}/healthz`),
  });
  compare('`GET /healthz`', results, 'nginx return 200', 1.0);
}

async function list(credentials) {
  const url = listUrl;
  const ask = (at, target) => () => wrk(`http://127.0.0.1:${at}${target}`, { headers: { cookie: credentials.cookie } });
  const [ours, twins] = await Promise.all([port.opboxd, port.twin].map((at) => servers.get(at, url, credentials)));
  const same = (answer) => JSON.stringify(JSON.parse(answer.body).chats);
  if (same(ours) !== same(twins))
    throw new Error(`the twin answers something else:\n${ours.body}\n${twins.body}`);
  const results = await interleave({
    opboxd: ask(port.opboxd, url),
    'nginx static file': ask(port.nginx, '/list.json'),
    'Fastify twin': ask(port.twin, url),
  });
  const size = `\`GET ${url}\` signed in, ${ours.body.length} bytes`;
  compare(size, results, 'nginx static file', 0.4);
  compare(size, results, 'Fastify twin', 4.0);
}

/** Commits and closures so far. */
async function commits(at) {
  const text = (await servers.get(at, '/metrics')).body.toString();
  const counter = (name) => {
    const m = new RegExp(`^opboxd_db_${name}_total(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text);
    if (!m) throw new Error(`/metrics has no ${name}`);
    return Number(m[1]);
  };
  return { commits: counter('commits'), closures: counter('closures') };
}

async function writes(what, at, credentials, limitArguments, bar) {
  const env = { BENCH_BODY: pageBody(0), BENCH_COOKIE: credentials.cookie, BENCH_CSRF: credentials['x-csrf-token'] };
  const script = ['-s', path.join(servers.here, 'write.lua')], depths = [];
  const results = await interleave({
    opboxd: async () => {
      const before = await commits(at);
      const result = await wrk(`http://127.0.0.1:${at}/api/documents`, { script, env });
      const after = await commits(at);
      depths.push((after.closures - before.closures) / (after.commits - before.commits));
      return result;
    },
    'the bare limit': async () => {
      const args = limitArguments(Math.max(1, depths.at(-1)));
      const { stdout } = await run('taskset', ['-c', '0', bare, ...args, String(seconds)]);
      return { rate: Number(stdout), p50: NaN, p99: NaN };
    },
  }, { turning: false });
  compare(`${what}, ${connections} connections, ${median(depths.slice(1)).toFixed(1)} a commit`, results, 'the bare limit', bar);
}

async function writesSqlite(dir, server, credentials) {
  const file = path.join(work, 'bare.db');
  const db = new Database(servers.sqliteFile(dir), { readonly: true });
  db.exec(`VACUUM INTO '${file}'`);
  db.close();
  const limit = (depth) => ['sqlite', file, depth.toFixed(2)];
  await writes('`POST /api/documents`, SQLite, durable', port.opboxd, credentials, limit, 0.6);
  await run('taskset', ['-a', '-p', '-c', '0,1', String(server.pid)]); // beside the load, not on one processor
  await writes('the same, loop and writer on two processors', port.opboxd, credentials, limit, null);
}

async function writesPostgres() {
  const cluster = await servers.postgresStart(path.join(work, 'pg'));
  if (!cluster) return say('  no PostgreSQL here: left out');
  const dir = path.join(work, 'data-pg');
  servers.opboxdInit(dir, cluster.url);
  const server = await servers.opboxdStart(dir, port.other, cluster.url);
  const credentials = await servers.signIn(port.other);
  await seed(port.other, credentials, 1);
  await writes('`POST /api/documents`, PostgreSQL, durable', port.other, credentials, () => ['pgsql', cluster.url, '16'], null);
  await servers.stop(server);
  await servers.stop(cluster, 'SIGINT');
}

function memory(pid) {
  const kb = (file, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/${file}`))[1]);
  return { rss: kb('status', 'VmRSS') / 1024, pss: kb('smaps_rollup', 'Pss') / 1024 };
}

/** Opens connections that have had one answer each and stay open. */
async function connect(at, count) {
  const open = [];
  const one = () => new Promise((resolve, reject) => {
    const socket = net.connect(at, '127.0.0.1', () => socket.write('GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n'));
    socket.once('data', () => resolve(open.push(socket)));
    socket.once('close', () => reject(new Error(`closed after ${open.length} connections`)));
    socket.once('error', reject);
  });
  while (open.length < count)
    await Promise.all(Array.from({ length: Math.min(100, count - open.length) }, one));
  return open;
}

async function startAndSize() {
  const times = [];
  let server;
  for (let i = 0; i <= rounds; i++) {
    const dir = path.join(work, `start-${i}`);
    servers.opboxdInit(dir);
    server = await servers.opboxdStart(dir, port.other);
    times.push(server.ready_ms);
    if (i < rounds) await servers.stop(server);
  }
  const ready = median(times.slice(1));
  row('start to ready, SQLite, empty database', `${number(ready)} ms`, '', '', '≤ 100 ms', ready <= 100);
  await pause(2000);
  const before = memory(server.pid);
  row('idle memory', `${number(before.rss)} MB RSS, ${number(before.pss)} MB PSS`, '', '', '≤ 20 MB', before.rss <= 20);
  const size = fs.statSync(servers.binary).size / 1e6;
  row('binary, with symbols', `${number(size)} MB`, '', '', '≤ 15 MB', size <= 15);
  const open = await connect(port.other, idle);
  await pause(1000);
  const during = memory(server.pid);
  row(`memory per idle connection (${idle.toLocaleString('en')} kept alive)`,
    `${number(((during.rss - before.rss) * 1048576) / idle)} bytes`, '', '', 'for information', null);
  for (const socket of open) socket.removeAllListeners('close').destroy();
  await servers.stop(server);
}

async function httpParts() {
  const dir = path.join(work, 'data');
  servers.opboxdInit(dir);
  const server = await servers.opboxdStart(dir, port.opboxd);
  const credentials = await servers.signIn(port.opboxd);
  await seedThreads(port.opboxd, credentials, threads);
  await seed(port.opboxd, credentials, 1); // what the write part copies
  const answers = await Promise.all(['/healthz', listUrl].map((url) => servers.get(port.opboxd, url, credentials)));
  for (const answer of answers) if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  const others = [
    await servers.nginxStart(path.join(work, 'nginx'), port.nginx, answers[0].body, answers[1].body),
    await servers.twinStart(servers.sqliteFile(dir), port.twin, path.join(work, 'twin.log')),
  ];
  if (wanted.includes('healthz')) await healthz();
  if (wanted.includes('list')) await list(credentials);
  for (const other of others) await servers.stop(other);
  if (wanted.includes('write')) await writesSqlite(dir, server, credentials);
  await servers.stop(server);
}

/** What a person waits for: tests/console/speed.mjs in a real browser, on the program with the console inside. */
async function consoleParts() {
  const root = path.resolve(servers.here, '..'), program = path.join(root, 'build/opboxd');
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', path.join(root, 'tests/console/speed.mjs')],
    { env: { ...process.env, OPBOXD: program }, maxBuffer: 1 << 26 });
  const figures = JSON.parse(/^# speed (.*)$/m.exec(stdout)[1]);
  for (const name of ['home', 'chat', 'search']) {
    const [full, quarter] = [figures[`${name} 1`], figures[`${name} 4`]];
    row(`console, ${name}: largest content, cold`, `${number(full.lcp)} ms`, `at a quarter of the processor ${number(quarter.lcp)} ms`, '',
      '≤ 1,000 and 2,500 ms', full.lcp <= 1000 && quarter.lcp <= 2500);
    row(`console, ${name}: layout shift`, full.shift.toFixed(3), '', '', '≤ 0.05', Math.max(full.shift, quarter.shift) <= 0.05);
  }
  const { count, p75, max } = figures.interactions;
  row(`console: ${count} interactions, typing while an answer streams among them`, `p75 ${p75} ms, longest ${max} ms`, '', '', '≤ 100 and 200 ms', p75 <= 100 && max <= 200);
  const { before, after } = figures.heap;
  row('console: heap after 20 more answers', `${number(after / 1e6)} MB`, `before ${number(before / 1e6)} MB`, `${(after / before).toFixed(2)} ×`, '≤ 1.2 ×', after <= 1.2 * before);
}

// ---- report ----

function report() {
  const head = ['what', 'opboxd', 'against', 'ratio', 'bar', 'reached'];
  const lines = [head, head.map(() => '---'), ...table].map((cells) => `| ${cells.join(' | ')} |`);
  const cpu = os.cpus()[0].model.trim();
  return [`${new Date().toISOString().slice(0, 10)}, ${cpu}, ${os.cpus().length} processors, Linux ${os.release()}; `
    + `${rounds} rounds of ${seconds} s after one of warm-up, ${connections} connections.`, '', ...lines].join('\n');
}

function keep(text) {
  const file = path.join(servers.here, 'README.md');
  const old = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, old.replace(/(<!-- table -->\n)[^]*(<!-- end -->)/, (_, from, to) => `${from}${text}\n${to}`));
}

process.once('SIGTERM', () => process.exit(1)); // the servers go with it
try {
  await servers.portsFree(Object.values(port));
  if (parts.slice(0, 3).some((part) => wanted.includes(part))) await httpParts();
  if (wanted.includes('postgres')) await writesPostgres();
  if (wanted.includes('start')) await startAndSize();
  if (parts.slice(5, 10).some((part) => wanted.includes(part)))
    await relay({ wanted, row, compare, interleave, median, number, pause, seed, seconds, work, port, bare });
  await native({ wanted, row, number, work });
  if (wanted.includes('console')) await consoleParts();
  const text = report();
  process.stdout.write(`${text}\n`);
  if (parts.every((part) => wanted.includes(part))) keep(text);
  fs.rmSync(work, { recursive: true });
} catch (e) {
  say(`bench: ${e.message}\nWhat the servers said is in ${work}.`);
  process.exitCode = 1;
}
process.exit();
