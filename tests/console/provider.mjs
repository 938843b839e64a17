// A provider that says what a test wants it to say, when it wants: OpenAI's chat completions as a stream.
import { createServer } from 'node:http';
import { freePort } from '../e2e/harness.mjs';

class Turn {
  constructor(body, res) {
    this.body = body;
    this.res = res;
    const last = body.messages.at(-1);
    this.after = last.role === 'tool' ? last.content : null; // what the last tool answered
    const mine = body.messages.findLast((m) => m.role === 'user');
    this.step = body.messages.slice(body.messages.lastIndexOf(mine)).filter((m) => m.role === 'tool').length; // tools that answered since
    this.prompt = typeof mine?.content === 'string' ? mine.content : (mine?.content ?? []).map((p) => p.text ?? '').join('');
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    this.chunk({ role: 'assistant', content: '' });
  }
  send(choices, more = {}) {
    this.res.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: this.body.model, choices, ...more })}\n\n`);
  }
  chunk(delta, finish = null) {
    this.send([{ index: 0, delta, finish_reason: finish }]);
  }
  text(content) {
    this.chunk({ content });
  }
  tool(id, name, args) {
    this.called = true;
    this.chunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name, arguments: JSON.stringify(args) } }] });
  }
  end() {
    if (this.ended) return;
    this.ended = true;
    this.chunk({}, this.called ? 'tool_calls' : 'stop');
    this.send([], { usage: { prompt_tokens: 120, completion_tokens: 30, total_tokens: 150 } });
    this.res.end('data: [DONE]\n\n');
  }
}

export class Provider {
  waiting = new Map();
  signalled = new Set();
  answer = async (turn) => turn.text(`You said: ${turn.prompt}`);

  // A turn waits for what the test signals, whichever comes first.
  until = (name) => this.signalled.delete(name) ? Promise.resolve() : new Promise((done) => this.waiting.set(name, done));
  signal(name) {
    const go = this.waiting.get(name);
    if (!go) return this.signalled.add(name);
    this.waiting.delete(name);
    go();
  }
  async start() {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}/v1`;
    this.server = createServer(async (req, res) => {
      let text = '';
      for await (const piece of req) text += piece;
      if (!req.url.endsWith('/chat/completions')) return res.writeHead(404).end();
      const turn = new Turn(JSON.parse(text), res);
      await this.answer(turn);
      turn.end();
    });
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
  }
  stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}
