import { expect, test } from 'vitest';
import { daysOf, seriesOf, ticks } from './days';
import { ledgerSearch, monthBefore, type Summary } from './words';

const tail = { calls: 1, unpricedCalls: 0, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 };
const none = { ...tail, calls: 0, costUsd: 0 };
function summary(models: number): Summary {
  const values = Array.from({ length: models }, (_, i) => ({ ...tail, key: `p/m${i}`, name: null, costUsd: 0.1 }));
  const list = { values, others: none };
  return {
    month: '2026-02', byDay: [{ ...tail, day: '2026-02-03', costUsd: models * 0.1 }, { ...tail, day: '2026-02-05', costUsd: 0.000000001 }],
    byModel: list, byUser: list, byOperation: list, byKeySource: list,
    series: values.slice(0, 6).map((v) => ({ key: v.key, name: null, days: [{ ...tail, day: '2026-02-03', costUsd: 0.1 }] })),
  } as unknown as Summary;
}

test('all days of the month are there, the present one is unfinished, sums go on', () => {
  const days = daysOf(summary(2), [], '2026-02-05');
  expect(days).toHaveLength(28);
  expect(days.slice(2, 6).map((d) => [d.state, d.usd, d.sum])).toEqual([['over', 0.2, 0.2], ['over', 0, 0.2], ['unfinished', 0.000000001, 0.200000001], ['ahead', 0, 0.200000001]]);
});

test('six series stand for themselves; of seven, five do and the rest is one, so that the parts add up to the day', () => {
  expect(seriesOf(summary(6), 'model').some((s) => s.rest)).toBe(false);
  const series = seriesOf(summary(9), 'model');
  expect(series).toHaveLength(6);
  expect(series[5]!.rest).toBe(true);
  expect(daysOf(summary(9), series, '2026-03-01')[2]!.parts).toEqual([0.1, 0.1, 0.1, 0.1, 0.1, 0.4]);
  expect(seriesOf(summary(9), 'day')).toEqual([]);
});

test('an axis begins at zero and has round lines', () => {
  expect(ticks(100)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(ticks(0.0007)).toEqual([0, 0.0002, 0.0004, 0.0006]);
  expect(ticks(0)).toEqual([0]);
});

test('a key of a breakdown leads to its rows', () => {
  expect(ledgerSearch('model', 'gateway/org/m-1', '2026-11')).toEqual({ month: '2026-11', provider: 'gateway', model: 'org/m-1' });
  expect(ledgerSearch('user', '', '2026-11').userId).toBe('nobody');
  expect(monthBefore('2026-01')).toBe('2025-12');
});
