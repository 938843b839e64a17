import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ApiError } from '../../api/errors';
import { useDeed } from '../../api/query';
import { useFocusInvalid } from '../../ui/invalid';
import { useMe } from '../../ui/me';
import { SecretOnce } from '../../ui/SecretOnce';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import css from './Members.module.css';
import { mayGive } from './rules';

const t = texts({
  title: 'Invite somebody', email: 'E-mail', role: 'Role', OWNER: 'Owner: everything, owners too', ADMIN: 'Admin: everything but owners', MEMBER: 'Member: works with records and the assistant', VIEWER: 'Viewer: reads',
  lead: 'No mail is sent. You get a link that is good once, for seven days: give it to them yourself.', make: 'Make the link', cancel: 'Cancel', linkTitle: 'The link of {email}', failed: 'The invitation was not made.',
});
const roles = ['MEMBER', 'VIEWER', 'ADMIN', 'OWNER'] as const;

export function InviteDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const me = useMe();
  const [email, setEmail] = useState(''), [role, setRole] = useState<(typeof roles)[number]>('MEMBER');
  const [link, setLink] = useState<string | null>(null), [error, setError] = useState<unknown>(null);
  const invite = useDeed('create_invite', ['list_invites']);
  const form = useFocusInvalid(error);
  const fields = error instanceof ApiError ? error.fieldErrors : {};
  const send = async () => {
    setError(null);
    try {
      const made = await invite.mutateAsync({ email: email.trim(), role });
      invite.reset();
      onClose();
      setLink(made.invite.link);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <>
      <Modal opened={opened} onClose={onClose} title={t('title')}>
        <form ref={form} className={css.form} onSubmit={(e) => { e.preventDefault(); void send(); }}>
          <p className={css.note}>{t('lead')}</p>
          <TextInput label={t('email')} type="email" dir="ltr" required withAsterisk={false} data-autofocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} error={fields.email?.[0]} />
          <NativeSelect label={t('role')} value={role} onChange={(e) => setRole(e.currentTarget.value as typeof role)} data={roles.filter((r) => mayGive(me.role, r)).map((r) => ({ value: r, label: t(r) }))} error={fields.role?.[0]} />
          {error !== null && !Object.keys(fields).length && <ErrorPanel error={error} what={t('failed')} write />}
          <Button type="submit" loading={invite.isPending}>{t('make')}</Button>
          <Button variant="default" onClick={onClose}>{t('cancel')}</Button>
        </form>
      </Modal>
      <SecretOnce title={t('linkTitle', { email })} secret={link} file="invitation.txt" onStored={() => { setLink(null); setEmail(''); }} />
    </>
  );
}
