import { IconSearch } from '@tabler/icons-react';
import { reading } from '../../api/query';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';
import { searchHits } from './hits';

const t = texts({ search: 'Search' });
export const search: Feature = {
  screens: [{ path: '/search', area: () => t('search'), operation: 'search', load: () => import('./SearchPage'), first: ({ search: { q } }) => (typeof q === 'string' && q ? [reading('search', { q, limit: 50 })] : []) }],
  places: [{ to: '/search', label: () => t('search'), icon: IconSearch, group: 'top', operation: 'search', letter: 's', action: 'search', bar: 4 }],
  find: { operation: 'search', search: searchHits },
};
