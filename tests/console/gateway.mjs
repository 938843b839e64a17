// Providers and gateways of all kinds on one port: they take the keys that they are told to take, list models, and answer
// one question. `answer` stands in for all of it.
import { createServer } from 'node:http';
import { freePort } from '../e2e/harness.mjs';

export class Gateway {
  keys = null; // which are taken; null: all
  answer = null; // (request, response)
  asked = []; // { method, url, key }
  models = [{ id: 'claude-sonnet-4-5-20250929', display_name: 'Claude Sonnet 4.5' }, { id: 'house-model-7', display_name: 'House model' }];

  async start() {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    this.server = createServer((rq, rs) => {
      rq.resume().on('end', () => {
        const key = rq.headers['x-api-key'] ?? rq.headers.authorization?.replace('Bearer ', '');
        this.asked.push({ method: rq.method, url: rq.url, key });
        if (this.answer) return this.answer(rq, rs);
        if (this.keys && !this.keys.includes(key)) return json(rs, 401, { error: { message: 'that key is not welcome' } });
        return json(rs, 200, { data: this.models, choices: [{ message: { role: 'assistant', content: 'pong' } }] });
      });
    });
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    return this;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export function json(rs, status, body) {
  rs.writeHead(status, { 'content-type': 'application/json' });
  rs.end(JSON.stringify(body));
}
export function html(rs, status, body) {
  rs.writeHead(status, { 'content-type': 'text/html' });
  rs.end(body);
}
