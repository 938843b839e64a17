import { Button, NativeSelect, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { texts } from '../../ui/text';
import css from './Ledger.module.css';
import type { LedgerSearch } from './LedgerPage';
import { bases, keyName, keySources, monthBefore, monthName, monthNow, nobody, operations, word, type Summary } from './words';

const t = texts({
  month: 'Month (UTC)', all: 'All months', day: 'Day (UTC)', model: 'Model', user: 'User', operation: 'For', keySource: 'Key source', basis: 'Known as', pricing: 'Price', any: 'Any', nobody: 'Nobody (autonomous)',
  priced: 'With a price', unpriced: 'Without a price', task: 'Task {id}', thread: 'Chat {id}', remove: 'Remove the filter {name}', clear: 'Clear filters', filters: 'Filters',
});
interface Props { value: LedgerSearch; set: (change: Partial<LedgerSearch>) => void; month: string | undefined; sums: Summary | undefined; onClear: (() => void) | undefined }
interface Choice { value: string; label: string }

// What is chosen stands in the list also when the month does not have it.
function withOwn(choices: Choice[], value: string, label: string): Choice[] {
  return !value || choices.some((c) => c.value === value) ? choices : [...choices, { value, label }];
}

export function LedgerFilters({ value, set, month, sums, onClear }: Props) {
  const any = { value: '', label: t('any') }, of = (list: readonly string[]) => [any, ...list.map((v) => ({ value: v, label: word(v) }))];
  const months = withOwn([...Array.from({ length: 13 }, (_, i) => monthBefore(monthNow(), i)).map((m) => ({ value: m, label: monthName(m) })), { value: 'all', label: t('all') }], month ?? 'all', month ? monthName(month) : '');
  const chosen = value.model ? `${value.provider}/${value.model}` : '';
  const models = withOwn([any, ...(sums?.byModel.values ?? []).map((v) => ({ value: v.key, label: v.key }))], chosen, value.provider ? chosen : value.model);
  const users = withOwn([any, ...(sums?.byUser.values ?? []).map((v) => ({ value: v.key || nobody, label: keyName('user', v.key, v.name) }))], value.userId, value.userId === nobody ? t('nobody') : value.userId);
  const setModel = (key: string) => {
    const cut = key.indexOf('/');
    set(key ? { provider: key.slice(0, cut), model: key.slice(cut + 1) } : { provider: '', model: '' });
  };
  return (
    <div className={css.filters} role="group" aria-label={t('filters')}>
      <NativeSelect label={t('month')} value={month ?? 'all'} onChange={(e) => set({ month: e.currentTarget.value === monthNow() ? '' : e.currentTarget.value, day: '' })} data={months} />
      <TextInput label={t('day')} type="date" value={value.day} onChange={(e) => set({ day: e.currentTarget.value, ...(e.currentTarget.value ? { month: '' } : {}) })} />
      <NativeSelect label={t('model')} value={chosen} onChange={(e) => setModel(e.currentTarget.value)} data={models} />
      <NativeSelect label={t('user')} value={value.userId} onChange={(e) => set({ userId: e.currentTarget.value })} data={users} />
      <NativeSelect label={t('operation')} value={value.operationType} onChange={(e) => set({ operationType: e.currentTarget.value })} data={of(operations)} />
      <NativeSelect label={t('keySource')} value={value.keySource} onChange={(e) => set({ keySource: e.currentTarget.value })} data={of(keySources)} />
      <NativeSelect label={t('basis')} value={value.basis} onChange={(e) => set({ basis: e.currentTarget.value })} data={of(bases)} />
      <NativeSelect label={t('pricing')} value={value.pricing} onChange={(e) => set({ pricing: e.currentTarget.value })} data={[any, { value: 'priced', label: t('priced') }, { value: 'unpriced', label: t('unpriced') }]} />
      {(['agentTaskId', 'threadId'] as const).filter((name) => value[name]).map((name) => {
        const label = t(name === 'agentTaskId' ? 'task' : 'thread', { id: value[name] });
        return <Button key={name} variant="default" className={css.chip} rightSection={<IconX size={14} aria-hidden />} aria-label={t('remove', { name: label })} onClick={() => set({ [name]: '' })}>{label}</Button>;
      })}
      {onClear && <Button variant="subtle" className={css.chip} onClick={onClear}>{t('clear')}</Button>}
    </div>
  );
}
