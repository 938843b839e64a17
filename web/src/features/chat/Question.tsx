// The assistant asks: chips, and a field for what no chip says. The answer travels as the tool's output and allows nothing.
import { Button } from '@mantine/core';
import { useState } from 'react';
import { texts } from '../../ui/text';
import type { Conversation } from './conversation';
import css from './Question.module.css';
import { toolName, type ToolPart } from './words';

const t = texts({ yes: 'Yes', no: 'No', own: 'Another answer', send: 'Answer', answered: 'Your answer: {text}', left: 'Not answered.', asks: 'The assistant asks' });

interface Input { question?: string; message?: string; actionDescription?: string; options?: unknown[] }
const label = (option: unknown): string => (option && typeof option === 'object' ? String((option as { label?: unknown; value?: unknown }).label ?? (option as { value?: unknown }).value ?? '') : String(option));

function said(output: unknown): string {
  if (typeof output === 'string') return output;
  const o = (output ?? {}) as { answer?: unknown; confirmed?: unknown };
  return typeof o.answer === 'string' ? o.answer : o.confirmed === true ? t('yes') : o.confirmed === false ? t('no') : JSON.stringify(output);
}

export function Question({ part, conversation, open }: { part: ToolPart; conversation: Conversation; open: boolean }) {
  const [own, setOwn] = useState('');
  const input = (part.input ?? {}) as Input, confirms = toolName(part) === 'ask_confirmation';
  const waiting = part.state === 'input-available' && open;
  const answer = (output: unknown) => conversation.answer(toolName(part), part.toolCallId, output);
  return (
    <div className={css.card} role="group" aria-label={t('asks')}>
      <p dir="auto">{input.question ?? input.message}</p>
      {input.actionDescription && <p dir="auto" className={css.muted}>{input.actionDescription}</p>}
      {waiting ? (
        <>
          <div className={css.chips}>
            {confirms
              ? <><Button variant="default" onClick={() => answer({ confirmed: true })}>{t('yes')}</Button><Button variant="default" onClick={() => answer({ confirmed: false })}>{t('no')}</Button></>
              : (input.options ?? []).map((o, i) => <Button key={i} variant="default" onClick={() => answer({ answer: label(o) })}><span dir="auto">{label(o)}</span></Button>)}
          </div>
          {!confirms && (
            <form className={css.own} onSubmit={(e) => { e.preventDefault(); if (own.trim()) answer({ answer: own.trim() }); }}>
              <input aria-label={t('own')} placeholder={t('own')} value={own} dir="auto" maxLength={2000} onChange={(e) => setOwn(e.currentTarget.value)} />
              <Button type="submit" variant="default" disabled={!own.trim()}>{t('send')}</Button>
            </form>
          )}
        </>
      ) : <p className={css.muted} dir="auto">{part.state === 'output-available' ? t('answered', { text: said(part.output) }) : t('left')}</p>}
    </div>
  );
}
