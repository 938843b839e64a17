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

// Roles that somebody has, in the workspace and in its organisation.
export interface HeldRoles { role?: Role | null; organizationRole?: Role | null }

// May they call it? The document's x-roles, which are the organisation's where x-role-scope says so; none named means
// that no role is asked.
export function mayCall(held: HeldRoles, name: Operation): boolean {
  const { roles, inOrganization } = operationRow(name);
  const role = (inOrganization ? held.organizationRole : held.role) ?? null;
  return roles.length === 0 || (role !== null && roles.includes(role));
}

export function rolesOf(name: Operation): readonly string[] {
  return operationRow(name).roles;
}
