import { Tooltip } from '@mantine/core';
import { exactMoney, money } from './format';

// An amount: short, and exact on hover; on focus too where it stands alone.
export function Money({ usd, alone }: { usd: number | null | undefined; alone?: boolean }) {
  if (usd === null || usd === undefined) return <>–</>;
  return <Tooltip label={exactMoney(usd)}><span dir="ltr" tabIndex={alone ? 0 : undefined}>{money(usd)}</span></Tooltip>;
}
