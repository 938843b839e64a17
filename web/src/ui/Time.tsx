import { exactTime, shortTime } from './format';
import { tip } from './tip';

// An instant: short, and exact with its zone on hover and focus.
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <>{shortTime(at)}</>;
  return <time dateTime={at} tabIndex={0} {...tip(exactTime(at))}>{shortTime(at)}</time>;
}
