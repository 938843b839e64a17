// What both pictures stand in: axes from zero, labelled lines, one tab stop whose arrows go from day to day, and the
// exact values of the day under the pointer or the focus.
import { useElementSize } from '@mantine/hooks';
import { useId, useState, type KeyboardEvent, type ReactNode } from 'react';
import { money } from '../../ui/format';
import css from './Chart.module.css';
import { ticks, type Day } from './days';

const height = 240, head = 22, foot = 24, left = 60, right = 8;

export interface Scale { box: React.Ref<HTMLDivElement>; width: number; most: number; marks: number[]; step: number; band: number; x: (i: number) => number; y: (usd: number) => number }
export function useScale(days: number, most: number): Scale {
  const { ref, width: measured } = useElementSize<HTMLDivElement>();
  const width = Math.max(measured, 240), top = most > 0 ? most * 1.06 : 1;
  const step = (width - left - right) / days, band = Math.max(step * 0.72, 2);
  return { box: ref, width: measured ? width : 0, most: top, marks: ticks(most), step, band, x: (i) => left + i * step + (step - band) / 2, y: (usd) => height - foot - (Math.max(usd, 0) / top) * (height - head - foot) };
}

export interface Line { at: number; text: string; kind: 'cap' | 'warning' }
interface Props {
  scale: Scale; label: string; days: Day[]; lines: Line[]; note?: string | undefined;
  said: (day: Day) => string; tip: (day: Day) => ReactNode; children: (hatch: string) => ReactNode;
}

// Stripes in the ground's colour over what is not over yet.
export function Hatch({ color }: { color: string }) {
  const id = useId();
  return <svg width={12} height={12} aria-hidden><Stripes id={id} /><rect width={12} height={12} fill={color} rx={2} /><rect width={12} height={12} fill={`url(#${id})`} /></svg>;
}
function Stripes({ id }: { id: string }) {
  return <defs><pattern id={id} width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width={3} height={6} fill="var(--o-body)" fillOpacity={0.75} /></pattern></defs>;
}

export function Frame({ scale, label, days, lines, note, said, tip, children }: Props) {
  const hatch = useId(), [at, go] = useState<number | null>(null);
  const present = Math.max(0, days.findLastIndex((d) => d.state !== 'ahead'));
  const [stop, setStop] = useState(present);
  const { width, step, marks, y } = scale, every = Math.max(1, Math.ceil(26 / step));
  const onKey = (event: KeyboardEvent<SVGGElement>) => {
    const to = { ArrowRight: stop + 1, ArrowLeft: stop - 1, Home: 0, End: days.length - 1 }[event.key];
    if (to === undefined || to < 0 || to >= days.length) return;
    event.preventDefault();
    setStop(to);
    (event.currentTarget.children[to] as SVGElement | undefined)?.focus();
  };
  const shown = at === null ? null : days[at];
  return (
    <div className={css.frame} ref={scale.box} dir="ltr" style={{ minBlockSize: height }}>
      {note && <span className={css.note}>↑ {note}</span>}
      {width > 0 && (
        <svg width={width} height={height} role="group" aria-label={label} onMouseLeave={() => go(null)}>
          <Stripes id={hatch} />
          <g aria-hidden>
            {marks.map((m) => <g key={m}><line x1={left} x2={width - right} y1={y(m)} y2={y(m)} className={css.grid} data-zero={m === 0 || undefined} /><text x={left - 8} y={y(m) + 4} className={css.mark}>{money(m)}</text></g>)}
            {days.map((d, i) => (i % every === 0 ? <text key={d.day} x={left + (i + 0.5) * step} y={height - 8} className={css.date}>{Number(d.day.slice(8))}</text> : null))}
            {shown && <rect x={left + at! * step} y={head} width={step} height={height - head - foot} className={css.lit} />}
            {children(hatch)}
            {lines.map((l) => (
              <g key={l.kind} data-kind={l.kind} className={css.line}>
                <line x1={left} x2={width - right} y1={y(l.at)} y2={y(l.at)} />
                <text x={l.kind === 'cap' ? width - right : left + 4} y={y(l.at) - 5} textAnchor={l.kind === 'cap' ? 'end' : 'start'}>{l.text}</text>
              </g>
            ))}
          </g>
          <g onKeyDown={onKey}>
            {days.map((d, i) => (
              <rect key={d.day} x={left + i * step} y={head} width={step} height={height - head - foot} fill="transparent" className={css.stop} role="img" aria-label={said(d)} tabIndex={i === stop ? 0 : -1}
                onMouseEnter={() => go(i)} onFocus={() => { go(i); setStop(i); }} onBlur={() => go(null)} />
            ))}
          </g>
        </svg>
      )}
      {shown && <div className={css.tip} aria-hidden style={{ insetInlineStart: Math.min(Math.max(left + (at! + 0.5) * step, 130), width - 130) }}>{tip(shown)}</div>}
    </div>
  );
}
