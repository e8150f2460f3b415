/**
 * Processes by `/proc`: what each used, and to which group it belongs. The list is read at every look; a process itself at every look while
 * there are few, else in turn, so that a host of ten thousand processes costs no more than one of a thousand.
 *
 * The surprise: what says where a process belongs is read when it is new and once a window afterwards. A runtime moves a process into its
 * group a moment after it was made.
 */
import { join } from 'node:path';
import { linkAt, namesIn, readKernelFile } from './files.ts';

export interface Process {
  readonly pid: number;
  readonly parentPid: number;
  /** In clock ticks since the host started: with the pid it names the process for ever. */
  readonly startTicks: number;
  readonly name: string;
  readonly exe: string;
  /** `/proc/PID/cgroup`. */
  readonly groups: string;
  readonly isKernel: boolean;
  readonly cpuMs: number;
  readonly rssBytes: number;
}

const PID = /^[1-9]\d*$/;
const KERNEL_THREAD = 0x0020_0000;
/** `USER_HZ`, the same on every Linux that Node.js runs on. */
const MS_PER_TICK = 10;
const MOST_READS = 1_000;
const MOST_PROCESSES = 100_000;

export class Processes {
  readonly #proc: string;
  readonly #pageBytes: number;
  #known = new Map<number, Process>();
  #turn = 0;

  constructor(proc: string) {
    this.#proc = proc;
    this.#pageBytes = pageBytesOf(proc);
  }

  /** @param anew looks again where each belongs. */
  look(anew: boolean): ReadonlyMap<number, Process> {
    const pids = namesIn(this.#proc).flatMap((name) => (PID.test(name) ? [Number(name)] : []));
    const share = Math.max(1, Math.ceil(pids.length / MOST_READS));
    this.#turn = (this.#turn + 1) % share;
    const found = new Map<number, Process>();
    for (const pid of pids.slice(0, MOST_PROCESSES)) {
      const known = this.#known.get(pid);
      if (known !== undefined && pid % share !== this.#turn) {
        found.set(pid, known);
        continue;
      }
      const process = this.#read(pid, known, anew);
      if (process !== null) found.set(pid, process);
    }
    this.#known = found;
    return found;
  }

  #read(pid: number, known: Process | undefined, anew: boolean): Process | null {
    const text = readKernelFile(join(this.#proc, String(pid), 'stat'));
    if (text === null) return null;
    const stat = parseStat(text);
    if (stat === null) return null;
    const { name, parentPid, startTicks, isKernel, ticks, pages } = stat;
    const isSame = known !== undefined && known.startTicks === startTicks && known.name === name;
    const groups = isSame && !anew ? known.groups : isKernel ? '' : this.#text(pid, 'cgroup');
    const exe = isSame && !anew ? known.exe : isKernel ? '' : this.#exe(pid);
    return {
      pid,
      parentPid,
      startTicks,
      name,
      exe,
      groups,
      isKernel,
      cpuMs: ticks * MS_PER_TICK,
      rssBytes: pages * this.#pageBytes,
    };
  }

  #text(pid: number, file: string): string {
    return readKernelFile(join(this.#proc, String(pid), file)) ?? '';
  }

  /** Of others' processes only root may know it. */
  #exe(pid: number): string {
    const exe = (linkAt(join(this.#proc, String(pid), 'exe')) ?? '').replace(/ \(deleted\)$/, '');
    // A runtime that is about to become something else.
    return exe.endsWith('/') ? '' : exe;
  }
}

interface Stat {
  readonly name: string;
  readonly parentPid: number;
  readonly startTicks: number;
  readonly isKernel: boolean;
  readonly ticks: number;
  readonly pages: number;
}

/** The name stands in brackets and may hold anything, brackets too: the last one counts. */
export function parseStat(text: string): Stat | null {
  const end = text.lastIndexOf(')');
  const begin = text.indexOf('(');
  if (begin === -1 || end < begin) return null;
  const rest = text.slice(end + 2).split(' ');
  const at = (place: number) => Number(rest[place]);
  const [parentPid, flags, user, system, startTicks, pages] = [at(1), at(6), at(11), at(12), at(19), at(21)];
  if ([parentPid, flags, user, system, startTicks, pages].some(Number.isNaN)) return null;
  const isKernel = Math.floor(flags / KERNEL_THREAD) % 2 === 1;
  return { name: text.slice(begin + 1, end), parentPid, startTicks, isKernel, ticks: user + system, pages };
}

/** As this machine has it; 4 KiB where nobody says. */
function pageBytesOf(proc: string): number {
  const kilobytes = /KernelPageSize: +(\d+) kB/.exec(readKernelFile(join(proc, 'self/smaps')) ?? '')?.[1];
  return (kilobytes === undefined ? 4 : Number(kilobytes)) * 1_024;
}

export interface ProcessIo {
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** What a process read and wrote on disks, with its children that ended; null where only root may know. */
export function processIo(proc: string, pid: number): ProcessIo | null {
  const text = readKernelFile(join(proc, String(pid), 'io'));
  if (text === null) return null;
  const [readBytes, writtenBytes] = [colonNumber(text, 'read_bytes'), colonNumber(text, 'write_bytes')];
  return readBytes === null || writtenBytes === null ? null : { readBytes, writtenBytes };
}

function colonNumber(text: string, key: string): number | null {
  const at = text.indexOf(`\n${key}: `);
  return at === -1 ? null : Number.parseInt(text.slice(at + key.length + 3), 10);
}
