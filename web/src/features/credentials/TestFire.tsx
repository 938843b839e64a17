// A gateway is asked what it must answer; what is wrong is said in words.
import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconPlugConnected } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { call } from '../../api/client';
import type { Out } from '../../api/operations';
import { useMay } from '../../ui/me';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Credentials.module.css';
import type { Tier } from './tier';
import type { Unit } from './units';

const t = texts({
  test: 'Test the gateway', testLabel: 'Test the gateway: {title}', stop: 'Stop', waits: 'Waiting for the gateway …', failed: 'The gateway was not tested.', answered: 'answered {status} in {n} ms', silent: 'no answer in {n} ms', fine: 'as it should be', body: 'Beginning of the answer',
  others: 'This asks the gateway that the workspace uses.',
});

export function TestFire({ unit, tier }: { unit: Unit; tier: Tier }) {
  const may = useMay(), name = unit.provider === 'hermes' ? 'test_hermes' : 'test_openclaw';
  const [busy, setBusy] = useState(false), [error, setError] = useState<unknown>(null), [report, setReport] = useState<Out<'test_hermes'> | null>(null);
  const line = useRef<AbortController>(null);
  const used = tier.settings.effective.providers.find((p) => p.provider === unit.provider)?.keySource;
  if (!may(name) || (used !== 'WORKSPACE_KEY' && used !== 'ORG_KEY')) return null;
  const fire = async () => {
    line.current = new AbortController();
    setBusy(true);
    setError(null);
    setReport(null);
    try {
      setReport(await call(name, {}, { signal: line.current.signal }));
      await tier.refresh();
    } catch (e) {
      if (!line.current.signal.aborted) setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={css.test}>
      <div className={css.buttons}>
        <Button size="xs" variant="default" leftSection={<IconPlugConnected size={16} aria-hidden />} aria-label={t('testLabel', { title: unit.title })} loading={busy} onClick={() => void fire()}>{t('test')}</Button>
        {busy && <><Button size="xs" variant="subtle" onClick={() => line.current?.abort()}>{t('stop')}</Button><span className={css.note} role="status">{t('waits')}</span></>}
        {tier.kind === 'organisation' && !busy && <span className={css.note}>{t('others')}</span>}
      </div>
      {error !== null && <ErrorPanel error={error} what={t('failed')} retry={() => void fire()} />}
      {report && (
        <div className={css.report} role="status">
          <p className={css.summary} data-ok={report.ok}>{report.ok ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}<span dir="auto">{report.summary}</span></p>
          <ul className={css.probes}>
            {report.probes.map((p) => (
              <li key={p.name}>
                <div><code dir="ltr">{p.method} {p.url}</code> <span className={css.note}>{t(p.status ? 'answered' : 'silent', { status: String(p.status), n: p.durationMs })}</span></div>
                <div dir="auto">{p.error ?? t('fine')}</div>
                {p.body && <details className={css.body}><summary>{t('body')}</summary><pre dir="ltr" tabIndex={0}>{p.body}</pre></details>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
