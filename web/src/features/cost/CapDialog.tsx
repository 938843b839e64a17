// Changing what a month may cost: first what it is to be, then what that does, and the present value when somebody else
// changed it meanwhile. Never below what is spent but 0: either stops new calls already.
import { Button, Modal, NativeSelect, Switch, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { ApiError, isCode } from '../../api/errors';
import { useCall, useDeed } from '../../api/query';
import { money } from '../../ui/format';
import { useFocusInvalid } from '../../ui/invalid';
import { useMe } from '../../ui/me';
import { ErrorPanel, Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Cost.module.css';
import type { Budget } from './Figures';

const t = texts({
  title: 'Change the cap', none: 'No cap', noneWhy: 'Nothing stops spending then.', cap: 'Cap of a month, in dollars', capWhy: 'All keys count. {usd} is spent this month.', percent: 'Soft warning, in percent', percentWhy: 'Owners are told once when so much of the cap is spent. 0: never.',
  unpriced: 'Models without a price', REFUSE: 'Refuse them under a cap', ALLOW: 'Allow them: the cap does not see them', unpricedWhy: 'Only owners change this.', next: 'Go on', cancel: 'Cancel', back: 'Leave as it is',
  low: '{usd} is spent this month already: not less than that. That amount, or 0, stops new calls at once.', number: 'An amount in dollars, such as 100 or 12.50.', whole: 'A whole number from 0 to 100.', much: 'Less than a billion dollars.',
  confirm: 'Change the cap from {from} to {to}?', confirmRest: 'Change the rules of the cap?', effect: 'It holds from the next call on, for everybody in this workspace. {spent} is spent this month, {reserved} is reserved by open calls.', lower: 'Calls whose worst case does not fit any more are refused at once; open ones end as they were admitted.',
  warnFrom: 'The soft warning goes from {from} % to {to} %.', rule: 'Models without a price: {rule}.', go: 'Change it', done: 'The cap is {cap} now.', failed: 'The cap was not changed.', none2: 'no cap',
  conflict: 'Somebody has changed it meanwhile. Now it is {theirs}; yours is {mine}. Nothing was overwritten.', same: 'Nothing is different.',
});
const capText = (cap: number | null | undefined): string => (cap === null || cap === undefined ? t('none2') : money(cap));

function Form({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const me = useMe(), deed = useDeed('update_ai_budget', ['get_ai_budget', 'get_ai_usage']);
  const [none, setNone] = useState(budget.capUsd === null), [cap, setCap] = useState(budget.capUsd === null ? '' : String(budget.capUsd));
  const [percent, setPercent] = useState(String(budget.softWarningPercent)), [rule, setRule] = useState<string>(budget.unpricedModels);
  const [wrong, setWrong] = useState<Record<string, string> | null>(null), [sure, setSure] = useState(false), [error, setError] = useState<unknown>(null);
  const form = useFocusInvalid(wrong), safe = useRef<HTMLButtonElement>(null);
  useEffect(() => { if (sure) safe.current?.focus(); }, [sure]);
  const capUsd = none ? null : Number(cap.trim().replace(',', '.')), changed = capUsd !== (budget.capUsd ?? null);
  const check = () => {
    const found: Record<string, string> = {};
    if (capUsd !== null && (!cap.trim() || !Number.isFinite(capUsd) || capUsd < 0)) found.cap = t('number');
    else if (capUsd !== null && capUsd > 1e9) found.cap = t('much');
    else if (capUsd !== null && capUsd > 0 && changed && capUsd < budget.spentUsd) found.cap = t('low', { usd: money(budget.spentUsd) });
    if (!/^\d{1,3}$/.test(percent.trim()) || Number(percent) > 100) found.percent = t('whole');
    if (!Object.keys(found).length && !changed && Number(percent) === budget.softWarningPercent && rule === budget.unpricedModels) found.cap = t('same');
    setWrong(found);
    setError(null);
    setSure(!Object.keys(found).length);
  };
  const send = async () => {
    try {
      const { budget: now } = await deed.mutateAsync({
        ...(changed ? { capUsd } : {}), softWarningPercent: Number(percent), version: budget.version, ...(rule !== budget.unpricedModels ? { unpricedModels: rule as Budget['unpricedModels'] } : {}),
      });
      notify({ kind: 'done', text: t('done', { cap: capText(now.capUsd) }) });
      onClose();
    } catch (e) {
      setSure(false);
      setError(e);
      if (e instanceof ApiError && Object.keys(e.fieldErrors).length) setWrong({ cap: e.fieldErrors.capUsd?.[0] ?? '', percent: e.fieldErrors.softWarningPercent?.[0] ?? '' });
    }
  };
  if (sure)
    return (
      <div className={css.form}>
        <p className={css.strong}>{changed ? t('confirm', { from: capText(budget.capUsd), to: capText(capUsd) }) : t('confirmRest')}</p>
        <p>{t('effect', { spent: money(budget.spentUsd), reserved: money(budget.reservedUsd) })}</p>
        {changed && capUsd !== null && (budget.capUsd === null || budget.capUsd === undefined || capUsd < budget.capUsd) && <p>{t('lower')}</p>}
        {Number(percent) !== budget.softWarningPercent && <p>{t('warnFrom', { from: budget.softWarningPercent, to: Number(percent) })}</p>}
        {rule !== budget.unpricedModels && <p>{t('rule', { rule: t(rule as 'ALLOW') })}</p>}
        <div className={css.buttons}><Button ref={safe} variant="default" onClick={() => setSure(false)}>{t('back')}</Button><Button variant="outline" color="danger" loading={deed.isPending} onClick={() => void send()}>{t('go')}</Button></div>
      </div>
    );
  return (
    <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); check(); }} noValidate>
      {isCode(error, 'VERSION_CONFLICT') ? <p role="alert" className={css.state} data-kind="warning">{t('conflict', { theirs: capText(budget.capUsd), mine: capText(capUsd) })}</p> : error !== null && <ErrorPanel error={error} what={t('failed')} write />}
      <TextInput label={t('cap')} description={t('capWhy', { usd: money(budget.spentUsd) })} inputMode="decimal" dir="ltr" data-autofocus value={none ? '' : cap} disabled={none} onChange={(e) => setCap(e.currentTarget.value)} error={wrong?.cap} />
      <Switch label={t('none')} description={t('noneWhy')} checked={none} onChange={(e) => setNone(e.currentTarget.checked)} />
      <TextInput label={t('percent')} description={t('percentWhy')} inputMode="numeric" dir="ltr" value={percent} onChange={(e) => setPercent(e.currentTarget.value)} error={wrong?.percent} />
      <NativeSelect label={t('unpriced')} {...(me.role === 'OWNER' ? {} : { description: t('unpricedWhy'), disabled: true })} value={rule} onChange={(e) => setRule(e.currentTarget.value)} data={(['REFUSE', 'ALLOW'] as const).map((v) => ({ value: v, label: t(v) }))} />
      <div className={css.buttons}><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit">{t('next')}</Button></div>
    </form>
  );
}

export function CapDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const query = useCall('get_ai_budget', {}, { enabled: opened, staleTime: 0 });
  return <Modal opened={opened} onClose={onClose} title={t('title')}>{opened && <Loaded query={query} rows={4}>{(data) => <Form budget={data.budget} onClose={onClose} />}</Loaded>}</Modal>;
}
