// The frame's own things: icons instead of names, chips in the header, links that name their workspace, a cap that is
// reached, a member's second factor; several tabs and workspaces, an update, zones, everything by keyboard.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, open, origin, people, setUp } from './harness.mjs';
import { Line } from './line.mjs';
import { fill } from './sample.mjs';

const line = new Line();
let desk, branch; // the organisation's workspaces
setUp({
  line,
  prepare: async () => {
    const owner = await client('OWNER'), me = await done(owner.json('/api/me'));
    desk = me.workspace.id;
    branch = (await done(owner.json(`/api/organizations/${me.workspace.organizationId}/workspaces`, { method: 'POST', json: { name: 'Branch' } }))).workspace.id;
    await done(owner.json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: desk } }));
    await fill(owner);
  },
});

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const client = (role) => new Client(origin).signIn(people[role]);
async function done(answer) {
  const r = await answer;
  assert.ok(r.status < 300, JSON.stringify(r.body));
  return r.body;
}
// Back to the first workspace, for the next test.
const home = async (role) => done((await client(role)).json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: desk } }));
const pick = async (page, name) => {
  await page.getByRole('button', { name: /^Workspace: / }).click();
  await page.getByRole('menuitem', { name }).click();
};
const isIn = (page, name) => page.getByRole('button', { name: `Workspace: ${name}` }).waitFor();
const wide = (page) => page.getByRole('navigation', { name: 'Navigation' }).evaluate((n) => n.getBoundingClientRect().width);

check('the navigation folds to icons that keep their names, on this device, from before the first paint; a VIEWER’s too', { as: 'VIEWER' }, async ({ page }) => {
  await heading(page, /Hello/);
  await becomes(() => wide(page), 224);
  await page.getByRole('button', { name: 'Icons only' }).click();
  await becomes(() => wide(page), 56);
  await page.reload({ waitUntil: 'domcontentloaded' });
  await becomes(() => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--o-nav')), '56px', 'the skeleton has the width');
  await heading(page, /Hello/);
  await becomes(() => wide(page), 56);
  await axe(page, 'icons');
  await page.getByRole('navigation', { name: 'Navigation' }).getByRole('link', { name: 'Knowledge base', exact: true }).click();
  await heading(page, 'Knowledge base');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command palette' }).fill('names or icons');
  await page.getByRole('option', { name: /names or icons/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('nav').getBoundingClientRect().width === 224);
});

check('money in the header: what is spent of the cap, for who may see it; nothing for others', { as: 'ADMIN', path: null }, async ({ page }) => {
  const owner = await client('OWNER');
  await done(owner.json('/api/settings/ai-budget', { method: 'PATCH', json: { capUsd: 40 } }));
  let spent = 12.4;
  await page.route('**/api/settings/ai-budget', async (route) => {
    const answer = await route.fetch(), body = await answer.json();
    await route.fulfill({ response: answer, json: { budget: { ...body.budget, spentUsd: spent } } });
  });
  await page.goto('/');
  const chip = page.getByRole('link', { name: '$12.40 of $40' });
  await chip.waitFor();
  await becomes(() => chip.getAttribute('href'), '/admin/usage');
  await becomes(() => chip.getAttribute('data-kind'), 'quiet');
  await axe(page, 'chips');
  for (const [usd, kind, words] of [[31.99, 'quiet', /^\$31\.99 of \$40$/], [32, 'warning', /^\$32\.00 of \$40 ?\. 80 % of this month’s cap/], [40, 'danger', /^\$40\.00 of \$40 ?\. This month’s cap for AI is reached/]]) {
    spent = usd;
    await page.reload();
    const now = page.getByRole('link', { name: words });
    await now.waitFor();
    await becomes(() => now.getAttribute('data-kind'), kind);
  }
  await axe(page, 'cap reached');
  const member = await open({ as: 'MEMBER' });
  await member.page.getByRole('link', { name: 'Offline assistant' }).waitFor();
  await becomes(() => member.page.locator('a[href="/admin/usage"]').count(), 0);
});

check('a reached cap leads to the cap for who may change it; others are told who can', { as: 'OWNER', path: '/chat', expected: [/status of 402/] }, async ({ page }) => {
  line.refuse = [402, 'BUDGET_EXCEEDED', 'The cap of this month is reached.'];
  const ask = async (on) => {
    await on.getByRole('textbox', { name: 'Message to the assistant' }).fill('What is new?');
    await on.keyboard.press('Enter');
    await on.getByText('The spending cap of this workspace is reached.').waitFor();
  };
  await ask(page);
  await becomes(() => page.getByRole('link', { name: 'Usage and cap' }).getAttribute('href'), '/admin/usage');
  const member = await open({ as: 'MEMBER', path: '/chat', expected: [/status of 402/] });
  await ask(member.page);
  await becomes(() => member.page.getByRole('link', { name: 'Usage and cap' }).count(), 0);
  line.refuse = null;
});

check('a copied link names its workspace; in another one it offers to go there, and goes to the very page', { as: 'OWNER', path: null }, async ({ page }) => {
  await page.goto('/search?q=passport');
  await page.getByRole('searchbox').waitFor();
  await page.getByRole('button', { name: 'Your menu' }).click();
  await page.getByRole('menuitem', { name: 'Copy the link to this page' }).click();
  await page.getByText('The link was copied. It leads to this page in Desk.').waitFor();
  const copied = new URL(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual([copied.pathname, copied.searchParams.get('q'), copied.searchParams.get('w')], ['/search', 'passport', desk]);
  // Where it belongs, the name has served and goes out of the address.
  await page.goto(copied.href);
  await page.waitForURL((url) => url.search === '?q=passport');
  await becomes(() => page.getByText('This link belongs to the workspace').count(), 0);

  await page.goto(copied.href.replace(desk, branch));
  await page.getByText('This link belongs to the workspace Branch.').waitFor();
  await axe(page, 'a link of another workspace');
  await becomes(() => page.getByRole('button', { name: /^Workspace: Desk/ }).count(), 1, 'nothing was switched by itself');
  await page.getByRole('button', { name: 'Stay here' }).click();
  await page.waitForURL((url) => url.search === '?q=passport');
  await page.goto(copied.href.replace(desk, branch));
  await page.getByRole('button', { name: 'Switch to it' }).click();
  await page.getByRole('button', { name: /^Workspace: Branch/ }).waitFor();
  await page.waitForURL((url) => url.pathname === '/search' && url.search === '?q=passport');
  await home('OWNER');
});

// RFC 6238 over RFC 4226: what an authenticator shows.
function code(secret) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))).update(step).digest(), from = mac[19] & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

check('an owner resets the second factor of somebody who has lost it; nobody resets their own', { as: 'OWNER', path: null }, async ({ page }) => {
  const member = await client('MEMBER');
  const { totp } = await done(member.json('/api/me/totp', { method: 'POST' }));
  await done(member.json('/api/me/totp/confirm', { method: 'POST', json: { code: code(totp.secret) } }));
  await page.goto('/admin/members');
  await page.getByText('second factor on').waitFor();
  await page.getByRole('button', { name: 'Reset second factor of Max Member' }).click();
  const dialog = page.getByRole('dialog', { name: 'Reset the second factor of Max Member?' });
  await dialog.getByText('all their sessions end at once').waitFor();
  await axe(page, 'reset');
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Keep');
  await dialog.getByRole('button', { name: 'Reset second factor' }).click();
  await page.getByText('The second factor of Max Member is off.').waitFor();
  await page.getByText('second factor on').waitFor({ state: 'detached' });
  await becomes(() => page.getByRole('button', { name: /^Reset second factor/ }).count(), 0);
  assert.equal((await member.json('/api/me')).status, 401, 'their sessions have ended');
});

check('two tabs: one switches the workspace, the other says so, writes nothing, and may still switch itself', { as: 'OWNER', path: '/admin/members' }, async ({ page, context }) => {
  await page.getByText('Max Member').waitFor();
  const other = await context.newPage();
  await other.goto('/');
  await pick(other, 'Branch');
  await isIn(other, 'Branch');
  const banner = page.getByRole('main').getByText('Another tab has switched to another workspace.');
  await banner.waitFor();
  await isIn(page, 'Desk');
  await axe(page, 'behind');
  const written = [];
  page.on('request', (r) => r.method() !== 'GET' && written.push(r.url()));
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
  await dialog.getByLabel('E-mail').fill('late@example.com');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  await dialog.getByText('Another tab has switched to another workspace.').waitFor();
  await dialog.getByText('Nothing was changed.').waitFor();
  assert.deepEqual(written, []);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command palette' }).fill('switch to branch');
  await page.getByRole('option', { name: /Switch to Branch/ }).waitFor();
  await page.keyboard.press('Enter');
  await isIn(page, 'Branch');
  await becomes(() => banner.count(), 0);
  // The other one is there already, so it is told nothing; it can lead back, and then this one is behind.
  await becomes(() => other.getByText('Another tab has switched to another workspace.').count(), 0);
  await pick(other, 'Desk');
  await isIn(other, 'Desk');
  await banner.waitFor();
  // What it shows can be chosen again.
  await pick(page, 'Branch');
  await banner.waitFor({ state: 'detached' });
  await isIn(page, 'Branch');
  await home('OWNER');
});

check('a workspace that cannot be switched to is said: without a network', { as: 'OWNER', expected: [/ERR_INTERNET_DISCONNECTED/] }, async (own) => {
  const { page, context } = own;
  own.noAxe = true; // which reads styles that were cut off in a way that the policy forbids
  await heading(page, /Hello/);
  await context.setOffline(true);
  await pick(page, 'Branch');
  await page.getByText('The workspace was not switched: You are offline. Nothing was sent.').waitFor();
  await context.setOffline(false);
  await page.getByText('The server cannot be reached.').waitFor({ state: 'detached' });
  await isIn(page, 'Desk');
});

const join = async (role) => {
  const owner = await client('OWNER'), here = { 'x-workspace-id': branch };
  const { invite } = await done(owner.json('/api/invites', { method: 'POST', headers: here, json: { email: people[role].email, role: 'MEMBER' } }));
  const guest = await client(role);
  await done(guest.json(`/api/invites/${invite.link.split('/').at(-1)}/accept`, { method: 'POST', json: {} }));
  await done(guest.json('/api/workspaces/switch', { method: 'POST', json: { workspaceId: desk } }));
  const { user } = await done(guest.json('/api/me'));
  return async () => done(owner.json(`/api/members/${user.id}`, { method: 'DELETE', headers: here }));
};
const signInAgain = async (page, role) => {
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.getByLabel('Password', { exact: true }).fill(people[role].password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'detached' });
};

check('a workspace that one was removed from: to it is refused, and said; out of it there is a way', { as: 'VIEWER', path: null, expected: [/status of 40[14]/] }, async ({ page }) => {
  let remove = await join('VIEWER');
  await page.goto('/');
  await heading(page, /Hello/);
  await remove();
  await pick(page, 'Branch');
  await signInAgain(page, 'VIEWER');
  await page.getByText('The workspace was not switched: There is no such workspace.').waitFor();
  await isIn(page, 'Desk');

  remove = await join('VIEWER');
  await page.reload();
  await pick(page, 'Branch');
  await isIn(page, 'Branch');
  await heading(page, /Hello/);
  await page.waitForLoadState('networkidle');
  await remove();
  await pick(page, 'Desk');
  await signInAgain(page, 'VIEWER');
  await page.getByText('Desk', { exact: true }).waitFor(); // the only one now: nothing to choose
  await heading(page, /Hello/);
});

check('by keyboard alone: sign in, search, open a page, ask in chat, change a setting', { path: '/kb', expected: [/status of 401/] }, async ({ page }) => {
  await page.waitForURL(/\/sign-in\?from=/);
  const focused = (what) => what.evaluate((e) => e === document.activeElement);
  const tabTo = async (what) => {
    await what.waitFor();
    for (let i = 0; i < 60 && !(await focused(what)); i++) await page.keyboard.press('Tab');
    assert.ok(await focused(what), `Tab does not lead to ${what}`);
  };
  await tabTo(page.getByLabel('E-mail'));
  await page.keyboard.type(people.MEMBER.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(people.MEMBER.password);
  await page.keyboard.press('Enter');
  await heading(page, 'Knowledge base');

  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await heading(page, 'Search');
  await tabTo(page.getByRole('searchbox', { name: 'Search this workspace' }));
  await page.keyboard.type('passport degree');
  const hit = page.getByRole('list', { name: 'Results' }).getByRole('link', { name: /Employment pass/ }).first();
  await tabTo(hit);
  await page.keyboard.press('Enter');
  await heading(page, 'Employment pass: documents we ask for');
  await page.getByText('Compare the name with the passport').waitFor();

  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await tabTo(page.getByRole('textbox', { name: 'Message to the assistant' }));
  await page.keyboard.type('Which documents do we ask for?');
  await page.keyboard.press('Enter');
  await page.getByText('offline assistant, no model').waitFor();

  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command palette' }).waitFor();
  await page.keyboard.type('display');
  await page.getByRole('option', { name: /^Display/ }).waitFor();
  await page.keyboard.press('Enter');
  await heading(page, 'Display');
  await tabTo(page.getByRole('switch', { name: /Compact rows/ }));
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.documentElement.dataset.density === 'compact');
});

check('an update in mid-session: a piece that is gone loads the page anew, once, and drafts stay; one that stays away is an error', { as: 'MEMBER', path: '/chat', expected: [/status of 404.*\/assets\//, /dynamically imported module/] }, async ({ page }) => {
  const go = async (words) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command palette' }).fill(words);
    await page.getByRole('option', { name: new RegExp(words, 'i') }).first().waitFor();
    await page.keyboard.press('Enter');
  };
  const composer = page.getByRole('textbox', { name: 'Message to the assistant' });
  await composer.fill('half a question');
  let loads = 0, gone = true, forGood = false;
  page.on('request', (r) => {
    if (!r.isNavigationRequest()) return;
    loads++;
    gone = forGood;
  });
  await page.route(/\/assets\/(KbPage|DisplayPage)-[^/]+\.js$/, (route) => (gone ? route.fulfill({ status: 404, contentType: 'application/json', body: '{}' }) : route.continue()));
  // A pointer that rests on a link is no reason to leave the page.
  const ahead = page.waitForResponse((r) => /KbPage/.test(r.url()) && r.status() === 404);
  await page.getByRole('link', { name: 'Knowledge base', exact: true }).hover();
  await ahead;
  await go('knowledge base');
  await heading(page, 'Knowledge base');
  await page.getByRole('tree').waitFor();
  assert.equal(loads, 1);
  await go('chat');
  await composer.waitFor();
  await becomes(() => composer.inputValue(), 'half a question');
  assert.equal(loads, 1);
  gone = forGood = true;
  await go('display');
  await page.getByText('A part of this page has failed.').waitFor();
  await page.waitForLoadState('networkidle');
  assert.ok(loads <= 2, `loaded ${loads} times`); // once more only when the first time is long past
  await axe(page, 'a piece that does not come');
});

for (const [zone, name, instant, day, month, from, to] of [
  ['Pacific/Pago_Pago', /GMT-11/, '2026-11-01T05:00:00Z', 'October 31, 2026', 'November 2026', '2026-11-01T11:00:00.000Z', '2026-11-02T10:59:59.999Z'],
  ['Pacific/Kiritimati', /GMT\+14/, '2026-10-31T18:00:00Z', 'November 1, 2026', 'October 2026', '2026-10-31T10:00:00.000Z', '2026-11-01T09:59:59.999Z'],
])
  check(`${zone}: instants in the own zone, plain days never moved, months of money in UTC`, { as: 'OWNER', path: null, timezoneId: zone }, async ({ page }) => {
    await page.clock.setFixedTime(instant);
    await page.goto('/settings/display');
    const now = page.getByText(/^Now it is /);
    await now.waitFor();
    await becomes(() => now.textContent(), name);
    assert.ok((await now.textContent()).includes(day), await now.textContent());
    await page.goto('/admin/usage');
    await page.getByRole('navigation', { name: 'Month' }).getByText(month, { exact: true }).waitFor();
    const asked = page.waitForRequest((r) => new URL(r.url()).pathname === '/api/audit');
    await page.goto('/admin/audit?from=2026-11-01&to=2026-11-01');
    const query = new URL((await asked).url()).searchParams;
    assert.deepEqual([query.get('from'), query.get('to')], [from, to]);
    await page.getByLabel('From', { exact: true }).waitFor();
    assert.deepEqual([await page.getByLabel('From', { exact: true }).inputValue(), await page.getByLabel('To', { exact: true }).inputValue()], ['2026-11-01', '2026-11-01']);
  });
