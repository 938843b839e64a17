// What a good Node programmer would write for GET /api/ai/chats: Fastify, better-sqlite3 with
// prepared statements, jose for the same NextAuth token. It reads the same database file, looks up
// the same session, membership and threads, and answers the same JSON (measure.mjs compares them).
//
//     NEXTAUTH_SECRET=… node twin.mjs DATABASE PORT
import Database from 'better-sqlite3';
import Fastify from 'fastify';
import { jwtDecrypt } from 'jose';
import { hkdfSync } from 'node:crypto';
import fs from 'node:fs';

const [file, port] = process.argv.slice(2);
const db = new Database(file, { readonly: true });
// Made once: next-auth itself derives it for each request.
const key = new Uint8Array(hkdfSync('sha256', process.env.NEXTAUTH_SECRET, '',
  'NextAuth.js Generated Encryption Key', 32));
const opening = {
  keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'], clockTolerance: 15,
};

const sessionFind = db.prepare(`
  SELECT s.user_id, u.workspace_id, w.organization_id, wm.role AS workspace_role, om.role AS org_role
  FROM sessions s
  JOIN users u ON u.id = s.user_id
  JOIN workspaces w ON w.id = u.workspace_id
  LEFT JOIN workspace_members wm ON wm.workspace_id = w.id AND wm.user_id = u.id
  LEFT JOIN organization_members om ON om.organization_id = w.organization_id AND om.user_id = u.id
  WHERE s.id = ? AND s.session_version = ? AND u.session_version = s.session_version
    AND s.revoked_at IS NULL AND s.expires_at > ? AND u.deleted_at IS NULL AND w.deleted_at IS NULL`);
// The query as the server runs it, from its own file.
const chat = fs.readFileSync(new URL('../src/chat/chat.sql', import.meta.url), 'utf8');
const threadsList = db.prepare(/-- name: chat_thread_list\n[^]*?\n(SELECT[^]*?;)/.exec(chat)[1]);
const everything = { archived: 0, q: '', before_id: '~', scan: 500, before_at: Number.MAX_SAFE_INTEGER };

function cookieOf(request, name) {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (pair.slice(0, at).trim() === name) return pair.slice(at + 1);
  }
  return '';
}

async function signedIn(request, reply) {
  try {
    const { payload } = await jwtDecrypt(cookieOf(request, 'next-auth.session-token'), key, opening);
    request.caller = sessionFind.get(payload.sid, payload.sv, Date.now());
  } catch {
    request.caller = null;
  }
  if (!(request.caller?.workspace_role ?? request.caller?.org_role))
    return reply.code(401).send({ success: false, error: 'Sign in.', code: 'UNAUTHORIZED', details: {} });
}

const time = (ms) => (ms === null ? null : new Date(ms).toISOString());
const app = Fastify();
app.get('/healthz', async () => ({ status: 'ok' }));
app.get('/api/ai/chats', {
  preHandler: signedIn,
  schema: { querystring: { type: 'object', properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 50 } } } },
}, async (request) => {
  const { limit } = request.query;
  const { workspace_id, user_id } = request.caller;
  const rows = threadsList.all({ ...everything, workspace_id, user_id, limit: limit + 1 });
  const last = rows.length > limit ? rows[limit - 1] : null;
  return {
    chats: rows.slice(0, limit).map((t) => ({
      id: t.client_id, title: t.title, archived: t.archived !== 0, active: t.active_run_id !== null,
      messageCount: t.message_count, lastMessageAt: time(t.last_message_at), version: t.version,
      createdAt: time(t.created_at), updatedAt: time(t.updated_at),
    })),
    pagination: { limit, hasMore: last !== null,
      nextCursor: last && Buffer.from(`${last.activity_at},${last.id}`).toString('base64url') },
  };
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
