/** Paths as the state keeps them: joined and normalized by text alone, since the file system of then is gone. */
import { printableText } from './printable-text.ts';
import type { Thread } from './threads.ts';

const LONGEST_PATH_BYTES = 1024;
const TOO_LONG = '/DIR_TOO_LONG/FILENAME_TOO_LONG';
const AT_CWD = -100;
export const UNKNOWN_DIRECTORY = '<UNKNOWN>';
const NEEDS_WORK = /(?:^|\/)\.|\/\//;

/** `path` seen from `base`; an absolute one stands for itself, an empty one is nothing. `base` is not normalized. */
export function joinPaths(base: string, path: string): string {
  if (isTooLong(base, path)) return TOO_LONG;
  const start = path === '' || path.startsWith('/') ? '' : base;
  const shown = printableText(path);
  return withoutLastSlash(NEEDS_WORK.test(shown) ? walk(start, shown) : start + shown);
}

/** What a path is relative to; `.` for an absolute one. */
export function directoryOf(thread: Thread, path: string, directory: number): string {
  if (path.startsWith('/')) return '.';
  if (directory === AT_CWD) return thread.cwd;
  const fd = thread.fd(directory);
  if (fd === null) return UNKNOWN_DIRECTORY;
  return fd.name === '' || fd.name.endsWith('/') ? fd.name : `${fd.name}/`;
}

/** Characters are never more than their bytes, and at most a third of them. */
function isTooLong(base: string, path: string): boolean {
  const most = LONGEST_PATH_BYTES - 1;
  if (3 * (base.length + path.length) <= most) return false;
  return Buffer.byteLength(base) + Buffer.byteLength(path) > most;
}

function walk(start: string, path: string): string {
  let out = start;
  for (let at = 0; at < path.length; ) {
    const character = path[at] ?? '';
    if (character === '.' && (out === '' || out.endsWith('/'))) {
      if (path.startsWith('../', at) || (path.startsWith('..', at) && at + 2 === path.length)) {
        out = parentOf(out);
        at += 3;
        continue;
      }
      if (path.startsWith('./', at) || at + 1 === path.length) {
        at += 2;
        continue;
      }
    } else if (character === '/' && (out.endsWith('/') || (out === '' && start !== ''))) {
      at += 1;
      continue;
    }
    out += character;
    at += 1;
  }
  return out;
}

function parentOf(path: string): string {
  return path.length <= 1 ? path : path.slice(0, path.lastIndexOf('/', path.length - 2) + 1);
}

function withoutLastSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
