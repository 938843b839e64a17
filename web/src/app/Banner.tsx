import { Button } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import css from './Banner.module.css';

interface Action { label: string; run: () => void }
export function Banner({ kind, action, other, children }: { kind: 'warning' | 'note'; action?: Action; other?: Action; children: ReactNode }) {
  const Icon = kind === 'warning' ? IconAlertTriangle : IconInfoCircle;
  return (
    <div className={css.banner} data-kind={kind} role="status">
      <Icon size={18} aria-hidden />
      <span>{children}</span>
      {other && <Button variant="subtle" color="gray" size="xs" onClick={other.run}>{other.label}</Button>}
      {action && <Button variant="default" size="xs" onClick={action.run}>{action.label}</Button>}
    </div>
  );
}
