import { Button } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Confirm, type Question } from '../../ui/Confirm';
import { useMay, useMe } from '../../ui/me';
import { Page, Section } from '../../ui/Page';
import { ErrorPanel, Loaded, Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Choices, type Wish } from './Choices';
import css from './Credentials.module.css';
import { Effective } from './Effective';
import { Models } from './Models';
import { Prices } from './Prices';
import { Policy } from './Policy';
import { useTier, type Tier, type TierKind } from './tier';
import { clearQuestion, UnitCard } from './UnitCard';
import { isEmpty, unitsOf } from './units';

const t = texts({
  own: 'Your provider keys', keys: 'Provider keys', personal: 'They pay for your own calls, in every workspace of {name}, before those of workspace and organisation.', workspace: 'They pay for calls in {name}, before those of the organisation. Personal keys come before them.',
  organisation: 'They pay for calls in every workspace of {name} that has none of its own.', tiers: 'Whose keys', tabWorkspace: 'Workspace', tabOrganisation: 'Organisation', list: 'Credentials', verifyAll: 'Verify stored keys', verified: 'The providers were asked; each key shows what came of it.', verifyFailed: 'Not every provider could be asked.',
  forbidden: 'The organisation {name} does not allow keys of one’s own.', forbiddenWhy: 'What is stored here is kept and not used; it can be cleared, but not changed. An owner or admin of the organisation can allow personal keys again.',
  clearAll: 'Clear everything here', clearAllWhy: 'All keys, addresses and preferences of this tier.', clearTitle: 'Clear all provider keys of {owner}?', cleared: 'Everything here was cleared.',
});

function Tabs({ kind }: { kind: TierKind }) {
  const may = useMay();
  if (kind === 'personal' || !may('get_organization_ai_config')) return null;
  return (
    <nav className={css.tabs} aria-label={t('tiers')}>
      <Link to={'/admin/provider-keys/workspace' as never}>{t('tabWorkspace')}</Link><Link to={'/admin/provider-keys/organisation' as never}>{t('tabOrganisation')}</Link>
    </nav>
  );
}

function Content({ tier, ask }: { tier: Tier; ask: (q: Question) => void }) {
  const me = useMe(), [wish, setWish] = useState<Wish>({}), [asking, setAsking] = useState(false), [error, setError] = useState<unknown>(null);
  const units = unitsOf(tier.settings.config), { config } = tier.settings;
  const stored = units.some((u) => u.state !== 'ABSENT'), anything = units.some((u) => !isEmpty(u)) || !!config.chatProvider || !!config.chatModel || !!config.transcriptionProvider;
  const verify = async () => {
    setAsking(true);
    setError(null);
    try {
      await tier.change({ verify: true });
      notify({ kind: 'done', text: t('verified') });
    } catch (e) {
      setError(e);
    } finally {
      setAsking(false);
    }
  };
  const clearAll = () => ask(clearQuestion(tier, t('clearTitle', { owner: tier.owner }), async () => {
    await tier.clear();
    notify({ kind: 'done', text: t('cleared') });
  }));
  return (
    <>
      {tier.forbidden && (
        <div className={css.forbidden} role="note"><IconLock size={20} aria-hidden /><div><p className={css.strong}>{t('forbidden', { name: me.workspace.organizationName ?? '' })}</p><p className={css.note}>{t('forbiddenWhy')}</p></div></div>
      )}
      <Effective tier={tier} />
      {tier.kind === 'organisation' && <Panel><Policy tier={tier} ask={ask} /></Panel>}
      <Section title={t('list')} tools={stored && tier.mayChange && <Button size="xs" variant="default" loading={asking} onClick={() => void verify()}>{t('verifyAll')}</Button>}>
        {error !== null && <ErrorPanel error={error} what={t('verifyFailed')} write />}
        <ul className={css.list}>{units.map((unit) => <UnitCard key={unit.provider} unit={unit} tier={tier} ask={ask} />)}</ul>
      </Section>
      <Panel><Choices tier={tier} wish={wish} setWish={setWish} /></Panel>
      <Panel><Models tier={tier} onTake={(chatProvider, chatModel) => setWish({ ...wish, chatProvider, chatModel })} /></Panel>
      {tier.kind !== 'personal' && <Panel><Prices ask={ask} /></Panel>}
      {anything && tier.mayClear && (
        <div className={css.clearAll}><Button variant="outline" color="danger" onClick={clearAll}>{t('clearAll')}</Button><span className={css.note}>{t('clearAllWhy')}</span></div>
      )}
    </>
  );
}

export function TierPage({ kind }: { kind: TierKind }) {
  const me = useMe(), { query, tier } = useTier(kind), [question, ask] = useState<Question | null>(null);
  const name = (kind === 'workspace' ? me.workspace.name : me.workspace.organizationName) ?? '';
  return (
    <Page title={t(kind === 'personal' ? 'own' : 'keys')} lead={t(kind, { name })}>
      <Tabs kind={kind} />
      <Loaded query={query} rows={8}>{(settings) => <Content tier={tier(settings)} ask={ask} />}</Loaded>
      <Confirm question={question} onClose={() => ask(null)} />
    </Page>
  );
}
