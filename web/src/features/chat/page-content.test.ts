import { expect, test } from 'vitest';
import { pageContent, pageTitle } from './page-content';

const text = (t: string, ...marks: string[]) => ({ type: 'text', text: t, ...(marks.length ? { marks: marks.map((type) => ({ type })) } : {}) });

test('blocks and marks become nodes of a page', () => {
  expect(pageContent('## Fees\n\nPay **now** & `later`\n\n- one\n- two\n\n1. a\n')).toEqual([
    { type: 'heading', attrs: { level: 2 }, content: [text('Fees')] },
    { type: 'paragraph', content: [text('Pay '), text('now', 'bold'), text(' & '), text('later', 'code')] },
    { type: 'bulletList', content: [{ type: 'listItem', content: [{ type: 'paragraph', content: [text('one')] }] }, { type: 'listItem', content: [{ type: 'paragraph', content: [text('two')] }] }] },
    { type: 'orderedList', attrs: { start: 1 }, content: [{ type: 'listItem', content: [{ type: 'paragraph', content: [text('a')] }] }] },
  ]);
});
test('tables, code and tasks keep their form', () => {
  expect(pageContent('| a |\n|---|\n| 1 |').map((n) => n.content?.map((r) => r.content?.[0]?.type))).toEqual([['tableHeader', 'tableCell']]);
  expect(pageContent('```js\nlet x;\n```')).toEqual([{ type: 'codeBlock', attrs: { language: 'js' }, content: [text('let x;')] }]);
  expect(pageContent('- [x] done')[0]).toMatchObject({ type: 'taskList', content: [{ type: 'taskItem', attrs: { checked: true } }] });
});
test('links stay links, an image is one, HTML is text; no text node is empty', () => {
  expect(pageContent('[Fees](/kb/c1) ![pic](https://e.org/p.png) <b>x</b>')[0]?.content).toEqual([
    { type: 'text', text: 'Fees', marks: [{ type: 'link', attrs: { href: '/kb/c1' } }] }, text(' '),
    { type: 'text', text: 'pic', marks: [{ type: 'link', attrs: { href: 'https://e.org/p.png' } }] }, text(' '), text('<b>'), text('x'), text('</b>'),
  ]);
  expect(JSON.stringify(pageContent('****\n\n- \n\n> \n\n```\n```'))).not.toContain('"text":""');
});
test('a page is called by the first words', () => {
  expect(pageTitle('# Fees of **2026**\n\nMore')).toBe('Fees of 2026');
  expect(pageTitle(`${'word '.repeat(40)}`).length).toBeLessThan(84);
});
