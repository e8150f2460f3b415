/** Paths as the state keeps them: joined and normalized by text alone, since the file system of then is gone. */

const LONGEST_PATH = 1024;
const TOO_LONG = '/DIR_TOO_LONG/FILENAME_TOO_LONG';
const NEEDS_WORK = /(?:^|\/)\.|\/\//;

/** `path` seen from `base`; an absolute one stands for itself, an empty one is nothing. `base` is not normalized. */
export function joinPaths(base: string, path: string): string {
  if (base.length + path.length + 1 > LONGEST_PATH) return TOO_LONG;
  const start = path === '' || path.startsWith('/') ? '' : base;
  return withoutLastSlash(NEEDS_WORK.test(path) ? walk(start, path) : start + path);
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
