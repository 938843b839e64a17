// Short messages with Undo, and the last twenty changes, so that nobody depends on catching a toast.
import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  text: string;
  kind: 'done' | 'failed' | 'note';
  undo?: () => Promise<unknown>;
  undone?: boolean;
  at: number;
}
let toasts: Toast[] = [], changes: Toast[] = [], last = 0;
const listeners = new Set<() => void>();
const tell = () => listeners.forEach((l) => l());
const subscribe = (l: () => void) => {
  listeners.add(l);
  return () => listeners.delete(l);
};

export function notify(t: { text: string; kind?: Toast['kind']; undo?: () => Promise<unknown> }): number {
  const toast: Toast = { id: ++last, text: t.text, kind: t.kind ?? 'note', at: Date.now(), ...(t.undo ? { undo: t.undo } : {}) };
  toasts = [...toasts.slice(-2), toast];
  if (toast.undo) changes = [toast, ...changes].slice(0, 20);
  tell();
  return toast.id;
}
export function dismiss(id: number): void {
  toasts = toasts.filter((t) => t.id !== id);
  tell();
}
export async function undo(toast: Toast): Promise<void> {
  if (!toast.undo || toast.undone) return;
  changes = changes.map((c) => (c.id === toast.id ? { ...c, undone: true } : c));
  dismiss(toast.id);
  await toast.undo();
}
export async function undoLast(): Promise<void> {
  const open = changes.find((c) => !c.undone);
  if (open) await undo(open);
}
export const useToasts = (): Toast[] => useSyncExternalStore(subscribe, () => toasts);
export const useChanges = (): Toast[] => useSyncExternalStore(subscribe, () => changes);
