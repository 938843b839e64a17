// What a person waits for, on the real program in a real browser; `make bench` prints it as rows of its table.
//     OPBOXD=… node --test tests/console/speed.mjs    one line of JSON behind "# speed "
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../e2e/harness.mjs';
import { bareBrowser } from './bare-browser.mjs';
import { browser, open, origin, people, setUp } from './harness.mjs';
import { fill, fillChat } from './sample.mjs';

const MESSAGES = 200, ROUNDS = 5, INTERACTIONS = 120;
setUp({
  prepare: async () => {
    const client = await new Client(origin).signIn(people.OWNER);
    await fill(client);
    await fillChat(client);
    await client.json('/api/ai/chats', { method: 'POST', json: { id: 'long', title: 'A long one' } });
    for (let at = 0; at < MESSAGES; at += 50)
      await client.json('/api/ai/chats/long/messages', { method: 'POST', json: { messages: Array.from({ length: 50 }, (_, i) => ({
        id: `m-${at + i}`, role: i % 2 ? 'assistant' : 'user', parts: [{ type: 'text', text: `Message ${at + i}: **the board** met at ten and approved the accounts.\n\n- one\n- two` }] })) } });
  },
});

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const quantile = (list, q) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

// The browser's own measures, from their beginning: the largest content, and how far it moved.
const MEASURES = `new Promise((resolve) => {
  const seen = { lcp: 0, shift: 0, heading: !!document.querySelector('h1') };
  new PerformanceObserver((l) => l.getEntries().forEach((e) => (seen.lcp = e.startTime))).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((l) => l.getEntries().forEach((e) => !e.hadRecentInput && (seen.shift += e.value))).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve(seen), 100);
})`;
const SETTLED_MS = 3000; // nothing larger comes after

async function cold(bare, cookies, path, slower) {
  const page = await bare.page(cookies);
  if (slower > 1) await page.slow(slower);
  await page.go(origin + path);
  await delay(SETTLED_MS * Math.min(slower, 2));
  const seen = await page.evaluate(MEASURES);
  await page.close();
  if (!seen.heading) throw new Error(`${path} was not shown`);
  return seen;
}

async function coldPages(figures) {
  const client = await new Client(origin).signIn(people.OWNER);
  const cookies = [...client.jar].map(([name, value]) => ({ name, value, url: origin, httpOnly: true, sameSite: 'Lax' }));
  const bare = await bareBrowser();
  try {
    for (const [name, path] of [['home', '/'], ['chat', '/chat/long'], ['search', '/search?q=passport']])
      for (const slower of [1, 4]) {
        const all = [];
        for (let i = 0; i <= ROUNDS; i++) all.push(await cold(bare, cookies, path, slower));
        all.shift(); // the first warms up
        figures[`${name} ${slower}`] = { lcp: median(all.map((s) => s.lcp)), shift: Math.max(...all.map((s) => s.shift)) };
      }
  } finally {
    await bare.close();
  }
}

const observeInteractions = () => {
  const seen = (globalThis.seen = { interactions: [] });
  new PerformanceObserver((l) => l.getEntries().forEach((e) => e.interactionId && seen.interactions.push(e.duration))).observe({ type: 'event', durationThreshold: 16, buffered: true });
};

// Interactions under 16 ms are not reported one by one; they count as 16.
async function interactions() {
  const o = await open({ as: 'OWNER', path: null });
  await o.page.addInitScript(observeInteractions);
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
  const took = await interactions();
  figures.interactions = { count: took.length, p75: quantile(took, 0.75), max: Math.max(...took) };
  figures.heap = await heap();
  if (!browser.isConnected()) throw new Error('the browser has gone');
  await browser.close(); // a second one would take its share of the processors
  await coldPages(figures);
  console.log(`speed ${JSON.stringify(figures)}`);
});
