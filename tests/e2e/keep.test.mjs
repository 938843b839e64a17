// Answers as they are kept: what was shown is in the thread whatever happened, once, and tells how it ended to who asks again.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { events, parts, said } from './aisdk.mjs';
import { initialized, pgUrl, serve, signedIn, unlimited } from './harness.mjs';
import { provider, settings } from './provider.mjs';

const engines = ['sqlite', 'postgres'].filter((e) => e === 'sqlite' || pgUrl);
const json = { 'content-type': 'application/json' };
const user = (text, id = 'm-' + randomUUID()) => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const post = (client, body) => client.fetch('/api/ai/chat', { method: 'POST', headers: json, body: JSON.stringify(body) });
const ask = async (client, id, message, more) => events(await post(client, { id, messages: [message], ...more }));
const kept = async (client, id) => (await client.json(`/api/ai/chats/${id}/messages`)).body.messages;
const answered = (message, call, part) => ({ id: message.id, role: 'assistant', parts: [{ type: 'tool-ask_question', toolCallId: call, input: {}, ...part }] });
const end = (list) => parts(list).filter((p) => ['finish', 'error', 'abort'].includes(p.type)).map((p) => p.finishReason ?? p.type);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function poll(check, what, ms = 20_000) {
  for (const last = Date.now() + ms; Date.now() < last; await pause(25)) {
    const r = await check();
    if (r) return r;
  }
  assert.fail(`${what}: not within ${ms} ms`);
}
const idle = (client, id) => poll(async () => (await client.json(`/api/ai/chats/${id}`)).body.chat?.active === false, 'the thread is free');

const words = (n, what = 'word') => Array.from({ length: n }, (_, i) => `${what}${i}`).join(' ');
// Asks for a country first, then says `content`.
const asking = (userMessage, content, how) => [
  { match: { userMessage, hasToolResult: false }, response: { blocks: [{ type: 'text', text: 'The important first half.' },
    { type: 'toolCall', id: 'call_' + userMessage, name: 'ask_question', arguments: { question: 'Which country?' } }], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } } },
  { match: { userMessage, hasToolResult: true }, response: { content, usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 } }, ...how }];
const fixtures = [
  ...asking('keep-ask-slow', words(400), { chunkSize: 6, latency: 30 }),
  ...asking('keep-ask-once', 'Spain it is.'),
  { match: { userMessage: 'keep-control' }, response: { content: '\u0001'.repeat(1.2e6) }, chunkSize: 60_000 },
  { match: { userMessage: 'keep-long' }, response: { content: words(120) }, chunkSize: 8, latency: 30 }];

async function start(engine = 'sqlite') {
  const mock = await provider(fixtures), s = await initialized(engine);
  const env = settings.openai(mock);
  let server = await serve(s, { flags: unlimited, env });
  const up = { s, mock, server, client: await signedIn(server),
    async restart() {
      server = up.server = await serve(s, { flags: unlimited, env, port: server.port });
      up.client = await signedIn(server);
    } };
  return up;
}

test('text that JSON makes six times as long ends at the bound of a message, and the thread goes on', async () => {
  const up = await start();
  const list = await ask(up.client, 'control', user('keep-control'));
  assert.notDeepEqual(end(list), ['stop']);
  await idle(up.client, 'control');
  const [, answer] = await kept(up.client, 'control');
  assert.ok(answer.content.length > 100_000 && answer.content.length < 1_000_000, `${answer.content.length} characters`);
  assert.notEqual(answer.status, 'DONE');
  await up.server.kill();
  await up.restart();
  assert.equal(said(await ask(up.client, 'control', user('hello'))), 'Hello from the provider.');
});

test('a message that the database refuses ends its run with a sentence, at once and after kill -9; the others are kept', async () => {
  const up = await start();
  const db = new DatabaseSync(join(up.s.data, 'opboxd.db'));
  db.exec(`PRAGMA busy_timeout = 10000; CREATE TRIGGER refused BEFORE INSERT ON messages
    WHEN NEW.role = 'assistant' AND NEW.thread_id IN (SELECT id FROM threads WHERE client_id LIKE 'refused%') AND length(NEW.content) > 60
    BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  db.close();
  const long = await ask(up.client, 'refused-1', user('case-slow'));
  assert.deepEqual(end(long), ['error', 'error']);
  await idle(up.client, 'refused-1');
  const [, answer] = await kept(up.client, 'refused-1');
  assert.deepEqual([answer.status, answer.content], ['FAILED', 'The server could not keep this answer.']);
  assert.equal(said(await ask(up.client, 'refused-1', user('hello'))), 'Hello from the provider.');
  const streams = ['refused-2', 'good'].map((id) => {
    const seen = { shown: 0 };
    post(up.client, { id, messages: [user('keep-long')] }).then((r) => events(r, { onEvent: () => seen.shown++ })).catch(() => {});
    return seen;
  });
  await poll(() => streams.every((s) => s.shown > 30), 'both stream');
  await pause(600); // what is older than half a second is in the journal
  await up.server.kill();
  await up.restart();
  for (const [id, content] of [['refused-2', /^The server could not keep this answer\.$/], ['good', /^word0 word1 /]]) {
    await idle(up.client, id);
    const [, lost] = await kept(up.client, id);
    assert.equal(lost.status, 'INTERRUPTED');
    assert.match(lost.content, content);
  }
});

for (const engine of engines)
  test(`kill -9 while an answered question goes on: the first half, the answer and what came after are there, ${engine}`, async () => {
    const up = await start(engine);
    await ask(up.client, 'on', user('keep-ask-slow'));
    const [, waiting] = await kept(up.client, 'on');
    assert.equal(waiting.status, 'AWAITING');
    const shown = [];
    const going = post(up.client, { id: 'on', messages: [answered(waiting, 'call_keep-ask-slow', { state: 'output-available', output: 'Spain' })] })
      .then((r) => events(r, { onEvent: (e) => shown.push({ at: Date.now(), ...e }) })).catch(() => {});
    await poll(() => shown.length > 40, 'it goes on');
    // A reload meanwhile shows what was answered.
    const [, meanwhile] = await kept(up.client, 'on');
    assert.deepEqual(meanwhile.parts.find((p) => p.type === 'tool-ask_question').output, 'Spain');
    await pause(700);
    const killedAt = Date.now();
    await up.server.kill();
    await going;
    await up.restart();
    await idle(up.client, 'on');
    const messages = await kept(up.client, 'on');
    assert.equal(messages.length, 2);
    const [, lost] = messages, old = said(shown.filter((e) => e.at < killedAt - 600)).trimEnd();
    assert.ok(old.length > 20, old);
    assert.equal(lost.status, 'INTERRUPTED');
    assert.ok(lost.content.startsWith('The important first half.') && lost.content.includes(old), lost.content.slice(0, 200));
    assert.deepEqual(lost.parts.find((p) => p.type === 'tool-ask_question').output, 'Spain');
    assert.equal(lost.usage.inputTokens, 11, 'what the first half cost');
  });

test('the same question again is told how its answer ended', async () => {
  const up = await start();
  const again = async (id, message) => {
    const list = await ask(up.client, id, message);
    return [said(list), end(list)];
  };
  const cut = user('case-cut');
  const first = await ask(up.client, 'cut', cut);
  assert.deepEqual(end(first), ['error', 'error']);
  assert.deepEqual(await again('cut', cut), [said(first), ['error', 'error']]);
  const stopped = user('keep-long'), seen = [];
  const running = post(up.client, { id: 'stopped', messages: [stopped] }).then((r) => events(r, { onEvent: (e) => seen.push(e) }));
  await poll(() => seen.length > 10, 'it streams');
  assert.equal((await up.client.json('/api/ai/chat/stopped/stop', { method: 'POST' })).status, 200);
  assert.deepEqual(end(await running), ['abort', 'other']);
  assert.deepEqual((await again('stopped', stopped))[1], ['abort', 'other']);
  const waits = user('keep-ask-once');
  assert.deepEqual(end(await ask(up.client, 'waits', waits)), ['tool-calls']);
  assert.deepEqual((await again('waits', waits))[1], ['tool-calls']);
  const whole = user('hello');
  const was = await ask(up.client, 'whole', whole);
  const told = await ask(up.client, 'whole', whole);
  const types = (list) => parts(list).map((p) => p.type).filter((type, i, all) => type !== all[i - 1]);
  assert.deepEqual(types(told), types(was));
});

test('what waits for a person waits no more when it was regenerated or its thread deleted', async () => {
  const up = await start();
  const states = () => {
    const db = new DatabaseSync(join(up.s.data, 'opboxd.db'));
    const rows = db.prepare('SELECT state FROM runs ORDER BY id').all().map((r) => r.state);
    db.close();
    return rows;
  };
  await ask(up.client, 'again', user('keep-ask-once'));
  const [, old] = await kept(up.client, 'again');
  await ask(up.client, 'again', user('keep-ask-once'), { trigger: 'regenerate-message', messageId: old.id });
  assert.deepEqual(states().toSorted(), ['AWAITING', 'STOPPED']);
  const late = await post(up.client, { id: 'again', messages: [answered(old, 'call_keep-ask-once', { state: 'output-available', output: 'Spain' })] });
  assert.equal(late.status, 409, await late.text());
  assert.equal((await up.client.json('/api/ai/chats/again', { method: 'DELETE' })).status, 200);
  assert.ok(!states().includes('AWAITING'));
  await poll(() => states().length === 0, 'the runs of a thread go with it');
});

test('a question that was answered anew is told the new answer; the same regenerate again attaches', async () => {
  const up = await start();
  const question = user('keep-long');
  const first = await ask(up.client, 'anew', question);
  const [, old] = await kept(up.client, 'anew'), regenerate = { trigger: 'regenerate-message', messageId: old.id };
  const two = await Promise.all([ask(up.client, 'anew', question, regenerate), pause(300).then(() => ask(up.client, 'anew', question, regenerate))]);
  const ids = [first, ...two].map((list) => parts(list)[0].messageId);
  assert.equal(ids[1], ids[2]);
  assert.notEqual(ids[0], ids[1]);
  assert.equal(said(two[1]), said(two[0]));
  assert.equal(parts(await ask(up.client, 'anew', question))[0].messageId, ids[1]);
  assert.equal((await up.client.json('/api/settings/ai-usage?limit=100')).body.usage.length, 2);
});

for (const engine of engines)
  test(`the first question sent three times at once makes one run, ${engine}`, async () => {
    const up = await start(engine);
    const question = user('hello');
    const all = await Promise.all([1, 2, 3].map(() => ask(up.client, 'thrice', question)));
    assert.deepEqual(all.map(said), Array(3).fill('Hello from the provider.'));
    assert.equal((await kept(up.client, 'thrice')).length, 2);
    assert.equal((await up.client.json('/api/settings/ai-usage?limit=100')).body.usage.length, 1);
  });

test('a person’s answer that failed is told to the model; the usage is that of all calls', async () => {
  const up = await start();
  await ask(up.client, 'failed', user('keep-ask-once'));
  const [, waiting] = await kept(up.client, 'failed');
  const list = await ask(up.client, 'failed', answered(waiting, 'call_keep-ask-once', { state: 'output-error', errorText: 'The dialog was closed.' }));
  assert.equal(said(list), 'Spain it is.');
  const told = up.mock.getRequests().at(-1).body.messages.findLast((m) => m.role === 'tool');
  assert.match(JSON.stringify(told.content), /The dialog was closed\./);
  const [, answer] = await kept(up.client, 'failed');
  assert.equal(answer.parts.find((p) => p.type === 'tool-ask_question').state, 'output-error');
  assert.deepEqual([answer.usage.inputTokens, answer.usage.outputTokens, answer.usage.calls], [31, 12, 2]);
});
