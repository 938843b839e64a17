import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconChevronRight, IconClock, IconLoader2 } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { CodeBlock } from '../../ui/Markdown';
import { texts } from '../../ui/text';
import css from './ToolCard.module.css';
import { recordName, toolWords, type ToolPart } from './words';

const t = texts({
  waiting: 'waiting', running: { one: 'running, {n} second', other: 'running, {n} seconds' }, done: 'done', failed: 'failed', declined: 'declined', hits: { one: '{n} hit', other: '{n} hits' },
  input: 'Asked with', output: 'Came back', none: 'nothing', json: 'Show as JSON', fields: 'Show as fields', all: 'Show all', steps: { one: '{n} step: {names}', other: '{n} steps: {names}' }, more: 'and {n} more',
});
const linesShown = 20;

type State = 'waiting' | 'running' | 'done' | 'failed' | 'declined';
function stateOf(part: ToolPart): State {
  switch (part.state) {
    case 'output-available': return 'done';
    case 'output-error': return 'failed';
    case 'output-denied': return 'declined';
    case 'approval-requested': return 'waiting';
    default: return 'running';
  }
}
const icons = { waiting: IconClock, running: IconLoader2, done: IconCheck, failed: IconAlertTriangle, declined: IconAlertTriangle };

function useSeconds(on: boolean): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (!on) return;
    const from = Date.now(), clock = setInterval(() => setSeconds(Math.floor((Date.now() - from) / 1000)), 1000);
    return () => clearInterval(clock);
  }, [on]);
  return seconds;
}

function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === '') return <span className={css.muted}>–</span>;
  // Records by their names; what they are in full stands in the JSON.
  if (Array.isArray(value) && value.length && value.every(recordName)) return <ul className={css.names}>{value.slice(0, linesShown).map((v, i) => <li key={i} dir="auto">{recordName(v)}</li>)}{value.length > linesShown && <li>…</li>}</ul>;
  if (typeof value === 'object') return <code dir="ltr">{JSON.stringify(value)}</code>;
  return <span dir="auto">{String(value)}</span>;
}

function Fields({ title, value }: { title: string; value: unknown }) {
  const [json, setJson] = useState(false), [all, setAll] = useState(false);
  const plain = value && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : null;
  const lines = JSON.stringify(value, null, 2)?.split('\n') ?? [];
  const shown = all ? lines : lines.slice(0, linesShown);
  return (
    <div className={css.part}>
      <div className={css.title}>{title}{plain && <Button size="compact-sm" variant="subtle" onClick={() => setJson(!json)}>{json ? t('fields') : t('json')}</Button>}</div>
      {plain && !json ? (
        <dl className={css.fields}>
          {plain.length === 0 && <dd className={css.muted}>{t('none')}</dd>}
          {plain.slice(0, all ? undefined : linesShown).map(([key, v]) => <div key={key}><dt dir="ltr">{key}</dt><dd><Value value={v} /></dd></div>)}
        </dl>
      ) : typeof value === 'string' ? <p dir="auto" className={css.plain}>{all ? value : value.split('\n').slice(0, linesShown).join('\n')}</p>
        : value === undefined ? <p className={css.muted}>{t('none')}</p> : <CodeBlock lang="JSON" text={shown.join('\n')} />}
      {!all && lines.length > linesShown && <Button size="compact-sm" variant="default" onClick={() => setAll(true)}>{t('all')}</Button>}
    </div>
  );
}

export function ToolCard({ part }: { part: ToolPart }) {
  const state = stateOf(part), seconds = useSeconds(state === 'running'), words = toolWords(part), Icon = icons[state];
  return (
    <details className={css.card} data-state={state}>
      <summary>
        <IconChevronRight size={14} aria-hidden className={css.chevron} />
        <span dir="auto">{words.verb}{words.record && <> <bdi className={css.record}>{words.record}</bdi></>}{words.about && <>: <q>{words.about}</q></>}</span>
        <span className={css.state}><Icon size={14} aria-hidden />{words.hits !== null ? t('hits', { n: words.hits }) : state === 'running' ? t('running', { n: seconds }) : t(state)}</span>
      </summary>
      <Fields title={t('input')} value={part.input} />
      {state === 'failed' ? <p className={css.failed} dir="auto">{part.errorText}</p> : part.output !== undefined && <Fields title={t('output')} value={part.output} />}
    </details>
  );
}

export function ToolGroup({ parts }: { parts: ToolPart[] }) {
  const [only] = parts;
  if (parts.length === 1 && only) return <ToolCard part={only} />;
  const names = [...new Set(parts.map((p) => toolWords(p)).map((w) => (w.record ? `${w.verb} ${w.record}` : w.verb)))];
  const told = names.length > 3 ? `${names.slice(0, 3).join(', ')} ${t('more', { n: names.length - 3 })}` : names.join(', ');
  return (
    <details className={css.card} data-state="done">
      <summary><IconChevronRight size={14} aria-hidden className={css.chevron} /><span>{t('steps', { n: parts.length, names: told })}</span><span className={css.state}><IconCheck size={14} aria-hidden />{t('done')}</span></summary>
      <div className={css.inner}>{parts.map((p) => <ToolCard key={p.toolCallId} part={p} />)}</div>
    </details>
  );
}
