// A long list that loads by cursor, in the scroller of the page: only the rows in sight stand in the document. Rows are
// grids of the caller's class, so that a narrow page can set the same cells as a card.
import { Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { display } from './display';
import { ErrorPanel } from './states';
import { texts } from './text';
import css from './VirtualTable.module.css';

const t = texts({ loaded: { one: '{n} loaded', other: '{n} loaded' }, all: { one: '{n} in all', other: '{n} in all' }, more: 'Show more', further: 'Look further back', failed: 'The next rows could not be loaded.' });
const near = 10; // rows before the end that ask for the next page
const emptyPages = 4; // so many pages without a fitting row are gone through unasked

export interface Column<T> { key: string; head: string; cell: (row: T) => ReactNode; end?: boolean }
interface List<T> {
  rows: T[]; data: { pages: unknown[] } | undefined; error: Error | null;
  hasNextPage: boolean; isFetchingNextPage: boolean; isFetchNextPageError: boolean; fetchNextPage: () => unknown;
}
interface Props<T> { label: string; columns: Column<T>[]; list: List<T>; idOf: (row: T) => string; className: string; height: number; open?: string; note?: ReactNode }

// Where the list begins within the scroller: filters above it may wrap.
function useMargin(box: React.RefObject<HTMLDivElement | null>): number {
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const main = document.getElementById('main'), page = box.current?.parentElement?.parentElement;
    if (!main || !page) return;
    const measure = () => {
      if (box.current) setMargin(Math.round(box.current.getBoundingClientRect().top - main.getBoundingClientRect().top + main.scrollTop));
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(page);
    return () => watch.disconnect();
  }, [box]);
  return margin;
}

export function VirtualTable<T>({ label, columns, list, idOf, className, height, open, note }: Props<T>) {
  const box = useRef<HTMLDivElement>(null), asked = useRef(0);
  const margin = useMargin(box), { rows } = list;
  const virtual = useVirtualizer({
    count: rows.length, getScrollElement: () => document.getElementById('main'), estimateSize: () => height, overscan: 6, scrollMargin: margin,
    getItemKey: (i) => idOf(rows[i]!),
  });
  const items = virtual.getVirtualItems(), last = items.at(-1)?.index ?? -1, pages = list.data?.pages.length ?? 0;
  const waiting = list.hasNextPage && !list.isFetchingNextPage && !list.isFetchNextPageError;
  useEffect(() => {
    if (!waiting || last < rows.length - near) return;
    if (rows.length !== asked.current) asked.current = rows.length;
    else if (pages % emptyPages === 0) return;
    void list.fetchNextPage();
    // Once for each page that came.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [waiting, last, rows.length, pages]);
  const onKey = (event: KeyboardEvent) => {
    const letters = display().letters, step = event.key === 'ArrowDown' || (letters && event.key === 'j') ? 1 : event.key === 'ArrowUp' || (letters && event.key === 'k') ? -1 : 0;
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
    if (!step || !row || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = Number(row.dataset.index) + step;
    if (next < 0 || next >= rows.length) return;
    event.preventDefault();
    const link = () => box.current?.querySelector<HTMLElement>(`[data-index="${next}"] a`);
    link()?.focus({ preventScroll: true });
    virtual.scrollToIndex(next, { align: 'auto' });
    if (!link()) requestAnimationFrame(() => link()?.focus({ preventScroll: true }));
  };
  const known = list.hasNextPage ? -1 : rows.length + 1;
  return (
    <div className={css.table}>
      <div role="table" aria-label={label} aria-rowcount={known} onKeyDown={onKey}>
        <div role="rowgroup" className={css.head}>
          <div role="row" aria-rowindex={1} className={className}>{columns.map((c) => <div key={c.key} role="columnheader" data-col={c.key} data-end={c.end || undefined}>{c.head}</div>)}</div>
        </div>
        <div ref={box} role="rowgroup" className={css.body} style={{ blockSize: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index]!, id = idOf(row);
            return (
              <div key={item.key} ref={virtual.measureElement} data-index={item.index} role="row" aria-rowindex={item.index + 2} data-open={id === open || undefined}
                className={`${css.row} ${className}`} style={{ transform: `translateY(${item.start - margin}px)` }}>
                {columns.map((c) => <div key={c.key} role="cell" data-col={c.key} data-end={c.end || undefined}>{c.cell(row)}</div>)}
              </div>
            );
          })}
        </div>
      </div>
      {list.isFetchNextPageError && <ErrorPanel error={list.error} what={t('failed')} retry={() => void list.fetchNextPage()} />}
      <p className={css.foot} role="status">
        <span>{list.hasNextPage ? t('loaded', { n: rows.length }) : t('all', { n: rows.length })}</span>{note && <span>{note}</span>}
        {list.hasNextPage && <Button variant="default" size="xs" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{rows.length ? t('more') : t('further')}</Button>}
      </p>
    </div>
  );
}
