// What a feature brings to the shell: its screens, their places in the navigation, its commands. The shell shows of it
// what the role may use; it knows no feature by name. Adding one is one line in app/features.ts.
import type { ComponentType, ReactNode } from 'react';
import type { Operation } from '../api/operations';
import type { Reading } from '../api/query';

export type Icon = ComponentType<{ size?: number | string; stroke?: number | string; 'aria-hidden'?: boolean }>;

export interface Screen {
  path: string; // of the router: '/kb/$docId'
  area: () => string; // for the page title, and for the heading where the screen is refused
  operation?: Operation; // who may call it may see the screen; none: everybody who is signed in
  load: () => Promise<{ default: ComponentType }>;
  first?: (at: { params: Record<string, string>; search: Record<string, unknown> }) => Reading[]; // what it reads first: asked for while its code loads
  record?: { kind: string; param: string }; // what the screen shows, for the assistant beside it
}
export interface Place {
  to: string;
  under?: string; // also shown as the present place below this address
  label: () => string;
  icon: Icon;
  group: 'top' | 'work' | 'admin' | 'own';
  operation?: Operation;
  letter?: string; // after G
  action?: string; // name of the key in the settings
  bar?: number; // place in the bar of a phone
}
export interface Command {
  id: string;
  label: () => string;
  icon: Icon;
  operation?: Operation;
  run: (go: (to: string) => void) => void;
}
export interface Hit { id: string; title: string; detail?: string; to: string; icon: Icon }
export interface ChipProps { id: string; to: string; children: ReactNode }
export interface Feature {
  screens: Screen[];
  places?: Place[];
  commands?: Command[];
  // How a link to one of its records stands in a text; the path's group is the record's id.
  chip?: { path: RegExp; load: () => Promise<{ default: ComponentType<ChipProps> }> };
  // Records for the palette.
  find?: { operation: Operation; search: (text: string, signal: AbortSignal) => Promise<Hit[]> };
}
