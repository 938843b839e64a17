// The messages, virtualised. A new question goes to the top and its answer grows below; the view follows only while its
// end is seen; older pages come in above without moving the line that is read.
import { Button } from '@mantine/core';
import { IconArrowDown } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ChatMessage } from '../../api/chat';
import { texts } from '../../ui/text';
import type { Conversation, Shown } from './conversation';
import { Message } from './Message';
import css from './Transcript.module.css';

const t = texts({ log: 'Messages', latest: 'Jump to latest', unread: 'Jump to latest, there is something new', older: 'Loading older messages …', working: 'Working …' });
const edge = 4, padding = 16, estimate = 140, soonMs = 300;

interface Props {
  messages: ChatMessage[]; conversation: Conversation; shown: Shown; running: boolean; asked: string | null; error: boolean;
  onBranch: (id: string) => void; onEdit: (id: string, text: string) => void;
}

export function Transcript({ messages, conversation, shown, running, asked, error, onBranch, onEdit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true), [unread, setUnread] = useState(false);
  // While nothing has come yet, a row stands for the answer.
  const waits = running && messages.at(-1)?.role === 'user';
  const count = messages.length + (waits ? 1 : 0);
  // What is seen is drawn first, what scrolling will need soon after.
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    const clock = setTimeout(() => setDrawn(true), soonMs);
    return () => clearTimeout(clock);
  }, []);
  const virtual = useVirtualizer({
    count, getScrollElement: () => box.current, estimateSize: () => estimate, overscan: drawn ? 5 : 1,
    // It opens at its end: what stands above is not drawn first.
    initialRect: { width: innerWidth, height: innerHeight }, initialOffset: () => Math.max(0, count * estimate - innerHeight),
    getItemKey: (i) => messages[i]?.id ?? 'answer',
    anchorTo: 'end', followOnAppend: true, scrollEndThreshold: edge, paddingStart: padding, paddingEnd: padding,
  });
  // The answer to the last question fills the view below it, so that the question stands at the top.
  const question = asked ? messages.findLastIndex((m) => m.id === asked) : -1;
  const last = count - 1;
  const room = question >= 0 && last > question && box.current
    ? Math.max(0, box.current.clientHeight - (virtual.measurementsCache[question]?.size ?? 0) - 2 * padding) : 0;
  const ready = useRef(false);
  useLayoutEffect(() => {
    if (ready.current || !count) return;
    ready.current = true;
    virtual.scrollToEnd();
  }, [count, virtual]);
  useLayoutEffect(() => {
    if (asked && room) virtual.scrollToEnd();
    // When the question is asked, and when its room is known; never while the answer grows.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [asked, room > 0]);
  const length = JSON.stringify(messages.at(-1)?.parts.length) + count;
  useEffect(() => {
    if (!atEnd && running) setUnread(true);
  }, [length, atEnd, running]);
  const onScroll = useCallback(() => {
    const end = virtual.isAtEnd(edge + 20);
    setAtEnd(end);
    if (end) setUnread(false);
    if (box.current && box.current.scrollTop < 400 && shown.older) void conversation.older();
  }, [virtual, conversation, shown.older]);
  const onKey = (event: React.KeyboardEvent) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
    const all = [...(box.current?.querySelectorAll<HTMLElement>('[data-message]') ?? [])];
    const at = all.findIndex((m) => m.contains(document.activeElement));
    const next = event.key === 'ArrowUp' ? (at < 0 ? all.length - 1 : at - 1) : at + 1;
    event.preventDefault();
    all[next]?.focus();
    all[next]?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <div className={css.frame} onKeyDown={onKey}>
      <div ref={box} className={css.scroll} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={t('log')} aria-busy={running} data-scroller>
        {shown.loadingOlder && <p className={css.older} role="status">{t('older')}</p>}
        <div className={css.inner} style={{ blockSize: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const message = messages[item.index];
            return (
              <div key={item.key} data-index={item.index} ref={virtual.measureElement} className={css.row}
                style={{ transform: `translateY(${item.start}px)`, minBlockSize: item.index === last && room ? room : undefined }}>
                {message ? (
                  <Message message={message} conversation={conversation} last={item.index === messages.length - 1} running={running} stopped={shown.stopped.has(message.id)}
                    error={error && item.index === messages.length - 1} onBranch={onBranch} onEdit={onEdit} />
                ) : <p className={css.waiting}>{t('working')}</p>}
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && count > 0 && (
        <Button className={css.jump} size="compact-sm" variant="default" leftSection={<IconArrowDown size={14} aria-hidden />} data-unread={unread || undefined} onClick={() => virtual.scrollToEnd()}>
          {unread ? t('unread') : t('latest')}
        </Button>
      )}
    </div>
  );
}
