import { expect, test } from 'vitest';
import { starters } from './starting';

test('own pages come first, four questions always', () => {
  expect(starters(['A', 'B']).map((s) => [s.text, s.title])).toEqual([['says', 'A'], ['main', 'B'], ['able', undefined], ['pages', undefined]]);
  expect(starters(['A', 'B', 'C', 'D', 'E'])).toHaveLength(4);
  expect(starters([]).map((s) => s.text)).toEqual(['able', 'pages', 'who', 'last']);
});
