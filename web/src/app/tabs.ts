// What the tabs of one browser tell each other: a sign-out, another workspace. A tab that has fallen behind holds its
// writes back until it is loaded anew.
import { useSyncExternalStore } from 'react';
import { currentWorkspace } from '../api/client';
import { texts } from '../ui/text';

const t = texts({ out: 'You have signed out in another tab.', moved: 'Another tab has switched to another workspace.' });
type News = { type: 'signed-out' } | { type: 'workspace'; id: string };

let behind: string | null = null;
const listeners = new Set<() => void>();
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('opboxd');
channel?.addEventListener('message', (event: MessageEvent<News>) => {
  // Where the other one went, this one may be already.
  if (event.data.type === 'signed-out') behind = t('out');
  else if (behind !== t('out')) behind = event.data.id === currentWorkspace() ? null : t('moved');
  listeners.forEach((tell) => tell());
});

export const tellTabs = (news: News): void => channel?.postMessage(news);
export const whyBehind = (): string | null => behind;
export const useBehind = (): string | null => useSyncExternalStore((tell) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
}, whyBehind);
