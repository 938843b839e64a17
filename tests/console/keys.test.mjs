// Provider keys in three tiers: what is set, who wins and why, verification, gateways, policy, what cannot be decrypted;
// and that a key that was entered is nowhere in the page after.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after } from 'node:test';
import { Client } from '../e2e/harness.mjs';
import { Gateway, html, json } from './gateway.mjs';
import { axe, becomes, check, origin, people, setUp, signInContext, store } from './harness.mjs';

const gateway = await new Gateway().start();
after(() => gateway.stop());
setUp({ flags: ['--outbound-allow', '127.0.0.0/8'], env: { ANTHROPIC_BASE_URL: gateway.url } });

const WORKSPACE = '/api/settings/ai-config', PERSONAL = `${WORKSPACE}/personal`;
const good = 'sk-ant-good-0123456789abcdef', bad = 'sk-ant-bad-0123456789abcd99';
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const card = (page, title) => page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 3, name: title, exact: true }) });
const answers = (page) => page.getByRole('region', { name: 'Answers now' });
const gone = (locator) => locator.waitFor({ state: 'detached' });

async function as(role) {
  const client = await new Client(origin).signIn(people[role]);
  const { workspace } = (await client.json('/api/me')).body;
  return { client, org: `/api/organizations/${workspace.organizationId}/ai-config`, patch: async (path, body, method = 'PATCH') => {
    const r = await client.json(path, { method, json: body });
    assert.ok(r.status < 300, `${path}: ${r.status} ${JSON.stringify(r.body)}`);
    return r.body;
  } };
}
// Each test begins without a key anywhere.
async function nothingSet() {
  gateway.keys = gateway.answer = null;
  gateway.asked = [];
  const owner = await as('OWNER'), member = await as('MEMBER');
  await owner.patch(owner.org, { allowPersonalKeys: true }, 'PUT');
  for (const [who, path] of [[owner, WORKSPACE], [owner, PERSONAL], [member, PERSONAL], [owner, owner.org]]) assert.equal((await who.client.json(path, { method: 'DELETE' })).status, 200, path);
  return { owner, member };
}
// Everything that the page keeps: its text, its fields, the address, what is stored on the device, React Query's cache by
// way of the fibre that holds the client.
const kept = (page) => page.evaluate(() => {
  const root = document.getElementById('root'), key = Object.keys(root).find((k) => k.startsWith('__reactContainer'));
  let cache = null;
  for (const open = [root[key].stateNode.current]; open.length && !cache;) {
    const fibre = open.pop(), client = fibre.memoizedProps?.client;
    if (client?.getQueryCache) cache = JSON.stringify([client.getQueryCache().getAll().map((q) => [q.queryKey, q.state.data]), client.getMutationCache().getAll().map((m) => m.state.variables ?? null)]);
    open.push(...[fibre.sibling, fibre.child].filter((f) => f));
  }
  return { cache, rest: [document.documentElement.outerHTML, [...document.querySelectorAll('input, textarea')].map((i) => i.value).join(' '), location.href, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join(' ') };
});

check('without a key: the offline assistant is named, in the header and on the screen; a refused key stands at its field, a good one is verified, and is nowhere in the page after', { as: 'OWNER', path: null, expected: [/status of 400/] }, async ({ page }) => {
  await nothingSet();
  gateway.keys = [good];
  await page.goto('/');
  await page.getByRole('link', { name: 'Offline assistant' }).click();
  await heading(page, 'Provider keys');
  assert.equal(new URL(page.url()).pathname, '/admin/provider-keys/workspace');
  await answers(page).getByText('The offline assistant: it searches').waitFor();
  await axe(page, 'no key');
  await page.getByRole('button', { name: 'Set Anthropic' }).click();
  const field = page.getByLabel('API key', { exact: true });
  await becomes(() => field.evaluate((f) => f === document.activeElement && f.type === 'password'), true);
  await field.fill(bad);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText(/401.*nothing was saved/).waitFor();
  await becomes(() => page.evaluate(() => document.activeElement?.getAttribute('aria-invalid')), 'true');
  await axe(page, 'refused');
  await field.fill(good);
  await page.keyboard.press('Enter');
  const anthropic = card(page, 'Anthropic');
  await anthropic.getByText('Verified').waitFor();
  await anthropic.getByText('sk-ant-…cdef').waitFor();
  await anthropic.getByText('A call for Anthropic uses this credential').waitFor();
  await answers(page).getByText('Anthropic, claude-sonnet-5, paid with the workspace’s key.').waitFor();
  await gone(page.getByRole('link', { name: 'Offline assistant' }));
  assert.deepEqual(gateway.asked.map((a) => a.key), [bad, good]);
  const { cache, rest } = await kept(page);
  assert.match(cache, /sk-ant-…cdef/, 'the cache was looked into');
  for (const secret of [good, bad]) {
    assert.ok(!cache.includes(secret), 'the cache holds the key');
    assert.ok(!rest.includes(secret), 'the page holds the key');
  }
});

check('replace, leave with something typed, keep, discard; clear asks first; the focus comes back', { as: 'ADMIN', path: null }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { anthropicApiKey: good });
  await page.goto('/admin/provider-keys/workspace');
  await card(page, 'Anthropic').getByText('Set, not verified').waitFor();
  await page.getByRole('button', { name: 'Replace: Anthropic, API key' }).click();
  const field = page.getByLabel('API key', { exact: true });
  await field.fill('sk-ant-next-0123456789abcd77');
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  const leaving = page.getByRole('dialog', { name: 'Something is not saved' });
  await axe(page, 'leaving');
  await leaving.getByRole('button', { name: 'Keep editing' }).click();
  await gone(leaving);
  await becomes(() => field.inputValue(), 'sk-ant-next-0123456789abcd77');
  await page.getByRole('switch', { name: /Ask the provider first/ }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await card(page, 'Anthropic').getByText('sk-ant-…cd77').waitFor();
  assert.equal(gateway.asked.length, 0, 'saved without asking the provider');
  await becomes(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Replace: Anthropic, API key');
  await page.getByRole('button', { name: 'Verify stored keys' }).click();
  await card(page, 'Anthropic').getByText('Verified').waitFor();
  await page.getByRole('button', { name: 'Clear: Anthropic, API key' }).click();
  const clear = page.getByRole('dialog', { name: 'Clear: Anthropic, API key?' });
  await clear.getByText('Everybody who works in Desk loses it at once').waitFor();
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Keep it');
  await becomes(() => clear.getByRole('textbox').count(), 0);
  await clear.getByRole('button', { name: 'Clear', exact: true }).click();
  await card(page, 'Anthropic').getByText('Not set').waitFor();
  await page.getByRole('link', { name: 'Offline assistant' }).waitFor();
});

check('the organisation: its key counts where the workspace has none, the policy is asked about, clearing wants its name', { as: 'OWNER', path: null }, async ({ page }) => {
  await nothingSet();
  await page.goto('/admin/provider-keys/workspace');
  await page.getByRole('link', { name: 'Organisation', exact: true }).click();
  await heading(page, 'Provider keys');
  await page.getByRole('button', { name: 'Set OpenAI' }).click();
  await page.getByLabel('Base URL').fill(gateway.url);
  await page.getByLabel('API key', { exact: true }).fill('sk-org-0123456789abcd55');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await card(page, 'OpenAI').getByText('Verified').waitFor();
  await page.getByRole('link', { name: 'Workspace', exact: true }).click();
  await card(page, 'OpenAI').getByText('A call for OpenAI uses the organisation’s key, since there is no complete credential here.').waitFor();
  await page.getByRole('link', { name: 'Organisation', exact: true }).click();
  await page.getByRole('switch', { name: 'Members may use keys of their own' }).click();
  const policy = page.getByRole('dialog', { name: 'Forbid personal keys in Agency?' });
  await axe(page, 'policy');
  await policy.getByRole('button', { name: 'Forbid personal keys' }).click();
  await page.getByText('Personal keys are not used any more.').waitFor();
  await page.getByRole('button', { name: 'Clear all of OpenAI' }).click();
  const clear = page.getByRole('dialog', { name: 'Clear the OpenAI credential of Agency?' }), verb = clear.getByRole('button', { name: 'Clear', exact: true });
  await becomes(() => verb.isDisabled(), true);
  await axe(page, 'typed name');
  await clear.getByLabel('Type Agency to confirm').fill('Agenc');
  await becomes(() => verb.isDisabled(), true);
  await clear.getByLabel('Type Agency to confirm').fill('Agency');
  await verb.click();
  await card(page, 'OpenAI').getByText('Not set').waitFor();
  await axe(page, 'organisation');
});

check('a MEMBER: own key before the workspace’s; forbidden by the organisation it is read-only and says why, and can be cleared', { as: 'MEMBER', path: null }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { anthropicApiKey: good });
  await page.goto('/settings/keys');
  await card(page, 'Anthropic').getByText('uses the workspace’s key').waitFor();
  await page.getByRole('button', { name: 'Set Anthropic' }).click();
  await page.getByLabel('API key', { exact: true }).fill('sk-ant-mine-0123456789abcd33');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await answers(page).getByText('paid with your own key.').waitFor();
  await axe(page, 'own');
  await owner.patch(owner.org, { allowPersonalKeys: false }, 'PUT');
  await page.reload();
  await page.getByText('The organisation Agency does not allow keys of one’s own.').waitFor();
  await card(page, 'Anthropic').getByText('sk-ant-…cd33').waitFor();
  await card(page, 'Anthropic').getByText('keys of one’s own do not count here').waitFor();
  await becomes(() => page.getByRole('button', { name: /^(Set|Replace|Clear:)/ }).count(), 0);
  await axe(page, 'forbidden');
  await page.getByRole('button', { name: 'Clear everything here' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Clear', exact: true }).click();
  await card(page, 'Anthropic').getByText('Not set').waitFor();
  await page.goto('/admin/provider-keys/organisation');
  await page.getByText('This page needs the role OWNER, ADMIN in the organisation.').waitFor();
});

check('a VIEWER has no keys: the screen says which role is needed, and nothing leads there', { as: 'VIEWER', path: '/settings/keys' }, async ({ page }) => {
  await page.getByText('OWNER, ADMIN, MEMBER').waitFor();
  await becomes(() => page.getByRole('link', { name: /provider keys/i }).count(), 0);
  await becomes(() => page.getByRole('link', { name: 'Offline assistant' }).count(), 0);
});

check('provider and model are pinned; the models of a provider have their prices; the address holds whose', { as: 'OWNER', path: null }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { anthropicApiKey: good });
  await page.goto('/admin/provider-keys/workspace');
  await page.getByLabel('Models of').selectOption('Anthropic');
  const row = page.getByRole('row').filter({ hasText: 'claude-sonnet-4-5-20250929' });
  await row.getByText('$15.00').waitFor();
  await page.getByRole('row').filter({ hasText: 'house-model-7' }).getByText('no price').waitFor();
  assert.match(page.url(), /models=anthropic/);
  await axe(page, 'models');
  await page.getByLabel('Find a model').fill('house');
  await becomes(() => page.getByRole('row').count(), 2);
  await page.getByLabel('Find a model').fill('');
  await row.getByRole('button', { name: 'Choose claude-sonnet-4-5-20250929' }).click();
  await becomes(() => page.getByLabel('Model', { exact: true }).inputValue(), 'claude-sonnet-4-5-20250929');
  await page.getByRole('button', { name: 'Save preferences' }).click();
  await page.getByText('The preferences were saved.').waitFor();
  await answers(page).getByText('Anthropic, claude-sonnet-4-5-20250929, paid with the workspace’s key.').waitFor();
  await answers(page).getByText('chosen by the workspace').waitFor();
  await page.goto('/chat');
  await page.getByText('$3.00 in, $15.00 out for a million tokens').waitFor();
  await page.getByText('paid with the workspace’s key').waitFor();
});

check('a model without a price gets one, for the whole organisation; it is changed, and taken away; who may not only reads', { as: 'OWNER', path: null }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { anthropicApiKey: good });
  await page.goto('/admin/provider-keys/workspace?models=anthropic');
  const row = page.getByRole('row').filter({ hasText: 'house-model-7' }), own = page.getByRole('region', { name: 'Own prices', exact: true }).getByRole('row').filter({ hasText: 'house-model-7' });
  await page.getByText('None is set: the shipped list holds.').waitFor();
  await row.getByRole('button', { name: 'Set a price for house-model-7' }).click();
  const dialog = page.getByRole('dialog', { name: 'Price of house-model-7' }), field = (name) => dialog.getByLabel(name, { exact: true });
  await field('Input').fill('0.1234');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('at most three places').first().waitFor();
  await becomes(() => field('Input').evaluate((e) => e === document.activeElement), true);
  await field('Input').fill('0,5');
  await field('Output').fill('2');
  await axe(page, 'price');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('house-model-7 costs $0.50 and $2.00 now.').waitFor();
  await row.filter({ hasText: '$2.00' }).first().waitFor();
  await own.getByText('$2.00').waitFor();
  const price = async () => (await owner.client.json('/api/settings/ai-prices?q=house-model-7')).body.prices.find((p) => p.source === 'override');
  assert.deepEqual((({ model, inputUsd, outputUsd, cacheReadUsd }) => ({ model, inputUsd, outputUsd, cacheReadUsd }))(await price()), { model: 'house-model-7', inputUsd: 0.5, outputUsd: 2, cacheReadUsd: 0.5 });
  // What the dialog does not show stays: the price of a minute was set over the API.
  assert.equal((await owner.client.json('/api/settings/ai-prices/house-model-7', { method: 'PUT', json: { inputUsd: 0.5, outputUsd: 2, minuteUsd: 0.006 } })).status, 200);
  await page.reload();
  await own.getByRole('button', { name: 'Change the price of house-model-7' }).click();
  await field('Cached input, read').fill('0.05');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await own.getByText('$0.05').waitFor();
  assert.equal((await price()).minuteUsd, 0.006);
  await axe(page, 'own prices');
  const admin = await page.context().browser().newContext({ baseURL: origin });
  await signInContext(admin, people.ADMIN);
  const reader = await admin.newPage();
  await reader.goto('/admin/provider-keys/workspace');
  await reader.getByRole('region', { name: 'Own prices', exact: true }).getByText('house-model-7').waitFor();
  await becomes(() => reader.getByRole('button', { name: /price/i }).count(), 0);
  await admin.close();
  await own.getByRole('button', { name: 'Remove the price of house-model-7' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('None is set: the shipped list holds.').waitFor();
  await row.getByText('no price').waitFor();
  assert.equal(await price(), undefined);
});

check('a gateway: what is not complete, another address warns of the secret, the test says in words what is wrong', { as: 'OWNER', path: null, expected: [/status of 400/] }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { openclawEndpointUrl: gateway.url, openclawBearer: 'bearer-0123456789ab11' });
  await page.goto('/admin/provider-keys/workspace');
  const claw = card(page, 'OpenClaw');
  await claw.getByText('It lacks: Agent id.').waitFor();
  await becomes(() => claw.getByRole('button', { name: /Test/ }).count(), 0);
  await page.getByRole('button', { name: 'Change OpenClaw' }).click();
  await page.getByLabel('Gateway address').fill('ftp://nowhere');
  await page.getByText('Another address clears the secrets').waitFor();
  await page.getByLabel('Agent id').fill('desk');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('must begin with https:// or http://').waitFor();
  await axe(page, 'edit a gateway');
  await page.getByLabel('Gateway address').fill(gateway.url);
  await gone(page.getByText('Another address clears the secrets'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await claw.getByText('A call for OpenClaw uses this credential').waitFor();
  gateway.answer = (rq, rs) => (rq.url === '/health' ? json(rs, 200, {}) : json(rs, 404, { error: { message: 'no such route' } }));
  await page.getByRole('button', { name: 'Test the gateway: OpenClaw' }).click();
  await claw.getByText(/404: endpoint not implemented \(POST \/v1\/chat\/completions\)/).first().waitFor();
  gateway.answer = (rq, rs) => html(rs, 200, '<!doctype html><title>Dashboard</title>');
  await owner.patch(WORKSPACE, { hermesEndpointUrl: gateway.url, hermesApiKey: 'hermes-0123456789ab22' });
  await page.reload();
  await page.getByRole('button', { name: 'Test the gateway: Hermes' }).click();
  await card(page, 'Hermes').getByText(/web page \(HTML\) instead of JSON.*root of a host/).first().waitFor();
  await card(page, 'Hermes').getByText('Beginning of the answer').first().click();
  await page.getByText('<!doctype html><title>Dashboard</title>').first().waitFor();
  await axe(page, 'diagnoses');
  gateway.answer = null;
  await page.getByRole('button', { name: 'Test the gateway: Hermes' }).click();
  await page.getByText('Hermes answers: both requests succeeded.').waitFor();
  await card(page, 'Hermes').getByText('Verified').waitFor();
});

check('what its provider refuses, and what cannot be decrypted, is said where it is and in the header; no other key is used instead', { as: 'OWNER', path: null }, async ({ page }) => {
  const { owner } = await nothingSet();
  await owner.patch(WORKSPACE, { anthropicApiKey: good });
  gateway.keys = [];
  await page.goto('/admin/provider-keys/workspace');
  await page.getByRole('button', { name: 'Verify stored keys' }).click();
  const anthropic = card(page, 'Anthropic');
  await anthropic.getByText('Refused by its provider', { exact: true }).waitFor();
  await anthropic.getByText('No other key is used instead.').waitFor();
  await answers(page).getByText('Calls are refused.').waitFor();
  await axe(page, 'refused');
  await page.goto('/');
  await page.getByRole('link', { name: 'AI calls are refused' }).click();
  await heading(page, 'Provider keys');
  // What is stored is altered behind the program's back: its seal breaks.
  execFileSync('python3', ['-c', 'import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],timeout=10)\nc.execute("UPDATE credentials SET state=\'UNREADABLE\'")\nc.commit()', `${store.data}/opboxd.db`]);
  await page.reload();
  await anthropic.getByText('Cannot be decrypted', { exact: true }).waitFor();
  await anthropic.getByText('Enter it again; it heals by itself when the right root key is back.').waitFor();
  await axe(page, 'unreadable');
  gateway.keys = null;
  await page.getByRole('button', { name: 'Replace: Anthropic, API key' }).click();
  await page.getByLabel('API key', { exact: true }).fill(good);
  await page.keyboard.press('Enter');
  await anthropic.getByText('Verified').waitFor();
});

check('a provider that gives no answer: nothing was saved, what was typed stays', { as: 'OWNER', path: null, expected: [/status of 502/] }, async ({ page }) => {
  await nothingSet();
  gateway.answer = (rq, rs) => json(rs, 500, { error: { message: 'down' } });
  await page.goto('/admin/provider-keys/workspace');
  await page.getByRole('button', { name: 'Set Anthropic' }).click();
  await page.getByLabel('API key', { exact: true }).fill(good);
  await page.keyboard.press('Enter');
  await page.getByText(/could not be verified, and nothing was saved/).waitFor();
  await becomes(() => page.getByText('It is not known whether').count(), 0);
  await becomes(() => page.getByLabel('API key', { exact: true }).inputValue(), good);
});

for (const [name, options, look] of [['from the right', {}, { language: 'mirrored' }], ['dark', {}, { scheme: 'dark' }], ['320 pixels wide', { viewport: { width: 320, height: 640 } }, {}], ['in the accented language', {}, { language: 'accented' }]])
  check(`every tier ${name}: no violation, nothing scrolls sideways`, { as: 'OWNER', path: null, ...options }, async ({ page }) => {
    const { owner } = await nothingSet();
    await owner.patch(WORKSPACE, { anthropicApiKey: good, openclawEndpointUrl: gateway.url, openclawBearer: 'bearer-0123456789ab11', hermesEndpointUrl: gateway.url, hermesApiKey: 'hermes-0123456789ab22' });
    await page.addInitScript((d) => localStorage.setItem('opboxd.display', JSON.stringify(d)), look);
    for (const path of ['/settings/keys', '/admin/provider-keys/workspace?models=anthropic', '/admin/provider-keys/organisation']) {
      await page.goto(path);
      await page.getByRole('heading', { level: 3 }).first().waitFor();
      await page.waitForLoadState('networkidle');
      await axe(page, `${name} ${path}`);
      await becomes(() => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true, `${path} scrolls sideways`);
      if (look.language !== 'accented') continue;
      const plain = await page.evaluate(() => [...document.querySelectorAll('main :is(h1, h2, h3, p, dt, button, label, a, th, span)')].filter((e) => e.childElementCount === 0 && !e.closest('[dir=auto], [dir=ltr], time, code, dd, option')).map((e) => e.textContent.trim()).filter((text) => /[A-Za-z]{3}/.test(text) && !/[⟦⟧]/.test(text)));
      assert.deepEqual(plain, [], path);
    }
  });
