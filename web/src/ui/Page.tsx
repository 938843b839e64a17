// A screen: its one heading, its tools, its title; on navigation the heading takes the focus and the title is said.
import { useEffect, useRef, type ReactNode } from 'react';
import css from './Page.module.css';
import { announce } from './announce';

const firstPath = typeof location === 'undefined' ? '' : location.pathname;
let navigated = false;

export function usePageTitle(title: string, area?: string): void {
  useEffect(() => {
    document.title = [title, area !== title ? area : undefined, 'opboxd'].filter(Boolean).join(' – ');
  }, [title, area]);
}

interface Props {
  title: string;
  area?: string;
  tools?: ReactNode;
  lead?: ReactNode;
  userText?: boolean; // the title is somebody's text
  wide?: boolean;
  hideTitle?: boolean;
  children: ReactNode;
}
export function Page({ title, area, tools, lead, userText, wide, hideTitle, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  usePageTitle(title, area);
  useEffect(() => {
    // The first page of a visit leaves the focus where the browser has it.
    navigated ||= location.pathname !== firstPath;
    if (!navigated) return;
    // A dialog that was opened meanwhile (the palette, while the page still loaded) keeps it.
    if (!document.querySelector('[role=dialog]')) heading.current?.focus({ preventScroll: true });
    announce(document.title);
  }, []);
  return (
    <div className={css.page} data-wide={wide || undefined}>
      <div className={hideTitle ? 'visually-hidden' : css.head}>
        <h1 ref={heading} tabIndex={-1} dir={userText ? 'auto' : undefined}>{title}</h1>
        {tools && <div className={css.tools}>{tools}</div>}
      </div>
      {lead && <p className={css.lead}>{lead}</p>}
      {children}
    </div>
  );
}

export function Section({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
  return (
    <section className={css.section} aria-label={title}>
      <div className={css.head}><h2>{title}</h2>{tools && <div className={css.tools}>{tools}</div>}</div>
      {children}
    </section>
  );
}
