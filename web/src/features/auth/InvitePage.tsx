import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/client';
import { ApiError } from '../../api/errors';
import { keyOf } from '../../api/query';
import { useQuery } from '@tanstack/react-query';
import { useFocusInvalid } from '../../ui/invalid';
import { ErrorPanel, Loading } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './auth.module.css';
import { Outside } from './Outside';

const t = texts({
  title: 'Invitation', lead: '{inviter} invites {email} to {workspace} ({organisation}) as {role}.', choose: 'Choose your name and a password.', account: 'This address has an account here: sign in with it, then accept.', name: 'Your name', password: 'Password',
  hint: '12 to 128 characters, not your e-mail address.', go: 'Join', gone: 'This invitation has expired, was used or was withdrawn. Whoever invited you, or an owner or admin of the workspace, can send a new one.',
  failed: 'That did not work: {why}', done: 'You have joined {name}.', signIn: 'Sign in', other: 'You are signed in as somebody else. Sign out first, or open the link in another browser.',
});

export default function InvitePage() {
  const { token } = useParams({ strict: false }) as { token: string };
  const query = useQuery({ queryKey: keyOf('get_invite', { token: token.length }), queryFn: () => call('get_invite', { token }, { asksWho: true }), retry: false, gcTime: 0 });
  const [name, setName] = useState(''), [password, setPassword] = useState(''), [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false), [error, setError] = useState<ApiError | null>(null);
  const form = useFocusInvalid(error);
  const fields = error?.fieldErrors ?? {};
  const invite = query.data?.invite;
  const accept = async () => {
    setBusy(true);
    setError(null);
    try {
      await call('accept_invite', { token, ...(invite?.hasAccount ? {} : { name: name.trim(), password }) }, { asksWho: true });
      if (invite?.hasAccount) return location.assign('/');
      setDone(true);
    } catch (e) {
      // Who has an account shows by it that the link is theirs.
      if (e instanceof ApiError && e.status === 401) return location.assign(`/sign-in?from=${encodeURIComponent(location.pathname)}`);
      setError(e instanceof ApiError ? e : new ApiError(0, 'INTERNAL', String(e)));
    } finally {
      setBusy(false);
    }
  };
  const refused = query.error instanceof ApiError ? query.error : error;
  if (refused && (refused.status === 404 || refused.status === 410)) return <Outside title={t('title')}><p role="alert">{t('gone')}</p></Outside>;
  if (query.error) return <Outside title={t('title')}><ErrorPanel error={query.error} retry={() => void query.refetch()} /></Outside>;
  if (!invite) return <Outside title={t('title')}><Loading rows={3} /></Outside>;
  if (done) return <Outside title={t('title')}><p role="status" dir="auto">{t('done', { name: invite.workspaceName })}</p><Button component="a" href="/sign-in" fullWidth>{t('signIn')}</Button></Outside>;
  return (
    <Outside title={t('title')}>
      <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void accept(); }}>
        <p dir="auto" className={css.lead}>{t('lead', { inviter: invite.inviter, email: invite.email, workspace: invite.workspaceName, organisation: invite.organizationName, role: invite.role })}</p>
        <p className={css.foot}>{invite.hasAccount ? t('account') : t('choose')}</p>
        {!invite.hasAccount && (
          <>
            <TextInput label={t('name')} autoComplete="name" dir="auto" required withAsterisk={false} maxLength={120} value={name} onChange={(e) => setName(e.currentTarget.value)} error={fields.name?.[0]} />
            <input type="email" autoComplete="username" value={invite.email} readOnly hidden />
            <PasswordInput label={t('password')} description={t('hint')} autoComplete="new-password" dir="ltr" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={fields.password?.[0]} aria-invalid={fields.password ? true : undefined}
              visibilityToggleButtonProps={{ 'aria-hidden': true, tabIndex: -1 }} />
          </>
        )}
        <div role="alert" className={css.problem}>{error?.status === 403 ? t('other') : error && !Object.keys(fields).length ? t('failed', { why: error.message }) : ''}</div>
        <Button type="submit" loading={busy} fullWidth>{t('go')}</Button>
      </form>
    </Outside>
  );
}
