// One tooltip for the whole page: hover after a pause, keyboard focus at once, never by touch. It stays while the pointer
// is on it, and goes with Escape, with the pointer, with the focus and when something scrolls (WCAG 2.2, 1.4.13).
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import css from './Tips.module.css';

const pauseMs = 400, leaveMs = 100, gap = 6, edge = 8;
const id = 'opboxd-tip';
const ofEvent = (event: Event): HTMLElement | null => (event.target instanceof Element ? event.target.closest<HTMLElement>('[data-tip]') : null);

// Above its element, below where there is no room; `end`: beside it, in the direction of reading.
function place(box: HTMLElement, target: HTMLElement): void {
  const at = target.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = box;
  let x = at.left + (at.width - width) / 2, y = at.top - height - gap;
  if (target.dataset.tipSide === 'end') {
    x = getComputedStyle(target).direction === 'rtl' ? at.left - width - gap : at.right + gap;
    y = at.top + (at.height - height) / 2;
  } else if (y < edge) y = at.bottom + gap;
  box.style.left = `${Math.max(edge, Math.min(x, innerWidth - width - edge))}px`;
  box.style.top = `${Math.max(edge, Math.min(y, innerHeight - height - edge))}px`;
}

export function Tips() {
  const [target, setTarget] = useState<HTMLElement | null>(null), [text, setText] = useState(''), box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let clock: ReturnType<typeof setTimeout> | undefined, now: HTMLElement | null = null;
    const show = (next: HTMLElement | null) => {
      clearTimeout(clock);
      now = next;
      setTarget(next);
      setText(next?.dataset.tip ?? '');
    };
    const later = (next: HTMLElement | null, ms: number) => {
      clearTimeout(clock);
      clock = setTimeout(() => show(next?.isConnected ? next : null), ms);
    };
    const over = (event: PointerEvent) => {
      if (event.pointerType === 'touch') return;
      const next = ofEvent(event), onTip = event.target instanceof Element && event.target.id === id;
      if (onTip || (next && next === now)) clearTimeout(clock);
      else if (next) later(next, now ? 0 : pauseMs);
      else later(null, leaveMs);
    };
    const focus = (event: FocusEvent) => {
      const next = ofEvent(event);
      show(next && next === event.target && next.matches(':focus-visible') ? next : null);
    };
    const hide = () => show(null);
    const key = (event: KeyboardEvent) => {
      if (event.key === 'Escape') hide();
    };
    document.addEventListener('pointerover', over);
    document.addEventListener('pointerleave', hide);
    document.addEventListener('focusin', focus);
    document.addEventListener('focusout', hide);
    document.addEventListener('keydown', key);
    document.addEventListener('scroll', hide, { capture: true, passive: true });
    return () => {
      clearTimeout(clock);
      document.removeEventListener('pointerover', over);
      document.removeEventListener('pointerleave', hide);
      document.removeEventListener('focusin', focus);
      document.removeEventListener('focusout', hide);
      document.removeEventListener('keydown', key);
      document.removeEventListener('scroll', hide, { capture: true });
    };
  }, []);
  // What its element says meanwhile; a name is not read twice.
  useEffect(() => {
    if (!target) return;
    const watch = new MutationObserver(() => setText(target.dataset.tip ?? ''));
    watch.observe(target, { attributeFilter: ['data-tip'] });
    const described = target.getAttribute('aria-describedby');
    const name = target.getAttribute('aria-label') ?? target.textContent;
    if (name !== target.dataset.tip) target.setAttribute('aria-describedby', [described, id].filter(Boolean).join(' '));
    return () => {
      watch.disconnect();
      if (described) target.setAttribute('aria-describedby', described);
      else target.removeAttribute('aria-describedby');
    };
  }, [target]);
  useLayoutEffect(() => {
    if (target && box.current) place(box.current, target);
  }, [target, text]);
  if (!target || !text) return null;
  // All content stands in a landmark, and what a dialog says stands in it.
  return createPortal(<div ref={box} id={id} role="tooltip" className={css.tip} dir="auto">{text}</div>, target.closest('[role=dialog], header, nav, main, aside') ?? document.body);
}
