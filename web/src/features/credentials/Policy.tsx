import { Switch } from '@mantine/core';
import { useState } from 'react';
import type { Question } from '../../ui/Confirm';
import { Section } from '../../ui/Page';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Credentials.module.css';
import type { Tier } from './tier';

const t = texts({
  title: 'Policy', allow: 'Members may use keys of their own', on: 'A member’s own key comes before those of workspace and organisation, and pays for their calls.', off: 'Keys that members have stored are kept and not used; they can be cleared, but not changed.',
  ask: 'Forbid personal keys in {owner}?', effect: 'From the next call on nobody’s own key is used, in no workspace of the organisation: calls go on with the keys of workspace, organisation or server, or with the offline assistant. What members have stored is kept.', verb: 'Forbid personal keys', keep: 'Leave them allowed',
  forbidden: 'Personal keys are not used any more.', allowed: 'Members may use keys of their own again.', failed: 'The policy was not changed.',
});

export function Policy({ tier, ask }: { tier: Tier; ask: (q: Question) => void }) {
  const allowed = tier.settings.orgPolicy.allowPersonalKeys, [busy, setBusy] = useState(false), [error, setError] = useState<unknown>(null);
  const allow = async () => {
    setBusy(true);
    setError(null);
    try {
      await tier.change({ allowPersonalKeys: true });
      notify({ kind: 'done', text: t('allowed') });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const forbid = () => ask({
    title: t('ask', { owner: tier.owner }), body: <p>{t('effect')}</p>, verb: t('verb'), keep: t('keep'),
    run: async () => {
      await tier.change({ allowPersonalKeys: false });
      notify({ kind: 'done', text: t('forbidden') });
    },
  });
  return (
    <Section title={t('title')}>
      <Switch label={t('allow')} description={t(allowed ? 'on' : 'off')} checked={allowed} disabled={busy || !tier.mayChange} onChange={() => (allowed ? forbid() : void allow())} />
      {error !== null && <div className={css.gap}><ErrorPanel error={error} what={t('failed')} write /></div>}
    </Section>
  );
}
