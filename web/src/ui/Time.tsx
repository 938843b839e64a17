import { Tooltip } from '@mantine/core';
import { exactTime, shortTime } from './format';

// An instant: short, and exact with its zone on hover and focus.
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <>{shortTime(at)}</>;
  return (
    <Tooltip label={exactTime(at)}>
      <time dateTime={at} tabIndex={0}>{shortTime(at)}</time>
    </Tooltip>
  );
}
