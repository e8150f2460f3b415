/** Bundles the console to `web/dist`; the server serves it. `npx vite web` during development proxies the API to port 8420. */
import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const inFolder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: inFolder('.'),
  plugins: [react()],
  resolve: { conditions: ['source', 'module', 'browser', 'import', 'default'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'es2022',
    rolldownOptions: {
      input: { index: inFolder('index.html'), 'push-worker': inFolder('src/push-worker/push-worker.ts') },
      output: {
        // A worker is known by its address: it stays, and at the root it may speak for the whole console.
        entryFileNames: ({ name }) => (name === 'push-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  server: { proxy: { '/api': 'http://localhost:8420', '/push-worker.js': 'http://localhost:8420' } },
});
