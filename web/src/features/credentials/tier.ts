// The three tiers behind one face: what each reads, changes and clears, and who is hit by it. Secrets travel from a
// field's state into one request; they are never the variables of a mutation or the key of a query.
import { useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/client';
import type { In, Operation, Out } from '../../api/operations';
import { keyOf, useCall } from '../../api/query';
import { useMay, useMe } from '../../ui/me';

export type TierKind = 'personal' | 'workspace' | 'organisation';
export type Settings = Out<'get_workspace_ai_config'>;
export type Config = Settings['config'];
export type Change = In<'update_organization_ai_config'>;
export type Provider = Settings['effective']['providers'][number]['provider'];
export type KeySource = Settings['effective']['keySource'];

type Shape = 'get_workspace_ai_config';
const operations = {
  personal: { read: 'get_personal_ai_config', change: 'update_personal_ai_config', clear: 'clear_personal_ai_config', source: 'USER_KEY' },
  workspace: { read: 'get_workspace_ai_config', change: 'update_workspace_ai_config', clear: 'clear_workspace_ai_config', source: 'WORKSPACE_KEY' },
  organisation: { read: 'get_organization_ai_config', change: 'update_organization_ai_config', clear: 'clear_organization_ai_config', source: 'ORG_KEY' },
} as const satisfies Record<TierKind, { read: Operation; change: Operation; clear: Operation; source: KeySource }>;

export interface Tier {
  kind: TierKind;
  source: KeySource;
  owner: string; // whose keys they are, by name
  settings: Settings;
  mayChange: boolean;
  mayClear: boolean;
  forbidden: boolean; // the organisation does not allow personal keys
  change: (change: Omit<Change, 'orgId'>) => Promise<void>;
  clear: () => Promise<void>;
  refresh: () => Promise<unknown>;
}

export function useTier(kind: TierKind) {
  const me = useMe(), may = useMay(), client = useQueryClient(), of = operations[kind];
  const where = kind === 'organisation' ? { orgId: me.workspace.organizationId ?? '' } : {};
  // The three answers have one shape.
  const query = useCall(of.read as Shape, where as In<Shape>);
  const refresh = () => Promise.all([...Object.values(operations).map((o) => o.read), 'list_ai_models'].map((name) => client.invalidateQueries({ queryKey: [name] })));
  const tier = (settings: Settings): Tier => ({
    kind, settings, source: of.source, refresh,
    owner: (kind === 'personal' ? me.user.name : kind === 'workspace' ? me.workspace.name : me.workspace.organizationName) ?? '',
    forbidden: kind === 'personal' && !settings.orgPolicy.allowPersonalKeys,
    mayChange: may(of.change) && !(kind === 'personal' && !settings.orgPolicy.allowPersonalKeys),
    mayClear: may(of.clear),
    change: async (change) => {
      const answer = await call(of.change as 'update_workspace_ai_config', { ...change, ...where });
      client.setQueryData(keyOf(of.read, where), answer);
      await refresh();
    },
    clear: async () => {
      await call(of.clear as 'clear_workspace_ai_config', where as In<'clear_workspace_ai_config'>);
      await refresh();
    },
  });
  return { query, tier };
}
