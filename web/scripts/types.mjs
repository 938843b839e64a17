// What the console knows of the API, from docs/openapi.json: a type for what each operation takes and gives, and a
// table of method, path and roles. Roles of screens and buttons come from here; there is no second list.
import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(web, 'src/api/generated.ts');
const document = JSON.parse(readFileSync(join(web, '../docs/openapi.json'), 'utf8'));

const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function type(schema, depth) {
  if (!schema || Object.keys(schema).every((k) => k === 'description')) return 'unknown';
  if (schema.$ref) return type(schema.$ref.slice(2).split('/').reduce((at, part) => at[part], document), depth);
  if (schema.anyOf || schema.oneOf) return [...new Set((schema.anyOf ?? schema.oneOf).map((s) => type(s, depth)))].join(' | ');
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((t) => type({ ...schema, type: t }, depth)).join(' | ');
  switch (schema.type) {
    case 'string': return 'string';
    case 'integer':
    case 'number': return 'number';
    case 'boolean': return 'boolean';
    case 'null': return 'null';
    case 'array': return `(${type(schema.items, depth)})[]`;
    case 'object': return object(schema.properties, schema.required, depth);
    default: return 'unknown';
  }
}

function object(properties, required = [], depth = 0) {
  if (!properties || !Object.keys(properties).length) return 'Record<string, unknown>';
  const pad = '  '.repeat(depth + 2);
  const lines = Object.entries(properties).map(([name, schema]) =>
    `${pad}${key(name)}${required.includes(name) ? '' : '?'}: ${type(schema, depth + 1)};`);
  return `{\n${lines.join('\n')}\n${'  '.repeat(depth + 1)}}`;
}

function input(operation) {
  const properties = {}, required = [];
  for (const p of operation.parameters ?? []) {
    if (p.in !== 'path' && p.in !== 'query') continue;
    properties[p.name] = p.schema;
    if (p.required) required.push(p.name);
  }
  const body = operation.requestBody?.content?.['application/json']?.schema;
  Object.assign(properties, body?.properties);
  required.push(...(body?.required ?? []));
  return Object.keys(properties).length ? object(properties, required) : 'Record<string, never>';
}

function output(operation) {
  const ok = Object.entries(operation.responses).find(([status]) => /^2/.test(status))?.[1];
  return type(ok?.content?.['application/json']?.schema, 0);
}

const types = [], rows = [];
for (const [path, methods] of Object.entries(document.paths))
  for (const [method, operation] of Object.entries(methods)) {
    const name = operation.operationId;
    const query = (operation.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name);
    types.push(`  ${key(name)}: {\n    in: ${input(operation)};\n    out: ${output(operation)};\n  };`);
    rows.push(`  ${key(name)}: { method: '${method.toUpperCase()}', path: '${path}', roles: ${JSON.stringify(operation['x-roles'] ?? [])}, ${operation['x-role-scope'] === 'organization' ? 'inOrganization: true, ' : ''}query: ${JSON.stringify(query)}${operation['x-no-body'] ? ', noBody: true' : ''} },`);
  }
const text = `// Made by scripts/types.mjs from docs/openapi.json. Not to be edited.
export interface ApiTypes {
${types.sort().join('\n')}
}
export interface ApiRow { method: string; path: string; roles: readonly string[]; inOrganization?: boolean; query: readonly string[]; noBody?: boolean }
export const apiRows: { [N in keyof ApiTypes]: ApiRow } = {
${rows.sort().join('\n')}
};
`;
mkdirSync(dirname(target), { recursive: true });
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
