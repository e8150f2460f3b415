/**
 * Paths as a person gives them → files. A folder means everything below it; a path that exists is itself, even when it looks
 * like a pattern; what is nothing at all is kept, so that reading it complains by name.
 */
import { stat } from 'node:fs/promises';
import { glob } from 'tinyglobby';

/** The path that means standard input. */
export const STANDARD_INPUT = '-';
/** AWS writes signatures of trails beside the trails. They hold no events. */
const NO_EVENTS = ['**/CloudTrail-Digest/**'];
const PATTERN = /[*?[{]/;

/** Sorted within each path, each file once, in the order of the paths. */
export async function expandPaths(paths: readonly string[]): Promise<readonly string[]> {
  const files = new Set<string>();
  for (const path of paths) {
    for (const file of await filesOf(path)) files.add(file);
  }
  return [...files];
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (path === STANDARD_INPUT) return [path];
  const kind = await stat(path).catch(() => null);
  if (kind?.isDirectory() === true) {
    const found = await glob('**/*', { cwd: path, absolute: true, onlyFiles: true, dot: false, ignore: NO_EVENTS });
    return found.sort();
  }
  if (kind !== null || !PATTERN.test(path)) return [path];
  const found = await glob(path, { absolute: path.startsWith('/'), onlyFiles: true, ignore: NO_EVENTS });
  return found.length === 0 ? [path] : found.sort();
}
