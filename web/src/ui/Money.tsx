import { exactMoney, money } from './format';
import { tip } from './tip';

// An amount: short, and exact on hover; on focus too where it stands alone.
export function Money({ usd, alone }: { usd: number | null | undefined; alone?: boolean }) {
  if (usd === null || usd === undefined) return <>–</>;
  return <span dir="ltr" tabIndex={alone ? 0 : undefined} {...tip(exactMoney(usd))}>{money(usd)}</span>;
}
