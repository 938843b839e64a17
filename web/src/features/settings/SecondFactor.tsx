import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/client';
import { useCall } from '../../api/query';
import { ApiError } from '../../api/errors';
import { Section } from '../../ui/Page';
import { SecretOnce } from '../../ui/SecretOnce';
import { ErrorPanel, Loaded } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Settings.module.css';

const t = texts({
  title: 'Second factor', off: 'Off. A password alone opens this account.', on: { one: 'On. Signing in asks for a code of your authenticator app. {n} recovery code is left.', other: 'On. Signing in asks for a code of your authenticator app. {n} recovery codes are left.' }, start: 'Set up', password: 'Your password',
  scan: 'Scan the picture with an authenticator app, or type the key. Then enter the code that it shows.', key: 'Key', code: 'Code', confirm: 'Switch on', codes: 'Recovery codes', codesLead: 'Each of these opens the account once when the app is lost.',
  disable: 'Switch off', done: 'The second factor is on.', gone: 'The second factor is off.', failed: 'That did not work.', picture: 'QR code of the key', cancel: 'Cancel',
});

interface Enrolment { secret: string; otpauthUrl: string; qrSvg?: string }

export function SecondFactor() {
  const query = useCall('get_totp', {});
  return <Section title={t('title')}><Loaded query={query} rows={1}>{(data) => <Factor on={data.totp.state === 'ON'} left={data.totp.recoveryCodesLeft} refresh={() => query.refetch()} />}</Loaded></Section>;
}

// Secrets of the enrolment live in this component's state and nowhere else.
function Factor({ on, left, refresh }: { on: boolean; left: number; refresh: () => Promise<unknown> }) {
  const [step, setStep] = useState<'idle' | 'scan' | 'off'>('idle');
  const [password, setPassword] = useState(''), [code, setCode] = useState(''), [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null), [made, setMade] = useState<Enrolment | null>(null), [codes, setCodes] = useState<string | null>(null);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const stop = () => { setStep('idle'); setPassword(''); setCode(''); setMade(null); setError(null); };
  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const enrol = () => run(async () => {
    setMade((await call('enrol_totp', {})).totp);
    setStep('scan');
  });
  const confirm = () => run(async () => {
    const answer = await call('confirm_totp', { code: code.replace(/\s/g, '') });
    stop();
    setCodes(answer.recoveryCodes.join('\n'));
  });
  const disable = () => run(async () => {
    await call('disable_totp', { password });
    stop();
    notify({ kind: 'done', text: t('gone') });
    await refresh();
  });
  const problem = error !== null && !Object.keys(fields).length ? <ErrorPanel error={error} what={t('failed')} write /> : null;
  const passwordField = <PasswordInput label={t('password')} autoComplete="current-password" dir="ltr" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={fields.password?.[0]} visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />;
  const svg = made?.qrSvg;
  return (
    <>
      {step === 'idle' && <><p className={css.note}>{on ? t('on', { n: left }) : t('off')}</p><Button variant="default" loading={busy} onClick={() => (on ? setStep('off') : void enrol())}>{on ? t('disable') : t('start')}</Button>{problem}</>}
      {step === 'off' && (
        <form className={css.form} onSubmit={(e) => { e.preventDefault(); void disable(); }}>
          {passwordField}{problem}
          <Button type="submit" variant="default" loading={busy}>{t('disable')}</Button>
          <Button variant="subtle" onClick={stop}>{t('cancel')}</Button>
        </form>
      )}
      {step === 'scan' && made && (
        <form className={css.form} onSubmit={(e) => { e.preventDefault(); void confirm(); }}>
          <p className={css.note}>{t('scan')}</p>
          <div className={css.qr}>
            {svg && <img alt={t('picture')} src={`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`} />}
            <div><div className={css.note}>{t('key')}</div><div className={css.secret} dir="ltr">{made.secret}</div></div>
          </div>
          <TextInput label={t('code')} autoComplete="one-time-code" inputMode="numeric" dir="ltr" required withAsterisk={false} value={code} onChange={(e) => setCode(e.currentTarget.value)} error={fields.code?.[0]} />
          {problem}
          <Button type="submit" loading={busy}>{t('confirm')}</Button>
          <Button variant="subtle" onClick={stop}>{t('cancel')}</Button>
        </form>
      )}
      <SecretOnce title={t('codes')} lead={<p>{t('codesLead')}</p>} secret={codes} file="opboxd-recovery-codes.txt" onStored={() => { setCodes(null); notify({ kind: 'done', text: t('done') }); void refresh(); }} />
    </>
  );
}
