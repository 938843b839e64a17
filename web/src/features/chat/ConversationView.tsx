import { useChat } from '@ai-sdk/react';
import { IconInfoCircle } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { SendOptions } from '../../api/chat';
import { call } from '../../api/client';
import { announce } from '../../ui/announce';
import { markChanged } from '../../ui/changed';
import { keepDraft } from '../../ui/drafts';
import { Empty, ErrorPanel, Loading } from '../../ui/states';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import { Composer, type PageContext } from './Composer';
import { conversation as open, newThreadId } from './conversation';
import css from './Conversation.module.css';
import { Starters } from './Starters';
import { Transcript } from './Transcript';

const t = texts({
  lost: 'The answer goes on at the server, reconnecting …', started: 'The assistant answers.', changed: 'The assistant has changed a record.', done: 'The answer is there.', failed: 'Your message was not sent.', cut: 'The answer was cut.', first: 'Ask the assistant', loadFailed: 'This chat could not be loaded.',
  firstWhy: 'It reads the records of this workspace that you may see, and says where it found them. Without a provider key the offline assistant answers: it is not a model, it searches and quotes.',
  branchFailed: 'Branching did not work: {why}', from: 'Branched from', chat: 'an earlier chat', stopped: 'Stopped.',
});

// What the server changed is read again: the operations that show it are named after it.
function shows(operation: unknown, resource: string): boolean {
  const name = resource.toLowerCase().replace(/-/g, '_').replace(/s$/, ''), words = `_${String(operation)}_`;
  return words.includes(`_${name}_`) || words.includes(`_${name}s_`);
}

interface Props { id: string; isNew: boolean; autoSend?: boolean; from?: string | undefined; page?: PageContext; onStarted?: () => void }

export function ConversationView({ id, isNew, autoSend, from, page, onStarted }: Props) {
  const conversation = open(id, isNew), client = useQueryClient(), navigate = useNavigate();
  useState(conversation.takeUp);
  const shown = useSyncExternalStore(conversation.subscribe, conversation.snapshot);
  const { messages, status, error } = useChat({ chat: conversation.line, throttle: 50 });
  const running = status === 'submitted' || status === 'streaming', busy = running || shown.lost;
  useEffect(() => {
    conversation.listen({
      refresh: ({ resource, id: record }) => void client.invalidateQueries({ predicate: (query) => !!resource && shows(query.queryKey[0], resource) }).then(() => {
        if (record) markChanged(record);
        announce(t('changed'));
      }),
      done: () => void Promise.all(['list_chats', 'get_ai_budget'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
    });
    void conversation.load();
    const wake = () => { if (document.visibilityState === 'visible') conversation.wake(); };
    document.addEventListener('visibilitychange', wake);
    addEventListener('online', wake);
    return () => {
      document.removeEventListener('visibilitychange', wake);
      removeEventListener('online', wake);
    };
  }, [conversation, client]);
  const before = useRef(status);
  useEffect(() => {
    if (status === 'streaming') conversation.found();
    if (status === 'streaming' && before.current === 'submitted') announce(t('started'));
    if (status === 'ready' && before.current === 'streaming') announce(shown.stopping ? t('stopped') : t('done'));
    before.current = status;
  }, [status, shown.stopping, conversation]);
  // A new conversation has its own address as soon as the server has begun.
  const begun = messages.some((m) => m.role === 'assistant');
  useEffect(() => {
    if (begun) onStarted?.();
  }, [begun, onStarted]);
  const send = (text: string, options: SendOptions = {}) => void conversation.send(text, options);
  const fail = (e: unknown) => notify({ kind: 'failed', text: t('branchFailed', { why: e instanceof Error ? e.message : String(e) }) });
  const branch = async (messageId: string, text?: string) => {
    try {
      const { chat } = await call('fork_chat', { id, messageId });
      if (text) keepDraft(chat.id, text);
      await client.invalidateQueries({ queryKey: ['list_chats'] });
      await navigate({ to: '/chat/$threadId', params: { threadId: chat.id } as never, search: { from: id } as never });
    } catch (e) {
      fail(e);
    }
  };
  const edit = (messageId: string, text: string) => {
    const at = messages.findIndex((m) => m.id === messageId), previous = messages[at - 1];
    if (previous) return void branch(previous.id, text);
    const next = newThreadId();
    keepDraft('new', text);
    void navigate({ to: '/chat', search: { from: id, new: next } as never });
  };
  const editLast = (): boolean => {
    const mine = messages.findLast((m) => m.role === 'user');
    const text = mine?.parts.map((p) => (p.type === 'text' ? p.text : '')).join('');
    if (!mine || !text || busy) return false;
    edit(mine.id, text);
    return true;
  };
  const composer = <Composer key={id} conversation={conversation} shown={shown} busy={busy} page={page} onSend={send} onEditLast={editLast} {...(autoSend ? { autoSend } : {})} />;
  if (shown.loadError) return <div className={css.pad}><ErrorPanel error={shown.loadError} what={t('loadFailed')} retry={() => void conversation.load()} /></div>;
  if (!shown.loaded) return <div className={css.pad}><Loading rows={5} /></div>;
  const problem = shown.error ?? (status === 'error' && !shown.lost ? error : null);
  const partial = !shown.refused && messages.at(-1)?.role === 'assistant';
  return (
    <div className={css.view}>
      {from && <p className={css.from}>{t('from')} <Link to="/chat/$threadId" params={{ threadId: from } as never}>{t('chat')}</Link></p>}
      {messages.length === 0 ? (
        <div className={css.first}>
          <Empty title={t('first')}>{t('firstWhy')}</Empty>
          <Starters onAsk={(text) => send(text, page ? { pageContext: page } : {})} />
        </div>
      ) : (
        <Transcript messages={messages} conversation={conversation} shown={shown} running={running} asked={shown.asked} error={!!problem && partial} onBranch={(m) => void branch(m)} onEdit={edit} />
      )}
      <div className={css.notes}>
        {shown.lost && <p className={css.lost} role="status"><IconInfoCircle size={16} aria-hidden />{t('lost')}</p>}
        {problem && !shown.lost ? <ErrorPanel error={problem} what={partial ? t('cut') : t('failed')} write {...(partial ? { retry: () => void conversation.again() } : {})} /> : null}
      </div>
      {composer}
    </div>
  );
}
