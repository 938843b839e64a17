// Texts of the console: message tables with plural rules. English is the first language; a table of another one has
// the same keys. `accented` proves in tests that no text stands in the code, `mirrored` that the page reads from the right.
import { display } from './display';

export type Message = string | { one: string; other: string };
export type Values = Record<string, string | number>;

const accents: Record<string, string> = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', A: 'Á', E: 'É', I: 'Í', O: 'Ó', U: 'Ú', c: 'ç', n: 'ñ' };
function accented(text: string): string {
  const longer = '·'.repeat(Math.ceil(text.length * 0.4));
  return `⟦${text.replace(/[aeiouAEIOUcn]/g, (c) => accents[c] ?? c)}${longer}⟧`;
}

export const locale = (): string => (display().language === 'en' ? 'en' : 'en');
const plural = new Intl.PluralRules('en');
const number = new Intl.NumberFormat('en');

export function say(message: Message, values: Values = {}): string {
  const chosen = typeof message === 'string' ? message : plural.select(Number(values.n ?? 0)) === 'one' ? message.one : message.other;
  const marked = display().language === 'accented' ? accented(chosen.replace(/\{(\w+)\}/g, '\u0001$1\u0002')) : chosen;
  const open = marked === chosen ? /\{(\w+)\}/g : /\u0001(.+?)\u0002/g;
  return marked.replace(open, (_, key: string) => {
    const plain = [...key].map((c) => Object.entries(accents).find(([, to]) => to === c)?.[0] ?? c).join('');
    const value = values[plain];
    return typeof value === 'number' ? number.format(value) : (value ?? '');
  });
}

export function texts<T extends Record<string, Message>>(table: T): (key: keyof T & string, values?: Values) => string {
  return (key, values) => say(table[key]!, values);
}
