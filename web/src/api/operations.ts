// The operations by name, as the API document has them.
import { apiRows, type ApiRow, type ApiTypes } from './generated';

export type Operation = keyof ApiTypes & string;
export type In<N extends Operation> = ApiTypes[N]['in'];
export type Out<N extends Operation> = ApiTypes[N]['out'];
export type Role = 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER';

const rows: Record<string, ApiRow> = apiRows;

export function operationRow(name: Operation): ApiRow {
  const row = rows[name];
  if (!row) throw new Error(`no operation ${name}`);
  return row;
}

// Does it only read? What the API has no path for (tools of the assistant alone) says so by its name.
export function onlyReads(name: string): boolean {
  const row = rows[name];
  return row ? row.method === 'GET' : /^(get|list|search|find|read|count|describe)(_|$)/.test(name);
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

// What is needed, for people: of the organisation where the operation asks for a role there.
export function needOf(name: Operation): { roles: readonly string[]; where: 'workspace' | 'organisation' } {
  const { roles, inOrganization } = operationRow(name);
  return { roles, where: inOrganization ? 'organisation' : 'workspace' };
}
