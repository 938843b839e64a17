// A line that can be cut: between the browser and the program, everything goes through. `cut` breaks the streams that are
// open, `down` refuses connections, `refuse` answers the next questions in the server's place.
import { createServer, request } from 'node:http';
import { freePort } from '../e2e/harness.mjs';

function refused(res, [status, code, text, headers = {}]) {
  res.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'c00000000000000000000test', ...headers });
  res.end(JSON.stringify({ success: false, error: text, code, details: {} }));
}

export class Line {
  streams = new Set();
  down = false;
  refuse = null; // [status, code, text, headers]
  refuses = null; // { path, answer as above, asked }: other requests that are answered in the server's place, counted
  asked = []; // bodies of POST /api/ai/chat

  async start(target) {
    this.target = target;
    this.base = `http://127.0.0.1:${await freePort()}`;
    this.server = createServer((req, res) => this.pass(req, res));
    await new Promise((done) => this.server.listen(Number(new URL(this.base).port), '127.0.0.1', done));
  }
  stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }
  cut() {
    for (const res of this.streams) res.socket?.destroy();
  }
  // A part that the server would have sent, in the streams that are open.
  tell(part) {
    for (const res of this.streams) res.write(`data: ${JSON.stringify(part)}\n\n`);
  }
  async pass(req, res) {
    if (this.down && req.url.startsWith('/api/')) return req.socket.destroy();
    const pieces = [];
    for await (const piece of req) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (req.method === 'POST' && req.url === '/api/ai/chat') {
      this.asked.push(JSON.parse(body));
      if (this.refuse) return refused(res, this.refuse);
    }
    if (this.refuses?.path.test(req.url)) {
      this.refuses.asked = (this.refuses.asked ?? 0) + 1;
      return refused(res, this.refuses.answer);
    }
    const on = request(this.target + req.url, { method: req.method, headers: req.headers }, (answer) => {
      if (/event-stream/.test(answer.headers['content-type'] ?? '')) {
        this.streams.add(res);
        res.on('close', () => this.streams.delete(res));
      }
      res.writeHead(answer.statusCode, answer.headers);
      res.flushHeaders();
      answer.on('error', () => res.destroy());
      answer.pipe(res);
    });
    on.on('error', () => res.destroy());
    res.on('close', () => on.destroy());
    on.end(body);
  }
}
