/**
 * Looks at everything on this host once a second, without any right but to read: containers, systemd units, programs, processes, the host.
 *
 * ```
 *  look (each second) ──▶ groups: cpu, memory, io, throttling     ┐
 *                         processes: cpu, rss, io once a window   ├──▶ meters ──▶ take (each window) ──▶ samples
 *                         host, network of each namespace, kills  ┘
 * ```
 *
 * The surprise: a network namespace may be shared, by the containers of a pod or with the host. Its traffic counts for whoever was in it first,
 * so that sums are right.
 */
import { type Group, GroupWalk, type Hierarchies, findHierarchies } from './kernel/hierarchies.ts';
import { groupsCountIo, readBounds, readGroup } from './kernel/group.ts';
import { type HostPaths, hostBounds, readHost } from './kernel/host.ts';
import { networkOf, trafficOf } from './kernel/network.ts';
import { OomLog } from './kernel/oom.ts';
import { readKernelFile } from './kernel/files.ts';
import { fromRoot, nearest, pathIn } from './kernel/place.ts';
import { type Process, Processes } from './kernel/processes.ts';
import { Meter } from './meter.ts';
import { ProcessWatch } from './process-watch.ts';
import type { WireSample } from '../sample.ts';
import { type Namer, tell } from './tell.ts';
import { Remembered, WatchedGroup } from './things.ts';

export interface SamplerOptions extends HostPaths {
  readonly namer: Namer;
  /** Where the kernel writes its log. */
  readonly kernelLog?: string;
}

const MOST_REMEMBERED = 10_000;

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #at: Hierarchies;
  readonly #walk: GroupWalk | null;
  readonly #processList: Processes;
  readonly #processes: ProcessWatch;
  readonly #oom: OomLog;
  readonly #host = new Meter(null);
  readonly #groups = new Map<string, WatchedGroup>();
  #ended: WatchedGroup[] = [];
  /** The group that this program is in, where paths are told from there; empty where they are told from the root. Null: not found yet. */
  #own: string | null = null;
  readonly #left = new Remembered(MOST_REMEMBERED);
  /** `/proc/PID/cgroup` → the path of the watched group; anew each window, and whenever groups come or go. */
  readonly #placed = new Map<string, string | null>();
  #isNewWindow = true;
  /** When the last look was; null before the first. */
  #lookedMs: number | null = null;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#at = findHierarchies(options.proc);
    this.#walk = this.#at.walked === null ? null : new GroupWalk(this.#at.walked.folder);
    this.#processList = new Processes(options.proc);
    this.#processes = new ProcessWatch({
      proc: options.proc,
      programOf: (process) => options.namer.program(process),
      ownerOf: (process) => this.#ownerOf(process),
      groupsCountIo: groupsCountIo(this.#at),
    });
    this.#oom = new OomLog(options.kernelLog);
  }

  /** @param atMs of a steady clock. */
  look(atMs: number): void {
    const anew = this.#isNewWindow;
    this.#isNewWindow = false;
    if (anew) this.#placed.clear();
    this.#findGroups(this.#walk?.walk(anew) ?? []);
    if (anew) this.#own ??= this.#findOwn();
    const look = { isFirst: anew, atMs, beforeMs: this.#lookedMs };
    const members = this.#processes.look(this.#processList.look(anew), look);
    for (const watched of this.#groups.values()) watched.setMembers(members.get(watched) ?? []);
    this.#readGroups(anew, atMs);
    this.#host.look({ ...readHost(this.#options), processes: this.#processes.count }, atMs);
    this.#noteKilled();
    this.#lookedMs = atMs;
  }

  /** What came since the last time, as the window that begins at `windowMs`. */
  take(windowMs: number): readonly WireSample[] {
    const samples = tell(windowMs, this.#options.namer, {
      host: { meter: this.#host, bounds: hostBounds(this.#options) },
      groups: [...this.#groups.values(), ...this.#ended],
      programs: this.#processes.programs,
      processes: this.#processes.take(),
    });
    this.#ended = [];
    this.#processes.forgetPrograms();
    this.#isNewWindow = true;
    return samples;
  }

  close(): void {
    this.#oom.close();
  }

  #findGroups(found: readonly Group[]): void {
    const paths = new Set(found.map(({ path }) => path));
    for (const [path, watched] of this.#groups) {
      if (paths.has(path)) continue;
      this.#groups.delete(path);
      this.#ended.push(watched);
      this.#left.add(path);
      this.#placed.clear();
    }
    for (const group of found) {
      if (this.#groups.has(group.path)) continue;
      const watched = new WatchedGroup(group, this.#lookedMs);
      if (this.#left.take(group.path)) watched.restarts += 1;
      this.#bound(watched);
      this.#groups.set(group.path, watched);
      this.#placed.clear();
    }
  }

  #bound(watched: WatchedGroup): void {
    const { path, place } = watched.group;
    watched.bounds = readBounds(this.#at, path, place.kind === 'container' && place.pod !== '');
  }

  #ownerOf({ groups }: Process): WatchedGroup | null {
    let path = this.#placed.get(groups);
    if (path === undefined) {
      const whole = this.#at.walked === null ? null : pathIn(groups, this.#at.walked.controller);
      path = whole === null ? null : nearest(fromRoot(this.#own ?? '', whole), (one) => this.#groups.has(one));
      this.#placed.set(groups, path);
    }
    return path === null ? null : (this.#groups.get(path) ?? null);
  }

  /** Whoever sees process 1 above itself is in a namespace of control groups, and finds its own by who is in it. */
  #findOwn(): string | null {
    const { walked } = this.#at;
    const first = readKernelFile(`${this.#options.proc}/1/cgroup`);
    if (walked === null || first === null) return '';
    if (pathIn(first, walked.controller)?.startsWith('/..') !== true) return '';
    const isHere = (path: string) =>
      (readKernelFile(`${walked.folder}${path}/cgroup.procs`) ?? '').split('\n').includes(String(process.pid));
    return [...this.#groups.keys()].find(isHere) ?? null;
  }

  #readGroups(anew: boolean, atMs: number): void {
    const { proc } = this.#options;
    const own = networkOf(proc, 1) ?? networkOf(proc, 'self');
    const taken = new Set(own === null ? [] : [own]);
    const byAge = [...this.#groups.values()].toSorted(
      (one, other) => (one.lead?.startTicks ?? Infinity) - (other.lead?.startTicks ?? Infinity),
    );
    for (const watched of byAge) {
      if (anew) this.#bound(watched);
      const reading = readGroup(this.#at, watched.group.path);
      if (reading === null) continue;
      const traffic = own === null ? null : this.#trafficOf(watched, taken);
      const totals = { ...reading.totals, ...watched.ioTotal, ...traffic };
      watched.meter.look({ ...reading, totals, processes: watched.processes }, atMs);
    }
  }

  #trafficOf({ group, lead, processes }: WatchedGroup, taken: Set<string>) {
    if (group.place.kind !== 'container' || lead === null || processes === 0) return null;
    const network = networkOf(this.#options.proc, lead.pid);
    if (network === null || taken.has(network)) return null;
    taken.add(network);
    return trafficOf(this.#options.proc, lead.pid);
  }

  #noteKilled(): void {
    for (const path of this.#oom.look()) {
      const known = nearest(path, (one) => this.#groups.has(one));
      const watched = known === null ? this.#endedAt(path) : this.#groups.get(known);
      if (watched !== undefined) watched.oomLogged += 1;
    }
  }

  #endedAt(path: string): WatchedGroup | undefined {
    return this.#ended.find(({ group }) => group.path === path);
  }
}
