import { Button, CloseButton } from '@mantine/core';
import { useEffect, useState } from 'react';
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import css from './Toasts.module.css';
import { texts } from './text';
import { dismiss, notify, undo, useToasts, type Toast } from './toast-store';

const t = texts({ region: 'Messages', undo: 'Undo', close: 'Close message', failed: 'That could not be undone: {why}' });
const stays = 10_000;
const icons = { done: IconCircleCheck, failed: IconAlertTriangle, note: IconInfoCircle };

export function undoAndSay(toast: Toast): void {
  undo(toast).catch((error: unknown) => notify({ kind: 'failed', text: t('failed', { why: error instanceof Error ? error.message : String(error) }) }));
}

function One({ toast }: { toast: Toast }) {
  const [held, hold] = useState(false);
  const Icon = icons[toast.kind];
  useEffect(() => {
    if (held) return;
    const clock = setTimeout(() => dismiss(toast.id), stays);
    return () => clearTimeout(clock);
  }, [held, toast.id]);
  return (
    <div className={css.toast} data-kind={toast.kind} onMouseEnter={() => hold(true)} onMouseLeave={() => hold(false)} onFocus={() => hold(true)} onBlur={() => hold(false)}>
      <Icon size={18} aria-hidden />
      <span className={css.text}>{toast.text}</span>
      {toast.undo && <Button size="compact-sm" variant="subtle" onClick={() => undoAndSay(toast)}>{t('undo')}</Button>}
      <CloseButton size={24} aria-label={t('close')} onClick={() => dismiss(toast.id)} />
    </div>
  );
}

export function Toasts() {
  const toasts = useToasts();
  return <div className={css.stack} role="status" aria-label={t('region')}>{toasts.map((toast) => <One key={toast.id} toast={toast} />)}</div>;
}
