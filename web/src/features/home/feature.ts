import { IconHome } from '@tabler/icons-react';
import { reading } from '../../api/query';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ home: 'Home' });
export const home: Feature = {
  screens: [{ path: '/', area: () => t('home'), load: () => import('./HomePage'), first: () => [reading('list_chats', { archived: false, limit: 5 }), reading('list_documents', { limit: 5 })] }],
  places: [{ to: '/', label: () => t('home'), icon: IconHome, group: 'top', letter: 'h', action: 'home', bar: 1 }],
};
