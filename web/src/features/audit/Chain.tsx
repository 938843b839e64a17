// How far the workspace's log is sealed, or where it was found broken.
import { IconAlertOctagon, IconShieldCheck } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Out } from '../../api/operations';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import css from './Audit.module.css';

const t = texts({
  sealed: 'Sealed up to entry {seq}.', unsigned: 'No checkpoint is signed yet.', signed: 'Checkpoint {number} signed it up to entry {seq},', none: 'Nothing is sealed yet.', known: 'No break is known; it is proved every night, and by the operator with', proved: 'All of it was proved',
  broken: 'The log was changed behind the server.', first: 'First bad entry: number {seq}.', system: 'A checkpoint does not hold.', found: 'Found', open: 'Open the entry', operator: 'Tell whoever runs the server: opboxd log verify names all of it.',
  edit: 'It is not what was sealed.', gap: 'Entries before it are missing.', insert: 'It was never sealed.', reorder: 'Entries have changed places.', swap: 'It belongs to another workspace’s log.', cut: 'The end of the log is missing.', rewrite: 'The entries agree among themselves, but not with a signed checkpoint.',
  head: 'The head of the log is not what the server left.', base: 'The beginning was moved, and not by retention.', checkpoint: 'A signed checkpoint is missing or altered.', unreadable: 'It cannot be read.',
});
type State = Out<'list_security_events'>['chain'];
interface Break { seq?: number; kind?: string; id?: string | null; message?: string | null; foundAt?: string }
interface Checkpoint { number?: number; seq?: number; at?: string }
const kinds = ['edit', 'gap', 'insert', 'reorder', 'swap', 'cut', 'rewrite', 'head', 'base', 'checkpoint', 'unreadable'] as const;

function Broken({ found }: { found: Break }) {
  const kind = kinds.find((k) => k === found.kind);
  return (
    <div role="alert" className={css.broken}>
      <IconAlertOctagon size={20} aria-hidden />
      <div>
        <p className={css.strong}>{t('broken')}</p>
        <p>{found.seq ? t('first', { seq: found.seq }) : t('system')} {kind ? t(kind) : <span dir="auto">{found.message}</span>} {found.foundAt && <>{t('found')} <Time at={found.foundAt} />.</>}</p>
        <p>{found.id && <><Link to="." search={((old: Record<string, unknown>) => ({ ...old, open: found.id })) as never} resetScroll={false}>{t('open')}</Link> · </>}{t('operator')}</p>
      </div>
    </div>
  );
}

export function Chain({ chain }: { chain: State }) {
  if (chain.firstBreak) return <Broken found={chain.firstBreak as Break} />;
  const signed = chain.lastCheckpoint as Checkpoint | null | undefined;
  return (
    <p className={css.chain}>
      <IconShieldCheck size={18} aria-hidden />
      <span>
        {chain.lastSeq ? t('sealed', { seq: chain.lastSeq }) : t('none')} {signed?.at ? <>{t('signed', { number: signed.number ?? 0, seq: signed.seq ?? 0 })} <Time at={signed.at} />. </> : chain.lastSeq ? `${t('unsigned')} ` : ''}
        {chain.verifiedAt ? <>{t('proved')} <Time at={chain.verifiedAt} />.</> : <>{t('known')} <code dir="ltr">opboxd log verify</code>.</>}
      </span>
    </p>
  );
}
