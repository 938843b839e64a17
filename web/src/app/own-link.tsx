// Links to own addresses: what leads to a record that a feature knows is a chip with the record's state.
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, type ReactNode } from 'react';
import { features } from './features';

const chips = features.flatMap((f) => (f.chip ? [{ path: f.chip.path, Chip: lazy(f.chip.load) }] : []));

// Addresses that the server answers itself are no pages of this console: the manual, which answers cite.
const servers = /^\/(api|docs|assets|healthz|readyz|metrics)(?![\w-])/;

export function ownLink(to: string, children: ReactNode): ReactNode {
  if (servers.test(to)) return <a href={to} target="_blank" rel="noopener">{children}</a>;
  const link = <Link to={to}>{children}</Link>;
  for (const { path, Chip } of chips) {
    const id = path.exec(to)?.[1];
    if (id) return <Suspense fallback={link}><Chip id={decodeURIComponent(id)} to={to}>{children}</Chip></Suspense>;
  }
  return link;
}
