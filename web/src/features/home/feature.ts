import { IconHome } from '@tabler/icons-react';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ home: 'Home' });
export const home: Feature = {
  screens: [{ path: '/', area: () => t('home'), load: () => import('./HomePage') }],
  places: [{ to: '/', label: () => t('home'), icon: IconHome, group: 'top', letter: 'h', action: 'home', bar: 1 }],
};
