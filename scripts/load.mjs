/**
 * Loads a TypeScript file of `bench/` or `test/`, which are not compiled ahead: bundled by Vite's own bundler into one
 * file that imports packages from node_modules. Our workspaces resolve to their compiled `dist`, so that a benchmark
 * measures what users run.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

export async function load(file) {
  const { rolldown } = await import('rolldown');
  const folder = join(ROOT, '.build', 'run');
  mkdirSync(folder, { recursive: true });
  // Where the bundled code looks for its migrations: beside its own folder.
  cpSync(join(ROOT, 'server', 'src', 'migrations'), join(ROOT, '.build', 'migrations'), { recursive: true });
  const bundle = await rolldown({
    input: join(ROOT, file),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/.test(id),
    logLevel: 'warn',
  });
  const target = join(folder, `${file.replaceAll('/', '-').replace(/\.ts$/, '')}.mjs`);
  await bundle.write({ file: target, format: 'esm', sourcemap: 'inline' });
  return import(pathToFileURL(target).href);
}
