// An answer as content of a page: Markdown to the nodes of the editor. As in the chat, images become links and HTML is text.
import { Marked, type Token, type Tokens } from 'marked';

export interface Mark { type: string; attrs?: Record<string, unknown> }
export interface PageNode { type: string; text?: string; content?: PageNode[]; marks?: Mark[]; attrs?: Record<string, unknown> }
const marked = new Marked({ gfm: true, breaks: true });
const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const plain = (text: string) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (e) => entities[e] ?? e);

const textNode = (text: string, marks: Mark[]): PageNode[] => (text ? [{ type: 'text', text, ...(marks.length ? { marks } : {}) }] : []);
const inlines = (tokens: Token[] | undefined, marks: Mark[] = []): PageNode[] => (tokens ?? []).flatMap((t) => inline(t, marks));
function inline(token: Token, marks: Mark[]): PageNode[] {
  const link = (href: string): Mark[] => [...marks, { type: 'link', attrs: { href } }];
  switch (token.type) {
    case 'strong': return inlines(token.tokens, [...marks, { type: 'bold' }]);
    case 'em': return inlines(token.tokens, [...marks, { type: 'italic' }]);
    case 'del': return inlines(token.tokens, [...marks, { type: 'strike' }]);
    case 'codespan': return textNode(plain((token as Tokens.Codespan).text), [...marks, { type: 'code' }]);
    case 'br': return [{ type: 'hardBreak' }];
    case 'link': return inlines(token.tokens, link((token as Tokens.Link).href));
    case 'image': return textNode((token as Tokens.Image).text || (token as Tokens.Image).href, link((token as Tokens.Image).href));
    case 'escape': return textNode((token as Tokens.Escape).text, marks);
    case 'checkbox': return [];
    case 'text': return 'tokens' in token && token.tokens ? inlines(token.tokens, marks) : textNode(plain((token as Tokens.Text).text), marks);
    default: return textNode(token.raw, marks);
  }
}

const node = (type: string, content: PageNode[], attrs?: Record<string, unknown>): PageNode => ({ type, ...(attrs ? { attrs } : {}), ...(content.length ? { content } : {}) });
const paragraph = (tokens: Token[] | undefined): PageNode => node('paragraph', inlines(tokens));

function listOf(token: Tokens.List): PageNode {
  const tasks = token.items.some((item) => item.task);
  const items = token.items.map((item) => node(tasks ? 'taskItem' : 'listItem', blocks(item.tokens), tasks ? { checked: !!item.checked } : undefined));
  return tasks ? node('taskList', items) : token.ordered ? node('orderedList', items, { start: token.start || 1 }) : node('bulletList', items);
}
const row = (type: string, cells: Tokens.TableCell[]): PageNode => node('tableRow', cells.map((cell) => node(type, [paragraph(cell.tokens)])));

function block(token: Token): PageNode[] {
  switch (token.type) {
    case 'space': case 'def': case 'checkbox': return [];
    case 'heading': return [node('heading', inlines(token.tokens), { level: (token as Tokens.Heading).depth })];
    case 'code': return [node('codeBlock', textNode((token as Tokens.Code).text, []), (token as Tokens.Code).lang ? { language: (token as Tokens.Code).lang } : undefined)];
    case 'blockquote': return [node('blockquote', blocks((token as Tokens.Blockquote).tokens))];
    case 'list': return [listOf(token as Tokens.List)];
    case 'table': return [node('table', [row('tableHeader', (token as Tokens.Table).header), ...(token as Tokens.Table).rows.map((cells) => row('tableCell', cells))])];
    case 'hr': return [node('horizontalRule', [])];
    case 'html': return [node('paragraph', textNode(token.raw.trim(), []))];
    default: return ['tokens' in token && token.tokens ? paragraph(token.tokens) : node('paragraph', textNode(plain((token as { text?: string }).text ?? token.raw), []))];
  }
}
const blocks = (tokens: Token[]): PageNode[] => tokens.flatMap(block);

export const pageContent = (markdown: string): PageNode[] => blocks(marked.lexer(markdown));

// What a page of this answer would be called: its first words.
export function pageTitle(markdown: string): string {
  const words = (nodes: PageNode[] | undefined): string => (nodes ?? []).map((n) => n.text ?? `${words(n.content)} `).join('');
  const first = words(pageContent(markdown).slice(0, 1)).replace(/\s+/g, ' ').trim();
  return first.length > 80 ? `${first.slice(0, 80).replace(/\s\S*$/, '')} …` : first;
}
