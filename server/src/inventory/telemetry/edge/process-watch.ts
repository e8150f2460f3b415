/**
 * The processes of a host between two looks: what each used, who its program or group is, and who is new or gone.
 *
 * The surprise: what a process read and wrote holds what its children did, from when they ended. What a child was seen to do before is taken off
 * its parent's account then, or it would count twice.
 */
import { type Process, processIo } from './kernel/processes.ts';
import { NO_TOTALS } from '../reading.ts';
import { type WatchedGroup, WatchedProcess, WatchedProgram } from './things.ts';

export interface ProcessWatchOptions {
  readonly proc: string;
  /** The application of a process that is in no group. */
  readonly programOf: (process: Process) => string;
  /** The container or unit that it is in; null: a program. */
  readonly ownerOf: (process: Process) => WatchedGroup | null;
  /** The kernel counts what groups read and write. Where it does not, their processes are added up, by whoever may look. */
  readonly groupsCountIo: boolean;
}

export interface Look {
  /** The first of a window. */
  readonly isFirst: boolean;
  readonly atMs: number;
  /** When the look before was; null: there was none. */
  readonly beforeMs: number | null;
}

const MOST_IO_READS = 1_000;

export class ProcessWatch {
  readonly #options: ProcessWatchOptions;
  readonly #processes = new Map<number, WatchedProcess>();
  readonly programs = new Map<string, WatchedProgram>();
  #ended: WatchedProcess[] = [];
  #ioReads = 0;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#processes.size;
  }

  /** @returns the processes of each group. */
  look(found: ReadonlyMap<number, Process>, look: Look): ReadonlyMap<WatchedGroup, readonly Process[]> {
    this.#forgetGone(found);
    for (const program of this.programs.values()) {
      program.rssBytes = 0;
      program.processes = 0;
    }
    this.#ioReads = 0;
    const members = new Map<WatchedGroup, Process[]>();
    for (const process of found.values()) {
      if (process.isKernel) continue;
      const owner = this.#options.ownerOf(process);
      const known = owner === null ? undefined : members.get(owner);
      if (known !== undefined) known.push(process);
      else if (owner !== null) members.set(owner, [process]);
      this.#lookAt(process, owner, look);
    }
    for (const program of this.programs.values()) program.look(look.atMs);
    return members;
  }

  /** Those that are there, and those that were since the last time. */
  take(): readonly WatchedProcess[] {
    const all = [...this.#processes.values(), ...this.#ended];
    this.#ended = [];
    return all;
  }

  /** Programs of which nothing runs any more; to be called when they are told. */
  forgetPrograms(): void {
    for (const [name, { processes }] of this.programs) if (processes === 0) this.programs.delete(name);
  }

  #forgetGone(found: ReadonlyMap<number, Process>): void {
    for (const [pid, watched] of this.#processes) {
      if (found.get(pid)?.startTicks === watched.process.startTicks) continue;
      this.#processes.delete(pid);
      this.#ended.push(watched);
      const parent = this.#processes.get(watched.process.parentPid);
      if (parent === undefined || watched.io === null) continue;
      parent.ioOfChildren.readBytes += watched.io.readBytes;
      parent.ioOfChildren.writtenBytes += watched.io.writtenBytes;
    }
  }

  #lookAt(process: Process, owner: WatchedGroup | null, look: Look): void {
    const known = this.#processes.get(process.pid);
    const watched = known ?? new WatchedProcess(process, look.beforeMs);
    if (known === undefined) this.#processes.set(process.pid, watched);
    const cpuBefore = known?.process.cpuMs ?? (look.beforeMs === null ? process.cpuMs : 0);
    // Of many only some are read at every look.
    const isRead = known?.process !== process;
    watched.process = process;
    watched.owner = owner;
    const account = owner ?? this.#programOf(watched, look);
    const countsIo = owner === null || !this.#options.groupsCountIo;
    if (look.isFirst || (owner !== null && countsIo)) this.#readIo(watched, countsIo ? account : null, look);
    if (isRead) {
      const totals = { ...NO_TOTALS, cpuMs: process.cpuMs, ...watched.ioTotal };
      watched.meter.look(
        { totals, memoryBytes: process.rssBytes, rssBytes: process.rssBytes, processes: 1 },
        look.atMs,
      );
    }
    if (!(account instanceof WatchedProgram)) return;
    account.cpuMs += Math.max(0, process.cpuMs - cpuBefore);
    account.rssBytes += process.rssBytes;
    account.processes += 1;
  }

  #programOf(watched: WatchedProcess, { beforeMs }: Look): WatchedProgram {
    watched.program = this.#options.programOf(watched.process);
    const known = this.programs.get(watched.program);
    if (known !== undefined) return known;
    const program = new WatchedProgram(beforeMs);
    this.programs.set(watched.program, program);
    return program;
  }

  #readIo(watched: WatchedProcess, account: WatchedGroup | WatchedProgram | null, { beforeMs }: Look): void {
    this.#ioReads += 1;
    if (this.#ioReads > MOST_IO_READS) return;
    const now = processIo(this.#options.proc, watched.process.pid);
    if (now === null) return;
    // Of what was there before anybody looked, only what comes counts.
    const before = watched.io ?? (beforeMs === null ? now : { readBytes: 0, writtenBytes: 0 });
    const { ioOfChildren } = watched;
    const readBytes = Math.max(0, now.readBytes - before.readBytes - ioOfChildren.readBytes);
    const writtenBytes = Math.max(0, now.writtenBytes - before.writtenBytes - ioOfChildren.writtenBytes);
    watched.io = now;
    watched.ioOfChildren = { readBytes: 0, writtenBytes: 0 };
    for (const one of [account, watched]) {
      if (one === null) continue;
      const { ioTotal } = one;
      one.ioTotal = {
        readBytes: (ioTotal?.readBytes ?? 0) + readBytes,
        writtenBytes: (ioTotal?.writtenBytes ?? 0) + writtenBytes,
      };
    }
  }
}
