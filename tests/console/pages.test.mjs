// Knowledge base, search, own settings; every screen in other words, from the right, in the dark, on a phone; sizes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, origin, people, setUp } from './harness.mjs';
import { fill, fillChat } from './sample.mjs';

let ids;
setUp({
  prepare: async () => {
    ids = await fill(await new Client(origin).signIn(people.OWNER));
    await fillChat(await new Client(origin).signIn(people.MEMBER));
  },
});

const display = (value) => (page) => page.addInitScript((d) => localStorage.setItem('opboxd.display', JSON.stringify(d)), value);
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const screens = ['/', '/chat/sample', '/kb', '/search?q=passport', '/settings/profile', '/settings/display', '/settings/shortcuts'];
const settled = async (page) => {
  await page.locator('h1').first().waitFor();
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => !document.querySelector('[data-loading], .boot'));
};

check('knowledge base: the tree by keyboard, the page, its words; a VIEWER reads the same', { as: 'VIEWER', path: '/kb' }, async ({ page }) => {
  const folder = page.getByRole('treeitem', { name: 'Work permits' });
  await folder.focus();
  await page.keyboard.press('ArrowRight');
  const child = page.getByRole('treeitem', { name: /Employment pass/ });
  await child.waitFor();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await heading(page, 'Employment pass: documents we ask for');
  await page.getByText('Compare the name with the passport').waitFor();
  await becomes(() => page.title(), 'Employment pass: documents we ask for – Knowledge base – opboxd');
  await page.getByRole('button', { name: 'Copy as Markdown' }).click();
  await becomes(() => page.evaluate(() => navigator.clipboard.readText()), /Passport, all pages/);
});

check('knowledge base: a title is found, the URL keeps the filter, nothing found can be cleared', { as: 'MEMBER', path: '/kb' }, async ({ page }) => {
  await page.getByRole('searchbox', { name: 'Find a page by its title' }).fill('fees');
  await page.getByRole('link', { name: 'Fees 2026' }).click();
  await heading(page, 'Fees 2026');
  await page.getByRole('searchbox').fill('nothing of the kind');
  await page.getByText('No title has “nothing of the kind” in it.').waitFor();
  assert.match(page.url(), /q=nothing/);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByRole('tree').waitFor();
});

check('the sample has what a chat has: a tool card, and who answered', { as: 'MEMBER', path: '/chat/sample' }, async ({ page }) => {
  await page.getByText('offline assistant, no model').first().waitFor();
  await page.locator('article details').first().waitFor();
});

check('a page that is gone and a page of somebody else look the same', { as: 'MEMBER', path: '/kb/cnothing000000000000000000', expected: [/status of 404/] }, async ({ page }) => {
  await page.getByText('It does not exist, or it is not yours to see.').waitFor();
});

check('search: hits with their kind lead to the page; the palette finds the same', { as: 'MEMBER', path: '/search' }, async ({ page }) => {
  await page.getByRole('searchbox', { name: 'Search this workspace' }).fill('passport');
  const hits = page.getByRole('list', { name: 'Results' });
  await hits.getByRole('link', { name: /Employment pass/ }).click();
  await heading(page, /Employment pass/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('dependant');
  await page.getByRole('option', { name: /Dependant pass/ }).first().waitFor();
  await page.keyboard.press('Enter');
  await heading(page, 'Dependant pass');
});

check('a filter that is not understood is dropped, and said', { as: 'MEMBER', path: `/search?q=${'x'.repeat(600)}` }, async ({ page }) => {
  await page.getByText('The link had a filter that is not understood here: q.').waitFor();
  await page.getByText('Find anything of this workspace').waitFor();
});

check('display: dark, compact and the zone hold after a reload; letters can be switched off', { as: 'MEMBER', path: '/settings/display' }, async ({ page }) => {
  await page.getByText('Dark', { exact: true }).click();
  await page.getByRole('switch', { name: /Compact rows/ }).click();
  await page.getByRole('combobox', { name: 'Time zone' }).selectOption('Asia/Singapore');
  await page.reload();
  await heading(page, 'Display');
  await becomes(() => page.evaluate(() => document.documentElement.dataset.mantineColorScheme), 'dark');
  await becomes(() => page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(20, 22, 26)');
  await becomes(() => page.evaluate(() => document.documentElement.dataset.density), 'compact');
  await page.getByText(/^Now it is .*(GMT\+8|Singapore)/).waitFor();
  await page.goto('/settings/shortcuts');
  await page.getByRole('switch', { name: 'Single letters do something' }).click();
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('g');
  await page.keyboard.press('k');
  await heading(page, 'Keyboard');
});

check('sessions: another one is listed and ended', { as: 'MEMBER', path: null }, async ({ page }) => {
  await new Client(origin).signIn(people.MEMBER);
  await page.goto('/settings/profile');
  await page.getByText('this one').waitFor();
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await page.getByText('Signed out there.').waitFor();
  await page.getByRole('button', { name: 'Sign out everywhere else' }).waitFor({ state: 'detached' });
});

check('no text stands in the code: in the accented language every word of the frame is marked', { as: 'MEMBER', path: null }, async ({ page }) => {
  await display({ language: 'accented' })(page);
  for (const path of screens) {
    await page.goto(path);
    await settled(page);
    const plain = await page.evaluate(() => {
      const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const text = node.textContent.trim(), at = node.parentElement;
        if (!/[A-Za-z]{3}/.test(text) || /[⟦⟧]/.test(text) || at.closest('[dir=auto], [dir=ltr], script, style, noscript, time, option, .visually-hidden, kbd, code, pre, dd')) continue;
        found.push(`${at.tagName}: ${text}`);
      }
      return found;
    });
    assert.deepEqual(plain, [], path);
  }
});

for (const [name, options, look] of [
  ['from the right', {}, { language: 'mirrored' }], ['dark', {}, { scheme: 'dark' }], ['320 pixels wide', { viewport: { width: 320, height: 640 } }, {}], ['in forced colours', { forcedColors: 'active' }, {}],
])
  check(`every screen ${name}: no violation, nothing scrolls sideways`, { as: 'MEMBER', path: null, ...options }, async ({ page }) => {
    await display(look)(page);
    for (const path of [...screens, `/kb/${ids.get('Employment pass: documents we ask for')}`]) {
      await page.goto(path);
      await settled(page);
      if (name !== 'in forced colours') await axe(page, `${name} ${path}`);
      await becomes(() => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, `${path} scrolls sideways`);
    }
  });

check('first content takes at most four requests of the API, and the first view its share of script', { as: 'MEMBER', path: null }, async ({ page }) => {
  const api = [], sizes = { script: 0, style: 0 };
  page.on('request', (r) => new URL(r.url()).pathname.startsWith('/api/') && api.push(r.url()));
  page.on('response', async (r) => {
    const kind = r.request().resourceType();
    if (kind in sizes || kind === 'stylesheet') sizes[kind === 'stylesheet' ? 'style' : kind] += Number(r.headers()['content-length'] ?? 0);
  });
  await page.goto('/');
  await settled(page);
  assert.ok(api.length <= 4, api.join('\n'));
  assert.ok(sizes.script <= 320 * 1024, `script ${sizes.script}`);
  assert.ok(sizes.style <= 36 * 1024, `style ${sizes.style}`);
});

check('the budgets of the pieces hold', { as: 'MEMBER' }, async () => {
  const listed = JSON.parse(readFileSync(new URL('../../web/dist/files.json', import.meta.url)));
  const gzip = new Map();
  for (const f of listed) gzip.set(f.name, readFileSync(new URL(`../../web/dist/${f.path}`, import.meta.url)).length);
  const sum = (fits) => [...gzip].filter(([name]) => fits(name)).reduce((n, [, size]) => n + size, 0);
  const page = await (await fetch(origin)).text();
  const shell = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((m) => m[1]);
  assert.ok(shell.length > 1);
  const of = (ending) => shell.filter((n) => n.endsWith(ending)).reduce((n, name) => n + gzip.get(name), 0);
  assert.ok(of('.js') <= 200 * 1024, `the shell's script is ${of('.js')} bytes`);
  assert.ok(of('.css') <= 36 * 1024, `the shell's style is ${of('.css')} bytes`);
  assert.ok(sum((n) => /(ChatPage|ConversationView|AssistantPanel).*\.js$/.test(n)) <= 105 * 1024, 'chat');
  assert.ok(sum(() => true) <= 2 * 1024 * 1024, 'all files');
});

check('the manual: pages without a script, the API reference', { path: '/docs', expected: [] }, async ({ page }) => {
  await page.getByRole('navigation', { name: 'Manual' }).getByRole('link', { name: 'API reference' }).click();
  await page.getByRole('heading', { level: 1, name: 'API reference' }).waitFor();
  await page.getByText('list_documents', { exact: true }).first().waitFor();
  await becomes(() => page.locator('script').count(), 0);
});

check('the manual: no link in it is dead, nor one that the search of the documentation gives', { path: '/docs/security/log' }, async ({ page }) => {
  await page.getByRole('heading', { level: 1, name: 'The sealed log' }).waitFor();
  const seen = new Map(), dead = [];
  const read = async (path) => {
    if (!seen.has(path)) {
      const answer = await fetch(origin + path);
      seen.set(path, answer.status === 200 ? await answer.text() : null);
    }
    return seen.get(path);
  };
  const leads = async (href, from) => {
    const url = new URL(href, origin + from), text = await read(url.pathname);
    if (text === null || (url.hash && !text.includes(` id="${decodeURIComponent(url.hash.slice(1))}"`))) dead.push(`${from}: ${href}`);
    return url.pathname;
  };
  const open = ['/docs'], done = new Set();
  for (let path = open.pop(); path; path = open.pop()) {
    if (done.has(path)) continue;
    done.add(path);
    for (const [, href] of ((await read(path)) ?? '').matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^https?:/.test(href)) continue;
      const to = await leads(href, path);
      if (to.startsWith('/docs')) open.push(to);
    }
  }
  assert.ok(done.has('/docs/security/log') && done.has('/docs/api') && done.size > 12, [...done].join(' '));
  assert.match(await read('/docs/architecture'), /<a href="\/docs\/security\/log">/);
  const client = await new Client(origin).signIn(people.MEMBER);
  const found = [];
  for (const q of ['sealed log checkpoints', 'backup restore', 'second factor recovery codes', 'list documents', 'first steps'])
    found.push(...(await client.json(`/api/docs/search?q=${encodeURIComponent(q)}`)).body.results);
  for (const { url } of found) await leads(url, '/docs');
  assert.ok(found.some((r) => r.url.startsWith('/docs/security/log')) && found.some((r) => r.url.startsWith('/docs/api#')), found.map((r) => r.url).join(' '));
  assert.deepEqual(dead, []);
});
