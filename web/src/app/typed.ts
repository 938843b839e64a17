// What is typed between the key that opens the palette and its field having the focus: code may have to come first, and a
// hand does not wait for it.
let typed = '';
let stop: (() => void) | null = null;

/** Collects letters until they are taken or the returned function is called; Escape calls `cancel`. */
export function collectTyped(cancel: () => void): () => void {
  stop?.();
  typed = '';
  const onKey = (event: KeyboardEvent) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') cancel();
    else if (event.key === 'Backspace') typed = typed.slice(0, -1);
    else if ([...event.key].length === 1) typed += event.key;
    else if (event.key !== 'Enter') return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  addEventListener('keydown', onKey, true);
  stop = () => {
    removeEventListener('keydown', onKey, true);
    stop = null;
  };
  return () => stop?.();
}

/** What was collected; from now on the field gets the keys itself. */
export function takeTyped(): string {
  stop?.();
  const taken = typed;
  typed = '';
  return taken;
}
