import { MantineProvider } from '@mantine/core';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { blocksOf, Markdown, safeHref } from './Markdown';

const html = (text: string) => renderToStaticMarkup(<MantineProvider><Markdown text={text} /></MantineProvider>).replace(/<style[\s\S]*?<\/style>/g, '');

test('raw HTML stays text', () => {
  const out = html('<img src=x onerror=alert(1)> and <script>alert(1)</script>\n\n<div onclick="x()">hi</div>');
  expect(out).not.toMatch(/<(img|script|div onclick)/);
  expect(out).toContain('&lt;img src=x onerror=alert(1)&gt;');
});
test('images are links, and nothing is fetched', () => {
  const out = html('![logo](https://example.com/a.png)');
  expect(out).not.toContain('<img');
  expect(out).toContain('href="https://example.com/a.png"');
  expect(out).toContain('example.com');
});
test('only pages, addresses and own paths are links', () => {
  expect(safeHref('javascript:alert(1)')).toBeNull();
  expect(safeHref(' JaVaScript:alert(1)')).toBeNull();
  expect(safeHref('data:text/html,x')).toBeNull();
  expect(safeHref('//evil.example')).toBeNull();
  expect(safeHref('/\\evil.example')).toBeNull();
  expect(safeHref('/kb/c123')?.kind).toBe('own');
  expect(safeHref('https://a.example/x')?.host).toBe('a.example');
  expect(html('[x](javascript:alert(1))')).not.toContain('href');
});
test('a growing text keeps its finished blocks', () => {
  const before = blocksOf('# One\n\nTwo\n\nThr'), after = blocksOf('# One\n\nTwo\n\nThree\n\n- four');
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
});
test('entities are shown once', () => {
  expect(html('a < b & c')).toContain('a &lt; b &amp; c');
  expect(html('`<b>`')).toContain('&lt;b&gt;</code>');
});
test('the highest heading of a text stands right below the page’s', () => {
  expect(html('## Fees\n\n### When\n\n## More').match(/<h\d/g)).toEqual(['<h2', '<h3', '<h2']);
  expect(html('# Fees\n\n- # in a list').match(/<h\d/g)).toEqual(['<h2', '<h2']);
});
