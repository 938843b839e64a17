// A link to an own record, in a text: what it is and how it stands.
import type { ReactNode } from 'react';
import type { Icon } from './feature';
import { useChanged } from './changed';
import css from './RecordChip.module.css';

interface Props { id: string; icon: Icon; link: ReactNode; state?: ReactNode; gone?: boolean }

export function RecordChip({ id, icon: Icon, link, state, gone }: Props) {
  const changed = useChanged(id);
  return (
    <span className={css.chip} data-record={id} data-gone={gone || undefined} data-changed={changed}>
      <Icon size={14} aria-hidden />{link}{state && <span className={css.state}>{state}</span>}
    </span>
  );
}
