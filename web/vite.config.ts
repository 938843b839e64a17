import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

// The file that sets the colours before the first paint: not a module (those run late), so it is named here.
function scheme(): Plugin {
  const source = readFileSync(new URL('src/scheme.js', import.meta.url), 'utf8');
  const fileName = `assets/scheme-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`;
  return {
    name: 'opboxd-scheme',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName, source });
    },
    transformIndexHtml: { order: 'post', handler: (html) => html.replace('<!-- scheme -->', `<script src="/${fileName}"></script>`) },
  };
}

export default defineConfig({
  plugins: [react(), scheme()],
  build: {
    target: 'es2023', chunkSizeWarningLimit: 700, assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false, cssCodeSplit: true,
  },
  test: { environment: 'node', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
} as Parameters<typeof defineConfig>[0]);
