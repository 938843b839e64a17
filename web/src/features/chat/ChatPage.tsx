import { ActionIcon, Drawer } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconMessages } from '@tabler/icons-react';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useCall } from '../../api/query';
import { Page } from '../../ui/Page';
import { Panel } from '../../ui/states';
import { texts } from '../../ui/text';
import { tip } from '../../ui/tip';
import css from './Chat.module.css';
import { newThreadId } from './conversation';
import { ConversationView } from './ConversationView';
import { Threads } from './Threads';

const t = texts({ chat: 'Chat', create: 'New chat', threads: 'Chats', close: 'Close the list of chats', open: 'Show the chats' });

export default function ChatPage() {
  const { threadId } = useParams({ strict: false }) as { threadId?: string };
  const search = useSearch({ strict: false }) as { send?: unknown; from?: unknown; new?: unknown };
  const navigate = useNavigate(), narrow = useMediaQuery('(max-width: 900px)') ?? false;
  const [list, setList] = useState(false), [fresh, setFresh] = useState(newThreadId);
  // Each way to /chat is a new conversation, except the one that goes on into its own thread.
  const here = threadId ?? fresh;
  const gone = useCallback(() => {
    setFresh(newThreadId());
    void navigate({ to: '/chat', search: {} as never });
  }, [navigate]);
  const started = useCallback(() => {
    if (threadId) return;
    void navigate({ to: '/chat/$threadId', params: { threadId: fresh } as never, search: (search.from ? { from: search.from } : {}) as never, replace: true });
  }, [threadId, fresh, navigate, search.from]);
  const known = useCall('get_chat', { id: threadId ?? '' }, { enabled: !!threadId, retry: false });
  const title = threadId ? (known.data?.chat.title ?? t('chat')) : t('create');
  const threads = <Threads current={threadId ?? null} onGone={gone} />;
  return (
    <div className={css.split}>
      {!narrow && <aside className={css.side} aria-label={t('threads')}>{threads}</aside>}
      <section className={css.main} aria-label={t('chat')}>
        <div className={css.top}>
          <Page key={here} title={title} area={t('chat')} userText hideTitle={!narrow}>{null}</Page>
          {narrow && <ActionIcon variant="subtle" color="gray" size={36} aria-label={t('open')} onClick={() => setList(true)} {...tip(t('open'))}><IconMessages size={20} /></ActionIcon>}
        </div>
        <Panel key={here}>
          <ConversationView key={here} id={here} isNew={!threadId} from={typeof search.from === 'string' ? search.from : undefined} onStarted={started} {...(search.send === true ? { autoSend: true } : {})} />
        </Panel>
      </section>
      {narrow && <Drawer opened={list} onClose={() => setList(false)} title={t('threads')} size={320} closeButtonProps={{ 'aria-label': t('close') }}><div className={css.drawer} onClick={(e) => { if ((e.target as HTMLElement).closest('a')) setList(false); }}>{threads}</div></Drawer>}
    </div>
  );
}
