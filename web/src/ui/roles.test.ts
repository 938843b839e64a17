import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Roles = Record<string, string>;
const css = readFileSync(new URL('roles.css', import.meta.url), 'utf8');

function roles(scheme: string): Roles {
  const block = css.match(new RegExp(`color-scheme='${scheme}'\\] \\{([^}]*)\\}`))?.[1] ?? '';
  return Object.fromEntries([...block.matchAll(/--o-(\w+): (#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!]));
}

// WCAG 2.2, relative luminance and contrast ratio.
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const grounds = ['body', 'surface', 'sunken'];
const texts = ['text', 'muted', 'placeholder', 'accent', 'success', 'warning', 'danger', 'info'];

for (const scheme of ['light', 'dark']) {
  const r = roles(scheme);
  test(`${scheme}: all roles are there`, () => {
    expect(Object.keys(r)).toHaveLength(13);
  });
  for (const ground of grounds) {
    for (const text of texts)
      test(`${scheme}: ${text} on ${ground} is readable`, () => expect(contrast(r[text]!, r[ground]!)).toBeGreaterThanOrEqual(4.5));
    for (const edge of ['border', 'accent'])
      test(`${scheme}: ${edge} is seen on ${ground}`, () => expect(contrast(r[edge]!, r[ground]!)).toBeGreaterThanOrEqual(3));
  }
  test(`${scheme}: white on the accent's fill`, () => expect(contrast('#ffffff', r.fill!)).toBeGreaterThanOrEqual(4.5));
}
