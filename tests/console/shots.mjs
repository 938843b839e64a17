// Pictures of every screen, light and dark, wide and narrow, on one sheet. SHOTS is its folder; IMAGES takes those of the
// README and the manual; ONLY names the screens that are wanted, as a pattern.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '../e2e/harness.mjs';
import { browser, open, origin, people, setUp, store } from './harness.mjs';
import { fillCost } from './sample-cost.mjs';
import { Line } from './line.mjs';
import { Provider } from './provider.mjs';
import { answers, asked, fill, fillChat } from './sample.mjs';

const folder = process.env.SHOTS, images = process.env.IMAGES, only = new RegExp(process.env.ONLY ?? '');
const line = new Line(), provider = new Provider();
let ids, invitation;
setUp({
  line, provider,
  prepare: async () => {
    const client = await new Client(origin).signIn(people.OWNER);
    ids = await fill(client);
    provider.answer = answers(ids);
    await fillChat(client);
    await asked(client, 'question', 'Which pass is it for?');
    invitation = (await client.json('/api/invites', { method: 'POST', json: { email: 'nora@example.com', role: 'MEMBER' } })).body.invite.link;
    await fillCost(store, client);
    const viewer = await new Client(origin).signIn(people.VIEWER);
    for (let i = 0; i < 8; i++) await viewer.json('/api/settings/ai-budget');
    await client.json('/api/documents', { method: 'POST', csrf: false, json: {} });
  },
});

test('pictures', { timeout: 900_000 }, async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const page = ids.get('Employment pass: documents we ask for');
  const routes = [['home', '/'], ['chat', '/chat/sample'], ['chat-new', '/chat'], ['kb', `/kb/${page}`], ['search', '/search?q=passport'], ['nothing', '/search?q=zzzz'], ['members', '/admin/members'],
    ['usage', '/admin/usage'], ['usage-empty', '/admin/usage?month=2020-01'], ['ledger', '/admin/ledger'], ['security', '/admin/security'], ['security-nothing', '/admin/security?severity=CRITICAL'], ['audit', '/admin/audit'],
    ['account', '/settings/profile'], ['display', '/settings/display'], ['shortcuts', '/settings/shortcuts'], ['keys-own', '/settings/keys'], ['keys-workspace', '/admin/provider-keys/workspace'], ['keys-organisation', '/admin/provider-keys/organisation'], ['not-found', '/nowhere']];
  const made = [];
  const shoot = async (name, path, { as = 'OWNER', scheme, width, language = 'en', to, doing, after }) => {
    if (!only.test(name)) return;
    const o = await open({ as, path: null, viewport: { width, height: width > 700 ? 900 : 844 } });
    await o.page.addInitScript((d) => localStorage.setItem('opboxd.display', JSON.stringify(d)), { scheme, language });
    await o.page.goto(path);
    await o.page.locator('h1').first().waitFor();
    await o.page.waitForLoadState('networkidle');
    await o.page.waitForFunction(() => !document.querySelector('[data-loading], .boot'));
    await doing?.(o.page, o.context);
    const file = `${name}-${scheme}-${width}${language === 'en' ? '' : '-rtl'}.png`;
    await o.page.screenshot({ path: to ?? join(folder, file) });
    if (!to) made.push([file, width]);
    await after?.(o.page);
    await o.context.close();
  };
  // States that somebody has to come to.
  const field = (page) => page.getByRole('textbox', { name: 'Message to the assistant' });
  const say = async (page, text) => {
    await field(page).fill(text);
    await page.keyboard.press('Enter');
  };
  const halfway = async (page) => {
    provider.answer = async (run) => {
      run.text('A **dependant pass** is for:\n\n- the spouse\n- children under 21\n\nThe main pass must be valid for');
      await provider.until('rest');
    };
    await say(page, 'Who may come along?');
    await page.getByText('The main pass must be valid for').waitFor();
  };
  const rest = () => {
    provider.signal('rest');
    provider.answer = answers(ids);
  };
  const states = [
    ['palette', '/', { doing: async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').waitFor();
    } }],
    ['tool-card', '/chat/sample', { doing: async (page) => {
      await page.locator('article summary').first().click();
      await page.locator('article details details summary').first().click();
    } }],
    ['question', '/chat/question', {}],
    ['streaming', '/chat', { doing: async (page) => {
      await halfway(page);
      await say(page, 'And which fee is it?');
      await page.getByText('Waits for the answer:').waitFor();
    }, after: rest }],
    ['stopped', '/chat', { doing: async (page) => {
      await halfway(page);
      await page.keyboard.press('Escape');
      await page.getByText('Stopped', { exact: true }).waitFor();
      rest();
    } }],
    ['refused', '/chat/sample', { doing: async (page) => {
      line.refuse = [402, 'BUDGET_EXCEEDED', 'The cap of this month is reached.'];
      await say(page, 'What does it cost?');
      await page.getByText('Your message was not sent.').waitFor();
      line.refuse = null;
    } }],
    ['put-into-page', '/chat/sample', { doing: async (page) => {
      await page.getByRole('button', { name: 'Put into a page' }).last().click();
      await page.getByRole('dialog').waitFor();
    } }],
    ['session', '/kb', { doing: async (page, context) => {
      await context.clearCookies();
      await page.getByRole('searchbox').first().fill('fees');
      await page.getByText('Your session has ended').waitFor();
    } }],
    ['invitation', new URL(invitation).pathname, { as: null }],
  ];
  for (const [name, path] of routes)
    for (const scheme of ['light', 'dark']) for (const width of [1440, 390]) await shoot(name, path, { scheme, width });
  for (const [name, path, how] of states)
    for (const [scheme, width] of [['light', 1440], ['dark', 390]]) await shoot(name, path, { ...how, scheme, width });
  await shoot('sign-in', '/sign-in', { as: null, scheme: 'light', width: 1440 });
  await shoot('sign-in', '/sign-in', { as: null, scheme: 'dark', width: 390 });
  await shoot('forbidden', '/chat', { as: 'VIEWER', scheme: 'light', width: 1440 });
  await shoot('forbidden-usage', '/admin/usage', { as: 'MEMBER', scheme: 'light', width: 1440 });
  await shoot('usage', '/admin/usage', { scheme: 'light', width: 1440, language: 'mirrored' });
  await shoot('chat', '/chat/sample', { scheme: 'light', width: 1440, language: 'mirrored' });
  await shoot('kb', `/kb/${page}`, { scheme: 'light', width: 390, language: 'mirrored' });
  const manual = [['console', '/chat/sample'], ['console-page', `/kb/${page}`], ['console-usage', '/admin/usage']];
  for (const [name, path] of images ? manual : []) await shoot(name, path, { scheme: 'light', width: 1280, to: join(images, `${name}.png`) });
  const sheet = await browser.newPage({ viewport: { width: 1800, height: 1000 } });
  const cell = ([file, width]) => `<figure style="margin:0"><img style="height:260px;border:1px solid #888" src="data:image/png;base64,${readFileSync(join(folder, file)).toString('base64')}"><figcaption>${file} ${width}</figcaption></figure>`;
  await sheet.setContent(`<body style="font:11px sans-serif;display:flex;flex-wrap:wrap;gap:12px;background:#ddd">${made.map(cell).join('')}</body>`);
  await sheet.screenshot({ path: join(folder, 'sheet.png'), fullPage: true });
});
