// What AI calls cost in a month: where the cap stands, the two pictures, a breakdown that leads to the ledger.
import { Button } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconDownload } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useCall } from '../../api/query';
import { useMay } from '../../ui/me';
import { Page, Section } from '../../ui/Page';
import { useFilters } from '../../ui/search';
import { Empty, Loaded, Loading, Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { Breakdown, Unpriced } from './Breakdown';
import { CapDialog } from './CapDialog';
import css from './Cost.module.css';
import { daysOf, keysFromUrl, seriesOf } from './days';
import { useCsv } from './csv';
import { Figures } from './Figures';
import { Reconcile } from './Reconcile';
import { breakdowns, byFilter, monthBefore, monthFilter, monthName, monthNow, seriesFilter, today, word, type By, type Summary } from './words';

const t = texts({
  title: 'Usage', lead: 'What AI calls of this workspace cost, with whoever’s key. Months and days are UTC, as in the ledger.', month: 'Month', before: 'The month before', after: 'The month after',
  cap: 'Change cap', csv: 'CSV', sum: 'Through the month', days: 'By day', by: 'Split by', split: 'By {what}', none: 'No AI calls in {month}.', first: 'No AI calls yet this month',
  firstWhy: 'Each call of a provider will stand here with its tokens and its cost. The offline assistant costs nothing.', ask: 'Ask the assistant', ledger: 'Open the ledger', reconcile: 'Are the sums true?', what: 'The usage could not be loaded.', chart: 'The picture has failed.',
});
const filters = { month: monthFilter, by: byFilter, series: seriesFilter };
const SumChart = lazy(() => import('./Charts').then((m) => ({ default: m.SumChart })));
const DayChart = lazy(() => import('./Charts').then((m) => ({ default: m.DayChart })));

function MonthNav({ month }: { month: string }) {
  const next = monthBefore(month, -1), now = monthNow();
  const search = (to: string) => ((old: Record<string, unknown>) => ({ ...old, month: to === now ? undefined : to, series: undefined })) as never;
  return (
    <nav className={css.months} aria-label={t('month')}>
      <Link to="." search={search(monthBefore(month))} aria-label={t('before')} className={css.arrow}><IconChevronLeft size={18} aria-hidden /></Link>
      <span dir="auto">{monthName(month)}</span>
      {month < now ? <Link to="." search={search(next)} aria-label={t('after')} className={css.arrow}><IconChevronRight size={18} aria-hidden /></Link> : <span className={css.arrow} />}
    </nav>
  );
}

function SplitBy({ by }: { by: By }) {
  return (
    <nav className={css.split} aria-label={t('by')}>
      {breakdowns.map((b) => <Link key={b} to="." replace resetScroll={false} search={((old: Record<string, unknown>) => ({ ...old, by: b === 'model' ? undefined : b, series: undefined })) as never} aria-current={b === by || undefined}>{word(b)}</Link>)}
    </nav>
  );
}

function Month({ summary, by, shown, onShown }: { summary: Summary; by: By; shown: string[]; onShown: (keys: string[]) => void }) {
  const may = useMay(), budget = useCall('get_ai_budget', {});
  const present = summary.month === monthNow();
  if (!summary.total.calls && !summary.reservedUsd)
    return (
      <>
        {present && budget.data && <Figures summary={summary} budget={budget.data.budget} />}
        {present ? <Empty title={t('first')} action={may('send_chat') && <Button renderRoot={(props) => <Link {...props} to="/chat" />}>{t('ask')}</Button>}>{t('firstWhy')}</Empty> : <Empty title={t('none', { month: monthName(summary.month) })} />}
      </>
    );
  const series = seriesOf(summary, by), days = daysOf(summary, series, today());
  const cap = summary.capUsd ?? null, percent = budget.data?.budget.softWarningPercent ?? 0;
  const waits = <div className={css.chart}><Loading rows={5} /></div>;
  return (
    <>
      <Figures summary={summary} budget={budget.data?.budget} />
      <Section title={t('sum')}>
        <Panel what={t('chart')}><Suspense fallback={waits}>
          <SumChart days={days} cap={{ cap, warnAt: cap !== null && percent > 0 ? (cap * percent) / 100 : null, reserved: summary.reservedUsd, forecast: summary.forecastUsd, present }} />
        </Suspense></Panel>
      </Section>
      <Section title={t('days')} tools={<SplitBy by={by} />}>
        <Panel what={t('chart')}><Suspense fallback={waits}><DayChart days={days} series={series} by={by} shown={shown} onShown={onShown} /></Suspense></Panel>
      </Section>
      <Section title={t('split', { what: word(by).toLowerCase() })} tools={<Link to="/admin/ledger" search={{ month: summary.month } as never}>{t('ledger')}</Link>}>
        <Breakdown summary={summary} by={by} />
      </Section>
      {summary.total.unpricedCalls > 0 && <Unpriced summary={summary} />}
    </>
  );
}

export default function UsagePage() {
  const may = useMay();
  const [{ month: wanted, by, series }, set] = useFilters(filters);
  const month = wanted || monthNow();
  const [capping, setCapping] = useState(false);
  const query = useCall('get_ai_usage', { view: 'summary', month, ...(by === 'day' ? {} : { by }) }, { placeholderData: (old) => (old?.summary?.month === month ? old : undefined) });
  const csv = useCsv();
  return (
    <Page wide title={t('title')} lead={t('lead')} tools={(
      <>
        <MonthNav month={month} />
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} loading={csv.busy} onClick={() => csv.get({ month })}>{t('csv')}</Button>
        {may('update_ai_budget') && <Button onClick={() => setCapping(true)}>{t('cap')}</Button>}
      </>
    )}>
      <Loaded query={query} rows={8} what={t('what')}>
        {(data) => data.summary ? <Month summary={data.summary} by={by} shown={keysFromUrl(series)} onShown={(keys) => set({ series: keys.join(',') })} /> : null}
      </Loaded>
      {may('reconcile_ai_usage') && <Section title={t('reconcile')}><Reconcile month={month} drift={query.data?.summary?.driftUsd ?? 0} /></Section>}
      <CapDialog opened={capping} onClose={() => setCapping(false)} />
    </Page>
  );
}
