import { ActionIcon, Button, Menu, Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArchive, IconArchiveOff, IconDots, IconPencil, IconPlus, IconSearch, IconTrash } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
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
  menu: 'More about {name}', rename: 'Rename', archive: 'Archive', restore: 'Take out of the archive', remove: 'Delete', removeTitle: 'Delete this chat?', removeBody: '“{name}” and all its messages are gone for good.', keep: 'Keep', archivedNow: '“{name}” was archived.', restoredNow: '“{name}” is back.', name: 'Name', save: 'Save', cancel: 'Cancel', failed: 'That did not work: {why}',
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

function Rename({ thread, onClose }: { thread: Thread | null; onClose: () => void }) {
  const [title, setTitle] = useState(thread?.title ?? '');
  const rename = useDeed('update_chat', ['list_chats', 'get_chat']);
  const save = () => rename.mutate({ id: thread?.id ?? '', title: title.trim() }, { onSuccess: onClose, onError: (e) => notify({ kind: 'failed', text: t('failed', { why: e.message }) }) });
  return (
    <Modal opened={thread !== null} onClose={onClose} title={t('rename')}>
      <form className={css.form} onSubmit={(e) => { e.preventDefault(); save(); }}>
        <TextInput label={t('name')} value={title} onChange={(e) => setTitle(e.currentTarget.value)} maxLength={120} dir="auto" data-autofocus required withAsterisk={false} />
        <Button type="submit" loading={rename.isPending}>{t('save')}</Button>
        <Button variant="default" onClick={onClose}>{t('cancel')}</Button>
      </form>
    </Modal>
  );
}

export function Threads({ current, onGone }: { current: string | null; onGone: () => void }) {
  const [archived, setArchived] = useState(false), [typed, setTyped] = useState('');
  const [q] = useDebouncedValue(typed.trim(), 250);
  const [question, ask] = useState<Question | null>(null), [renamed, setRenamed] = useState<Thread | null>(null);
  const navigate = useNavigate();
  const list = useList('list_chats', { archived, limit: 50, ...(q ? { search: q } : {}) }, (page) => page.chats as Thread[]);
  const update = useDeed('update_chat', ['list_chats']), remove = useDeed('delete_chat', ['list_chats']);
  const groups = useMemo(() => byDay(list.rows), [list.rows]);
  const nameOf = (thread: Thread) => thread.title || t('untitled');
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
      <div className={css.list}>
        {list.error ? <ErrorPanel error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={6} />
          : !list.rows.length ? (q ? <NothingMatches title={t('nothing', { q })} onClear={() => setTyped('')} /> : <Empty title={archived ? t('noArchived') : t('none')} />)
            : groups.map(([day, threads]) => (
              <section key={day} aria-label={dayName(day)}>
                <h2 className={css.day}>{dayName(day)}</h2>
                <ul>
                  {threads.map((thread) => (
                    <li key={thread.id} data-current={thread.id === current || undefined}>
                      <Link to="/chat/$threadId" params={{ threadId: thread.id } as never} aria-current={thread.id === current ? 'page' : undefined}><span dir="auto">{nameOf(thread)}</span></Link>
                      <Menu position="bottom-end">
                        <Menu.Target><ActionIcon className={css.dots} variant="subtle" color="gray" aria-label={t('menu', { name: nameOf(thread) })}><IconDots size={16} /></ActionIcon></Menu.Target>
                        <Menu.Dropdown>
                          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setRenamed(thread)}>{t('rename')}</Menu.Item>
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
      {renamed && <Rename key={renamed.id} thread={renamed} onClose={() => setRenamed(null)} />}
    </>
  );
}
