// The knowledge base over HTTP as people of each role meet it, and the rules that every operation shares.
import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { Client, cliOk, initialized, owner, pgUrl, serve, signedIn, unlimited } from './harness.mjs';

for (const engine of ['sqlite', 'postgres']) {
  const skip = engine === 'postgres' && !pgUrl;
  let s, server, people;
  const on = (name, fn) => test(`${name}, ${engine}`, { skip }, fn);

  before(async () => {
    if (skip) return;
    s = await initialized(engine);
    server = await serve(s, { flags: unlimited });
    people = { OWNER: await signedIn(server, owner) };
    for (const role of ['ADMIN', 'MEMBER', 'VIEWER']) {
      const user = { email: role.toLowerCase() + '@example.com', password: 'password of ' + role };
      await cliOk(['user', 'add', ...s.flags, '--email', user.email, '--name', role, '--role', role, '--password', user.password], { env: s.env });
      people[role] = await signedIn(server, user);
    }
  });

  on('who may read, who may write', async () => {
    for (const [role, c] of Object.entries(people)) {
      assert.equal((await c.json('/api/documents')).status, 200, role);
      const r = await c.json('/api/documents', { method: 'POST', json: { title: 'by ' + role } });
      assert.equal(r.status, role === 'VIEWER' ? 403 : 201, role + JSON.stringify(r.body));
      assert.equal(r.body.code, role === 'VIEWER' ? 'FORBIDDEN' : undefined);
    }
    const nobody = await new Client(server.base).json('/api/documents');
    assert.deepEqual([nobody.status, nobody.body.code, nobody.body.success], [401, 'UNAUTHORIZED', false]);
  });

  on('a document from HTTP to the shell and back', async () => {
    const c = people.MEMBER;
    const made = await c.json('/api/documents', { method: 'POST', json: { title: 'Visa checklist', markdown: '# Visa\n\n- passport\n- photo\n' } });
    assert.equal(made.status, 201);
    const { id, version } = made.body.document;
    assert.equal(made.headers.get('location'), '/api/documents/doc/' + id);
    assert.ok(made.headers.get('x-request-id'));
    const shell = JSON.parse(await cliOk(['call', 'get_document', ...s.flags, '--json', JSON.stringify({ id })], { env: s.env }));
    const web = await c.json('/api/documents/doc/' + id);
    assert.deepEqual(shell.document, web.body.document);
    assert.match(web.body.document.markdown, /- passport/);
    const changed = await c.json('/api/documents/doc/' + id, { method: 'PATCH', json: { version, title: 'Visa list' } });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    assert.equal(changed.body.document.version, version + 1);
    const late = await c.json('/api/documents/doc/' + id, { method: 'PATCH', json: { version, title: 'Late' } });
    assert.deepEqual([late.status, late.body.code, late.body.details.version], [409, 'VERSION_CONFLICT', version + 1]);
    const tree = JSON.parse(await cliOk(['call', 'get_document_tree', ...s.flags, '--as', 'viewer@example.com'], { env: s.env }));
    assert.ok(tree.nodes.some((n) => n.id === id && n.title === 'Visa list'));
  });

  on('a private document is not there for others', async () => {
    const made = await people.MEMBER.json('/api/documents', { method: 'POST', json: { title: 'Mine', visibility: 'PRIVATE' } });
    const path = '/api/documents/doc/' + made.body.document.id;
    assert.equal((await people.MEMBER.json(path)).status, 200);
    assert.deepEqual((({ status, body }) => [status, body.code])(await people.ADMIN.json(path)), [404, 'NOT_FOUND']);
    assert.ok((await people.ADMIN.json('/api/documents?limit=100')).body.documents.every((d) => d.title !== 'Mine'));
  });

  on('a write needs the CSRF token and an own origin', async () => {
    const json = { title: 'forged' }, c = people.MEMBER;
    const none = await c.json('/api/documents', { method: 'POST', json, csrf: false });
    assert.deepEqual([none.status, none.body.code], [403, 'CSRF_INVALID']);
    const wrong = await c.json('/api/documents', { method: 'POST', json, csrf: false, headers: { 'x-csrf-token': '0'.repeat(64) } });
    assert.deepEqual([wrong.status, wrong.body.code], [403, 'CSRF_INVALID']);
    const cookies = [...c.jar].map(([k, v]) => `${k}=${v}`).join('; ');
    const foreign = await fetch(server.base + '/api/documents', { method: 'POST', body: JSON.stringify(json),
      headers: { cookie: cookies, 'content-type': 'application/json', 'x-csrf-token': c.csrf, origin: 'https://evil.example' } });
    assert.equal(foreign.status, 403);
  });

  on('one Idempotency-Key, one deed', async () => {
    const post = (title) => people.OWNER.json('/api/documents', { method: 'POST', json: { title }, headers: { 'idempotency-key': 'key-' + engine } });
    const answers = await Promise.all([post('once'), post('once'), post('once')]);
    assert.deepEqual(answers.map((a) => a.status), [201, 201, 201], JSON.stringify(answers.map((a) => a.body)));
    assert.equal(new Set(answers.map((a) => a.body.document.id)).size, 1);
    const other = await post('another body');
    assert.deepEqual([other.status, other.body.code], [422, 'IDEMPOTENCY_MISMATCH']);
  });

  on('faults are named, all at once', async () => {
    const r = await people.OWNER.json('/api/documents', { method: 'POST', json: { title: 'x'.repeat(201), nonsense: 1 } });
    assert.deepEqual([r.status, r.body.code], [400, 'VALIDATION_ERROR']);
    assert.deepEqual(Object.keys(r.body.details.fieldErrors).sort(), ['nonsense', 'title']);
    const method = await people.OWNER.json('/api/documents', { method: 'DELETE' });
    assert.equal(method.status, 405);
    assert.match(method.headers.get('allow'), /GET.*POST|POST.*GET/);
    assert.equal((await people.OWNER.json('/api/nothing')).status, 404);
  });

  on('lists go on where they stopped', async () => {
    const c = people.OWNER, all = (await c.json('/api/documents?limit=100')).body.documents.map((d) => d.id), paged = [];
    for (let cursor = ''; cursor !== null; ) {
      const { documents, pagination } = (await c.json('/api/documents?limit=2' + (cursor && '&cursor=' + encodeURIComponent(cursor)))).body;
      assert.ok(documents.length <= 2 && pagination.limit === 2);
      paged.push(...documents.map((d) => d.id));
      cursor = pagination.hasMore ? pagination.nextCursor : null;
    }
    assert.deepEqual(paged, all);
    assert.equal((await c.json('/api/documents?cursor=garbage')).status, 400);
  });
}
