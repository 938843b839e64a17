// How this device shows things: kept here and nowhere else. `scheme.js` reads the same before the first paint.
import { useSyncExternalStore } from 'react';

export interface Display {
  scheme: 'auto' | 'light' | 'dark';
  density: 'normal' | 'compact';
  nav: 'wide' | 'icons'; // the navigation beside the page
  steps: 'shown' | 'hidden'; // the first steps of a new workspace
  zone: string; // IANA name; empty: the browser's
  letters: boolean; // single letter keys
  keys: Record<string, string>; // action → letter, where it is not the usual one
  // 'accented' and 'mirrored' are for tests: every text longer and marked, and read from right to left.
  language: 'en' | 'accented' | 'mirrored';
}
const usual: Display = { scheme: 'auto', density: 'normal', nav: 'wide', steps: 'shown', zone: '', letters: true, keys: {}, language: 'en' };
const place = 'opboxd.display';

function read(): Display {
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Display>) };
  } catch {
    return usual;
  }
}

let current = typeof localStorage === 'undefined' ? usual : read();
const listeners = new Set<() => void>();

export const display = (): Display => current;
export function setDisplay(change: Partial<Display>): void {
  current = { ...current, ...change };
  localStorage.setItem(place, JSON.stringify(current));
  const root = document.documentElement;
  if (current.density === 'compact') root.setAttribute('data-density', 'compact');
  else root.removeAttribute('data-density');
  root.toggleAttribute('data-icons', current.nav === 'icons');
  listeners.forEach((tell) => tell());
}
export function useDisplay(): Display {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, display);
}
