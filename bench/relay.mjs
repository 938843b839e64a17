// The relay part: chats through opboxd to a provider that is simulated (provider.c), read by streams.c.
// The provider stands on the load's processor: what is measured is what stands between the two.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import * as servers from './servers.mjs';

const run = promisify(execFile);
const built = (name) => path.resolve(servers.here, '../build-bench', name);
const chats = 64, busy = 2000, calm = 5000, readers = 10000, long = 100000;
const model = 'gpt-4o-mini'; // one that has a price

/** Writes a request for streams.c; N in it become a number that never comes twice. */
function request(file, line, headers, body) {
  const text = body ? JSON.stringify(body) : '';
  const all = { host: 'bench', ...headers, ...(body && { 'content-type': 'application/json', 'content-length': text.length }) };
  fs.writeFileSync(file, `${line} HTTP/1.1\r\n${Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${text}`);
  return file;
}

/** `opened` is called when each stream has had a token; the seconds count from there. */
async function streams(port, count, seconds, file, opened = () => {}) {
  const child = spawn('taskset', ['-c', '1', built('streams'), port, count, seconds, file].map(String));
  let out = '', err = '';
  child.stdout.on('data', (text) => { if (!out) opened(); out += text; });
  child.stderr.on('data', (text) => { err += text; });
  await new Promise((resolve) => { child.once('close', resolve); });
  const line = out.trim().split('\n')[1];
  if (!line) throw new Error(`port ${port}: ${err}`);
  const result = JSON.parse(line);
  if (result.failed) throw new Error(`port ${port}: ${result.failed} of ${count} streams failed: ${err}`);
  return result;
}

/** Processor time of a process and its threads so far, in microseconds. */
function processor(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10000;
}

const resident = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

/** Until nothing is under way any more that a round before has left: no run, no stream of the provider's. */
async function quiet(kit) {
  for (let i = 0; i < 200; i++) {
    const metrics = (await servers.get(kit.port.opboxd, '/metrics')).body.toString();
    const bill = await (await fetch(`http://127.0.0.1:${kit.port.provider}/bill`)).json();
    if (bill.open === 0 && /^opboxd_runs_open 0$/m.test(metrics)) return;
    await kit.pause(100);
  }
  throw new Error('streams of the round before do not end');
}

/** Streams that stay open: processor time of an event; resident memory of a stream, from an idle server on. */
async function held(kit, child, port, count, file, idle) {
  await quiet(kit);
  let spent, memory;
  const result = await new Promise((resolve, reject) => {
    const opened = async () => {
      await kit.pause(500);
      const from = processor(child.pid), start = performance.now();
      await kit.pause(kit.seconds * 1000);
      spent = (processor(child.pid) - from) / (performance.now() - start); // us a ms
      memory = resident(child.pid) - idle;
    };
    streams(port, count, kit.seconds + 1, file, opened).then(resolve, reject);
  });
  if (result.open < count) throw new Error(`port ${port}: ${result.open} of ${count} streams were open at the end`);
  const rate = result.tokens / result.seconds;
  return { us: spent / (rate / 1000), kb: memory / count, rate };
}

async function plan(kit, words) {
  await quiet(kit);
  const answer = await fetch(`http://127.0.0.1:${kit.port.provider}/standard?sim-${words}`, { method: 'POST' });
  if (!answer.ok) throw new Error(`the simulator does not take ${words}`);
}

async function firstTokens(kit, at) {
  await plan(kit, 'events20-interval5-bytes24');
  const results = await kit.interleave({
    direct: () => streams(kit.port.provider, 1, kit.seconds, at.direct),
    opboxd: () => streams(kit.port.opboxd, 1, kit.seconds, at.opboxd),
    commit: async () => JSON.parse((await run('taskset', ['-c', '0', kit.bare, 'latency', at.database, '1', String(kit.seconds)])).stdout),
  });
  const added = (name) => kit.median(results.opboxd.map((r, i) => r[name] - results.direct[i][name]));
  const commit = (name) => kit.median(results.commit.map((r) => r[name]));
  const line = (what, ms, bar, why) => kit.row(`chat relay: ${what}`, `${kit.number(ms)} ms`, why, '', `≤ ${kit.number(bar)} ms`, ms <= bar);
  line('added time to first token, p50', added('firstP50'), 1.3 * commit('p50') + 0.3, `one durable row ${kit.number(commit('p50'))} ms`);
  line('added time to first token, p99', added('firstP99'), 1.5 * commit('p99') + 1, `one durable row ${kit.number(commit('p99'))} ms`);
  line('added time of a token, p99', added('tokenP99'), 0.5, '');
}

async function throughput(kit, at) {
  await plan(kit, 'events20-interval0-bytes24');
  const rated = async (port, file) => {
    const r = await streams(port, chats, kit.seconds, file);
    return { rate: r.streams / r.seconds, p50: r.firstP50, p99: r.firstP99 };
  };
  kit.compare(`chats of 20 tokens, ${chats} at once, durable`, await kit.interleave({
    opboxd: () => rated(kit.port.opboxd, at.opboxd),
    'Portkey gateway': () => rated(kit.port.portkey, at.portkey),
  }), 'Portkey gateway', 5.0);
}

async function openStreams(kit, at) {
  await plan(kit, 'events1000000-interval100-bytes24');
  await restart(kit, at);
  const results = await kit.interleave({
    opboxd: () => held(kit, at.server, kit.port.opboxd, busy, at.unkept, at.idle),
    nginx: () => held(kit, at.nginx, kit.port.proxy, busy, at.direct, 0),
  });
  const of = (name, what) => kit.median(results[name].map((r) => r[what]));
  const ratio = kit.median(results.opboxd.map((r, i) => r.us / results.nginx[i].us));
  kit.row(`${busy} streams at 10 events/s: processor time of an event`, `${kit.number(of('opboxd', 'us'))} µs`,
    `nginx unbuffered ${kit.number(of('nginx', 'us'))} µs`, `${ratio.toFixed(2)} ×`, '≤ 1.6 ×', ratio <= 1.6);
  await plan(kit, 'events1000000-interval500-bytes24');
  await restart(kit, at);
  const many = await held(kit, at.server, kit.port.opboxd, calm, at.unkept, at.idle);
  kit.row(`${calm} streams at 2 events/s: memory of a stream`, `${kit.number(many.kb)} KB, ${kit.number(many.us)} µs an event`,
    `at ${busy} in later rounds ${kit.number(of('opboxd', 'kb'))} KB`, '', '≤ 32 KB', many.kb <= 32);
}

async function idleReaders(kit, at) {
  await restart(kit, at);
  await plan(kit, 'events1000000-interval2000-bytes24');
  const id = `readers-${Date.now()}`, stop = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${kit.port.opboxd}/api/ai/chat`, {
    method: 'POST', signal: stop.signal, headers: { ...at.credentials, 'content-type': 'application/json' },
    body: JSON.stringify({ ...at.chat, id }),
  });
  if (answer.status !== 200) throw new Error(`a chat: ${answer.status} ${await answer.text()}`);
  const file = request(path.join(kit.work, 'readers.http'), `GET /api/ai/chat/${id}/stream`, at.credentials);
  let mb;
  await streams(kit.port.opboxd, readers, 2, file, () => { mb = (resident(at.server.pid) - at.idle) / 1024; });
  await fetch(`http://127.0.0.1:${kit.port.opboxd}/api/ai/chat/${id}/stop`, { method: 'POST', headers: at.credentials });
  stop.abort();
  kit.row(`${readers} idle readers of a stream`, `${kit.number(mb)} MB`, '', '', '≤ 120 MB', mb <= 120);
}

/** Puts messages into a thread as the server would have, but all at once: 360 bytes each. */
function fill(file, thread, count) {
  const db = new DatabaseSync(file, { timeout: 5000 });
  const { workspace_id, id, user_id } = db.prepare('SELECT workspace_id, id, user_id FROM threads WHERE client_id = ?').get(thread);
  const add = db.prepare(`INSERT INTO messages (workspace_id, thread_id, seq, id, client_id, role, parts, content, created_at, updated_at, created_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const text = 'The board met at ten and approved the accounts. '.repeat(3), parts = JSON.stringify([{ type: 'text', text }]), now = Date.now();
  db.exec('BEGIN IMMEDIATE');
  for (let n = 1; n <= count; n++) {
    const name = `c${thread[0]}${String(n).padStart(23, '0')}`;
    add.run(workspace_id, id, n, name, name, n % 2 ? 'user' : 'assistant', parts, text, now - count + n, now, user_id);
  }
  db.prepare('UPDATE threads SET message_count = ?, last_message_at = ? WHERE workspace_id = ? AND id = ?').run(count, now, workspace_id, id);
  db.exec('COMMIT');
  const bytes = db.prepare('SELECT sum(length(parts) + length(content)) AS n FROM messages WHERE thread_id = ?').get(id).n;
  db.close();
  return bytes;
}

/** A thread of many messages: its newest page, and what it adds before the provider is called. */
async function longThread(kit, at) {
  await plan(kit, 'events20-interval5-bytes24');
  const base = `http://127.0.0.1:${kit.port.opboxd}`, headers = { ...at.credentials, 'content-type': 'application/json' };
  for (const id of ['long', 'short'])
    await fetch(`${base}/api/ai/chats`, { method: 'POST', headers, body: JSON.stringify({ id, title: id }) });
  const bytes = fill(at.database, 'long', long);
  fill(at.database, 'short', 20);
  const page = async (id) => {
    const times = [];
    for (let i = 0; i < 100; i++) {
      const start = performance.now();
      const answer = await servers.get(kit.port.opboxd, `/api/ai/chats/${id}/messages?limit=50`, at.credentials);
      if (answer.status !== 200) throw new Error(`a page: ${answer.status} ${answer.body}`);
      times.push(performance.now() - start);
    }
    return { rate: 0, ms: kit.median(times) };
  };
  const file = (id) => request(path.join(kit.work, `${id}.http`), 'POST /api/ai/chat', at.credentials, { ...at.chat, id });
  const results = await kit.interleave({
    page: () => page('long'), shortPage: () => page('short'),
    long: () => streams(kit.port.opboxd, 1, kit.seconds, file('long')), short: () => streams(kit.port.opboxd, 1, kit.seconds, file('short')),
  });
  const of = (name, what) => kit.median(results[name].map((r) => r[what]));
  const added = kit.median(results.long.map((r, i) => r.firstP50 - results.short[i].firstP50));
  const size = `${long.toLocaleString('en')} messages, ${Math.round(bytes / 1e6)} MB`;
  kit.row(`a thread of ${size}: newest 50 messages`, `${kit.number(of('page', 'ms'))} ms`, `20 messages ${kit.number(of('shortPage', 'ms'))} ms`, '', '≤ 5 ms', of('page', 'ms') <= 5);
  kit.row('the same: added before the provider is called', `${kit.number(Math.max(0, added))} ms`, '', '', '≤ 10 ms', added <= 10);
}

function nginxConfig(dir, port, upstream) {
  return `
    master_process off; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log;
    ${process.getuid() === 0 ? 'user root;' : ''} worker_rlimit_nofile 20000;
    events { worker_connections 16384; }
    http { access_log off; keepalive_requests 1000000000;
      client_body_temp_path ${dir}/t1; proxy_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3;
      uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5;
      upstream provider { server 127.0.0.1:${upstream}; keepalive 4096; }
      server { listen 127.0.0.1:${port} backlog=8192; location / { proxy_pass http://provider; proxy_http_version 1.1;
        proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 300s; } } }`;
}

/** A server that has done nothing yet, so that what a stream or reader takes is its own. */
async function restart(kit, at) {
  if (at.server) await servers.stop(at.server);
  at.server = await servers.opboxdStart(at.dir, kit.port.opboxd, null,
    { OPENAI_BASE_URL: `http://127.0.0.1:${kit.port.provider}`, OPENAI_API_KEY: 'sk-simulated' });
  await kit.pause(500);
  at.idle = resident(at.server.pid);
}

async function startAll(kit) {
  const { port, work } = kit;
  const log = (name) => path.join(work, `${name}.log`);
  const provider = servers.serve(built('provider'), [String(port.provider)], { log: log('provider'), processor: 1 });
  await servers.ready(provider, port.provider, '/healthz', log('provider'));
  const dir = path.join(work, 'data-relay'), proxyDir = path.join(work, 'proxy');
  servers.opboxdInit(dir);
  const at = { provider, dir, database: servers.sqliteFile(dir) };
  await restart(kit, at);
  fs.mkdirSync(proxyDir, { recursive: true });
  fs.writeFileSync(path.join(proxyDir, 'nginx.conf'), nginxConfig(proxyDir, port.proxy, port.provider));
  at.nginx = servers.serve(servers.nginxPath(), ['-c', path.join(proxyDir, 'nginx.conf')], { log: log('proxy') });
  await servers.ready(at.nginx, port.proxy, '/healthz', log('proxy'));
  const gateway = path.join(servers.here, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  at.portkey = servers.serve(process.execPath, [gateway, '--headless', `--port=${port.portkey}`],
    { log: log('portkey'), env: { NODE_ENV: 'production' } });
  await servers.ready(at.portkey, port.portkey, '/', log('portkey'));
  return at;
}

/** Everything of this part. `kit` is what measure.mjs shares. */
export async function relay(kit) {
  const at = await startAll(kit);
  at.credentials = await servers.signIn(kit.port.opboxd);
  // Each stream that is cut costs what it could have: tens of thousands of them are over any month's cap.
  const budget = await fetch(`http://127.0.0.1:${kit.port.opboxd}/api/settings/ai-budget`, {
    method: 'PATCH', headers: { ...at.credentials, 'content-type': 'application/json' }, body: JSON.stringify({ capUsd: null }),
  });
  if (budget.status !== 200) throw new Error(`no cap: ${budget.status} ${await budget.text()}`);
  await kit.seed(kit.port.opboxd, at.credentials, 1);
  const messages = [{ role: 'user', content: 'What is due this week?' }];
  const asked = { model, stream: true, stream_options: { include_usage: true }, messages };
  at.chat = { provider: 'openai', model, messages };
  const file = (name) => path.join(kit.work, `${name}.http`);
  at.opboxd = request(file('opboxd'), 'POST /api/ai/chat', at.credentials, { ...at.chat, id: 'bench-NNNNNNNNNNNN' });
  // A run of a thread outlives its reader; without one it ends with it.
  at.unkept = request(file('unkept'), 'POST /api/ai/chat', at.credentials, at.chat);
  at.direct = request(file('direct'), 'POST /v1/chat/completions', { authorization: 'Bearer sk-simulated' }, asked);
  at.portkey = request(file('portkey'), 'POST /v1/chat/completions', { authorization: 'Bearer sk-simulated',
    'x-portkey-provider': 'openai', 'x-portkey-custom-host': `http://127.0.0.1:${kit.port.provider}/v1` }, asked);
  if (kit.wanted.includes('first')) await firstTokens(kit, at);
  if (kit.wanted.includes('chats')) await throughput(kit, at);
  await servers.stop(at.portkey);
  if (kit.wanted.includes('thread')) await longThread(kit, at);
  if (kit.wanted.includes('streams')) await openStreams(kit, at);
  if (kit.wanted.includes('readers')) await idleReaders(kit, at);
  for (const child of [at.nginx, at.server, at.provider]) await servers.stop(child);
}
