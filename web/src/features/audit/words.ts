// Types of events, severities and kinds of actors in words; what the server has more is shown as it is named.
import type { Filter } from '../../ui/search';
import { texts } from '../../ui/text';
import { startOfDay } from '../../ui/format';

const names = {
  AI_INJECTION_ATTEMPT: 'Instructions hidden in content', AUTH_FAILED: 'Sign-in or credential refused', AUTONOMY_LEVEL_REQUIRED: 'An agent key’s level was too low', BUDGET_BLOCKED: 'Call refused by the cap', BUDGET_CAP_REACHED: 'The month’s cap is reached', BUDGET_WARNING: 'The month’s budget comes to its end', CREDENTIAL_CHANGED: 'Provider key changed',
  CREDENTIAL_REFUSED: 'Provider key refused by its provider', CREDENTIAL_UNDECRYPTABLE: 'Provider key cannot be read', CREDENTIAL_VERIFIED: 'Provider key accepted by its provider', CROSS_WORKSPACE_DENIED: 'Reach into another workspace refused', CSRF_REJECTED: 'Request without its token refused', EVENTS_DROPPED: 'Events were lost', GRANT_CREATED: 'Access granted', GRANT_REVOKED: 'Access withdrawn',
  KEY_CHANGED: 'Agent key changed', KEY_MINTED: 'Agent key made', KEY_REVOKED: 'Agent key revoked', LOG_ANCHORED: 'Old entries removed by retention', LOG_CHAIN_BROKEN: 'The log was changed behind the server', LOG_REANCHORED: 'The log began anew', MEMBER_ADDED: 'Member added', MEMBER_REMOVED: 'Member removed',
  PASSWORD_CHANGED: 'Password changed', PERSONAL_KEY_DENIED: 'Personal provider key not allowed', RATE_LIMITED: 'Too many requests', ROLE_CHANGED: 'Role changed', ROLE_DENIED: 'Refused: not for the role', SECOND_FACTOR_CHANGED: 'Second factor changed', SESSION_REVOKED: 'Session ended', SSRF_BLOCKED: 'Request to a forbidden address stopped',
  STALE_CLAIM: 'An agent came back too late', WRITE_BUDGET_EXCEEDED: 'An agent’s write budget was spent',
};
const t = texts(names);
const kinds = texts({ USER: 'Person', AGENT_KEY: 'Agent key', CRON: 'Scheduler', OPERATOR: 'Operator', SYSTEM: 'Server', ANONYMOUS: 'Nobody signed in', NONE: 'Nobody' });
const weights = texts({ INFO: 'Info', WARNING: 'Warning', CRITICAL: 'Critical' });

export const eventTypes = Object.keys(names) as (keyof typeof names)[];
export const severities = ['INFO', 'WARNING', 'CRITICAL'] as const;
export type Severity = (typeof severities)[number];
export const eventName = (type: string): string => (type in names ? t(type as keyof typeof names) : type);
export const severityName = (severity: string): string => ((severities as readonly string[]).includes(severity) ? weights(severity as Severity) : severity);
const actorKinds = ['USER', 'AGENT_KEY', 'CRON', 'OPERATOR', 'SYSTEM', 'ANONYMOUS', 'NONE'];
export const kindName = (kind: string): string => (actorKinds.includes(kind) ? kinds(kind as 'USER') : kind);

export const dayFilter: Filter<string> = { read: (raw) => (typeof raw === 'string' && /^\d{4}-\d\d-\d\d$/.test(raw) && !Number.isNaN(Date.parse(raw)) ? raw : undefined), usual: '' };
// Days of the user's zone as the instants between which the server looks.
export function between(from: string, to: string): { from?: string; to?: string } {
  return { ...(from ? { from: startOfDay(from).toISOString() } : {}), ...(to ? { to: new Date(startOfDay(to, 1).getTime() - 1).toISOString() } : {}) };
}
