// Operations that the console uses and the committed API document does not name yet: their shapes as api.md says
// them. What the document has wins (operations.ts); an entry goes as soon as it is there.
import type { ApiRow } from './generated';

export interface Pagination { limit: number; hasMore: boolean; nextCursor?: string | null }
export interface Thread {
  id: string; title: string; archived: boolean; createdAt: string; updatedAt: string;
  messageCount: number; lastMessageAt: string | null;
}
export interface StoredMessage {
  id: string; role: 'user' | 'assistant' | 'system'; parts: unknown; content?: string; createdAt: string; usage?: unknown; status?: string | null;
}
export interface Member {
  id: string; kind: 'HUMAN' | 'AGENT'; email: string | null; name: string | null; role: Role | null; organizationRole?: Role | null;
  secondFactor?: boolean; version?: number; joinedAt?: string | null;
}
export interface Invite { id: string; email: string; role: Role; createdAt: string; expiresAt: string; createdBy?: string }
type Role = 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER';
export interface SearchResult { kind: string; id: string; title: string; url?: string | null; heading?: string | null; snippet?: string | null }

export interface PendingTypes {
  list_members: { in: { limit?: number; cursor?: string }; out: { members: Member[]; pagination: Pagination } };
  update_member: { in: { id: string; role: string; version?: number }; out: { member: Member } };
  remove_member: { in: { id: string }; out: { success: boolean } };
  create_invite: { in: { email: string; role: string }; out: { invite: Invite & { link: string } } };
  get_invite: { in: { token: string }; out: { invite: { email: string; role: Role; workspaceName: string; organizationName: string; inviter: string; hasAccount: boolean; expiresAt: string } } };
  list_invites: { in: { limit?: number; cursor?: string }; out: { invites: Invite[]; pagination: Pagination } };
  revoke_invite: { in: { id: string }; out: { success: boolean } };
  accept_invite: { in: { token: string; name?: string; password?: string }; out: unknown };
  change_password: { in: { currentPassword: string; newPassword: string }; out: unknown };
  get_totp: { in: Record<string, never>; out: { totp: { state: string; recoveryCodesLeft: number } } };
  enrol_totp: { in: Record<string, never>; out: { totp: { secret: string; otpauthUrl: string; qrSvg: string } } };
  confirm_totp: { in: { code: string }; out: { recoveryCodes: string[] } };
  disable_totp: { in: { password: string }; out: unknown };
  search: { in: { q: string; kind?: string; limit?: number }; out: { results: SearchResult[] } };
  list_chats: { in: { archived?: boolean; search?: string; limit?: number; cursor?: string }; out: { chats: Thread[]; pagination: Pagination } };
  get_chat: { in: { id: string }; out: { chat: Thread } };
  update_chat: { in: { id: string; title?: string; archived?: boolean }; out: { chat: Thread } };
  delete_chat: { in: { id: string }; out: { success: boolean } };
  list_chat_messages: { in: { id: string; limit?: number; before?: string }; out: { messages: StoredMessage[]; pagination: Pagination } };
  fork_chat: { in: { id: string; messageId: string }; out: { chat: Thread } };
  stop_chat: { in: { id: string }; out: unknown };
  send_chat: { in: Record<string, unknown>; out: unknown };
}

const member = ['OWNER', 'ADMIN', 'MEMBER'];
const row = (method: string, path: string, roles: string[], query: string[] = []): ApiRow => ({ method, path, roles, query });
const admin = ['OWNER', 'ADMIN'], all = [...member, 'VIEWER'];
export const pendingRows: Record<string, ApiRow> = {
  list_members: row('GET', '/api/members', all, ['limit', 'cursor']),
  update_member: row('PATCH', '/api/members/{id}', admin),
  remove_member: row('DELETE', '/api/members/{id}', admin),
  create_invite: row('POST', '/api/invites', admin),
  list_invites: row('GET', '/api/invites', admin, ['limit', 'cursor']),
  revoke_invite: row('DELETE', '/api/invites/{id}', admin),
  get_invite: row('GET', '/api/invites/{token}/accept', []),
  accept_invite: row('POST', '/api/invites/{token}/accept', []),
  change_password: row('POST', '/api/me/password', []),
  get_totp: row('GET', '/api/me/totp', []),
  enrol_totp: { ...row('POST', '/api/me/totp', []), noBody: true },
  confirm_totp: row('POST', '/api/me/totp/confirm', []),
  disable_totp: row('DELETE', '/api/me/totp', []),
  search: row('GET', '/api/search', all, ['q', 'kind', 'limit']),
  list_chats: row('GET', '/api/ai/chats', member, ['archived', 'search', 'limit', 'cursor']),
  get_chat: row('GET', '/api/ai/chats/{id}', member),
  update_chat: row('PATCH', '/api/ai/chats/{id}', member),
  delete_chat: row('DELETE', '/api/ai/chats/{id}', member),
  list_chat_messages: row('GET', '/api/ai/chats/{id}/messages', member, ['limit', 'before']),
  fork_chat: row('POST', '/api/ai/chats/{id}/fork', member),
  stop_chat: row('POST', '/api/ai/chat/{id}/stop', member),
  send_chat: row('POST', '/api/ai/chat', member),
};
