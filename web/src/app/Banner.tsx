import { Button } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import css from './Banner.module.css';

export function Banner({ kind, action, children }: { kind: 'warning' | 'note'; action?: { label: string; run: () => void }; children: ReactNode }) {
  const Icon = kind === 'warning' ? IconAlertTriangle : IconInfoCircle;
  return (
    <div className={css.banner} data-kind={kind} role="status">
      <Icon size={18} aria-hidden />
      <span>{children}</span>
      {action && <Button variant="default" size="xs" onClick={action.run}>{action.label}</Button>}
    </div>
  );
}
