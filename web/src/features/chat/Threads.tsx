import { ActionIcon, Button, Menu, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArchive, IconArchiveOff, IconDots, IconPencil, IconPlus, IconSearch, IconTrash } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Out } from '../../api/operations';
import { useDeed, useList } from '../../api/query';
import { Confirm, type Question } from '../../ui/Confirm';
import { dayOf } from '../../ui/format';
import { Empty, ErrorPanel, Loading, NothingMatches } from '../../ui/states';
import { texts } from '../../ui/text';
import { tip } from '../../ui/tip';
import { notify } from '../../ui/toast-store';
import { closeConversation } from './conversation';
import css from './Threads.module.css';

const t = texts({
  title: 'Chats', create: 'New chat', find: 'Search chats', today: 'Today', yesterday: 'Yesterday', archived: 'Archived', showArchived: 'Archived chats', showOpen: 'Open chats', none: 'No chats yet.', noArchived: 'Nothing is archived.', nothing: 'No chat fits “{q}”.', more: 'Show more', untitled: 'Untitled',
  menu: 'More about {name}', rename: 'Rename', archive: 'Archive', restore: 'Take out of the archive', remove: 'Delete', removeTitle: 'Delete this chat?', removeBody: '“{name}” and all its messages are gone for good.', keep: 'Keep', archivedNow: '“{name}” was archived.', restoredNow: '“{name}” is back.', renamedNow: 'Renamed to “{name}”.', name: 'Name', failed: 'That did not work: {why}',
});

function dayName(day: string): string {
  const now = Date.now();
  if (day === dayOf(new Date(now).toISOString())) return t('today');
  if (day === dayOf(new Date(now - 86_400_000).toISOString())) return t('yesterday');
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}
type Thread = Out<'list_chats'>['chats'][number];
const byDay = (threads: Thread[]): [string, Thread[]][] => {
  const groups = new Map<string, Thread[]>();
  for (const thread of threads) {
    const day = dayOf(thread.lastMessageAt ?? thread.updatedAt ?? new Date().toISOString());
    groups.set(day, [...(groups.get(day) ?? []), thread]);
  }
  return [...groups];
};

// In its place in the list: Enter and leaving keep it, Escape does not.
function Rename({ name, onDone }: { name: string; onDone: (title: string | null) => void }) {
  const [title, setTitle] = useState(name), field = useRef<HTMLInputElement>(null), over = useRef(false);
  useEffect(() => field.current?.select(), []);
  const end = (kept: boolean) => {
    if (over.current) return;
    over.current = true;
    onDone(kept && title.trim() && title.trim() !== name ? title.trim() : null);
  };
  return <input ref={field} className={css.rename} aria-label={t('name')} value={title} maxLength={120} dir="auto" onChange={(e) => setTitle(e.currentTarget.value)} onBlur={() => end(true)}
    onKeyDown={(e) => { if (e.key === 'Enter' || e.key === 'Escape') { e.preventDefault(); e.stopPropagation(); end(e.key === 'Enter'); } }} />;
}

export function Threads({ current, onGone }: { current: string | null; onGone: () => void }) {
  const [archived, setArchived] = useState(false), [typed, setTyped] = useState('');
  const [q] = useDebouncedValue(typed.trim(), 250);
  const [question, ask] = useState<Question | null>(null);
  const [renamed, setRenamed] = useState<string | null>(null), [fresh, setFresh] = useState<{ id: string; title: string } | null>(null); // shown before the server has it
  const box = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const list = useList('list_chats', { archived, limit: 50, ...(q ? { search: q } : {}) }, (page) => page.chats as Thread[]);
  const update = useDeed('update_chat', ['list_chats', 'get_chat']), remove = useDeed('delete_chat', ['list_chats']);
  const groups = useMemo(() => byDay(list.rows), [list.rows]);
  const nameOf = (thread: Thread) => (fresh?.id === thread.id ? fresh.title : thread.title) || t('untitled');
  const rename = (thread: Thread, title: string | null) => {
    setRenamed(null);
    // Where it was renamed, the keyboard goes on.
    requestAnimationFrame(() => { if (!document.activeElement || document.activeElement === document.body) box.current?.querySelector<HTMLElement>(`[data-thread="${CSS.escape(thread.id)}"] a`)?.focus(); });
    if (!title) return;
    setFresh({ id: thread.id, title });
    update.mutate({ id: thread.id, title }, {
      onSuccess: () => notify({ kind: 'done', text: t('renamedNow', { name: title }), undo: () => update.mutateAsync({ id: thread.id, title: thread.title }) }),
      onError: (e) => notify({ kind: 'failed', text: t('failed', { why: e.message }) }),
      onSettled: () => setFresh(null),
    });
  };
  const setAway = (thread: Thread, away: boolean) => update.mutate({ id: thread.id, archived: away }, {
    onSuccess: () => notify({ kind: 'done', text: t(away ? 'archivedNow' : 'restoredNow', { name: nameOf(thread) }), undo: () => update.mutateAsync({ id: thread.id, archived: !away }) }),
    onError: (e) => notify({ kind: 'failed', text: t('failed', { why: e.message }) }),
  });
  const drop = (thread: Thread) => ask({
    title: t('removeTitle'), body: <p dir="auto">{t('removeBody', { name: nameOf(thread) })}</p>, verb: t('remove'), keep: t('keep'),
    run: async () => {
      await remove.mutateAsync({ id: thread.id });
      closeConversation(thread.id);
      if (thread.id === current) onGone();
    },
  });
  return (
    <>
      <div className={css.head}>
        <TextInput className={css.find} type="search" aria-label={t('find')} placeholder={t('find')} leftSection={<IconSearch size={16} aria-hidden />} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} dir="auto" maxLength={200} />
        <ActionIcon variant="default" size={36} aria-label={t('create')} onClick={() => void navigate({ to: '/chat', search: {} as never })} {...tip(t('create'))}><IconPlus size={18} /></ActionIcon>
      </div>
      <div ref={box} className={css.list}>
        {list.error ? <ErrorPanel error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={6} />
          : !list.rows.length ? (q ? <NothingMatches title={t('nothing', { q })} onClear={() => setTyped('')} /> : <Empty title={archived ? t('noArchived') : t('none')} />)
            : groups.map(([day, threads]) => (
              <section key={day} aria-label={dayName(day)}>
                <h2 className={css.day}>{dayName(day)}</h2>
                <ul>
                  {threads.map((thread) => (
                    <li key={thread.id} data-thread={thread.id} data-current={thread.id === current || undefined}>
                      {renamed === thread.id ? <Rename name={nameOf(thread)} onDone={(title) => rename(thread, title)} /> : <Link to="/chat/$threadId" params={{ threadId: thread.id } as never} aria-current={thread.id === current ? 'page' : undefined}><span dir="auto">{nameOf(thread)}</span></Link>}
                      <Menu returnFocus={renamed !== thread.id} position="bottom-end">
                        <Menu.Target><ActionIcon className={css.dots} variant="subtle" color="gray" aria-label={t('menu', { name: nameOf(thread) })}><IconDots size={16} /></ActionIcon></Menu.Target>
                        <Menu.Dropdown>
                          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setRenamed(thread.id)}>{t('rename')}</Menu.Item>
                          <Menu.Item leftSection={thread.archived ? <IconArchiveOff size={16} aria-hidden /> : <IconArchive size={16} aria-hidden />} onClick={() => setAway(thread, !thread.archived)}>{t(thread.archived ? 'restore' : 'archive')}</Menu.Item>
                          <Menu.Item color="danger" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => drop(thread)}>{t('remove')}</Menu.Item>
                        </Menu.Dropdown>
                      </Menu>
                    </li>
                  ))}
                </ul>
              </section>
            ))}
        {list.hasNextPage && <Button variant="default" fullWidth loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
      </div>
      <Button className={css.away} variant="subtle" color="gray" leftSection={<IconArchive size={16} aria-hidden />} onClick={() => setArchived(!archived)}>{archived ? t('showOpen') : t('showArchived')}</Button>
      <Confirm question={question} onClose={() => ask(null)} />
    </>
  );
}
