// Tool calls in words: "List documents: visa (3)".
import type { ChatPart } from '../../api/chat';

export interface ToolPart { type: string; toolName?: string; toolCallId: string; state: string; input?: unknown; output?: unknown; errorText?: string }
export const isTool = (part: ChatPart): boolean => part.type.startsWith('tool-') || part.type === 'dynamic-tool';
export const toolName = (part: ToolPart): string => part.toolName ?? part.type.slice('tool-'.length);
export const isAsking = (part: ChatPart): boolean => part.type === 'tool-ask_question' || part.type === 'tool-ask_confirmation';

const inner = (part: ToolPart): { name: string; input: unknown } => {
  const input = part.input as { name?: unknown; tool?: unknown; arguments?: unknown; args?: unknown } | undefined;
  const wrapped = input?.name ?? input?.tool;
  return toolName(part) === 'invoke_tool' && typeof wrapped === 'string' ? { name: wrapped, input: input?.arguments ?? input?.args } : { name: toolName(part), input: part.input };
};
// The one argument that tells people what it was about.
const telling = ['q', 'query', 'title', 'name', 'search', 'text', 'id'];
function about(input: unknown): string {
  if (!input || typeof input !== 'object') return '';
  const found = telling.map((key) => (input as Record<string, unknown>)[key]).find((v) => typeof v === 'string' && v !== '');
  return typeof found === 'string' ? (found.length > 60 ? `${found.slice(0, 60)}…` : found) : '';
}
// How many things came back, when the answer is a list.
export function hits(output: unknown): number | null {
  if (Array.isArray(output)) return output.length;
  if (!output || typeof output !== 'object') return null;
  const list = Object.values(output).find(Array.isArray);
  return list ? list.length : null;
}
export function toolWords(part: ToolPart): { verb: string; about: string; hits: number | null } {
  const { name, input } = inner(part), words = name.replace(/_/g, ' ');
  return { verb: words.charAt(0).toUpperCase() + words.slice(1), about: about(input), hits: part.state === 'output-available' ? hits(part.output) : null };
}

export type Piece = { kind: 'part'; part: ChatPart; at: number } | { kind: 'tools'; parts: ChatPart[]; at: number };
const done = (part: ChatPart) => isTool(part) && !isAsking(part) && (part as ToolPart).state === 'output-available';

// Neighbouring calls that are done fold into one line; what only marks a step is no neighbour's end.
export function fold(parts: ChatPart[]): Piece[] {
  const pieces: Piece[] = [];
  parts.forEach((part, at) => {
    if (part.type === 'step-start' || part.type === 'data-refresh') return;
    const last = pieces.at(-1);
    if (done(part) && last?.kind === 'tools') last.parts.push(part);
    else if (done(part)) pieces.push({ kind: 'tools', parts: [part], at });
    else pieces.push({ kind: 'part', part, at });
  });
  return pieces;
}
