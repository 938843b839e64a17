// Keys of the whole console. Single letters work outside of text only, and can be changed or switched off.
import { useEffect, useRef } from 'react';
import type { Place } from '../ui/feature';
import { display } from '../ui/display';
import { undoLast } from '../ui/toast-store';

const chordMs = 1500;

export function inText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
}
export const letterOf = (place: Place): string => display().keys[place.action ?? ''] ?? place.letter ?? '';

interface Actions {
  palette: () => void;
  assistant: () => void;
  help: () => void;
  search: () => void;
  create: () => void;
  go: (to: string) => void;
}

export function useKeys(places: Place[], actions: Actions): void {
  const chordUntil = useRef(0); // by the clock of the events: a page that is busy does not make a hand slow
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing) return;
      const command = (event.ctrlKey || event.metaKey) && !event.altKey;
      if (command && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        actions.palette();
        return;
      }
      if (command && event.key.toLowerCase() === 'j') {
        event.preventDefault();
        actions.assistant();
        return;
      }
      if (inText(event.target) || document.querySelector('[role=dialog]')) return;
      if (command && !event.shiftKey && event.key.toLowerCase() === 'z') {
        event.preventDefault();
        void undoLast();
        return;
      }
      if (command || event.altKey || event.metaKey || event.ctrlKey || !display().letters) return;
      const key = event.key.toLowerCase();
      if (event.timeStamp < chordUntil.current) {
        chordUntil.current = 0;
        const place = places.find((p) => letterOf(p) === key);
        if (place) {
          event.preventDefault();
          actions.go(place.to);
        }
        return;
      }
      const acts: Record<string, () => void> = { '?': actions.help, '/': actions.search, n: actions.create, g: () => (chordUntil.current = event.timeStamp + chordMs) };
      const act = acts[key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [places, actions]);
}
