// kill -9 while many write: whatever was acknowledged is there after the restart, which takes no longer than 2 s.
// Reduced count; OPBOXD_SOAK=1 runs the full one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { initialized, pgUrl, serve, signedIn, soak, unlimited } from './harness.mjs';

const ROUNDS = soak ? 200 : 10, WRITERS = 16;

// Writes until the server is gone; pushes what was acknowledged.
async function write(client, name, acknowledged, onAnswer, onError) {
  for (let i = 0; ; i++) {
    let r;
    try {
      r = await client.json('/api/documents', { method: 'POST', json: { title: `${name}-${i}`, markdown: 'text '.repeat(i % 50) } });
    } catch (error) {
      return onError(error);
    }
    assert.equal(r.status, 201, JSON.stringify(r.body));
    acknowledged.push({ id: r.body.document.id, title: `${name}-${i}` });
    onAnswer();
  }
}

async function everything(client) {
  const found = new Map();
  for (let cursor = ''; ; ) {
    const { status, body } = await client.json('/api/documents?limit=100' + (cursor && '&cursor=' + encodeURIComponent(cursor)));
    assert.equal(status, 200, JSON.stringify(body));
    for (const d of body.documents) found.set(d.id, d.title);
    if (!body.pagination.hasMore) return found;
    cursor = body.pagination.nextCursor;
  }
}

for (const engine of ['sqlite', 'postgres'])
  test(`kill -9 keeps every acknowledged write, ${engine}, ${ROUNDS} rounds`, { skip: engine === 'postgres' && !pgUrl }, async () => {
    const s = await initialized(engine), acknowledged = [];
    let server = await serve(s, { flags: unlimited });
    const client = await signedIn(server);
    for (let round = 0; round < ROUNDS; round++) {
      const last = acknowledged.length, after = 1 + Math.floor(Math.random() * 150);
      let killed, lost;
      const gone = (error) => (killed ? undefined : (lost ??= error));
      const kill = () => {
        if (acknowledged.length - last >= after) killed ??= server.kill();
      };
      await Promise.all(Array.from({ length: WRITERS }, (_, w) => write(client, `r${round}-w${w}`, acknowledged, kill, gone)));
      await killed;
      assert.ok(killed, `round ${round}: the server is gone before it was killed: ${lost?.cause ?? lost}\n${server.log}`);
      server = await serve(s, { flags: unlimited, port: server.port });
      assert.ok(server.readyMs <= 2000, `restarted in ${server.readyMs} ms`);
      const found = await everything(client);
      for (const { id, title } of acknowledged) assert.equal(found.get(id), title, `round ${round}: an acknowledged document is gone`);
      assert.ok(found.size <= acknowledged.length + (round + 1) * WRITERS, 'no more than what was under way');
    }
    assert.equal((await server.stop()).code, 0);
  });
