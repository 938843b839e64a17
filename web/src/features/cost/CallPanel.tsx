// One call with all that the ledger knows of it.
import { Drawer } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { CopyButton } from '../../ui/CopyButton';
import { count, exactMoney, exactTime, money } from '../../ui/format';
import { Empty, Loading } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Ledger.module.css';
import { monthName, word, type Call } from './words';

const t = texts({
  title: 'Call', close: 'Close', gone: 'This call is not among the rows that are loaded.', goneWhy: 'Load further ones, or clear the filters.', when: 'Written', month: 'Booked to', what: 'For', provider: 'Provider', model: 'Model', key: 'Key source', user: 'User', nobody: 'Nobody (autonomous)',
  thread: 'Chat', task: 'Agent task', run: 'Run', attempt: 'Attempt', in: 'Tokens in, not cached', out: 'Tokens out', read: 'Read from a cache', write: 'Written to a cache', cost: 'Cost', exact: 'Exactly', noPrice: 'No price is known: counted, in no sum', basis: 'Known as', prices: 'Price list',
  duration: 'Took', ms: '{n} ms', error: 'Error', id: 'Row', copy: 'Copy as JSON', only: 'Only this', negative: 'Negative: what an earlier worst case was too much.',
  reported: 'Reported by the provider', estimated: 'Estimated from above: the stream was cut', worst_case: 'Worst case: the process that made the call was lost', external: 'Said by an agent’s bridge',
});

function Field({ name, children }: { name: string; children: ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}
const only = (change: Record<string, string>) => ((old: Record<string, unknown>) => ({ ...old, ...change, open: undefined })) as never;

function Fields({ call }: { call: Call }) {
  return (
    <>
      <dl className={css.fields}>
        <Field name={t('cost')}>{call.unpriced ? t('noPrice') : <><b dir="ltr">{money(call.costUsd)}</b> <small dir="ltr">{exactMoney(call.costUsd)}</small></>}{call.costUsd < 0 && <small>{t('negative')}</small>}</Field>
        <Field name={t('basis')}>{t(call.basis)}</Field>
        {call.priceVersion && <Field name={t('prices')}><span dir="ltr">{call.priceVersion}</span></Field>}
        <Field name={t('when')}><time dateTime={call.createdAt ?? ''}>{call.createdAt && exactTime(call.createdAt)}</time></Field>
        <Field name={t('month')}><span dir="auto">{monthName(call.month)} (UTC)</span></Field>
        <Field name={t('what')}>{word(call.operationType)}</Field>
        <Field name={t('provider')}><span dir="auto">{call.provider}</span></Field>
        <Field name={t('model')}><span dir="auto">{call.model}</span></Field>
        <Field name={t('key')}>{word(call.keySource)}</Field>
        <Field name={t('user')}>{call.userId ? <span dir="auto">{call.userName ?? call.userId}</span> : t('nobody')}</Field>
        <Field name={t('in')}><span dir="ltr">{count(call.inputTokens)}</span></Field>
        {call.cacheReadTokens > 0 && <Field name={t('read')}><span dir="ltr">{count(call.cacheReadTokens)}</span></Field>}
        {call.cacheWriteTokens > 0 && <Field name={t('write')}><span dir="ltr">{count(call.cacheWriteTokens)}</span></Field>}
        <Field name={t('out')}><span dir="ltr">{count(call.outputTokens)}</span></Field>
        <Field name={t('attempt')}><span dir="ltr">{count(call.attempt)}</span></Field>
        <Field name={t('duration')}>{t('ms', { n: call.durationMs })}</Field>
        {call.error && <Field name={t('error')}><code dir="ltr">{call.error}</code></Field>}
        {call.threadId && <Field name={t('thread')}><code dir="ltr">{call.threadId}</code> <Link to="." search={only({ threadId: call.threadId })}>{t('only')}</Link></Field>}
        {call.agentTaskId && <Field name={t('task')}><code dir="ltr">{call.agentTaskId}</code> <Link to="." search={only({ agentTaskId: call.agentTaskId })}>{t('only')}</Link></Field>}
        {call.runId && <Field name={t('run')}><code dir="ltr">{call.runId}</code></Field>}
        <Field name={t('id')}><code dir="ltr">{call.id}</code></Field>
      </dl>
      <CopyButton label={t('copy')} text={() => JSON.stringify(call, null, 2)} />
    </>
  );
}

export function CallPanel({ open, call, waits, onClose }: { open: string; call: Call | undefined; waits: boolean; onClose: () => void }) {
  return (
    <Drawer opened={open !== ''} onClose={onClose} position="right" size={440} title={t('title')} closeButtonProps={{ 'aria-label': t('close') }}>
      {call ? <Fields call={call} /> : waits ? <Loading /> : <Empty title={t('gone')}>{t('goneWhy')}</Empty>}
    </Drawer>
  );
}
