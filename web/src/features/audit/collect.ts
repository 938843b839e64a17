// What fits a filter as one file: page after page, with progress and a way to stop.
import { useEffect, useRef, useState } from 'react';
import { call } from '../../api/client';
import { ApiError } from '../../api/errors';
import type { In, Operation, Out } from '../../api/operations';
import { save } from '../../ui/save';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';

export const most = 10_000;
const t = texts({
  done: { one: '{n} entry was saved.', other: '{n} entries were saved.' }, cut: { one: 'The first {n} entry was saved: there are more. Choose a shorter time.', other: 'The first {n} entries were saved: there are more. Choose a shorter time.' },
  failed: 'The file was not made: {why}',
});
interface Page { pagination: { hasMore: boolean; nextCursor?: string | null } }
export interface Pages<T> { name: Operation; input: Record<string, unknown>; rows: (page: never) => T[] }

export function write(file: string, filters: object, entries: unknown[], complete: boolean, more: object = {}): void {
  const text = JSON.stringify({ exportedAt: new Date().toISOString(), filters, complete, ...more, entries }, null, 1);
  save(new Blob([text], { type: 'application/json' }), `${file}-${new Date().toISOString().slice(0, 10)}.json`);
  notify({ kind: 'done', text: t(complete ? 'done' : 'cut', { n: entries.length }) });
}

const pause = (seconds: number, signal: AbortSignal): Promise<void> => new Promise((done) => {
  const clock = setTimeout(done, seconds * 1000);
  signal.addEventListener('abort', () => { clearTimeout(clock); done(); });
});

export function useCollect() {
  const [loaded, setLoaded] = useState<number | null>(null), stopper = useRef<AbortController | null>(null);
  useEffect(() => () => stopper.current?.abort(), []);
  const all = async <N extends Operation, T>(name: N, input: In<N>, rows: (page: Out<N>) => T[]): Promise<{ entries: T[]; complete: boolean } | null> => {
    const stop = new AbortController(), entries: T[] = [];
    stopper.current = stop;
    setLoaded(0);
    try {
      for (let cursor: string | null | undefined = ''; ;) {
        let page: Out<N>;
        try {
          page = await call(name, { ...(input as object), limit: 100, ...(cursor ? { cursor } : {}) } as In<N>, { signal: stop.signal });
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 429) throw error;
          await pause(error.retryAfterS ?? 5, stop.signal);
          if (stop.signal.aborted) return null;
          continue;
        }
        entries.push(...rows(page));
        setLoaded(entries.length);
        const { hasMore, nextCursor } = (page as Page).pagination;
        if (!hasMore || entries.length >= most) return { entries, complete: !hasMore };
        cursor = nextCursor;
      }
    } catch (error) {
      if (!stop.signal.aborted) notify({ kind: 'failed', text: t('failed', { why: error instanceof Error ? error.message : String(error) }) });
      return null;
    } finally {
      setLoaded(null);
    }
  };
  return { loaded, stop: () => stopper.current?.abort(), all };
}
