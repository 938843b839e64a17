// What Vite and docs.mjs have made → what is linked into the program: each asset compressed once, and the list that
// tools/embed.py reads. The list is written last, so that its time says when the console was built.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.json': 'application/json; charset=utf-8',
};
const found = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  .map((e) => relative(dist, join(e.parentPath, e.name))).filter((p) => p !== 'files.json' && !p.endsWith('.gz'));
const listed = [];
for (const path of found) {
  const type = types[extname(path)];
  if (!type) throw new Error(`pack: nobody says what type ${path} is`);
  // The page is made anew for each answer; pictures are compressed already.
  const gzip = path !== 'index.html' && extname(path) !== '.png';
  const name = path.startsWith('docs/') ? path.replace(/(\/index)?\.html$/, '') : path;
  if (!gzip) {
    listed.push({ name, path, type, gzip });
    continue;
  }
  const bytes = readFileSync(join(dist, path));
  writeFileSync(join(dist, path + '.gz'), gzipSync(bytes, { level: 9 }));
  rmSync(join(dist, path));
  listed.push({ name, path: path + '.gz', type, gzip, bytes: bytes.length });
}
writeFileSync(join(dist, 'files.json'), JSON.stringify(listed, null, 1) + '\n');
