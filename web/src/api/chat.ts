// The chat's line to the server: the AI SDK's transport over the one client, and what travels in messages.
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, type UIMessage } from 'ai';
import { request } from './client';
import type { Out } from './operations';

export type StoredMessage = Out<'list_chat_messages'>['messages'][number];

export interface Usage {
  inputTokens?: number; outputTokens?: number; cachedTokens?: number; costUsd?: number | null; basis?: string;
  provider?: string; model?: string; keySource?: string;
}
export interface RateLimit { scope?: string; limit?: number; used?: number; resetsAt?: string }
export interface Refresh { resource?: string; id?: string }
export interface Meta { createdAt?: string; usage?: Usage; status?: string }
export type ChatMessage = UIMessage<Meta, { usage: Usage; refresh: Refresh; 'rate-limit': RateLimit }>;
export type ChatPart = ChatMessage['parts'][number];

export interface Reference { kind: 'documents'; id: string; title: string }
export interface SendOptions { planMode?: boolean; scopeToPage?: boolean; pageContext?: unknown; references?: Reference[] }

const chatFetch = ((url: string | URL | Request, init?: RequestInit) => request(String(url), init)) as typeof fetch;

// With a thread the stored rows are the history: only the last message travels.
const transport = new DefaultChatTransport<ChatMessage>({
  api: '/api/ai/chat',
  fetch: chatFetch,
  resumeStreamIsReplay: true,
  prepareSendMessagesRequest: ({ id, messages, trigger, messageId, body }) => {
    const { references, ...options } = (body ?? {}) as SendOptions;
    // What a record is called is for people.
    const named = references ? { references: references.map((r) => ({ kind: r.kind, id: r.id })) } : {};
    return { body: { ...options, ...named, id, messages: messages.slice(-1), trigger, ...(messageId ? { messageId } : {}) } };
  },
});

export type ChatLine = Chat<ChatMessage>;
type Init = ConstructorParameters<typeof Chat<ChatMessage>>[0];
export function newChatLine(init: Pick<Init, 'id' | 'onFinish' | 'onData' | 'sendAutomaticallyWhen'>): ChatLine {
  return new Chat<ChatMessage>({ ...init, transport, generateId: () => crypto.randomUUID().replace(/-/g, '') });
}

export function fromStored(row: StoredMessage): ChatMessage {
  const parts = Array.isArray(row.parts) && row.parts.length ? (row.parts as ChatPart[]) : [{ type: 'text' as const, text: row.content ?? '' }];
  const metadata: Meta = { ...(row.createdAt ? { createdAt: row.createdAt } : {}), ...(row.usage ? { usage: row.usage as Usage } : {}), ...(row.status ? { status: row.status } : {}) };
  return { id: row.id, role: row.role, parts, metadata };
}
