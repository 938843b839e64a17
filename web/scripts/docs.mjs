// The manual at /docs: the pages of docs/ and the API reference, as plain pages without a script.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';

const web = join(dirname(fileURLToPath(import.meta.url)), '..'), docs = join(web, '../docs'), dist = join(web, 'dist');
const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const slug = (s) => s.toLowerCase().replace(/<[^>]*>/g, '').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');

// ---- style: the console's roles, by the system's scheme ----
const roles = readFileSync(join(web, 'src/ui/roles.css'), 'utf8');
const block = (scheme) => roles.match(new RegExp(`color-scheme='${scheme}'\\] \\{([^}]*)\\}`))[1];
const css = `:root {${block('light')}}\n@media (prefers-color-scheme: dark) { :root {${block('dark')}} }\n` +
  readFileSync(join(web, 'scripts/docs.css'), 'utf8');
const style = `docs-${createHash('sha256').update(css).digest('hex').slice(0, 8)}.css`;

// ---- Markdown: a link to another page of docs/ becomes its address here; raw HTML stays text ----
function render(text) {
  let tables = 0;
  const marked = new Marked({
    gfm: true,
    renderer: {
      html: ({ text: raw }) => esc(raw),
      heading({ tokens, depth }) {
        const inner = this.parser.parseInline(tokens);
        return `<h${depth} id="${slug(inner)}">${inner}</h${depth}>\n`;
      },
      table(token) {
        const row = (cells, tag) => `<tr>${cells.map((c) => `<${tag}>${this.parser.parseInline(c.tokens)}</${tag}>`).join('')}</tr>`;
        return `<div class="scroll" tabindex="0" role="region" aria-label="Table ${++tables}"><table><thead>${row(token.header, 'th')}</thead><tbody>${token.rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>\n`;
      },
      code: ({ text: code }) => `<pre tabindex="0"><code>${esc(code)}</code></pre>\n`,
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        if (/openapi\.json$/.test(href)) return `<a href="/docs/api">${inner}</a>`;
        const page = /^(?:docs\/)?([\w-]+)\.md(#.*)?$/.exec(href);
        if (page && pages.some((p) => p.name === page[1].toLowerCase())) return `<a href="/docs/${page[1].toLowerCase()}${page[2] ?? ''}">${inner}</a>`;
        return /^(https?:|#|\/)/.test(href) ? `<a href="${esc(href)}">${inner}</a>` : inner;
      },
      image: ({ text: alt }) => esc(alt),
    },
  });
  return marked.parse(text);
}

// People first, then what is generated, then how it is built.
const order = ['guide', 'console', 'operations', 'configuration', 'errors', 'access-matrix', 'security', 'architecture'];
const pages = readdirSync(docs).filter((f) => f.endsWith('.md')).map((file) => {
  const text = readFileSync(join(docs, file), 'utf8');
  return { name: file.slice(0, -3).toLowerCase(), title: /^# (.*)$/m.exec(text)?.[1] ?? file, text };
}).sort((a, b) => (order.indexOf(a.name) + 1 || 99) - (order.indexOf(b.name) + 1 || 99) || a.name.localeCompare(b.name));

// ---- the API reference ----
const api = JSON.parse(readFileSync(join(docs, 'openapi.json'), 'utf8'));

function typeOf(schema) {
  if (!schema) return '';
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.enum) return schema.enum.join(' | ');
  if (schema.type === 'array') return `${typeOf(schema.items)}[]`;
  return schema.format ?? schema.type ?? 'any';
}
function bounds(schema) {
  const s = schema?.anyOf?.find((x) => x.type !== 'null') ?? schema ?? {};
  const unit = s.type === 'string' ? ' characters' : s.type === 'array' ? ' elements' : '';
  const from = s.minLength ?? s.minItems ?? s.minimum, to = s.maxLength ?? s.maxItems ?? s.maximum;
  if (from === undefined && to === undefined) return '';
  return `${from ?? ''}–${to ?? ''}${unit}`;
}
function fields(properties, required, depth = 0) {
  return Object.entries(properties ?? {}).map(([name, schema]) => {
    const inner = schema.properties ?? schema.items?.properties, need = schema.items?.required ?? schema.required ?? [];
    const line = `<tr><td class="name" data-depth="${Math.min(depth, 3)}"><code>${esc(name)}</code>${required?.includes(name) ? ' <b title="required">*</b>' : ''}</td><td><code>${esc(typeOf(schema))}</code> ${esc(bounds(schema))}</td><td>${esc(schema.description ?? '')}</td></tr>`;
    return line + (inner && depth < 3 ? fields(inner, need, depth + 1) : '');
  }).join('');
}
const table = (of, label, rows) => rows ? `<h4>${label}</h4><div class="scroll" tabindex="0" role="region" aria-label="${label} of ${esc(of)}"><table><tbody>${rows}</tbody></table></div>` : '';

function operation(path, method, op) {
  const params = (op.parameters ?? []).filter((p) => p.in !== 'header');
  const request = op.requestBody?.content?.['application/json']?.schema ?? op.requestBody?.content?.['multipart/form-data']?.schema;
  const ok = Object.entries(op.responses).find(([s]) => /^2/.test(s));
  const answer = ok?.[1].content?.['application/json']?.schema;
  const refusals = Object.entries(op.responses).filter(([s]) => !/^2/.test(s)).map(([s, r]) => `<li><code>${s}</code> ${esc(r.description ?? '')}</li>`).join('');
  return `<section><h3 id="${esc(op.operationId)}"><span class="method">${method.toUpperCase()}</span> <code>${esc(path)}</code></h3>
<p><strong>${esc(op.summary ?? '')}</strong> <span class="muted"><code>${esc(op.operationId)}</code>${op['x-roles'] ? ` · ${op['x-roles'].join(', ')}${op['x-role-scope'] === 'organization' ? ' of the organisation' : ''}` : ''}</span></p><p>${esc(op.description ?? '')}</p>
${table(op.operationId, 'Parameters', fields(Object.fromEntries(params.map((p) => [p.name, { ...p.schema, description: p.description ?? p.schema?.description }])), params.filter((p) => p.required).map((p) => p.name)))}
${table(op.operationId, 'Body', fields(request?.properties, request?.required))}
${table(op.operationId, `Answer ${ok?.[0] ?? ''}`, fields(answer?.properties, answer?.required))}
<details><summary>Refusals</summary><ul>${refusals}</ul></details></section>`;
}
const groups = new Map();
for (const [path, methods] of Object.entries(api.paths))
  for (const [method, op] of Object.entries(methods)) {
    const tag = op.tags?.[0] ?? 'other';
    groups.set(tag, [...(groups.get(tag) ?? []), operation(path, method, op)]);
  }
const reference = `<h1>API reference</h1><p>${esc(api.info.description ?? '')}</p><p>The same as a document: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI ${esc(api.openapi)}). Fields marked * are required.</p>
<ul class="toc">${[...groups.keys()].sort().map((tag) => `<li><a href="#group-${slug(tag)}">${esc(tag)}</a></li>`).join('')}</ul>
${[...groups].sort(([a], [b]) => a.localeCompare(b)).map(([tag, list]) => `<h2 id="group-${slug(tag)}">${esc(tag)}</h2>${list.join('')}`).join('')}`;

// ---- out ----
const all = [...pages.map((p) => ({ ...p, html: render(p.text) })), { name: 'api', title: 'API reference', html: reference }];
const first = `<h1>Manual</h1><p>What this server is, how it is run, and its API. The console is at <a href="/">/</a>.</p><ul>${all.map((p) => `<li><a href="/docs/${p.name}">${esc(p.title)}</a></li>`).join('')}</ul>`;
function page(name, title, html) {
  const nav = [{ name: '', title: 'Manual' }, ...all].map((p) => `<li><a href="/docs${p.name ? '/' + p.name : ''}"${p.name === name ? ' aria-current="page"' : ''}>${esc(p.title)}</a></li>`).join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${esc(title)} – opboxd</title><link rel="stylesheet" href="/assets/${style}"></head><body><a class="skip" href="#main">Skip to content</a><nav aria-label="Manual"><ul>${nav}</ul></nav><main id="main">${html}</main></body></html>\n`;
}
mkdirSync(join(dist, 'docs'), { recursive: true });
writeFileSync(join(dist, 'assets', style), css);
writeFileSync(join(dist, 'docs/index.html'), page('', 'Manual', first));
for (const p of all) writeFileSync(join(dist, 'docs', `${p.name}.html`), page(p.name, p.title, p.html));
