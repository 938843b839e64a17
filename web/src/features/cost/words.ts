// Names of what calls are counted by, and of UTC months and days.
import type { Out } from '../../api/operations';
import { oneOf, type Filter } from '../../ui/search';
import { locale, texts } from '../../ui/text';

const t = texts({
  chat: 'Chat', agent: 'Agents', extraction: 'Extraction', embedding: 'Embedding', other: 'Other work',
  USER_KEY: 'Personal key', WORKSPACE_KEY: 'Workspace key', ORG_KEY: 'Organisation key', SERVER_KEY: 'Server key', NONE: 'No key (offline assistant)',
  reported: 'Reported', estimated: 'Estimated', worst_case: 'Worst case', external: 'From outside', nobody: 'Nobody (autonomous)',
  day: 'Day', model: 'Model', user: 'User', operation: 'Operation', keySource: 'Key source',
});
export type Summary = NonNullable<Out<'get_ai_usage'>['summary']>;
export type Call = NonNullable<Out<'get_ai_usage'>['usage']>[number];
export const operations = ['chat', 'agent', 'extraction', 'embedding', 'other'] as const;
export const keySources = ['USER_KEY', 'WORKSPACE_KEY', 'ORG_KEY', 'SERVER_KEY', 'NONE'] as const;
export const bases = ['reported', 'estimated', 'worst_case', 'external'] as const;
export const breakdowns = ['day', 'model', 'user', 'operation', 'keySource'] as const;
export type By = (typeof breakdowns)[number];
export const nobody = 'nobody'; // in the URL: what nobody did

const named = [...operations, ...keySources, ...bases, ...breakdowns] as readonly string[];
export const word = (key: string): string => (named.includes(key) ? t(key as 'chat') : key);

// What a key of a breakdown is called; users have names.
export function keyName(by: By, key: string, name?: string | null): string {
  if (by === 'user') return key === '' ? t('nobody') : name || key;
  return by === 'operation' || by === 'keySource' ? word(key) : key;
}

export const monthNow = (): string => new Date().toISOString().slice(0, 7);
export const today = (): string => new Date().toISOString().slice(0, 10);
export function monthBefore(month: string, back = 1): string {
  const [y, m] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(y, m - 1 - back, 1)).toISOString().slice(0, 7);
}
const at = (day: string) => new Date(`${day}T00:00:00Z`);
export const monthName = (month: string): string => new Intl.DateTimeFormat(locale(), { timeZone: 'UTC', month: 'long', year: 'numeric' }).format(at(`${month}-01`));
export const dayName = (day: string): string => new Intl.DateTimeFormat(locale(), { timeZone: 'UTC', day: 'numeric', month: 'long' }).format(at(day));

export const isMonth = (raw: unknown): raw is string => typeof raw === 'string' && /^(20|19)\d\d-(0[1-9]|1[0-2])$/.test(raw);
export const monthFilter: Filter<string> = { read: (raw) => (isMonth(raw) ? raw : undefined), usual: '' };
export const dayFilter: Filter<string> = { read: (raw) => (typeof raw === 'string' && /^\d{4}-\d\d-\d\d$/.test(raw) && !Number.isNaN(Date.parse(raw)) ? raw : undefined), usual: '' };
export const byFilter = oneOf(breakdowns, 'model');
// The series that are shown; none named: all.
export const seriesFilter: Filter<string> = { read: (raw) => (typeof raw === 'string' && raw.length <= 2000 ? raw : undefined), usual: '' };

// What leads from a key of a breakdown to its rows.
export function ledgerSearch(by: By, key: string, month: string): Record<string, string> {
  if (by === 'day') return { month, day: key };
  if (by === 'user') return { month, userId: key || nobody };
  if (by === 'operation') return { month, operationType: key };
  if (by === 'keySource') return { month, keySource: key };
  const cut = key.indexOf('/');
  return { month, provider: key.slice(0, cut), model: key.slice(cut + 1) };
}
