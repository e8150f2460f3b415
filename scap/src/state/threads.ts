/**
 * Threads as a capture tells of them. A thread that nobody announced is kept as `invalid`: it has a number and nothing else,
 * until an event tells more.
 */
import type { ListedThread } from '../format/lists.ts';
import type { Parameters } from '../format/parameters.ts';
import { ControlGroups } from './control-groups.ts';
import { FdTable } from './fd-table.ts';
import type { Fd } from './fds.ts';
import { joinPaths } from './paths.ts';
import { TextList } from './text-list.ts';
import { ThreadFacts } from './thread-facts.ts';

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
const DELETED = ' (deleted)';

/** The threads of one process. */
export class ThreadGroup {
  readonly pid: number;
  isReaper: boolean;
  alive = 0;
  #leader: Thread | null = null;
  readonly #others = new Set<Thread>();

  constructor(pid: number, isReaper: boolean) {
    this.pid = pid;
    this.isReaper = isReaper;
  }

  add(thread: Thread): void {
    if (!thread.isDead) this.alive += 1;
    if (thread.isMain) this.#leader = thread;
    else this.#others.add(thread);
  }

  remove(thread: Thread): void {
    if (this.#leader === thread) this.#leader = null;
    else this.#others.delete(thread);
  }

  get leader(): Thread | null {
    return this.#leader;
  }

  get others(): ReadonlySet<Thread> {
    return this.#others;
  }

  /** One that lives and is not this one; the leader if it can be. */
  survivor(except: Thread | null): Thread | null {
    if (this.alive <= 0) return null;
    if (this.#leader !== null && !this.#leader.isDead && this.#leader !== except) return this.#leader;
    for (const thread of this.#others) if (!thread.isDead && thread !== except) return thread;
    return null;
  }
}

export class Thread {
  // What every event asks for comes first: it lies together in memory.
  tid = 0;
  flags: number = THREAD_FLAG.nameChanged;
  lastEventCode = -1;
  lastEventFd = 0;
  /** The kept event of before the call, while its end is awaited. */
  enter: { readonly code: number; readonly parameters: Parameters } | null = null;
  enterValid = false;
  readonly ownFds = new FdTable();
  group: ThreadGroup | null = null;
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
  ownEnv = TextList.NONE;
  ownCwd = '';
  root = '';
  groups = ControlGroups.NONE;
  containerId = '';
  uid = NOBODY;
  gid = NOBODY;
  loginUid = NOBODY;
  tty = 0;
  fdLimit = -1;
  vmSizeKb = 0;
  vmRssKb = 0;
  vmSwapKb = 0;
  faultsMajor = 0;
  faultsMinor = 0;
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
  /** Processor time that the writer told last and before; null before it told any. */
  processorTime: ProcessorTime | null = null;
  #facts: ThreadFacts | null = null;
  #args = TextList.NONE;
  /** The name at the time when the arguments were set: a later change does not show in the command line. */
  #argsComm = '';
  #commandLine: string | null = null;
  #children: Set<Thread> | null = null;

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
    return this.group?.leader ?? null;
  }

  /** As they are now. */
  get facts(): ThreadFacts {
    let facts = this.#facts;
    if (facts === null || !facts.holdFor(this)) {
      facts = new ThreadFacts(this);
      this.#facts = facts;
    }
    return facts;
  }

  /** Begins with what was concluded about another: most children are what their parent is. */
  inheritFacts(from: Thread): void {
    this.#facts = from.#facts;
  }

  get children(): Set<Thread> {
    this.#children ??= new Set();
    return this.#children;
  }

  get hasChildren(): boolean {
    return this.#children !== null && this.#children.size > 0;
  }

  get fds(): FdTable | null {
    return (this.flags & THREAD_FLAG.cloneFiles) === 0 ? this.ownFds : (this.main?.ownFds ?? null);
  }

  fd(number: number): Fd | null {
    return number < 0 ? null : (this.fds?.get(number) ?? null);
  }

  addFd(number: number, fd: Fd): Fd | null {
    const table = this.fds;
    if (table === null) return null;
    this.lastEventFd = number;
    return table.set(number, fd);
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
    return this.isMain ? this.ownEnv.texts : (this.main?.env ?? this.ownEnv.texts);
  }

  get argList(): TextList {
    return this.#args;
  }

  set argList(args: TextList) {
    this.#args = args;
    this.#argsComm = this.comm;
    this.#commandLine = null;
  }

  get args(): readonly string[] {
    return this.#args.texts;
  }

  get commandLine(): string {
    if (this.#argsComm === '') return [this.comm, ...this.args].join(' ');
    this.#commandLine ??= [this.#argsComm, ...this.args].join(' ');
    return this.#commandLine;
  }

  get cgroups(): ControlGroups['pairs'] {
    return this.groups.pairs;
  }

  setExepath(path: string): void {
    this.exepath = path.length > DELETED.length && path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  }
}

export interface ProcessorTime {
  readonly user: number;
  readonly system: number;
  /** Since the time before. */
  readonly userGain: number;
  readonly systemGain: number;
}

export function threadOf(listed: ListedThread): Thread {
  const thread = new Thread();
  const { args, env, cwd, cgroups, exepath, flags, ...same } = listed;
  Object.assign(thread, same);
  thread.setExepath(exepath);
  thread.argList = TextList.of(args);
  if (thread.isMain) {
    thread.ownEnv = TextList.of(env);
    thread.changeDirectory(cwd);
  }
  thread.flags |= flags | THREAD_FLAG.active;
  thread.groups = ControlGroups.from(TextList.of(cgroups), thread.groups);
  return thread;
}
