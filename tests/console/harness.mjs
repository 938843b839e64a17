// A browser on the real program. Each test fails on what nobody asked for: a violation of the policy or of axe's rules, a
// console error, a request to another origin, an unhandled rejection.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test as nodeTest } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumArgs, chromiumPath } from './chromium.mjs';
import { cliOk, Client, freePort, initialized, owner, serve, unlimited } from '../e2e/harness.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const slower = Number(process.env.SLOWER ?? 1); // how many times slower the page runs: for finding what hangs on the clock
const late = Number(process.env.LATE ?? 0); // each answer comes up to so many milliseconds late: for what hangs on the order of answers
export const patience = (20_000 + 10 * late) * slower; // for two shared cores; nothing waits for it unless it fails
export const password = 'correct horse battery';
export const people = {
  OWNER: owner,
  ADMIN: { email: 'admin@example.com', password, name: 'Ada Admin' },
  MEMBER: { email: 'member@example.com', password, name: 'Max Member' },
  VIEWER: { email: 'viewer@example.com', password, name: 'Vera Viewer' },
};

export let server, browser, store, origin;

// One program and one browser for a file; `flags` and `env` for the program.
// `line` stands between browser and program, `provider` answers in place of the offline assistant.
export function setUp({ flags = [], env = {}, prepare, line, provider } = {}) {
  before(async () => {
    store = await initialized('sqlite');
    const port = await freePort();
    if (line) await line.start(`http://127.0.0.1:${port}`);
    if (provider) await provider.start();
    server = await serve(store, { port, flags: [...unlimited, ...flags, ...(line ? ['--public-url', line.base] : []), ...(provider ? ['--chat-provider', 'openai', '--chat-model', 'gpt-5.4-mini'] : [])],
      env: provider ? { ...env, OPENAI_API_KEY: 'sk-test-of-the-console', OPENAI_BASE_URL: provider.url } : env });
    origin = line?.base ?? server.base;
    for (const [role, who] of Object.entries(people))
      if (role !== 'OWNER') await cliOk(['user', 'add', ...store.flags, '--email', who.email, '--name', who.name, '--role', role, '--password', '-'], { input: who.password + '\n' });
    if (prepare) await prepare();
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
  });
  after(async () => {
    await browser?.close();
    line?.stop();
    provider?.stop();
    await server?.stop();
  });
}

// All that the present test has opened: at its end each context is closed, and what nobody asked for fails the test.
let opened = [];
const faultsSeen = (list) => list.flatMap(({ who, faults }) => faults().map((f) => (list.length > 1 ? `${who}: ${f}` : f)));
afterEach(async () => {
  const list = opened;
  opened = [];
  for (const { context } of list) await context.close();
  const faults = faultsSeen(list);
  if (faults.length) assert.fail(faults.join('\n'));
});

// A page whose faults are counted. `expected` are patterns of console errors that the test brings about itself; `expect` adds
// to them, also after the fact.
export async function open({ as, path = '/', expected = [], ...options } = {}) {
  const context = await browser.newContext({ baseURL: origin, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(patience);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']).catch(() => {});
  // A refused sign-in check is how the page learns that nobody is there.
  const seen = [], patterns = [/Failed to load resource: the server responded with a status of 401 .*\/api\/me/, ...expected];
  const fault = (text) => seen.push(text);
  const result = { who: as ?? 'guest', context, faults: () => seen.filter((text) => !patterns.some((p) => p.test(text))), expect: (...more) => patterns.push(...more) };
  opened.push(result);
  context.on('request', (r) => {
    const url = r.url();
    if (!url.startsWith(origin + '/') && !/^(data|blob|about):/.test(url)) fault(`a request to another origin: ${url}`);
  });
  context.on('page', (page) => {
    page.on('console', (m) => {
      if (m.type() === 'error' || /Content Security Policy|Refused to/.test(m.text())) fault(`console: ${m.text()} (${m.location().url})`);
    });
    page.on('pageerror', (e) => fault(`error: ${e.stack ?? e}`));
  });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error(`policy violated: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
    addEventListener('unhandledrejection', (e) => console.error(`unhandled: ${e.reason?.stack ?? e.reason}`));
  });
  if (late) await context.route('**/*', async (route) => {
    await sleep(Math.random() * late);
    await route.fallback().catch(() => {}); // the page may be gone
  });
  if (as) await signInContext(context, people[as]);
  result.page = await context.newPage();
  if (slower > 1) await (await context.newCDPSession(result.page)).send('Emulation.setCPUThrottlingRate', { rate: slower });
  if (path) await result.page.goto(path);
  return result;
}

// Cookies of a session, without the form.
export async function signInContext(context, who) {
  const client = await new Client(origin).signIn(who);
  await context.addCookies([...client.jar].map(([name, value]) => ({ name, value, url: origin, httpOnly: true, sameSite: 'Lax' })));
}

export async function axe(page, where = '') {
  await page.locator('h1').first().waitFor({ state: 'attached' }); // what has not come is not judged
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const r = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''}`).join('\n    ')}`);
  });
  if (found.length) assert.fail(`axe ${where} at ${page.url()}:\n${found.join('\n')}`);
}

// What `look` gives becomes what is expected, a value or a pattern: a page answers a key or a click in its own time, so one
// look right after it proves nothing.
export async function becomes(look, expected, what) {
  const fits = (seen) => (expected instanceof RegExp ? expected.test(seen) : isDeepStrictEqual(seen, expected));
  const until = Date.now() + patience;
  let seen = await look();
  while (!fits(seen) && Date.now() < until) {
    await sleep(50);
    seen = await look();
  }
  if (expected instanceof RegExp) assert.match(String(seen), expected, what);
  else assert.deepEqual(seen, expected, what);
}

// A test with a page of its own.
export function check(name, options, body) {
  nodeTest(name, { timeout: (120_000 + 100 * late) * slower }, async () => {
    const own = await open(options);
    try {
      await body(own);
      if (!own.noAxe) await axe(own.page);
    } catch (e) {
      if (process.env.SHOT) await own.page.screenshot({ path: `${process.env.SHOT}/${name.replace(/\W+/g, '-')}.png` }).catch(() => {});
      const faults = faultsSeen(opened);
      if (faults.length) e.message += `\nand: ${faults.join('\n')}`;
      throw e;
    }
  });
}
