// The ledger row by row, newest first: filters in the URL, pages by cursor, one call opened beside the list.
import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { In } from '../../api/operations';
import { useCall, useList } from '../../api/query';
import { count } from '../../ui/format';
import { Money } from '../../ui/Money';
import { Page } from '../../ui/Page';
import { oneOf, textFilter, useFilters } from '../../ui/search';
import { Empty, ErrorPanel, Loading, NothingMatches } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import { VirtualTable, type Column } from '../../ui/VirtualTable';
import { CallPanel } from './CallPanel';
import css from './Ledger.module.css';
import { LedgerFilters } from './LedgerFilters';
import { useCsv } from './csv';
import { bases, dayFilter, isMonth, keySources, monthName, monthNow, nobody, operations, word, type Call } from './words';

const t = texts({
  title: 'Ledger', lead: 'One row for each call of a provider, and for each further attempt; none is ever changed. Months and days are UTC.', csv: 'CSV', usage: 'Usage', when: 'When', what: 'For', model: 'Model', user: 'User', key: 'Key', tokens: 'Tokens', cost: 'Cost',
  tokensOf: '{in} in, {out} out', nobody: 'Nobody', noPrice: 'no price', none: 'No AI calls in {month}.', nothing: 'No call fits.', first: 'No AI calls yet', firstWhy: 'Each call of a provider will stand here. The offline assistant costs nothing.',
  failed: 'The ledger could not be loaded.', names: 'Filters: {names}', looked: 'Only a part of the ledger was looked through.', rows: 'Calls',
});
const monthOrAll = { read: (raw: unknown) => (raw === 'all' || isMonth(raw) ? raw : undefined), usual: '' };
const any = <T extends string>(values: readonly T[]) => oneOf<T | ''>(values, '');
const filters = {
  month: monthOrAll, day: dayFilter, provider: textFilter(64), model: textFilter(200), userId: textFilter(64), operationType: any(operations), keySource: any(keySources),
  basis: any(bases), pricing: any(['priced', 'unpriced'] as const), agentTaskId: textFilter(64), threadId: textFilter(64), open: textFilter(64),
};
export type LedgerSearch = { [K in keyof typeof filters]: string };

// The URL's filters as the operation takes them; null asks for what nobody did.
function inputOf(f: LedgerSearch): In<'export_ai_usage'> {
  const { month, userId, ...rest } = f;
  const given = Object.fromEntries(Object.entries(rest).filter(([name, v]) => v && name !== 'open'));
  const asked = month || (f.day ? f.day.slice(0, 7) : monthNow());
  return { ...given, ...(asked === 'all' ? {} : { month: asked }), ...(userId ? { userId: userId === nobody ? null : userId } : {}) } as In<'export_ai_usage'>;
}

const columns = (search: (id: string) => never): Column<Call>[] => [
  { key: 'when', head: t('when'), cell: (c) => <Link to="." search={search(c.id)} resetScroll={false}><Time at={c.createdAt} /></Link> },
  { key: 'what', head: t('what'), cell: (c) => word(c.operationType) },
  { key: 'model', head: t('model'), cell: (c) => <><span dir="auto">{c.model}</span> <small dir="auto">{c.provider}</small>{c.error && <small className={css.error} dir="ltr">{c.error}</small>}</> },
  { key: 'user', head: t('user'), cell: (c) => (c.userId ? <span dir="auto">{c.userName ?? c.userId}</span> : t('nobody')) },
  { key: 'key', head: t('key'), cell: (c) => word(c.keySource) },
  { key: 'tokens', head: t('tokens'), end: true, cell: (c) => t('tokensOf', { in: count(c.inputTokens + c.cacheReadTokens + c.cacheWriteTokens), out: count(c.outputTokens) }) },
  { key: 'cost', head: t('cost'), end: true, cell: (c) => <>{c.unpriced ? <span className={css.muted}>{t('noPrice')}</span> : <Money usd={c.costUsd} />}{c.basis !== 'reported' && <small>{word(c.basis)}</small>}</> },
];

export default function LedgerPage() {
  const [found, set] = useFilters(filters), f: LedgerSearch = found, input = inputOf(f);
  const list = useList('get_ai_usage', { ...input, limit: 100 }, (page) => page.usage ?? [], { refetchOnWindowFocus: false });
  const month = input.month ?? monthNow();
  const sums = useCall('get_ai_usage', { view: 'summary', month }).data?.summary;
  const csv = useCsv();
  const narrow = Object.entries(f).filter(([name, value]) => value && name !== 'month' && name !== 'open').map(([name]) => name);
  const clear = () => set(Object.fromEntries(narrow.map((name) => [name, ''])) as Partial<typeof found>);
  const search = (id: string) => ((old: Record<string, unknown>) => ({ ...old, open: id })) as never;
  const nothing = !list.rows.length && !list.hasNextPage;
  return (
    <Page wide title={t('title')} lead={t('lead')} tools={(
      <>
        <Button variant="default" renderRoot={(props) => <Link {...props} to="/admin/usage" search={(input.month && input.month !== monthNow() ? { month: input.month } : {}) as never} />}>{t('usage')}</Button>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} loading={csv.busy} onClick={() => csv.get(input)}>{t('csv')}</Button>
      </>
    )}>
      <LedgerFilters value={f} set={set as never} month={input.month} sums={sums} onClear={narrow.length ? clear : undefined} />
      {list.error && !list.data ? <ErrorPanel error={list.error} what={t('failed')} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={10} />
        : nothing && narrow.length ? <NothingMatches title={t('nothing')} onClear={clear} />
          : nothing ? (input.month ? <Empty title={t('none', { month: monthName(input.month) })} /> : <Empty title={t('first')}>{t('firstWhy')}</Empty>)
            : <VirtualTable label={t('rows')} className={css.row!} height={41} columns={columns(search)} list={list} idOf={(c) => c.id} open={f.open} note={narrow.length && list.hasNextPage ? t('looked') : undefined} />}
      <CallPanel open={f.open} call={list.rows.find((c) => c.id === f.open)} waits={list.isPending} onClose={() => set({ open: '' })} />
    </Page>
  );
}
