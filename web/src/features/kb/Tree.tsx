// Folders and pages as a tree of the ARIA guide: one stop for Tab, arrows inside, levels loaded as they are opened.
import { IconChevronRight, IconFileText, IconFileTypeDocx, IconFolder } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { call } from '../../api/client';
import type { Out } from '../../api/operations';
import { keyOf, useCall } from '../../api/query';
import { useChanged } from '../../ui/changed';
import { Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Tree.module.css';

const t = texts({ tree: 'Pages', empty: 'Nothing here yet.', more: 'There is more on this level; use the search above.' });
type TreeNode = Out<'get_document_tree'>['nodes'][number];
const icons = { FOLDER: IconFolder, PAGE: IconFileText, DOCX: IconFileTypeDocx };

interface State { current: string | null; open: Set<string>; toggle: (id: string, to: boolean) => void; choose: (id: string) => void; focused: string | null }

function Level({ parentId, level, state }: { parentId: string | null; level: number; state: State }) {
  const query = useCall('get_document_tree', parentId ? { parentId, limit: 100 } : { limit: 100 });
  return (
    <Loaded query={query} rows={level === 1 ? 5 : 1}>
      {(data) => (
        <>
          {data.nodes.map((node, i) => <Item key={node.id} node={node} level={level} at={i + 1} of={data.nodes.length} state={state} />)}
          {data.pagination.hasMore && <div role="treeitem" aria-level={level} aria-disabled aria-selected={false} className={css.note}>{t('more')}</div>}
        </>
      )}
    </Loaded>
  );
}

function Item({ node, level, at, of, state }: { node: TreeNode; level: number; at: number; of: number; state: State }) {
  const open = state.open.has(node.id), changed = useChanged(node.id), Icon = icons[node.kind as keyof typeof icons] ?? IconFileText;
  return (
    <div role="none">
      <div role="treeitem" aria-level={level} aria-posinset={at} aria-setsize={of} aria-selected={state.current === node.id} {...(node.hasChildren ? { 'aria-expanded': open } : {})}
        tabIndex={state.focused === node.id || (state.focused === null && level === 1 && at === 1) ? 0 : -1} data-id={node.id} data-changed={changed} className={css.item} style={{ paddingInlineStart: 4 + (level - 1) * 16 }}
        onClick={() => { if (node.hasChildren) state.toggle(node.id, node.kind === 'FOLDER' && state.current !== node.id ? true : !open); state.choose(node.id); }}>
        <IconChevronRight size={14} aria-hidden className={css.chevron} data-open={open || undefined} data-none={!node.hasChildren || undefined} />
        <Icon size={16} aria-hidden /><span dir="auto">{node.title}</span>
      </div>
      {open && <div role="group"><Level parentId={node.id} level={level + 1} state={state} /></div>}
    </div>
  );
}

const deepest = 16;
// The folders above the open page are open.
function useWayTo(current: string | null, openAll: (ids: string[]) => void): void {
  const client = useQueryClient();
  useEffect(() => {
    let left = false;
    const climb = async () => {
      const way: string[] = [];
      for (let id = current; id && way.length < deepest;) {
        const input = { id };
        const { document } = await client.fetchQuery({ queryKey: keyOf('get_document', input), queryFn: () => call('get_document', input), staleTime: 60_000 });
        id = document.parentId ?? null;
        if (id) way.push(id);
      }
      if (!left && way.length) openAll(way);
    };
    // A page that cannot be read says so itself.
    climb().catch(() => {});
    return () => {
      left = true;
    };
    // openAll is a new function each time and means the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [current, client]);
}

export function Tree({ current }: { current: string | null }) {
  const [open, setOpen] = useState(() => new Set<string>());
  const [focused, setFocused] = useState<string | null>(current);
  const box = useRef<HTMLDivElement>(null), navigate = useNavigate();
  useWayTo(current, (ids) => setOpen((now) => new Set([...now, ...ids])));
  const toggle = (id: string, to: boolean) => setOpen((now) => {
    const next = new Set(now);
    if (to) next.add(id);
    else next.delete(id);
    return next;
  });
  const choose = (id: string) => {
    setFocused(id);
    void navigate({ to: '/kb/$docId', params: { docId: id } as never });
  };
  const focus = (item: Element | null | undefined) => {
    if (!(item instanceof HTMLElement)) return;
    setFocused(item.dataset.id ?? null);
    item.focus();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const items = [...(box.current?.querySelectorAll<HTMLElement>('[role=treeitem]') ?? [])];
    const at = items.indexOf(event.target as HTMLElement), item = items[at];
    if (!item) return;
    const expanded = item.getAttribute('aria-expanded'), id = item.dataset.id ?? '';
    const rtl = document.documentElement.dir === 'rtl';
    const key = rtl && event.key === 'ArrowLeft' ? 'ArrowRight' : rtl && event.key === 'ArrowRight' ? 'ArrowLeft' : event.key;
    const parent = () => items.slice(0, at).reverse().find((i) => Number(i.ariaLevel) < Number(item.ariaLevel));
    const acts: Record<string, () => void> = {
      ArrowDown: () => focus(items[at + 1]), ArrowUp: () => focus(items[at - 1]), Home: () => focus(items[0]), End: () => focus(items.at(-1)),
      ArrowRight: () => (expanded === 'false' ? toggle(id, true) : expanded === 'true' ? focus(items[at + 1]) : undefined),
      ArrowLeft: () => (expanded === 'true' ? toggle(id, false) : focus(parent())),
      Enter: () => choose(id), ' ': () => choose(id),
    };
    const act = acts[key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const top = useCall('get_document_tree', { limit: 100 });
  if (!top.data) return <Loaded query={top} rows={5}>{() => null}</Loaded>;
  if (!top.data.nodes.length) return <p className={css.note}>{t('empty')}</p>;
  return (
    <div role="tree" aria-label={t('tree')} ref={box} onKeyDown={onKey} className={css.tree}>
      <Level parentId={null} level={1} state={{ current, open, toggle, choose, focused }} />
    </div>
  );
}
