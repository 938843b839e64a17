import { IconChartBar, IconReceipt } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ usage: 'Usage', ledger: 'Ledger' });
export const cost: Feature = {
  screens: [
    { path: '/admin/usage', area: () => t('usage'), operation: 'get_ai_usage', load: () => import('./UsagePage') },
    { path: '/admin/ledger', area: () => t('ledger'), operation: 'get_ai_usage', load: () => import('./LedgerPage') },
  ],
  places: [
    { to: '/admin/usage', label: () => t('usage'), icon: IconChartBar, group: 'admin', operation: 'get_ai_usage', letter: 'u', action: 'usage' },
    { to: '/admin/ledger', label: () => t('ledger'), icon: IconReceipt, group: 'admin', operation: 'get_ai_usage' },
  ],
};
