import { TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useCall, useList } from '../../api/query';
import { useChanged } from '../../ui/changed';
import { CopyButton } from '../../ui/CopyButton';
import { Markdown } from '../../ui/Markdown';
import { Page } from '../../ui/Page';
import { textFilter, useFilters } from '../../ui/search';
import { Empty, ErrorPanel, Loading, NothingMatches, Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import css from './Kb.module.css';
import { Tiptap, type Node } from './Tiptap';
import { Tree } from './Tree';

const t = texts({
  kb: 'Knowledge base', find: 'Find a page by its title', choose: 'Choose a page', chooseWhy: 'The pages of this workspace stand in the tree. People and the assistant write them; here they are read.',
  folder: 'A folder. Its pages stand in the tree.', emptyPage: 'This page is empty.', docx: 'A Word document. Its text is not shown here.', copy: 'Copy as Markdown', version: 'Version {n}',
  changed: 'changed', words: { one: '{n} word', other: '{n} words' }, nothing: 'No title has “{q}” in it.', found: 'Pages found', visibility: 'Who sees it', PRIVATE: 'only its owner', WORKSPACE: 'the workspace', NAMED: 'named members', reading: 'Page',
});
const filters = { q: textFilter() };

function Found({ q, clear }: { q: string; clear: () => void }) {
  const list = useList('list_documents', { q, limit: 50 }, (page) => page.documents);
  if (list.error) return <ErrorPanel error={list.error} retry={() => void list.refetch()} />;
  if (list.isPending) return <Loading rows={3} />;
  if (!list.rows.length) return <NothingMatches title={t('nothing', { q })} onClear={clear} />;
  return (
    <ul className={css.found} aria-label={t('found')}>
      {list.rows.map((d) => <li key={d.id}><Link to="/kb/$docId" params={{ docId: d.id } as never} search={{ q } as never}><span dir="auto">{d.title}</span></Link></li>)}
    </ul>
  );
}

function isTiptap(content: unknown): content is Node {
  return !!content && typeof content === 'object' && (content as Node).type === 'doc';
}

function Reader({ id }: { id: string }) {
  const query = useCall('get_document', { id }), changed = useChanged(id);
  if (query.error) return <Page title={t('kb')}><ErrorPanel error={query.error} retry={() => void query.refetch()} /></Page>;
  if (!query.data) return <Page title={t('kb')}><Loading rows={8} /></Page>;
  const d = query.data.document, markdown = d.markdown ?? '';
  const words = markdown.split(/\s+/).filter(Boolean).length;
  return (
    <Page key={d.id} title={d.title} area={t('kb')} userText tools={markdown ? <CopyButton text={markdown} label={t('copy')} /> : undefined}>
      <p className={css.facts} data-changed={changed}>
        <span>{t('version', { n: d.version })}</span><span>{t('changed')} <Time at={d.updatedAt} /></span>{d.kind === 'PAGE' && <span>{t('words', { n: words })}</span>}<span>{t('visibility')}: {t(d.visibility)}</span>
      </p>
      {d.kind === 'FOLDER' ? <Empty title={t('folder')} /> : d.kind === 'DOCX' ? <Empty title={t('docx')} />
        : isTiptap(d.content) && d.content.content?.length ? <Panel><Tiptap doc={d.content} /></Panel> : markdown ? <Markdown text={markdown} /> : <Empty title={t('emptyPage')} />}
    </Page>
  );
}

export default function KbPage() {
  const { docId } = useParams({ strict: false }) as { docId?: string };
  const [{ q }, set] = useFilters(filters);
  const [typed, setTyped] = useState(q);
  const [wanted] = useDebouncedValue(typed, 250);
  useEffect(() => {
    if (wanted !== q) set({ q: wanted });
    // The URL follows the field; the field does not follow the URL while somebody types.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanted]);
  return (
    <div className={css.split} data-open={docId ? true : undefined}>
      <aside className={css.side} aria-label={t('kb')}>
        <TextInput aria-label={t('find')} placeholder={t('find')} leftSection={<IconSearch size={16} aria-hidden />} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} type="search" />
        {q ? <Found q={q} clear={() => setTyped('')} /> : <Tree current={docId ?? null} />}
      </aside>
      <section className={css.page} aria-label={t('reading')}>
        {docId ? <Reader key={docId} id={docId} /> : <Page title={t('kb')}><Empty title={t('choose')}>{t('chooseWhy')}</Empty></Page>}
      </section>
    </div>
  );
}
