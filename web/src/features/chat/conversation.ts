// One conversation beyond React: its line goes on when the page is left. Knows the history by pages, keeps a lost line
// coming back, holds one message that waits, and what was stopped here.
import { lastAssistantMessageIsCompleteWithToolCalls } from 'ai';
import { call } from '../../api/client';
import { fromStored, newChatLine, type ChatLine, type ChatMessage, type Refresh, type SendOptions } from '../../api/chat';
import { ApiError, isCode } from '../../api/errors';
import { joined, Unsent, type Note } from './notes';

export interface Shown {
  loaded: boolean;
  loadError: unknown;
  older: string | null; // cursor of the page above; null: there is none
  loadingOlder: boolean;
  lost: boolean; // the answer goes on at the server, the line is being made again
  waiting: Note | null; // written while an answer runs
  returned: Note | null; // what could not be sent goes back into its field
  error: unknown; // of the last send
  refused: boolean; // it did not go out: nothing of an answer came
  stopping: boolean;
  stopped: ReadonlySet<string>;
  asked: string | null; // the question that was asked here last: its answer grows below it
}
const page = 50;
const waitsS = [1, 2, 4, 8, 16, 30];
const asking = new Set(['tool-ask_question', 'tool-ask_confirmation']);

export class Conversation {
  readonly line: ChatLine;
  shown: Shown;
  private onRefresh: (refresh: Refresh) => void = () => {};
  private onDone: () => void = () => {};
  private listeners = new Set<() => void>();
  private retries = 0;
  private clock: ReturnType<typeof setTimeout> | undefined;
  private finished = true;
  private options: SendOptions = {};
  private chosen: SendOptions = {}; // for the next message: the field may be made anew before it goes
  private readonly unsent: Unsent;
  private reading: Promise<boolean> | undefined; // begun before the page was there: for its first load, which waits for it

  constructor(readonly id: string, readonly isNew: boolean) {
    this.shown = { loaded: isNew, loadError: null, older: null, loadingOlder: false, lost: false, waiting: null, returned: null, error: null, refused: false, stopping: false, stopped: new Set(), asked: null };
    this.line = newChatLine({
      id,
      onData: (part) => {
        if (part.type === 'data-refresh') this.onRefresh(part.data as Refresh);
      },
      // Answers to questions go on by themselves; nothing else does.
      sendAutomaticallyWhen: ({ messages }) => {
        const last = messages.at(-1)?.parts.filter((p) => p.type.startsWith('tool-')).at(-1);
        return !!last && asking.has(last.type) && lastAssistantMessageIsCompleteWithToolCalls({ messages });
      },
      onFinish: ({ isAbort, isDisconnect, isError, finishReason }) => {
        this.finished = true;
        if (isAbort) return;
        // An end without a word of its end is a lost line, not a short answer.
        if (isDisconnect || (!isError && finishReason === undefined)) this.lose();
        else if (!isError) queueMicrotask(() => this.goOn());
        // Where the server was not reached, whether an answer runs is found out first.
        else if (!isCode(this.line.error, 'NETWORK')) this.unsent.handBack();
        if (!isError && finishReason !== undefined) this.unsent.begun();
        this.onDone();
      },
    });
    this.unsent = new Unsent(id, () => this.slot, () => this.set({ waiting: this.unsent.waiting, returned: this.unsent.returned }));
  }

  // Where drafts are kept: a thread that the server has not begun has no address to come back to.
  get slot(): string {
    return this.isNew && !this.line.messages.some((m) => m.role === 'assistant') ? 'new' : this.id;
  }

  // What was left here before this page was loaded: once it is known whose page it is.
  takeUp = (): void => this.unsent.begin(this.isNew);
  listen(on: { refresh: (refresh: Refresh) => void; done: () => void }): void {
    this.onRefresh = on.refresh;
    this.onDone = on.done;
  }
  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  snapshot = () => this.shown;
  private set(change: Partial<Shown>): void {
    this.shown = { ...this.shown, ...change };
    this.listeners.forEach((tell) => tell());
  }
  get busy(): boolean {
    return this.line.status === 'submitted' || this.line.status === 'streaming' || this.shown.lost;
  }

  // ---- history ----
  private async rows(before?: string): Promise<{ messages: ChatMessage[]; cursor: string | null }> {
    const answer = await call('list_chat_messages', { id: this.id, limit: page, ...(before ? { before } : {}) });
    const messages = answer.messages.map((m) => fromStored(m));
    const at = (m: ChatMessage | undefined) => m?.metadata?.createdAt ?? '';
    // Oldest first, whichever way the server counts.
    if (at(messages[0]) > at(messages.at(-1))) messages.reverse();
    return { messages, cursor: answer.pagination.hasMore ? (answer.pagination.nextCursor ?? null) : null };
  }

  private async newest(): Promise<void> {
    const { messages, cursor } = await this.rows();
    this.line.messages = messages;
    this.set({ loaded: true, loadError: null, older: cursor });
  }

  // Before the page is there that will load it; what fails is tried again by the page, which can say so.
  async readAhead(): Promise<void> {
    if (this.busy || this.shown.loaded) return;
    this.reading = this.newest().then(() => true, () => false);
    await this.reading;
  }

  async load(): Promise<void> {
    // What runs here is newer than any row.
    if (this.busy || (this.isNew && !this.line.messages.length)) return;
    try {
      const read = await this.reading;
      this.reading = undefined;
      if (!read) await this.newest();
      this.unsent.recall(this.line.messages);
      await this.resume();
    } catch (error) {
      this.set({ loadError: error });
    }
  }

  async older(): Promise<void> {
    const before = this.shown.older;
    if (!before || this.shown.loadingOlder) return;
    this.set({ loadingOlder: true });
    try {
      const { messages, cursor } = await this.rows(before);
      const known = new Set(this.line.messages.map((m) => m.id));
      const fresh = messages.filter((m) => !known.has(m.id));
      this.line.messages = [...fresh, ...this.line.messages];
      this.set({ loadingOlder: false, older: fresh.length ? cursor : null });
    } catch {
      // The way up is asked for again by the next scroll.
      this.set({ loadingOlder: false });
    }
  }

  // ---- the line ----

  // Takes up an answer that runs at the server; nothing runs: nothing happens, or, after a loss, the end is read from the rows.
  async resume(): Promise<void> {
    if (this.line.status === 'submitted' || this.line.status === 'streaming') return;
    const lost = this.shown.lost;
    this.finished = false;
    await this.line.resumeStream();
    if (this.line.status === 'error') return this.unreached(this.line.error);
    // Still lost: nothing ran any more, what came meanwhile stands in the rows.
    if (this.shown.lost && !this.finished) {
      const failed = await this.readEnd().then(() => null, (error: unknown) => ({ error }));
      if (failed) return this.unreached(failed.error);
    }
    this.retries = 0;
    if (this.shown.lost) this.set({ lost: false });
    // What waits for an answer that ended while nobody was here is its writer's to send.
    if (lost || this.finished) this.goOn();
    else this.unsent.handBack();
  }

  private async readEnd(): Promise<void> {
    const { messages } = await this.rows();
    const kept = this.line.messages.filter((m) => !messages.some((fresh) => fresh.id === m.id));
    const from = kept.findIndex((m) => m.id === this.line.messages[0]?.id);
    this.line.messages = [...(from >= 0 ? kept : []), ...messages];
  }

  // The answer streams again.
  found(): void {
    this.retries = 0;
    if (this.shown.lost) this.set({ lost: false });
    this.unsent.begun();
  }

  // A refusal ends the waiting; everything else is tried again.
  private unreached(error: unknown): void {
    const refusal = error instanceof ApiError ? error : null;
    if (!refusal || refusal.code === 'NETWORK' || refusal.status === 429 || refusal.status >= 500) return this.lose(refusal?.retryAfterS);
    this.set({ lost: false, error });
    this.unsent.handBack();
  }

  private lose(afterS?: number | null): void {
    clearTimeout(this.clock);
    this.set({ lost: true });
    const wait = Math.max(afterS ?? 0, waitsS[Math.min(this.retries++, waitsS.length - 1)]!) * 1000;
    this.clock = setTimeout(() => void this.resume(), wait);
  }

  // The page is seen again, or the network is back.
  wake(): void {
    if (!this.shown.loaded) return;
    if (this.shown.lost) {
      clearTimeout(this.clock);
      this.retries = 0;
    }
    void this.resume();
  }

  // ---- deeds ----
  // While an answer runs, it waits for its end; a second one joins what waits.
  async send(text: string, options: SendOptions = {}): Promise<void> {
    const note = { id: this.line.generateId(), text, options };
    if (this.busy) this.unsent.wait(joined(this.unsent.waiting, note));
    else await this.out(note);
  }

  private async out(note: Note): Promise<void> {
    this.options = note.options;
    this.finished = false;
    this.unsent.goes(note);
    this.set({ error: null, refused: false, asked: note.id });
    const before = this.line.messages;
    await this.line.sendMessage({ id: note.id, role: 'user', parts: [{ type: 'text', text: note.text }], metadata: { createdAt: new Date().toISOString() } }, { body: note.options });
    await this.sent(note, before);
  }

  // What became of it: the draft goes when the server has begun; a refusal puts the message back.
  private async sent(note: Note, before: ChatMessage[]): Promise<void> {
    const error = this.line.status === 'error' ? this.line.error : undefined;
    const begun = () => this.line.messages.length > before.length + 1;
    if (!error || begun()) {
      if (error && !this.shown.lost) this.set({ error });
      return this.goOn();
    }
    // It may have arrived: whether an answer runs is the server's to say.
    if (isCode(error, 'NETWORK')) {
      await this.line.resumeStream();
      if (this.line.status !== 'error' && begun()) return this.goOn();
    }
    this.line.messages = before;
    this.line.clearError();
    this.unsent.handBack();
    this.unsent.giveBack(note);
    this.set({ error, refused: true });
  }

  // What waits goes out when nothing runs any more, with what was chosen when it was written.
  private goOn(): void {
    if (this.slot !== 'new') this.unsent.begun();
    if (this.busy || this.shown.stopping || this.line.status === 'error') return;
    const next = this.unsent.next();
    if (next) void this.out(next);
  }
  choices = (now?: SendOptions): SendOptions => (this.chosen = now ?? this.chosen);
  dropWaiting = (): void => this.unsent.wait(null);
  tookBack = (): void => this.unsent.tookBack();

  async stop(): Promise<void> {
    this.set({ stopping: true });
    const last = this.line.messages.at(-1);
    try {
      await call('stop_chat', { id: this.id });
      clearTimeout(this.clock);
      await this.line.stop();
      const stopped = new Set(this.shown.stopped);
      if (last?.role === 'assistant') stopped.add(last.id);
      this.unsent.handBack();
      this.set({ stopping: false, lost: false, stopped });
    } catch (error) {
      this.set({ stopping: false, error });
      this.goOn();
    }
    this.onDone();
  }

  async again(messageId?: string): Promise<void> {
    this.finished = false;
    this.set({ error: null, refused: false });
    await this.line.regenerate({ ...(messageId ? { messageId } : {}), body: this.options });
    if (this.line.status === 'error' && !this.shown.lost) this.set({ error: this.line.error });
    this.goOn();
  }

  answer(tool: string, toolCallId: string, output: unknown): void {
    this.finished = false;
    void this.line.addToolOutput({ tool: tool as never, toolCallId, output: output as never });
  }
}

// Open conversations by thread; the quiet ones that were not seen for long are let go.
const open = new Map<string, Conversation>();
const most = 8;
export function conversation(id: string, isNew = false): Conversation {
  const known = open.get(id);
  if (known) return known;
  const made = new Conversation(id, isNew);
  open.set(id, made);
  for (const [key, old] of open) if (open.size > most && !old.busy && key !== id) open.delete(key);
  return made;
}
export function closeConversation(id: string): void {
  open.delete(id);
}
export const newThreadId = (): string => crypto.randomUUID().replace(/-/g, '');
