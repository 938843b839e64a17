import { IconSearch } from '@tabler/icons-react';
import { reading } from '../../api/query';
import type { Feature, Screen } from '../../ui/feature';
import { texts } from '../../ui/text';
import { searchFilters } from './filters';
import { searchHits } from './hits';

const t = texts({ search: 'Search' });
const first: Screen['first'] = ({ search: { q: raw } }) => {
  const q = searchFilters.q.read(raw);
  return q ? [reading('search', { q, limit: 50 })] : [];
};
export const search: Feature = {
  screens: [{ path: '/search', area: () => t('search'), operation: 'search', load: () => import('./SearchPage'), first }],
  places: [{ to: '/search', label: () => t('search'), icon: IconSearch, group: 'top', operation: 'search', letter: 's', action: 'search', bar: 4 }],
  find: { operation: 'search', search: searchHits },
};
