import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ApiError } from '../../api/errors';
import { useDeed } from '../../api/query';
import { useFocusInvalid } from '../../ui/invalid';
import { useMe } from '../../ui/me';
import { Section } from '../../ui/Page';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Unsaved } from '../../ui/Unsaved';
import css from './Settings.module.css';

const t = texts({ title: 'Name', name: 'Name that others see', go: 'Save name', done: 'You are called {name} now.', failed: 'The name was not changed.' });

export function Name() {
  const me = useMe(), present = me.user.name ?? '';
  const [typed, setTyped] = useState<string | null>(null), [error, setError] = useState<unknown>(null);
  // Whoever shows names reads them anew.
  const change = useDeed('update_profile', ['get_current_context', 'list_members']);
  const form = useFocusInvalid(error);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const name = (typed ?? present).trim();
  const save = async () => {
    setError(null);
    try {
      await change.mutateAsync({ name });
      setTyped(null);
      notify({ kind: 'done', text: t('done', { name }), undo: () => change.mutateAsync({ name: present }) });
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Section title={t('title')}>
      <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void save(); }}>
        <TextInput label={t('name')} autoComplete="name" dir="auto" required withAsterisk={false} maxLength={120} value={typed ?? present} onChange={(e) => setTyped(e.currentTarget.value)} error={fields.name?.[0]} />
        {error !== null && !Object.keys(fields).length && <ErrorPanel error={error} what={t('failed')} write />}
        <Button type="submit" variant="default" loading={change.isPending} disabled={!name || name === present}>{t('go')}</Button>
        <Unsaved when={name !== present} />
      </form>
    </Section>
  );
}
