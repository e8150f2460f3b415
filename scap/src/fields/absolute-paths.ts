/** `evt.abspath`: the path of a call that names a directory, seen from the root. `src` and `dst` are those of calls with two. */
import { CODE } from '../format/event-codes.ts';
import type { Machine } from '../state/machine.ts';
import { joinPaths } from '../state/paths.ts';

const AT_CWD = -100;
const HANDLE_PATH = 3;

/** Where directory and path stand. */
type Place = readonly [directory: number, path: number];

const SOURCES: ReadonlyMap<number, Place> = new Map([
  [CODE.renameat, [1, 2]],
  [CODE.renameat2, [1, 2]],
  [CODE.linkat, [1, 2]],
  [CODE.symlinkat, [2, 3]],
  [CODE.openat, [1, 2]],
  [CODE.openat2, [1, 2]],
  [CODE.unlinkat, [1, 2]],
  [CODE.mkdirat, [1, 2]],
  [CODE.fchmodat, [1, 2]],
  [CODE.fchownat, [1, 2]],
]);
/** Of the other calls the destination is the one path that they have. */
const DESTINATIONS: ReadonlyMap<number, Place> = new Map([
  [CODE.renameat, [3, 4]],
  [CODE.renameat2, [3, 4]],
  [CODE.linkat, [3, 4]],
]);

export function hasAbspath(code: number): boolean {
  return SOURCES.has(code) || code === CODE.openByHandleAt;
}

export function abspath(machine: Machine, argument: string | null): string | null {
  const { current, currentThread } = machine;
  if (currentThread === null) return null;
  if (current.code === CODE.openByHandleAt) return current.result > 0 ? joinPaths('', current.text(HANDLE_PATH)) : null;
  const place = (argument === 'dst' ? DESTINATIONS.get(current.code) : undefined) ?? SOURCES.get(current.code);
  if (place === undefined || !current.has(place[0]) || !current.has(place[1])) return null;
  const path = current.text(place[1]);
  if (path.startsWith('/')) return joinPaths('', path);
  const directory = current.i64(place[0]);
  if (directory === AT_CWD) return joinPaths(currentThread.cwd, path);
  return joinPaths(`${currentThread.fd(directory)?.name ?? '<UNKNOWN>'}/`, path);
}
