import { IconAlertTriangle, IconCircleCheck, IconPlugConnectedX } from '@tabler/icons-react';
import { texts } from '../../ui/text';
import css from './Credentials.module.css';
import type { Tier } from './tier';
import { titleOf, whose } from './units';

const t = texts({
  now: 'Answers now', personal: 'For your calls in this workspace', workspace: 'For calls in this workspace, leaving personal keys aside', organisation: 'For calls that have neither a personal nor a workspace key',
  who: '{provider}, {model}, paid with {whose}.', offline: 'The offline assistant: it searches this workspace and quotes what it finds. It costs nothing, sends nothing anywhere, and is not a model. As soon as one of the providers below has a key, a model answers.',
  stopped: 'Calls are refused.',
});

// What a call would use now, seen from this tier, and the server's reason for it.
export function Effective({ tier }: { tier: Tier }) {
  const { effective } = tier.settings, { status } = effective;
  const Icon = status === 'OK' ? IconCircleCheck : status === 'OFFLINE' ? IconPlugConnectedX : IconAlertTriangle;
  return (
    <section className={css.effective} data-status={status} aria-label={t('now')}>
      <Icon size={20} aria-hidden />
      <div>
        <div className={css.label}>{t('now')} · {t(tier.kind)}</div>
        <p className={css.strong}>{status === 'OK' ? t('who', { provider: titleOf(effective.provider), model: effective.model, whose: whose(effective.keySource) }) : status === 'OFFLINE' ? t('offline') : t('stopped')}</p>
        {status !== 'OFFLINE' && <p className={css.note} dir="auto">{effective.reason}</p>}
      </div>
    </section>
  );
}
