// Which four questions a first thread offers: about own pages first, filled up with what can be asked anywhere.
const about = ['says', 'main', 'todo'] as const, always = ['able', 'pages', 'who', 'last'] as const;
export interface Starter { text: (typeof about)[number] | (typeof always)[number]; title?: string }

export function starters(titles: string[]): Starter[] {
  const own = about.slice(0, titles.length).map((text, i) => ({ text, title: titles[i]! }));
  return [...own, ...always.map((text) => ({ text }))].slice(0, 4);
}
