import { ActionIcon } from '@mantine/core';
import { IconAlertTriangle, IconFilePlus, IconGitBranch, IconInfoCircle, IconPencil, IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { lazy, memo, Suspense, useState } from 'react';
import type { ChatMessage, ChatPart, RateLimit, Usage } from '../../api/chat';
import { CopyButton } from '../../ui/CopyButton';
import { count, exactTime, money, shortTime } from '../../ui/format';
import { Markdown } from '../../ui/Markdown';
import { useMay } from '../../ui/me';
import { texts } from '../../ui/text';
import { tip } from '../../ui/tip';
import type { Conversation } from './conversation';
import css from './Message.module.css';
import { Question } from './Question';
import { ToolCard, ToolGroup } from './ToolCard';
import { fold, isAsking, isTool, type ToolPart } from './words';

const t = texts({
  you: 'You', assistant: 'Assistant', copy: 'Copy text', retry: 'Ask again', edit: 'Edit in a new branch', branch: 'Branch from here', put: 'Put into a page', reasoning: 'Reasoning', stopped: 'Stopped', interrupted: 'Interrupted: the server ended in the middle of this answer.', failed: 'Incomplete: the answer was cut by an error.',
  resume: 'Go on', tokens: '{in} tokens in, {out} out', cached: '{n} cached', noPrice: 'no price', offline: 'offline assistant, no model', estimated: 'estimated', actions: 'About this message',
  USER_KEY: 'paid by your own key', WORKSPACE_KEY: 'paid by the workspace', ORG_KEY: 'paid by the organisation', SERVER_KEY: 'paid by the server', limit: 'Limit reached ({scope}): {used} of {limit}.', until: 'It ends {when}; reading and asking still work.', source: 'Source', working: 'Working …',
});
const PutIntoPage = lazy(() => import('./PutIntoPage'));
const payers = ['USER_KEY', 'WORKSPACE_KEY', 'ORG_KEY', 'SERVER_KEY'] as const;

const textOf = (message: ChatMessage): string => message.parts.filter((p) => p.type === 'text').map((p) => (p as { text: string }).text).join('\n\n');

export function usageOf(message: ChatMessage): Usage | null {
  const part = message.parts.filter((p) => p.type === 'data-usage').at(-1) as { data: Usage } | undefined;
  return part?.data ?? message.metadata?.usage ?? null;
}

function UsageLine({ usage }: { usage: Usage }) {
  if (usage.provider === 'offline' || usage.model === 'offline' || usage.keySource === 'NONE') return <span className={css.usage}>{t('offline')}</span>;
  const payer = payers.find((p) => p === usage.keySource);
  const cost = usage.costUsd === null || usage.costUsd === undefined || usage.basis === 'unpriced' ? t('noPrice') : `${money(usage.costUsd)}${usage.basis === 'estimated' ? ` (${t('estimated')})` : ''}`;
  return (
    <span className={css.usage} title={usage.costUsd ? `$${usage.costUsd.toFixed(6)}` : undefined}>
      <span dir="ltr">{usage.model}</span> · {t('tokens', { in: count(usage.inputTokens), out: count(usage.outputTokens) })}{usage.cachedTokens ? ` · ${t('cached', { n: usage.cachedTokens })}` : ''} · {cost}{payer ? ` · ${t(payer)}` : ''}
    </span>
  );
}

function Limit({ data }: { data: RateLimit }) {
  return (
    <p className={css.note}><IconInfoCircle size={16} aria-hidden />
      <span>{t('limit', { scope: data.scope ?? '', used: count(data.used), limit: count(data.limit) })} {data.resetsAt && t('until', { when: shortTime(data.resetsAt) })}</span></p>
  );
}

function Part({ part, conversation, open }: { part: ChatPart; conversation: Conversation; open: boolean }) {
  if (part.type === 'text') return <Markdown text={part.text} />;
  if (part.type === 'reasoning') return part.text ? <details className={css.reasoning}><summary>{t('reasoning')}</summary><Markdown text={part.text} /></details> : null;
  if (isAsking(part)) return <Question part={part as ToolPart} conversation={conversation} open={open} />;
  if (isTool(part)) return <ToolCard part={part as ToolPart} />;
  if (part.type === 'data-rate-limit') return <Limit data={part.data} />;
  if (part.type === 'source-url') return <Markdown text={`${t('source')}: [${part.title ?? part.url}](${part.url})`} />;
  return null;
}

interface Props {
  message: ChatMessage; conversation: Conversation; last: boolean; running: boolean; stopped: boolean; error: boolean;
  onBranch: (id: string) => void; onEdit: (id: string, text: string) => void;
}

function Tool({ label, icon: Icon, onClick }: { label: string; icon: typeof IconPencil; onClick: () => void }) {
  return <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={onClick} {...tip(label)}><Icon size={16} /></ActionIcon>;
}

export const Message = memo(function Message({ message, conversation, last, running, stopped, error, onBranch, onEdit }: Props) {
  const mine = message.role === 'user', text = textOf(message), at = message.metadata?.createdAt;
  const name = mine ? t('you') : t('assistant'), usage = usageOf(message), status = message.metadata?.status?.toUpperCase();
  const live = last && running, may = useMay(), [putting, setPutting] = useState(false);
  return (
    <article className={css.message} data-mine={mine || undefined} data-message tabIndex={-1} aria-label={at ? `${name}, ${exactTime(at)}` : name}>
      {mine ? <div className={css.bubble} dir="auto">{text}</div> : (
        <div className={css.answer}>
          {fold(message.parts).map((piece) => piece.kind === 'tools'
            ? <ToolGroup key={piece.at} parts={piece.parts as ToolPart[]} />
            : <Part key={piece.at} part={piece.part} conversation={conversation} open={last} />)}
          {live && !text && !message.parts.some(isTool) && <p className={css.working}>{t('working')}</p>}
        </div>
      )}
      {!live && (stopped || status === 'STOPPED') && <p className={css.note}><IconPlayerStop size={16} aria-hidden />{t('stopped')}</p>}
      {!live && !stopped && status === 'INTERRUPTED' && <p className={css.note}><IconAlertTriangle size={16} aria-hidden /><span>{t('interrupted')}</span>{last && <button type="button" className={css.link} onClick={() => void conversation.send(t('resume'))}>{t('resume')}</button>}</p>}
      {!live && !stopped && (status === 'FAILED' || (last && error && !mine)) && <p className={css.note}><IconAlertTriangle size={16} aria-hidden /><span>{t('failed')}</span>{last && <button type="button" className={css.link} onClick={() => void conversation.again()}>{t('retry')}</button>}</p>}
      {!live && (
        <div className={css.foot} role="group" aria-label={t('actions')}>
          {usage && !mine && <UsageLine usage={usage} />}
          <span className={css.tools}>
            {text && <CopyButton icon text={text} label={t('copy')} />}
            {mine && <Tool label={t('edit')} icon={IconPencil} onClick={() => onEdit(message.id, text)} />}
            {!mine && last && <Tool label={t('retry')} icon={IconRefresh} onClick={() => void conversation.again(message.id)} />}
            {!mine && text && may('create_document') && <Tool label={t('put')} icon={IconFilePlus} onClick={() => setPutting(true)} />}
            {!mine && <Tool label={t('branch')} icon={IconGitBranch} onClick={() => onBranch(message.id)} />}
          </span>
        </div>
      )}
      {putting && <Suspense fallback={null}><PutIntoPage markdown={text} onClose={() => setPutting(false)} /></Suspense>}
    </article>
  );
});
