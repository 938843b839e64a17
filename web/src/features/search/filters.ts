import { textFilter } from '../../ui/search';

export const searchFilters = { q: textFilter(500), kind: textFilter(40) };
