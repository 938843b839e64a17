// What was typed for a thread and has not gone out: the message that waits for the end of an answer, and the one that
// nobody has begun to answer. Kept on this device with what was chosen for it. A new thread keeps them under 'new', where
// a page that is loaded anew looks, until the server has begun.
import type { SendOptions } from '../../api/chat';
import { draft, keepDraft } from '../../ui/drafts';

export interface Note { id: string; text: string; options: SendOptions }
type Kind = 'sent' | 'waiting';
interface Row { id: string; role: string; parts: { type: string; text?: string }[] }
const most = 10; // references of a message

export function noteOf(slot: string, kind: Kind): Note | null {
  const kept = draft(`${slot}.${kind}`);
  if (!kept) return null;
  try {
    const note = JSON.parse(kept) as Partial<Note>;
    if (typeof note.text === 'string' && typeof note.id === 'string') return { id: note.id, text: note.text, options: note.options ?? {} };
  } catch {
    // Not as it is written here: a text alone.
  }
  return { id: '', text: kept, options: {} };
}

// Whether it is kept: a full or forbidden storage keeps nothing.
export function keepNote(slot: string, kind: Kind, note: Note | null): boolean {
  keepDraft(`${slot}.${kind}`, note ? JSON.stringify(note) : '');
  return note !== null && noteOf(slot, kind)?.id === note.id;
}

// Two that come back into one field. Plan mode is the careful one of the two.
export function joined(first: Note | null, second: Note): Note {
  if (!first) return second;
  const known = first.options.references ?? [], more = (second.options.references ?? []).filter((r) => !known.some((k) => k.id === r.id));
  const references = [...known, ...more].slice(0, most), options = { ...first.options, ...second.options };
  if (first.options.planMode) options.planMode = true;
  return { id: second.id, text: `${first.text}\n${second.text}`, options: { ...options, ...(references.length ? { references } : {}) } };
}

// Written since this page was loaded and still on its way: no draft for another conversation to take up.
const underWay = new Set<string>();

// What of a conversation has not gone out. `slot` is where its drafts are kept now; `tell` shows what has changed.
export class Unsent {
  waiting: Note | null = null;
  returned: Note | null = null; // what could not be sent, until it stands in the field
  private asked = '';
  private taken = false;
  private kept = false; // the waiting message is on this device

  constructor(private readonly id: string, private readonly slot: () => string, private readonly tell: () => void) {}

  // Of a page that was here before.
  begin(isNew: boolean): void {
    if (this.taken) return;
    this.taken = true;
    const of = (kind: Kind) => {
      const note = noteOf(isNew ? 'new' : this.id, kind);
      return note && underWay.has(note.id) ? null : note;
    };
    const sent = of('sent');
    this.waiting = of('waiting');
    this.kept = this.waiting !== null;
    if (this.waiting) this.tell();
    if (!isNew) return; // a thread that the server knows: its rows say whether the message has arrived
    this.handBack();
    if (sent) this.giveBack(sent);
  }
  // A message that is not among the rows has not arrived.
  recall(rows: Row[]): void {
    const sent = noteOf(this.id, 'sent'), last = rows.findLast((m) => m.role === 'user');
    if (!sent || this.returned || underWay.has(sent.id)) return;
    if (last && (last.id === sent.id || last.parts.some((p) => p.type === 'text' && p.text === sent.text))) keepNote(this.id, 'sent', null);
    else this.giveBack(sent);
  }

  wait(note: Note | null): void {
    if (!note && !this.waiting) return;
    if (note) underWay.add(note.id);
    this.waiting = note;
    this.kept = keepNote(this.slot(), 'waiting', note);
    this.tell();
  }
  // What waits and may go out now.
  next(): Note | null {
    const note = this.waiting;
    if (!note || !this.kept || noteOf(this.slot(), 'waiting')?.id === note.id) return note;
    // Another tab of this thread has sent it, or taken it back.
    this.waiting = null;
    this.tell();
    return null;
  }
  goes(note: Note): void {
    underWay.add(note.id);
    this.asked = note.id;
    keepNote(this.slot(), 'sent', note);
    this.wait(null);
  }
  // The server has begun: what was sent is no draft any more, and what waits has an address.
  begun(): void {
    for (const slot of this.asked ? ['new', this.id] : []) if (noteOf(slot, 'sent')?.id === this.asked) keepNote(slot, 'sent', null);
    if (!this.waiting || this.slot() === 'new' || noteOf('new', 'waiting')?.id !== this.waiting.id) return;
    keepNote('new', 'waiting', null);
    this.kept = keepNote(this.slot(), 'waiting', this.waiting);
  }

  giveBack(note: Note): void {
    underWay.delete(note.id);
    this.asked = '';
    this.returned = this.returned ? joined(note, this.returned) : note;
    keepNote(this.slot(), 'sent', this.returned);
    this.tell();
  }
  handBack(): void {
    if (!this.waiting) return;
    this.giveBack(this.waiting);
    this.wait(null);
  }
  tookBack(): void {
    keepNote(this.slot(), 'sent', null);
    this.returned = null;
    this.tell();
  }
}
