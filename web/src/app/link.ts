// Links that are copied out of the console name their workspace; opened in another one, they offer to go there.
import { texts } from '../ui/text';
import { notify } from '../ui/toast-store';

const t = texts({ copied: 'The link was copied. It leads to this page in {name}.', failed: 'The link could not be copied.' });

export function linkHere(workspaceId: string | null | undefined): string {
  const url = new URL(location.href);
  if (workspaceId) url.searchParams.set('w', workspaceId);
  return url.href;
}
export function copyLink(workspace: { id?: string | null; name?: string | null }): void {
  navigator.clipboard.writeText(linkHere(workspace.id)).then(
    () => notify({ kind: 'done', text: t('copied', { name: workspace.name ?? '' }) }),
    () => notify({ kind: 'failed', text: t('failed') }),
  );
}
