/**
 * Where the control groups of this machine are mounted: version 1, version 2, or both side by side, controller by controller. Found in
 * `/proc/self/mountinfo`, so that it holds wherever somebody mounted them.
 */
import { join } from 'node:path';
import { foldersIn, linksTo, readKernelFile } from './files.ts';
import { type Place, placeOf } from './place.ts';

/** Folders of version 1; null where the controller is of version 2 or absent. */
export interface Hierarchies {
  readonly cpuacct: string | null;
  readonly cpu: string | null;
  readonly memory: string | null;
  readonly blkio: string | null;
  readonly unified: string | null;
  /** The one in which groups are looked for, and its name in `/proc/PID/cgroup`. */
  readonly walked: { readonly folder: string; readonly controller: string } | null;
}

const WALKED = ['memory', 'cpuacct', 'cpu'] as const;
const ESCAPED = /\\([0-7]{3})/g;

export function findHierarchies(proc: string): Hierarchies {
  const first = new Map<string, string>();
  let unified: string | null = null;
  for (const line of (readKernelFile(join(proc, 'self/mountinfo')) ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const folder = (before.split(' ')[4] ?? '').replaceAll(ESCAPED, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const [type = '', , options = ''] = after.split(' ');
    if (type === 'cgroup2') unified ??= folder;
    if (type === 'cgroup') for (const option of options.split(',')) if (!first.has(option)) first.set(option, folder);
  }
  const at = (controller: string) => first.get(controller) ?? null;
  const blkio = at('blkio');
  const name = WALKED.find((controller) => first.has(controller));
  const walked =
    name !== undefined
      ? { folder: first.get(name) ?? '', controller: name }
      : unified === null
        ? null
        : { folder: unified, controller: '' };
  return {
    cpuacct: at('cpuacct'),
    cpu: at('cpu'),
    memory: at('memory'),
    blkio: blkio !== null && countsIo(blkio) ? blkio : null,
    unified,
    walked,
  };
}

/** Some kernels have the controller and count nothing: then no disk stands in its files. */
function countsIo(folder: string): boolean {
  return /^\d+:\d+ /m.test(readKernelFile(join(folder, 'blkio.throttle.io_service_bytes_recursive')) ?? '');
}

/** A container or unit with a group of its own. */
export interface Group {
  /** Below the mount point, with a leading slash. */
  readonly path: string;
  readonly place: Place;
}

export const MOST_GROUPS = 5_000;
const MOST_FOLDERS = 20_000;

type Folders = Map<string, { readonly links: number; readonly children: readonly string[] }>;

/** Finds the groups, and looks through a folder again only when something came or went in it. */
export class GroupWalk {
  readonly #folder: string;
  #folders: Folders = new Map();
  /** Containers and units that there was no room for in the last walk. */
  leftOut = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param anew looks through every folder again. */
  walk(anew: boolean): readonly Group[] {
    const found: Group[] = [];
    const seen: Folders = new Map();
    this.leftOut = 0;
    const waiting = [''];
    for (let path = waiting.pop(); path !== undefined && seen.size < MOST_FOLDERS; path = waiting.pop()) {
      const place = path === '' ? null : placeOf(path);
      if (place !== null) {
        if (found.length < MOST_GROUPS) found.push({ path, place });
        else this.leftOut += 1;
      }
      // What is in a container belongs to it; in a unit there may be containers.
      if (place?.kind === 'container') continue;
      const children = this.#childrenOf(path, anew, seen);
      for (const name of children) waiting.push(`${path}/${name}`);
    }
    this.#folders = seen;
    return withoutSplitUnits(found);
  }

  #childrenOf(path: string, anew: boolean, seen: Folders): readonly string[] {
    const folder = `${this.#folder}${path}`;
    const links = linksTo(folder);
    if (links === null) return [];
    const known = this.#folders.get(path);
    const children = known !== undefined && !anew && known.links === links ? known.children : foldersIn(folder);
    seen.set(path, { links, children });
    return children;
  }
}

/** A unit with containers or units in it is told by them: its own numbers hold theirs, and would count twice. */
function withoutSplitUnits(groups: readonly Group[]): readonly Group[] {
  const units = new Set(groups.flatMap(({ path, place }) => (place.kind === 'unit' ? [path] : [])));
  if (units.size === 0) return groups;
  const split = new Set<string>();
  for (const { path } of groups) {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) if (units.has(above)) split.add(above);
  }
  return groups.filter(({ path }) => !split.has(path));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
