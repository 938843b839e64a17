// Adds the month up anew from the ledger, and says what was before and after.
import { Button } from '@mantine/core';
import { IconCircleCheck, IconAlertTriangle } from '@tabler/icons-react';
import { useDeed } from '../../api/query';
import { count } from '../../ui/format';
import { Money } from '../../ui/Money';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Cost.module.css';
import { monthName } from './words';

const t = texts({
  why: 'Every night the sums that the cap works with are compared with the ledger, and put right. You can do so now; calls go on meanwhile.', run: 'Reconcile {month}', failed: 'The month was not reconciled.',
  true: 'All was well: the sums are what the ledger adds up to.', wrong: 'The sums were wrong, and are right now.', what: 'What', before: 'Before', after: 'After', drift: 'Drift',
  spent: 'Spent', reserved: 'Reserved', calls: 'Calls', rollups: { one: '{n} sum of the breakdowns was corrected.', other: '{n} sums of the breakdowns were corrected.' }, waits: 'The sums differ from the ledger’s by {usd}.',
});

export function Reconcile({ month, drift }: { month: string; drift: number }) {
  const deed = useDeed('reconcile_ai_usage', ['get_ai_usage', 'get_ai_budget']), r = deed.data?.month === month ? deed.data : undefined;
  const well = r && r.drift === 0 && r.reservedBefore === r.reservedAfter && r.callsBefore === r.callsAfter && r.rollupsCorrected === 0;
  return (
    <>
      <p className={css.muted}>{t('why')}</p>
      <Button variant="default" loading={deed.isPending} onClick={() => deed.mutate({ month })} {...(drift !== 0 ? { color: 'accent' } : {})}>{t('run', { month: monthName(month) })}</Button>
      {deed.error && <ErrorPanel error={deed.error} what={t('failed')} write />}
      {r && (
        <div role="status" className={css.result}>
          <p className={css.state} data-kind={well ? 'good' : 'warning'}>{well ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}<span>{well ? t('true') : t('wrong')} {r.rollupsCorrected > 0 && t('rollups', { n: r.rollupsCorrected })}</span></p>
          <table className={css.table}>
            <thead><tr><th scope="col">{t('what')}</th><th scope="col" data-end>{t('before')}</th><th scope="col" data-end>{t('after')}</th><th scope="col" data-end>{t('drift')}</th></tr></thead>
            <tbody>
              <tr><th scope="row">{t('spent')}</th><td data-end><Money usd={r.before} /></td><td data-end><Money usd={r.after} /></td><td data-end><Money usd={r.drift} /></td></tr>
              <tr><th scope="row">{t('reserved')}</th><td data-end><Money usd={r.reservedBefore} /></td><td data-end><Money usd={r.reservedAfter} /></td><td data-end><Money usd={r.reservedAfter - r.reservedBefore} /></td></tr>
              <tr><th scope="row">{t('calls')}</th><td data-end dir="ltr">{count(r.callsBefore)}</td><td data-end dir="ltr">{count(r.callsAfter)}</td><td data-end dir="ltr">{count(r.callsAfter - r.callsBefore)}</td></tr>
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
