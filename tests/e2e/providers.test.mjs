// The codecs against a simulator of the providers that somebody else wrote: both wire formats, a tool loop, reasoning
// that is echoed, answers that are cut. Between them stands llm_tap (tests/unit/llm/tap.c), which has the codecs on a pipe.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LLMock } from '@copilotkit/aimock';
import { program } from './harness.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const tap = resolve(dirname(program), '../tests/unit/llm/llm_tap');
const skip = existsSync(tap) ? false : 'llm_tap is not built beside the program';
const providers = ['anthropic', 'openai'];

let mock;
before(async () => {
  mock = new LLMock({ port: 0, logLevel: 'silent' });
  mock.loadFixtureFile(join(here, 'providers.json'));
  await mock.start();
});
after(() => mock.stop());

const tapped = (args, input = '') => execFileSync(tap, args, { input, encoding: 'utf8' });

// What arrives, whole or not: {status, bytes, cut}.
function send({ path, headers, body }) {
  return new Promise((done, failed) => {
    const rq = request(mock.url + path, { method: 'POST', headers, agent: false }, (answer) => {
      const parts = [];
      const end = (cut) => done({ status: answer.statusCode, bytes: Buffer.concat(parts), cut });
      answer.on('data', (d) => parts.push(d)).once('end', () => end(false)).once('error', () => end(true));
    });
    rq.once('error', (e) => (e.code === 'ECONNRESET' ? done({ status: 0, bytes: Buffer.alloc(0), cut: true }) : failed(e)));
    rq.end(body);
  });
}

// {lines of the log, texts joined by kind}
function events(provider, bytes) {
  const lines = tapped(['read', provider], bytes).trimEnd().split('\n');
  const joined = (kind) => lines.filter((l) => l.startsWith(kind + ' '))
    .map((l) => JSON.parse(l.slice(l.indexOf('"')))).join('');
  return { lines, last: lines.at(-1), text: joined('text'), reasoning: joined('reasoning'), signature: joined('signature'),
    redacted: joined('redacted'), arguments: joined('arguments') };
}

for (const provider of providers) {
  const ask = async (question) => send(JSON.parse(tapped(['ask', provider, mock.url, question])));

  test(`${provider}: text arrives as it was sent`, { skip }, async () => {
    const { status, bytes } = await ask('say hello'), seen = events(provider, bytes);
    assert.equal(status, 200);
    assert.equal(seen.text, 'Grüß dich – two lines:\n“one” \\ 👋');
    assert.equal(seen.last, 'whole');
    assert.ok(seen.lines.includes('finish stop'));
  });

  test(`${provider}: reasoning is told from text`, { skip }, async () => {
    const seen = events(provider, (await ask('think first')).bytes);
    assert.equal(seen.reasoning, 'Smith has one visa. It ends in May.');
    assert.equal(seen.text, 'The visa ends in May.');
    assert.equal(seen.last, 'whole');
    if (provider === 'anthropic') {
      assert.equal(seen.signature, 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds+/=');
      assert.match(seen.redacted, /^EmwKAhgBEgy3va3pzix.*7vB==$/);
    }
  });

  test(`${provider}: a tool loop goes round`, { skip }, async () => {
    const first = await ask('use tools'), seen = events(provider, first.bytes);
    assert.equal(seen.last, 'whole');
    assert.ok(seen.lines.includes('finish tools'));
    assert.equal(seen.lines.filter((l) => l.startsWith('call ')).length, 2);
    assert.ok(seen.lines.some((l) => / toolu_01A search$/.test(l)) && seen.lines.some((l) => / toolu_01B list_documents$/.test(l)));
    assert.equal(seen.arguments, '{"query":"smith ü","limit":2}{}');
    const next = JSON.parse(tapped(['go-on', provider, mock.url, 'use tools'], first.bytes));
    if (provider === 'anthropic') {
      const [reasoning] = JSON.parse(next.body).messages[1].content;
      assert.deepEqual(reasoning, { type: 'thinking', thinking: 'I need two tools.',
        signature: 'c2lnbmF0dXJlIG9mIHRoZSBmaXJzdCB0dXJu' });
    }
    const second = await send(next), then = events(provider, second.bytes);
    assert.equal(second.status, 200);
    assert.equal(then.text, 'Two clients: Ann Smith, Zoë Smith 👋.');
    assert.ok(then.lines.some((l) => l === 'usage in 321 out 12 read 0 write 0'));
    assert.equal(then.last, 'whole');
  });

  test(`${provider}: a cut answer is told`, { skip }, async () => {
    const { bytes } = await ask('cut it'), seen = events(provider, bytes);
    assert.match(seen.last, /^error 0 The provider's answer broke off|^error 0 .* without an answer/);
    assert.ok('This answer is cut off'.startsWith(seen.text));
  });

  for (const [question, status] of [['rate limit', 429], ['overloaded', 529]])
    test(`${provider}: ${question} is a status`, { skip }, async () => {
      const answer = await ask(question);
      assert.equal(answer.status, status);
      assert.match(events(provider, answer.bytes).last, new RegExp(`^error ${status} The provider `));
    });
}
