// The states that every screen has besides its content.
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconLock, IconMoodEmpty } from '@tabler/icons-react';
import { Component, useContext, useEffect, useEffectEvent, useState, type ReactNode } from 'react';
import { ApiError } from '../api/errors';
import { mayCall } from '../api/operations';
import { useRefreshing, useStopWaiting, wasStopped } from '../api/query';
import { skeletonShown } from '../api/skeleton';
import { CopyButton } from './CopyButton';
import { MeContext } from './me';
import { OwnLink } from './own-link';
import css from './states.module.css';
import { texts } from './text';

const t = texts({
  loading: 'Loading', waits: 'Still waiting for the server.', cancel: 'Cancel', stopped: 'Loading was stopped. Nothing was changed.',
  failed: 'This could not be loaded.', nothingChanged: 'Nothing was changed.', maybeChanged: 'It is not known whether something was changed: look before you repeat it.',
  retry: 'Try again', details: 'Details', code: 'Code {code}', request: 'Request {id}', copy: 'Copy details',
  wait: { one: 'Too many requests. Trying again in {n} second.', other: 'Too many requests. Trying again in {n} seconds.' }, trying: 'Too many requests. Trying again now.',
  waitSelf: { one: 'Too many requests. You can try again in {n} second.', other: 'Too many requests. You can try again in {n} seconds.' }, free: 'You can try again now.',
  cap: 'The spending cap of this workspace is reached. An owner or admin can raise it; everything else still works.', toCap: 'Usage and cap',
  network: 'The server could not be reached. Check the connection.', addon: 'An add-on is switched off: {why}',
  notFound: 'Not found', notFoundWhy: 'It does not exist, or it is not yours to see.', home: 'Go to Home',
  forbidden: 'Not for your role', forbiddenWhy: 'This page needs the role {roles}. An owner of the workspace can give it.', forbiddenOrg: 'This page needs the role {roles} in the organisation. An owner of the organisation can give it.',
  broken: 'A part of this page has failed.', clear: 'Clear filters',
});

// Nothing for 200 ms, then a skeleton of the final shape, which answers wait for a moment; after 10 s a word, with a way
// out: what the page asks for is broken off. `onCancel` is for what cannot be.
export function Loading({ rows = 4, onCancel }: { rows?: number; onCancel?: () => void }) {
  const [stage, setStage] = useState(0), stopWaiting = useStopWaiting();
  useEffect(() => {
    const clocks = [setTimeout(() => setStage(1), 200), setTimeout(() => setStage(2), 10_000)];
    return () => clocks.forEach(clearTimeout);
  }, []);
  useEffect(() => {
    if (stage === 1) skeletonShown();
  }, [stage]);
  const stop = stage === 2 ? (stopWaiting() ?? onCancel) : undefined;
  if (stage === 0) return <div className={css.pending} data-loading />;
  return (
    <div role="status" aria-label={t('loading')} className={css.skeleton} data-loading>
      {Array.from({ length: rows }, (_, i) => <div key={i} className={css.bone} />)}
      {stage === 2 && <p className={css.waits}>{t('waits')} {stop && <Button variant="default" size="xs" onClick={stop}>{t('cancel')}</Button>}</p>}
    </div>
  );
}

// Over a page that is asked for anew: what is there stays, under a thin line.
export function Refreshing() {
  const asked = useRefreshing(), [shown, show] = useState(false);
  useEffect(() => {
    if (!asked) return;
    const clock = setTimeout(() => show(true), 200);
    return () => {
      clearTimeout(clock);
      show(false);
    };
  }, [asked]);
  return shown ? <div className={css.refreshing} data-refreshing aria-hidden /> : null;
}

const secondsTo = (ms: number): number => Math.max(0, Math.ceil((ms - Date.now()) / 1000));

// Until a request that was too much may be repeated: once by itself where there is a way to, else by who reads it.
function Countdown({ until, then }: { until: number; then: (() => void) | undefined }) {
  const [left, setLeft] = useState(() => secondsTo(until)), itself = then !== undefined;
  const due = useEffectEvent(() => then?.());
  useEffect(() => {
    const clock = setInterval(() => {
      const seconds = secondsTo(until);
      setLeft(seconds);
      if (seconds > 0) return;
      clearInterval(clock);
      due();
    }, 500);
    return () => clearInterval(clock);
  }, [until]);
  return <p aria-live="off">{left ? t(itself ? 'wait' : 'waitSelf', { n: left }) : t(itself ? 'trying' : 'free')}</p>;
}

// What is refused for the cap leads to the cap, for who may change it.
function Cap() {
  const me = useContext(MeContext), link = useContext(OwnLink);
  return <p>{t('cap')} {me && mayCall(me, 'update_ai_budget') && link('/admin/usage', t('toCap'))}</p>;
}

export function ErrorPanel({ error, retry, what, write }: { error: unknown; retry?: () => void; what?: string; write?: boolean }) {
  if (wasStopped(error)) return <Empty title={t('stopped')} action={retry && <Button variant="default" size="xs" autoFocus onClick={retry}>{t('retry')}</Button>} />;
  const known = error instanceof ApiError ? error : null;
  if (known?.status === 404 && !write) return <NotFound />;
  const lines = known
    ? [t('code', { code: known.code }), known.requestId ? t('request', { id: known.requestId }) : ''].filter(Boolean)
    : [error instanceof Error ? `${error.name}: ${error.message}` : String(error)];
  return (
    <div className={css.error} role="alert">
      <IconAlertTriangle size={20} aria-hidden />
      <div>
        <p className={css.strong}>{what ?? t('failed')}</p>
        {known?.code === 'NETWORK' ? <p>{t('network')}</p> : known?.status === 402 ? <Cap /> : known?.code === 'ADDON_INACTIVE' ? <p>{t('addon', { why: known.message })}</p> : known && <p dir="auto">{known.message}</p>}
        {known?.status === 429 && known.until ? <Countdown key={known.until} until={known.until} then={known.repeated ? undefined : retry} /> : null}
        {write && known?.changed !== 'said' && <p>{known?.changed === 'nothing' ? t('nothingChanged') : t('maybeChanged')}</p>}
        {retry && <Button variant="default" size="xs" onClick={retry}>{t('retry')}</Button>}
        <details className={css.details}>
          <summary>{t('details')}</summary>
          <pre dir="ltr">{lines.join('\n')}</pre>
          <CopyButton text={lines.join('\n')} label={t('copy')} />
        </details>
      </div>
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={css.empty}>
      <p className={css.strong}>{title}</p>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function NothingMatches({ title, children, onClear }: { title: string; children?: ReactNode; onClear: () => void }) {
  return <Empty title={title} action={<Button variant="default" onClick={onClear}>{t('clear')}</Button>}>{children}</Empty>;
}

// The same for what is gone and for what belongs to somebody else.
export function NotFound() {
  return (
    <div className={css.empty}>
      <IconMoodEmpty size={24} aria-hidden />
      <p className={css.strong}>{t('notFound')}</p>
      <p>{t('notFoundWhy')}</p>
      <a href="/">{t('home')}</a>
    </div>
  );
}

export function Forbidden({ need }: { need: { roles: readonly string[]; where: 'workspace' | 'organisation' } }) {
  return (
    <div className={css.empty}>
      <IconLock size={24} aria-hidden />
      <p className={css.strong}>{t('forbidden')}</p>
      <p>{t(need.where === 'organisation' ? 'forbiddenOrg' : 'forbiddenWhy', { roles: need.roles.join(', ') })}</p>
    </div>
  );
}

// One failing panel never takes the page; what failed is shown in the frame of `around`, where the whole page is the panel.
export class Panel extends Component<{ children: ReactNode; what?: string; around?: (failed: ReactNode) => ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    if (this.state.error === null) return this.props.children;
    const failed = <ErrorPanel error={this.state.error} what={this.props.what ?? t('broken')} retry={() => this.setState({ error: null })} />;
    return this.props.around?.(failed) ?? failed;
  }
}

interface Loads<T> { data: T | undefined; error: Error | null; isPending: boolean; refetch: () => unknown }
export function Loaded<T>({ query, rows, what, children }: { query: Loads<T>; rows?: number; what?: string; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ErrorPanel error={query.error} retry={() => void query.refetch()} {...(what ? { what } : {})} />;
  return <Loading {...(rows ? { rows } : {})} />;
}
