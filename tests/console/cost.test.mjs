// Usage and ledger: what the numbers say against the API's, the pictures by keyboard, the cap, reconciling, paging, CSV.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, open, origin, people, setUp, store } from './harness.mjs';
import { fillCost } from './sample-cost.mjs';

setUp();

let client, written;
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const summary = async (query = '') => (await client.json(`/api/settings/ai-usage?view=summary${query}`)).body.summary;
const usd = (n) => new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(n);
const text = (locator) => locator.evaluate((e) => e.innerText);
const figure = (page, name) => page.locator('dl > div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) }).locator('dd > span').first();
const loaded = (page) => page.getByRole('group', { name: 'Spend by day' }).waitFor();

check('a month without calls: the first use says what will stand here, an old month says that there are none', { as: 'OWNER', path: '/admin/usage' }, async ({ page }) => {
  await page.getByText('No AI calls yet this month').waitFor();
  await becomes(() => page.title(), 'Usage – opboxd');
  await axe(page, 'first use');
  await page.goto('/admin/usage?month=2020-01');
  await page.getByText('No AI calls in January 2020.').waitFor();
  await page.goto('/admin/ledger');
  await page.getByText(/^No AI calls in /).waitFor();
});

const setCap = async (capUsd) => assert.equal((await client.json('/api/settings/ai-budget', { method: 'PATCH', json: { capUsd } })).status, 200);

test('calls of two months', async () => {
  client = await new Client(origin).signIn(people.OWNER);
  written = await fillCost(store, client);
});

check('usage: spent, reserved apart, left, forecast and calls are the API’s; what has no price is counted and listed, not summed', { as: 'OWNER', path: '/admin/usage' }, async ({ page }) => {
  await loaded(page);
  const s = await summary();
  assert.ok(s.reservedUsd === 1.25 && s.total.calls === written.month && s.total.unpricedCalls === written.unpriced && written.unpriced > 0);
  for (const [name, value] of [['Spent', s.spentUsd], ['Reserved', s.reservedUsd], ['Left', s.remainingUsd]]) assert.equal(await text(figure(page, name)), usd(value), name);
  assert.match(await text(figure(page, 'Forecast')), /^\$\d/);
  await page.getByRole('img', { name: `${usd(s.spentUsd)} of $100.00 spent, $1.25 reserved` }).waitFor();
  await page.getByText(`${written.unpriced} without a price, in no sum`).waitFor();
  await figure(page, 'Spent').focus();
  await page.getByRole('tooltip', { name: /millionths of a dollar/ }).waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.getByRole('tooltip').waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /llama-4-visa-desk/ }).getByText('no price').waitFor();
  await page.getByRole('region', { name: 'Sums by model' }).getByRole('rowheader', { name: 'Total' }).waitFor();
  await axe(page, 'usage');
  const list = page.getByRole('heading', { name: 'Without a price' }).locator('xpath=ancestor::section');
  await list.getByRole('link', { name: 'gateway/llama-4-visa-desk' }).click();
  await heading(page, 'Ledger');
  assert.match(page.url(), /pricing=unpriced/);
  await page.getByRole('table', { name: 'Calls' }).getByText('no price').first().waitFor();
  await page.getByText(`${written.unpriced} in all`).waitFor();
});

check('every breakdown adds up to the same, and its split is in the URL', { as: 'ADMIN', path: '/admin/usage' }, async ({ page }) => {
  for (const [name, by] of [['Day', 'day'], ['User', 'user'], ['Operation', 'operation'], ['Key source', 'keySource']]) {
    await page.getByRole('navigation', { name: 'Split by' }).getByRole('link', { name, exact: true }).click();
    await page.waitForURL(new RegExp(`by=${by}`));
    await page.getByRole('region', { name: `Sums by ${name.toLowerCase()}` }).getByRole('row', { name: new RegExp(`^Total \\${usd(written.cost / 1e9)}`) }).waitFor();
  }
  await page.reload();
  await page.getByRole('region', { name: 'Sums by key source' }).getByRole('link', { name: 'Organisation key' }).click();
  await page.waitForURL(/\/admin\/ledger\?.*keySource=ORG_KEY/);
  await becomes(() => page.getByRole('combobox', { name: 'Key source' }).inputValue(), 'ORG_KEY');
});

check('the pictures by keyboard: a day says its exact value, a key of the legend leaves the others, and all of it is a table', { as: 'ADMIN', path: '/admin/usage' }, async ({ page }) => {
  await loaded(page);
  const days = page.getByRole('group', { name: 'Spend by day' }), today = new Date().getUTCDate();
  const stop = days.locator('[tabindex="0"]');
  await becomes(() => stop.count(), 1);
  await stop.focus();
  await becomes(() => stop.getAttribute('aria-label'), /: \$.*, not over yet$/);
  await page.keyboard.press('Home');
  await page.locator('[class*=tip] strong').getByText(/\b1\b/).waitFor();
  await becomes(() => page.evaluate(() => document.activeElement.getAttribute('aria-label')), /\b1\b/);
  if (today > 1) await page.keyboard.press('ArrowRight');
  await page.locator('[class*=tip]').getByText(/millionths of a dollar/).first().waitFor();
  const key = page.getByRole('list', { name: 'Series' }).getByRole('button', { name: 'openai/gpt-5.4', exact: true });
  await key.focus();
  await page.keyboard.press('Enter');
  await becomes(() => key.getAttribute('aria-pressed'), 'false');
  assert.match(page.url(), /series=/);
  await page.reload();
  await loaded(page);
  await becomes(() => key.getAttribute('aria-pressed'), 'false');
  for (const more of await page.getByText('Show as table').all()) await more.click();
  await page.getByRole('region', { name: 'Spend by day' }).getByRole('columnheader', { name: 'Other' }).waitFor();
  const sums = page.getByRole('region', { name: 'Spend through the month' }).getByRole('row');
  await becomes(() => sums.count(), today + 1);
  assert.equal(await text(sums.last().getByRole('cell').last()), usd(written.cost / 1e9));
  await axe(page, 'tables of the pictures');
});

check('the cap: not below what is spent, asked about first with the safe button focused, a change of somebody else is said', { as: 'OWNER', path: '/admin/usage', expected: [/status of 409/] }, async ({ page }) => {
  await loaded(page);
  await page.getByRole('button', { name: 'Change cap' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change the cap' }), field = dialog.getByLabel('Cap of a month, in dollars');
  await field.fill('0.5');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByText(/is spent this month already: not less than that/).waitFor();
  await becomes(() => field.evaluate((e) => document.activeElement === e), true);
  await axe(page, 'refused cap');
  // The least that is whole and leaves room for the open call: what is spent depends on the hour, the warning must not.
  const s = await summary(), cap = Math.floor(s.spentUsd + s.reservedUsd) + 1;
  await field.fill(String(cap));
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByText(`Change the cap from $100.00 to ${usd(cap)}?`).waitFor();
  await becomes(() => page.evaluate(() => document.activeElement.textContent), 'Leave as it is');
  await axe(page, 'confirmation');
  await setCap(90);
  await dialog.getByRole('button', { name: 'Change it' }).click();
  await dialog.getByText(`Now it is $90.00; yours is ${usd(cap)}.`).waitFor();
  await becomes(() => field.inputValue(), String(cap));
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByRole('button', { name: 'Change it' }).click();
  await page.getByText(`The cap is ${usd(cap)} now.`).waitFor();
  assert.equal((await summary()).capUsd, cap);
  await page.getByText('Soft warning: 80 % of the cap is spent.').waitFor();
  await page.getByRole('group', { name: 'Spend through the month' }).getByText(`Cap ${usd(cap)}`).waitFor();
  await page.getByRole('button', { name: 'Change cap' }).click();
  await dialog.getByRole('switch', { name: 'No cap' }).click();
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByRole('button', { name: 'Change it' }).click();
  await page.getByText('No cap is set: nothing stops spending.').waitFor();
});

check('an admin changes the cap but not the rule for models without a price, and does not reconcile', { as: 'ADMIN', path: null }, async ({ page }) => {
  await setCap(null);
  await page.goto('/admin/usage');
  await loaded(page);
  await becomes(() => page.getByRole('button', { name: /^Reconcile/ }).count(), 0);
  await page.getByRole('button', { name: 'Change cap' }).click();
  await page.getByText('Only owners change this.').waitFor();
  await becomes(() => page.getByRole('combobox', { name: 'Models without a price' }).isDisabled(), true);
  await page.getByRole('switch', { name: 'No cap' }).click();
  await page.getByLabel('Cap of a month, in dollars').fill('100');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('button', { name: 'Change it' }).click();
  await page.getByText('The cap is $100.00 now.').waitFor();
});

check('reconcile: drift that was planted is named, put right with before and after, and gone', { as: 'OWNER', path: null }, async ({ page }) => {
  const db = new DatabaseSync(join(store.data, 'opboxd.db'));
  db.exec('PRAGMA busy_timeout = 10000; UPDATE budgets SET spent_nanousd = spent_nanousd + 3000000000 WHERE month = (SELECT max(month) FROM budgets)');
  db.close();
  await page.goto('/admin/usage');
  await page.getByText(/\$3.00 apart\. Reconcile adds the ledger up anew\./).waitFor();
  await page.getByRole('button', { name: /^Reconcile/ }).click();
  await page.getByText('The sums were wrong, and are right now.').waitFor();
  const row = page.getByRole('row', { name: /^Spent/ });
  await becomes(() => row.getByRole('cell').allInnerTexts(), [usd(written.cost / 1e9 + 3), usd(written.cost / 1e9), '-$3.00']);
  await page.getByText(/apart\. Reconcile/).waitFor({ state: 'detached' });
  await axe(page, 'reconciled');
  await page.getByRole('button', { name: /^Reconcile/ }).click();
  await page.getByText('All was well: the sums are what the ledger adds up to.').waitFor();
});

check('ledger: thousands of rows load by cursor, few stand in the document; keys move, Enter opens, the focus comes back', { as: 'ADMIN', path: '/admin/ledger' }, async ({ page }) => {
  const table = page.getByRole('table', { name: 'Calls' });
  await table.getByRole('link').first().waitFor();
  await page.getByText('100 loaded').waitFor();
  for (let i = 0; i < 40 && !(await page.getByText(`${written.month} in all`).count()); i++) {
    await page.evaluate(() => document.getElementById('main').scrollTo(0, 1e9));
    await page.waitForTimeout(100);
  }
  await page.getByText(`${written.month} in all`).waitFor();
  await becomes(() => table.getAttribute('aria-rowcount'), String(written.month + 1));
  assert.ok(await page.evaluate(() => document.querySelectorAll('[role=table] *').length) <= 1500);
  await page.evaluate(() => document.getElementById('main').scrollTo(0, 1e9));
  await page.locator(`[aria-rowindex="${written.month + 1}"]`).waitFor();
  await page.evaluate(() => document.getElementById('main').scrollTo(0, 0));
  const first = table.locator('[data-index="0"] a');
  await first.focus();
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await becomes(() => page.evaluate(() => document.activeElement.closest('[data-index]').dataset.index), '2');
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: 'Call' });
  await panel.getByText(/millionths of a dollar|No price is known/).waitFor();
  await axe(page, 'one call');
  await panel.getByRole('button', { name: 'Copy as JSON' }).click();
  assert.match(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).id, /^c\d/);
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached' });
  await becomes(() => page.evaluate(() => document.activeElement.closest('[data-index]')?.dataset.index), '2');
});

check('ledger: filters stand in the URL and add up; nobody’s calls; nothing that fits is cleared', { as: 'ADMIN', path: '/admin/ledger' }, async ({ page }) => {
  const pick = (name, value) => page.getByRole('combobox', { name, exact: true }).selectOption(value);
  await page.getByRole('table', { name: 'Calls' }).waitFor();
  await page.waitForLoadState('networkidle');
  await pick('User', 'nobody');
  await page.waitForURL(/userId=nobody/);
  const s = await summary('&by=user'), nobody = s.byUser.values.find((v) => v.key === '');
  await page.getByText('Nobody', { exact: true }).first().waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll('[role=row] [data-col=what]')].slice(1).some((e) => e.textContent !== 'Agents'));
  await page.evaluate(() => document.getElementById('main').scrollTo(0, 1e9));
  await page.getByText(`${nobody.calls} in all`).waitFor();
  await pick('Model', 'anthropic/claude-sonnet-4-5');
  await pick('Price', 'unpriced');
  await page.getByText('No call fits.').waitFor();
  assert.match(page.url(), /provider=anthropic&model=claude-sonnet-4-5|model=claude-sonnet-4-5.*provider=anthropic/);
  await axe(page, 'nothing fits');
  await page.getByRole('button', { name: 'Clear filters' }).first().click();
  await page.getByText('100 loaded').waitFor();
  assert.equal(new URL(page.url()).search, '');
  await page.getByLabel('Day (UTC)').fill(new Date().toISOString().slice(0, 10));
  await page.waitForURL(/day=/);
  await page.goto('/admin/ledger?basis=guessed&threadId=thread3');
  await page.getByText('The link had a filter that is not understood here: basis.').waitFor();
  await page.getByRole('button', { name: 'Remove the filter Chat thread3' }).click();
  await page.getByText('100 loaded').waitFor();
});

check('CSV: what the filters leave, with whole amounts; what is too much would be said', { as: 'ADMIN', path: '/admin/ledger?pricing=unpriced' }, async ({ page }) => {
  await page.getByRole('table', { name: 'Calls' }).waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
  assert.match(file.suggestedFilename(), /^ai-usage-\d{4}-\d\d\.csv$/);
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\r\n');
  assert.equal(lines.length, written.unpriced + 1);
  assert.match(lines[0], /^id,createdAt,month/);
  assert.ok(lines.slice(1).every((l) => l.includes('"unpriced"')));
  await page.getByText(/ai-usage.*was saved\./).waitFor();
});

check('a failing part says so and can be tried again; the rest of the page stays', { as: 'OWNER', path: null, expected: [/status of 500/] }, async ({ page }) => {
  const summaries = (url) => url.pathname === '/api/settings/ai-usage' && url.searchParams.get('view') === 'summary';
  await page.route(summaries, (r) => r.fulfill({ status: 500, contentType: 'application/json', body: JSON.stringify({ success: false, error: 'Something failed.', code: 'INTERNAL', details: {} }) }));
  await page.goto('/admin/usage');
  await page.getByText('The usage could not be loaded.').waitFor();
  await page.getByRole('button', { name: 'Change cap' }).waitFor();
  await axe(page, 'usage failed');
  await page.unroute(summaries);
  await page.getByRole('button', { name: 'Try again' }).click();
  await loaded(page);
});

for (const role of ['MEMBER', 'VIEWER'])
  for (const [path, name] of [['/admin/usage', 'Usage'], ['/admin/ledger', 'Ledger']])
    check(`${name} is not for a ${role}: it says which role is needed, and is not in the navigation`, { as: role, path }, async ({ page }) => {
      await heading(page, name);
      await page.getByText('This page needs the role OWNER, ADMIN.').waitFor();
      await becomes(() => page.getByRole('navigation', { name: 'Navigation' }).getByRole('link', { name, exact: true }).count(), 0);
    });

check('G U goes there; the pictures are a piece of their own, small, and not fetched before', { as: 'ADMIN' }, async ({ page }) => {
  const fetched = [];
  page.on('request', (r) => fetched.push(new URL(r.url()).pathname));
  await heading(page, /Hello/);
  assert.equal(fetched.some((p) => /Charts/.test(p)), false);
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('g');
  await page.keyboard.press('u');
  await loaded(page);
  const listed = JSON.parse(readFileSync(new URL('../../web/dist/files.json', import.meta.url)));
  const pieces = listed.filter((f) => /assets\/Charts-.*\.js$/.test(f.name));
  assert.equal(pieces.length, 1);
  assert.ok(readFileSync(new URL(`../../web/dist/${pieces[0].path}`, import.meta.url)).length <= 30 * 1024);
  assert.ok(fetched.includes(`/${pieces[0].name}`));
});

check('usage takes at most four requests before its content, and its share of script', { as: 'ADMIN', path: null }, async ({ page }) => {
  const api = [];
  let script = 0;
  page.on('request', (r) => new URL(r.url()).pathname.startsWith('/api/') && api.push(r.url()));
  page.on('response', (r) => { if (r.request().resourceType() === 'script') script += Number(r.headers()['content-length'] ?? 0); });
  await page.goto('/admin/usage');
  await loaded(page);
  assert.ok(api.length <= 4, api.join('\n'));
  assert.ok(script <= 320 * 1024, `script ${script}`);
  const shift = await page.evaluate(() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => done(sum), 300);
  }));
  assert.ok(shift <= 0.05, `layout shift ${shift}`);
});

// The four screens of these two features, in other clothes.
const screens = ['/admin/usage', '/admin/ledger', '/admin/security', '/admin/audit'];
const settled = async (page) => {
  await page.locator('h1').first().waitFor();
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => !document.querySelector('[data-loading], .boot'));
};
for (const [name, options, look] of [['light', {}, {}], ['from the right', {}, { language: 'mirrored' }], ['dark', {}, { scheme: 'dark' }], ['320 pixels wide', { viewport: { width: 320, height: 640 } }, {}], ['in forced colours', { forcedColors: 'active' }, {}]])
  check(`usage, ledger, security log and audit ${name}: no violation, nothing scrolls sideways`, { as: 'OWNER', path: null, ...options }, async ({ page }) => {
    await page.addInitScript((d) => localStorage.setItem('opboxd.display', JSON.stringify(d)), look);
    for (const path of screens) {
      await page.goto(path);
      await settled(page);
      if (name !== 'in forced colours') await axe(page, `${name} ${path}`);
      await becomes(() => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth && document.getElementById('main').scrollWidth <= document.getElementById('main').clientWidth), true, `${path} scrolls sideways`);
    }
  });

test('no text of these screens stands in the code', async () => {
  const { page } = await open({ as: 'OWNER', path: null });
  await page.addInitScript(() => localStorage.setItem('opboxd.display', JSON.stringify({ language: 'accented' })));
  for (const path of screens) {
    await page.goto(path);
    await settled(page);
    const plain = await page.evaluate(() => {
      const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const said = node.textContent.trim(), at = node.parentElement;
        if (!/[A-Za-z]{3}/.test(said) || /[⟦⟧]/.test(said) || at.closest('[dir=auto], [dir=ltr], script, style, noscript, time, option, .visually-hidden, kbd, code, pre')) continue;
        found.push(`${at.tagName}: ${said}`);
      }
      return found;
    });
    assert.deepEqual(plain, [], path);
  }
});
