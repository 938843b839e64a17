import { Button } from '@mantine/core';
import { IconArrowUp, IconFileText, IconFolder, IconMessage } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useCall } from '../../api/query';
import { keepDraft } from '../../ui/drafts';
import { useMay, useMe } from '../../ui/me';
import { Page, Section } from '../../ui/Page';
import { Loaded, Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import { useChanged } from '../../ui/changed';
import { FirstSteps } from './FirstSteps';
import css from './Home.module.css';

const t = texts({
  title: 'Home', hello: 'Hello {name}', ask: 'Ask the assistant', placeholder: 'Ask about your workspace …', send: 'Open a chat with this question', chats: 'Last chats', pages: 'Last changed pages',
  noChats: 'No chats yet. Ask something above.', noPages: 'No pages yet. They appear here as soon as somebody writes one.', all: 'All', role: '{role} of {name}', untitled: 'Untitled',
});

const chatsRead = { archived: false, limit: 5 } as const, pagesRead = { limit: 5 } as const;

function Ask() {
  const [text, setText] = useState(''), navigate = useNavigate();
  return (
    <form className={css.ask} onSubmit={(e) => { e.preventDefault(); keepDraft('new', text.trim()); void navigate({ to: '/chat', search: text.trim() ? ({ send: true } as never) : ({} as never) }); }}>
      <input aria-label={t('ask')} placeholder={t('placeholder')} value={text} dir="auto" maxLength={4000} onChange={(e) => setText(e.currentTarget.value)} />
      <Button type="submit" aria-label={t('send')}><IconArrowUp size={18} aria-hidden /></Button>
    </form>
  );
}

function Chats() {
  const query = useCall('list_chats', chatsRead);
  return (
    <Section title={t('chats')} tools={<Link to="/chat">{t('all')}</Link>}>
      <Loaded query={query} rows={3}>
        {(data) => data.chats.length === 0 ? <p className={css.none}>{t('noChats')}</p> : (
          <ul className={css.list}>
            {data.chats.map((c) => (
              <li key={c.id}><IconMessage size={16} aria-hidden /><Link to="/chat/$threadId" params={{ threadId: c.id } as never}><span dir="auto">{c.title || t('untitled')}</span></Link><span className={css.when}><Time at={c.updatedAt} /></span></li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

function Row({ id, children }: { id: string; children: ReactNode }) {
  return <li data-changed={useChanged(id)}>{children}</li>;
}

function Pages() {
  const query = useCall('list_documents', pagesRead);
  return (
    <Section title={t('pages')} tools={<Link to="/kb">{t('all')}</Link>}>
      <Loaded query={query} rows={3}>
        {(data) => data.documents.length === 0 ? <p className={css.none}>{t('noPages')}</p> : (
          <ul className={css.list}>
            {data.documents.map((d) => (
              <Row key={d.id} id={d.id}>{d.kind === 'FOLDER' ? <IconFolder size={16} aria-hidden /> : <IconFileText size={16} aria-hidden />}<Link to="/kb/$docId" params={{ docId: d.id } as never}><span dir="auto">{d.title}</span></Link><span className={css.when}><Time at={d.updatedAt} /></span></Row>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

export default function HomePage() {
  const me = useMe(), may = useMay();
  const chats = useCall('list_chats', chatsRead, { enabled: may('list_chats') }).data?.chats.length, pages = useCall('list_documents', pagesRead).data?.documents.length;
  return (
    <Page title={me.user.name ? t('hello', { name: me.user.name }) : t('title')} area={t('title')} lead={me.role && me.workspace.name ? t('role', { role: me.role, name: me.workspace.name }) : undefined}>
      {may('send_chat') && <Ask />}
      {chats !== undefined && pages !== undefined && <FirstSteps chats={chats} pages={pages} />}
      <div className={css.columns}>
        {may('list_chats') && <Panel><Chats /></Panel>}
        {may('list_documents') && <Panel><Pages /></Panel>}
      </div>
    </Page>
  );
}
