// Stands in front of the program and answers what it cannot answer yet; everything else goes through. Its chat keeps runs
// as the contract says: they go on without a reader, are replayed from `start`, and end by the stop call. A test says with
// `standin.answer` what a run does, and lets it go on with `signal`.
import { createServer, request } from 'node:http';
import { freePort } from '../e2e/harness.mjs';

const json = (res, status, body) => {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
};
const error = (res, status, code, text, more = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'c00000000000000000000test', ...more });
  res.end(JSON.stringify({ success: false, error: text, code, details: {} }));
};

class Run {
  constructor(messageId, prompt, body) {
    Object.assign(this, { messageId, prompt, body, parts: [{ type: 'start', messageId }, { type: 'start-step' }], readers: new Set(), ended: false, texts: 0, stopped: false });
  }
  emit(part) {
    if (this.ended) return;
    this.parts.push(part);
    for (const r of this.readers) r.write(`data: ${JSON.stringify(part)}\n\n`);
  }
  text(t, id = `t${++this.texts}`) {
    this.emit({ type: 'text-start', id });
    this.emit({ type: 'text-delta', id, delta: t });
    this.emit({ type: 'text-end', id });
  }
  open(id = `t${++this.texts}`) {
    this.emit({ type: 'text-start', id });
    return { add: (delta) => this.emit({ type: 'text-delta', id, delta }), end: () => this.emit({ type: 'text-end', id }) };
  }
  end(reason = 'stop') {
    if (this.ended) return;
    this.emit({ type: 'finish-step' });
    this.emit({ type: 'finish', finishReason: reason });
    this.ended = true;
    for (const r of this.readers) r.end('data: [DONE]\n\n');
  }
  join(res) {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-vercel-ai-ui-message-stream': 'v1' });
    for (const part of this.parts) res.write(`data: ${JSON.stringify(part)}\n\n`);
    if (this.ended) return res.end('data: [DONE]\n\n');
    this.readers.add(res);
    res.on('close', () => this.readers.delete(res));
  }
  // The message as it is at rest.
  message() {
    const parts = [], open = new Map();
    for (const p of this.parts) {
      if (p.type === 'text-start') parts.push(open.set(p.id, { type: 'text', text: '', state: 'done' }).get(p.id));
      else if (p.type === 'text-delta') open.get(p.id).text += p.delta;
      else if (p.type === 'tool-input-available') parts.push(open.set(p.toolCallId, { type: `tool-${p.toolName}`, toolCallId: p.toolCallId, state: 'input-available', input: p.input }).get(p.toolCallId));
      else if (p.type === 'tool-output-available') Object.assign(open.get(p.toolCallId), { state: 'output-available', output: p.output });
      else if (p.type.startsWith('data-') && !p.transient) parts.push({ type: p.type, data: p.data });
    }
    return { id: this.messageId, role: 'assistant', parts, createdAt: new Date().toISOString(), ...(this.stopped ? { status: 'STOPPED' } : {}) };
  }
}

export class Standin {
  threads = new Map();
  runs = new Map();
  waiting = new Map();
  posts = [];
  down = false;
  refuse = null;
  usage = { provider: 'offline', model: 'offline', inputTokens: 0, outputTokens: 0, costUsd: 0 };
  answer = async (run) => {
    run.text(`You said: ${run.prompt}`);
    run.emit({ type: 'data-usage', data: this.usage });
    run.end();
  };
  until = (name) => new Promise((done) => this.waiting.set(name, done));
  signal(name) {
    this.waiting.get(name)?.();
    this.waiting.delete(name);
  }
  // All lines of the chat break; runs go on.
  cut() {
    for (const run of this.runs.values()) for (const r of run.readers) r.socket?.destroy();
  }
  thread(id, title) {
    if (!this.threads.has(id)) {
      const now = new Date().toISOString();
      this.threads.set(id, { id, title, archived: false, createdAt: now, updatedAt: now, lastMessageAt: now, messages: [] });
    }
    return this.threads.get(id);
  }
  view = ({ messages, ...t }) => ({ ...t, messageCount: messages.length });

  async start(target) {
    this.target = target;
    this.port = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.server = createServer((req, res) => this.handle(req, res));
    await new Promise((done) => this.server.listen(this.port, '127.0.0.1', done));
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
  async handle(req, res) {
    if (this.down) return req.socket.destroy();
    const url = new URL(req.url, this.base), path = url.pathname;
    if (!path.startsWith('/api/ai/')) return this.pass(req, res);
    let text = '';
    for await (const piece of req) text += piece;
    const body = text ? JSON.parse(text) : {};
    if (path === '/api/ai/chat') return this.chat(body, res);
    const line = /^\/api\/ai\/chat\/([^/]+)\/(stream|stop)$/.exec(path);
    if (line?.[2] === 'stream') {
      const run = this.runs.get(line[1]);
      return run && !run.ended ? run.join(res) : res.writeHead(204).end();
    }
    if (line?.[2] === 'stop') {
      const run = this.runs.get(line[1]);
      if (run) run.stopped = true;
      run?.end('stop');
      return json(res, 200, { success: true });
    }
    return this.rest(req.method, path, url.searchParams, body, res);
  }
  chat(body, res) {
    this.posts.push(body);
    if (this.refuse) return error(res, ...this.refuse);
    const last = body.messages.at(-1);
    const prompt = last.role === 'user' ? last.parts.map((p) => p.text ?? '').join('') : '';
    const thread = this.thread(body.id, prompt.slice(0, 60));
    if (last.role === 'user' && body.trigger !== 'regenerate-message') thread.messages.push({ ...last, createdAt: new Date().toISOString() });
    const continued = last.role === 'assistant';
    if (continued) thread.messages = thread.messages.filter((m) => m.id !== last.id);
    if (body.trigger === 'regenerate-message') thread.messages = thread.messages.filter((m) => m.id !== body.messageId);
    const run = new Run(continued ? last.id : `a${this.posts.length}x${Date.now()}`, prompt, body);
    this.runs.set(body.id, run);
    run.join(res);
    void Promise.resolve(this.answer(run, this)).then(() => {
      run.end();
      const kept = run.message();
      thread.messages.push(continued ? { ...kept, parts: [...last.parts, ...kept.parts] } : kept);
    });
  }
  rest(method, path, query, body, res) {
    const [, , , , id, what] = path.split('/');
    const all = [...this.threads.values()].sort((a, b) => (b.updatedAt < a.updatedAt ? -1 : 1));
    if (!id && method === 'GET') {
      const archived = query.get('archived') === 'true', q = query.get('search')?.toLowerCase();
      return json(res, 200, { chats: all.filter((t) => t.archived === archived && (!q || t.title.toLowerCase().includes(q))).map(this.view), pagination: { limit: 50, hasMore: false, nextCursor: null } });
    }
    const thread = this.threads.get(id);
    if (!thread) return error(res, 404, 'NOT_FOUND', 'There is no such chat.');
    if (what === 'messages') {
      const limit = Number(query.get('limit') ?? 50), before = query.get('before');
      const end = before ? thread.messages.findIndex((m) => m.id === before) : thread.messages.length, from = Math.max(0, end - limit);
      return json(res, 200, { messages: thread.messages.slice(from, end), pagination: { limit, hasMore: from > 0, nextCursor: null } });
    }
    if (what === 'fork') {
      const at = thread.messages.findIndex((m) => m.id === body.messageId), fork = this.thread(`fork${this.threads.size}`, thread.title);
      fork.messages = thread.messages.slice(0, at + 1);
      return json(res, 201, { chat: this.view(fork) });
    }
    if (method === 'PATCH') Object.assign(thread, body, { updatedAt: new Date().toISOString() });
    if (method === 'DELETE') this.threads.delete(id);
    return json(res, 200, method === 'DELETE' ? { success: true } : { chat: this.view(thread) });
  }
  pass(req, res) {
    const on = request(this.target + req.url, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    on.on('error', () => res.destroy());
    req.pipe(on);
  }
}
