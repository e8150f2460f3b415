/**
 * Loads a TypeScript file of `bench/` or `test/`, which are not compiled ahead: bundled by Vite's own bundler into one
 * file that imports packages from node_modules. Our workspaces, the server among them, are their compiled `dist`, so that a benchmark
 * measures what users run, and a process that it starts finds its program beside it.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

export async function load(file) {
  const { rolldown } = await import('rolldown');
  const folder = join(ROOT, '.build', 'run');
  mkdirSync(folder, { recursive: true });
  const bundle = await rolldown({
    input: join(ROOT, file),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/.test(id),
    plugins: [{ name: 'compiled-server', resolveId: compiledServer }],
    logLevel: 'warn',
  });
  const target = join(folder, `${file.replaceAll('/', '-').replace(/\.ts$/, '')}.mjs`);
  await bundle.write({ file: target, format: 'esm', sourcemap: 'inline' });
  return import(pathToFileURL(target).href);
}

const SERVER = join(ROOT, 'server', 'src');

/** A file of the server as it was compiled; null for every other. */
function compiledServer(source, importer) {
  if (!source.startsWith('.') || importer === undefined) return null;
  const file = resolve(dirname(importer), source);
  if (!file.startsWith(`${SERVER}/`) || !file.endsWith('.ts')) return null;
  const compiled = join(ROOT, 'server', 'dist', relative(SERVER, file)).replace(/\.ts$/, '.js');
  return { id: pathToFileURL(compiled).href, external: true };
}
