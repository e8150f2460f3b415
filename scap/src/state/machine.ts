/**
 * The state of the recorded machine, moved on by every event: threads, files, users, containers. Fields are read from it while
 * an event is handed on.
 *
 * What an event removes (a thread that ended, a file that was closed) is removed when the next event comes: rules about the
 * event still see it.
 */
import { CaptureEvent, STATE_ONLY } from '../format/capture-event.ts';
import type { CaptureHandler } from '../format/capture-reader.ts';
import { type Container, type ContainerEngines, containerIdOf, HOST, parseContainer } from './containers.ts';
import { CODE, FD_PARAMETER } from '../format/event-codes.ts';
import { CATEGORY, EVENT_FLAG } from '../format/event-table.ts';
import type { Fd } from './fds.ts';
import { applyFileEvent } from './file-events.ts';
import { fdOf } from './listed-fds.ts';
import type { ListedAccount, ListedFd, ListedInterface, ListedThread, MachineInfo } from '../format/lists.ts';
import { FD_TYPE } from '../format/lists.ts';
import { applyProcessEvent } from './process-events.ts';
import { applySocketEvent } from './socket-events.ts';
import { THREAD_FLAG, type Thread, ThreadTable, threadOf } from './threads.ts';

export interface MachineOptions {
  /** Which runtimes' control groups make a container; all of them unless told otherwise. */
  readonly engines?: ContainerEngines;
  /** Called for every event that rules may see, with the state as the event left it. */
  readonly onEvent: (machine: Machine) => void;
}

export interface Account {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

const NO_MACHINE: MachineInfo = { cpus: 0, memoryBytes: 0n, hostname: '', bootNs: 0n };
const MOST_EXITED = 8_192;
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
const ANNOUNCING: ReadonlySet<number> = new Set([
  CODE.clone,
  CODE.clone3,
  CODE.fork,
  CODE.vfork,
  CODE.schedSwitch,
  CODE.procExit,
]);
const NEW_PROCESS: ReadonlySet<number> = new Set([
  CODE.clone,
  CODE.clone3,
  CODE.fork,
  CODE.vfork,
  CODE.execve,
  CODE.execveat,
  CODE.chroot,
]);

export class Machine implements CaptureHandler {
  readonly threads = new ThreadTable();
  readonly users = new Map<number, Account>();
  readonly groups = new Map<number, string>();
  readonly containers = new Map<string, Container>();
  readonly interfaces: ListedInterface[] = [];
  info: MachineInfo = NO_MACHINE;
  firstNs = 0n;
  /** The current event and whom it is about; null before the first. */
  current = new CaptureEvent();
  currentThread: Thread | null = null;
  currentFd: Fd | null = null;
  fdNameChanged = false;
  /** The container that the current event itself is about. */
  announced: Container | null = null;
  readonly #options: MachineOptions;
  readonly #exited = new Map<string, bigint>();
  readonly #serverPorts = new Set<number>();
  #isBegun = false;
  #removeTid: number | null = null;
  #removeFd: { readonly tid: number; readonly fd: number } | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.section();
  }

  section(): void {
    this.threads.clear();
    this.users.clear();
    this.groups.clear();
    this.containers.clear();
    this.containers.set('', HOST);
    this.interfaces.length = 0;
    this.#exited.clear();
    this.#serverPorts.clear();
    this.#isBegun = false;
    this.#removeTid = null;
    this.#removeFd = null;
    this.firstNs = 0n;
  }

  machine(info: MachineInfo): void {
    this.info = info;
  }

  thread(listed: ListedThread): void {
    this.threads.add(threadOf(listed), false);
    if (listed.uid === 0) this.users.set(0, { name: 'root', home: '/root', shell: '' });
    if (listed.gid === 0) this.groups.set(0, 'root');
  }

  fd(tid: number, listed: ListedFd): void {
    const fd = fdOf(listed, this.interfaces);
    if (fd === null) return;
    if (fd.type === FD_TYPE.ipv4Server || fd.type === FD_TYPE.ipv6Server) this.#serverPorts.add(fd.sourcePort);
    this.threads.find(tid)?.ownFds.set(listed.fd, fd);
  }

  interface(one: ListedInterface): void {
    this.interfaces.push(one);
  }

  account(account: ListedAccount): void {
    if (account.type === 'group') this.groups.set(account.gid, account.name);
    else this.users.set(account.uid, { name: account.name, home: account.home, shell: account.shell });
  }

  event(event: CaptureEvent): void {
    if (!this.#isBegun) this.#begin();
    if (this.firstNs === 0n && (event.info.category & CATEGORY.metaEvent) === 0) this.firstNs = event.timeNs;
    this.#removeWhatEnded(event);
    this.current = event;
    this.announced = null;
    this.fdNameChanged = false;
    this.#reset(event);
    this.#apply(event);
    if (this.currentFd !== null) this.fdNameChanged = this.currentFd.name !== this.currentFd.oldName;
    if (NEW_PROCESS.has(event.code) && event.result >= 0) {
      const thread = this.threads.find(event.tid);
      if (thread !== null) thread.containerId = containerIdOf(thread.cgroups, this.#engines);
    }
    if ((event.blockFlags & STATE_ONLY) === 0 && !UNSEEN.has(event.code)) this.#options.onEvent(this);
    if (event.info.isExit && this.currentThread !== null) {
      this.currentThread.enter = null;
      this.currentThread.enterValid = false;
    }
  }

  removeThreadLater(tid: number): void {
    this.#removeTid = tid;
  }

  removeFdLater(tid: number, fd: number): void {
    this.#removeFd = { tid, fd };
  }

  hasRecentlyExited(tid: number, ptid: number, nowNs: bigint): boolean {
    const atNs = this.#exited.get(`${ptid} ${tid}`);
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

  get #engines(): ContainerEngines {
    return this.#options.engines ?? 'all';
  }

  #begin(): void {
    this.#isBegun = true;
    for (const thread of this.threads.threads.values()) {
      this.threads.connect(thread);
      thread.containerId = containerIdOf(thread.cgroups, this.#engines);
    }
    for (const thread of this.threads.threads.values()) {
      for (const fd of thread.ownFds.values()) this.#turnServer(fd);
    }
  }

  /** The writer could not tell who called whom; a port that somebody listens on can. */
  #turnServer(fd: Fd): void {
    if (fd.type !== FD_TYPE.ipv4) return;
    if (!this.#serverPorts.has(fd.sourcePort)) {
      fd.isClient = true;
      return;
    }
    fd.swapEnds();
    fd.name = fdNameOf(fd);
    fd.isServer = true;
  }

  #removeWhatEnded(event: CaptureEvent): void {
    if (this.#removeTid !== null) {
      const tid = this.#removeTid;
      const ptid = this.threads.find(tid)?.ptid ?? -1;
      if (this.#exited.size >= MOST_EXITED) {
        for (const oldest of this.#exited.keys()) {
          this.#exited.delete(oldest);
          break;
        }
      }
      this.#exited.delete(`${ptid} ${tid}`);
      this.#exited.set(`${ptid} ${tid}`, event.timeNs);
      this.threads.remove(tid);
      this.#removeTid = null;
    }
    if (this.#removeFd !== null) {
      this.threads.find(this.#removeFd.tid)?.fds?.delete(this.#removeFd.fd);
      this.#removeFd = null;
    }
  }

  /** Finds the thread and the file that the event is about. */
  #reset(event: CaptureEvent): void {
    this.currentFd = null;
    const { flags } = event.info;
    if ((flags & EVENT_FLAG.skipsReset) !== 0 || WITHOUT_THREAD.has(event.code)) {
      this.currentThread = event.code === CODE.procInfo ? this.threads.find(event.tid) : null;
      return;
    }
    const isAnnouncing = ANNOUNCING.has(event.code);
    const thread = isAnnouncing ? this.threads.find(event.tid) : this.threads.get(event.tid);
    this.currentThread = thread;
    if (thread === null || event.code === CODE.schedSwitch) return;
    if (!isAnnouncing) thread.flags |= THREAD_FLAG.active;
    if (!event.info.isExit) {
      thread.lastEventFd = -1;
      thread.lastEventCode = event.code;
      if ((flags & EVENT_FLAG.usesFd) !== 0) {
        thread.lastEventFd = event.i64(0);
        this.currentFd = thread.fd(thread.lastEventFd);
      }
      return;
    }
    const isAfterExecveat = event.code === CODE.execve && thread.lastEventCode === CODE.execveatEnter;
    thread.enterValid = isAfterExecveat || event.code === thread.lastEventCode + 1;
    if (!thread.enterValid) thread.lastEventFd = -1;
    if ((flags & EVENT_FLAG.usesFd) === 0) return;
    const place = FD_PARAMETER[event.code] ?? -1;
    if (thread.lastEventFd === -1 && place !== -1 && event.has(place)) thread.lastEventFd = event.i64(place);
    this.currentFd = thread.fd(thread.lastEventFd);
  }

  #apply(event: CaptureEvent): void {
    if (UNSEEN.has(event.code)) {
      const isEmpty = event.code !== CODE.connectEnter && event.code !== CODE.execveatEnter && !event.has(0);
      if (this.currentThread !== null && !isEmpty)
        this.currentThread.enter = { code: event.code, parameters: event.copy() };
      return;
    }
    if (applyFileEvent(this, event) || applySocketEvent(this, event) || applyProcessEvent(this, event)) return;
    this.#applyTold(event);
  }

  /** What writers tell about users and containers between the calls. */
  #applyTold(event: CaptureEvent): void {
    switch (event.code) {
      case CODE.userAdded:
        if (event.text(5) === '' || !event.has(5)) {
          this.users.set(event.u32(0), { name: event.text(2), home: event.text(3), shell: event.text(4) });
        }
        return;
      case CODE.groupAdded:
        if (event.text(2) === '' || !event.has(2)) this.groups.set(event.u32(0), event.text(1));
        return;
      case CODE.userDeleted:
        if (event.text(5) === '') this.users.delete(event.u32(0));
        return;
      case CODE.groupDeleted:
        if (event.text(2) === '') this.groups.delete(event.u32(0));
        return;
      case CODE.containerJson2:
        this.#tellContainer(event.text(0), true);
        return;
      case CODE.async:
        if (event.text(1) === 'container') this.#tellContainer(event.text(2), true);
        else if (event.text(1) === 'container_removed') this.#tellContainer(event.text(2), false);
        return;
    }
  }

  #tellContainer(json: string, isAdded: boolean): void {
    const container = parseContainer(json);
    if (container === null) return;
    this.announced = container;
    if (isAdded) this.containers.set(container.id, container);
    else this.containers.delete(container.id);
  }
}

function fdNameOf(fd: Fd): string {
  const dotted = (bytes: Buffer): string => [...bytes].join('.');
  return `${dotted(fd.source)}:${fd.sourcePort}->${dotted(fd.destination)}:${fd.destinationPort}`;
}
