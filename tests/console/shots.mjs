// Pictures of every screen, light and dark, wide and narrow, on one sheet: node shots.mjs FOLDER [README.png]
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '../e2e/harness.mjs';
import { browser, open, origin, people, setUp, store } from './harness.mjs';
import { fillCost } from './sample-cost.mjs';
import { fill, fillChat } from './sample.mjs';

const folder = process.env.SHOTS, readme = process.env.README_IMAGE;
let ids;
setUp({
  prepare: async () => {
    const client = await new Client(origin).signIn(people.OWNER);
    ids = await fill(client);
    await fillChat(client, ids);
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
    ['account', '/settings/profile'], ['display', '/settings/display'], ['shortcuts', '/settings/shortcuts'], ['keys-own', '/settings/keys'], ['keys-workspace', '/admin/provider-keys/workspace'], ['keys-organisation', '/admin/provider-keys/organisation'], ['not-found', '/nowhere'], ['palette', '/']];
  const made = [];
  const shoot = async (name, path, { as = 'OWNER', scheme, width, language = 'en', to }) => {
    const o = await open({ as, path: null, viewport: { width, height: width > 700 ? 900 : 844 } });
    await o.page.addInitScript((d) => localStorage.setItem('opboxd.display', JSON.stringify(d)), { scheme, language });
    await o.page.goto(path);
    await o.page.locator('h1').first().waitFor();
    await o.page.waitForLoadState('networkidle');
    await o.page.waitForFunction(() => !document.querySelector('[data-loading], .boot'));
    if (name === 'palette') {
      await o.page.keyboard.press('Control+k');
      await o.page.getByRole('combobox').waitFor();
    }
    const file = `${name}-${scheme}-${width}${language === 'en' ? '' : '-rtl'}.png`;
    await o.page.screenshot({ path: to ?? join(folder, file) });
    if (to) return o.context.close();
    made.push([file, width]);
    await o.context.close();
  };
  for (const [name, path] of routes)
    for (const scheme of ['light', 'dark']) for (const width of [1440, 390]) await shoot(name, path, { scheme, width });
  await shoot('sign-in', '/sign-in', { as: null, scheme: 'light', width: 1440 });
  await shoot('sign-in', '/sign-in', { as: null, scheme: 'dark', width: 390 });
  await shoot('forbidden', '/chat', { as: 'VIEWER', scheme: 'light', width: 1440 });
  await shoot('forbidden-usage', '/admin/usage', { as: 'MEMBER', scheme: 'light', width: 1440 });
  await shoot('usage', '/admin/usage', { scheme: 'light', width: 1440, language: 'mirrored' });
  await shoot('chat', '/chat/sample', { scheme: 'light', width: 1440, language: 'mirrored' });
  await shoot('kb', `/kb/${page}`, { scheme: 'light', width: 390, language: 'mirrored' });
  if (readme) await shoot('chat', '/chat/sample', { scheme: 'light', width: 1280, to: readme });
  const sheet = await browser.newPage({ viewport: { width: 1800, height: 1000 } });
  const cell = ([file, width]) => `<figure style="margin:0"><img style="height:260px;border:1px solid #888" src="data:image/png;base64,${readFileSync(join(folder, file)).toString('base64')}"><figcaption>${file} ${width}</figcaption></figure>`;
  await sheet.setContent(`<body style="font:11px sans-serif;display:flex;flex-wrap:wrap;gap:12px;background:#ddd">${made.map(cell).join('')}</body>`);
  await sheet.screenshot({ path: join(folder, 'sheet.png'), fullPage: true });
});
