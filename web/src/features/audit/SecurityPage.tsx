// Security events of the workspace, newest first, and whether the log they stand in holds.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { In, Out } from '../../api/operations';
import { useList } from '../../api/query';
import { exactTime } from '../../ui/format';
import { Page } from '../../ui/Page';
import { oneOf, textFilter, useFilters } from '../../ui/search';
import { Empty, ErrorPanel, Loading, NothingMatches } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import { VirtualTable, type Column } from '../../ui/VirtualTable';
import { Actor } from './Actor';
import css from './Audit.module.css';
import { Chain } from './Chain';
import { EntryPanel } from './EntryPanel';
import { Export } from './Export';
import { People } from './People';
import { Severity } from './Severity';
import { between, dayFilter, eventName, eventTypes, severities, severityName } from './words';

const t = texts({
  title: 'Security log', lead: 'Refusals, changed keys and rights, blocked calls. Entries are sealed: none can be changed or removed without it being seen.', when: 'When', severity: 'Severity', event: 'Event', actor: 'Actor', ip: 'Address', type: 'Event', any: 'Any', from: 'From', to: 'To',
  clear: 'Clear filters', failed: 'The events could not be loaded.', none: 'No security events', since: 'None has been recorded since {time}.', now: 'They are recorded from now on.', nothing: 'No event fits: {names}.', rows: 'Events', filters: 'Filters',
});
const filters = { type: textFilter(64), severity: oneOf<(typeof severities)[number] | ''>(severities, ''), user: textFilter(64), from: dayFilter, to: dayFilter, open: textFilter(64) };
type Event = Out<'list_security_events'>['events'][number];
interface By { kind: string; id: string | null; name: string | null }

const columns: Column<Event>[] = [
  { key: 'when', head: t('when'), cell: (e) => <Link to="." search={((old: Record<string, unknown>) => ({ ...old, open: e.id })) as never} resetScroll={false}><Time at={e.createdAt} /></Link> },
  { key: 'severity', head: t('severity'), cell: (e) => <Severity of={e.severity} /> },
  { key: 'event', head: t('event'), cell: (e) => <>{eventName(e.type)}{e.count > 1 && <b className={css.times} dir="ltr"> ×{e.count}</b>}{e.message && <small dir="auto">{e.message}</small>}</> },
  { key: 'actor', head: t('actor'), cell: (e) => { const by = e.actor as By; return <Actor kind={by.kind} name={by.name} />; } },
  { key: 'ip', head: t('ip'), cell: (e) => (e.ip ? <span dir="ltr">{e.ip}</span> : '–') },
];
const rowsOf = (page: Out<'list_security_events'>): Event[] => page.events;

export default function SecurityPage() {
  const [f, set] = useFilters(filters);
  const input: In<'list_security_events'> = { ...(f.type ? { type: f.type } : {}), ...(f.severity ? { severity: f.severity } : {}), ...(f.user ? { userId: f.user } : {}), ...between(f.from, f.to) };
  const list = useList('list_security_events', { ...input, limit: 100 }, rowsOf, { refetchOnWindowFocus: false });
  const chain = list.data?.pages[0]?.chain;
  const chosen = [f.type && eventName(f.type), f.severity && severityName(f.severity), f.user, f.from && `${t('from')} ${f.from}`, f.to && `${t('to')} ${f.to}`].filter(Boolean);
  const clear = () => set({ type: '', severity: '', user: '', from: '', to: '' });
  const types = [{ value: '', label: t('any') }, ...[...eventTypes].sort((a, b) => eventName(a).localeCompare(eventName(b))).map((v) => ({ value: v as string, label: eventName(v) })), ...(f.type && !(eventTypes as string[]).includes(f.type) ? [{ value: f.type, label: f.type }] : [])];
  return (
    <Page wide title={t('title')} lead={t('lead')} tools={<Export file="security-events" name="list_security_events" input={input} rows={rowsOf} loaded={list.rows} complete={!list.hasNextPage} more={{ chain }} />}>
      {chain && <Chain chain={chain} />}
      <div className={css.filters} role="group" aria-label={t('filters')}>
        <NativeSelect label={t('type')} value={f.type} onChange={(e) => set({ type: e.currentTarget.value })} data={types} />
        <NativeSelect label={t('severity')} value={f.severity} onChange={(e) => set({ severity: e.currentTarget.value as typeof f.severity })} data={[{ value: '', label: t('any') }, ...severities.map((v) => ({ value: v, label: severityName(v) }))]} />
        <People value={f.user} onChange={(user) => set({ user })} />
        <TextInput label={t('from')} type="date" value={f.from} onChange={(e) => set({ from: e.currentTarget.value })} />
        <TextInput label={t('to')} type="date" value={f.to} onChange={(e) => set({ to: e.currentTarget.value })} />
        {chosen.length > 0 && <Button variant="subtle" className={css.clear} onClick={clear}>{t('clear')}</Button>}
      </div>
      {list.error && !list.data ? <ErrorPanel error={list.error} what={t('failed')} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={10} />
        : list.rows.length || list.hasNextPage ? <VirtualTable label={t('rows')} className={css.events!} height={53} columns={columns} list={list} idOf={(e) => e.id} open={f.open} />
          : chosen.length ? <NothingMatches title={t('nothing', { names: chosen.join(', ') })} onClear={clear} />
            : <Empty title={t('none')}>{chain?.since ? t('since', { time: exactTime(chain.since) }) : t('now')}</Empty>}
      <EntryPanel open={f.open} onClose={() => set({ open: '' })} filterBy="user" />
    </Page>
  );
}
