import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { isCode } from '../../api/errors';
import { signIn } from '../../api/session';
import { texts } from '../../ui/text';
import css from './auth.module.css';

const t = texts({
  email: 'E-mail', password: 'Password', code: 'Code of your authenticator app, or a recovery code', go: 'Sign in',
  refused: 'E-mail or password is wrong.', codeWrong: 'That code is wrong or was used already.', codeNeeded: 'This account has a second factor. Enter the code.',
  wait: { one: 'Too many attempts. Try again in {n} second.', other: 'Too many attempts. Try again in {n} seconds.' }, failed: 'Signing in did not work: {why}',
});

export function SignInForm({ email: given = '', fixedEmail, onDone }: { email?: string; fixedEmail?: boolean; onDone: () => void }) {
  const [email, setEmail] = useState(given), [password, setPassword] = useState(''), [code, setCode] = useState('');
  const [second, setSecond] = useState(false), [busy, setBusy] = useState(false), [problem, setProblem] = useState('');
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (second) form.current?.querySelector<HTMLInputElement>('[name=totp]')?.focus();
  }, [second]);
  const send = async () => {
    setBusy(true);
    setProblem('');
    try {
      const result = await signIn(email.trim(), password, code.replace(/\s/g, ''));
      if (result === 'ok') return onDone();
      if (result === 'totp-required') {
        setSecond(true);
        setProblem(second ? t('codeNeeded') : '');
      } else setProblem(result === 'totp-invalid' ? t('codeWrong') : t('refused'));
    } catch (e) {
      setProblem(isCode(e, 'RATE_LIMITED') ? t('wait', { n: e.retryAfterS ?? 60 }) : t('failed', { why: e instanceof Error ? e.message : String(e) }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void send(); }}>
      <TextInput name="email" type="email" label={t('email')} autoComplete="username" dir="ltr" required withAsterisk={false} readOnly={fixedEmail ?? false} value={email} onChange={(e) => setEmail(e.currentTarget.value)} data-autofocus={!fixedEmail} />
      <PasswordInput name="password" label={t('password')} autoComplete="current-password" dir="ltr" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} data-autofocus={fixedEmail}
        visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />
      {second && <TextInput name="totp" label={t('code')} autoComplete="one-time-code" inputMode="text" dir="ltr" required withAsterisk={false} value={code} onChange={(e) => setCode(e.currentTarget.value)} />}
      <div role="alert" className={css.problem}>{problem}</div>
      <Button type="submit" loading={busy} fullWidth>{t('go')}</Button>
    </form>
  );
}
