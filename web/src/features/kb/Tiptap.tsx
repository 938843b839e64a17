// A page's JSON as React elements, for reading. Node types that are not known show what is in them: the editor's set grows.
import { Fragment, type ReactNode } from 'react';
import { CodeBlock, Link } from '../../ui/Markdown';
import { texts } from '../../ui/text';
import css from './Tiptap.module.css';

const t = texts({ image: 'Image: {name}', table: 'Table' });

export interface Node { type: string; text?: string; content?: Node[]; marks?: { type: string; attrs?: Record<string, unknown> }[]; attrs?: Record<string, unknown> }

const attr = (node: { attrs?: Record<string, unknown> }, name: string): string => {
  const value = node.attrs?.[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};

function text(node: Node): ReactNode {
  return (node.marks ?? []).reduce<ReactNode>((inner, mark) => {
    switch (mark.type) {
      case 'bold': case 'strong': return <strong>{inner}</strong>;
      case 'italic': case 'em': return <em>{inner}</em>;
      case 'strike': return <del>{inner}</del>;
      case 'underline': return <u>{inner}</u>;
      case 'highlight': return <mark>{inner}</mark>;
      case 'code': return <code dir="ltr">{inner}</code>;
      case 'link': return <Link href={attr(mark, 'href')}>{inner}</Link>;
      default: return inner;
    }
  }, node.text ?? '');
}

const plain = (node: Node): string => node.text ?? (node.content ?? []).map(plain).join('');
const all = (nodes: Node[] | undefined): ReactNode => nodes?.map((n, i) => <Fragment key={i}>{one(n)}</Fragment>);

function cell(node: Node, i: number): ReactNode {
  const span = { colSpan: Number(attr(node, 'colspan')) || undefined, rowSpan: Number(attr(node, 'rowspan')) || undefined };
  return node.type === 'tableHeader' ? <th key={i} scope="col" {...span}>{all(node.content)}</th> : <td key={i} {...span}>{all(node.content)}</td>;
}

function one(node: Node): ReactNode {
  switch (node.type) {
    case 'text': return text(node);
    case 'paragraph': return <p dir="auto">{all(node.content)}</p>;
    case 'heading': {
      // The page's title is the h1.
      const Tag = `h${Math.min((Number(attr(node, 'level')) || 1) + 1, 6)}` as 'h2';
      return <Tag dir="auto">{all(node.content)}</Tag>;
    }
    case 'bulletList': return <ul>{all(node.content)}</ul>;
    case 'orderedList': return <ol start={Number(attr(node, 'start')) || 1}>{all(node.content)}</ol>;
    case 'listItem': return <li>{all(node.content)}</li>;
    case 'taskList': return <ul className={css.tasks}>{all(node.content)}</ul>;
    case 'taskItem': return <li><span aria-hidden>{node.attrs?.checked ? '☑' : '☐'}</span><div>{all(node.content)}</div></li>;
    case 'blockquote': return <blockquote>{all(node.content)}</blockquote>;
    case 'codeBlock': return <CodeBlock text={plain(node)} {...(attr(node, 'language') ? { lang: attr(node, 'language') } : {})} />;
    case 'horizontalRule': return <hr />;
    case 'hardBreak': return <br />;
    case 'image': return <Link href={attr(node, 'src')}>{t('image', { name: attr(node, 'alt') || attr(node, 'src') })}</Link>;
    case 'mention': return <span className={css.mention} dir="auto">@{attr(node, 'label') || attr(node, 'id')}</span>;
    case 'emoji': return attr(node, 'emoji') || attr(node, 'name');
    case 'table': return <div className={css.scroll} tabIndex={0} role="region" aria-label={t('table')}><table><tbody>{all(node.content)}</tbody></table></div>;
    case 'tableRow': return <tr>{node.content?.map(cell)}</tr>;
    default: return <div>{node.text}{all(node.content)}</div>;
  }
}

export function Tiptap({ doc }: { doc: Node }) {
  return <div className={css.doc}>{all(doc.content)}</div>;
}
