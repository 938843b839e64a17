// Leaving a screen on which something was typed and not saved asks: keep it, or discard it.
import { Button, Modal } from '@mantine/core';
import { useBlocker } from '@tanstack/react-router';
import css from './Confirm.module.css';
import { texts } from './text';

const t = texts({ title: 'Something is not saved', body: 'What you have entered here is lost when you leave.', keep: 'Keep editing', discard: 'Discard' });

export function Unsaved({ when }: { when: boolean }) {
  const blocker = useBlocker({ shouldBlockFn: ({ current, next }) => when && current.pathname !== next.pathname, enableBeforeUnload: when, withResolver: true });
  return (
    <Modal opened={blocker.status === 'blocked'} onClose={() => blocker.reset?.()} title={t('title')}>
      <div className={css.body}>{t('body')}</div>
      <div className={css.buttons}>
        <Button variant="default" data-autofocus onClick={() => blocker.reset?.()}>{t('keep')}</Button>
        <Button variant="outline" color="danger" onClick={() => blocker.proceed?.()}>{t('discard')}</Button>
      </div>
    </Modal>
  );
}
