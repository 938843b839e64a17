import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import css from './Audit.module.css';
import { severityName } from './words';

export function Severity({ of }: { of: string }) {
  const Icon = of === 'CRITICAL' ? IconAlertOctagon : of === 'WARNING' ? IconAlertTriangle : IconInfoCircle;
  return <span className={css.severity} data-severity={of}><Icon size={16} aria-hidden />{severityName(of)}</span>;
}
