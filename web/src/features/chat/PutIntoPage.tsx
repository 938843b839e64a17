// An answer becomes a page, or the end of one that is there. The page's own content stays as it is, node by node.
import { Button, Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { call } from '../../api/client';
import { useCall, useDeed } from '../../api/query';
import { ErrorPanel } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './PutIntoPage.module.css';
import { pageContent, pageTitle, type PageNode } from './page-content';

const t = texts({
  title: 'Put into a page', where: 'Where to', fresh: 'A new page', name: 'Title of the new page', find: 'Find a page', go: 'Put in', cancel: 'Cancel', close: 'Close', failed: 'It was not put into the page.',
  made: 'The page “{name}” was made.', added: 'Added to the end of “{name}”.', none: 'No page has “{q}” in its title.',
});
const lists = ['list_documents', 'get_document_tree', 'get_document'] as const;
const nodesOf = (content: unknown): PageNode[] => (content as PageNode | null)?.content ?? [];
const doc = (content: PageNode[]): PageNode => ({ type: 'doc', content });

export default function PutIntoPage({ markdown, onClose }: { markdown: string; onClose: () => void }) {
  const [target, setTarget] = useState('new'), [name, setName] = useState(() => pageTitle(markdown)), [typed, setTyped] = useState('');
  const [q] = useDebouncedValue(typed.trim(), 200), [error, setError] = useState<unknown>(null), [busy, setBusy] = useState(false);
  const found = useCall('list_documents', { kind: 'PAGE', limit: 6, ...(q ? { q } : {}) }), pages = found.data?.documents ?? [];
  const create = useDeed('create_document', [...lists]), update = useDeed('update_document', [...lists]), archive = useDeed('archive_document', [...lists]);
  const make = async () => {
    const { document } = await create.mutateAsync({ title: name.trim(), content: doc(pageContent(markdown)) });
    notify({ kind: 'done', text: t('made', { name: name.trim() }), undo: () => archive.mutateAsync({ id: document.id }) });
  };
  const append = async (id: string) => {
    const { document: now } = await call('get_document', { id });
    const before = nodesOf(now.content);
    const { document: then } = await update.mutateAsync({ id, version: now.version, content: doc([...before, ...pageContent(markdown)]) });
    notify({ kind: 'done', text: t('added', { name: now.title }), undo: () => update.mutateAsync({ id, version: then.version, content: doc(before) }) });
  };
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await (target === 'new' ? make() : append(target));
      onClose();
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={t('title')} returnFocus closeButtonProps={{ 'aria-label': t('close') }}>
      <form className={css.form} onSubmit={(e) => { e.preventDefault(); void go(); }}>
        <fieldset className={css.choices}>
          <legend>{t('where')}</legend>
          <label><input type="radio" name="target" checked={target === 'new'} data-autofocus onChange={() => setTarget('new')} />{t('fresh')}</label>
          {pages.map((d) => <label key={d.id}><input type="radio" name="target" checked={target === d.id} onChange={() => setTarget(d.id)} /><span dir="auto">{d.title}</span></label>)}
        </fieldset>
        {q && !pages.length && found.data && <p className={css.none}>{t('none', { q })}</p>}
        <TextInput type="search" label={t('find')} value={typed} dir="auto" maxLength={200} onChange={(e) => { setTyped(e.currentTarget.value); setTarget('new'); }} />
        {target === 'new' && <TextInput label={t('name')} value={name} dir="auto" maxLength={200} required withAsterisk={false} onChange={(e) => setName(e.currentTarget.value)} />}
        {error !== null && <ErrorPanel error={error} what={t('failed')} write />}
        <div className={css.buttons}>
          <Button variant="default" onClick={onClose}>{t('cancel')}</Button>
          <Button type="submit" loading={busy} disabled={target === 'new' && !name.trim()}>{t('go')}</Button>
        </div>
      </form>
    </Modal>
  );
}
