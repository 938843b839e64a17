// The pictures of a month, as their own piece: what was spent up to each day against the cap, and what each day cost.
import { useState, type ReactNode } from 'react';
import { count, exactMoney, money } from '../../ui/format';
import { texts } from '../../ui/text';
import css from './Chart.module.css';
import { keyInUrl, type Day, type Series } from './days';
import { Frame, Hatch, useScale, type Line } from './Frame';
import { dayName, keyName, type By } from './words';

const t = texts({
  sumLabel: 'Spend through the month', dayLabel: 'Spend by day', day: 'UTC day', spent: 'Spent on it', sum: 'Spent up to it', calls: 'Calls', unpriced: 'Without a price', rest: 'Other',
  unfinished: 'not over yet', reserved: 'Reserved by open calls', forecast: 'Forecast {usd}', cap: 'Cap {usd}', warning: 'Warning at {usd}', above: 'Cap {usd}, above this picture',
  legend: 'Series', keys: 'What the picture shows', bar: 'Spent up to a day', today: 'Day that is not over', ahead: 'Forecast', table: 'Show as table',
});

export interface Cap { cap: number | null; warnAt: number | null; reserved: number; forecast: number; present: boolean }
const hue = (i: number): string => `var(--o-series-${i + 1})`;
const nameOf = (by: By, s: Series): string => (s.rest ? t('rest') : keyName(by, s.key, s.name));

function Tip({ day, children }: { day: Day; children: ReactNode }) {
  return (
    <>
      <strong>{dayName(day.day)}{day.state === 'unfinished' && `, ${t('unfinished')}`}</strong>
      {children}
    </>
  );
}
function Amount({ name, usd, color }: { name: string; usd: number; color?: string }) {
  return <div className={css.amount}>{color && <i style={{ background: color }} />}<span dir="auto">{name}</span><b dir="ltr">{money(usd)}</b><small dir="ltr">{exactMoney(usd)}</small></div>;
}
const said = (day: Day, usd: number): string => `${dayName(day.day)}: ${money(usd)}${day.state === 'unfinished' ? `, ${t('unfinished')}` : ''}`;

export function AsTable({ head, rows, label }: { head: string[]; rows: (string | number)[][]; label: string }) {
  return (
    <details className={css.details}>
      <summary>{t('table')}</summary>
      <div className={css.scroll} tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead><tr>{head.map((h, i) => <th key={i} scope="col" dir="auto">{h}</th>)}</tr></thead>
          <tbody>{rows.map((r, i) => <tr key={i}>{r.map((c, k) => (k ? <td key={k} dir="ltr">{c}</td> : <th key={k} scope="row" dir="auto">{c}</th>))}</tr>)}</tbody>
        </table>
      </div>
    </details>
  );
}

export function SumChart({ days, cap }: { days: Day[]; cap: Cap }) {
  const done = days.filter((d) => d.state !== 'ahead'), spent = done.at(-1)?.sum ?? 0, now = days.findIndex((d) => d.state === 'unfinished');
  const natural = Math.max(spent + (cap.present ? cap.reserved : 0), cap.present ? cap.forecast : 0);
  // A cap far above what is spent would press the bars flat.
  const near = cap.cap !== null && (natural === 0 || cap.cap <= natural * 3);
  const scale = useScale(days.length, Math.max(natural, near ? cap.cap! : 0));
  const lines: Line[] = [];
  if (near) lines.push({ at: cap.cap!, text: t('cap', { usd: money(cap.cap) }), kind: 'cap' });
  if (cap.warnAt !== null && cap.warnAt <= scale.most) lines.push({ at: cap.warnAt, text: t('warning', { usd: money(cap.warnAt) }), kind: 'warning' });
  const { x, y, band } = scale, from = now >= 0 ? now : -1;
  const ahead = cap.present && from >= 0 && from < days.length - 1;
  const fall = (usd: number) => y(0) - y(usd);
  return (
    <figure className={css.figure}>
      <Frame scale={scale} label={t('sumLabel')} days={days} lines={lines} said={(d) => (d.state === 'ahead' ? dayName(d.day) : said(d, d.sum))}
        note={cap.cap !== null && !near ? t('above', { usd: money(cap.cap) }) : undefined}
        tip={(d) => <Tip day={d}>{d.state === 'ahead' ? null : <Amount name={t('sum')} usd={d.sum} />}{d.state !== 'ahead' && <Amount name={t('spent')} usd={d.usd} />}{d.state === 'unfinished' && cap.present && <Amount name={t('reserved')} usd={cap.reserved} />}</Tip>}>
        {(hatch) => (
          <>
            {done.map((d, i) => <rect key={d.day} x={x(i)} y={y(d.sum)} width={band} height={fall(d.sum)} fill={hue(0)} />)}
            {now >= 0 && <rect x={x(now)} y={y(spent)} width={band} height={fall(spent)} fill={`url(#${hatch})`} />}
            {now >= 0 && cap.present && cap.reserved > 0 && <rect x={x(now) + 0.5} y={y(spent + cap.reserved)} width={band - 1} height={fall(cap.reserved)} className={css.reserved} />}
            {ahead && <line x1={x(from) + band / 2} y1={y(spent)} x2={x(days.length - 1) + band} y2={y(cap.forecast)} className={css.forecast} />}
            {ahead && <text x={x(days.length - 1) + band} y={y(cap.forecast) + (y(cap.forecast) < 40 ? 16 : -6)} className={css.end}>{t('forecast', { usd: money(cap.forecast) })}</text>}
          </>
        )}
      </Frame>
      <figcaption>
        <ul className={css.keys} aria-label={t('keys')}>
          <li><i style={{ background: hue(0) }} />{t('bar')}</li>
          {now >= 0 && <li><Hatch color={hue(0)} />{t('today')}</li>}
          {cap.present && cap.reserved > 0 && <li><i className={css.reservedKey} />{t('reserved')}: <span dir="ltr">{money(cap.reserved)}</span></li>}
          {ahead && <li><i className={css.forecastKey} />{t('ahead')}</li>}
        </ul>
      </figcaption>
      <AsTable label={t('sumLabel')} head={[t('day'), t('spent'), t('sum')]} rows={done.map((d) => [dayName(d.day), money(d.usd), money(d.sum)])} />
    </figure>
  );
}

interface DayProps { days: Day[]; series: Series[]; by: By; shown: string[]; onShown: (keys: string[]) => void }

export function DayChart({ days, series, by, shown, onShown }: DayProps) {
  const [lit, light] = useState<number | null>(null);
  const on = series.map((s) => shown.length === 0 || shown.includes(keyInUrl(s)));
  const parts = (d: Day): number[] => (series.length ? d.parts.map((usd, i) => (on[i] ? Math.max(usd, 0) : 0)) : [Math.max(d.usd, 0)]);
  const total = (d: Day): number => parts(d).reduce((a, b) => a + b, 0);
  const scale = useScale(days.length, Math.max(...days.map(total)));
  const { x, y, band } = scale, done = days.filter((d) => d.state !== 'ahead');
  const toggle = (i: number) => {
    const next = series.filter((_, k) => (k === i ? !on[k] : on[k])).map(keyInUrl);
    onShown(next.length === series.length || next.length === 0 ? [] : next);
  };
  return (
    <figure className={css.figure}>
      <Frame scale={scale} label={t('dayLabel')} days={days} lines={[]} said={(d) => (d.state === 'ahead' ? dayName(d.day) : said(d, total(d)))}
        tip={(d) => (
          <Tip day={d}>
            {d.state !== 'ahead' && <Amount name={t('spent')} usd={d.usd} />}
            {series.map((s, i) => (on[i] && d.parts[i] ? <Amount key={keyInUrl(s)} name={nameOf(by, s)} usd={d.parts[i]!} color={hue(i)} /> : null))}
            {d.state !== 'ahead' && <small>{t('calls')}: {count(d.calls)}{d.unpriced ? ` · ${t('unpriced')}: ${count(d.unpriced)}` : ''}</small>}
          </Tip>
        )}>
        {(hatch) => done.map((d, n) => {
          let base = 0;
          return (
            <g key={d.day}>
              {parts(d).map((usd, i) => {
                const top = base + usd, rect = <rect key={i} x={x(n)} y={y(top)} width={band} height={Math.max(y(base) - y(top), 0)} fill={hue(i)} opacity={lit === null || lit === i ? 1 : 0.25} />;
                base = top;
                return rect;
              })}
              {d.state === 'unfinished' && <rect x={x(n)} y={y(base)} width={band} height={y(0) - y(base)} fill={`url(#${hatch})`} />}
            </g>
          );
        })}
      </Frame>
      {series.length > 0 && (
        <figcaption>
          <ul className={css.keys} aria-label={t('legend')}>
            {series.map((s, i) => (
              <li key={keyInUrl(s)}>
                <button type="button" className={css.key} aria-pressed={on[i]} onClick={() => toggle(i)} onMouseEnter={() => light(i)} onMouseLeave={() => light(null)} onFocus={() => light(i)} onBlur={() => light(null)}>
                  <i style={{ background: on[i] ? hue(i) : 'none', borderColor: hue(i) }} /><span dir="auto">{nameOf(by, s)}</span>
                </button>
              </li>
            ))}
            {days.some((d) => d.state === 'unfinished') && <li><Hatch color="var(--o-muted)" />{t('today')}</li>}
          </ul>
        </figcaption>
      )}
      <AsTable label={t('dayLabel')} head={[t('day'), t('spent'), ...series.map((s) => nameOf(by, s)), t('calls'), t('unpriced')]}
        rows={done.filter((d) => d.calls > 0).map((d) => [dayName(d.day), money(d.usd), ...d.parts.map((p) => money(p)), count(d.calls), count(d.unpriced)])} />
    </figure>
  );
}
