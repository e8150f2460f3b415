/**
 * The state of the recorded machine, moved on by every event: threads, files, users, containers. Fields are read from it while
 * an event is handed on.
 *
 * What an event removes (a thread that ended, a file that was closed) is removed when the next event comes: rules about the
 * event still see it. Events that nobody is interested in and that change nothing pass by with their header read.
 */
import { CaptureEvent, STATE_ONLY } from '../format/capture-event.ts';
import type { CaptureHandler } from '../format/capture-reader.ts';
import { CODE, FD_PARAMETER } from '../format/event-codes.ts';
import { CATEGORY, EVENT_FLAG, EVENT_TABLE } from '../format/event-table.ts';
import type { ListedAccount, ListedFd, ListedInterface, ListedThread, MachineInfo } from '../format/lists.ts';
import { FD_TYPE } from '../format/lists.ts';
import { TWO_32 } from '../format/parameters.ts';
import { CLONE_EVENTS } from './clone-events.ts';
import type { ContainerEngine } from './container-engines.ts';
import { bareContainer, type Container, HOST } from './containers.ts';
import type { FdTable } from './fd-table.ts';
import type { Fd } from './fds.ts';
import { FILE_EVENTS } from './file-events.ts';
import { Interfaces } from './interfaces.ts';
import { fdOf } from './listed-fds.ts';
import { plainContainer } from './plain-containers.ts';
import { PROCESS_EVENTS } from './process-events.ts';
import { isSettled, SETTLING, SOCKET_EVENTS } from './socket-events.ts';
import type { StateEvent } from './state-events.ts';
import { ThreadTable } from './thread-table.ts';
import { THREAD_FLAG, type Thread, threadOf } from './threads.ts';
import { TOLD_EVENTS } from './told-events.ts';

export interface MachineOptions {
  /** Called for every event that rules may see, with the state as the event left it. */
  readonly onEvent: (machine: Machine) => void;
  /** Types, by code, for which `onEvent` has to be called at all. Without it for all. */
  readonly isInteresting?: (code: number) => boolean;
  /** Of an interesting type: whether an event of `currentThread` may matter at all, by what the thread is. Without it all may. */
  readonly mayMatter?: (machine: Machine, code: number) => boolean;
  /** Whose control groups make a container; without it those of all runtimes, as container-engines.ts says. */
  readonly engines?: ReadonlySet<ContainerEngine>;
  /** What `evt.hostname` says. Falco says nothing of a capture's. */
  readonly hostname?: string;
}

export interface Account {
  readonly gid: number;
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

const NO_MACHINE: MachineInfo = { cpus: 0, memoryBytes: 0n, highestPid: 0n, hostname: '', bootNs: 0n };
const MOST_EXITED = 8_192;
const MOST_PIDS = 2 ** 22;
const EXITED_WINDOW_NS = 2_000_000_000n;

/** Events of before a call that serve the state alone. */
const UNSEEN: ReadonlySet<number> = new Set([
  CODE.openEnter,
  CODE.openatEnter,
  CODE.openat2Enter,
  CODE.creatEnter,
  CODE.connectEnter,
  CODE.execveEnter,
  CODE.execveatEnter,
]);
const WITHOUT_THREAD: ReadonlySet<number> = new Set([
  CODE.containerJson2,
  CODE.userAdded,
  CODE.userDeleted,
  CODE.groupAdded,
  CODE.groupDeleted,
  CODE.pluginEvent,
  CODE.async,
]);
/** Nothing is made up for these: they announce a thread themselves, or end it. */
const ANNOUNCING: ReadonlySet<number> = new Set([CODE.clone, CODE.clone3, CODE.fork, CODE.vfork, CODE.procExit]);
const NEW_PROCESS: ReadonlySet<number> = new Set([
  CODE.clone,
  CODE.clone3,
  CODE.fork,
  CODE.vfork,
  CODE.execve,
  CODE.execveat,
  CODE.chroot,
]);

/** How thread and file of an event are found. */
const FOUND_BY = { nothing: 0, number: 1, announcement: 2, enter: 3, enterWithFd: 4, exit: 5, exitWithFd: 6 } as const;

const FINDING: Uint8Array = Uint8Array.from(EVENT_TABLE, ({ code, flags, isExit }) => {
  if (code === CODE.procInfo || code === CODE.schedSwitch) return FOUND_BY.number;
  if ((flags & EVENT_FLAG.skipsReset) !== 0 || WITHOUT_THREAD.has(code)) return FOUND_BY.nothing;
  if (ANNOUNCING.has(code)) return FOUND_BY.announcement;
  const usesFd = (flags & EVENT_FLAG.usesFd) !== 0;
  if (isExit) return usesFd ? FOUND_BY.exitWithFd : FOUND_BY.exit;
  return usesFd ? FOUND_BY.enterWithFd : FOUND_BY.enter;
});

const STATE_EVENTS: readonly (StateEvent | undefined)[] = EVENT_TABLE.map(({ code }) => {
  if (UNSEEN.has(code)) return keepEnter;
  const tables = [FILE_EVENTS, SOCKET_EVENTS, PROCESS_EVENTS, CLONE_EVENTS, TOLD_EVENTS];
  return tables.find((table) => table.has(code))?.get(code);
});

const IS_META: Uint8Array = Uint8Array.from(EVENT_TABLE, ({ category }) =>
  (category & CATEGORY.metaEvent) === 0 ? 0 : 1,
);
const STARTS_PROCESS: Uint8Array = Uint8Array.from(EVENT_TABLE, ({ code }) => (NEW_PROCESS.has(code) ? 1 : 0));

/** The arguments of before the call, for its end. */
function keepEnter(machine: Machine, event: CaptureEvent): void {
  const isEmpty = event.code !== CODE.connectEnter && event.code !== CODE.execveatEnter && !event.has(0);
  const thread = machine.currentThread;
  if (thread !== null && !isEmpty) thread.enter = { code: event.code, parameters: event.copy() };
}

export class Machine implements CaptureHandler {
  readonly threads = new ThreadTable();
  readonly users = new Map<number, Account>();
  readonly groups = new Map<number, string>();
  readonly containers = new Map<string, Container>();
  readonly interfaces = new Interfaces();
  readonly passing: Uint8Array;
  readonly settling: Uint8Array;
  info: MachineInfo = NO_MACHINE;
  firstNs = 0n;
  /** Of what was written. */
  littleEndian = true;
  /** The current event and whom it is about; an empty one before the first. */
  current = new CaptureEvent();
  currentThread: Thread | null = null;
  currentFd: Fd | null = null;
  /** The container that the current event itself is about. */
  announced: Container | null = null;
  readonly hostname: string;
  readonly #options: MachineOptions;
  readonly #isInteresting: Uint8Array;
  readonly #exited = new Map<number, bigint>();
  readonly #serverPorts = new Set<number>();
  #isBegun = false;
  #isTimed = false;
  #hasEnded = false;
  #removeTid: number | null = null;
  #removeFd = -1;
  #removeFdFrom: FdTable | null = null;
  /** Of the current file before the event; empty when the event made it. */
  #nameBefore: Fd['naming'] = '';
  #timeLow = 0;
  #timeHigh = 0;
  #beforeLow = 0;
  #beforeHigh = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.hostname = options.hostname ?? '';
    this.#isInteresting = Uint8Array.from(EVENT_TABLE, ({ code }) =>
      !UNSEEN.has(code) && options.isInteresting?.(code) !== false ? 1 : 0,
    );
    this.passing = Uint8Array.from(EVENT_TABLE, ({ code, isExit }) => {
      const isFound = FINDING[code] === FOUND_BY.exit || FINDING[code] === FOUND_BY.exitWithFd;
      return isExit && isFound && this.#isInteresting[code] === 0 && STATE_EVENTS[code] === undefined ? 1 : 0;
    });
    this.settling = Uint8Array.from(EVENT_TABLE, ({ code, isExit }) => {
      const isFound = isExit && FINDING[code] === FOUND_BY.exitWithFd;
      const mayBeSkipped = this.#isInteresting[code] === 0 || options.mayMatter !== undefined;
      return isFound && mayBeSkipped && SETTLING.has(code) ? 1 : 0;
    });
    this.section(true);
  }

  section(littleEndian: boolean): void {
    this.littleEndian = littleEndian;
    this.threads.clear();
    this.users.clear();
    this.groups.clear();
    this.containers.clear();
    this.containers.set('', HOST);
    this.interfaces.clear();
    this.#exited.clear();
    this.#serverPorts.clear();
    this.#isBegun = false;
    this.#isTimed = false;
    this.#hasEnded = false;
    this.#removeTid = null;
    this.#removeFdFrom = null;
    this.firstNs = 0n;
  }

  machine(info: MachineInfo): void {
    this.info = info;
  }

  thread(listed: ListedThread): void {
    this.threads.add(threadOf(listed), false);
    if (listed.uid === 0 && !this.users.has(0))
      this.users.set(0, { gid: 0, name: 'root', home: '/root', shell: '<NA>' });
    if (listed.gid === 0 && !this.groups.has(0)) this.groups.set(0, 'root');
  }

  fd(tid: number, listed: ListedFd): void {
    const fd = fdOf(listed, this.interfaces);
    if (fd === null) return;
    if (fd.type === FD_TYPE.ipv4Server || fd.type === FD_TYPE.ipv6Server) this.#serverPorts.add(fd.sourcePort);
    this.threads.find(tid)?.ownFds.set(listed.fd, fd);
  }

  interface(one: ListedInterface): void {
    this.interfaces.add(one);
  }

  account(account: ListedAccount): void {
    if (account.type === 'group') this.groups.set(account.gid, account.name);
    else {
      const { uid, gid, name, home, shell } = account;
      this.users.set(uid, { gid, name, home, shell });
    }
  }

  /** An event that changes nothing and that nobody looks at: a thread with this number is there, and its call has ended. */
  passed(tid: number): void {
    if (!this.#isBegun) this.#begin();
    const thread = this.threads.get(tid);
    if (thread !== null && thread.enter !== null) forgetEnter(thread);
  }

  /** An event about a file that it cannot change, and that nobody looks at. False when it may have to be looked at after all. */
  settled(code: number, tid: number, number: number): boolean {
    if (!this.#isBegun || this.#hasEnded) return false;
    const thread = this.threads.find(tid);
    if (thread === null || thread.lastEventCode === code - 1) return false;
    const fd = thread.fd(number);
    if (fd === null || !isSettled(fd, code)) return false;
    if (this.#isInteresting[code] === 1) {
      this.currentThread = thread;
      this.announced = null;
      if (this.#options.mayMatter?.(this, code) !== false) return false;
    }
    thread.flags |= THREAD_FLAG.active;
    if (thread.enter !== null) forgetEnter(thread);
    return true;
  }

  event(event: CaptureEvent): void {
    const { code } = event;
    if (!this.#isBegun) this.#begin();
    if (!this.#isTimed && IS_META[code] === 0) {
      this.#isTimed = true;
      this.firstNs = event.timeNs;
    }
    if (this.#hasEnded) this.#removeWhatEnded(event);
    this.current = event;
    this.announced = null;
    this.#find(event);
    const before = this.currentFd;
    this.#nameBefore = before === null ? '' : before.naming;
    STATE_EVENTS[code]?.(this, event);
    if (STARTS_PROCESS[code] === 1 && event.result >= 0) this.#assignContainer(event.tid);
    if (this.#isInteresting[code] === 1 && (event.blockFlags & STATE_ONLY) === 0) {
      this.currentThread ??= this.threads.find(event.tid);
      this.#beforeLow = this.#timeLow;
      this.#beforeHigh = this.#timeHigh;
      this.#timeLow = event.timeLow;
      this.#timeHigh = event.timeHigh;
      this.#options.onEvent(this);
    }
    if (event.info.isExit && this.currentThread !== null) forgetEnter(this.currentThread);
  }

  /** A file that the current event made. */
  addFd(thread: Thread, number: number, fd: Fd): void {
    this.#nameBefore = '';
    this.currentFd = thread.addFd(number, fd);
  }

  /** A file that the current event made of another: its name is not new. */
  addCopy(thread: Thread, number: number, fd: Fd): void {
    this.#nameBefore = fd.naming;
    this.currentFd = thread.addFd(number, fd);
  }

  /** The current file, to be changed: as an object that no other process holds. */
  ownFd(): Fd | null {
    const fd = this.currentFd;
    const thread = this.currentThread;
    if (fd === null || !fd.isShared || thread === null) return fd;
    this.currentFd = thread.fds?.own(thread.lastEventFd) ?? null;
    return this.currentFd;
  }

  /** Whether the current file has another name than before the event. */
  get fdNameChanged(): boolean {
    const fd = this.currentFd;
    const before = this.#nameBefore;
    if (fd === null || fd.naming === before) return false;
    return fd.name !== (typeof before === 'string' ? before : before.text);
  }

  removeThreadLater(tid: number): void {
    this.#removeTid = tid;
    this.#hasEnded = true;
  }

  removeFdLater(thread: Thread, fd: number): void {
    this.#removeFdFrom = thread.fds;
    this.#removeFd = fd;
    this.#hasEnded = true;
  }

  /** Ended with the last event: it is here until the next one comes. */
  hasEnded(tid: number): boolean {
    return this.#removeTid === tid;
  }

  hasClosed(table: FdTable, fd: number): boolean {
    return this.#removeFdFrom === table && this.#removeFd === fd;
  }

  hasRecentlyExited(tid: number, ptid: number, nowNs: bigint): boolean {
    const atNs = this.#exited.get(exitOf(ptid, tid));
    return atNs !== undefined && nowNs >= atNs && nowNs - atNs < EXITED_WINDOW_NS;
  }

  /** The kept event of before this one's call, if it is the one. */
  get enter(): Thread['enter'] {
    const thread = this.currentThread;
    const kept = thread?.enterValid === true ? thread.enter : null;
    if (kept === null) return null;
    if (this.current.code === CODE.execve && kept.code === CODE.execveatEnter) return kept;
    return kept.code === this.current.code - 1 ? kept : null;
  }

  /** Nanoseconds since the event before that rules saw; 0 for the first. */
  get sinceBeforeNs(): bigint {
    if (this.#beforeHigh === 0) return 0n;
    return longOf(this.#timeLow, this.#timeHigh) - longOf(this.#beforeLow, this.#beforeHigh);
  }

  /** Of the last event that rules saw. */
  get lastNs(): bigint {
    return longOf(this.#timeLow, this.#timeHigh);
  }

  #begin(): void {
    this.#isBegun = true;
    for (const thread of this.threads.threads.values()) {
      this.threads.connect(thread);
      this.#findContainer(thread);
    }
    for (const thread of this.threads.threads.values()) {
      thread.ownFds.each((_, fd) => {
        this.#turnServer(fd);
        return true;
      });
    }
  }

  /** The writer could not tell who called whom; a port that somebody listens on can. */
  #turnServer(fd: Fd): void {
    if (fd.type !== FD_TYPE.ipv4) return;
    if (!this.#serverPorts.has(fd.sourcePort)) {
      fd.isClient = true;
      return;
    }
    fd.ends.swap(fd.type);
    fd.nameByEnds('ends');
    fd.isServer = true;
  }

  #assignContainer(tid: number): void {
    const thread = this.threads.find(tid);
    if (thread !== null) this.#findContainer(thread);
  }

  #findContainer(thread: Thread): void {
    const { engines } = this.#options;
    const found = thread.groups.container(engines ?? null);
    thread.containerId = found?.id ?? '';
    if (found === null && engines === undefined) {
      thread.containerId = plainContainer(thread, this.threads) ?? '';
    }
    if (found !== null && found.type !== null) this.containers.set(found.id, bareContainer(found.id, found.type));
  }

  #removeWhatEnded(event: CaptureEvent): void {
    this.#hasEnded = false;
    if (this.#removeTid !== null) {
      const tid = this.#removeTid;
      const ptid = this.threads.find(tid)?.ptid ?? -1;
      if (this.#exited.size >= MOST_EXITED) {
        for (const oldest of this.#exited.keys()) {
          this.#exited.delete(oldest);
          break;
        }
      }
      this.#exited.delete(exitOf(ptid, tid));
      this.#exited.set(exitOf(ptid, tid), event.timeNs);
      this.threads.remove(tid);
      this.#removeTid = null;
    }
    this.#removeFdFrom?.delete(this.#removeFd);
    this.#removeFdFrom = null;
  }

  /** The thread and the file that the event is about. */
  #find(event: CaptureEvent): void {
    this.currentFd = null;
    this.currentThread = null;
    const by = FINDING[event.code] ?? FOUND_BY.nothing;
    if (by === FOUND_BY.nothing) return;
    const thread =
      by === FOUND_BY.number || by === FOUND_BY.announcement
        ? this.threads.find(event.tid)
        : this.threads.get(event.tid);
    this.currentThread = thread;
    if (thread === null || by === FOUND_BY.number) return;
    if (by !== FOUND_BY.announcement) thread.flags |= THREAD_FLAG.active;
    if (!event.info.isExit) {
      thread.lastEventCode = event.code;
      thread.lastEventFd = by === FOUND_BY.enterWithFd ? event.i64(0) : -1;
      if (by === FOUND_BY.enterWithFd) this.currentFd = thread.fd(thread.lastEventFd);
      return;
    }
    const isAfterExecveat = event.code === CODE.execve && thread.lastEventCode === CODE.execveatEnter;
    thread.enterValid = isAfterExecveat || event.code === thread.lastEventCode + 1;
    if (!thread.enterValid) thread.lastEventFd = -1;
    if (by !== FOUND_BY.exitWithFd) return;
    if (thread.lastEventFd === -1) {
      const place = FD_PARAMETER[event.code] ?? -1;
      if (place !== -1 && event.has(place)) thread.lastEventFd = event.i64(place);
    }
    this.currentFd = thread.fd(thread.lastEventFd);
  }
}

function forgetEnter(thread: Thread): void {
  thread.enter = null;
  thread.enterValid = false;
}

/** One number for both: Linux has no more than 2^22 processes. */
function exitOf(ptid: number, tid: number): number {
  return tid * MOST_PIDS + (ptid % MOST_PIDS);
}

function longOf(low: number, high: number): bigint {
  return BigInt(high) * BigInt(TWO_32) + BigInt(low);
}
