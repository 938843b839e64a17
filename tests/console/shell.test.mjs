// Signing in, the frame, navigation by role, the palette, keys, expiry, tabs, the network's loss.
import assert from 'node:assert/strict';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, origin, people, server, setUp } from './harness.mjs';

setUp();

const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();

check('sign-in: a wrong password says nothing about the account, a right one leads to where one wanted to go', { path: '/kb', expected: [/status of 401/] }, async ({ page }) => {
  await page.waitForURL(/\/sign-in\?from=/);
  await page.getByLabel('E-mail').waitFor();
  await axe(page, 'sign-in');
  await page.getByLabel('E-mail').fill(people.OWNER.email);
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('E-mail or password is wrong.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(people.OWNER.password);
  await page.keyboard.press('Enter');
  await heading(page, 'Knowledge base');
  assert.equal(new URL(page.url()).pathname, '/kb');
});

check('the page has a nonce of its own each time and is never stored', { as: 'OWNER' }, async () => {
  const answers = await Promise.all([1, 2].map(() => fetch(`${server.base}/chat/x/`)));
  const nonces = await Promise.all(answers.map(async (r) => {
    const policy = r.headers.get('content-security-policy'), nonce = /'nonce-([0-9a-f]{32})'/.exec(policy)?.[1];
    assert.equal(r.status, 200);
    assert.equal(r.headers.get('cache-control'), 'no-store');
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[0-9a-f]+'; img-src 'self' blob: data:; .*frame-ancestors 'none'$/);
    assert.match(await r.text(), new RegExp(`<meta name="csp-nonce" nonce="${nonce}">`));
    return nonce;
  }));
  assert.notEqual(nonces[0], nonces[1]);
  assert.equal((await fetch(`${server.base}/assets/none.js`)).status, 404);
  assert.equal((await fetch(`${server.base}/api/none`)).status, 404);
  const script = /src="(\/assets\/index-[^"]+)"/.exec(await (await fetch(server.base)).text())[1];
  const asset = await fetch(server.base + script);
  assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  assert.equal(asset.headers.get('content-encoding'), 'gzip');
});

for (const [role, sees, not] of [['OWNER', ['Home', 'Chat', 'Knowledge base', 'Members', 'Account']], ['MEMBER', ['Home', 'Chat', 'Knowledge base'], ['Members']], ['VIEWER', ['Home', 'Knowledge base'], ['Chat', 'Members']]].map((r) => [...r, []].slice(0, 3)))
  check(`navigation: ${role} sees what the role may use`, { as: role }, async ({ page }) => {
    const nav = page.getByRole('navigation', { name: 'Navigation' });
    for (const name of sees) await nav.getByRole('link', { name, exact: true }).waitFor();
    for (const name of not) assert.equal(await nav.getByRole('link', { name, exact: true }).count(), 0, name);
  });

check('a deep link to what the role may not use says which role is needed', { as: 'VIEWER', path: '/chat' }, async ({ page }) => {
  await page.getByText('OWNER, ADMIN, MEMBER').waitFor();
  await heading(page, 'Chat');
});

check('an address that is nowhere is not found', { as: 'MEMBER', path: '/nowhere/at/all' }, async ({ page }) => heading(page, 'Not found'));

check('by keyboard alone: skip link, palette, letters, help; the heading takes the focus and the title names the place', { as: 'MEMBER' }, async ({ page }) => {
  await heading(page, /Hello/);
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('Tab');
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  await becomes(() => page.evaluate(() => document.activeElement?.id), 'main');
  await page.keyboard.press('Control+k');
  const box = page.getByRole('combobox', { name: 'Command palette' });
  await box.waitFor();
  await axe(page, 'palette');
  await page.keyboard.type('know');
  const option = page.getByRole('option', { name: /Knowledge base/ });
  await option.waitFor();
  await becomes(() => option.getAttribute('aria-selected'), 'true');
  await becomes(() => box.getAttribute('aria-activedescendant'), await option.getAttribute('id'));
  await page.keyboard.press('Enter');
  await heading(page, 'Knowledge base');
  await becomes(() => page.title(), /^Knowledge base – opboxd$/);
  await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await heading(page, /Hello/);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys and help' }).waitFor();
  await axe(page, 'help');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

check('what is typed before the palette has come is in its field', { as: 'MEMBER', path: null }, async ({ page }) => {
  let release;
  const held = new Promise((r) => (release = r));
  await page.route(/\/assets\/Palette-[^/]+\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('/');
  await heading(page, /Hello/);
  const box = page.getByRole('combobox', { name: 'Command palette' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('seaX');
  await page.keyboard.press('Backspace');
  await page.keyboard.type('r');
  assert.equal(await box.count(), 0);
  release();
  await becomes(() => box.inputValue(), 'sear');
  await page.keyboard.type('ch');
  await becomes(() => box.inputValue(), 'search');
  await page.getByRole('option', { name: /^Search,/ }).waitFor();
  await page.keyboard.press('Enter');
  await heading(page, 'Search');
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await heading(page, /Hello/);
});

check('a session that ends in mid-work asks over the page, and what was typed is there after', { as: 'MEMBER', path: '/settings/profile', expected: [/status of 40[14]/] }, async ({ page, context }) => {
  await heading(page, 'Account');
  await page.getByLabel('New password', { exact: true }).fill('something half typed');
  await page.getByText('this one').waitFor();
  await context.clearCookies();
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByRole('link', { name: 'Knowledge base', exact: true }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('something');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.waitFor();
  await becomes(() => dialog.getByLabel('E-mail').inputValue(), people.MEMBER.email);
  await dialog.getByLabel('Password', { exact: true }).fill(people.MEMBER.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await becomes(() => page.getByLabel('New password', { exact: true }).inputValue(), 'something half typed');
});

check('a session that ends in mid-form: what is sent is refused, asked for over the page, sent again with a new token, and saved', { as: 'OWNER', path: '/admin/members', expected: [/status of 401/] }, async ({ page, context }) => {
  await page.getByText('Max Member').waitFor();
  const sent = [];
  page.on('response', (r) => {
    const q = r.request();
    if (q.method() === 'POST' && new URL(r.url()).pathname === '/api/invites') sent.push({ status: r.status(), csrf: q.headers()['x-csrf-token'], key: q.headers()['idempotency-key'], body: q.postData() });
  });
  const invite = page.getByRole('dialog', { name: 'Invite somebody' });
  const form = async (email, role) => {
    await page.getByRole('button', { name: 'Invite somebody' }).click();
    await invite.getByLabel('E-mail').fill(email);
    await invite.getByLabel('Role').selectOption(role);
  };
  const stored = async (email) => {
    const once = page.getByRole('dialog', { name: `The link of ${email}` });
    await once.getByRole('button', { name: 'Copy' }).click();
    await once.getByRole('button', { name: 'I have stored it' }).click();
    await once.waitFor({ state: 'detached' });
  };
  await form('early@example.com', 'MEMBER');
  await invite.getByRole('button', { name: 'Make the link' }).click();
  await stored('early@example.com');
  await form('late@example.com', 'ADMIN');
  await page.waitForLoadState('networkidle');
  await context.clearCookies();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.waitFor();
  await axe(page, 'session ended');
  await becomes(() => dialog.getByLabel('E-mail').inputValue(), people.OWNER.email);
  await dialog.getByLabel('Password', { exact: true }).fill('wrong');
  await page.keyboard.press('Enter');
  await dialog.getByText('E-mail or password is wrong.').waitFor();
  await becomes(() => invite.getByLabel('E-mail').inputValue(), 'late@example.com');
  await dialog.getByLabel('Password', { exact: true }).fill(people.OWNER.password);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await stored('late@example.com');
  await page.getByRole('listitem').filter({ hasText: 'late@example.com' }).getByText('Admin', { exact: true }).waitFor();
  assert.deepEqual(sent.map((s) => s.status), [201, 401, 201]);
  const [first, refused, again] = sent;
  assert.equal(refused.csrf, first.csrf);
  assert.match(again.csrf, /^[0-9a-f]{64}$/);
  assert.notEqual(again.csrf, refused.csrf);
  assert.deepEqual([again.body, again.key], [refused.body, refused.key]);
  assert.notEqual(again.key, first.key);
  assert.deepEqual(JSON.parse(again.body), { email: 'late@example.com', role: 'ADMIN' });
});

// What is on its way when the session ends is answered with 401, in either tab.
check('another tab that signs out is said here at once', { as: 'MEMBER', expected: [/status of 401/] }, async ({ page, context }) => {
  await heading(page, /Hello/);
  const other = await context.newPage();
  await other.goto('/');
  await other.getByRole('button', { name: 'Your menu' }).click();
  await other.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByText('You have signed out in another tab.').waitFor();
});

check('a first page asks who is there, then once for each thing it shows', { as: 'MEMBER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  assert.equal((await client.json('/api/ai/chats', { method: 'POST', json: { id: 'asked-once', title: 'Asked once' } })).status, 201);
  const asked = [];
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (r.isNavigationRequest()) asked.length = 0;
    if (url.pathname.startsWith('/api/')) asked.push(url.pathname + url.search);
  });
  let release;
  const hold = (pattern) => {
    const held = new Promise((resolve) => (release = resolve));
    return page.route(pattern, async (route) => {
      await held;
      await route.continue();
    });
  };
  // A screen whose code has not come is read all the same; when it is shown it does not ask again.
  for (const [path, code, first] of [['/', 'HomePage', ['/api/ai/chats?archived=false&limit=5', '/api/documents?limit=5']], ['/chat/asked-once', 'ChatPage', ['/api/ai/chats/asked-once/messages?limit=50', '/api/ai/chats?archived=false&limit=50', '/api/ai/chats/asked-once']]]) {
    await hold(`**/assets/${code}-*.js`);
    const read = Promise.all(first.map((url) => page.waitForRequest((r) => r.url() === origin + url)));
    await page.goto(path, { waitUntil: 'commit' });
    await read;
    await becomes(() => page.getByRole('link', { name: 'Asked once' }).count(), 0);
    release();
    await page.getByRole('link', { name: 'Asked once' }).waitFor();
    await page.getByRole('link', { name: 'Offline assistant' }).waitFor(); // what is asked when nothing else is
    await page.waitForLoadState('networkidle');
    assert.equal(asked[0], '/api/me');
    assert.equal(new Set(asked).size, asked.length, `${path}: ${asked}`);
  }
  // What hangs is waited for in the page.
  await hold('**/api/documents?**');
  await page.goto('/');
  await heading(page, /Hello/);
  await page.getByRole('link', { name: 'Asked once' }).waitFor();
  await page.getByRole('region', { name: 'Last changed pages' }).getByRole('status', { name: 'Loading' }).waitFor();
  release();
  await page.getByText('No pages yet.').waitFor();
  // A conversation waits for what was asked ahead of it, and does not ask again.
  await hold('**/api/ai/chats/asked-once/messages?**');
  await page.goto('/chat/asked-once');
  await page.getByRole('link', { name: 'Asked once' }).waitFor();
  release();
  await page.getByText('Ask the assistant', { exact: true }).waitFor();
  assert.equal(asked.filter((path) => path.includes('/messages?')).length, 1);
});

check('what an icon means is said on hover and on keyboard focus, once for who listens, and goes with Escape', { as: 'MEMBER' }, async ({ page }) => {
  await heading(page, /Hello/);
  const tip = page.getByRole('tooltip'), help = page.getByRole('button', { name: 'Keys and help' }), gone = () => tip.waitFor({ state: 'detached' });
  await help.hover();
  await becomes(() => tip.textContent(), 'Keys and help');
  await becomes(() => help.getAttribute('aria-describedby'), null);
  await tip.hover();
  await page.waitForTimeout(300);
  await becomes(() => tip.count(), 1);
  await page.keyboard.press('Escape');
  await gone();
  await page.mouse.move(5, 400);
  await page.getByRole('button', { name: 'Your menu' }).focus();
  await page.keyboard.press('Shift+Tab');
  await tip.waitFor();
  await becomes(() => help.evaluate((e) => e === document.activeElement), true);
  const box = await tip.boundingBox(), at = await help.boundingBox();
  assert.ok(box.y >= at.y + at.height && box.x >= 0 && box.x + box.width <= 1280, JSON.stringify(box));
  await page.keyboard.press('Tab');
  await gone();
  const chip = page.getByRole('link', { name: 'Offline assistant' });
  await chip.hover();
  await tip.getByText('No provider key is set.').waitFor();
  assert.ok((await chip.getAttribute('aria-describedby')).includes(await tip.getAttribute('id')));
});

check('after G the letters of the places go there, and the help and the settings say the same', { as: 'OWNER' }, async ({ page }) => {
  await heading(page, /Hello/);
  const places = [['k', 'Knowledge base'], ['u', 'Usage'], ['s', 'Search'], ['e', 'Members'], ['p', 'Provider keys'], ['h', /Hello/], ['c', 'Chat']];
  for (const [letter, name] of places) {
    await page.waitForLoadState('networkidle');
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('g');
    await page.keyboard.press(letter);
    await heading(page, name);
  }
  await page.goto('/');
  await heading(page, /Hello/);
  // Kept for what is to come: Matters, Tables, Files, Agent tasks.
  for (const letter of 'mtfa') {
    await page.keyboard.press('g');
    await page.keyboard.press(letter);
  }
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys and help' });
  await becomes(() => help.locator('dl > div').evaluateAll((rows) => rows.map((r) => [...r.querySelectorAll('kbd')].map((k) => k.textContent).join(' ')).filter((k) => k.startsWith('G ')).sort()), places.map(([letter]) => `G ${letter.toUpperCase()}`).sort());
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'detached' });
  await heading(page, /Hello/);
  await page.goto('/settings/shortcuts');
  await heading(page, 'Keyboard');
  for (const [letter, name] of places) await becomes(() => page.getByLabel(`Letter for ${typeof name === 'string' ? name : 'Home'}`, { exact: true }).inputValue(), letter.toUpperCase(), String(name));
});

// What the page still asks for then fails, as it should.
check('offline: a banner says so, and that writing is off', { as: 'MEMBER', expected: [/ERR_INTERNET_DISCONNECTED/] }, async ({ page, context }) => {
  await heading(page, /Hello/);
  await context.setOffline(true);
  await page.getByText('The server cannot be reached.').waitFor();
  await axe(page, 'offline');
  await context.setOffline(false);
  await page.getByText('The server cannot be reached.').waitFor({ state: 'detached' });
});

check('Home asks the assistant: without a key the offline one answers, and says what it is', { as: 'MEMBER' }, async ({ page }) => {
  await page.getByRole('textbox', { name: 'Ask the assistant' }).fill('Which pages are in the knowledge base?');
  await page.keyboard.press('Enter');
  await page.getByText('offline assistant, no model').waitFor();
  await page.waitForURL(/\/chat\/[0-9a-f]{32}$/);
});
