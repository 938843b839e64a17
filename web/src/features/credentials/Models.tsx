// The models that a provider offers with the key that a call would use, and what each costs here.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useCall } from '../../api/query';
import { count, money } from '../../ui/format';
import { useMay } from '../../ui/me';
import { Section } from '../../ui/Page';
import { oneOf, useFilters } from '../../ui/search';
import { Empty, Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import css from './Credentials.module.css';
import { PriceDialog, useMayPrice, type PriceWish } from './Prices';
import type { Provider, Tier } from './tier';
import { providers, titleOf, whose } from './units';

const t = texts({
  title: 'Models and prices', table: 'Models of {title}', of: 'Models of', choose: 'Choose a provider …', none: 'No provider has a key yet, so that there is nothing to ask for models.', find: 'Find a model', model: 'Model', input: 'Input', output: 'Output', cached: 'Cached input', unit: 'Dollars for a million tokens, as they are booked here.',
  unpriced: 'no price', price: 'Set a price', priceLabel: 'Set a price for {model}', take: 'Choose', takeLabel: 'Choose {model}', asked: 'Asked with {whose}', nothing: 'No model has “{q}” in its name.', empty: 'The provider names no models.', shown: '{n} of {all} shown: a part of the name narrows it.', failed: 'The provider gave no list of models.', actions: 'Actions',
});
const most = 100; // rows; more are narrowed by name
const filters = { models: oneOf<Provider | ''>(['', ...providers], '') };

export function Models({ tier, onTake }: { tier: Tier; onTake: (provider: Provider, model: string) => void }) {
  const may = useMay(), mayPrice = useMayPrice(), [{ models: provider }, setFilter] = useFilters(filters), [q, setQ] = useState(''), [wish, setWish] = useState<PriceWish | null>(null);
  const offered = tier.settings.effective.providers.filter((p) => p.keySource !== 'NONE').map((p) => p.provider);
  const chosen = provider && offered.includes(provider) ? provider : '';
  const query = useCall('list_ai_models', chosen ? { provider: chosen } : {}, { enabled: chosen !== '', staleTime: 5 * 60_000, retry: false });
  if (!may('list_ai_models')) return null;
  return (
    <Section title={t('title')}>
      {offered.length === 0 ? <p className={css.note}>{t('none')}</p> : (
        <div className={css.filters}>
          <NativeSelect label={t('of')} value={chosen} onChange={(e) => { setQ(''); setFilter({ models: e.currentTarget.value as Provider | '' }); }} data={[{ value: '', label: t('choose') }, ...offered.map((p) => ({ value: p, label: titleOf(p) }))]} />
          {chosen && <TextInput label={t('find')} type="search" value={q} dir="ltr" autoComplete="off" spellCheck={false} onChange={(e) => setQ(e.currentTarget.value)} />}
        </div>
      )}
      {chosen && (
        <Loaded query={query} what={t('failed')}>
          {(data) => {
            const fits = data.models.filter((m) => `${m.id} ${m.name}`.toLowerCase().includes(q.trim().toLowerCase()));
            if (!fits.length) return <Empty title={q ? t('nothing', { q }) : t('empty')} />;
            return (
              <>
                <p className={css.note}>{t('asked', { whose: whose(data.keySource) })}, <Time at={data.cachedAt} />. {t('unit')} {fits.length > most && t('shown', { n: most, all: fits.length })}</p>
                <div className={css.scroll} tabIndex={0} role="region" aria-label={t('table', { title: titleOf(chosen) })}>
                  <table className={css.table}>
                    <thead><tr><th scope="col">{t('model')}</th><th scope="col" className={css.number}>{t('input')}</th><th scope="col" className={`${css.number} ${css.cached}`}>{t('cached')}</th><th scope="col" className={css.number}>{t('output')}</th><th scope="col"><span className="visually-hidden">{t('actions')}</span></th></tr></thead>
                    <tbody>
                      {fits.slice(0, most).map((m) => (
                        <tr key={m.id}>
                          <td><code dir="ltr">{m.id}</code>{m.name !== m.id && <div className={css.note} dir="auto">{m.name}</div>}</td>
                          {m.price.unpriced ? <><td className={css.number}>{t('unpriced')}</td><td className={css.cached} /><td className={css.number}>{mayPrice && <Button size="compact-sm" variant="default" aria-label={t('priceLabel', { model: m.id })} onClick={() => setWish({ model: m.id })}>{t('price')}</Button>}</td></> : <><td className={css.number}>{money(m.price.inputPerMillionUsd)}</td><td className={`${css.number} ${css.cached}`}>{money(m.price.cacheReadPerMillionUsd)}</td><td className={css.number}>{money(m.price.outputPerMillionUsd)}</td></>}
                          <td className={css.number}>{tier.mayChange && <Button size="compact-sm" variant="default" aria-label={t('takeLabel', { model: m.id })} onClick={() => onTake(chosen, m.id)}>{t('take')}</Button>}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
                <p className="visually-hidden" role="status">{count(fits.length)}</p>
              </>
            );
          }}
        </Loaded>
      )}
      <PriceDialog wish={wish} onClose={() => setWish(null)} />
    </Section>
  );
}
