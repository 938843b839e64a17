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

const linear = (hex: string): number[] => [1, 3, 5].map((at) => {
  const c = parseInt(hex.slice(at, at + 2), 16) / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
});
// Machado, Oliveira and Fernandes (2009), whole deficiency, on linear RGB.
const eyes: Record<string, number[][]> = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const times = (m: number[][], v: number[]): number[] => m.map((row) => row.reduce((sum, x, i) => sum + x * v[i]!, 0));
const seen = (hex: string, eye: string): number[] => times(eyes[eye]!, linear(hex)).map((c) => Math.min(1, Math.max(0, c)));
// CIE L*a*b*, D65.
function lab(rgb: number[]): number[] {
  const [x, y, z] = times([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], rgb).map((v, i) => v / [0.9505, 1, 1.089][i]!)
    .map((v) => (v > 0.008856 ? Math.cbrt(v) : 7.787 * v + 16 / 116)) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
const distance = (a: number[], b: number[]): number => Math.hypot(...a.map((v, i) => v - b[i]!));
const seriesOf = (scheme: string): string[] => [...(css.match(new RegExp(`color-scheme='${scheme}'\\] \\{([^}]*)\\}`))?.[1] ?? '').matchAll(/--o-series-\d: (#[0-9a-f]{6});/g)].map((m) => m[1]!);

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
  test(`${scheme}: the series of charts are seen on both grounds, and apart for every eye`, () => {
    const series = seriesOf(scheme);
    expect(series).toHaveLength(6);
    for (const colour of series) for (const ground of ['body', 'surface']) expect(contrast(colour, r[ground]!)).toBeGreaterThanOrEqual(3);
    for (const eye of Object.keys(eyes))
      for (const [i, a] of series.entries()) for (const b of series.slice(i + 1)) expect(distance(lab(seen(a, eye)), lab(seen(b, eye))), `${a} ${b} ${eye}`).toBeGreaterThanOrEqual(12);
  });
  test(`${scheme}: white on the accent's fill`, () => expect(contrast('#ffffff', r.fill!)).toBeGreaterThanOrEqual(4.5));
}
