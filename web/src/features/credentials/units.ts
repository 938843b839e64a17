// What makes up each credential: which fields of the API it has, which of them are secrets, and what it needs to be whole.
import { texts } from '../../ui/text';
import type { Change, Config, KeySource, Provider } from './tier';

const t = texts({
  anthropic: 'Anthropic', openai: 'OpenAI', groq: 'Groq', openclaw: 'OpenClaw', hermes: 'Hermes', offline: 'Offline assistant',
  key: 'API key', bearer: 'Bearer', accessSecret: 'Cloudflare Access secret', accessId: 'Cloudflare Access client id', baseUrl: 'Base URL', gateway: 'Gateway address', tenant: 'Base URL of the tenant', agent: 'Agent id',
  baseHint: 'Only for a compatible server of your own; empty is OpenAI itself.', gatewayHint: 'As https://claw.example.com', tenantHint: 'With its path, as https://hermes.example.com/t/acme', accessHint: 'Only where Cloudflare Access guards the gateway; id and secret go together.',
  USER_KEY: 'your own key', WORKSPACE_KEY: 'the workspace’s key', ORG_KEY: 'the organisation’s key', SERVER_KEY: 'the server’s key', NONE: 'nobody’s key',
});
export type FieldName = Exclude<keyof Change & string, 'orgId' | 'verify' | 'allowPersonalKeys' | 'chatProvider' | 'chatModel' | 'transcriptionProvider'>;
export interface PlainField { name: FieldName; label: string; hint?: string; value: string | null; endpoint?: boolean; needed?: boolean }
export interface Secret { name: FieldName; label: string; masked: string | null; needed?: boolean; goesWith?: FieldName }
export interface Unit { provider: Provider; title: string; plain: PlainField[]; secrets: Secret[]; state: Config['anthropic']['state']; verifiedAt: string | null; gateway: boolean }

export const providers: Provider[] = ['anthropic', 'openai', 'groq', 'openclaw', 'hermes'];
export const titleOf = (provider: Provider | 'offline'): string => t(provider);
export const whose = (source: KeySource): string => t(source);

export function unitsOf(config: Config): Unit[] {
  const { anthropic, openai, groq, openclaw, hermes } = config;
  const made = (provider: Provider, of: Config['anthropic'], secrets: Secret[], plain: PlainField[] = [], gateway = false): Unit => ({
    provider, title: t(provider), secrets, plain, state: of.state, verifiedAt: of.keyVerifiedAt ?? null, gateway,
  });
  const key = (name: FieldName, masked: string | null | undefined): Secret => ({ name, label: t('key'), masked: masked ?? null, needed: true });
  return [
    made('anthropic', anthropic, [key('anthropicApiKey', anthropic.masked)]),
    made('openai', openai, [key('openaiApiKey', openai.masked)], [{ name: 'openaiBaseUrl', label: t('baseUrl'), hint: t('baseHint'), value: openai.baseUrl ?? null, endpoint: true }]),
    made('groq', groq, [key('groqApiKey', groq.masked)]),
    made('openclaw', openclaw, [
      { name: 'openclawBearer', label: t('bearer'), masked: openclaw.masked ?? null, needed: true },
      { name: 'openclawCfAccessClientSecret', label: t('accessSecret'), masked: openclaw.cfAccessClientSecretMasked ?? null, goesWith: 'openclawCfAccessClientId' },
    ], [
      { name: 'openclawEndpointUrl', label: t('gateway'), hint: t('gatewayHint'), value: openclaw.endpointUrl ?? null, endpoint: true, needed: true },
      { name: 'openclawAgentId', label: t('agent'), value: openclaw.agentId ?? null, needed: true },
      { name: 'openclawCfAccessClientId', label: t('accessId'), hint: t('accessHint'), value: openclaw.cfAccessClientId ?? null },
    ], true),
    made('hermes', hermes, [key('hermesApiKey', hermes.masked)], [{ name: 'hermesEndpointUrl', label: t('tenant'), hint: t('tenantHint'), value: hermes.endpointUrl ?? null, endpoint: true, needed: true }], true),
  ];
}

export const isEmpty = (unit: Unit): boolean => unit.plain.every((f) => !f.value) && unit.secrets.every((s) => !s.masked);
// What a credential that is begun lacks.
export function lacks(unit: Unit): string[] {
  return [...unit.plain.filter((f) => f.needed && !f.value), ...unit.secrets.filter((s) => s.needed && !s.masked)].map((f) => f.label);
}
