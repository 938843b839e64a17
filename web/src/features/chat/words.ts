// Tool calls in words: "Read Fees 2026", "Listed documents: visa (3)". An id is nobody's word for a record.
import type { ChatPart } from '../../api/chat';
import { onlyReads } from '../../api/operations';

export interface ToolPart { type: string; toolName?: string; toolCallId: string; state: string; input?: unknown; output?: unknown; errorText?: string }
export const isTool = (part: ChatPart): boolean => part.type.startsWith('tool-') || part.type === 'dynamic-tool';
export const toolName = (part: ToolPart): string => part.toolName ?? part.type.slice('tool-'.length);
export const isAsking = (part: ChatPart): boolean => part.type === 'tool-ask_question' || part.type === 'tool-ask_confirmation';

const inner = (part: ToolPart): { name: string; input: unknown } => {
  const input = part.input as { name?: unknown; tool?: unknown; arguments?: unknown; args?: unknown } | undefined;
  const wrapped = input?.name ?? input?.tool;
  return toolName(part) === 'invoke_tool' && typeof wrapped === 'string' ? { name: wrapped, input: input?.arguments ?? input?.args } : { name: toolName(part), input: part.input };
};
const short = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);
// The one argument that tells people what it was about.
const telling = ['q', 'query', 'title', 'name', 'search', 'text'];
function about(input: unknown): string {
  if (!input || typeof input !== 'object') return '';
  const found = telling.map((key) => (input as Record<string, unknown>)[key]).find((v) => typeof v === 'string' && v !== '');
  return typeof found === 'string' ? short(found) : '';
}

// What the record that came back is called: its own name, or that of the one object that it holds.
const names = ['title', 'number', 'name', 'filename', 'email'];
export function recordName(output: unknown): string {
  if (!output || typeof output !== 'object' || Array.isArray(output)) return '';
  const inside = Object.values(output).filter((v) => v && typeof v === 'object' && !Array.isArray(v));
  for (const record of [output, ...(inside.length === 1 ? inside : [])]) {
    const found = names.map((key) => (record as Record<string, unknown>)[key]).find((v) => typeof v === 'string' && v !== '');
    if (typeof found === 'string') return short(found);
  }
  return '';
}
const done: Record<string, string> = {
  get: 'read', read: 'read', list: 'listed', search: 'searched', find: 'found', create: 'created', add: 'added', update: 'changed', rename: 'renamed', move: 'moved', archive: 'archived', restore: 'restored', delete: 'deleted', remove: 'removed', send: 'sent', generate: 'generated',
};
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

// How many things came back, when the answer is a list.
export function hits(output: unknown): number | null {
  if (Array.isArray(output)) return output.length;
  if (!output || typeof output !== 'object') return null;
  const list = Object.values(output).find(Array.isArray);
  return list ? list.length : null;
}
export interface ToolWords { verb: string; record: string; about: string; hits: number | null }
export function toolWords(part: ToolPart): ToolWords {
  const { name, input } = inner(part), ready = part.state === 'output-available', [first = '', ...rest] = name.split('_');
  const verb = (ready && done[first]) || (first === 'get' ? 'read' : first), record = ready ? recordName(part.output) : '';
  // A record with a name needs no word for its kind.
  const words = record && done[first] ? verb : [verb, ...rest].join(' ');
  return { verb: capital(words), record, about: record ? '' : about(input), hits: ready && !record ? hits(part.output) : null };
}

export type Piece = { kind: 'part'; part: ChatPart; at: number } | { kind: 'tools'; parts: ChatPart[]; at: number };
const folds = (part: ChatPart) => isTool(part) && !isAsking(part) && (part as ToolPart).state === 'output-available' && onlyReads(inner(part as ToolPart).name);

// Neighbouring reads that are done fold into one line: what changes something stands alone. What only marks a step is no
// neighbour's end.
export function fold(parts: ChatPart[]): Piece[] {
  const pieces: Piece[] = [];
  parts.forEach((part, at) => {
    if (part.type === 'step-start' || part.type === 'data-refresh') return;
    const last = pieces.at(-1);
    if (folds(part) && last?.kind === 'tools') last.parts.push(part);
    else if (folds(part)) pieces.push({ kind: 'tools', parts: [part], at });
    else pieces.push({ kind: 'part', part, at });
  });
  return pieces;
}
