/**
 * The paths that a call works on, resolved: `fs.path.*`. Only of calls that succeeded, and of files that were to be opened.
 *
 * The surprise: of a link the source is the link itself and the target what it leads to, as libsinsp has it.
 */
import { CODE } from '../format/event-codes.ts';
import type { FieldReader } from './fields.ts';
import type { Machine } from '../state/machine.ts';
import { directoryOf, joinPaths } from '../state/paths.ts';

/** Where a path stands among the parameters, and the directory that it is relative to; -1: the current one. */
type Place = readonly [path: number, directory: number];
type Places = ReadonlyMap<number, Place>;

const OPENS: Places = new Map([
  [CODE.open, [1, -1]],
  [CODE.openat, [2, 1]],
  [CODE.openat2, [2, 1]],
  [CODE.openByHandleAt, [3, -1]],
]);
const NAMES: Places = new Map([
  [CODE.creat, [1, -1]],
  [CODE.mkdir, [1, -1]],
  [CODE.rmdir, [1, -1]],
  [CODE.unlink, [1, -1]],
  [CODE.chmod, [1, -1]],
  [CODE.chown, [1, -1]],
  [CODE.lchown, [1, -1]],
  [CODE.umount, [1, -1]],
  [CODE.umount2, [1, -1]],
  [CODE.mkdirat, [2, 1]],
  [CODE.unlinkat, [2, 1]],
  [CODE.fchmodat, [2, 1]],
  [CODE.fchownat, [2, 1]],
]);
const SOURCES: Places = new Map([
  [CODE.rename, [1, -1]],
  [CODE.renameat, [2, 1]],
  [CODE.renameat2, [2, 1]],
  [CODE.link, [2, -1]],
  [CODE.linkat, [4, 3]],
  [CODE.symlink, [2, -1]],
  [CODE.symlinkat, [3, 2]],
  [CODE.mount, [1, -1]],
]);
const TARGETS: Places = new Map([
  [CODE.rename, [2, -1]],
  [CODE.renameat, [4, 3]],
  [CODE.renameat2, [4, 3]],
  [CODE.link, [1, -1]],
  [CODE.linkat, [2, 1]],
  [CODE.symlink, [1, -1]],
  [CODE.symlinkat, [1, -1]],
  [CODE.mount, [2, -1]],
]);
/** What they lead to is seen from where they lie. */
const LINKS: ReadonlySet<number> = new Set([CODE.symlink, CODE.symlinkat]);
/** Calls whose file is open already. */
const BY_FD: ReadonlySet<number> = new Set([CODE.fchmod, CODE.fchown]);
/** The one failure after which an open has no path: the others say at least what was looked for. */
const NOT_PERMITTED = -1;

const pathIn =
  (places: Places, isRaw: boolean): FieldReader =>
  (machine) => {
    const { current, currentThread } = machine;
    const place = places.get(current.code);
    if (place === undefined || currentThread === null) return null;
    const [at, directory] = place;
    if (OPENS.has(current.code) ? current.result === NOT_PERMITTED : current.result < 0) return null;
    if (at >= current.count) return null;
    const path = current.text(at);
    if (isRaw || path === '' || path.startsWith('/')) return isRaw ? path : joinPaths('', path);
    if (LINKS.has(current.code) && places === TARGETS) {
      const link = sourceOf(machine, null);
      return typeof link === 'string' ? joinPaths(link.slice(0, link.lastIndexOf('/') + 1), path) : null;
    }
    const base = directory === -1 ? currentThread.cwd : directoryOf(currentThread, path, current.i64(directory));
    return joinPaths(base, path);
  };

const sourceOf = pathIn(SOURCES, false);

const ofFd = ({ current, currentFd }: Machine): string | null =>
  BY_FD.has(current.code) && current.result >= 0 ? (currentFd?.name ?? null) : null;

const ALL_NAMES: Places = new Map([...OPENS, ...NAMES]);
const named = pathIn(ALL_NAMES, false);
const namedRaw = pathIn(ALL_NAMES, true);

/** Whether events of the type can have a path at all. */
export function hasPaths(code: number): boolean {
  return ALL_NAMES.has(code) || SOURCES.has(code) || BY_FD.has(code);
}

export const PATH_FIELDS: Readonly<Record<string, FieldReader>> = {
  'fs.path.name': (machine, argument) => ofFd(machine) ?? named(machine, argument),
  'fs.path.nameraw': (machine, argument) => ofFd(machine) ?? namedRaw(machine, argument),
  'fs.path.source': sourceOf,
  'fs.path.sourceraw': pathIn(SOURCES, true),
  'fs.path.target': pathIn(TARGETS, false),
  'fs.path.targetraw': pathIn(TARGETS, true),
};
