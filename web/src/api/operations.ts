// The operations by name: the document's, and those that are not in it yet.
import { apiRows, type ApiRow, type ApiTypes } from './generated';
import { pendingRows, type PendingTypes } from './pending';

type All = ApiTypes & Omit<PendingTypes, keyof ApiTypes>;
export type Operation = keyof All & string;
export type In<N extends Operation> = All[N] extends { in: infer I } ? I : never;
export type Out<N extends Operation> = All[N] extends { out: infer O } ? O : never;
export type Role = 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER';

const rows: Record<string, ApiRow> = { ...pendingRows, ...apiRows };

export function operationRow(name: Operation): ApiRow {
  const row = rows[name];
  if (!row) throw new Error(`no operation ${name}`);
  return row;
}

// May a role call it? The document's x-roles; none named means that no workspace role is asked.
export function mayCall(role: Role | null, name: Operation): boolean {
  const { roles } = operationRow(name);
  return roles.length === 0 || (role !== null && roles.includes(role));
}

export function rolesOf(name: Operation): readonly string[] {
  return operationRow(name).roles;
}
