// Is the server reached? The browser's word, and that of the requests themselves.
import { useSyncExternalStore } from 'react';

interface State { online: boolean; since: number }
let state: State = { online: navigator.onLine, since: Date.now() };
const listeners = new Set<() => void>();
function set(online: boolean): void {
  if (online === state.online) return;
  state = { online, since: Date.now() };
  listeners.forEach((tell) => tell());
}
addEventListener('online', () => set(true));
addEventListener('offline', () => set(false));
export const networkSaid = (reached: boolean): void => set(reached && navigator.onLine);
export const serverReached = (): boolean => state.online;
export const useNetwork = (): State => useSyncExternalStore((tell) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
}, () => state);
