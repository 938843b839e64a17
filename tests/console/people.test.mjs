// Inviting, joining, roles, removal; the name, the second factor and the password of one's own account; what does not come.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, open, origin, password, people, setUp } from './harness.mjs';

setUp();

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const stored = async (dialog) => {
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  await dialog.waitFor({ state: 'detached' });
};

// RFC 6238 over RFC 4226: what an authenticator shows.
function code(secret) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest(), from = mac[19] & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

check('an owner invites, the link is shown once, somebody joins, gets another role, and is removed', { as: 'OWNER', path: '/admin/members', expected: [/status of 401/] }, async ({ page }) => {
  await page.getByText('Max Member').waitFor();
  await axe(page, 'members');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
  await dialog.getByLabel('E-mail').fill('new@example.com');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  const once = page.getByRole('dialog', { name: 'The link of new@example.com' });
  await once.waitFor();
  await axe(page, 'secret once');
  await page.keyboard.press('Escape');
  await becomes(() => once.getByRole('button', { name: 'I have stored it' }).isDisabled(), true);
  const link = await once.locator('pre').textContent();
  await stored(once);
  await page.getByText('new@example.com').first().waitFor();

  const guest = await open({ path: null, expected: [/status of (401|404|410)/] });
  await guest.page.goto(new URL(link).pathname);
  await guest.page.getByText(/invites new@example.com to Desk/).waitFor();
  await axe(guest.page, 'invitation');
  await guest.page.getByLabel('Your name').fill('Nina New');
  await guest.page.getByLabel('Password', { exact: true }).fill(password);
  await guest.page.getByRole('button', { name: 'Join' }).click();
  await guest.page.getByText('You have joined Desk.').waitFor();
  await guest.page.getByRole('link', { name: 'Sign in' }).click();
  await guest.page.getByLabel('E-mail').fill('new@example.com');
  await guest.page.getByLabel('Password', { exact: true }).fill(password);
  await guest.page.keyboard.press('Enter');
  await heading(guest.page, 'Hello Nina New');
  await guest.page.goto(new URL(link).pathname);
  await guest.page.getByText('This invitation has expired, was used or was withdrawn.').waitFor();
  await guest.context.close();

  await page.reload();
  await page.getByRole('combobox', { name: 'Role of Nina New' }).selectOption('VIEWER');
  await page.getByRole('dialog', { name: 'Change the role of Nina New?' }).getByRole('button', { name: 'Change role' }).click();
  await page.getByText('Nina New is Viewer now.').waitFor();
  await page.getByRole('button', { name: 'Remove Nina New' }).click();
  const remove = page.getByRole('dialog', { name: 'Remove Nina New?' });
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Keep');
  await remove.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nina New was removed.').waitFor();
});

check('the second factor: set up, asked for at sign-in, switched off', { as: 'ADMIN', path: '/settings/profile', expected: [/status of 401/] }, async ({ page, context }) => {
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByRole('img', { name: 'QR code of the key' }).waitFor();
  await axe(page, 'enrolment');
  const secret = (await page.locator('[class*=secret]').textContent()).trim();
  await page.getByLabel('Code').fill(code(secret));
  await page.getByRole('button', { name: 'Switch on' }).click();
  const codes = page.getByRole('dialog', { name: 'Recovery codes' });
  const recovery = (await codes.locator('pre').textContent()).split('\n');
  assert.equal(recovery.length, 10);
  await stored(codes);
  await page.getByText('10 recovery codes are left.').waitFor();

  await context.clearCookies();
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(people.ADMIN.email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
  const field = page.getByLabel('Code of your authenticator app');
  await field.fill('000000');
  await page.keyboard.press('Enter');
  await page.getByText('That code is wrong or was used already.').waitFor();
  await axe(page, 'sign-in with a code');
  await field.fill(recovery[0]);
  await page.keyboard.press('Enter');
  await heading(page, /Hello/);
  await page.goto('/settings/profile');
  await page.getByText('9 recovery codes are left.').waitFor();
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByLabel('Your password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByText('The second factor is off.').waitFor();
});

check('a new password: a wrong present one stands at its field, a right one is taken', { as: 'VIEWER', path: '/settings/profile', expected: [/status of 400/] }, async ({ page }) => {
  await page.getByLabel('Current password', { exact: true }).fill('wrong wrong wrong');
  await page.getByLabel('New password', { exact: true }).fill('another good password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('is not the present password').waitFor();
  await becomes(() => page.evaluate(() => document.activeElement?.getAttribute('autocomplete')), 'current-password');
  await page.getByLabel('Current password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('The password was changed.').waitFor();
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await heading(page, /Hello/);
});

check('members: what is refused whoever asks is not offered, or says why beforehand', { as: 'ADMIN', path: '/admin/members' }, async ({ page }) => {
  const role = (of, on = page) => on.getByRole('combobox', { name: `Role of ${of}` }), remove = (of, on = page) => on.getByRole('button', { name: `Remove ${of}` });
  const why = (control) => control.evaluate((e) => document.getElementById(e.getAttribute('aria-describedby'))?.textContent);
  const offered = (select) => select.locator('option').allTextContents();
  await page.getByText('Max Member').waitFor();
  const top = (await (await new Client(origin).signIn(people.OWNER)).json('/api/me')).body.user.name;
  await becomes(() => role(top).isDisabled(), true);
  await becomes(() => remove(top).isDisabled(), true);
  assert.match(await why(role(top)), /^Acts here as Owner: only an owner can change or remove an owner\.$/);
  assert.match(await why(remove(top)), /only an owner/);
  assert.deepEqual(await offered(role('Max Member')), ['Admin', 'Member', 'Viewer']);
  await becomes(() => role('Max Member').isEnabled(), true);
  await becomes(() => remove('Max Member').isEnabled(), true);
  await axe(page, 'members, as an admin');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const invite = page.getByRole('dialog', { name: 'Invite somebody' });
  assert.deepEqual((await offered(invite.getByLabel('Role'))).map((o) => o.split(':')[0]), ['Member', 'Viewer', 'Admin']);
  await page.keyboard.press('Escape');
  await remove('Max Member').click();
  await page.getByRole('dialog').getByText('all their sessions end, those in other workspaces too').waitFor();
  await page.keyboard.press('Escape');

  const owner = await open({ as: 'OWNER', path: '/admin/members' });
  await owner.page.getByText('Max Member').waitFor();
  await becomes(() => role(top, owner.page).isDisabled(), true);
  assert.match(await why(role(top, owner.page)), /^The last owner cannot be removed or lowered/);
  assert.deepEqual(await offered(role('Max Member', owner.page)), ['Owner', 'Admin', 'Member', 'Viewer']);
  // Who would go on acting here by the organisation.
  await becomes(() => role('Ada Admin', owner.page).isEnabled(), true);
  await becomes(() => remove('Ada Admin', owner.page).isDisabled(), true);
  assert.match(await why(remove('Ada Admin', owner.page)), /^Cannot be removed here: acts as Admin of the organisation, change that role first\.$/);
  await axe(owner.page, 'members, as an owner');
});

check('the own name: changed, seen at once here and by others, undone; leaving asks', { as: 'MEMBER', path: '/settings/profile' }, async ({ page }) => {
  const field = page.getByLabel('Name that others see'), save = page.getByRole('button', { name: 'Save name' });
  await field.waitFor();
  await becomes(() => field.inputValue(), 'Max Member');
  await becomes(() => save.isDisabled(), true);
  await field.fill('   ');
  await becomes(() => save.isDisabled(), true);
  await field.fill('  Maxine Member ');
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  const leaving = page.getByRole('dialog', { name: 'Something is not saved' });
  await leaving.getByRole('button', { name: 'Keep editing' }).click();
  await save.click();
  await page.getByText('You are called Maxine Member now.').waitFor();
  await becomes(() => field.inputValue(), 'Maxine Member');
  await axe(page, 'renamed');
  await page.getByRole('button', { name: 'Your menu' }).click();
  await page.getByRole('menu').getByText('Maxine Member', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await heading(page, 'Hello Maxine Member');
  const admin = await open({ as: 'ADMIN', path: '/admin/members' });
  await admin.page.getByRole('combobox', { name: 'Role of Maxine Member' }).waitFor();
  // The toast may be gone by now; what changed is still in the menu.
  await page.getByRole('button', { name: 'Your menu' }).click();
  await page.getByRole('menuitem', { name: 'You are called Maxine Member now.' }).click();
  await heading(page, 'Hello Max Member');
  await page.goto('/settings/profile');
  await becomes(() => field.inputValue(), 'Max Member');
});

check('what does not come: after ten seconds the page says what it waits for, Cancel breaks it off, and it can be asked again', { as: 'OWNER', path: null }, async ({ page }) => {
  await page.clock.install();
  for (const [path, pattern, there] of [['/admin/members', '**/api/members?**', 'Max Member'], ['/kb', '**/api/documents/tree?**', 'Nothing here yet.'], ['/settings/profile', '**/api/me/totp', 'Off. A password alone opens this account.']]) {
    const asked = [];
    await page.route(pattern, (route) => void asked.push(route));
    await page.goto(path);
    await page.getByRole('status', { name: 'Loading' }).first().waitFor();
    await becomes(() => page.getByText('Still waiting for the server.').count(), 0, path);
    await page.clock.fastForward(10_000);
    const word = page.getByText('Still waiting for the server.');
    await word.waitFor();
    assert.equal(asked.length, 1, path);
    await axe(page, `waiting ${path}`);
    const broken = page.waitForEvent('requestfailed', (r) => r === asked[0].request());
    await word.getByRole('button', { name: 'Cancel' }).click();
    await broken;
    await page.getByText('Loading was stopped. Nothing was changed.').waitFor();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Try again');
    await page.keyboard.press('Enter');
    await page.getByText(there).first().waitFor();
  }
});

check('what is asked anew stays, under a thin line', { as: 'OWNER', path: null }, async ({ page }) => {
  await page.clock.install();
  await page.goto('/admin/members');
  await page.getByText('Max Member').waitFor();
  await page.getByRole('link', { name: 'Account', exact: true }).click();
  await page.getByLabel('Name that others see').waitFor();
  await page.waitForLoadState('networkidle');
  await becomes(() => page.locator('[data-refreshing]').count(), 0);
  let release;
  const held = new Promise((done) => (release = done));
  await page.route('**/api/members?**', async (route) => {
    await held;
    await route.continue();
  });
  await page.clock.fastForward(60_000); // what was read is old by now
  await page.getByRole('link', { name: 'Members', exact: true }).click();
  await page.getByText('Max Member').waitFor();
  const bar = page.locator('[data-refreshing]');
  await bar.waitFor();
  assert.equal((await bar.boundingBox()).height, 2);
  await becomes(() => page.getByText('Max Member').isVisible(), true);
  release();
  await bar.waitFor({ state: 'detached' });
});
