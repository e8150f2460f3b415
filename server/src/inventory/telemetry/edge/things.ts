/**
 * What is watched on a host: groups with their members, programs, processes; each with its meter. Pure bookkeeping between two looks.
 *
 * The surprise: a thing that ended stays until its window is told, so that whoever lived for two seconds is there.
 */
import type { Process, ProcessIo } from './kernel/processes.ts';
import type { Group } from './kernel/hierarchies.ts';
import { Meter } from './meter.ts';
import { type Bounds, NO_BOUNDS, NO_TOTALS } from '../reading.ts';

/** A container or a unit. */
export class WatchedGroup {
  readonly group: Group;
  readonly meter: Meter;
  bounds: Bounds = NO_BOUNDS;
  restarts = 0;
  /** Those that the kernel told in its log. */
  oomLogged = 0;
  /** The first of its processes, by which its network is found. */
  lead: Process | null = null;
  processes = 0;
  /** Of its processes, where the kernel does not count for groups. */
  ioTotal: ProcessIo | null = null;
  #newestTicks = -1;

  constructor(group: Group, sinceMs: number | null) {
    this.group = group;
    this.meter = new Meter(sinceMs);
  }

  /** All of its processes are younger than all that it had before: it was started again. */
  setMembers(members: readonly Process[]): void {
    this.processes = members.length;
    if (members.length === 0) return;
    let lead: Process | null = null;
    let newest = -1;
    for (const one of members) {
      if (lead === null || one.startTicks < lead.startTicks) lead = one;
      if (one.startTicks > newest) newest = one.startTicks;
    }
    if (this.#newestTicks >= 0 && (lead?.startTicks ?? 0) > this.#newestTicks) this.restarts += 1;
    this.#newestTicks = Math.max(this.#newestTicks, newest);
    this.lead = lead;
  }

  /** @returns what came since the last window. */
  takeEvents(): { readonly restarts: number; readonly oomLogged: number } {
    const { restarts, oomLogged } = this;
    this.restarts = 0;
    this.oomLogged = 0;
    return { restarts, oomLogged };
  }
}

/** All processes of one application that are in no container and no unit. */
export class WatchedProgram {
  readonly meter: Meter;
  cpuMs = 0;
  rssBytes = 0;
  processes = 0;
  ioTotal: ProcessIo | null = null;

  constructor(sinceMs: number | null) {
    this.meter = new Meter(sinceMs);
  }

  look(atMs: number): void {
    const { cpuMs, ioTotal, rssBytes, processes } = this;
    const totals = { ...NO_TOTALS, cpuMs, ...ioTotal };
    this.meter.look({ totals, memoryBytes: rssBytes, rssBytes, processes }, atMs);
  }
}

export class WatchedProcess {
  readonly meter: Meter;
  process: Process;
  /** The group that it is in; null: a program's. */
  owner: WatchedGroup | null = null;
  program = '';
  /** As the kernel told it last; null: nobody may look, or nobody has. */
  io: ProcessIo | null = null;
  /** What children that ended were seen to do, which the kernel adds to its own. */
  ioOfChildren: { readBytes: number; writtenBytes: number } = { readBytes: 0, writtenBytes: 0 };
  /** What counts, since it is watched. */
  ioTotal: ProcessIo | null = null;

  constructor(process: Process, sinceMs: number | null) {
    this.process = process;
    this.meter = new Meter(sinceMs);
  }
}

/** Who was here before, so that what comes back under the same name counts as started again. Bounded; the oldest go. */
export class Remembered {
  readonly #names = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string): void {
    this.#names.delete(name);
    this.#names.add(name);
    if (this.#names.size <= this.#most) return;
    const [oldest] = this.#names;
    if (oldest !== undefined) this.#names.delete(oldest);
  }

  take(name: string): boolean {
    return this.#names.delete(name);
  }
}
