// The manual at /docs: the README, the pages of docs/ and below, and the API reference, as plain pages without a script.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';

const web = join(dirname(fileURLToPath(import.meta.url)), '..'), root = join(web, '..'), docs = join(root, 'docs'), dist = join(web, 'dist');
const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
// As the usual renderers of Markdown make it, and as src/search/docs.c does for what search_system_docs finds.
const slug = (s) => s.replace(/[A-Z]/g, (c) => c.toLowerCase()).replace(/[^a-z0-9_\- \u0080-\u{10ffff}]/gu, '').replaceAll(' ', '-');

// ---- style: the console's roles, by the system's scheme ----
const roles = readFileSync(join(web, 'src/ui/roles.css'), 'utf8');
const block = (scheme) => roles.match(new RegExp(`color-scheme='${scheme}'\\] \\{([^}]*)\\}`))[1];
const css = `:root {${block('light')}}\n@media (prefers-color-scheme: dark) { :root {${block('dark')}} }\n` +
  readFileSync(join(web, 'scripts/docs.css'), 'utf8');
const style = `docs-${createHash('sha256').update(css).digest('hex').slice(0, 8)}.css`;

// ---- Markdown: a link to another page becomes its address here; what stands beside the manual (sources) is no link; what
// is nowhere is a fault; raw HTML stays text ----
function addressOf(href, page) {
  if (/^(https?:|mailto:|#|\/)/.test(href)) return href;
  const [path, fragment] = href.split('#'), file = posix.join(posix.dirname(page.file), path), there = pages.find((p) => p.file === file);
  if (there) return `/docs/${there.name}${fragment ? `#${fragment}` : ''}`;
  if (file === 'docs/openapi.json') return '/docs/api';
  if (!existsSync(join(root, file))) throw new Error(`${page.file}: the link to ${href} leads nowhere`);
  return null;
}
function render(from) {
  let tables = 0;
  const marked = new Marked({
    gfm: true,
    renderer: {
      html: ({ text: raw }) => esc(raw),
      heading({ tokens, depth, text }) {
        const inner = this.parser.parseInline(tokens);
        return `<h${depth} id="${slug(text)}">${inner}</h${depth}>\n`;
      },
      table(token) {
        const row = (cells, tag) => `<tr>${cells.map((c) => `<${tag}>${this.parser.parseInline(c.tokens)}</${tag}>`).join('')}</tr>`;
        return `<div class="scroll" tabindex="0" role="region" aria-label="Table ${++tables}"><table><thead>${row(token.header, 'th')}</thead><tbody>${token.rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>\n`;
      },
      code: ({ text: code }) => `<pre tabindex="0"><code>${esc(code)}</code></pre>\n`,
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        const to = addressOf(href, from);
        return to ? `<a href="${esc(to)}">${inner}</a>` : inner;
      },
      image: ({ text: alt }) => esc(alt),
    },
  });
  return marked.parse(from.text);
}

// People first, then what is generated, then how it is built.
const order = ['readme', 'install', 'console', 'operations', 'configuration', 'errors', 'access-matrix', 'security/log', 'architecture'];
const files = ['README.md', ...readdirSync(docs, { recursive: true }).filter((f) => f.endsWith('.md')).map((f) => `docs/${f}`)];
const pages = files.map((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return { file, name: file.replace(/^docs\//, '').slice(0, -3).toLowerCase(), title: /^# (.*)$/m.exec(text)?.[1] ?? file, text };
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
const all = [...pages.map((p) => ({ ...p, html: render(p) })), { name: 'api', title: 'API reference', html: reference }];
const first = `<h1>Manual</h1><p>What this server is, how it is run, and its API. The console is at <a href="/">/</a>.</p><ul>${all.map((p) => `<li><a href="/docs/${p.name}">${esc(p.title)}</a></li>`).join('')}</ul>`;
function page(name, title, html) {
  const nav = [{ name: '', title: 'Manual' }, ...all].map((p) => `<li><a href="/docs${p.name ? '/' + p.name : ''}"${p.name === name ? ' aria-current="page"' : ''}>${esc(p.title)}</a></li>`).join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${esc(title)} – opboxd</title><link rel="stylesheet" href="/assets/${style}"></head><body><a class="skip" href="#main">Skip to content</a><nav aria-label="Manual"><ul>${nav}</ul></nav><main id="main">${html}</main></body></html>\n`;
}
// A link to a place within a page needs the place.
for (const p of all)
  for (const [, name, fragment] of p.html.matchAll(/href="\/?(?:docs\/([^"#]*))?#([^"]+)"/g))
    if (!all.find((to) => to.name === (name ?? p.name))?.html.includes(` id="${fragment}"`)) throw new Error(`${p.file ?? p.name}: #${fragment} of ${name ?? 'this page'} leads nowhere`);
mkdirSync(join(dist, 'docs'), { recursive: true });
writeFileSync(join(dist, 'assets', style), css);
writeFileSync(join(dist, 'docs/index.html'), page('', 'Manual', first));
for (const p of all) {
  const path = join(dist, 'docs', `${p.name}.html`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, page(p.name, p.title, p.html));
}
