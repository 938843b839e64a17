import { IconKeyboard, IconPalette, IconUser } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ account: 'Account', display: 'Display', shortcuts: 'Keyboard' });
export const settings: Feature = {
  screens: [
    { path: '/settings/profile', area: () => t('account'), load: () => import('./ProfilePage') },
    { path: '/settings/display', area: () => t('display'), load: () => import('./DisplayPage') },
    { path: '/settings/shortcuts', area: () => t('shortcuts'), load: () => import('./ShortcutsPage') },
  ],
  places: [
    { to: '/settings/profile', label: () => t('account'), icon: IconUser, group: 'own' },
    { to: '/settings/display', label: () => t('display'), icon: IconPalette, group: 'own' },
    { to: '/settings/shortcuts', label: () => t('shortcuts'), icon: IconKeyboard, group: 'own' },
  ],
};
