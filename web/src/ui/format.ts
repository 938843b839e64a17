// Numbers, money and instants as people read them. Plain dates are never instants: they are shown as they are.
import { display } from './display';
import { locale, texts } from './text';

const t = texts({ ago: '{when}', never: 'never', micro: '{amount} millionths of a dollar' });

export function zone(): string {
  return display().zone || Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function exactTime(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'long', timeStyle: 'long', timeZone: zone() }).format(new Date(iso));
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3600], ['minute', 60]];

// Relative under seven days, else the day.
export function shortTime(iso: string | null | undefined, now = Date.now()): string {
  if (!iso) return t('never');
  const at = new Date(iso), seconds = (at.getTime() - now) / 1000, far = Math.abs(seconds);
  if (far >= 7 * 86_400) return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: zone() }).format(at);
  const words = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
  for (const [unit, length] of steps) if (far >= length) return words.format(Math.trunc(seconds / length), unit);
  return words.format(0, 'second');
}

export function clockTime(at: Date): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'short', timeZone: zone() }).format(at);
}

// YYYY-MM-DD of an instant in the user's zone, to group by day.
export function dayOf(iso: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone() }).format(new Date(iso));
}

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : new Intl.NumberFormat(locale()).format(n);
}

// A cap as people set it: $100, and $99.50.
export function capMoney(usd: number): string {
  return new Intl.NumberFormat(locale(), { style: 'currency', currency: 'USD', trailingZeroDisplay: 'stripIfInteger' }).format(usd);
}

// From a cent on two digits, below four significant ones; the exact amount stands in `title`.
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return '–';
  const small = usd !== 0 && Math.abs(usd) < 0.01;
  return new Intl.NumberFormat(locale(), {
    style: 'currency', currency: 'USD', ...(small ? { maximumSignificantDigits: 4, minimumFractionDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  }).format(usd);
}

// The whole amount in millionths of a dollar.
export function exactMoney(usd: number): string {
  return t('micro', { amount: new Intl.NumberFormat(locale(), { maximumFractionDigits: 3 }).format(usd * 1e6) });
}

export function percent(part: number, whole: number): string {
  return whole ? new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(part / whole) : '–';
}

// The instant at which a day begins in the user's zone; `next` days later.
export function startOfDay(day: string, next = 0): Date {
  const [y, m, d] = day.split('-').map(Number) as [number, number, number], wall = Date.UTC(y, m - 1, d + next);
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone(), hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });
  let at = wall;
  // Twice: the first guess may lie on the other side of a change of clocks.
  for (let i = 0; i < 2; i++) {
    const p = Object.fromEntries(parts.formatToParts(at).map((x) => [x.type, Number(x.value)])) as Record<string, number>;
    at += wall - Date.UTC(p.year!, p.month! - 1, p.day, p.hour, p.minute, p.second);
  }
  return new Date(at);
}
