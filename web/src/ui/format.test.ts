import { expect, test } from 'vitest';
import { money, shortTime } from './format';

test('money: two digits from a cent on, four significant below', () => {
  expect(money(12.4)).toBe('$12.40');
  expect(money(0.00123456)).toBe('$0.001235');
  expect(money(0)).toBe('$0.00');
  expect(money(undefined)).toBe('–');
});

test('times are relative under seven days', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  expect(shortTime('2026-11-26T11:58:30Z', now)).toBe('1 minute ago');
  expect(shortTime('2026-11-25T12:00:00Z', now)).toBe('yesterday');
  expect(shortTime('2026-11-01T12:00:00Z', now)).toBe('Nov 1, 2026');
  expect(shortTime(null, now)).toBe('never');
});
