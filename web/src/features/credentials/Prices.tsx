// What the organisation itself says a model costs: it stands before the list that the program ships. A model that has
// neither is refused under a cap; here it gets one.
import { Button, Modal, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ApiError } from '../../api/errors';
import type { Out } from '../../api/operations';
import { useCall, useDeed } from '../../api/query';
import type { Question } from '../../ui/Confirm';
import { money } from '../../ui/format';
import { useFocusInvalid } from '../../ui/invalid';
import { useMay, useMe } from '../../ui/me';
import { Section } from '../../ui/Page';
import { ErrorPanel, Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Credentials.module.css';

const t = texts({
  title: 'Own prices', lead: 'Prices of {name}, for all its workspaces. They hold from the next call on, and stand before the shipped list of {version}. Calls of before keep what they cost.', none: 'None is set: the shipped list holds.', set: 'Set a price', setOf: 'Price of {model}',
  model: 'Model', modelWhy: 'As the provider names it; without a date it holds for dated names too.', input: 'Input', output: 'Output', cached: 'Cached input, read', written: 'Cached input, written', asInput: 'Empty: as input.', unit: 'Dollars for a million tokens.', actions: 'Actions', table: 'Table of own prices',
  change: 'Change', changeOf: 'Change the price of {model}', remove: 'Remove', removeOf: 'Remove the price of {model}', removeTitle: 'Remove the price of {model}?', removeBody: 'The shipped price holds from the next call on. A model without one is refused under a cap.', keep: 'Keep', removed: 'The price of {model} was removed.',
  save: 'Save', cancel: 'Cancel', done: '{model} costs {input} and {output} now.', failed: 'The price was not saved.', number: 'An amount in dollars, such as 3 or 0.25; at most three places.', much: 'At most $10,000.', missing: 'Which model?',
});
export type OwnPrice = Out<'list_prices'>['prices'][number];
export type PriceWish = { model: string; provider?: string | null; inputUsd?: number; outputUsd?: number; cacheReadUsd?: number; cacheWriteUsd?: number; minuteUsd?: number };
type Amount = 'inputUsd' | 'outputUsd' | 'cacheReadUsd' | 'cacheWriteUsd';
const refreshes = ['list_prices', 'list_ai_models', 'get_ai_usage'] as const;

// A price holds for the organisation: an owner of the workspace who also runs the organisation sets it.
export function useMayPrice(): boolean {
  const me = useMe(), may = useMay();
  return may('set_price') && (me.organizationRole === 'OWNER' || me.organizationRole === 'ADMIN');
}

const amountOf = (text: string): number => Number(text.trim().replace(',', '.'));
function fault(text: string, needed: boolean): string | undefined {
  if (!text.trim()) return needed ? t('number') : undefined;
  if (!/^\d+([.,]\d{1,3})?$/.test(text.trim())) return t('number');
  return amountOf(text) > 10_000 ? t('much') : undefined;
}

function Form({ wish, onClose }: { wish: PriceWish; onClose: () => void }) {
  const deed = useDeed('set_price', [...refreshes]);
  const [model, setModel] = useState(wish.model), [error, setError] = useState<unknown>(null), [wrong, setWrong] = useState<Partial<Record<Amount | 'model', string>> | null>(null);
  const [amounts, setAmounts] = useState<Record<Amount, string>>({ inputUsd: String(wish.inputUsd ?? ''), outputUsd: String(wish.outputUsd ?? ''), cacheReadUsd: String(wish.cacheReadUsd ?? ''), cacheWriteUsd: String(wish.cacheWriteUsd ?? '') });
  const form = useFocusInvalid(wrong);
  const send = async () => {
    const found = Object.fromEntries([...Object.entries(amounts).map(([name, text]) => [name, fault(text, name === 'inputUsd' || name === 'outputUsd')]), ['model', model.trim() ? undefined : t('missing')]].filter(([, why]) => why));
    setError(null);
    setWrong(Object.keys(found).length ? found : null);
    if (Object.keys(found).length) return;
    const optional = (name: 'cacheReadUsd' | 'cacheWriteUsd') => (amounts[name].trim() ? { [name]: amountOf(amounts[name]) } : {});
    try {
      const { price } = await deed.mutateAsync({ model: model.trim(), ...(wish.provider ? { provider: wish.provider } : {}), inputUsd: amountOf(amounts.inputUsd), outputUsd: amountOf(amounts.outputUsd), ...optional('cacheReadUsd'), ...optional('cacheWriteUsd'), ...(wish.minuteUsd ? { minuteUsd: wish.minuteUsd } : {}) });
      notify({ kind: 'done', text: t('done', { model: price.model, input: money(price.inputUsd), output: money(price.outputUsd) }) });
      onClose();
    } catch (e) {
      setError(e);
      if (e instanceof ApiError) setWrong(Object.fromEntries(Object.entries(e.fieldErrors).map(([name, why]) => [name, why[0]])));
    }
  };
  const field = (name: Amount, label: string, description?: string) => (
    <TextInput label={label} description={description} inputMode="decimal" dir="ltr" autoComplete="off" value={amounts[name]} onChange={(e) => setAmounts({ ...amounts, [name]: e.currentTarget.value })} error={wrong?.[name]} {...(name === 'inputUsd' && wish.model ? { 'data-autofocus': true } : {})} />
  );
  return (
    <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void send(); }} noValidate>
      {error !== null && <ErrorPanel error={error} what={t('failed')} write />}
      {wish.model ? <p><code dir="ltr">{wish.model}</code></p> : <TextInput label={t('model')} description={t('modelWhy')} dir="ltr" autoComplete="off" spellCheck={false} maxLength={200} value={model} onChange={(e) => setModel(e.currentTarget.value)} error={wrong?.model} data-autofocus />}
      <p className={css.note}>{t('unit')}</p>
      {field('inputUsd', t('input'))}
      {field('outputUsd', t('output'))}
      {field('cacheReadUsd', t('cached'), t('asInput'))}
      {field('cacheWriteUsd', t('written'), t('asInput'))}
      <div className={css.buttons}><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit" loading={deed.isPending}>{t('save')}</Button></div>
    </form>
  );
}

export function PriceDialog({ wish, onClose }: { wish: PriceWish | null; onClose: () => void }) {
  return <Modal opened={wish !== null} onClose={onClose} title={wish?.model ? t('setOf', { model: wish.model }) : t('set')}>{wish && <Form wish={wish} onClose={onClose} />}</Modal>;
}

export function Prices({ ask }: { ask: (q: Question) => void }) {
  const me = useMe(), may = useMay(), mayPrice = useMayPrice(), [wish, setWish] = useState<PriceWish | null>(null);
  const query = useCall('list_prices', {}, { enabled: may('list_prices') }), remove = useDeed('delete_price', [...refreshes]);
  if (!may('list_prices')) return null;
  const removing = (p: OwnPrice): Question => ({
    title: t('removeTitle', { model: p.model }), body: t('removeBody'), verb: t('remove'), keep: t('keep'),
    run: async () => {
      await remove.mutateAsync({ model: p.model, ...(p.provider ? { provider: p.provider } : {}) });
      notify({ kind: 'done', text: t('removed', { model: p.model }) });
    },
  });
  return (
    <Section title={t('title')} tools={mayPrice && <Button size="xs" variant="default" onClick={() => setWish({ model: '' })}>{t('set')}</Button>}>
      <Loaded query={query} rows={2}>
        {(data) => {
          const own = data.prices.filter((p) => p.source === 'override');
          return (
            <>
              <p className={css.note}>{t('lead', { name: me.workspace.organizationName ?? '', version: data.version })} {own.length === 0 && t('none')}</p>
              {own.length > 0 && (
                <div className={css.scroll} tabIndex={0} role="region" aria-label={t('table')}>
                  <table className={css.table}>
                    <thead><tr><th scope="col">{t('model')}</th><th scope="col" className={css.number}>{t('input')}</th><th scope="col" className={`${css.number} ${css.cached}`}>{t('cached')}</th><th scope="col" className={css.number}>{t('output')}</th><th scope="col"><span className="visually-hidden">{t('actions')}</span></th></tr></thead>
                    <tbody>
                      {own.map((p) => (
                        <tr key={`${p.provider ?? ''} ${p.model}`}>
                          <td><code dir="ltr">{p.model}</code>{p.provider && <div className={css.note}>{p.provider}</div>}</td>
                          <td className={css.number}>{money(p.inputUsd)}</td><td className={`${css.number} ${css.cached}`}>{money(p.cacheReadUsd)}</td><td className={css.number}>{money(p.outputUsd)}</td>
                          <td className={css.number}>{mayPrice && (
                            <span className={css.buttons}>
                              <Button size="compact-sm" variant="default" aria-label={t('changeOf', { model: p.model })} onClick={() => setWish(p)}>{t('change')}</Button>
                              <Button size="compact-sm" variant="default" aria-label={t('removeOf', { model: p.model })} onClick={() => ask(removing(p))}>{t('remove')}</Button>
                            </span>
                          )}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
      <PriceDialog wish={wish} onClose={() => setWish(null)} />
    </Section>
  );
}
