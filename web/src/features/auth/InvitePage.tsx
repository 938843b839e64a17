import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client';
import { ApiError } from '../../api/errors';
import { texts } from '../../ui/text';
import css from './auth.module.css';
import { Outside } from './Outside';

const t = texts({
  title: 'Accept the invitation', lead: 'Choose your name and a password. With an account here already, enter its password.', name: 'Your name', password: 'Password',
  hint: 'At least 12 characters.', go: 'Join', gone: 'This invitation has expired, was used or was withdrawn. Whoever invited you, or an owner or admin of the workspace, can send a new one.',
  failed: 'That did not work: {why}', done: 'You have joined the workspace.', signIn: 'Sign in',
});

export default function InvitePage() {
  const { token } = useParams({ strict: false }) as { token: string };
  const [name, setName] = useState(''), [password, setPassword] = useState(''), [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false), [error, setError] = useState<ApiError | null>(null);
  const fields = error?.fieldErrors ?? {};
  const send = async () => {
    setBusy(true);
    setError(null);
    try {
      await call('accept_invite', { token, name: name.trim() || undefined, password } as never, { asksWho: true });
      setDone(true);
    } catch (e) {
      setError(e instanceof ApiError ? e : new ApiError(0, 'INTERNAL', String(e)));
    } finally {
      setBusy(false);
    }
  };
  if (done) return <Outside title={t('title')}><p role="status">{t('done')}</p><Button component="a" href="/sign-in" fullWidth>{t('signIn')}</Button></Outside>;
  const gone = error && (error.status === 404 || error.status === 410);
  return (
    <Outside title={t('title')}>
      <form className={css.form} onSubmit={(e) => { e.preventDefault(); void send(); }}>
        <p className={css.foot}>{t('lead')}</p>
        <TextInput label={t('name')} autoComplete="name" dir="auto" value={name} onChange={(e) => setName(e.currentTarget.value)} error={fields.name?.[0]} />
        <PasswordInput label={t('password')} description={t('hint')} autoComplete="new-password" dir="ltr" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={fields.password?.[0]}
          visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />
        <div role="alert" className={css.problem}>{gone ? t('gone') : error && !Object.keys(fields).length ? t('failed', { why: error.message }) : ''}</div>
        <Button type="submit" loading={busy} fullWidth>{t('go')}</Button>
      </form>
    </Outside>
  );
}
