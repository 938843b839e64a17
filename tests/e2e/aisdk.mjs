// The AI SDK's own chat, as a front end drives it, on the cookies of a signed-in client: versions 6 and 7.
import * as seven from 'ai';
import * as six from 'ai6';
import { randomUUID } from 'node:crypto';

export const sdks = { 'AI SDK 6': six, 'AI SDK 7': seven };

// What useChat keeps, without React.
class State {
  status = 'ready';
  error = undefined;
  messages = [];
  pushMessage = (m) => (this.messages = [...this.messages, m]);
  popMessage = () => (this.messages = this.messages.slice(0, -1));
  replaceMessage = (i, m) => (this.messages = this.messages.with(i, m));
  snapshot = (value) => structuredClone(value);
}

export function chat(sdk, client, { id = 'chat-' + randomUUID(), messages = [], ...options } = {}) {
  const seen = { errors: [], data: [], finished: [], requests: [] };
  const fetchAs = (url, init = {}) => {
    const path = String(url).replace(client.base, '');
    seen.requests.push(`${init.method ?? 'GET'} ${path}`);
    return client.raw(path, init);
  };
  class Chat extends sdk.AbstractChat {
    constructor() {
      const state = new State();
      state.messages = messages;
      super({
        id, state, ...options,
        transport: new sdk.DefaultChatTransport({ api: client.base + '/api/ai/chat', fetch: fetchAs, headers: () => ({ 'x-csrf-token': client.csrf, origin: client.base }) }),
        onError: (e) => seen.errors.push(e),
        onData: (d) => seen.data.push(d),
        onFinish: (f) => seen.finished.push(f),
      });
    }
  }
  return Object.assign(new Chat(), { seen });
}

export const text = (message) => message.parts.filter((p) => p.type === 'text').map((p) => p.text).join('');
export const tools = (message) => message.parts.filter((p) => p.type.startsWith('tool-'));

// Reads a raw answer as SSE: [{event, id, data}].
export async function events(response, { until, onEvent } = {}) {
  const all = [];
  let buffer = '';
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    buffer += bytes;
    for (let cut; (cut = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(cut + 2)) {
      const e = { data: [] };
      for (const line of buffer.slice(0, cut).split('\n')) {
        if (line.startsWith('data: ')) e.data.push(line.slice(6));
        else if (line.startsWith('event: ')) e.event = line.slice(7);
        else if (line.startsWith('id: ')) e.id = line.slice(4);
      }
      if (!e.data.length) continue;
      e.data = e.data.join('\n');
      all.push(e);
      onEvent?.(e);
      if (until?.(e)) {
        await response.body.cancel?.().catch(() => {});
        return all;
      }
    }
  }
  return all;
}
export const parts = (list) => list.filter((e) => e.data !== '[DONE]').map((e) => JSON.parse(e.data));
// Text of a stream's answer, all parts of it.
export const said = (list) => parts(list).filter((p) => p.type === 'text-delta').map((p) => p.delta).join('');
