// What the server refuses whoever asks again, known beforehand: nobody gives a role above their own, changes or removes
// somebody who stands above them, or takes the last owner away; a role that comes from the organisation is changed there.
import type { Role } from '../../api/operations';

const order: Role[] = ['VIEWER', 'MEMBER', 'ADMIN', 'OWNER'];
const rank = (role: Role | null | undefined): number => (role ? order.indexOf(role) : -1);

interface Standing { role?: Role | null; organizationRole?: Role | null }

// As what they act here: the organisation's owners and admins act as such in each of its workspaces.
export function actsAs({ role, organizationRole }: Standing): Role | null {
  const above = rank(organizationRole) >= rank('ADMIN') && rank(organizationRole) > rank(role);
  return (above ? organizationRole : role) ?? null;
}

export const mayGive = (own: Role | null | undefined, role: Role): boolean => rank(role) <= rank(own);

export type Refusal = 'above' | 'lastOwner' | 'organisation';

// Why neither their role can be changed here nor they be removed; null: it can be.
export function refusalOf(own: Role | null | undefined, member: Standing, lastOwner: boolean): Refusal | null {
  if (rank(actsAs(member)) > rank(own)) return 'above';
  if (!member.role) return 'organisation';
  return lastOwner ? 'lastOwner' : null;
}

// What stands against removing alone.
export function removalRefusalOf(own: Role | null | undefined, member: Standing, lastOwner: boolean): Refusal | null {
  return refusalOf(own, member, lastOwner) ?? (rank(member.organizationRole) >= rank('ADMIN') ? 'organisation' : null);
}
