// Where the month stands: spent, reserved apart, left, forecast; and in words what that means.
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconInfoCircle } from '@tabler/icons-react';
import type { Out } from '../../api/operations';
import { count, money } from '../../ui/format';
import { Money } from '../../ui/Money';
import { texts } from '../../ui/text';
import css from './Cost.module.css';
import { dayName, monthNow, type Summary } from './words';

export type Budget = Out<'get_ai_budget'>['budget'];
const t = texts({
  spent: 'Spent', of: 'of {cap}', reserved: 'Reserved', reservedWhy: 'worst cases of open calls', left: 'Left', forecast: 'Forecast', forecastWhy: 'if it goes on like this', calls: 'Calls', tokens: '{in} in, {out} out',
  unpriced: { one: '{n} without a price, in no sum', other: '{n} without a price, in no sum' }, noCap: 'No cap is set: nothing stops spending.', under: 'Below the soft warning at {usd} ({percent} % of the cap).', underCap: 'Below the cap.',
  warning: 'Soft warning: {percent} % of the cap is spent.', reached: 'The cap is reached: calls that cost are refused until {day} (UTC), or until the cap is raised.',
  passed: 'More than the cap is spent: calls that cost are refused until {day} (UTC), or until the cap is raised.', ahead: 'At this pace the cap is reached before the month ends.', meter: '{spent} of {cap} spent, {reserved} reserved', nothing: 'No cap',
});

function State({ summary, budget }: { summary: Summary; budget: Budget | undefined }) {
  const cap = summary.capUsd, reset = summary.resetsAt ? dayName(summary.resetsAt.slice(0, 10)) : '';
  const warnAt = cap !== null && cap !== undefined && budget?.softWarningPercent ? (cap * budget.softWarningPercent) / 100 : null;
  const say = cap === null || cap === undefined ? (['note', t('noCap')] as const)
    : summary.spentUsd > cap ? (['danger', t('passed', { day: reset })] as const)
      : summary.spentUsd + summary.reservedUsd >= cap ? (['danger', t('reached', { day: reset })] as const)
        : warnAt !== null && summary.spentUsd >= warnAt ? (['warning', t('warning', { percent: budget!.softWarningPercent })] as const)
          : summary.forecastUsd > cap ? (['warning', t('ahead')] as const)
            : warnAt !== null ? (['good', t('under', { usd: money(warnAt), percent: budget!.softWarningPercent })] as const) : (['good', t('underCap')] as const);
  const Icon = { note: IconInfoCircle, danger: IconCircleX, warning: IconAlertTriangle, good: IconCircleCheck }[say[0]];
  return <p className={css.state} data-kind={say[0]}><Icon size={18} aria-hidden /><span>{say[1]}</span></p>;
}

// One bar up to the cap: spent, what open calls reserve behind it, the soft warning as a tick.
function Meter({ summary, warn }: { summary: Summary; warn: number }) {
  const cap = summary.capUsd ?? 0, part = (usd: number) => `${Math.min(100, (usd / cap) * 100)}%`;
  if (!cap) return null;
  return (
    <div className={css.meter} role="img" aria-label={t('meter', { spent: money(summary.spentUsd), cap: money(cap), reserved: money(summary.reservedUsd) })}>
      <div data-kind="reserved" style={{ inlineSize: part(summary.spentUsd + summary.reservedUsd) }} />
      <div data-kind={summary.spentUsd >= cap ? 'over' : 'spent'} style={{ inlineSize: part(summary.spentUsd) }} />
      {warn > 0 && warn < 100 && <i style={{ insetInlineStart: `${warn}%` }} />}
    </div>
  );
}

export function Figures({ summary, budget }: { summary: Summary; budget: Budget | undefined }) {
  const present = summary.month === monthNow(), { total } = summary;
  return (
    <div className={css.figures}>
      <dl>
        <div><dt>{t('spent')}</dt><dd><Money usd={summary.spentUsd} alone />{present && <small>{summary.capUsd === null || summary.capUsd === undefined ? t('nothing') : t('of', { cap: money(summary.capUsd) })}</small>}</dd></div>
        {present && <div><dt>{t('reserved')}</dt><dd><Money usd={summary.reservedUsd} alone /><small>{t('reservedWhy')}</small></dd></div>}
        {present && <div><dt>{t('left')}</dt><dd><Money usd={summary.remainingUsd} alone /></dd></div>}
        {present && <div><dt>{t('forecast')}</dt><dd><Money usd={summary.forecastUsd} alone /><small>{t('forecastWhy')}</small></dd></div>}
        <div><dt>{t('calls')}</dt><dd><span dir="ltr">{count(total.calls)}</span>{total.unpricedCalls > 0 ? <small>{t('unpriced', { n: total.unpricedCalls })}</small> : <small>{t('tokens', { in: compact(total.inputTokens + total.cacheReadTokens + total.cacheWriteTokens), out: compact(total.outputTokens) })}</small>}</dd></div>
      </dl>
      {present && <Meter summary={summary} warn={budget?.softWarningPercent ?? 0} />}
      {present && <State summary={summary} budget={budget} />}
    </div>
  );
}
const compact = (n: number): string => new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(n);
