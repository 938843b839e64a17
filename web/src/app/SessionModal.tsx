import { Modal } from '@mantine/core';
import { SignInForm } from '../features/auth/SignInForm';
import { useMe } from '../ui/me';
import { texts } from '../ui/text';

const t = texts({ title: 'Your session has ended', lead: 'Sign in again to go on. Nothing you typed is lost.' });

export default function SessionModal({ opened, onDone }: { opened: boolean; onDone: () => void }) {
  const me = useMe();
  return (
    <Modal opened={opened} onClose={() => {}} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title={t('title')} zIndex={500}>
      <p>{t('lead')}</p>
      {/* Somebody else must not go on with this person's page. */}
      <SignInForm email={me.user.email ?? ''} fixedEmail onDone={onDone} />
    </Modal>
  );
}
