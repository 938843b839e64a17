import { beforeEach, expect, test, vi } from 'vitest';
import { joined, keepNote, noteOf, type Note } from './notes';

const storage = new Map<string, string>();
beforeEach(() => {
  storage.clear();
  vi.stubGlobal('localStorage', { getItem: (k: string) => storage.get(k) ?? null, setItem: (k: string, v: string) => storage.set(k, v), removeItem: (k: string) => storage.delete(k) });
});
const page = (id: string) => ({ kind: 'documents' as const, id, title: id });
const note = (id: string, options: Note['options'] = {}): Note => ({ id, text: `text of ${id}`, options });

test('a note is kept with what was chosen for it, each kind by itself', () => {
  const waiting = note('a', { planMode: true, references: [page('p')] });
  expect(keepNote('t', 'waiting', waiting)).toBe(true);
  expect(noteOf('t', 'waiting')).toEqual(waiting);
  expect(noteOf('t', 'sent')).toBeNull();
  keepNote('t', 'waiting', null);
  expect(noteOf('t', 'waiting')).toBeNull();
});
test('a text that was kept alone is still a text', () => {
  for (const text of ['only words', '12', '{"a":1}']) {
    storage.set('opboxd.draft..t.sent', text);
    expect(noteOf('t', 'sent')).toEqual({ id: '', text, options: {} });
  }
});
test('a storage that keeps nothing says so', () => {
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => { throw new Error('full'); }, removeItem: () => {} });
  expect(keepNote('t', 'waiting', note('a'))).toBe(false);
});
test('two in one field: both texts, the careful mode, each reference once, ten at most', () => {
  const first = note('a', { planMode: true, references: [page('1'), page('2')] });
  const second = note('b', { references: [page('2'), ...Array.from({ length: 12 }, (_, i) => page(`n${i}`))] });
  const both = joined(first, second);
  expect(both.text).toBe('text of a\ntext of b');
  expect(both.options.planMode).toBe(true);
  expect(both.options.references?.map((r) => r.id)).toEqual(['1', '2', 'n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7']);
  expect(joined(null, second)).toBe(second);
});
