import { IconAlertTriangle, IconCircle, IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react';
import { texts } from '../../ui/text';
import { Time } from '../../ui/Time';
import css from './Credentials.module.css';
import { isEmpty, lacks, whose, type Unit } from './units';
import type { Tier } from './tier';

const t = texts({
  ABSENT: 'Not set', PART: 'Not complete', SET: 'Set, not verified', VERIFIED: 'Verified', REFUSED: 'Refused by its provider', UNREADABLE: 'Cannot be decrypted',
  lacks: 'It lacks: {what}. Until it is complete it supplies nothing.',
  here: 'A call for {title} uses this credential: it is the first that is complete.', alone: 'Keys of one’s own do not count here, and nobody else has a credential for {title}.', forbidden: 'A call for {title} uses {whose}: keys of one’s own do not count here.', other: 'A call for {title} uses {whose}, since there is no complete credential here.', nobody: 'Nobody has a credential for {title}.',
  refusedHere: 'Its provider refuses it: calls are refused until another one is entered, or this one is verified again. No other key is used instead.', refusedThere: 'A call for {title} would use {whose}, which its provider refuses: calls are refused, and no other key is used instead.',
  unreadableHere: 'What is stored cannot be decrypted: it was altered or moved, or its root key is gone. Enter it again; it heals by itself when the right root key is back. Until then calls are refused, and no other key is used instead.', unreadableThere: 'A call for {title} would use {whose}, which cannot be decrypted: calls are refused, and no other key is used instead.',
});
const icons = { ABSENT: IconCircleDashed, PART: IconCircleDashed, SET: IconCircle, VERIFIED: IconCircleCheck, REFUSED: IconCircleX, UNREADABLE: IconAlertTriangle };

export function State({ unit }: { unit: Unit }) {
  const state = unit.state === 'ABSENT' && !isEmpty(unit) ? 'PART' : unit.state, Icon = icons[state];
  return <span className={css.state} data-state={state}><Icon size={16} aria-hidden />{t(state)}{state === 'VERIFIED' && unit.verifiedAt && <> <Time at={unit.verifiedAt} /></>}</span>;
}

// Which tier's credential counts now for a provider, and why.
export function wins(unit: Unit, tier: Tier): string {
  const by = tier.settings.effective.providers.find((p) => p.provider === unit.provider), { title } = unit;
  if (!by || by.keySource === 'NONE') return t(tier.forbidden && unit.state !== 'ABSENT' ? 'alone' : 'nobody', { title });
  const here = by.keySource === tier.source, values = { title, whose: whose(by.keySource) };
  if (by.state === 'REFUSED') return here ? t('refusedHere') : t('refusedThere', values);
  if (by.state === 'UNREADABLE') return here ? t('unreadableHere') : t('unreadableThere', values);
  if (here) return t('here', values);
  return t(tier.forbidden && unit.state !== 'ABSENT' ? 'forbidden' : 'other', values);
}
export const missing = (unit: Unit): string | null => (unit.state === 'ABSENT' && !isEmpty(unit) ? t('lacks', { what: lacks(unit).join(', ') }) : null);
