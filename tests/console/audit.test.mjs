// The security log and the audit trail: filters, paging, one entry beside the list, export, and a chain that was broken.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { cli, Client } from '../e2e/harness.mjs';
import { axe, becomes, check, origin, people, setUp, store } from './harness.mjs';

setUp();

const refusals = 130;
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const events = (page) => page.getByRole('table', { name: 'Events' });

check('a log without events says since when it records', { as: 'OWNER', path: '/admin/security' }, async ({ page }) => {
  await page.getByText('No security events').waitFor();
  await page.getByText(/^None has been recorded since .*20\d\d/).waitFor();
  await page.getByText(/^Sealed up to entry \d+\./).waitFor();
  await becomes(() => page.title(), 'Security log – opboxd');
  await becomes(() => page.getByRole('button', { name: 'Export' }).isDisabled(), true);
});

test('refusals, a changed rule, a page', async () => {
  const viewer = await new Client(origin).signIn(people.VIEWER), owner = await new Client(origin).signIn(people.OWNER);
  for (let i = 0; i < refusals; i++) assert.equal((await viewer.json('/api/settings/ai-budget')).status, 403);
  assert.equal((await owner.json('/api/documents', { method: 'POST', csrf: false, json: { title: 'x' } })).status, 403);
  assert.equal((await owner.json('/api/documents', { method: 'POST', json: { title: 'Fees 2026', kind: 'PAGE', markdown: 'x' } })).status, 201);
  for (let i = 0; i < 100; i++) {
    const { body } = await owner.json('/api/admin/security-events?type=ROLE_DENIED&limit=100');
    if (body.pagination.hasMore) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail('the refusals left no events');
});

check('events: severity in words, filters in the URL, pages by cursor', { as: 'OWNER', path: '/admin/security' }, async ({ page }) => {
  await events(page).getByText('Refused: not for the role').first().waitFor();
  await events(page).getByText('Warning', { exact: true }).first().waitFor();
  await page.getByText('100 loaded').waitFor();
  await page.evaluate(() => document.getElementById('main').scrollTo(0, 1e9));
  await page.getByText(new RegExp(`^${refusals + 1} in all$`)).waitFor();
  assert.ok(await page.evaluate(() => document.querySelectorAll('[role=table] *').length) <= 1500);
  await page.getByRole('combobox', { name: 'Event' }).selectOption('CSRF_REJECTED');
  await page.waitForURL(/type=CSRF_REJECTED/);
  await page.getByText('1 in all').waitFor();
  await page.getByRole('combobox', { name: 'Severity' }).selectOption('CRITICAL');
  await page.getByText('No event fits: Request without its token refused, Critical.').waitFor();
  await axe(page, 'nothing fits');
  await page.getByRole('button', { name: 'Clear filters' }).first().click();
  await page.getByText(new RegExp(`^${refusals + 1} in all$`)).waitFor();
  await page.getByRole('combobox', { name: 'Actor' }).selectOption({ label: people.VIEWER.name });
  await page.waitForURL(/user=c/);
  await page.getByText('100 loaded').waitFor();
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' }).format(new Date());
  await page.getByLabel('To', { exact: true }).fill('2020-01-01');
  await page.getByText(/No event fits: .*To 2020-01-01/).waitFor();
  await page.getByLabel('To', { exact: true }).fill(today);
  await page.getByLabel('From', { exact: true }).fill(today);
  await page.getByText('100 loaded').waitFor();
  await page.goto('/admin/security?severity=LOUD&from=yesterday');
  await page.getByText('The link had a filter that is not understood here: severity, from.').waitFor();
});

check('one event opens beside the list by keyboard, is copied as JSON, and gives the focus back; a link to it needs no list', { as: 'OWNER', path: '/admin/security' }, async ({ page }) => {
  await events(page).getByRole('link').first().waitFor();
  await page.locator('[data-index="1"] a').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: 'Entry of the log' });
  await panel.getByText(/^Number [\d,]+ in the chain$/).waitFor();
  await panel.getByText('ROLE_DENIED', { exact: true }).waitFor();
  await panel.getByText(people.VIEWER.name, { exact: true }).waitFor();
  await axe(page, 'one event');
  await panel.getByRole('button', { name: 'Copy as JSON' }).click();
  const entry = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual([entry.type, entry.action, entry.ip], ['ROLE_DENIED', 'get_ai_budget', '127.0.0.1']);
  assert.match(entry.hash, /^[0-9a-f]{64}$/);
  await page.keyboard.press('Escape');
  await panel.waitFor({ state: 'detached' });
  await becomes(() => page.evaluate(() => document.activeElement.closest('[data-index]')?.dataset.index), '2');
  await page.goto(`/admin/security?severity=CRITICAL&open=${entry.id}`);
  await panel.getByText(entry.requestId, { exact: true }).waitFor();
  await panel.getByRole('link', { name: 'Only this actor' }).click();
  await page.waitForURL(/user=c/);
  await panel.waitFor({ state: 'detached' });
});

check('an event that is not there is not found, like one of another workspace', { as: 'OWNER', path: '/admin/security?open=cnothing000000000000000000', expected: [/status of 404/] }, async ({ page }) => {
  await page.getByRole('dialog', { name: 'Entry of the log' }).getByText('It does not exist, or it is not yours to see.').waitFor();
});

check('export: what is loaded, and all that fits', { as: 'OWNER', path: '/admin/security?type=ROLE_DENIED' }, async ({ page }) => {
  const get = async (item) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: item }).click()]);
    assert.match(file.suggestedFilename(), /^security-events-\d{4}-\d\d-\d\d\.json$/);
    return JSON.parse(readFileSync(await file.path(), 'utf8'));
  };
  await page.getByText('100 loaded').waitFor();
  const some = await get('Export what is loaded');
  assert.deepEqual([some.entries.length, some.complete, some.filters.type], [100, false, 'ROLE_DENIED']);
  const all = await get('Export all that fits');
  assert.deepEqual([all.entries.length, all.complete], [refusals, true]);
  assert.ok(all.chain.lastSeq >= refusals);
});

check('audit: an ADMIN sees who did what, by operation, kind of thing and person', { as: 'ADMIN', path: '/admin/audit' }, async ({ page }) => {
  const table = page.getByRole('table', { name: 'Entries' });
  await table.getByText('create_document').first().waitFor();
  await page.getByText(/^\d+ fit$/).waitFor();
  await axe(page, 'audit');
  await page.getByLabel('Operation').fill('create_document');
  await page.waitForURL(/action=create_document/);
  await page.getByText('2 in all').waitFor(); // one of them was refused
  await table.getByRole('link').first().click();
  const panel = page.getByRole('dialog', { name: 'Entry of the log' });
  await panel.getByText('document', { exact: true }).waitFor();
  await axe(page, 'one entry');
  await panel.getByRole('link', { name: 'Only this', exact: true }).click();
  await page.waitForURL(/entityType=document.*entityId=c|entityId=c.*entityType=document/);
  await page.getByText('1 in all').waitFor();
  await page.getByLabel('Operation').fill('nothing_of_the_kind');
  await page.getByText(/No entry fits: nothing_of_the_kind/).waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).first().click();
  await table.getByText('create_document').first().waitFor();
  await becomes(() => page.getByLabel('Operation').inputValue(), '');
});

for (const [role, path, name, needed] of [['ADMIN', '/admin/security', 'Security log', 'OWNER'], ['MEMBER', '/admin/security', 'Security log', 'OWNER'], ['VIEWER', '/admin/security', 'Security log', 'OWNER'],
  ['MEMBER', '/admin/audit', 'Audit', 'OWNER, ADMIN'], ['VIEWER', '/admin/audit', 'Audit', 'OWNER, ADMIN']])
  check(`${name} is not for ${role}: it says which role is needed, and is not in the navigation`, { as: role, path }, async ({ page }) => {
    await heading(page, name);
    await page.getByText(`This page needs the role ${needed}.`).waitFor();
    await becomes(() => page.getByRole('navigation', { name: 'Navigation' }).getByRole('link', { name, exact: true }).count(), 0);
  });

check('a failing log says so, and nothing is shown as empty', { as: 'OWNER', path: null, expected: [/status of 500/] }, async ({ page }) => {
  await page.route('**/api/admin/security-events*', (r) => r.fulfill({ status: 500, contentType: 'application/json', body: JSON.stringify({ success: false, error: 'Something failed.', code: 'INTERNAL', details: {} }) }));
  await page.goto('/admin/security');
  await page.getByText('The events could not be loaded.').waitFor();
  await becomes(() => page.getByText('No security events').count(), 0);
});

check('a broken chain: a red bar with the first bad entry, which opens', { as: 'OWNER', path: null }, async ({ page }) => {
  const db = new DatabaseSync(join(store.data, 'opboxd.db'));
  const { seq, id } = db.prepare("SELECT seq, id FROM audit WHERE action = 'create_document' ORDER BY seq LIMIT 1").get();
  db.exec('PRAGMA busy_timeout = 10000');
  db.prepare("UPDATE audit SET actor_name = 'Somebody Else' WHERE id = ?").run(id);
  db.close();
  assert.equal((await cli(['log', 'verify', ...store.flags])).code, 1);
  await page.goto('/admin/security');
  const bar = page.getByRole('alert').filter({ hasText: 'The log was changed behind the server.' });
  await bar.getByText(`First bad entry: number ${seq}.`).waitFor();
  await bar.getByText(/It is not what was sealed\./).waitFor();
  await events(page).getByText('The log was changed behind the server').waitFor();
  await events(page).getByText('Critical').first().waitFor();
  await axe(page, 'broken chain');
  await bar.getByRole('link', { name: 'Open the entry' }).click();
  const panel = page.getByRole('dialog', { name: 'Entry of the log' });
  await panel.getByText('Somebody Else', { exact: true }).waitFor();
  await panel.getByText(`Number ${seq} in the chain`).waitFor();
});
