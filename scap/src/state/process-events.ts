/** How processes change and go: exec, exit, and the calls that change what a process is. How they come: clone-events.ts. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { ControlGroups } from './control-groups.ts';
import type { Machine } from './machine.ts';
import { directoryOf, joinPaths, UNKNOWN_DIRECTORY } from './paths.ts';
import { eventsOf, type StateEvents } from './state-events.ts';
import { TextList } from './text-list.ts';
import { THREAD_FLAG, type Thread } from './threads.ts';

const AT_EMPTY_PATH = 1;
const RLIMIT_FILES = 7;
const SET_SUBREAPER = 36;
const GET_SUBREAPER = 37;
const ALL_CAPABILITIES = (1n << 41n) - 1n;
const EXE_FLAG = { writable: 1, upperLayer: 2, memfd: 4, lowerLayer: 8 } as const;
const ABSENT = '<NA>';

export const PROCESS_EVENTS: StateEvents = eventsOf(
  [[CODE.execve, CODE.execveat], exec],
  [[CODE.procExit], exit],
  [[CODE.schedSwitch], switchProcessor],
  [[CODE.procInfo], tellProcessorTime],
  [[CODE.brk, CODE.mmap, CODE.mmap2, CODE.munmap], changeMemory],
  [[CODE.getrlimit, CODE.setrlimit], limit],
  [[CODE.prlimit], limitOther],
  [[CODE.setuid], (machine, event) => changeUser(machine, event, 1)],
  [[CODE.setresuid, CODE.setreuid], (machine, event) => changeUser(machine, event, 2)],
  [[CODE.setgid], (machine, event) => changeGroup(machine, event, 1)],
  [[CODE.setresgid, CODE.setregid], (machine, event) => changeGroup(machine, event, 2)],
  [[CODE.setsid], startSession],
  [[CODE.chroot], changeRoot],
  [[CODE.capset], setCapabilities],
  [[CODE.unshare, CODE.setns], enterNamespace],
  [[CODE.prctl], control],
);

function exec(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (event.result < 0 || thread === null) return;
  if (thread.isDead) {
    thread.flags &= ~THREAD_FLAG.closed;
    if (thread.group !== null) thread.group.alive += 1;
  }
  thread.exe = event.text(1);
  thread.comm = event.has(13) ? event.text(13) : thread.exe;
  thread.argList = TextList.from(event, 2, thread.argList);
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
  if (event.has(15)) thread.ownEnv = TextList.from(event, 15, thread.ownEnv);
  if (event.has(14)) readControlGroups(thread, event, thread);
  if (event.has(16)) thread.tty = event.u32(16);
  if (event.has(27)) thread.setExepath(event.text(27));
  else {
    const path = executedPath(machine);
    if (path !== null) thread.setExepath(path);
  }
  readExecutable(thread, event);
  const { fds } = thread;
  fds?.each((number, fd) => {
    if (fd.closesOnExec) fds.delete(number);
    return true;
  });
  const kept = THREAD_FLAG.pipeSource | THREAD_FLAG.pipeDestination | THREAD_FLAG.isMain | THREAD_FLAG.inverted;
  thread.flags = (thread.flags & kept) | THREAD_FLAG.active | THREAD_FLAG.nameChanged;
  if (thread.group !== null && thread.group.alive > 1) {
    for (const other of [...thread.group.others]) {
      if (!other.isMain && other !== thread) machine.threads.remove(other.tid);
    }
  }
}

/** Of clone and exec alike. */
export function readMemory(thread: Thread, event: CaptureEvent): void {
  if (!event.has(12)) return;
  thread.faultsMajor = event.i64(8);
  thread.faultsMinor = event.i64(9);
  thread.vmSizeKb = event.u32(10);
  thread.vmRssKb = event.u32(11);
  thread.vmSwapKb = event.u32(12);
}

/** Most likely the thread has those of `like`. */
export function readControlGroups(thread: Thread, event: CaptureEvent, like: Thread): void {
  const source = TextList.from(event, 14, like.groups.source ?? TextList.NONE);
  thread.groups = source === like.groups.source ? like.groups : ControlGroups.from(source, thread.groups);
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
    return path === ABSENT ? path : joinPaths(thread.cwd, path);
  }
  const directory = parameters.i64(0);
  const path = parameters.has(1) ? parameters.text(1) : ABSENT;
  const isEmptyPath = (parameters.u32(2) & AT_EMPTY_PATH) !== 0;
  const base = directoryOf(thread, path, directory);
  if ((!isEmptyPath && path === ABSENT) || base === UNKNOWN_DIRECTORY) return ABSENT;
  return isEmptyPath ? joinPaths('', base) : joinPaths(base, path);
}

function exit(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  if (thread.group !== null && !thread.isDead) thread.group.alive -= 1;
  thread.flags |= THREAD_FLAG.closed;
  machine.removeThreadLater(event.tid);
  if (thread.hasChildren && event.has(4)) thread.reaperTid = event.i64(4);
}

/** What a process has in memory is told of its main thread. */
function switchProcessor(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || !event.has(5)) return;
  thread.faultsMajor = event.i64(1);
  thread.faultsMinor = event.i64(2);
  const { main } = thread;
  if (main === null) return;
  main.vmSizeKb = event.u32(3);
  main.vmRssKb = event.u32(4);
  main.vmSwapKb = event.u32(5);
}

function tellProcessorTime(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  const [user, system] = [event.i64(0), event.i64(1)];
  const before = thread.processorTime ?? { user, system };
  thread.processorTime = { user, system, userGain: user - before.user, systemGain: system - before.system };
}

function changeMemory(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  if (event.has(1)) thread.vmSizeKb = event.u32(1);
  if (!event.has(3)) return;
  thread.vmRssKb = event.u32(2);
  thread.vmSwapKb = event.u32(3);
}

function limit(machine: Machine, event: CaptureEvent): void {
  const main = machine.currentThread?.main ?? null;
  if (main === null || event.result < 0 || event.u32(3) !== RLIMIT_FILES || event.i64(1) === -1) return;
  main.fdLimit = event.i64(1);
}

function limitOther(machine: Machine, event: CaptureEvent): void {
  if (event.result !== 0 || !event.has(6) || event.u32(6) !== RLIMIT_FILES || !event.has(5)) return;
  const files = event.i64(1);
  if (files === -1) return;
  const thread = machine.threads.get(event.i64(5) === 0 ? event.tid : event.i64(5));
  if (thread === null || thread.isInvalid || thread.main === null) return;
  thread.main.fdLimit = files;
}

function changeUser({ currentThread }: Machine, event: CaptureEvent, place: number): void {
  if (currentThread !== null && event.result === 0 && event.has(place)) currentThread.uid = event.u32(place);
}

function changeGroup({ currentThread }: Machine, event: CaptureEvent, place: number): void {
  if (currentThread !== null && event.result === 0 && event.has(place)) currentThread.gid = event.u32(place);
}

function startSession(machine: Machine, event: CaptureEvent): void {
  if (machine.currentThread !== null && event.result >= 0) machine.currentThread.sid = event.result;
}

function changeRoot(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result !== 0) return;
  const path = event.has(1) ? event.text(1) : ABSENT;
  thread.root = path === '' || path === ABSENT || path.startsWith('/') ? path : joinPaths(thread.cwd, path);
}

function setCapabilities(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  thread.capInheritable = event.u64(1);
  thread.capPermitted = event.u64(2);
  thread.capEffective = event.u64(3);
}

function enterNamespace(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  const flags = event.u32(event.code === CODE.unshare ? 1 : 2);
  if ((flags & THREAD_FLAG.newUserNamespace) === 0) return;
  thread.capInheritable = ALL_CAPABILITIES;
  thread.capPermitted = ALL_CAPABILITIES;
  thread.capEffective = ALL_CAPABILITIES;
}

function control(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || thread.isInvalid || event.result < 0) return;
  const option = event.u32(1);
  if (option !== SET_SUBREAPER && option !== GET_SUBREAPER) return;
  if (thread.group !== null) thread.group.isReaper = event.i64(3) !== 0;
}
