// Runs that are cut: the server killed or stopped while they stream, their owner lost with readers on another process,
// the connection to either side broken at any byte. Nothing that was shown is lost but half a second, and the ledger
// has every call once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import { join } from 'node:path';
import { folder, freePort, initialized, pgUrl, serve, signedIn, soak, unlimited } from './harness.mjs';
import { events, parts, said } from './aisdk.mjs';
import { provider, settings } from './provider.mjs';

const STREAMS = soak ? 100 : 25, CUTS = soak ? 10_000 : 200, AT_ONCE = 20;
const engines = ['sqlite', 'postgres'].filter((e) => e === 'sqlite' || pgUrl);
const json = { 'content-type': 'application/json' };
const question = (text) => ({ id: 'm-' + randomUUID(), role: 'user', parts: [{ type: 'text', text }] });
const ask = (client, id, text, init) => client.fetch('/api/ai/chat', { method: 'POST', headers: json, body: JSON.stringify({ id, messages: [question(text)] }), ...init });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function poll(check, what, ms = 20_000) {
  for (const end = Date.now() + ms; Date.now() < end; await pause(25)) {
    const r = await check();
    if (r) return r;
  }
  assert.fail(`${what}: not within ${ms} ms`);
}
async function usage(client) {
  const rows = [];
  for (let cursor = ''; ; ) {
    const { body } = await client.json(`/api/settings/ai-usage?limit=100${cursor && '&cursor=' + cursor}`);
    rows.push(...body.usage);
    if (!body.pagination.hasMore) return rows;
    cursor = body.pagination.nextCursor;
  }
}
const budget = async (client) => (await client.json('/api/settings/ai-budget')).body.budget;

// Streams of `count` threads, each with what its reader was shown and when.
function streams(client, count, text = 'case-slow') {
  return Array.from({ length: count }, () => {
    const s = { id: 't-' + randomUUID(), shown: [] };
    s.done = ask(client, s.id, text)
      .then((r) => events(r, { onEvent: (e) => s.shown.push({ at: Date.now(), ...e }) }))
      .catch((error) => (s.error = error));
    return s;
  });
}

for (const engine of engines)
  test(`kill -9 while ${STREAMS} runs stream, ${engine}`, async () => {
    const mock = await provider(), s = await initialized(engine);
    let server = await serve(s, { flags: unlimited, env: settings.openai(mock) });
    let client = await signedIn(server);
    const running = streams(client, STREAMS);
    await poll(() => running.every((r) => r.shown.length > 8), 'every run streams');
    const killedAt = Date.now();
    await server.kill();
    await Promise.all(running.map((r) => r.done));
    server = await serve(s, { flags: unlimited, env: settings.openai(mock), port: server.port });
    assert.ok(server.readyMs <= 5000, `restarted in ${server.readyMs} ms`);
    client = await signedIn(server);
    for (const r of running) {
      const thread = await poll(async () => {
        const { chat } = (await client.json(`/api/ai/chats/${r.id}`)).body;
        return chat && !chat.active && chat;
      }, 'no thread stays active');
      assert.ok(thread);
      const messages = (await client.json(`/api/ai/chats/${r.id}/messages`)).body.messages;
      assert.deepEqual(messages.map((m) => m.role), ['user', 'assistant']);
      const finished = r.shown.at(-1)?.data === '[DONE]';
      assert.equal(messages[1].status, finished ? 'DONE' : 'INTERRUPTED');
      // What had been shown half a second before the end is there.
      const old = said(r.shown.filter((e) => e.at < killedAt - 600));
      assert.ok(messages[1].content.startsWith(old.trimEnd()), `${messages[1].content.length} of ${old.length} characters are kept`);
    }
    // Nothing stays reserved, and each call has its row: what was not reported, as its worst case.
    await poll(async () => Number((await budget(client)).reservedUsd) === 0, 'reservations of the dead process are settled');
    const rows = await usage(client);
    assert.equal(rows.length, STREAMS);
    assert.equal(new Set(rows.map((r) => r.id)).size, STREAMS);
    const next = await events(await ask(client, running[0].id, 'hello'));
    assert.equal(said(next), 'Hello from the provider.');
  });

test('SIGTERM: what runs is given its time, then marked, and the client told', async () => {
  const mock = await provider(), s = await initialized('sqlite');
  const server = await serve(s, { flags: [...unlimited, '--drain-timeout', '1'], env: settings.openai(mock) });
  const client = await signedIn(server);
  mock.addFixture({ match: { userMessage: 'case-endless' }, response: { content: Array.from({ length: 2000 }, (_, i) => `w${i}`).join(' ') }, chunkSize: 5, latency: 20 });
  const [run] = streams(client, 1, 'case-slow case-endless');
  await poll(() => run.shown.length > 8, 'it streams');
  const began = Date.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - began < 10_000, 'within ten seconds');
  await run.done;
  const again = await serve(s, { flags: unlimited, env: settings.openai(mock) });
  const after = await signedIn(again);
  const [, answer] = (await after.json(`/api/ai/chats/${run.id}/messages`)).body.messages;
  assert.ok(['INTERRUPTED', 'DONE'].includes(answer.status), answer.status);
  assert.ok(answer.content.startsWith('word0'), answer.content.slice(0, 40));
});

test('two processes over PostgreSQL: readers on both, stop from the other, the owner killed', { skip: !pgUrl }, async () => {
  const mock = await provider(), s = await initialized('postgres');
  const other = { ...s, data: join(folder(), 'data') };
  other.flags = ['--data', other.data, ...s.flags.slice(2)];
  const [a, b] = [await serve(s, { flags: unlimited, env: settings.openai(mock) }), await serve(other, { flags: unlimited, env: settings.openai(mock) })];
  const [onA, onB] = [await signedIn(a), await signedIn(b)];

  // The same stream on both.
  const id = 't-' + randomUUID();
  const first = ask(onA, id, 'case-slow').then((r) => events(r));
  await poll(async () => (await onB.json(`/api/ai/chats/${id}`)).body.chat?.active, 'b sees it run');
  const there = await events(await onB.fetch(`/api/ai/chat/${id}/stream`));
  assert.equal(said(there), said(await first));
  assert.match(said(there), /^word0 .* word59$/);
  assert.equal(there.at(-1).data, '[DONE]');

  // A capability is needed.
  for (const headers of [{}, { 'x-opboxd-node': 'Zm9v.YmFy' }])
    assert.ok([400, 404].includes((await fetch(`${a.base}/api/internal/runs/x/stream`, { headers })).status));

  // Stop reaches the owner.
  const [stopped] = streams(onA, 1);
  await poll(() => stopped.shown.length > 8, 'it streams');
  assert.deepEqual((await onB.json(`/api/ai/chat/${stopped.id}/stop`, { method: 'POST' })).body, { success: true, stopped: true });
  await stopped.done;
  assert.equal((await onB.json(`/api/ai/chats/${stopped.id}/messages`)).body.messages[1].status, 'STOPPED');

  // The owner dies: readers of the other process see the cut, the run ends there as interrupted, the thread goes on.
  const [lost] = streams(onA, 1);
  await poll(() => lost.shown.length > 8, 'it streams');
  const relayed = onB.fetch(`/api/ai/chat/${lost.id}/stream`).then((r) => events(r)).catch(() => 'cut');
  await pause(100);
  await a.kill();
  await lost.done;
  const seen = await relayed;
  assert.ok(seen === 'cut' || seen.at(-1)?.data !== '[DONE]', 'a cut stream does not look whole');
  await poll(async () => !(await onB.json(`/api/ai/chats/${lost.id}`)).body.chat.active, 'b takes it over', 30_000);
  assert.equal((await onB.json(`/api/ai/chats/${lost.id}/messages`)).body.messages[1].status, 'INTERRUPTED');
  assert.equal(said(await events(await ask(onB, lost.id, 'hello'))), 'Hello from the provider.');
});

// A wire that breaks: after so many bytes of what the provider answers, or never.
async function breaking(target) {
  const state = { after: Infinity, open: new Set() };
  const server = createServer((c) => {
    const u = connect(target, '127.0.0.1');
    let left = state.after;
    state.after = Infinity;
    state.open.add(c);
    c.on('data', (d) => u.write(d));
    u.on('data', (d) => {
      if (d.length < left) {
        left -= d.length;
        c.write(d);
      } else {
        c.write(d.subarray(0, left), () => c.destroy());
        u.destroy();
      }
    });
    for (const [x, y] of [[c, u], [u, c]]) x.on('error', () => y.destroy()).on('close', () => y.destroy());
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  after(() => {
    for (const c of state.open) c.destroy();
    server.close();
  });
  return { port: server.address().port, state };
}

test(`${CUTS} runs cut at random bytes by either side: the ledger and the provider’s bill`, async () => {
  const mock = await provider(), wire = await breaking(Number(new URL(mock.url).port));
  const s = await initialized('sqlite');
  const env = { ...settings.openai(mock), OPENAI_BASE_URL: `http://127.0.0.1:${wire.port}/v1` };
  const server = await serve(s, { flags: unlimited, env }), client = await signedIn(server);
  assert.equal((await client.json('/api/settings/ai-budget', { method: 'PATCH', json: { capUsd: 100000 } })).status, 200);
  let wholes = 0;
  const refused = [];
  const one = async (n) => {
    const id = 't-' + randomUUID();
    // By the provider's side: its wire breaks. By the client's: it stops reading, and then stops the run.
    if (n % 3 === 0) wire.state.after = 1 + Math.floor(Math.random() * 2500);
    const cut = new AbortController(), limit = n % 3 === 1 ? Math.floor(Math.random() * 1500) : Infinity;
    let bytes = 0;
    try {
      const r = await ask(client, id, 'hello', { signal: cut.signal });
      if (r.status !== 200) refused.push(r.status);
      const list = await events(r, { onEvent: (e) => (bytes += e.data.length + 20) > limit && cut.abort() });
      wholes += parts(list).some((p) => p.type === 'finish' && p.finishReason === 'stop') ? 1 : 0;
    } catch {
      await client.json(`/api/ai/chat/${id}/stop`, { method: 'POST' });
    }
  };
  for (let n = 0; n < CUTS; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => one(n + i)));
  await poll(async () => Number((await budget(client)).reservedUsd) === 0, 'all is settled');
  assert.deepEqual(refused, [], 'every run was begun');
  const asked = mock.getRequests ? mock.getRequests().length : undefined;
  const rows = await usage(client);
  assert.equal(new Set(rows.map((r) => r.id)).size, rows.length, 'none twice');
  const price = rows.find((r) => r.basis === 'reported' && r.outputTokens === 7).costUsd;
  for (const row of rows) {
    if (row.basis === 'reported' && !row.error) assert.deepEqual([row.inputTokens, row.outputTokens, row.costUsd], [11, 7, price], JSON.stringify(row));
    else if (!/^http_/.test(row.error ?? '')) assert.ok(row.costUsd >= price, `an estimate is never below the bill: ${JSON.stringify(row)}`);
  }
  if (asked !== undefined) assert.ok(rows.length >= asked, `each of the ${asked} calls that the provider saw has its row (${rows.length})`);
  assert.ok(wholes > CUTS / 4, `${wholes} whole answers`);
  const { drift } = (await client.json('/api/settings/ai-usage/reconcile', { method: 'POST' })).body;
  for (const value of Object.values(drift ?? {})) if (typeof value === 'number') assert.equal(value, 0, JSON.stringify(drift));
});
