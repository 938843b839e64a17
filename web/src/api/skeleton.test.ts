import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { afterSkeleton, skeletonShown } from './skeleton';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an answer waits for a skeleton that has only just come, and for no other', async () => {
  const told: string[] = [];
  const ask = (what: string) => void afterSkeleton(Promise.resolve(what)).then((come) => told.push(come));
  ask('before');
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['before']);
  skeletonShown();
  ask('behind it');
  await vi.advanceTimersByTimeAsync(299);
  expect(told).toEqual(['before']);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['before', 'behind it']);
  ask('later');
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['before', 'behind it', 'later']);
});

test('what fails is told at once', async () => {
  skeletonShown();
  await expect(afterSkeleton(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});
