// The last pages that were open in this tab, for the palette.
interface Recent { to: string; title: string }
let recent: Recent[] = [];
const most = 5;

export function visited(to: string, title: string): void {
  recent = [{ to, title }, ...recent.filter((r) => r.to !== to)].slice(0, most + 1);
}
// The page one is on is not among them.
export const recentPlaces = (): Recent[] => recent.filter((r) => r.to !== location.pathname).slice(0, most);
