// What lies over the page comes when it is opened first, and stays, so that it can close as it should. What cannot come is
// said, and asked for again when it is opened again.
import { useEffect, useState, type ReactNode } from 'react';
import { texts } from '../ui/text';
import { notify } from '../ui/toast-store';
import { unlessReloading } from './version';

const t = texts({ failed: 'This part of the console could not be loaded. Is the server reachable?' });

interface Props<C> { opened: boolean; load: () => Promise<{ default: C }>; onFailed: () => void; children: (content: C) => ReactNode }

export function Late<C>({ opened, load, onFailed, children }: Props<C>) {
  const [content, setContent] = useState<{ it: C } | null>(null);
  useEffect(() => {
    if (!opened || content) return;
    let here = true;
    unlessReloading(load)().then((m) => here && setContent({ it: m.default }), () => {
      if (!here) return;
      notify({ kind: 'failed', text: t('failed') });
      onFailed();
    });
    return () => {
      here = false;
    };
  }, [opened, content, load, onFailed]);
  return content && children(content.it);
}
