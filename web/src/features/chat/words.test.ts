import { expect, test } from 'vitest';
import type { ChatPart } from '../../api/chat';
import { fold, hits, toolWords } from './words';

const tool = (name: string, state = 'output-available', more: object = {}) => ({ type: `tool-${name}`, toolCallId: name, state, ...more }) as unknown as ChatPart;
const text = (t: string) => ({ type: 'text', text: t }) as ChatPart;

test('a call is told by its name, its argument and its hits', () => {
  expect(toolWords(tool('list_documents', 'output-available', { input: { q: 'visa' }, output: { documents: [1, 2], pagination: {} } }) as never)).toEqual({ verb: 'List documents', about: 'visa', hits: 2 });
  expect(toolWords(tool('invoke_tool', 'input-available', { input: { name: 'get_document', arguments: { id: 'c1' } } }) as never)).toEqual({ verb: 'Get document', about: 'c1', hits: null });
  expect(hits('text')).toBeNull();
});
test('neighbours that are done fold, what runs stands alone', () => {
  const parts = [tool('a'), { type: 'step-start' } as ChatPart, tool('b'), tool('c', 'input-available'), text('so'), tool('d')];
  expect(fold(parts).map((p) => (p.kind === 'tools' ? p.parts.length : p.part.type))).toEqual([2, 'tool-c', 'text', 1]);
});
test('questions never fold', () => {
  expect(fold([tool('ask_question'), tool('ask_question')]).every((p) => p.kind === 'part')).toBe(true);
});
