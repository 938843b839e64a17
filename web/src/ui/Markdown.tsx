// Markdown as React elements: there is no way from a text to HTML. Raw HTML stands there as text, images become links
// (nothing is fetched), foreign links show their host. A block that is finished is never rendered again.
import { IconExternalLink } from '@tabler/icons-react';
import { Marked, type Token, type Tokens } from 'marked';
import { Fragment, memo, useContext, useMemo, type ReactNode } from 'react';
import { CopyButton } from './CopyButton';
import { OwnLink } from './own-link';
import css from './Markdown.module.css';
import { texts } from './text';

const t = texts({ image: 'Image: {name}', copyCode: 'Copy code', copyTable: 'Copy table', code: 'Code', table: 'Table', opens: '(opens {host} in a new tab)' });
const marked = new Marked({ gfm: true, breaks: true });

// What a link may be: a page of the web, an address, or a path of this console.
export function safeHref(href: string): { kind: 'own' | 'web' | 'mail'; href: string; host: string } | null {
  if (/^\/(?![/\\])/.test(href)) return { kind: 'own', href, host: '' };
  try {
    const url = new URL(href);
    if (typeof location !== 'undefined' && url.origin === location.origin) return { kind: 'own', href: url.pathname + url.search + url.hash, host: '' };
    if (url.protocol === 'mailto:') return { kind: 'mail', href: url.href, host: '' };
    return url.protocol === 'https:' || url.protocol === 'http:' ? { kind: 'web', href: url.href, host: url.host } : null;
  } catch {
    return null;
  }
}

export function Link({ href, children }: { href: string; children: ReactNode }) {
  const own = useContext(OwnLink), target = safeHref(href);
  if (!target) return <>{children}</>;
  if (target.kind === 'own') return <>{own(target.href, children)}</>;
  if (target.kind === 'mail') return <a href={target.href}>{children}</a>;
  return (
    <a href={target.href} target="_blank" rel="noopener noreferrer nofollow" className={css.link}>
      {children} <span className={css.host} dir="ltr">{target.host}</span><IconExternalLink size={12} aria-hidden /><span className="visually-hidden">{t('opens', { host: target.host })}</span>
    </a>
  );
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const plain = (text: string) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (e) => entities[e] ?? e);

function inline(tokens: Token[] | undefined): ReactNode {
  return tokens?.map((token, i) => <Fragment key={i}>{inlineOne(token)}</Fragment>);
}
function inlineOne(token: Token): ReactNode {
  switch (token.type) {
    case 'strong': return <strong>{inline(token.tokens)}</strong>;
    case 'em': return <em>{inline(token.tokens)}</em>;
    case 'del': return <del>{inline(token.tokens)}</del>;
    case 'codespan': return <code dir="ltr">{plain((token as Tokens.Codespan).text)}</code>;
    case 'br': return <br />;
    case 'link': return <Link href={(token as Tokens.Link).href}>{inline(token.tokens)}</Link>;
    case 'image': return <Link href={(token as Tokens.Image).href}>{t('image', { name: (token as Tokens.Image).text || (token as Tokens.Image).href })}</Link>;
    case 'checkbox': return (token as { checked?: boolean }).checked ? '☑ ' : '☐ ';
    case 'text': return 'tokens' in token && token.tokens ? inline(token.tokens) : plain((token as Tokens.Text).text);
    case 'escape': return (token as Tokens.Escape).text;
    default: return token.raw;
  }
}

export function CodeBlock({ text, lang }: { text: string; lang?: string }) {
  return (
    <div className={css.block}>
      <div className={css.bar}><span>{lang || t('code')}</span><CopyButton icon text={text} label={t('copyCode')} /></div>
      <pre tabIndex={0} aria-label={lang || t('code')} role="region" dir="ltr"><code>{text}</code></pre>
    </div>
  );
}

function Table({ token }: { token: Tokens.Table }) {
  const lines = () => [token.header, ...token.rows].map((row) => row.map((cell) => plain(cell.text)).join('\t')).join('\n');
  return (
    <div className={css.block}>
      <div className={css.bar}><span>{t('table')}</span><CopyButton icon text={lines} label={t('copyTable')} /></div>
      <div className={css.scroll} tabIndex={0} role="region" aria-label={t('table')}>
        <table>
          <thead><tr>{token.header.map((cell, i) => <th key={i} scope="col" data-align={cell.align ?? undefined}>{inline(cell.tokens)}</th>)}</tr></thead>
          <tbody>{token.rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j} data-align={cell.align ?? undefined}>{inline(cell.tokens)}</td>)}</tr>)}</tbody>
        </table>
      </div>
    </div>
  );
}

function List({ token, top }: { token: Tokens.List; top: number }) {
  const items = token.items.map((item, i) => <li key={i}>{item.tokens.map((tk, j) => <Fragment key={j}>{block(tk, top)}</Fragment>)}</li>);
  return token.ordered ? <ol start={typeof token.start === 'number' ? token.start : 1}>{items}</ol> : <ul>{items}</ul>;
}

// `top` is the depth of the text's highest heading: it stands right below the page's own.
function block(token: Token, top: number): ReactNode {
  switch (token.type) {
    case 'space': return null;
    case 'heading': {
      const level = Math.min(Math.max((token as Tokens.Heading).depth - top, 0) + 2, 6);
      const Tag = `h${level}` as 'h2';
      return <Tag>{inline(token.tokens)}</Tag>;
    }
    case 'paragraph': return <p>{inline(token.tokens)}</p>;
    case 'blockquote': return <blockquote>{token.tokens?.map((tk, i) => <Fragment key={i}>{block(tk, top)}</Fragment>)}</blockquote>;
    case 'hr': return <hr />;
    case 'code': return <CodeBlock text={(token as Tokens.Code).text} {...((token as Tokens.Code).lang ? { lang: (token as Tokens.Code).lang! } : {})} />;
    case 'table': return <Table token={token as Tokens.Table} />;
    case 'list': return <List token={token as Tokens.List} top={top} />;
    case 'html': return <p>{token.raw}</p>;
    case 'text': case 'checkbox': return inlineOne(token);
    default: return inlineOne(token);
  }
}

const Block = memo(function Block({ raw, top }: { raw: string; top: number }) {
  return <>{marked.lexer(raw).map((token, i) => <Fragment key={i}>{block(token, top)}</Fragment>)}</>;
});

// The blocks of a text, each with its own source: equal source, equal block.
export function blocksOf(text: string): string[] {
  return marked.lexer(text).filter((token) => token.type !== 'space').map((token) => token.raw);
}

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  const depths = blocks.map((raw) => /^ {0,3}(#{1,6})\s/.exec(raw)?.[1]?.length ?? 6), top = Math.min(6, ...depths);
  return <div className={css.text} dir="auto">{blocks.map((raw, i) => <Block key={i} raw={raw} top={top} />)}</div>;
}
