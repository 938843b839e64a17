// A month as a row of days for the pictures: each of its days, those without calls too, split into at most six series.
import type { By, Summary } from './words';

export const seriesMost = 6;
export interface Series { key: string; name: string | null; rest: boolean }
export interface Day {
  day: string; state: 'over' | 'unfinished' | 'ahead';
  usd: number; calls: number; unpriced: number;
  parts: number[]; // of the series, in their order
  sum: number; // from the month's first day on
}

// As the URL names them: the ones that are shown, none named when all are.
export const keyInUrl = (s: Series): string => (s.rest ? '*' : encodeURIComponent(s.key) || '-');
export const keysFromUrl = (text: string): string[] => (text ? text.split(',') : []);

// Dollars come as decimals of nano-dollars: a difference is rounded to them again.
const nano = (usd: number): number => Math.round(usd * 1e9) / 1e9;

export function seriesOf(summary: Summary, by: By): Series[] {
  if (by === 'day') return [];
  const values = { model: summary.byModel, user: summary.byUser, operation: summary.byOperation, keySource: summary.byKeySource }[by];
  const fits = values.values.length <= seriesMost && values.others.calls === 0;
  const shown: Series[] = values.values.slice(0, fits ? seriesMost : seriesMost - 1).map((v) => ({ key: v.key, name: v.name ?? null, rest: false }));
  return fits ? shown : [...shown, { key: '', name: null, rest: true }];
}

export function daysOf(summary: Summary, series: Series[], today: string): Day[] {
  const [y, m] = summary.month.split('-').map(Number) as [number, number], length = new Date(Date.UTC(y, m, 0)).getUTCDate();
  const counted = new Map(summary.byDay.map((d) => [d.day, d]));
  const parts = series.map((s) => new Map(s.rest ? [] : summary.series?.find((x) => x.key === s.key)?.days.map((d) => [d.day, d.costUsd])));
  let sum = 0;
  return Array.from({ length }, (_, i) => {
    const day = `${summary.month}-${String(i + 1).padStart(2, '0')}`, found = counted.get(day), usd = found?.costUsd ?? 0;
    const own = series.map((s, k) => (s.rest ? 0 : (parts[k]!.get(day) ?? 0)));
    const rest = series.findIndex((s) => s.rest);
    if (rest >= 0) own[rest] = nano(usd - own.reduce((a, b) => a + b, 0));
    sum = nano(sum + usd);
    return { day, state: day < today ? 'over' : day === today ? 'unfinished' : 'ahead', usd, calls: found?.calls ?? 0, unpriced: found?.unpricedCalls ?? 0, parts: own, sum };
  });
}

// Where an axis from zero to `most` has its lines: 1, 2 or 5 times a power of ten apart, three to six of them.
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0];
  const rough = most / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough)!;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}
