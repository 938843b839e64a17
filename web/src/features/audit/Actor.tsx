import { kindName } from './words';

// By its name; what has none, by its kind.
export function Actor({ kind, name }: { kind: string; name: string | null | undefined }) {
  return name ? <span dir="auto">{name}</span> : <>{kindName(kind)}</>;
}
