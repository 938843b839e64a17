// Runs that are cut: the server killed or stopped while they stream, their owner lost with readers on another process,
// the connection to either side broken at any byte. Nothing that was shown is lost but half a second, and the ledger
// has every call once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { after, test } from 'node:test';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
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
  mock.prependFixture({ match: { userMessage: 'case-endless' }, response: { content: Array.from({ length: 150 }, (_, i) => `w${i}`).join(' ') }, chunkSize: 5, latency: 40 });
  const [run] = streams(client, 1, 'case-endless');
  await poll(() => run.shown.length > 8, 'it streams');
  const began = Date.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.ok(Date.now() - began < 10_000, 'within ten seconds');
  await run.done;
  const again = await serve(s, { flags: unlimited, env: settings.openai(mock) });
  const after = await signedIn(again);
  const [, answer] = (await after.json(`/api/ai/chats/${run.id}/messages`)).body.messages;
  assert.equal(answer.status, 'INTERRUPTED');
  assert.ok(answer.content.startsWith('w0 w1'), answer.content.slice(0, 40));
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

// A wire to the provider that breaks where a question says: "run-… cut-after-000123" lets so many bytes of its answer
// through, and no more. `told` has how long the answer of a run was, and `cuts` the runs whose answer lost something.
async function breaking(target) {
  const wire = { cuts: new Set(), told: new Map() }, open = new Set();
  const server = createServer((c) => {
    const u = connect(target, '127.0.0.1');
    let asked = [], told = 0, run, left; // of the exchange that is under way: connections are kept
    for (const end of [c, u]) open.add(end);
    c.on('data', (d) => {
      if (told) [asked, told] = [[], 0];
      asked.push(d);
      u.write(d);
    });
    u.on('data', (d) => {
      if (!told) [run, left] = /run-(\d{6}) cut-after-(\d{6})/.exec(Buffer.concat(asked)).slice(1).map(Number);
      told += d.length;
      wire.told.set(run, told);
      if (d.length <= left) {
        left -= d.length;
        c.write(d);
        return;
      }
      wire.cuts.add(run);
      u.destroy();
      // Half of them with a FIN, half with a reset.
      c.write(d.subarray(0, left), () => (run % 16 < 8 ? c.destroy() : c.resetAndDestroy()));
    });
    for (const [x, y] of [[c, u], [u, c]]) x.on('error', () => y.destroy()).on('end', () => y.end());
    c.on('close', () => u.destroy());
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  after(() => {
    for (const end of open) end.destroy();
    server.close();
  });
  wire.url = `http://127.0.0.1:${server.address().port}`;
  return wire;
}

// What the provider bills: the list's nano-dollars a token.
const priced = [{ provider: 'openai', model: 'gpt-4.1', input: 2000, output: 8000 }, { provider: 'anthropic', model: 'claude-sonnet-4-5', input: 3000, output: 15000 }];
const six = (n) => String(n).padStart(6, '0'), below = (n) => Math.floor(Math.random() * n);
// Each ledger row with its thread and what was reserved for its run.
const booked = `SELECT t.client_id AS thread, l.provider, l.basis, l.error, l.input_tokens AS input, l.output_tokens AS output,
  l.cost_nanousd AS cost, r.cost_nanousd AS reserved, r.settled_nanousd AS settled, r.state
  FROM ledger l LEFT JOIN threads t ON t.id = l.thread_id LEFT JOIN reservations r ON r.run_id = l.run_id`;
const query = (s, sql) => s.pg ? JSON.parse(s.pg.sql(`SELECT coalesce(json_agg(x), '[]') FROM (${sql}) x`))
  : new DatabaseSync(join(s.data, 'opboxd.db'), { readOnly: true }).prepare(sql).all();

// Runs of four kinds in turn: left alone; cut by the provider's side, whose wire breaks; by its user, who stops it; by
// a reader that goes, which cuts nothing. Four in OpenAI's format, four in Anthropic's, and so on.
const kinds = ['alone', 'wire', 'stop', 'gone'], kindOf = (n) => kinds[n % 4], pricedOf = (n) => priced[Math.floor(n / 4) % 2];
for (const engine of engines) {
  const count = CUTS / engines.length;
  test(`${count} runs in both formats cut at random bytes by either side: the ledger and the provider’s bill, ${engine}`, async () => {
    const mock = await provider(), wire = await breaking(Number(new URL(mock.url).port)), bills = new Map();
    const response = (request) => {
      const n = Number(/run-(\d{6})/.exec(JSON.stringify(request.messages))[1]), p = pricedOf(n);
      const usage = { prompt_tokens: 100 + n, completion_tokens: 1 + (n % 97) };
      bills.set(n, [...(bills.get(n) ?? []), { input: usage.prompt_tokens, output: usage.completion_tokens, cost: usage.prompt_tokens * p.input + usage.completion_tokens * p.output }]);
      return { content: 'An answer of some words that comes in a dozen pieces or so.', usage };
    };
    for (const [userMessage, latency] of [['cut-after', 2], ['slowly', 15]]) mock.prependFixture({ match: { userMessage }, chunkSize: 6, latency, response });
    const s = await initialized(engine);
    const server = await serve(s, { flags: unlimited, env: { ...settings.openai(wire), ...settings.anthropic(wire) } }), client = await signedIn(server);
    assert.equal((await client.json('/api/settings/ai-budget', { method: 'PATCH', json: { capUsd: 100000 } })).status, 200);
    const refused = [], ends = { alone: 0, stopped: 0, gone: 0 };
    let shown; // bytes of an answer as its reader gets it
    const one = async (n) => {
      const id = 'cut-' + n, kind = kindOf(n), { provider: name, model } = pricedOf(n), going = new AbortController();
      const limit = kind === 'stop' || kind === 'gone' ? below(shown) : Infinity;
      const text = `run-${six(n)} cut-after-${six(kind === 'wire' ? below(wire.told.get(name === 'openai' ? 0 : 4)) : 999_999)} ${kind === 'stop' ? 'slowly' : ''}`;
      let bytes = 0, last = '';
      try {
        const r = await client.fetch('/api/ai/chat', { method: 'POST', json: { id, provider: name, model, messages: [question(text)] }, signal: going.signal });
        if (r.status !== 200) refused.push(`${r.status} ${await r.text()}`);
        for await (const d of r.body) {
          last = Buffer.from(d).toString();
          if ((bytes += d.length) > limit) going.abort();
        }
        if (kind === 'alone') ends.alone += last.endsWith('data: [DONE]\n\n');
        shown ??= bytes;
      } catch (e) {
        if (e.name !== 'AbortError') throw e;
        if (kind === 'gone') ends.gone++;
        else ends.stopped += (await client.json(`/api/ai/chat/${id}/stop`, { method: 'POST' })).body.stopped;
      }
    };
    const all = Array.from({ length: count }, (_, n) => n), rest = all.filter((n) => n !== 0 && n !== 4);
    for (const n of [0, 4]) await one(n); // how long an answer is
    for (let i = 0; i < rest.length; i += AT_ONCE) await Promise.all(rest.slice(i, i + AT_ONCE).map(one));
    const { spentUsd } = await poll(async () => {
      const b = await budget(client);
      return Number(b.reservedUsd) === 0 && b;
    }, 'all is settled');
    const reconciled = (await client.json('/api/settings/ai-usage/reconcile', { method: 'POST' })).body;
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    const rows = query(s, booked).map((r) => ({ ...r, cost: Number(r.cost) }));

    // It was as it says: all were begun, and either side did cut.
    assert.deepEqual(refused, []);
    assert.equal(ends.alone, all.filter((n) => kindOf(n) === 'alone').length, 'who was left alone is answered');
    assert.deepEqual([...wire.cuts].sort((a, b) => a - b), all.filter((n) => kindOf(n) === 'wire'), 'the wire cut what it was to cut');
    for (const { provider: name } of priced)
      for (const error of ['cut', 'stopped']) assert.ok(rows.some((r) => r.provider === name && r.error === error), `${name}: ${error}`);
    assert.ok(ends.stopped > 0 && ends.gone > 0, JSON.stringify(ends));

    // One row for each bill; without a bill, none but of a call that was stopped before the provider had read it.
    const of = new Map(all.map((n) => ['cut-' + n, []]));
    for (const row of rows) of.get(row.thread).push(row);
    for (const n of all) {
      const [row, ...more] = of.get('cut-' + n), [bill, ...twice] = bills.get(n) ?? [], what = `run ${n}: ${JSON.stringify({ row, more, bill, twice })}`;
      assert.ok(!more.length && !twice.length, 'none is double: ' + what);
      assert.ok(bill ? row : kindOf(n) === 'stop', 'none is missing: ' + what);
      if (!row) continue;
      assert.deepEqual([row.provider, row.state, Number(row.settled)], [pricedOf(n).provider, 'SETTLED', row.cost], what);
      assert.ok((bill?.cost ?? 0) <= row.cost && row.cost <= row.reserved, 'between the bill and the reservation: ' + what);
      if (row.basis === 'reported') assert.deepEqual([row.input, row.output, row.cost, row.error], [bill.input, bill.output, bill.cost, null], what);
      else assert.equal(row.error, kindOf(n) === 'wire' ? 'cut' : 'stopped', what);
      if (kindOf(n) !== 'stop') assert.equal(row.basis === 'reported', kindOf(n) !== 'wire', what);
    }
    assert.equal(Math.round(spentUsd * 1e9), rows.reduce((sum, row) => sum + row.cost, 0), 'the month’s sum is the rows’');
    assert.deepEqual([reconciled.drift, reconciled.rollupsCorrected, reconciled.callsBefore, reconciled.callsAfter], [0, 0, rows.length, rows.length], JSON.stringify(reconciled));
  });
}
