/** How processes come, change and go: clone, exec, exit, and the calls that change what a process is. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import type { Machine } from './machine.ts';
import { joinPaths } from './paths.ts';
import { THREAD_FLAG, Thread } from './threads.ts';

/** A thread that was announced longer ago than this is another one with the same number. */
const STALE_NS = 2_000_000_000n;
const AT_EMPTY_PATH = 1;
const RLIMIT_FILES = 7;
const SET_SUBREAPER = 36;
const GET_SUBREAPER = 37;
const AT_CWD = -100;
const ALL_CAPABILITIES = (1n << 41n) - 1n;
const EXE_FLAG = { writable: 1, upperLayer: 2, memfd: 4, lowerLayer: 8 } as const;

/** True when the event was one of these. */
export function applyProcessEvent(machine: Machine, event: CaptureEvent): boolean {
  switch (event.code) {
    case CODE.clone:
    case CODE.clone3:
    case CODE.fork:
    case CODE.vfork:
      if (event.result === 0) cloneInChild(machine, event);
      else if (event.result > 0) cloneInCaller(machine, event, event.result);
      return true;
    case CODE.execve:
    case CODE.execveat:
      exec(machine, event);
      return true;
    case CODE.procExit:
      exit(machine, event);
      return true;
    case CODE.prlimit:
      limitOther(machine, event);
      return true;
    default:
      return machine.currentThread !== null && event.info.isExit && change(machine.currentThread, event);
  }
}

function cloneInCaller(machine: Machine, event: CaptureEvent, childTid: number): void {
  const { threads } = machine;
  const caller = threads.get(event.tid);
  machine.currentThread = caller;
  if (caller === null) return;
  const isValid = !caller.isInvalid;
  if (!isValid) {
    caller.pid = event.i64(4);
    caller.ptid = event.i64(5);
    caller.vtid = event.has(19) ? event.i64(18) : event.tid;
    caller.vpid = event.has(19) ? event.i64(19) : -1;
    threads.connect(caller);
  }
  const flags = event.u32(15);
  // In a namespace the result is a number of the inside; the child's own event tells the outer one.
  const isInside = THREAD_FLAG.inPidNamespace | THREAD_FLAG.newPidNamespace | THREAD_FLAG.cloneParent;
  if ((flags & isInside) !== 0 || event.tid !== caller.vtid) return;
  if ((flags & THREAD_FLAG.vfork) !== 0 || event.code === CODE.vfork) return;
  if (machine.hasRecentlyExited(childTid, event.tid, event.timeNs)) return;
  const existing = threads.find(childTid);
  if (existing !== null) {
    if ((existing.flags & THREAD_FLAG.inverted) !== 0) return;
    threads.remove(childTid);
  }
  const child = new Thread();
  child.flags = flags;
  child.tid = childTid;
  if ((flags & THREAD_FLAG.cloneThread) === 0) {
    if (isValid) inheritProcess(child, caller);
    child.pid = child.tid;
    child.ptid = caller.tid;
  } else {
    child.pid = caller.pid;
    child.ptid = caller.ptid;
    child.flags |= THREAD_FLAG.cloneFiles;
  }
  child.vtid = child.tid;
  child.vpid = child.pid;
  readClone(child, event);
  if (isValid) inheritExecutable(child, caller);
  else copyNames(caller, child);
  threads.add(child, true);
}

function cloneInChild(machine: Machine, event: CaptureEvent): void {
  const { threads } = machine;
  const before = machine.currentThread;
  if (before !== null && before.cloneNs !== 0n) {
    if (event.timeNs - before.cloneNs < STALE_NS) return;
    threads.remove(event.tid);
  }
  machine.currentThread = null;
  const child = new Thread();
  child.tid = event.tid;
  child.pid = event.i64(4);
  child.ptid = event.i64(5);
  child.vtid = event.has(19) ? event.i64(18) : child.tid;
  child.vpid = event.has(19) ? event.i64(19) : -1;
  child.flags = event.u32(15) | THREAD_FLAG.inverted;
  const isLeader = (child.flags & THREAD_FLAG.cloneThread) === 0;
  if (!isLeader) child.flags |= THREAD_FLAG.cloneFiles;
  const origin = threads.get(isLeader ? child.ptid : child.pid);
  if (origin === null) return;
  const isValid = !origin.isInvalid;
  if (!isValid && !isLeader) {
    origin.pid = child.pid;
    origin.ptid = child.ptid;
    origin.vpid = child.vpid;
    origin.vtid = child.vpid;
    threads.connect(origin);
  }
  readClone(child, event);
  if (isValid) {
    inheritExecutable(child, origin);
    if (isLeader) inheritProcess(child, origin);
  } else if (!isLeader) copyNames(origin, child);
  const inside = THREAD_FLAG.inPidNamespace | THREAD_FLAG.newPidNamespace;
  // Since the boot of the machine: replayed events are not moved to the time of day.
  if (((child.flags & inside) !== 0 || child.tid !== child.vtid) && event.has(20)) {
    child.pidNamespaceStartNs = event.u64(20);
  }
  machine.currentThread = threads.add(child, true);
}

function inheritProcess(child: Thread, parent: Thread): void {
  for (const [number, fd] of parent.fds ?? []) child.ownFds.set(number, fd.clone());
  // The child is no member of a group yet: its own directory is the one that counts.
  child.ownCwd = parent.cwd;
  child.ownEnv = parent.ownEnv;
}

function inheritExecutable(child: Thread, from: Thread): void {
  child.setExepath(from.exepath);
  child.exeWritable = from.exeWritable;
  child.exeUpperLayer = from.exeUpperLayer;
  child.exeLowerLayer = from.exeLowerLayer;
  child.exeFromMemfd = from.exeFromMemfd;
  child.root = from.root;
  child.sid = from.sid;
  child.vpgid = from.vpgid;
  child.pgid = from.pgid;
  child.tty = from.tty;
  child.loginUid = from.loginUid;
  child.capPermitted = from.capPermitted;
  child.capInheritable = from.capInheritable;
  child.capEffective = from.capEffective;
  child.exeInode = from.exeInode;
  child.exeChangedNs = from.exeChangedNs;
  child.exeModifiedNs = from.exeModifiedNs;
  child.exeChangedBeforeStartNs = from.exeChangedBeforeStartNs;
}

function copyNames(to: Thread, from: Thread): void {
  to.exe = from.exe;
  to.comm = from.comm;
  to.setArgs(from.args);
}

function readClone(child: Thread, event: CaptureEvent): void {
  child.exe = event.text(1);
  child.comm = event.has(13) ? event.text(13) : child.exe;
  child.setArgs(event.texts(2));
  child.fdLimit = event.i64(7);
  readMemory(child, event);
  child.uid = event.u32(16);
  child.gid = event.u32(17);
  if (event.has(14)) child.setCgroups(event.texts(14));
  child.cloneNs = event.timeNs;
}

function readMemory(thread: Thread, event: CaptureEvent): void {
  if (!event.has(12)) return;
  thread.faultsMajor = event.u64(8);
  thread.faultsMinor = event.u64(9);
  thread.vmSizeKb = event.u32(10);
  thread.vmRssKb = event.u32(11);
  thread.vmSwapKb = event.u32(12);
}

function exec(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (event.result < 0 || thread === null) return;
  if (thread.isDead) {
    thread.flags &= ~THREAD_FLAG.closed;
    if (thread.group !== null) thread.group.alive += 1;
  }
  thread.exe = event.text(1);
  thread.comm = event.has(13) ? event.text(13) : thread.exe;
  thread.setArgs(event.texts(2));
  thread.pid = event.i64(4);
  if (thread.isInvalid) {
    thread.ptid = event.i64(5);
    if ((thread.flags & THREAD_FLAG.inPidNamespace) === 0) {
      thread.vtid = thread.tid;
      thread.vpid = thread.pid;
    }
    machine.threads.connect(thread);
  }
  thread.fdLimit = event.i64(7);
  readMemory(thread, event);
  if (event.has(15)) thread.ownEnv = event.texts(15);
  if (event.has(14)) thread.setCgroups(event.texts(14));
  if (event.has(16)) thread.tty = event.u32(16);
  if (event.has(27)) thread.setExepath(event.text(27));
  else {
    const path = executedPath(machine);
    if (path !== null) thread.setExepath(path);
  }
  readExecutable(thread, event);
  for (const [number, fd] of thread.fds ?? []) if (fd.closesOnExec) thread.fds?.delete(number);
  const kept = THREAD_FLAG.pipeSource | THREAD_FLAG.pipeDestination | THREAD_FLAG.isMain | THREAD_FLAG.inverted;
  thread.flags = (thread.flags & kept) | THREAD_FLAG.active | THREAD_FLAG.nameChanged;
  if ((thread.group?.alive ?? 0) > 1) {
    for (const other of [...(thread.group?.threads ?? [])]) {
      if (!other.isMain && other !== thread) machine.threads.remove(other.tid);
    }
  }
}

function readExecutable(thread: Thread, event: CaptureEvent): void {
  if (event.has(17)) thread.vpgid = event.i64(17);
  if (event.has(18)) thread.loginUid = event.u32(18);
  if (event.has(19)) {
    const flags = event.u32(19);
    thread.exeWritable = (flags & EXE_FLAG.writable) !== 0;
    thread.exeUpperLayer = (flags & EXE_FLAG.upperLayer) !== 0;
    thread.exeFromMemfd = (flags & EXE_FLAG.memfd) !== 0;
    thread.exeLowerLayer = (flags & EXE_FLAG.lowerLayer) !== 0;
  }
  if (event.has(22)) {
    thread.capInheritable = event.u64(20);
    thread.capPermitted = event.u64(21);
    thread.capEffective = event.u64(22);
  }
  if (event.has(25)) {
    thread.exeInode = event.u64(23);
    thread.exeChangedNs = event.u64(24);
    thread.exeModifiedNs = event.u64(25);
    if (thread.cloneNs !== 0n) {
      thread.exeChangedBeforeStartNs = BigInt.asUintN(64, thread.cloneNs - thread.exeChangedNs);
    }
    if (thread.pidNamespaceStartNs !== 0n && thread.exeChangedNs > thread.pidNamespaceStartNs) {
      thread.exeChangedAfterNamespaceNs = thread.exeChangedNs - thread.pidNamespaceStartNs;
    }
  }
  if (event.has(26)) thread.uid = event.u32(26);
  thread.pgid = event.has(28) ? event.i64(28) : -1;
  if (event.has(29)) thread.gid = event.u32(29);
}

/** Of captures whose events do not say it: from the call's arguments. */
function executedPath(machine: Machine): string | null {
  const thread = machine.currentThread;
  const { enter } = machine;
  if (thread === null || enter === null) return null;
  const { parameters } = enter;
  if (enter.code === CODE.execveEnter) {
    const path = parameters.text(0);
    return path === '<NA>' ? path : joinPaths(thread.cwd, path);
  }
  const directory = parameters.i64(0);
  const path = parameters.text(1);
  const isEmptyPath = (parameters.u32(2) & AT_EMPTY_PATH) !== 0;
  const base = directoryOf(thread, path, directory);
  if ((!isEmptyPath && path === '<NA>') || base === UNKNOWN_DIRECTORY) return '<NA>';
  return isEmptyPath ? joinPaths('', base) : joinPaths(base, path);
}

export const UNKNOWN_DIRECTORY = '<UNKNOWN>';

/** What a path is relative to; `.` for an absolute one. */
export function directoryOf(thread: Thread, path: string, directory: number): string {
  if (path.startsWith('/')) return '.';
  if (directory === AT_CWD) return thread.cwd;
  const fd = thread.fd(directory);
  if (fd === null) return UNKNOWN_DIRECTORY;
  return fd.name === '' || fd.name.endsWith('/') ? fd.name : `${fd.name}/`;
}

function exit(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  if (thread.group !== null && !thread.isDead) thread.group.alive -= 1;
  thread.flags |= THREAD_FLAG.closed;
  machine.removeThreadLater(event.tid);
  if (thread.children.size > 0 && event.has(4)) thread.reaperTid = event.i64(4);
}

function limitOther(machine: Machine, event: CaptureEvent): void {
  if (event.result !== 0 || !event.has(6) || event.u32(6) !== RLIMIT_FILES || !event.has(5)) return;
  const limit = event.i64(1);
  const thread = machine.threads.get(event.i64(5) === 0 ? event.tid : event.i64(5));
  if (limit === -1 || thread === null || thread.isInvalid || thread.main === null) return;
  thread.main.fdLimit = limit;
}

/** Calls that change their own thread. */
function change(thread: Thread, event: CaptureEvent): boolean {
  const { code } = event;
  switch (code) {
    case CODE.setresuid:
    case CODE.setreuid:
      if (event.result === 0 && event.has(2)) thread.uid = event.u32(2);
      return true;
    case CODE.setuid:
      if (event.result === 0 && event.has(1)) thread.uid = event.u32(1);
      return true;
    case CODE.setresgid:
    case CODE.setregid:
      if (event.result === 0 && event.has(2)) thread.gid = event.u32(2);
      return true;
    case CODE.setgid:
      if (event.result === 0 && event.has(1)) thread.gid = event.u32(1);
      return true;
    case CODE.setsid:
      if (event.result >= 0) thread.sid = event.result;
      return true;
    case CODE.brk:
    case CODE.mmap:
    case CODE.mmap2:
    case CODE.munmap:
      if (event.has(1)) thread.vmSizeKb = event.u32(1);
      if (event.has(3)) {
        thread.vmRssKb = event.u32(2);
        thread.vmSwapKb = event.u32(3);
      }
      return true;
    case CODE.getrlimit:
    case CODE.setrlimit:
      if (event.result >= 0 && event.u32(3) === RLIMIT_FILES && event.i64(1) !== -1 && thread.main !== null) {
        thread.main.fdLimit = event.i64(1);
      }
      return true;
    default:
      return changeRarely(thread, event);
  }
}

function changeRarely(thread: Thread, event: CaptureEvent): boolean {
  switch (event.code) {
    case CODE.chroot:
      if (event.result === 0) thread.root = joinPaths(thread.cwd, event.text(1));
      return true;
    case CODE.capset:
      if (event.result < 0) return true;
      thread.capInheritable = event.u64(1);
      thread.capPermitted = event.u64(2);
      thread.capEffective = event.u64(3);
      return true;
    case CODE.unshare:
    case CODE.setns: {
      const flags = event.u32(event.code === CODE.unshare ? 1 : 2);
      if (event.result < 0 || (flags & THREAD_FLAG.newUserNamespace) === 0) return true;
      thread.capInheritable = ALL_CAPABILITIES;
      thread.capPermitted = ALL_CAPABILITIES;
      thread.capEffective = ALL_CAPABILITIES;
      return true;
    }
    case CODE.prctl: {
      const option = event.u32(1);
      if (event.result < 0 || thread.isInvalid || (option !== SET_SUBREAPER && option !== GET_SUBREAPER)) return true;
      if (thread.group !== null) thread.group.isReaper = event.i64(3) !== 0;
      return true;
    }
    default:
      return false;
  }
}
