import { Button } from '@mantine/core';
import { IconArrowUp, IconListCheck, IconPlayerStopFilled, IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { draft, keepDraft } from '../../ui/drafts';
import { texts } from '../../ui/text';
import { tip } from '../../ui/tip';
import css from './Composer.module.css';
import { ModelLine } from './ModelLine';
import type { Conversation, Shown } from './conversation';
import { joined, type Note } from './notes';
import { Chips, Choices, mentionAt, mostReferences, useFound } from './References';
import type { Reference, SendOptions } from '../../api/chat';

const t = texts({
  label: 'Message to the assistant', placeholder: 'Ask, or say what is to be done …', send: 'Send', stop: 'Stop the answer', wait: 'Send after this answer', plan: 'Plan only', scoped: 'Only this page', planWhy: 'Plan only: the assistant reads and proposes, and cannot change anything',
  waits: 'Waits for the answer:', editWaiting: 'Edit', dropWaiting: 'Remove the waiting message', oneWaits: 'One message waits already: it can be edited. What you type now stays here.', planOn: 'plan only', records: { one: '{n} record', other: '{n} records' }, tooLong: 'At most {n} characters.',
});
const mostChars = 100_000;

export interface PageContext { path: string; title: string; record?: { kind: string; id: string } }

interface Props {
  conversation: Conversation; shown: Shown; busy: boolean; autoSend?: boolean;
  page?: PageContext | undefined; // what is sent as the open page, unless it is taken off
  onSend: (text: string, options: SendOptions) => void; onEditLast: () => boolean;
}

export function Composer({ conversation, shown, busy, autoSend, page, onSend, onEditLast }: Props) {
  const key = conversation.slot;
  const [text, setText] = useState(() => draft(key));
  const [plan, setPlan] = useState(() => !!conversation.choices().planMode);
  const [references, setReferences] = useState<Reference[]>(() => conversation.choices().references ?? []), [withPage, setWithPage] = useState(true), [scoped, setScoped] = useState(false);
  const [mention, setMention] = useState<{ from: number; q: string } | null>(null), [active, setActive] = useState(0), [refused, setRefused] = useState(false);
  const found = useFound(mention?.q ?? null);
  const field = useRef<HTMLTextAreaElement>(null);
  const type = (next: string) => {
    setText(next);
    keepDraft(key, next);
    setRefused(false);
  };
  const chosen = (): SendOptions => ({
    ...(plan ? { planMode: true } : {}), ...(page && withPage ? { pageContext: page, ...(scoped ? { scopeToPage: true } : {}) } : {}), ...(references.length ? { references } : {}),
  });
  useEffect(() => {
    conversation.choices({ ...(plan ? { planMode: true } : {}), ...(references.length ? { references } : {}) });
  }, [conversation, plan, references]);
  const send = () => {
    if (!text.trim() || text.length > mostChars) return;
    // One message waits; a second one stays where it is typed, with what is chosen for it.
    if (busy && shown.waiting) return setRefused(true);
    type('');
    setMention(null);
    setReferences([]);
    onSend(text.trim(), chosen());
  };
  // A message comes into the field again: before what stands there, with what was chosen for it.
  const takeBack = (note: Note) => {
    const both = text.trim() ? joined(note, { id: '', text, options: chosen() }) : note;
    type(both.text);
    setPlan(!!both.options.planMode);
    setReferences(both.options.references ?? []);
    setWithPage(!!both.options.pageContext || withPage);
    setScoped(!!both.options.scopeToPage);
    field.current?.focus();
  };
  const choose = (r: Reference) => {
    if (!mention) return;
    type(text.slice(0, mention.from) + text.slice(mention.from + mention.q.length + 1));
    if (references.length < mostReferences && !references.some((known) => known.id === r.id)) setReferences([...references, r]);
    setMention(null);
    field.current?.focus();
  };
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) field.current?.focus({ preventScroll: true });
    if (autoSend && text.trim() && !shown.returned) send();
    // Once, when the conversation is opened.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useEffect(() => {
    if (shown.returned === null) return;
    takeBack(shown.returned);
    conversation.tookBack();
    // Only what comes back matters; the text is that of now.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shown.returned]);
  // The thread has its address now: what is typed is a draft of it.
  const place = useRef(key);
  useEffect(() => {
    if (place.current === key) return;
    if (draft(place.current) === text) keepDraft(place.current, '');
    keepDraft(key, text);
    place.current = key;
  }, [key, text]);
  const onKey = (event: React.KeyboardEvent) => {
    // Enter chooses a candidate while an input method composes.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (mention && found.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setActive((active + (event.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length);
    } else if (mention && event.key === 'Escape') {
      event.preventDefault();
      setMention(null);
    } else if (mention && found[active] && (event.key === 'Enter' || event.key === 'Tab')) {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && busy) {
      event.preventDefault();
      void conversation.stop();
    } else if (event.key === 'ArrowUp' && !event.altKey && text === '' && onEditLast()) event.preventDefault();
  };
  return (
    <form className={css.composer} onSubmit={(e) => { e.preventDefault(); send(); }}>
      {shown.waiting !== null && (
        <div className={css.waiting} role="status">
          <span>{t('waits')}</span><span dir="auto" className={css.text}>{shown.waiting.text}</span>
          {shown.waiting.options.planMode && <span>{t('planOn')}</span>}{shown.waiting.options.references && <span>{t('records', { n: shown.waiting.options.references.length })}</span>}
          <Button size="compact-sm" variant="default" onClick={() => { if (shown.waiting) takeBack(shown.waiting); conversation.dropWaiting(); }}>{t('editWaiting')}</Button>
          <Button size="compact-sm" variant="subtle" color="gray" aria-label={t('dropWaiting')} onClick={conversation.dropWaiting}><IconX size={14} aria-hidden /></Button>
          {refused && <p className={css.refused}>{t('oneWaits')}</p>}
        </div>
      )}
      <div className={css.box}>
        {mention && <Choices found={found} q={mention.q} active={active} onChoose={choose} />}
        <Chips references={references} page={page && withPage ? page.title : null} onRemove={(id) => setReferences(references.filter((r) => r.id !== id))} onRemovePage={() => setWithPage(false)} />
        <textarea ref={field} rows={1} aria-label={t('label')} placeholder={t('placeholder')} value={text} dir="auto" onKeyDown={onKey} onBlur={() => setMention(null)}
          {...(mention && found.length ? { 'aria-controls': 'references', 'aria-activedescendant': `reference-${active}` } : {})}
          onChange={(e) => { type(e.currentTarget.value); setMention(mentionAt(e.currentTarget.value, e.currentTarget.selectionStart)); setActive(0); }} />
        <div className={css.bar}>
          <button type="button" className={css.switch} aria-pressed={plan} onClick={() => setPlan(!plan)} {...tip(t('planWhy'))}><IconListCheck size={16} aria-hidden />{t('plan')}</button>
          {page && withPage && <button type="button" className={css.switch} aria-pressed={scoped} onClick={() => setScoped(!scoped)}>{t('scoped')}</button>}
          {text.length > mostChars && <span className={css.long}>{t('tooLong', { n: mostChars })}</span>}
          <span className={css.end}>
            {busy && text.trim() && !shown.waiting && <Button type="submit" size="compact-sm" variant="default">{t('wait')}</Button>}
            {busy
              ? <Button size="compact-sm" className={css.send} aria-label={t('stop')} loading={shown.stopping} onClick={() => void conversation.stop()}><IconPlayerStopFilled size={16} aria-hidden /></Button>
              : <Button type="submit" size="compact-sm" className={css.send} aria-label={t('send')} disabled={!text.trim() || text.length > mostChars}><IconArrowUp size={18} aria-hidden /></Button>}
          </span>
        </div>
      </div>
      <ModelLine />
    </form>
  );
}
