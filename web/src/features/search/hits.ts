// What the search gives, as a row that can be opened. A kind without a screen of its own is shown, not linked.
import { IconFile, IconFileText, IconFolder, IconForms, IconListDetails, IconTable, IconUser, IconBriefcase } from '@tabler/icons-react';
import { call } from '../../api/client';
import type { Out } from '../../api/operations';
import type { Hit, Icon } from '../../ui/feature';
import { texts } from '../../ui/text';

const t = texts({ documents: 'Pages', matters: 'Matters', rows: 'Table rows', files: 'Files', forms: 'Forms', submissions: 'Submissions', people: 'People', members: 'People', chats: 'Chats', other: 'Other' });
type Result = Out<'search'>['results'][number];

const icons: Record<string, Icon> = { documents: IconFileText, folders: IconFolder, matters: IconBriefcase, rows: IconTable, files: IconFile, forms: IconForms, submissions: IconListDetails, people: IconUser, members: IconUser };
const paths: Record<string, (id: string) => string> = { documents: (id) => `/kb/${id}`, people: () => '/admin/members', members: () => '/admin/members' };

// The server may speak of a kind in one form or the other: "document", "documents".
export const kindOf = (kind: string): string => {
  const low = kind.toLowerCase();
  return low in icons ? low : `${low}s` in icons ? `${low}s` : low === 'person' ? 'people' : low === 'page' ? 'documents' : low;
};
export const kindName = (kind: string): string => t((['documents', 'matters', 'rows', 'files', 'forms', 'submissions', 'people', 'members', 'chats'] as const).find((k) => k === kindOf(kind)) ?? 'other');
export const kindIcon = (kind: string): Icon => icons[kindOf(kind)] ?? IconFileText;
// The server's own path, when this console has such a screen.
export const pathOf = (hit: Result): string | null => {
  const known = paths[kindOf(hit.kind)];
  return known ? (hit.url?.startsWith('/') ? hit.url : known(hit.id)) : null;
};

export async function searchHits(q: string, signal: AbortSignal): Promise<Hit[]> {
  const { results } = await call('search', { q, limit: 8 }, { signal });
  return results.flatMap((hit) => {
    const to = pathOf(hit);
    return to ? [{ id: `${hit.kind}${hit.id}`, title: hit.title, detail: kindName(hit.kind), to, icon: kindIcon(hit.kind) }] : [];
  });
}
