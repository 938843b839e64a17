import { expect, test } from 'vitest';
import { mentionAt } from './References';

test('@ begins a reference at the start of a word only', () => {
  expect(mentionAt('@', 1)).toEqual({ from: 0, q: '' });
  expect(mentionAt('about @fee', 10)).toEqual({ from: 6, q: 'fee' });
  expect(mentionAt('ann@example.com', 15)).toBeNull();
  expect(mentionAt('@fee now', 8)).toBeNull();
});
