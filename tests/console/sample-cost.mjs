// A workspace's calls of two months, written into its database as providers would have left them: people and nobody,
// eight models, each basis, two models without a price. The sums come from reconciling.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const models = [
  ['anthropic', 'claude-sonnet-4-5', 'WORKSPACE_KEY', 34], ['openai', 'gpt-5.4', 'ORG_KEY', 22], ['openai', 'gpt-5.4-mini', 'SERVER_KEY', 3], ['google', 'gemini-3-pro', 'USER_KEY', 12],
  ['gateway', 'mistral-large', 'WORKSPACE_KEY', 8], ['openai', 'text-embedding-3-large', 'SERVER_KEY', 0.04], ['gateway', 'llama-4-visa-desk', 'WORKSPACE_KEY', null], ['openai', 'whisper-2', 'ORG_KEY', 5],
];
const operations = ['chat', 'chat', 'chat', 'agent', 'extraction', 'embedding', 'other'];
const dayMs = 86_400_000;

// Numbers that are the same each time.
function dice(seed) {
  let s = seed;
  return (n) => { s = (s * 1103515245 + 12345) % 2147483648; return (s >>> 8) % n; };
}

// `client` is an owner's. Returns what was written.
export async function fillCost(store, client, { calls = 1200, now = Date.now() } = {}) {
  const db = new DatabaseSync(join(store.data, 'opboxd.db'));
  db.exec('PRAGMA busy_timeout = 10000');
  const { id: workspace, organization_id: organization } = db.prepare('SELECT id, organization_id FROM workspaces LIMIT 1').get();
  const users = db.prepare("SELECT id FROM users ORDER BY id").all().map((u) => u.id);
  const add = db.prepare(`INSERT INTO ledger (workspace_id, id, organization_id, created_at, month, operation_type, provider, model, key_source, user_id, thread_id, agent_task_id,
    input_tokens, output_tokens, cache_read_tokens, cost_nanousd, basis, price_version, duration_ms, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const roll = dice(7), at = new Date(now), first = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1), before = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1);
  const written = { unpriced: 0, month: 0, cost: 0 };
  const monthOf = (ms) => new Date(ms).getUTCFullYear() * 100 + new Date(ms).getUTCMonth() + 1;
  db.exec('BEGIN IMMEDIATE');
  for (let i = 0; i < calls; i++) {
    const old = i % 4 === 3, from = old ? before : first, span = (old ? first : now) - from;
    const ms = from + Math.floor((span * ((i * 7919) % calls)) / calls), weekend = [0, 6].includes(new Date(ms).getUTCDay());
    if (weekend && roll(10) < 7) continue;
    const [provider, model, key, price] = models[Math.min(roll(9), roll(9), 7)], operation = operations[roll(operations.length)], autonomous = operation === 'agent';
    const tokensIn = 400 + roll(9000), tokensOut = 50 + roll(1500), basis = roll(40) ? 'reported' : ['estimated', 'worst_case', 'external'][roll(3)];
    const cost = price === null ? 0 : Math.floor(price * (tokensIn * 250 + tokensOut * 1000) * 2);
    add.run(workspace, `c${String(ms).padStart(13, '0')}${String(i).padStart(8, '0')}abc`, organization, ms, monthOf(ms), operation, provider, model, key, autonomous ? null : users[roll(users.length)],
      operation === 'chat' ? `thread${roll(9)}` : null, autonomous ? `task${roll(5)}` : null, tokensIn, tokensOut, roll(3) ? 0 : roll(8000), cost, basis, price === null ? null : '2026-11-01', 300 + roll(9000), roll(60) ? null : 'UPSTREAM_TIMEOUT');
    if (!old) {
      written.month++;
      written.cost += cost;
      if (price === null) written.unpriced++;
    }
  }
  // An open call, of a process that lives as long as the test.
  db.prepare(`INSERT INTO reservations (workspace_id, id, month, cost_nanousd, node_id, created_at, expires_at, organization_id, operation_type, provider, model, key_source)
    SELECT ?, 'open', ?, 1250000000, id, ?, ?, ?, 'chat', 'openai', 'gpt-5.4', 'ORG_KEY' FROM nodes ORDER BY heartbeat_at DESC LIMIT 1`).run(workspace, monthOf(now), now, now + dayMs, organization);
  db.exec('COMMIT');
  db.close();
  for (const ms of [before, now]) {
    const r = await client.json(`/api/settings/ai-usage/reconcile?month=${new Date(ms).toISOString().slice(0, 7)}`, { method: 'POST' });
    if (r.status !== 200) throw new Error(`reconcile: ${r.status} ${JSON.stringify(r.body)}`);
  }
  return written;
}
