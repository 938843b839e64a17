// One entry of the log beside the list, whether the list has loaded it or not.
import { Drawer } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Out } from '../../api/operations';
import { useCall } from '../../api/query';
import { CopyButton } from '../../ui/CopyButton';
import { count, exactTime } from '../../ui/format';
import { Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Audit.module.css';
import { Severity } from './Severity';
import { eventName, kindName } from './words';

const t = texts({
  title: 'Entry of the log', close: 'Close', when: 'When', severity: 'Severity', event: 'Event', action: 'Operation', outcome: 'Outcome', done: 'Done', message: 'In words', actor: 'Actor', behalf: 'On behalf of', thing: 'About', ip: 'Address', request: 'Request', times: 'How often', timesOf: { one: '{n} time in a minute', other: '{n} times in a minute' },
  seal: 'Seal', place: 'Number {seq} in the chain', open: 'Not sealed yet', hash: 'Hash', metadata: 'Further facts', json: 'As JSON', copy: 'Copy as JSON', only: 'Only this actor', about: 'Only this', id: 'Entry',
});
export type Entry = Out<'get_audit_entry'>['entry'];

function Field({ name, children }: { name: string; children: ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}
const plain = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value));
const facts = (metadata: unknown): [string, unknown][] => (metadata && typeof metadata === 'object' && !Array.isArray(metadata) ? Object.entries(metadata) : []);

function Fields({ entry, filterBy, things }: { entry: Entry; filterBy: string; things: boolean }) {
  const only = (change: Record<string, string>) => ((old: Record<string, unknown>) => ({ ...old, ...change, open: undefined })) as never;
  const json = JSON.stringify(entry, null, 2);
  return (
    <>
      <dl className={css.fields}>
        <Field name={t('when')}><time dateTime={entry.createdAt ?? ''}>{entry.createdAt && exactTime(entry.createdAt)}</time></Field>
        {entry.severity && <Field name={t('severity')}><Severity of={entry.severity} /></Field>}
        {entry.type && <Field name={t('event')}>{eventName(entry.type)} <code dir="ltr">{entry.type}</code></Field>}
        {entry.message && <Field name={t('message')}><span dir="auto">{entry.message}</span></Field>}
        <Field name={t('action')}><code dir="ltr">{entry.action}</code></Field>
        <Field name={t('outcome')}>{entry.outcome === 'OK' ? t('done') : <code dir="ltr">{entry.outcome}</code>}</Field>
        <Field name={t('actor')}>{entry.actorName && <span dir="auto">{entry.actorName} </span>}<small>{kindName(entry.actorKind)}</small>{entry.actorId && <> <code dir="ltr">{entry.actorId}</code> <Link to="." search={only({ [filterBy]: entry.actorId })}>{t('only')}</Link></>}</Field>
        {entry.onBehalfOf && <Field name={t('behalf')}><code dir="ltr">{entry.onBehalfOf}</code></Field>}
        {entry.entityType && <Field name={t('thing')}><span dir="ltr">{entry.entityType}</span> {entry.entityId && <code dir="ltr">{entry.entityId}</code>} {things && <Link to="." search={only({ entityType: entry.entityType, ...(entry.entityId ? { entityId: entry.entityId } : {}) })}>{t('about')}</Link>}</Field>}
        {entry.ip && <Field name={t('ip')}><span dir="ltr">{entry.ip}</span></Field>}
        {entry.count > 1 && <Field name={t('times')}>{t('timesOf', { n: entry.count })}</Field>}
        {entry.requestId && <Field name={t('request')}><code dir="ltr">{entry.requestId}</code></Field>}
        <Field name={t('seal')}>{entry.seq ? t('place', { seq: count(entry.seq) }) : t('open')}</Field>
        {entry.hash && <Field name={t('hash')}><code dir="ltr">{entry.hash}</code></Field>}
        <Field name={t('id')}><code dir="ltr">{entry.id}</code></Field>
      </dl>
      {facts(entry.metadata).length > 0 && (
        <>
          <h3 className={css.sub}>{t('metadata')}</h3>
          <dl className={css.fields}>{facts(entry.metadata).map(([key, value]) => <div key={key}><dt dir="ltr">{key}</dt><dd dir="auto">{plain(value)}</dd></div>)}</dl>
        </>
      )}
      <details className={css.json}><summary>{t('json')}</summary><pre dir="ltr" tabIndex={0}>{json}</pre></details>
      <CopyButton label={t('copy')} text={json} />
    </>
  );
}

export function EntryPanel({ open, onClose, filterBy, things = false }: { open: string; onClose: () => void; filterBy: string; things?: boolean }) {
  const query = useCall('get_audit_entry', { id: open }, { enabled: open !== '', retry: false });
  return (
    <Drawer opened={open !== ''} onClose={onClose} position="right" size={480} title={t('title')} closeButtonProps={{ 'aria-label': t('close') }}>
      {open && <Loaded query={query} rows={8}>{(data) => <Fields entry={data.entry} filterBy={filterBy} things={things} />}</Loaded>}
    </Drawer>
  );
}
