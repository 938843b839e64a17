import { Button } from '@mantine/core';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { useDeed, useList } from '../../api/query';
import { Section } from '../../ui/Page';
import { ErrorPanel, Loading } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import { notify } from '../../ui/toast-store';
import css from './Settings.module.css';

const t = texts({
  title: 'Sessions', here: 'this one', unknown: 'Unknown program', seen: 'last seen', since: 'since', end: 'Sign out', endLabel: 'Sign out the session from {address}', others: 'Sign out everywhere else', done: 'Signed out there.', failed: 'That did not work: {why}', more: 'Show more',
});

// "Firefox on Linux" out of what browsers call themselves.
export function programOf(agent: string | null | undefined): string {
  if (!agent) return t('unknown');
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\/[\d.]+/.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' };
  return [browser, system].filter((p) => p !== undefined).map((p) => names[p] ?? p).join(', ') || agent.slice(0, 60);
}

export function Sessions() {
  const list = useList('list_sessions', { limit: 50 }, (page) => page.sessions);
  const revoke = useDeed('revoke_session', ['list_sessions']);
  const end = (id: string) => revoke.mutate({ id }, { onSuccess: () => notify({ kind: 'done', text: t('done') }), onError: (e) => notify({ kind: 'failed', text: t('failed', { why: e.message }) }) });
  return (
    <Section title={t('title')} tools={list.rows.length > 1 && <Button size="xs" variant="default" onClick={() => end('others')}>{t('others')}</Button>}>
      {list.error ? <ErrorPanel error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading rows={2} /> : (
        <ul className={css.list}>
          {list.rows.map((s) => (
            <li key={s.id}>
              <IconDeviceDesktop size={18} aria-hidden />
              <div>
                <span dir="auto">{programOf(s.userAgent)}</span>{s.current && <strong> ({t('here')})</strong>}
                <div className={css.note}><span dir="ltr">{s.remoteAddr}</span> · {t('since')} <Time at={s.createdAt} /> · {t('seen')} <Time at={s.seenAt} /></div>
              </div>
              {!s.current && <Button size="xs" variant="subtle" color="danger" aria-label={t('endLabel', { address: s.remoteAddr ?? '' })} onClick={() => end(s.id)}>{t('end')}</Button>}
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <Button variant="default" onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
    </Section>
  );
}
