// The chat: asking, stopping, a cut line, coming back, drafts, questions, long threads.
import assert from 'node:assert/strict';
import { Client } from '../e2e/harness.mjs';
import { axe, becomes, check, origin, people, server, setUp } from './harness.mjs';
import { Line } from './line.mjs';
import { Provider } from './provider.mjs';

const line = new Line(), provider = new Provider();
setUp({ line, provider });

const field = (page) => page.getByRole('textbox', { name: 'Message to the assistant' });
const ask = async (page, text) => {
  await field(page).fill(text);
  await page.keyboard.press('Enter');
};
const count = (page, text) => page.getByText(text).count();

check('a question makes a thread; the answer says who gave it; the thread is there after a reload', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  await page.getByText('Ask the assistant', { exact: true }).waitFor();
  await axe(page, 'new chat');
  await ask(page, 'First question of all');
  await page.getByText('You said: First question of all').waitFor();
  await page.getByText(/gpt-5.4-mini · 120 tokens in, 30 out · \$0.00/).waitFor();
  await page.getByText('paid by the server').waitFor();
  await page.waitForURL(/\/chat\/[0-9a-f]{32}$/);
  await page.getByRole('link', { name: 'First question of all' }).waitFor();
  await page.reload();
  await page.getByText('You said: First question of all').waitFor();
  await becomes(() => count(page, 'You said: First question of all'), 1);
  assert.deepEqual(line.asked.at(-1).messages.length, 1);
});

check('stop calls the server; what came stays and is marked', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = async (run) => {
    run.text('Half an answer');
    await provider.until('never');
  };
  await ask(page, 'Stop me');
  await page.getByText('Half an answer').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Stopped', { exact: true }).waitFor();
  await page.getByText('Half an answer').waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
});

check('a cut line is made again: no text twice, none missing', { as: 'MEMBER', path: '/chat', expected: [/ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION|ERR_EMPTY|Failed to load/] }, async ({ page }) => {
  provider.answer = async (run) => {
    run.text('one two ');
    await provider.until('more');
    run.text('three ');
    await provider.until('end');
    run.text('four.');
  };
  await ask(page, 'Cut me');
  await page.getByText('one two').waitFor();
  line.cut();
  await page.getByText('The answer goes on at the server, reconnecting').waitFor();
  provider.signal('more');
  await page.getByText('one two three').waitFor();
  await page.getByText('The answer goes on at the server, reconnecting').waitFor({ state: 'detached' });
  provider.signal('end');
  await page.getByText('one two three four.').waitFor();
  await becomes(() => count(page, /one two/), 1);
});

check('an answer that ends while nobody is connected is read from the thread', { as: 'MEMBER', path: '/chat', expected: [/ERR_/, /Failed to load/] }, async ({ page }) => {
  provider.answer = async (run) => {
    run.text('begun and ');
    await provider.until('finish');
    run.text('finished alone');
  };
  await ask(page, 'Leave me');
  await page.getByText('begun and').waitFor();
  line.down = true;
  line.cut();
  await page.getByText('reconnecting').waitFor();
  provider.signal('finish');
  line.down = false;
  await page.getByText('begun and finished alone').waitFor();
  await becomes(() => count(page, /begun and/), 1);
});

check('opening a thread whose answer runs takes the answer up; a second tab sees the same', { as: 'MEMBER', path: '/chat' }, async ({ page, context }) => {
  provider.answer = async (run) => {
    run.text('alpha ');
    await provider.until('beta');
    run.text('beta');
  };
  await ask(page, 'Two tabs');
  await page.getByText('alpha').waitFor();
  await page.waitForURL(/\/chat\/[0-9a-f]{32}$/);
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByText('alpha').waitFor();
  provider.signal('beta');
  await other.getByText('alpha beta').waitFor();
  await page.getByText('alpha beta').waitFor();
  await becomes(() => count(other, /alpha/), 1);
});

check('what is refused comes back into the field, and a draft survives a reload', { as: 'MEMBER', path: '/chat', expected: [/status of 402/] }, async ({ page }) => {
  await field(page).fill('A draft that waits');
  await page.reload();
  await becomes(() => field(page).inputValue(), 'A draft that waits');
  line.refuse = [402, 'BUDGET_EXCEEDED', 'The cap of this month is reached.'];
  await page.keyboard.press('Enter');
  await page.getByText('Your message was not sent.').waitFor();
  await page.getByText('The spending cap of this workspace is reached.').waitFor();
  await becomes(() => field(page).inputValue(), 'A draft that waits');
  line.refuse = null;
  await axe(page, 'refused');
});

check('one message waits while an answer runs, can be edited, and goes out after it', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = async (run) => {
    if (run.prompt === 'slow') await provider.until('slow');
    run.text(`Answer to ${run.prompt}`);
  };
  await ask(page, 'slow');
  await page.getByRole('button', { name: 'Stop the answer' }).waitFor();
  await ask(page, 'the waiting one');
  await page.getByText('Waits for the answer:').waitFor();
  provider.signal('slow');
  await page.getByText('Answer to the waiting one').waitFor();
  await page.getByText('Answer to slow').waitFor();
});

// Answers 'slow' when it is told to, everything else at once.
const slowly = (name) => async (run) => {
  if (run.prompt === 'slow') {
    run.text('Begun. ');
    await provider.until(name);
  }
  run.text(`Answer to ${run.prompt}`);
};
const waits = (page) => page.getByText('Waits for the answer:');

check('what waits goes out as it was chosen, edited too; a second one stays in the field', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Queue of the year', markdown: 'Text' } })).body;
  provider.answer = slowly('chosen');
  await ask(page, 'slow');
  await page.getByText('Begun.').waitFor();
  await page.getByRole('button', { name: 'Plan only' }).click();
  await field(page).fill('look at @Queue');
  await page.getByRole('option', { name: 'Queue of the year' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('1 of 10 records').waitFor();
  await page.keyboard.press('Enter');
  await waits(page).waitFor();
  await page.getByRole('button', { name: 'Plan only' }).click();
  await ask(page, 'the second');
  await page.getByText('One message waits already').waitFor();
  await becomes(() => field(page).inputValue(), 'the second');
  await axe(page, 'one waits');
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await waits(page).waitFor({ state: 'detached' });
  await becomes(() => field(page).inputValue(), 'look at\nthe second');
  await page.getByText('1 of 10 records').waitFor();
  await ask(page, 'the edited one');
  await waits(page).waitFor();
  provider.signal('chosen');
  await page.getByText('Answer to the edited one').waitFor();
  const body = line.asked.at(-1);
  assert.equal(body.planMode, true);
  assert.deepEqual(body.references, [{ kind: 'documents', id: document.id }]);
  await becomes(() => field(page).inputValue(), '');
});

check('what waits survives a reload: it goes out behind the answer, or comes back when that has ended', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = slowly('reloaded');
  await ask(page, 'slow');
  await page.waitForURL(/\/chat\/[0-9a-f]{32}$/);
  await page.getByRole('button', { name: 'Plan only' }).click();
  await ask(page, 'after the reload');
  await waits(page).waitFor();
  const taken = page.waitForResponse((r) => /\/api\/ai\/chat\/[0-9a-f]{32}\/stream$/.test(r.url()) && r.status() === 200);
  await page.reload();
  await waits(page).waitFor();
  await page.getByText('after the reload').waitFor();
  await taken; // an answer that had ended before would give the message back
  provider.signal('reloaded');
  await page.getByText('Answer to after the reload').waitFor();
  assert.equal(line.asked.at(-1).planMode, true);
  await becomes(() => page.getByText('Answer to after the reload').count(), 1);

  await ask(page, 'slow');
  await page.getByText('Begun.').nth(1).waitFor();
  await ask(page, 'nobody was here');
  await waits(page).waitFor();
  const url = page.url(), client = await new Client(origin).signIn(people.MEMBER), asked = line.asked.length;
  await page.goto('about:blank');
  provider.signal('reloaded');
  const ended = async () => (await client.json(`/api/ai/chats/${url.split('/').at(-1)}/messages`)).body.messages.filter((m) => JSON.stringify(m).includes('Answer to slow')).length === 2;
  while (!(await ended())) assert.ok(server.child.exitCode === null);
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'nobody was here');
  assert.equal(line.asked.length, asked);
});

check('what waits comes back into the field when the answer fails', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = async (run) => {
    run.text('Begun. ');
    await provider.until('broken');
    run.res.destroy();
    run.ended = true;
  };
  await ask(page, 'break off');
  await page.getByText('Begun.').waitFor();
  await ask(page, 'not lost');
  await waits(page).waitFor();
  provider.signal('broken');
  await page.getByText('The answer was cut.').waitFor();
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'not lost');
  await becomes(() => waits(page).count(), 0);
});

check('what waits goes out when the end of a lost answer was read', { as: 'MEMBER', path: '/chat', expected: [/ERR_/, /Failed to load/] }, async ({ page }) => {
  provider.answer = slowly('lost');
  await ask(page, 'slow');
  await page.getByText('Begun.').waitFor();
  await ask(page, 'behind the lost one');
  await waits(page).waitFor();
  line.down = true;
  line.cut();
  await page.getByText('reconnecting').waitFor();
  provider.signal('lost');
  line.down = false;
  await page.getByText('Answer to behind the lost one').waitFor();
  await page.getByText('Begun. Answer to slow').waitFor();
});

check('what is refused in a thread comes back with what was chosen for it, and cuts no answer', { as: 'MEMBER', path: '/chat', expected: [/status of 402/] }, async ({ page }) => {
  provider.answer = async (run) => run.text(`Answer to ${run.prompt}`);
  await ask(page, 'the first');
  await page.getByText('Answer to the first').waitFor();
  await page.waitForURL(/\/chat\/[0-9a-f]{32}$/);
  const client = await new Client(origin).signIn(people.MEMBER);
  await client.json('/api/documents', { method: 'POST', json: { title: 'Refusals of the year', markdown: 'Text' } });
  line.refuse = [402, 'BUDGET_EXCEEDED', 'The cap of this month is reached.'];
  await field(page).fill('about @Refusals');
  await page.getByRole('option', { name: 'Refusals of the year' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('1 of 10 records').waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('Your message was not sent.').waitFor();
  line.refuse = null;
  await becomes(() => field(page).inputValue(), 'about');
  await page.getByText('1 of 10 records').waitFor();
  await becomes(() => page.getByText(/was cut/).count(), 0);
});

check('too many requests: what can be repeated counts down and is, once; then it is said when one can', { as: 'MEMBER', path: null, expected: [/status of 429/] }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  await client.json('/api/documents', { method: 'POST', json: { title: 'Worth waiting for', markdown: 'Text' } });
  line.refuses = { path: /^\/api\/documents\/tree/, answer: [429, 'RATE_LIMITED', 'Slow down.', { 'retry-after': '3' }] };
  await page.goto('/kb');
  await page.getByText(/Trying again in [123] seconds?\./).waitFor();
  assert.equal(line.refuses.asked, 1, 'nothing is repeated behind a skeleton');
  await page.getByText(/You can try again in [123] seconds?\./).waitFor();
  await page.getByText('You can try again now.').waitFor();
  assert.equal(line.refuses.asked, 2, 'repeated once');
  await axe(page, 'too many requests');
  line.refuses = null;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('You can try again now.').waitFor({ state: 'detached' });
  await page.getByRole('tree', { name: 'Pages' }).waitFor();
});

check('too many questions: the text is back, and nothing says that it goes out by itself', { as: 'MEMBER', path: '/chat', expected: [/status of 429/] }, async ({ page }) => {
  line.refuse = [429, 'RATE_LIMITED', 'Slow down.', { 'retry-after': '2' }];
  const asked = line.asked.length;
  await ask(page, 'One too many');
  await page.getByText(/You can try again in [12] seconds?\./).waitFor();
  await becomes(() => page.getByText(/Trying again/).count(), 0);
  await page.getByText('You can try again now.').waitFor();
  await becomes(() => field(page).inputValue(), 'One too many');
  assert.equal(line.asked.length, asked + 1);
  line.refuse = null;
  provider.answer = async (run) => run.text(`Answer to ${run.prompt}`);
  await page.keyboard.press('Enter');
  await page.getByText('Answer to One too many').waitFor();
});

check('tools are told in words, questions are answered by chips', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = async (run) => {
    if (run.after === null) run.tool('c1', 'list_documents', { q: 'visa' });
    else if (run.after.includes('documents')) run.tool('c2', 'ask_question', { question: 'Which colour?', options: ['Red', 'Blue'] });
    else run.text(`So it is ${/Blue/.exec(run.after)}`);
  };
  await ask(page, 'Ask me');
  await page.getByText('Listed documents').waitFor();
  await page.getByText('0 hits').click();
  await page.getByText('Asked with').waitFor();
  await axe(page, 'tool card');
  await page.getByRole('button', { name: 'Blue' }).click();
  await page.getByText('So it is Blue').waitFor();
  await page.getByText('Your answer: Blue').waitFor();
});

check('Markdown: no HTML, no foreign image, code and tables have their own scroll', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  provider.answer = async (run) => {
    run.text('# Title\n\nSome **bold** <img src=x onerror=alert(1)> text and ![pic](https://example.org/p.png) and [a page](/kb).\n\n```js\nlet x = 1;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n');
  };
  await ask(page, 'Markdown');
  await page.getByText('let x = 1;').waitFor();
  await becomes(() => page.locator('article img').count(), 0);
  await page.getByText('Image: pic').waitFor();
  await page.getByRole('button', { name: 'Copy code' }).click();
  await becomes(() => page.evaluate(() => navigator.clipboard.readText()), 'let x = 1;');
  await page.mouse.move(0, 0); // the tip of the button lies over the link
  await page.getByRole('link', { name: 'a page' }).click();
  await page.getByRole('heading', { level: 1, name: 'Knowledge base' }).waitFor();
});

check('threads: rename, archive with undo, delete asks first', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  assert.equal((await client.json('/api/ai/chats', { method: 'POST', json: { id: 'tidy', title: 'Tidy me' } })).status, 201);
  await page.reload();
  const more = () => page.getByRole('button', { name: /More about (Tidy me|Renamed)/ }).click();
  await more();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  const name = page.getByRole('textbox', { name: 'Name', exact: true });
  await name.fill('Never kept');
  await axe(page, 'renaming');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Tidy me' }).waitFor();
  await more();
  await page.getByRole('menuitem', { name: 'Rename' }).click();
  await name.fill('Renamed');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Renamed' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.textContent === 'Renamed');
  await page.getByText('Renamed to “Renamed”.').waitFor();
  assert.equal((await client.json('/api/ai/chats/tidy')).body.chat.title, 'Renamed');
  await more();
  await page.getByRole('menuitem', { name: 'Archive' }).click();
  await page.getByText('“Renamed” was archived.').waitFor();
  await page.getByRole('link', { name: 'Renamed' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await page.getByRole('link', { name: 'Renamed' }).waitFor();
  await more();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete this chat?' });
  await dialog.waitFor();
  await becomes(() => page.evaluate(() => document.activeElement?.textContent), 'Keep');
  await axe(page, 'confirmation');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('link', { name: 'Renamed' }).waitFor({ state: 'detached' });
});

check('a thread of 2,000 messages opens at its end, has few nodes, and older ones come in above without a jump', { as: 'MEMBER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  await client.json('/api/ai/chats', { method: 'POST', json: { id: 'long', title: 'A long one' } });
  const all = Array.from({ length: 2000 }, (_, i) => ({ id: `m${i}`, role: i % 2 ? 'assistant' : 'user', parts: [{ type: 'text', text: `Message number ${i} `.repeat(1 + (i % 7)) }] }));
  for (let i = 0; i < all.length; i += 100) {
    const kept = await client.json('/api/ai/chats/long/messages', { method: 'POST', json: { messages: all.slice(i, i + 100) } });
    assert.ok(kept.status < 300, JSON.stringify(kept.body));
  }
  await page.goto('/chat/long');
  await page.getByText('Message number 1999').first().waitFor();
  const scroller = page.locator('[data-scroller]');
  assert.ok(await scroller.evaluate((s) => s.scrollHeight - s.scrollTop - s.clientHeight < 30), 'it opens at the end');
  assert.ok((await scroller.evaluate((s) => s.querySelectorAll('*').length)) < 1500, 'few nodes');
  // Up, until older pages have come in.
  await scroller.evaluate((s) => (s.scrollTop = 500));
  await page.waitForFunction(() => document.querySelector('[data-scroller]').scrollHeight > 0);
  const line = await scroller.evaluate(async (s) => {
    const seen = () => [...s.querySelectorAll('[data-index]')].map((e) => [e.textContent.match(/number (\d+)/)?.[1], e.getBoundingClientRect().top]).filter(([, top]) => top > 60)[0];
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await frame();
    const height = s.scrollHeight, before = seen();
    s.scrollTop = 390;
    await frame();
    const marked = seen();
    for (let i = 0; i < 200 && s.scrollHeight <= height + 2000; i++) await frame();
    await frame();
    const after = [...s.querySelectorAll('[data-index]')].map((e) => [e.textContent.match(/number (\d+)/)?.[1], e.getBoundingClientRect().top]).find(([n]) => n === marked[0]);
    return { before, marked, after, grew: s.scrollHeight - height };
  });
  assert.ok(line.grew > 2000, `older messages came: ${JSON.stringify(line)}`);
  assert.ok(line.after && Math.abs(line.after[1] - line.marked[1]) <= 1, `the line that is read stays: ${JSON.stringify(line)}`);
});

check('@ refers to a page; beside a page the assistant gets what it shows, unless that is taken off', { as: 'MEMBER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Fees of the year', markdown: 'Text' } })).body;
  provider.answer = async (run) => run.text(`You said: ${run.prompt}`);
  await page.goto(`/kb/${document.id}`);
  await page.getByRole('heading', { level: 1, name: 'Fees of the year' }).waitFor();
  await page.keyboard.press('Control+j');
  await page.getByText('This page: Fees of the year').waitFor();
  await field(page).fill('What is this @Fees');
  await page.getByRole('option', { name: 'Fees of the year' }).waitFor();
  await axe(page, 'references');
  await page.keyboard.press('Enter');
  await page.getByText('1 of 10 records').waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('You said: What is this').waitFor();
  const body = line.asked.at(-1);
  assert.deepEqual(body.references, [{ kind: 'documents', id: document.id }]);
  assert.deepEqual(body.pageContext.record, { kind: 'documents', id: document.id });
  await page.getByRole('button', { name: /Take off Fees/ }).click();
  await ask(page, 'And now');
  await page.getByText('You said: And now').waitFor();
  assert.equal(line.asked.at(-1).pageContext, undefined);
});

check('a link to an own record is a chip that says how it stands; one that is gone says so', { as: 'MEMBER', path: '/chat', expected: [/status of 404/] }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Chip of the year', markdown: 'Text' } })).body;
  provider.answer = async (run) => run.text(`See [the chip](/kb/${document.id}), [the old one](${origin}/kb/cgone00000000000000000000) and [all pages](/kb).`);
  await ask(page, 'Link me');
  const chip = page.locator(`[data-record="${document.id}"]`);
  await chip.getByText('changed').waitFor();
  await page.locator('[data-gone]').getByText('not found').waitFor();
  await becomes(() => page.locator('[data-record]').count(), 2);
  await axe(page, 'chips');
  await chip.getByRole('link', { name: 'the chip' }).click();
  await page.getByRole('heading', { level: 1, name: 'Chip of the year' }).waitFor();
});

check('what the assistant changes is read again, and marked for two seconds', { as: 'MEMBER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Before the change', markdown: 'Text' } })).body;
  provider.answer = async (run) => {
    run.text('Changing. ');
    await provider.until('changed');
    run.text('Done.');
  };
  await page.goto(`/kb/${document.id}`);
  await page.getByRole('heading', { level: 1, name: 'Before the change' }).waitFor();
  await page.keyboard.press('Control+j');
  await ask(page, 'Change it');
  await page.getByText('Changing.').waitFor();
  const changed = await client.json(`/api/documents/doc/${document.id}`, { method: 'PATCH', json: { version: document.version, title: 'After the change' } });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  const marked = page.locator('main [data-changed]').first().waitFor({ state: 'attached' });
  line.tell({ type: 'data-refresh', data: { resource: 'document', id: document.id }, transient: true });
  await marked;
  await page.locator('h1', { hasText: 'After the change' }).waitFor();
  await page.locator('[data-changed]').first().waitFor({ state: 'detached' });
  provider.signal('changed');
  await page.getByText('Changing. Done.').waitFor();
});

check('an answer is put into a page: a new one, or the end of one, whose own content stays; both are undone', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const old = [{ type: 'paragraph', content: [{ type: 'text', text: 'Old', marks: [{ type: 'underline' }] }] }];
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Ledger of old', content: { type: 'doc', content: old } } })).body;
  const contentOf = async (id) => (await client.json(`/api/documents/doc/${id}`)).body.document.content.content;
  const found = async (q) => (await client.json(`/api/documents?q=${encodeURIComponent(q)}`)).body.documents;
  provider.answer = async (run) => run.text('## Fees of **2030**\n\nPay [early](/kb).');
  await ask(page, 'Write it down');
  const open = () => page.getByRole('button', { name: 'Put into a page' }).click();
  const dialog = page.getByRole('dialog', { name: 'Put into a page' });
  await open();
  await becomes(() => dialog.getByRole('textbox', { name: 'Title of the new page' }).inputValue(), 'Fees of 2030');
  await axe(page, 'put into a page');
  await dialog.getByRole('button', { name: 'Put in' }).click();
  await page.getByText('The page “Fees of 2030” was made.').waitFor();
  const [made] = await found('Fees of 2030'), fresh = await contentOf(made.id);
  assert.deepEqual(fresh.map((n) => n.type), ['heading', 'paragraph']);
  await page.getByRole('button', { name: 'Undo' }).click();
  while ((await found('Fees of 2030')).length) assert.ok(server.child.exitCode === null);

  await open();
  await dialog.getByRole('searchbox', { name: 'Find a page' }).fill('Ledger of');
  await dialog.getByRole('radio', { name: 'Ledger of old' }).click();
  await dialog.getByRole('button', { name: 'Put in' }).click();
  await page.getByText('Added to the end of “Ledger of old”.').waitFor();
  assert.deepEqual(await contentOf(document.id), [...old, ...fresh]);
  await page.getByRole('button', { name: 'Undo' }).last().click();
  while ((await contentOf(document.id)).length > 1) assert.ok(server.child.exitCode === null);
  assert.deepEqual(await contentOf(document.id), old);
});

check('a record that was read is told by its title, never by its id', { as: 'MEMBER', path: '/chat' }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  const { document } = (await client.json('/api/documents', { method: 'POST', json: { title: 'Named of the year', markdown: 'Text' } })).body;
  provider.answer = async (run) => (run.step ? run.text('That is it.') : run.tool('c1', 'get_document', { id: document.id }));
  await ask(page, 'Read it');
  await page.getByText('That is it.').waitFor();
  await page.locator('summary').getByText('Read Named of the year').waitFor();
  await becomes(() => page.locator('summary').getByText(document.id).count(), 0);
});

check('a first thread offers questions about own pages', { as: 'MEMBER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  await client.json('/api/documents', { method: 'POST', json: { title: 'Starter of the year', markdown: 'Text' } });
  provider.answer = async (run) => run.text(`You said: ${run.prompt}`);
  await page.goto('/chat');
  await page.getByRole('button', { name: 'What does “Starter of the year” say?' }).click();
  await page.getByText('You said: What does “Starter of the year” say?').waitFor();
});

check('first steps tick off by what is there, and go when all are done', { as: 'OWNER', path: null }, async ({ page }) => {
  const client = await new Client(origin).signIn(people.MEMBER);
  await client.json('/api/documents', { method: 'POST', json: { title: 'Any page', markdown: 'Text' } });
  await page.goto('/');
  const steps = page.getByRole('listitem').filter({ hasText: /to do|done/ });
  await page.getByRole('heading', { name: 'First steps' }).waitFor();
  await becomes(() => steps.count(), 4);
  await steps.filter({ hasText: 'Ask the assistant something' }).getByText('to do').waitFor();
  for (const done of ['Set a provider key', 'Write the first page', 'Invite somebody']) await steps.filter({ hasText: done }).getByText('done', { exact: true }).waitFor();
  await axe(page, 'first steps');
  provider.answer = async (run) => run.text(`You said: ${run.prompt}`);
  await page.getByRole('textbox', { name: 'Ask the assistant' }).fill('My first');
  await page.keyboard.press('Enter');
  await page.getByText('You said: My first').waitFor();
  await page.goto('/');
  await page.getByText('My first').waitFor();
  await page.waitForLoadState('networkidle');
  await becomes(() => page.getByRole('heading', { name: 'First steps' }).count(), 0);
});
