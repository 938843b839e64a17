// Links to own addresses: what leads to a record that a feature knows is a chip with the record's state.
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { features } from './features';

const chips = features.flatMap((f) => (f.chip ? [{ path: f.chip.path, Chip: lazy(f.chip.load) }] : []));

export function ownLink(to: string, children: ReactNode): ReactNode {
  const link = <Link to={to}>{children}</Link>;
  for (const { path, Chip } of chips) {
    const id = path.exec(to)?.[1];
    if (id) return <Suspense fallback={link}><Chip id={decodeURIComponent(id)} to={to}>{children}</Chip></Suspense>;
  }
  return link;
}
