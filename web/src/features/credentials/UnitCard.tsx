import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { Question } from '../../ui/Confirm';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';
import css from './Credentials.module.css';
import { StoredSecret } from './SecretField';
import { missing, State, wins } from './State';
import { TestFire } from './TestFire';
import type { Change, Tier } from './tier';
import { isEmpty, type FieldName, type Secret, type Unit } from './units';
import { UnitForm } from './UnitForm';

const t = texts({
  setUp: 'Set', setUpLabel: 'Set {title}', change: 'Change', changeLabel: 'Change {title}', clearAll: 'Clear all', clearAllLabel: 'Clear all of {title}', keep: 'Keep it', clear: 'Clear',
  clearTitle: 'Clear the {title} credential of {owner}?', clearSecretTitle: 'Clear: {title}, {what}?', own: 'It counts in every workspace of the organisation.', workspace: 'Everybody who works in {owner} loses it at once: their calls go on with the organisation’s or the server’s key, or with the offline assistant.',
  organisation: 'Every workspace of {owner} that has none of its own loses it at once: calls go on with the server’s key, or with the offline assistant.', gone: 'It cannot be shown or restored: to use it again it has to be entered again.', cleared: '{title}: cleared.', empty: '–',
});

export function clearQuestion(tier: Tier, title: string, run: () => Promise<unknown>): Question {
  return {
    title, verb: t('clear'), keep: t('keep'), run, ...(tier.kind === 'organisation' ? { typed: tier.owner } : {}),
    body: <><p>{tier.kind === 'personal' ? t('own') : t(tier.kind, { owner: tier.owner })}</p><p>{t('gone')}</p></>,
  };
}

interface Props { unit: Unit; tier: Tier; ask: (q: Question) => void }
export function UnitCard({ unit, tier, ask }: Props) {
  const [editing, setEditing] = useState<{ replace: FieldName | null } | null>(null);
  const card = useRef<HTMLLIElement>(null), was = useRef(false);
  // Closed, the form gives the focus back to what opens it.
  useEffect(() => {
    if (was.current && !editing) card.current?.querySelector<HTMLElement>('button')?.focus();
    was.current = editing !== null;
  }, [editing]);
  const { title } = unit, empty = isEmpty(unit), lacking = missing(unit);
  const filled = unit.plain.filter((f) => f.value).length + unit.secrets.filter((s) => s.masked).length;
  const clear = (names: FieldName[], question: string) => ask(clearQuestion(tier, question, async () => {
    await tier.change(Object.fromEntries(names.map((n) => [n, null])) as Omit<Change, 'orgId'>);
    notify({ kind: 'done', text: t('cleared', { title }) });
  }));
  const clearSecret = (s: Secret) => clear([s.name, ...(s.goesWith ? [s.goesWith] : [])], t('clearSecretTitle', { title, what: s.label }));
  const bad = unit.state === 'REFUSED' || unit.state === 'UNREADABLE';
  return (
    <li ref={card} className={css.card}>
      <div className={css.cardHead}>
        <h3>{title}</h3><State unit={unit} />
        {tier.mayChange && !editing && <div className={css.buttons}>{(empty || unit.plain.length > 0) && (
          <Button size="compact-sm" variant="default" aria-label={t(empty ? 'setUpLabel' : 'changeLabel', { title })} onClick={() => setEditing({ replace: null })}>{t(empty ? 'setUp' : 'change')}</Button>
        )}{filled > 1 && (
          <Button size="compact-sm" variant="subtle" color="danger" aria-label={t('clearAllLabel', { title })} onClick={() => clear([...unit.plain.map((f) => f.name), ...unit.secrets.map((s) => s.name)], t('clearTitle', { title, owner: tier.owner }))}>{t('clearAll')}</Button>
        )}</div>}
      </div>
      {editing ? <UnitForm unit={unit} tier={tier} replace={editing.replace} onDone={() => setEditing(null)} /> : !empty && (
        <dl className={css.facts}>
          {unit.plain.filter((f) => f.value || f.needed).map((f) => <div key={f.name}><dt>{f.label}</dt><dd dir="ltr">{f.value ?? t('empty')}</dd></div>)}
          {unit.secrets.filter((s) => s.masked || s.needed).map((s) => (
            <div key={s.name}><dt>{s.label}</dt><dd>{s.masked ? <StoredSecret secret={s} title={title} onReplace={tier.mayChange ? () => setEditing({ replace: s.name }) : undefined} onClear={tier.mayChange ? () => clearSecret(s) : undefined} /> : t('empty')}</dd></div>
          ))}
        </dl>
      )}
      {lacking && <p className={css.warn}>{lacking}</p>}
      <p className={bad ? css.bad : css.note} role={bad ? 'alert' : undefined}>{wins(unit, tier)}</p>
      {unit.gateway && tier.kind !== 'personal' && !editing && <TestFire unit={unit} tier={tier} />}
    </li>
  );
}
