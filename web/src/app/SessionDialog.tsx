// The session has ended while the page was open: sign in over the page; what was typed stays, what failed is repeated.
import { Modal } from '@mantine/core';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useMe } from '../ui/me';
import { texts } from '../ui/text';

const t = texts({ title: 'Your session has ended', lead: 'Sign in again to go on. Nothing you typed is lost.' });

const SignInForm = lazy(() => import('../features/auth/SignInForm').then((m) => ({ default: m.SignInForm })));
let waiting: { promise: Promise<void>; done: () => void } | null = null;
let show: (open: boolean) => void = () => {};

export function signInAgain(): Promise<void> {
  if (!waiting) {
    let done = () => {};
    const promise = new Promise<void>((resolve) => (done = resolve));
    waiting = { promise, done };
    show(true);
  }
  return waiting.promise;
}

export function SessionDialog() {
  const [open, setOpen] = useState(false);
  const me = useMe();
  useEffect(() => {
    show = setOpen;
    return () => {
      show = () => {};
    };
  }, []);
  const signedIn = () => {
    setOpen(false);
    waiting?.done();
    waiting = null;
  };
  return (
    <Modal opened={open} onClose={() => {}} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title={t('title')} zIndex={500}>
      <p>{t('lead')}</p>
      {/* Somebody else must not go on with this person's page. */}
      <Suspense fallback={null}><SignInForm email={me.user.email ?? ''} fixedEmail onDone={signedIn} /></Suspense>
    </Modal>
  );
}
