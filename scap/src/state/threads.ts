/**
 * Threads, their groups and ancestors, as a capture tells of them. A thread that nobody announced is kept as `invalid`: it has a
 * number and nothing else, until an event tells more.
 */
import type { Fd } from './fds.ts';
import type { ListedThread } from '../format/lists.ts';
import type { Parameters } from '../format/parameters.ts';
import { joinPaths } from './paths.ts';

export const THREAD_FLAG = {
  cloneFiles: 1,
  newPidNamespace: 1 << 6,
  cloneParent: 1 << 8,
  cloneThread: 1 << 13,
  inverted: 1 << 16,
  nameChanged: 1 << 17,
  closed: 1 << 18,
  active: 1 << 19,
  newUserNamespace: 1 << 20,
  pipeSource: 1 << 21,
  pipeDestination: 1 << 22,
  vfork: 1 << 27,
  inPidNamespace: 1 << 29,
  isMain: 1 << 30,
} as const;

export const NOBODY = 0xffff_ffff;
const MOST_THREADS = 262_144;
const DELETED = ' (deleted)';
const MOST_ANCESTORS = 1_000;

export class ThreadGroup {
  readonly pid: number;
  isReaper: boolean;
  alive = 1;
  threads: Thread[];

  constructor(pid: number, isReaper: boolean, first: Thread) {
    this.pid = pid;
    this.isReaper = isReaper;
    this.threads = [first];
  }
}

export class Thread {
  tid = 0;
  pid = -1;
  ptid = -1;
  sid = -1;
  vpgid = -1;
  pgid = -1;
  vtid = -1;
  vpid = -1;
  comm = '';
  exe = '';
  exepath = '';
  args: readonly string[] = [];
  /** The command line is put together when the arguments are set: a later change of the name does not show in it. */
  commandLine = '';
  ownEnv: readonly string[] = [];
  ownCwd = '';
  root = '';
  cgroups: readonly (readonly [string, string])[] = [];
  containerId = '';
  flags: number = THREAD_FLAG.nameChanged;
  uid = NOBODY;
  gid = NOBODY;
  loginUid = NOBODY;
  tty = 0;
  fdLimit = -1;
  vmSizeKb = 0;
  vmRssKb = 0;
  vmSwapKb = 0;
  faultsMajor = 0n;
  faultsMinor = 0n;
  capInheritable = 0n;
  capPermitted = 0n;
  capEffective = 0n;
  exeInode = 0n;
  exeChangedNs = 0n;
  exeModifiedNs = 0n;
  exeChangedBeforeStartNs = 0n;
  exeChangedAfterNamespaceNs = 0n;
  exeWritable = false;
  exeUpperLayer = false;
  exeLowerLayer = false;
  exeFromMemfd = false;
  cloneNs = 0n;
  pidNamespaceStartNs = 0n;
  reaperTid = -1;
  group: ThreadGroup | null = null;
  children = new Set<Thread>();
  readonly ownFds = new Map<number, Fd>();
  lastEventFd = 0;
  lastEventCode = -1;
  /** The kept event of before the call, while its end is awaited. */
  enter: { readonly code: number; readonly parameters: Parameters } | null = null;
  enterValid = false;

  get isMain(): boolean {
    return this.tid === this.pid || (this.flags & THREAD_FLAG.isMain) !== 0;
  }

  get isInvalid(): boolean {
    return this.tid < 0 || this.pid < 0 || this.ptid < 0;
  }

  get isDead(): boolean {
    return (this.flags & THREAD_FLAG.closed) !== 0;
  }

  get isInPidNamespace(): boolean {
    return (this.flags & THREAD_FLAG.inPidNamespace) !== 0 || (this.tid !== this.vtid && this.vtid >= 0);
  }

  get main(): Thread | null {
    if (this.isMain) return this;
    const first = this.group?.threads[0];
    return first?.isMain === true ? first : null;
  }

  get fds(): Map<number, Fd> | null {
    return (this.flags & THREAD_FLAG.cloneFiles) === 0 ? this.ownFds : (this.main?.ownFds ?? null);
  }

  fd(number: number): Fd | null {
    const fd = number < 0 ? undefined : this.fds?.get(number);
    if (fd === undefined) return null;
    fd.oldName = fd.name;
    return fd;
  }

  addFd(number: number, fd: Fd): Fd | null {
    const table = this.fds;
    if (table === null) return null;
    table.set(number, fd);
    this.lastEventFd = number;
    return fd;
  }

  get cwd(): string {
    return this.main?.ownCwd ?? './';
  }

  changeDirectory(path: string): void {
    const main = this.main;
    if (main === null) return;
    const cwd = joinPaths(this.ownCwd, path);
    main.ownCwd = cwd.endsWith('/') ? cwd : `${cwd}/`;
  }

  get env(): readonly string[] {
    return this.isMain ? this.ownEnv : (this.main?.env ?? this.ownEnv);
  }

  setArgs(args: readonly string[]): void {
    this.args = args;
    this.commandLine = this.comm === '' ? '' : [this.comm, ...args].join(' ');
  }

  setExepath(path: string): void {
    this.exepath = path.length > DELETED.length && path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  }

  setCgroups(cgroups: readonly string[]): void {
    const parsed: [string, string][] = [];
    for (const one of cgroups) {
      const equals = one.indexOf('=');
      if (equals === -1) return;
      const name = one.slice(0, equals).replace('_cgroup', '');
      parsed.push([{ perf: 'perf_event', mem: 'memory', io: 'blkio' }[name] ?? name, one.slice(equals + 1)]);
    }
    this.cgroups = parsed;
  }

  get commandLineNow(): string {
    return this.commandLine === '' ? [this.comm, ...this.args].join(' ') : this.commandLine;
  }
}

export function threadOf(listed: ListedThread): Thread {
  const thread = new Thread();
  const { args, env, cwd, cgroups, exepath, flags, ...same } = listed;
  Object.assign(thread, same);
  thread.setExepath(exepath);
  thread.setArgs(args);
  if (thread.isMain) {
    thread.ownEnv = env;
    thread.changeDirectory(cwd);
  }
  thread.flags |= flags | THREAD_FLAG.active;
  thread.setCgroups(cgroups);
  return thread;
}

export class ThreadTable {
  readonly threads = new Map<number, Thread>();
  readonly #groups = new Map<number, ThreadGroup>();

  clear(): void {
    this.threads.clear();
    this.#groups.clear();
  }

  find(tid: number): Thread | null {
    return this.threads.get(tid) ?? null;
  }

  /** Makes an invalid one when there is none; null when the table is full. */
  get(tid: number): Thread | null {
    const known = this.threads.get(tid);
    if (known !== undefined) return known;
    const thread = new Thread();
    thread.tid = tid;
    thread.comm = '<NA>';
    thread.exe = '<NA>';
    return this.add(thread, true);
  }

  add(thread: Thread, connect: boolean): Thread | null {
    if (this.threads.size >= MOST_THREADS) return null;
    if (connect) this.connect(thread);
    this.threads.set(thread.tid, thread);
    return thread;
  }

  /** Gives a thread its group and its parent. */
  connect(thread: Thread): void {
    if (thread.isInvalid || thread.group !== null) return;
    let group = this.#groups.get(thread.pid);
    if (group === undefined) {
      group = new ThreadGroup(thread.pid, thread.pid === 1 || thread.vpid === 1, thread);
      this.#groups.set(thread.pid, group);
    } else {
      if (thread.isMain) group.threads.unshift(thread);
      else group.threads.push(thread);
      group.alive += 1;
    }
    thread.group = group;
    if (thread.pid === 1) return;
    const parent = this.find(thread.ptid);
    if (parent === null || parent.isInvalid) thread.ptid = 0;
    else adopt(parent, thread);
  }

  remove(tid: number): void {
    const thread = this.threads.get(tid);
    if (thread === undefined) return;
    if (thread.isInvalid || thread.group === null) {
      this.#erase(thread);
      return;
    }
    const { group } = thread;
    if (!thread.isDead) {
      group.alive -= 1;
      thread.flags |= THREAD_FLAG.closed;
    }
    if (thread.children.size > 0) this.#reparent(thread);
    if (group.alive <= 0) {
      this.#groups.delete(thread.pid);
      const main = this.threads.get(thread.pid);
      if (main !== undefined) this.#erase(main);
    }
    if (!thread.isMain) this.#erase(thread);
  }

  #erase(thread: Thread): void {
    if (this.threads.get(thread.tid) === thread) this.threads.delete(thread.tid);
    this.find(thread.ptid)?.children.delete(thread);
    const { group } = thread;
    if (group !== null) group.threads = group.threads.filter((one) => one !== thread);
  }

  #reparent(thread: Thread): void {
    let reaper = thread.reaperTid > 0 ? this.get(thread.reaperTid) : null;
    if (reaper === null || reaper.isInvalid) reaper = this.#findReaper(thread);
    if (reaper !== null && reaper.pid !== thread.pid && reaper.group !== null) reaper.group.isReaper = true;
    for (const child of [...thread.children]) {
      if (this.threads.get(child.tid) !== child) continue;
      if (reaper === null || reaper === thread) child.ptid = 0;
      else adopt(reaper, child);
    }
    thread.children.clear();
  }

  #findReaper(thread: Thread): Thread | null {
    const sibling = thread.group?.threads.find((one) => !one.isDead && one !== thread);
    if (sibling !== undefined && (thread.group?.alive ?? 0) > 0) return sibling;
    const seen = new Set([thread.tid]);
    for (let parent = this.find(thread.ptid); parent !== null; parent = this.find(parent.ptid)) {
      if (seen.has(parent.tid) || parent.isInPidNamespace !== thread.isInPidNamespace) return null;
      seen.add(parent.tid);
      if (parent.group?.isReaper === true && parent.group.alive > 0) {
        const alive = parent.group.threads.find((one) => !one.isDead);
        if (alive !== undefined) return alive;
      }
    }
    return null;
  }

  /** The process `generations` above; 0 is the thread's own. */
  ancestor(thread: Thread, generations: number): Thread | null {
    let at = thread.main;
    for (let step = 0; step < generations && at !== null; step += 1) at = this.find(at.ptid)?.main ?? null;
    return at;
  }

  /** From the parent upwards, until `visit` says false or a ring closes. */
  visitAncestors(thread: Thread, visit: (ancestor: Thread) => boolean): void {
    const seen = new Set<Thread>();
    for (let at = this.find(thread.ptid); at !== null && at.tid !== -1; at = this.find(at.ptid)) {
      if (seen.has(at) || seen.size > MOST_ANCESTORS || !visit(at)) return;
      seen.add(at);
    }
  }
}

function adopt(parent: Thread, child: Thread): void {
  parent.children.add(child);
  child.ptid = parent.tid;
}
