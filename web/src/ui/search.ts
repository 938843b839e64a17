// What the URL holds after the question mark, typed: a screen says which filters it has, a bad value is dropped and said.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { texts } from './text';
import { notify } from './toast-store';

const t = texts({ dropped: 'The link had a filter that is not understood here: {names}. It was left out.' });

export interface Filter<T> { read: (raw: unknown) => T | undefined; usual: T }
export const textFilter = (most = 200): Filter<string> => ({
  read: (raw) => (typeof raw === 'string' && raw.length <= most ? raw : typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : undefined), usual: '',
});
export const oneOf = <T extends string>(values: readonly T[], usual: T): Filter<T> => ({ read: (raw) => values.find((v) => v === raw), usual });

type Filters = Record<string, Filter<unknown>>;
type Values<F extends Filters> = { [K in keyof F]: F[K] extends Filter<infer T> ? T : never };

export function useFilters<F extends Filters>(filters: F): [Values<F>, (change: Partial<Values<F>>, push?: boolean) => void] {
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const { values, bad } = useMemo(() => {
    const found: Record<string, unknown> = {}, wrong: string[] = [];
    for (const [name, filter] of Object.entries(filters)) {
      const value = raw[name] === undefined ? filter.usual : filter.read(raw[name]);
      if (value === undefined) wrong.push(name);
      found[name] = value ?? filter.usual;
    }
    return { values: found as Values<F>, bad: wrong.join(', ') };
  }, [raw, filters]);
  useEffect(() => {
    if (bad) notify({ text: t('dropped', { names: bad }) });
  }, [bad]);
  const set = (change: Partial<Values<F>>, push = false) => {
    const next: Record<string, unknown> = { ...raw, ...change };
    for (const [name, filter] of Object.entries(filters)) if (next[name] === filter.usual) delete next[name];
    void navigate({ to: '.', search: next as never, replace: !push });
  };
  return [values, set];
}
