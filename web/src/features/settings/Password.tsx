import { Button, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { ApiError } from '../../api/errors';
import { forgetCsrfToken } from '../../api/client';
import { useDeed } from '../../api/query';
import { useFocusInvalid } from '../../ui/invalid';
import { Section } from '../../ui/Page';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Settings.module.css';

const t = texts({
  title: 'Password', current: 'Current password', next: 'New password', hint: 'At least 12 characters. All your other sessions end.', go: 'Change password', done: 'The password was changed. Your other sessions have ended.', failed: 'The password was not changed.',
});

export function Password() {
  const [current, setCurrent] = useState(''), [next, setNext] = useState(''), [error, setError] = useState<unknown>(null);
  const change = useDeed('change_password', ['list_sessions']);
  const form = useFocusInvalid(error);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const send = async () => {
    setError(null);
    try {
      await change.mutateAsync({ currentPassword: current, newPassword: next });
      change.reset();
      setCurrent('');
      setNext('');
      forgetCsrfToken();
      notify({ kind: 'done', text: t('done') });
    } catch (e) {
      setError(e);
    }
  };
  const hidden = { 'aria-hidden': true, tabIndex: -1 } as const;
  return (
    <Section title={t('title')}>
      <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void send(); }}>
        <PasswordInput label={t('current')} autoComplete="current-password" dir="ltr" required withAsterisk={false} value={current} onChange={(e) => setCurrent(e.currentTarget.value)} error={fields.currentPassword?.[0]} aria-invalid={fields.currentPassword ? true : undefined} visibilityToggleButtonProps={hidden} />
        <PasswordInput label={t('next')} description={t('hint')} autoComplete="new-password" dir="ltr" required withAsterisk={false} value={next} onChange={(e) => setNext(e.currentTarget.value)} error={fields.newPassword?.[0]} aria-invalid={fields.newPassword ? true : undefined} visibilityToggleButtonProps={hidden} />
        {error !== null && !Object.keys(fields).length && <ErrorPanel error={error} what={t('failed')} write />}
        <Button type="submit" variant="default" loading={change.isPending}>{t('go')}</Button>
      </form>
    </Section>
  );
}
