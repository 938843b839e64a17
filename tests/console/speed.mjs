// What a person waits for, on the real program in a real browser; `make bench` prints it as rows of its table.
//     OPBOXD=… node --test tests/console/speed.mjs    one line of JSON behind "# speed "
import { test } from 'node:test';
import { Client } from '../e2e/harness.mjs';
import { browser, open, origin, people, setUp } from './harness.mjs';
import { fill, fillChat } from './sample.mjs';

const MESSAGES = 200, ROUNDS = 5, INTERACTIONS = 120;
setUp({
  prepare: async () => {
    const client = await new Client(origin).signIn(people.OWNER);
    await fillChat(client, await fill(client));
    await client.json('/api/ai/chats', { method: 'POST', json: { id: 'long', title: 'A long one' } });
    for (let at = 0; at < MESSAGES; at += 50)
      await client.json('/api/ai/chats/long/messages', { method: 'POST', json: { messages: Array.from({ length: 50 }, (_, i) => ({
        id: `m-${at + i}`, role: i % 2 ? 'assistant' : 'user', parts: [{ type: 'text', text: `Message ${at + i}: **the board** met at ten and approved the accounts.\n\n- one\n- two` }] })) } });
  },
});

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const quantile = (list, q) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

// The browser's own measures: the largest content, how far it moved, how long interactions took.
const observe = () => {
  const seen = (globalThis.seen = { lcp: 0, shift: 0, interactions: [] });
  new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.lcp = e.startTime))).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((l) => l.getEntries().forEach((e) => !e.hadRecentInput && (seen.shift += e.value))).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((l) => l.getEntries().forEach((e) => e.interactionId && seen.interactions.push(e.duration))).observe({ type: 'event', durationThreshold: 16, buffered: true });
};

async function cold(path, slower) {
  const o = await open({ as: 'OWNER', path: null });
  await o.page.addInitScript(observe);
  if (slower > 1) await (await o.context.newCDPSession(o.page)).send('Emulation.setCPUThrottlingRate', { rate: slower });
  await o.page.goto(path);
  await o.page.locator('h1').first().waitFor();
  await o.page.waitForLoadState('networkidle');
  const seen = await o.page.evaluate(() => globalThis.seen);
  await o.context.close();
  return seen;
}

// Interactions under 16 ms are not reported one by one; they count as 16.
async function interactions() {
  const o = await open({ as: 'OWNER', path: null });
  await o.page.addInitScript(observe);
  await o.page.goto('/chat/long');
  const box = o.page.getByRole('textbox').last();
  await box.waitFor();
  let done = 0;
  const key = async (k) => {
    await o.page.keyboard.press(k);
    done++;
  };
  while (done < INTERACTIONS) {
    await box.click();
    done++;
    for (const letter of 'What do we ask for a passport') await key(letter === ' ' ? 'Space' : letter);
    await key('Enter');
    for (const letter of 'typed while it streams') await key(letter === ' ' ? 'Space' : letter);
    await o.page.keyboard.press('Control+k');
    await o.page.getByRole('combobox').waitFor();
    for (const letter of 'pass') await key(letter);
    await key('Escape');
    done++;
  }
  await o.page.waitForTimeout(500);
  const { interactions: slow } = await o.page.evaluate(() => globalThis.seen);
  await o.context.close();
  return [...slow, ...Array(Math.max(0, done - slow.length)).fill(16)];
}

async function heap() {
  const o = await open({ as: 'OWNER', path: '/chat/long' });
  const session = await o.context.newCDPSession(o.page);
  const used = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  };
  const ask = async () => {
    const box = o.page.getByRole('textbox').last();
    await box.fill('What do we ask for a passport?');
    await box.press('Enter');
    // A short answer may be over before anybody has looked.
    await o.page.getByRole('button', { name: /^stop/i }).waitFor({ state: 'visible', timeout: 1000 }).catch(() => {});
    await o.page.getByRole('button', { name: /^stop/i }).waitFor({ state: 'hidden' });
  };
  for (let i = 0; i < 3; i++) await ask();
  const before = await used();
  for (let i = 0; i < 20; i++) await ask();
  const after = await used();
  await o.context.close();
  return { before, after };
}

test('what a person waits for', { timeout: 600_000 }, async () => {
  const figures = {};
  for (const [name, path] of [['home', '/'], ['chat', '/chat/long'], ['search', '/search?q=passport']])
    for (const slower of [1, 4]) {
      const all = [];
      for (let i = 0; i < ROUNDS; i++) all.push(await cold(path, slower));
      figures[`${name} ${slower}`] = { lcp: median(all.map((s) => s.lcp)), shift: Math.max(...all.map((s) => s.shift)) };
    }
  const took = await interactions();
  figures.interactions = { count: took.length, p75: quantile(took, 0.75), max: Math.max(...took) };
  figures.heap = await heap();
  console.log(`speed ${JSON.stringify(figures)}`);
  if (!browser.isConnected()) throw new Error('the browser has gone');
});
