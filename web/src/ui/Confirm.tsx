// A question before what has no way back: it names object and effect, its buttons are verbs, the safe one has the focus.
import { Button, Modal, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { ErrorPanel } from './states';
import css from './Confirm.module.css';
import { texts } from './text';

const t = texts({ failed: 'That did not work.', type: 'Type {name} to confirm' });

export interface Question {
  title: string;
  body: ReactNode;
  verb: string;
  keep: string;
  typed?: string; // a name that has to be typed first: for what hits a whole organisation
  run: () => Promise<unknown>;
}
export function Confirm({ question, onClose }: { question: Question | null; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null), [typed, setTyped] = useState('');
  const held = question?.typed !== undefined && typed.trim() !== question.typed.trim();
  const close = () => {
    setError(null);
    setTyped('');
    onClose();
  };
  const go = async () => {
    if (!question || held) return;
    setBusy(true);
    try {
      await question.run();
      close();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={question !== null} onClose={close} title={question?.title} returnFocus>
      <div className={css.body}>{question?.body}</div>
      {question?.typed !== undefined && <TextInput className={css.typed} label={t('type', { name: question.typed })} dir="auto" autoComplete="off" value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />}
      {error !== null && <ErrorPanel error={error} what={t('failed')} write />}
      <div className={css.buttons}>
        <Button variant="default" data-autofocus onClick={close}>{question?.keep}</Button>
        <Button variant="outline" color="danger" loading={busy} disabled={held} onClick={() => void go()}>{question?.verb}</Button>
      </div>
    </Modal>
  );
}
