// Which price of the list a model has: as the server finds it, an override before the list, the exact name before its
// family, a provider's own before anybody's.
import type { Out } from '../../api/operations';

type Price = Out<'list_prices'>['prices'][number];
export const baseName = (model: string): string => model.replace(/-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, '');

export function priceOf(prices: Price[], provider: string, model: string): Price | null {
  const rank = (p: Price) => (p.source === 'override' ? 4 : 0) + (p.model === model ? 2 : 0) + (p.provider ? 1 : 0);
  const fits = prices.filter((p) => (p.provider === null || p.provider === provider) && (p.model === model || p.model === baseName(model)));
  return fits.sort((a, b) => rank(b) - rank(a))[0] ?? null;
}
