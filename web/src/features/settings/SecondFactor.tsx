import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { ApiError } from '../../api/errors';
import { useMe } from '../../ui/me';
import { Section } from '../../ui/Page';
import { SecretOnce } from '../../ui/SecretOnce';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Settings.module.css';

const t = texts({
  title: 'Second factor', off: 'Off. A password alone opens this account.', on: 'On. Signing in asks for a code of your authenticator app.', start: 'Set up', password: 'Your password', next: 'Go on',
  scan: 'Scan the picture with an authenticator app, or type the key. Then enter the code that it shows.', key: 'Key', code: 'Code', confirm: 'Switch on', codes: 'Recovery codes', codesLead: 'Each of these opens the account once when the app is lost.',
  disable: 'Switch off', done: 'The second factor is on.', gone: 'The second factor is off.', failed: 'That did not work.', picture: 'QR code of the key', cancel: 'Cancel',
});

interface Enrolment { secret: string; url: string; qrSvg?: string | undefined; qr?: string | undefined }

// Secrets of the enrolment live in this component's state and nowhere else.
export function SecondFactor() {
  const me = useMe(), client = useQueryClient();
  const on = (me.user as { secondFactor?: boolean; totpEnabled?: boolean }).secondFactor ?? (me.user as { totpEnabled?: boolean }).totpEnabled ?? false;
  const [step, setStep] = useState<'idle' | 'password' | 'scan' | 'off'>('idle');
  const [password, setPassword] = useState(''), [code, setCode] = useState(''), [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null), [made, setMade] = useState<Enrolment | null>(null), [codes, setCodes] = useState<string | null>(null);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const stop = () => { setStep('idle'); setPassword(''); setCode(''); setMade(null); setError(null); };
  const refresh = () => client.invalidateQueries({ queryKey: ['get_current_context'] });
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
    const answer = (await call('enrol_totp', { password } as never)) as Enrolment & { enrolment?: Enrolment; totp?: Enrolment };
    setMade(answer.enrolment ?? answer.totp ?? answer);
    setStep('scan');
  });
  const confirm = () => run(async () => {
    const answer = (await call('confirm_totp', { code: code.replace(/\s/g, '') } as never)) as { recoveryCodes?: string[]; codes?: string[] };
    stop();
    setCodes((answer.recoveryCodes ?? answer.codes ?? []).join('\n'));
  });
  const disable = () => run(async () => {
    await call('disable_totp', { password } as never);
    stop();
    notify({ kind: 'done', text: t('gone') });
    await refresh();
  });
  const problem = error !== null && !Object.keys(fields).length ? <ErrorPanel error={error} what={t('failed')} write /> : null;
  const passwordField = <PasswordInput label={t('password')} autoComplete="current-password" dir="ltr" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={fields.password?.[0]} visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />;
  const svg = made?.qrSvg ?? made?.qr;
  return (
    <Section title={t('title')}>
      {step === 'idle' && <><p className={css.note}>{on ? t('on') : t('off')}</p><Button variant="default" onClick={() => setStep(on ? 'off' : 'password')}>{on ? t('disable') : t('start')}</Button></>}
      {(step === 'password' || step === 'off') && (
        <form className={css.form} onSubmit={(e) => { e.preventDefault(); void (step === 'off' ? disable() : enrol()); }}>
          {passwordField}{problem}
          <Button type="submit" variant="default" loading={busy}>{step === 'off' ? t('disable') : t('next')}</Button>
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
    </Section>
  );
}
