// Under the composer: which model would answer, what it costs, and who pays.
import { Link } from '@tanstack/react-router';
import type { Out } from '../../api/operations';
import { useCall } from '../../api/query';
import { money } from '../../ui/format';
import { useMay } from '../../ui/me';
import { texts } from '../../ui/text';
import css from './Composer.module.css';
import { baseName, priceOf } from './price';

const t = texts({
  offline: 'The offline assistant answers: it searches and quotes, and is not a model.', setKey: 'Set a key', price: '{input} in, {output} out for a million tokens', unpriced: 'no price', see: 'See the keys',
  USER_KEY: 'paid with your own key', WORKSPACE_KEY: 'paid with the workspace’s key', ORG_KEY: 'paid with the organisation’s key', SERVER_KEY: 'paid with the server’s key', NONE: 'paid by nobody',
});
type Effective = Out<'get_personal_ai_config'>['effective'];

function Price({ effective }: { effective: Effective }) {
  const prices = useCall('list_prices', { provider: effective.provider, q: baseName(effective.model) }, { staleTime: 10 * 60_000 });
  if (!prices.data) return null;
  const found = priceOf(prices.data.prices, effective.provider, effective.model);
  return <span>{found ? t('price', { input: money(found.inputUsd), output: money(found.outputUsd) }) : t('unpriced')}</span>;
}

export function ModelLine() {
  const may = useMay(), settings = useCall('get_personal_ai_config', {}, { enabled: may('get_personal_ai_config'), staleTime: 60_000 });
  const effective = settings.data?.effective;
  if (!effective) return <p className={css.model} />;
  if (effective.status === 'OFFLINE') return <p className={css.model}><span>{t('offline')}</span><Link to={'/settings/keys' as never}>{t('setKey')}</Link></p>;
  if (effective.status !== 'OK') return <p className={css.model} data-bad><span dir="auto">{effective.reason}</span><Link to={'/settings/keys' as never}>{t('see')}</Link></p>;
  return (
    <p className={css.model}>
      <span dir="ltr">{effective.model}</span>{may('list_prices') && <Price effective={effective} />}<span>{t(effective.keySource)}</span>
    </p>
  );
}
