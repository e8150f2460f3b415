/** How files are opened, duplicated and closed, and where a process stands among them. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { Fd, OPEN_FLAG } from './fds.ts';
import { FD_TYPE } from '../format/lists.ts';
import type { Machine } from './machine.ts';
import { joinPaths } from './paths.ts';
import { directoryOf } from './process-events.ts';
import { THREAD_FLAG, type Thread } from './threads.ts';

const FCNTL = { duplicate: 1, setFlags: 3, duplicateCloseOnExec: 26 } as const;
const CLOSE_RANGE_MARKS = 4;
const ABSENT = '<NA>';

/** Calls that make a file of one kind; where their flags stand. */
const PLAIN: ReadonlyMap<number, readonly [type: number, flags: number]> = new Map([
  [CODE.signalfd, [FD_TYPE.signal, -1]],
  [CODE.signalfd4, [FD_TYPE.signal, 1]],
  [CODE.timerfdCreate, [FD_TYPE.timer, 2]],
  [CODE.inotifyInit, [FD_TYPE.inotify, -1]],
  [CODE.inotifyInit1, [FD_TYPE.inotify, 1]],
  [CODE.bpf, [FD_TYPE.bpf, -1]],
  [CODE.userfaultfd, [FD_TYPE.userfault, -1]],
  [CODE.ioUringSetup, [FD_TYPE.ioUring, -1]],
  [CODE.epollCreate, [FD_TYPE.eventPoll, -1]],
  [CODE.epollCreate1, [FD_TYPE.eventPoll, 1]],
  [CODE.eventfd, [FD_TYPE.event, -1]],
  [CODE.eventfd2, [FD_TYPE.event, 1]],
]);

/** True when the event was one of these. */
export function applyFileEvent(machine: Machine, event: CaptureEvent): boolean {
  switch (event.code) {
    case CODE.open:
    case CODE.openat:
    case CODE.openat2:
    case CODE.creat:
    case CODE.openByHandleAt:
      if (machine.currentThread !== null) open(machine, machine.currentThread, event);
      return true;
    case CODE.close:
      if (event.result >= 0 && machine.currentFd !== null && machine.currentThread !== null) {
        machine.removeFdLater(machine.currentThread.tid, machine.currentThread.lastEventFd);
      }
      return true;
    case CODE.dup:
    case CODE.dup2:
    case CODE.dup3:
      duplicate(machine, event);
      return true;
    case CODE.fcntl:
      control(machine, event);
      return true;
    case CODE.chdir:
      if (event.result >= 0) machine.currentThread?.changeDirectory(event.text(1));
      return true;
    case CODE.fchdir:
      if (event.result >= 0 && machine.currentFd !== null) {
        machine.currentThread?.changeDirectory(machine.currentFd.name);
      }
      return true;
    case CODE.getcwd:
      if (event.result >= 0) machine.currentThread?.changeDirectory(event.text(1));
      return true;
    default:
      return applyRare(machine, event);
  }
}

function applyRare(machine: Machine, event: CaptureEvent): boolean {
  const thread = machine.currentThread;
  const plain = PLAIN.get(event.code);
  if (plain !== undefined) {
    if (thread !== null && event.result >= 0) {
      const fd = new Fd();
      [fd.type] = plain;
      if (plain[1] >= 0) fd.openFlags = event.u32(plain[1]);
      if (event.code === CODE.epollCreate1) fd.openFlags = (fd.openFlags & 1) === 0 ? 0 : OPEN_FLAG.closeOnExec;
      machine.currentFd = thread.addFd(event.result, fd);
    }
    return true;
  }
  switch (event.code) {
    case CODE.pipe:
    case CODE.pipe2:
      if (thread !== null && event.result >= 0) pipe(machine, thread, event);
      return true;
    case CODE.closeRange:
      if (thread !== null && event.result >= 0) closeRange(thread, event);
      return true;
    case CODE.memfdCreate:
      if (thread !== null) {
        const fd = new Fd();
        if (event.result >= 0) {
          fd.type = FD_TYPE.memfd;
          fd.name = event.text(1);
          fd.openFlags = event.u32(2);
        }
        machine.currentFd = thread.addFd(event.result, fd);
      }
      return true;
    case CODE.pidfdOpen:
      if (thread !== null && event.result >= 0) {
        const fd = new Fd();
        fd.type = FD_TYPE.pidfd;
        fd.pid = event.i64(1);
        fd.name = `/proc/${fd.pid}`;
        fd.openFlags = event.u32(2);
        machine.currentFd = thread.addFd(event.result, fd);
      }
      return true;
    case CODE.pidfdGetfd:
      if (thread !== null) takeFd(machine, thread, event);
      return true;
    default:
      return false;
  }
}

/** What was opened, and how: the arguments of before the call win, since memory could change meanwhile. */
function open(machine: Machine, thread: Thread, event: CaptureEvent): void {
  const enter = event.code === CODE.openByHandleAt ? null : (machine.enter?.parameters ?? null);
  const isAt = event.code === CODE.openat || event.code === CODE.openat2;
  const inPlace = isAt ? 2 : event.code === CODE.openByHandleAt ? 3 : 1;
  let name = event.text(inPlace);
  let flags = event.code === CODE.creat ? creatFlags(event) : event.u32(isAt ? 3 : 2);
  let directory = isAt && event.has(1) ? event.i64(1) : null;
  const before = enter === null ? ABSENT : enter.text(isAt ? 1 : 0);
  if (enter !== null && before !== ABSENT) {
    name = before;
    if (event.code !== CODE.creat) flags = enter.u32(isAt ? 2 : 1) | (flags & ~(OPEN_FLAG.created - 1));
    if (isAt) directory = enter.i64(0);
  }
  const base = isAt ? (directory === null ? '' : directoryOf(thread, name, directory)) : thread.cwd;
  if (event.result < 0) return;
  const fd = new Fd();
  fd.type = (flags & OPEN_FLAG.directory) === 0 ? FD_TYPE.file2 : FD_TYPE.directory;
  fd.openFlags = flags;
  const devicePlace =
    event.code === CODE.openat ? 5 : event.code === CODE.openat2 ? 6 : event.code === CODE.creat ? 3 : 4;
  fd.device = event.u32(devicePlace);
  fd.inode = event.u64(devicePlace + 1);
  fd.nameRaw = name;
  fd.name = joinPaths(event.code === CODE.openByHandleAt ? '' : base, name);
  fd.isUpperLayer = (flags & OPEN_FLAG.upperLayer) !== 0;
  fd.isLowerLayer = (flags & OPEN_FLAG.lowerLayer) !== 0;
  machine.currentFd = thread.addFd(event.result, fd);
}

function creatFlags(event: CaptureEvent): number {
  const flags = event.u32(5);
  if ((flags & 1) !== 0) return OPEN_FLAG.upperLayer;
  return (flags & 2) === 0 ? 0 : OPEN_FLAG.lowerLayer;
}

function duplicate(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  const { result } = event;
  if (thread === null || machine.currentFd === null || result < 0) return;
  if (result === 0) thread.flags |= THREAD_FLAG.pipeDestination;
  if (result === 1) thread.flags |= THREAD_FLAG.pipeSource;
  const fd = machine.currentFd.clone();
  fd.clearCloseOnExec();
  if (event.code === CODE.dup3) fd.openFlags |= event.u32(3) & OPEN_FLAG.closeOnExec;
  machine.currentFd = thread.addFd(result, fd);
}

function control(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  const command = event.u32(2);
  if (thread === null || machine.currentFd === null || event.result < 0) return;
  if (command === FCNTL.setFlags) {
    machine.currentFd.clearCloseOnExec();
    if ((event.u32(3) & 1) !== 0) machine.currentFd.openFlags |= OPEN_FLAG.closeOnExec;
  } else if (command === FCNTL.duplicate || command === FCNTL.duplicateCloseOnExec) {
    const fd = machine.currentFd.clone();
    fd.clearCloseOnExec();
    if (command === FCNTL.duplicateCloseOnExec) fd.openFlags |= OPEN_FLAG.closeOnExec;
    machine.currentFd = thread.addFd(event.result, fd);
  }
}

function pipe(machine: Machine, thread: Thread, event: CaptureEvent): void {
  for (const place of [1, 2]) {
    const fd = new Fd();
    fd.type = FD_TYPE.fifo;
    fd.inode = event.u64(3);
    if (event.code === CODE.pipe2) fd.openFlags = event.u32(4);
    machine.currentFd = thread.addFd(event.i64(place), fd);
  }
}

function closeRange(thread: Thread, event: CaptureEvent): void {
  const [first, last] = [event.u32(1), event.u32(2)];
  for (const [number, fd] of thread.fds ?? []) {
    if (number < first || number > last) continue;
    if ((event.u32(3) & CLOSE_RANGE_MARKS) !== 0) fd.openFlags |= OPEN_FLAG.closeOnExec;
    else thread.fds?.delete(number);
  }
}

function takeFd(machine: Machine, thread: Thread, event: CaptureEvent): void {
  const pidfd = thread.fd(event.i64(1));
  const other = pidfd?.type === FD_TYPE.pidfd ? machine.threads.find(pidfd.pid) : null;
  const fd = other?.fd(event.i64(2))?.clone();
  if (fd === undefined) return;
  fd.clearCloseOnExec();
  fd.openFlags |= OPEN_FLAG.closeOnExec;
  machine.currentFd = thread.addFd(event.result, fd);
}
