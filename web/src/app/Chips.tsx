// What the header says of the assistant and of money: who answers while no key is set, what is spent of the cap.
import { IconAlertTriangle, IconCoin, IconPlugConnectedX } from '@tabler/icons-react';
import { useIsFetching } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { Out } from '../api/operations';
import { useCall } from '../api/query';
import { capMoney, money } from '../ui/format';
import { useMay } from '../ui/me';
import { texts } from '../ui/text';
import { tip } from '../ui/tip';
import css from './Chips.module.css';

const t = texts({
  offline: 'Offline assistant', offlineWhy: 'No provider key is set. The offline assistant answers: it searches and quotes, and is not a model.',
  refused: 'AI calls are refused', of: '{spent} of {cap}', spentWhy: 'Spent on AI this month, of the cap of the workspace', nearWhy: '{percent} % of this month’s cap for AI is spent', reachedWhy: 'This month’s cap for AI is reached: calls are refused until it is raised or the month ends',
  noCap: '{spent} this month', noCapWhy: 'Spent on AI this month. There is no cap.',
});
const warnsFrom = 80;

// The first content of a page goes first.
function useQuiet(): boolean {
  const fetching = useIsFetching(), [quiet, setQuiet] = useState(false);
  useEffect(() => {
    if (quiet) return;
    const clock = setTimeout(() => setQuiet(true), fetching ? 3000 : 100);
    return () => clearTimeout(clock);
  }, [fetching, quiet]);
  return quiet;
}

function Assistant({ effective, admin }: { effective: Out<'get_personal_ai_config'>['effective']; admin: boolean }) {
  if (effective.status === 'OK') return null;
  const offline = effective.status === 'OFFLINE', Icon = offline ? IconPlugConnectedX : IconAlertTriangle;
  const own = effective.keySource === 'USER_KEY' || !admin;
  return (
    <Link to={own ? '/settings/keys' : effective.keySource === 'ORG_KEY' ? '/admin/provider-keys/organisation' : '/admin/provider-keys/workspace'} className={css.chip} data-kind={offline ? 'note' : 'danger'} {...tip(offline ? t('offlineWhy') : (effective.reason ?? ''))}>
      <Icon size={16} aria-hidden /><span className={css.words}>{t(offline ? 'offline' : 'refused')}</span>
    </Link>
  );
}

function Budget({ budget }: { budget: Out<'get_ai_budget'>['budget'] }) {
  const { capUsd, spentUsd } = budget;
  if (capUsd === null && spentUsd === 0) return null;
  const percent = capUsd === null ? 0 : capUsd === 0 ? 100 : Math.floor((spentUsd / capUsd) * 100);
  const kind = percent >= 100 ? 'danger' : percent >= warnsFrom ? 'warning' : 'quiet';
  const why = capUsd === null ? t('noCapWhy') : kind === 'danger' ? t('reachedWhy') : kind === 'warning' ? t('nearWhy', { percent }) : t('spentWhy');
  const Icon = kind === 'quiet' ? IconCoin : IconAlertTriangle;
  return (
    <Link to={'/admin/usage' as never} className={css.chip} data-kind={kind} {...tip(why)}>
      <Icon size={16} aria-hidden /><span className={css.words}>{capUsd === null ? t('noCap', { spent: money(spentUsd) }) : t('of', { spent: money(spentUsd), cap: capMoney(capUsd) })}</span>{kind !== 'quiet' && <span className="visually-hidden">. {why}</span>}
    </Link>
  );
}

export function Chips() {
  const may = useMay(), quiet = useQuiet(), often = { staleTime: 60_000 };
  const keys = useCall('get_personal_ai_config', {}, { enabled: quiet && may('get_personal_ai_config'), ...often });
  const budget = useCall('get_ai_budget', {}, { enabled: quiet && may('get_ai_budget'), ...often });
  return (
    <>
      {keys.data && <Assistant effective={keys.data.effective} admin={may('update_workspace_ai_config')} />}
      {budget.data && <Budget budget={budget.data.budget} />}
    </>
  );
}
