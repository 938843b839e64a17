import { expect, test } from 'vitest';
import { baseName, priceOf } from './price';

const price = (model: string, provider: string | null, source: 'list' | 'override', inputUsd: number) => ({
  model, provider, source, inputUsd, version: '1', outputUsd: 0, cacheReadUsd: 0, cacheWriteUsd: 0, minuteUsd: 0,
});
const list = [price('gpt-5', 'openai', 'list', 1), price('gpt-5-2025-08-07', 'openai', 'list', 2), price('gpt-5', null, 'override', 3), price('gpt-5', 'groq', 'list', 9)];

test('a dated name belongs to its family', () => {
  expect(['claude-sonnet-4-5-20250929', 'gpt-5-2025-08-07', 'x-latest', 'gpt-5.4-mini'].map(baseName)).toEqual(['claude-sonnet-4-5', 'gpt-5', 'x', 'gpt-5.4-mini']);
});
test('an override comes first, then the exact name; another provider’s price is nobody’s', () => {
  expect(priceOf(list, 'openai', 'gpt-5')?.inputUsd).toBe(3);
  expect(priceOf(list.filter((p) => p.source === 'list'), 'openai', 'gpt-5-2025-08-07')?.inputUsd).toBe(2);
  expect(priceOf(list.filter((p) => p.source === 'list'), 'openai', 'gpt-5-2026-01-01')?.inputUsd).toBe(1);
  expect(priceOf(list, 'anthropic', 'claude')).toBe(null);
});
