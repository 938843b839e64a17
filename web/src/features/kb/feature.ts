import { IconBook, IconFileText } from '@tabler/icons-react';
import { call } from '../../api/client';
import type { Feature } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ kb: 'Knowledge base', page: 'Page' });
const area = () => t('kb');
export const kb: Feature = {
  screens: [
    { path: '/kb', area, operation: 'list_documents', load: () => import('./KbPage') },
    { path: '/kb/$docId', area, operation: 'get_document', record: { kind: 'documents', param: 'docId' }, load: () => import('./KbPage') },
  ],
  places: [{ to: '/kb', label: area, icon: IconBook, group: 'work', operation: 'list_documents', letter: 'k', action: 'kb', bar: 3 }],
  chip: { path: /^\/kb\/([^/?#]+)/, load: () => import('./PageChip') },
  find: {
    operation: 'list_documents',
    search: async (q, signal) => (await call('list_documents', { q, limit: 8 }, { signal })).documents.map((d) => ({ id: d.id, title: d.title, detail: t('page'), to: `/kb/${d.id}`, icon: IconFileText })),
  },
};
