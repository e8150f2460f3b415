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
import { readBounds, readGroup } from './kernel/group.ts';
import { type HostPaths, hostBounds, readHost } from './kernel/host.ts';
import { networkOf, trafficOf } from './kernel/network.ts';
import { OomLog } from './kernel/oom.ts';
import { nearest, pathIn } from './kernel/place.ts';
import { type Process, processIo, Processes } from './kernel/processes.ts';
import { Meter } from './meter.ts';
import { NO_TOTALS } from './reading.ts';
import type { WireSample } from './sample.ts';
import { type Namer, tell } from './tell.ts';
import { Remembered, WatchedGroup, WatchedProcess, WatchedProgram } from './things.ts';

export interface SamplerOptions extends HostPaths {
  readonly namer: Namer;
  /** Where the kernel writes its log. */
  readonly kernelLog?: string;
}

const MOST_REMEMBERED = 10_000;
const MOST_IO_READS = 1_000;

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #at: Hierarchies;
  readonly #walk: GroupWalk | null;
  readonly #processList: Processes;
  readonly #oom: OomLog;
  readonly #host = new Meter(null);
  readonly #groups = new Map<string, WatchedGroup>();
  readonly #programs = new Map<string, WatchedProgram>();
  readonly #processes = new Map<number, WatchedProcess>();
  readonly #ended: (WatchedGroup | WatchedProcess)[] = [];
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
    this.#oom = new OomLog(options.kernelLog);
  }

  /** @param atMs of a steady clock. */
  look(atMs: number): void {
    const anew = this.#isNewWindow;
    this.#isNewWindow = false;
    if (anew) this.#placed.clear();
    this.#findGroups(this.#walk?.walk(anew) ?? []);
    this.#findProcesses(this.#processList.look(anew), { anew, atMs });
    this.#readGroups(anew, atMs);
    for (const program of this.#programs.values()) program.look(atMs);
    const host = readHost(this.#options);
    this.#host.look({ ...host, processes: this.#processes.size }, atMs);
    this.#noteKilled();
    this.#lookedMs = atMs;
  }

  /** What came since the last time, as the window that begins at `windowMs`. */
  take(windowMs: number): readonly WireSample[] {
    const samples = tell(windowMs, this.#options.namer, {
      host: { meter: this.#host, bounds: hostBounds(this.#options) },
      groups: [...this.#groups.values(), ...this.#ended.filter((one) => one instanceof WatchedGroup)],
      programs: this.#programs,
      processes: [...this.#processes.values(), ...this.#ended.filter((one) => one instanceof WatchedProcess)],
    });
    this.#ended.length = 0;
    for (const [name, { processes }] of this.#programs) if (processes === 0) this.#programs.delete(name);
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

  #findProcesses(
    found: ReadonlyMap<number, Process>,
    { anew, atMs }: { readonly anew: boolean; readonly atMs: number },
  ) {
    for (const [pid, watched] of this.#processes) {
      const now = found.get(pid);
      if (now !== undefined && now.startTicks === watched.process.startTicks) continue;
      this.#processes.delete(pid);
      watched.hasEnded = true;
      this.#ended.push(watched);
    }
    for (const program of this.#programs.values()) {
      program.rssBytes = 0;
      program.processes = 0;
    }
    const members = new Map<WatchedGroup, Process[]>();
    let ioReads = 0;
    for (const process of found.values()) {
      if (process.isKernel) continue;
      const owner = this.#ownerOf(process);
      if (owner !== null) {
        const known = members.get(owner);
        if (known === undefined) members.set(owner, [process]);
        else known.push(process);
      }
      ioReads += 1;
      this.#lookAt(process, { owner, atMs, readsIo: anew && ioReads <= MOST_IO_READS });
    }
    for (const watched of this.#groups.values()) watched.setMembers(members.get(watched) ?? []);
  }

  #ownerOf({ groups }: Process): WatchedGroup | null {
    let path = this.#placed.get(groups);
    if (path === undefined) {
      const whole = this.#at.walked === null ? null : pathIn(groups, this.#at.walked.controller);
      path = whole === null ? null : nearest(whole, (one) => this.#groups.has(one));
      this.#placed.set(groups, path);
    }
    return path === null ? null : (this.#groups.get(path) ?? null);
  }

  #lookAt(
    process: Process,
    { owner, atMs, readsIo }: { readonly owner: WatchedGroup | null; readonly atMs: number; readonly readsIo: boolean },
  ): void {
    const known = this.#processes.get(process.pid);
    const watched = known ?? new WatchedProcess(process, this.#lookedMs);
    if (known === undefined) this.#processes.set(process.pid, watched);
    const before = known?.process.cpuMs ?? (this.#lookedMs === null ? process.cpuMs : 0);
    const isRead = known?.process !== process;
    watched.process = process;
    watched.owner = owner;
    const ioBefore = { readBytes: watched.readBytes, writtenBytes: watched.writtenBytes };
    if (readsIo) Object.assign(watched, processIo(this.#options.proc, process.pid));
    if (isRead) {
      const { readBytes, writtenBytes } = watched;
      const totals = { ...NO_TOTALS, cpuMs: process.cpuMs, readBytes, writtenBytes };
      watched.meter.look({ totals, memoryBytes: process.rssBytes, rssBytes: process.rssBytes, processes: 1 }, atMs);
    }
    if (owner !== null) return;
    watched.program = this.#options.namer.program(process);
    const program = this.#programOf(watched.program);
    program.cpuMs += Math.max(0, process.cpuMs - before);
    program.rssBytes += process.rssBytes;
    program.processes += 1;
    program.readBytes = added(program.readBytes, ioBefore.readBytes, watched.readBytes);
    program.writtenBytes = added(program.writtenBytes, ioBefore.writtenBytes, watched.writtenBytes);
  }

  #programOf(name: string): WatchedProgram {
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const program = new WatchedProgram(this.#lookedMs);
    this.#programs.set(name, program);
    return program;
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
      const totals = traffic === null ? reading.totals : { ...reading.totals, ...traffic };
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
    return this.#ended.find((one): one is WatchedGroup => one instanceof WatchedGroup && one.group.path === path);
  }
}

function added(sum: number | null, before: number | null, now: number | null): number | null {
  if (now === null || before === null) return now === null ? sum : (sum ?? 0);
  return (sum ?? 0) + Math.max(0, now - before);
}
