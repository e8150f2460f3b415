/**
 * Makes a TypeScript file runnable by plain Node, for tests that need a process of their own to kill. Bundled from the
 * sources, so that it is never older than what is being tested.
 */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** `file` relative to the root of the clone; the path of the program. */
export async function compileProgram(file: string): Promise<string> {
  const folder = join(ROOT, '.build', 'test');
  mkdirSync(folder, { recursive: true });
  const bundle = await rolldown({
    input: join(ROOT, file),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    logLevel: 'warn',
    // Files that a module finds beside itself lie beside its source.
    plugins: [
      {
        name: 'source-urls',
        transform: (code, id) => code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href)),
      },
    ],
  });
  const target = join(folder, `${basename(file, '.ts')}-${process.pid}.mjs`);
  await bundle.write({ file: target, format: 'esm' });
  await bundle.close();
  return target;
}
