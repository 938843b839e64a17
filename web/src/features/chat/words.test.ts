import { expect, test } from 'vitest';
import type { ChatPart } from '../../api/chat';
import { fold, hits, recordName, toolWords } from './words';

const tool = (name: string, state = 'output-available', more: object = {}) => ({ type: `tool-${name}`, toolCallId: name, state, ...more }) as unknown as ChatPart;
const text = (t: string) => ({ type: 'text', text: t }) as ChatPart;

test('a call is told by its name, its argument and its hits', () => {
  expect(toolWords(tool('list_documents', 'output-available', { input: { q: 'visa' }, output: { documents: [1, 2], pagination: {} } }) as never)).toEqual({ verb: 'Listed documents', record: '', about: 'visa', hits: 2 });
  expect(toolWords(tool('list_documents', 'input-available', { input: { q: 'visa' } }) as never)).toEqual({ verb: 'List documents', record: '', about: 'visa', hits: null });
  expect(hits('text')).toBeNull();
});
test('a record is told by what it is called, never by its id', () => {
  const read = { input: { id: 'cmwx1234567890' }, output: { document: { id: 'cmwx1234567890', title: 'Fees 2026', labels: ['a'] } } };
  expect(toolWords(tool('get_document', 'output-available', read) as never)).toEqual({ verb: 'Read', record: 'Fees 2026', about: '', hits: null });
  expect(toolWords(tool('invoke_tool', 'input-available', { input: { name: 'get_document', arguments: { id: 'cmwx1' } } }) as never)).toEqual({ verb: 'Read document', record: '', about: '', hits: null });
  expect(toolWords(tool('get_document', 'output-available', { input: { id: 'cmwx1' }, output: {} }) as never)).toEqual({ verb: 'Read document', record: '', about: '', hits: null });
  expect(toolWords(tool('update_document', 'output-available', read) as never).verb).toBe('Changed');
  expect(recordName({ results: [{ title: 'a hit is no record' }] })).toBe('');
  expect(recordName({ matter: { number: 'MAT-0042' } })).toBe('MAT-0042');
});
test('neighbouring reads that are done fold; what runs and what writes stands alone', () => {
  const parts = [tool('get_a'), { type: 'step-start' } as ChatPart, tool('list_b'), tool('get_c', 'input-available'), text('so'), tool('get_d')];
  expect(fold(parts).map((p) => (p.kind === 'tools' ? p.parts.length : p.part.type))).toEqual([2, 'tool-get_c', 'text', 1]);
  const writes = [tool('get_a'), tool('create_document'), tool('update_document'), tool('get_b'), tool('invoke_tool', 'output-available', { input: { name: 'archive_document' } })];
  expect(fold(writes).map((p) => (p.kind === 'tools' ? p.parts.length : p.part.type))).toEqual([1, 'tool-create_document', 'tool-update_document', 1, 'tool-invoke_tool']);
});
test('questions never fold', () => {
  expect(fold([tool('ask_question'), tool('ask_question')]).every((p) => p.kind === 'part')).toBe(true);
});
