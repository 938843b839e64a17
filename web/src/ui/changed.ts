// What the server has just changed, by the id of the record: whoever shows it marks it for two seconds.
import { useSyncExternalStore } from 'react';

const markedMs = 2000;
const marked = new Map<string, ReturnType<typeof setTimeout>>(), listeners = new Set<() => void>();
const tell = () => listeners.forEach((l) => l());
const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => listeners.delete(l);
};

export function markChanged(id: string): void {
  clearTimeout(marked.get(id));
  marked.set(id, setTimeout(() => {
    marked.delete(id);
    tell();
  }, markedMs));
  tell();
}
// For the attribute data-changed.
export function useChanged(id: string): true | undefined {
  return useSyncExternalStore(subscribe, () => marked.has(id)) || undefined;
}
