// "@": records that the question is about, at most ten, each a chip that can be taken off. The list that opens under the
// field is a listbox that the text field commands: the focus stays in the text.
import { CloseButton } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconFileText } from '@tabler/icons-react';
import type { Reference } from '../../api/chat';
import { useCall } from '../../api/query';
import { texts } from '../../ui/text';
import css from './References.module.css';

const t = texts({ list: 'Records to refer to', none: 'No page has “{q}” in its title.', chosen: { one: '{n} of 10 records', other: '{n} of 10 records' }, remove: 'Take off {name}', page: 'This page: {name}', full: 'Ten records are the most.' });
export const mostReferences = 10;

// The word that begins with @ right before the cursor.
export function mentionAt(text: string, cursor: number): { from: number; q: string } | null {
  const found = /(?:^|\s)@([^\s@]{0,60})$/u.exec(text.slice(0, cursor));
  return found ? { from: cursor - found[1]!.length - 1, q: found[1]! } : null;
}

export function useFound(q: string | null): Reference[] {
  const [wanted] = useDebouncedValue(q, 150);
  const query = useCall('list_documents', { ...(wanted ? { q: wanted } : {}), limit: 8 }, { enabled: wanted !== null });
  return q === null ? [] : (query.data?.documents ?? []).map((d) => ({ kind: 'documents', id: d.id, title: d.title }));
}

export function Choices({ found, q, active, onChoose }: { found: Reference[]; q: string; active: number; onChoose: (r: Reference) => void }) {
  if (!found.length) return <div className={css.choices} role="status"><p className={css.note}>{t('none', { q })}</p></div>;
  return (
    <div className={css.choices}>
      <ul id="references" role="listbox" aria-label={t('list')}>
        {found.map((r, i) => (
          <li key={r.id} id={`reference-${i}`} role="option" aria-selected={i === active} onMouseDown={(e) => { e.preventDefault(); onChoose(r); }}><IconFileText size={16} aria-hidden /><span dir="auto">{r.title}</span></li>
        ))}
      </ul>
    </div>
  );
}

export function Chips({ references, page, onRemove, onRemovePage }: { references: Reference[]; page: string | null; onRemove: (id: string) => void; onRemovePage: () => void }) {
  if (!references.length && page === null) return null;
  return (
    <div className={css.chips}>
      {page !== null && <span className={css.chip}><span dir="auto">{t('page', { name: page })}</span><CloseButton size={24} aria-label={t('remove', { name: page })} onClick={onRemovePage} /></span>}
      {references.map((r) => <span key={r.id} className={css.chip}><IconFileText size={14} aria-hidden /><span dir="auto">{r.title}</span><CloseButton size={24} aria-label={t('remove', { name: r.title })} onClick={() => onRemove(r.id)} /></span>)}
      {references.length > 0 && <span className={css.note}>{references.length >= mostReferences ? t('full') : t('chosen', { n: references.length })}</span>}
    </div>
  );
}
