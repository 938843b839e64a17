// Who did what in the workspace, newest first.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { In, Out } from '../../api/operations';
import { useList } from '../../api/query';
import { count, exactTime } from '../../ui/format';
import { Page } from '../../ui/Page';
import { textFilter, useFilters } from '../../ui/search';
import { Empty, ErrorPanel, Loading, NothingMatches } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import { VirtualTable, type Column } from '../../ui/VirtualTable';
import { Actor } from './Actor';
import css from './Audit.module.css';
import { EntryPanel } from './EntryPanel';
import { Export } from './Export';
import { People } from './People';
import { between, dayFilter, eventName } from './words';

const t = texts({
  title: 'Audit', lead: 'Every change of this workspace’s data, with who made it, and its security events.', when: 'When', what: 'What', who: 'Who', thing: 'About', ip: 'Address', action: 'Operation', entityType: 'Kind of thing', entityId: 'Its id', any: 'Any', from: 'From', to: 'To',
  clear: 'Clear filters', failed: 'The trail could not be loaded.', none: 'Nothing has been done yet', since: 'It is recorded since {time}.', now: 'It is recorded from now on.', nothing: 'No entry fits: {names}.', rows: 'Entries', filters: 'Filters', total: '{total} fit', atLeast: 'more than {total} fit', actionHint: 'create_document',
});
const things = ['document', 'chat', 'user', 'invite', 'session', 'workspace', 'organization', 'budget', 'price', 'addon', 'job'];
const filters = { action: textFilter(100), actor: textFilter(64), entityType: textFilter(64), entityId: textFilter(64), from: dayFilter, to: dayFilter, open: textFilter(64) };
type Entry = Out<'list_audit_logs'>['logs'][number];

const columns: Column<Entry>[] = [
  { key: 'when', head: t('when'), cell: (e) => <Link to="." search={((old: Record<string, unknown>) => ({ ...old, open: e.id })) as never} resetScroll={false}><Time at={e.createdAt} /></Link> },
  { key: 'what', head: t('what'), cell: (e) => <><code dir="ltr">{e.action}</code>{e.outcome !== 'OK' && <> <code dir="ltr" className={css.refused}>{e.outcome}</code></>}{e.count > 1 && <b className={css.times} dir="ltr"> ×{e.count}</b>}{e.type && <small>{eventName(e.type)}</small>}</> },
  { key: 'who', head: t('who'), cell: (e) => <Actor kind={e.actorKind} name={e.actorName} /> },
  { key: 'thing', head: t('thing'), cell: (e) => (e.entityType ? <><span dir="ltr">{e.entityType}</span> {e.entityId && <code dir="ltr" className={css.id}>{e.entityId}</code>}</> : '–') },
  { key: 'ip', head: t('ip'), cell: (e) => (e.ip ? <span dir="ltr">{e.ip}</span> : '–') },
];
const rowsOf = (page: Out<'list_audit_logs'>): Entry[] => page.logs;

// A field that follows the URL, and tells it what was typed after a pause.
function Typed({ label, value, placeholder, most, onChange }: { label: string; value: string; placeholder?: string; most: number; onChange: (text: string) => void }) {
  const [text, setText] = useState(value), tell = useDebouncedCallback((next: string) => onChange(next.trim()), 300);
  useEffect(() => setText(value), [value]);
  return <TextInput label={label} dir="ltr" value={text} placeholder={placeholder} maxLength={most} spellCheck={false} onChange={(e) => { setText(e.currentTarget.value); tell(e.currentTarget.value); }} />;
}

export default function AuditPage() {
  const [f, set] = useFilters(filters);
  const input: In<'list_audit_logs'> = { ...(f.action ? { action: f.action } : {}), ...(f.actor ? { actorId: f.actor } : {}), ...(f.entityType ? { entityType: f.entityType } : {}), ...(f.entityId ? { entityId: f.entityId } : {}), ...between(f.from, f.to) };
  const list = useList('list_audit_logs', { ...input, limit: 100 }, rowsOf, { refetchOnWindowFocus: false });
  const first = list.data?.pages[0], total = first?.pagination.total;
  const chosen = [f.action, f.actor, f.entityType, f.entityId, f.from && `${t('from')} ${f.from}`, f.to && `${t('to')} ${f.to}`].filter(Boolean);
  const clear = () => set({ action: '', actor: '', entityType: '', entityId: '', from: '', to: '' });
  const kinds = [{ value: '', label: t('any') }, ...things.map((v) => ({ value: v, label: v })), ...(f.entityType && !things.includes(f.entityType) ? [{ value: f.entityType, label: f.entityType }] : [])];
  return (
    <Page wide title={t('title')} lead={t('lead')} tools={<Export file="audit" name="list_audit_logs" input={input} rows={rowsOf} loaded={list.rows} complete={!list.hasNextPage} />}>
      <div className={css.filters} role="group" aria-label={t('filters')}>
        <Typed label={t('action')} value={f.action} placeholder={t('actionHint')} most={100} onChange={(action) => set({ action })} />
        <People value={f.actor} onChange={(actor) => set({ actor })} />
        <NativeSelect label={t('entityType')} value={f.entityType} onChange={(e) => set({ entityType: e.currentTarget.value })} data={kinds} />
        <Typed label={t('entityId')} value={f.entityId} most={64} onChange={(entityId) => set({ entityId })} />
        <TextInput label={t('from')} type="date" value={f.from} onChange={(e) => set({ from: e.currentTarget.value })} />
        <TextInput label={t('to')} type="date" value={f.to} onChange={(e) => set({ to: e.currentTarget.value })} />
        {chosen.length > 0 && <Button variant="subtle" className={css.clear} onClick={clear}>{t('clear')}</Button>}
      </div>
      {list.error && !list.data ? <ErrorPanel error={list.error} what={t('failed')} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={10} />
        : list.rows.length || list.hasNextPage ? <VirtualTable label={t('rows')} className={css.entries!} height={41} columns={columns} list={list} idOf={(e) => e.id} open={f.open}
          note={list.hasNextPage && total !== undefined ? t(first?.pagination.totalIsLowerBound ? 'atLeast' : 'total', { total: count(total) }) : undefined} />
          : chosen.length ? <NothingMatches title={t('nothing', { names: chosen.join(', ') })} onClear={clear} />
            : <Empty title={t('none')}>{first?.since ? t('since', { time: exactTime(first.since) }) : t('now')}</Empty>}
      <EntryPanel open={f.open} onClose={() => set({ open: '' })} filterBy="actor" things />
    </Page>
  );
}
