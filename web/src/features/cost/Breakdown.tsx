// The month's sums by one thing: each leads to its rows, the last line is the whole, and a difference has a name.
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { count, money, percent } from '../../ui/format';
import { Money } from '../../ui/Money';
import { Section } from '../../ui/Page';
import { texts } from '../../ui/text';
import css from './Cost.module.css';
import { dayName, keyName, ledgerSearch, word, type By, type Summary } from './words';

const t = texts({
  cost: 'Cost', share: 'Share', calls: 'Calls', in: 'Tokens in', out: 'Tokens out', total: 'Total', others: { one: '{n} further call', other: '{n} further calls' }, noPrice: 'no price',
  some: { one: '{n} without a price', other: '{n} without a price' }, drift: 'The cap works with {spent}, the sums with {total}: {drift} apart. Reconcile adds the ledger up anew.', label: 'Sums by {what}',
  title: 'Without a price', why: 'What these calls cost is not known here: they are counted, and stand in no sum and not against the cap. An owner can set a price for the model.',
  list: { one: '{n} call', other: '{n} calls' },
});
type Sum = Summary['total'];
interface Row extends Sum { key: string; name: string; to: boolean }

function rowsOf(summary: Summary, by: By): Row[] {
  if (by === 'day') return [...summary.byDay].reverse().map((d) => ({ ...d, key: d.day, name: dayName(d.day), to: true }));
  const { values, others } = { model: summary.byModel, user: summary.byUser, operation: summary.byOperation, keySource: summary.byKeySource }[by];
  const rows: Row[] = values.map((v) => ({ ...v, key: v.key, name: keyName(by, v.key, v.name), to: true }));
  return others.calls > 0 ? [...rows, { ...others, key: '', name: t('others', { n: others.calls }), to: false }] : rows;
}
const tokensIn = (s: Sum): number => s.inputTokens + s.cacheReadTokens + s.cacheWriteTokens;
const cost = (s: Sum) => (s.calls > 0 && s.unpricedCalls === s.calls ? <span className={css.muted}>{t('noPrice')}</span> : <Money usd={s.costUsd} />);

export function Breakdown({ summary, by }: { summary: Summary; by: By }) {
  const rows = rowsOf(summary, by), { total } = summary, most = Math.max(...rows.map((r) => r.costUsd), 0), what = word(by);
  return (
    <>
      {summary.driftUsd !== 0 && <p className={css.state} data-kind="warning"><IconAlertTriangle size={18} aria-hidden /><span>{t('drift', { spent: money(summary.spentUsd), total: money(total.costUsd), drift: money(summary.driftUsd) })}</span></p>}
      <div className={css.scroll} tabIndex={0} role="region" aria-label={t('label', { what: what.toLowerCase() })}>
        <table className={css.table}>
          <thead><tr><th scope="col">{what}</th><th scope="col" data-end>{t('cost')}</th><th scope="col" data-bar><span className="visually-hidden">{t('share')}</span></th><th scope="col" data-end data-more>{t('share')}</th><th scope="col" data-end data-more>{t('calls')}</th><th scope="col" data-end data-more="tokens">{t('in')}</th><th scope="col" data-end data-more="tokens">{t('out')}</th></tr></thead>
          <tbody>
            {rows.map((r) => (
              <tr key={`${r.key}${r.to}`}>
                <th scope="row">{r.to ? <Link to="/admin/ledger" search={ledgerSearch(by, r.key, summary.month) as never}><span dir="auto">{r.name}</span></Link> : r.name}{r.unpricedCalls > 0 && r.unpricedCalls < r.calls && <small>{t('some', { n: r.unpricedCalls })}</small>}</th>
                <td data-end>{cost(r)}</td>
                <td data-bar aria-hidden><i style={{ inlineSize: most > 0 ? `${Math.max(0, (r.costUsd / most) * 100)}%` : 0 }} /></td>
                <td data-end data-more dir="ltr">{percent(r.costUsd, total.costUsd)}</td><td data-end data-more dir="ltr">{count(r.calls)}</td><td data-end data-more="tokens" dir="ltr">{count(tokensIn(r))}</td><td data-end data-more="tokens" dir="ltr">{count(r.outputTokens)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot><tr><th scope="row">{t('total')}</th><td data-end><Money usd={total.costUsd} /></td><td data-bar /><td data-end data-more /><td data-end data-more dir="ltr">{count(total.calls)}</td><td data-end data-more="tokens" dir="ltr">{count(tokensIn(total))}</td><td data-end data-more="tokens" dir="ltr">{count(total.outputTokens)}</td></tr></tfoot>
        </table>
      </div>
    </>
  );
}

export function Unpriced({ summary }: { summary: Summary }) {
  return (
    <Section title={t('title')}>
      <p className={css.muted}>{t('why')}</p>
      <ul className={css.plain}>
        {summary.byModel.values.filter((v) => v.unpricedCalls > 0).map((v) => (
          <li key={v.key}><Link to="/admin/ledger" search={{ ...ledgerSearch('model', v.key, summary.month), pricing: 'unpriced' } as never}><span dir="auto">{v.key}</span></Link> <span className={css.muted}>{t('list', { n: v.unpricedCalls })}</span></li>
        ))}
      </ul>
    </Section>
  );
}
