import { IconListDetails, IconShieldLock } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ audit: 'Audit', security: 'Security log' });
export const audit: Feature = {
  screens: [
    { path: '/admin/audit', area: () => t('audit'), operation: 'list_audit_logs', load: () => import('./AuditPage') },
    { path: '/admin/security', area: () => t('security'), operation: 'list_security_events', load: () => import('./SecurityPage') },
  ],
  places: [
    { to: '/admin/audit', label: () => t('audit'), icon: IconListDetails, group: 'admin', operation: 'list_audit_logs' },
    { to: '/admin/security', label: () => t('security'), icon: IconShieldLock, group: 'admin', operation: 'list_security_events' },
  ],
};
