/** How files are opened, duplicated and closed, and where a process stands among them. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { FD_TYPE } from '../format/lists.ts';
import { ABSENT_TEXT } from '../format/parameters.ts';
import { Fd, OPEN_FLAG } from './fds.ts';
import type { Machine } from './machine.ts';
import { directoryOf, joinPaths } from './paths.ts';
import { eventsOf, type StateEvents } from './state-events.ts';
import { THREAD_FLAG } from './threads.ts';

const FCNTL = { duplicate: 1, setFlags: 3, duplicateCloseOnExec: 26 } as const;
const CLOSE_RANGE_MARKS = 4;

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

export const FILE_EVENTS: StateEvents = eventsOf(
  [[CODE.open, CODE.openat, CODE.openat2, CODE.creat, CODE.openByHandleAt], open],
  [[CODE.close], close],
  [[CODE.dup, CODE.dup2, CODE.dup3], duplicate],
  [[CODE.fcntl], control],
  [[CODE.chdir, CODE.getcwd], changeDirectory],
  [[CODE.fchdir], changeToOpenDirectory],
  [[CODE.pipe, CODE.pipe2], pipe],
  [[CODE.closeRange], closeRange],
  [[CODE.memfdCreate], createMemoryFile],
  [[CODE.pidfdOpen], openProcess],
  [[CODE.pidfdGetfd], takeFd],
  [[...PLAIN.keys()], createPlain],
);

/** Where device and inode stand; the inode follows. */
const DEVICE_PLACE: ReadonlyMap<number, number> = new Map([
  [CODE.open, 4],
  [CODE.openat, 5],
  [CODE.openat2, 6],
  [CODE.creat, 3],
  [CODE.openByHandleAt, 4],
]);

/** What was opened, and how: the arguments of before the call win, since memory could change meanwhile. */
function open(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  const { code } = event;
  const enter = code === CODE.openByHandleAt ? null : (machine.enter?.parameters ?? null);
  const isAt = code === CODE.openat || code === CODE.openat2;
  const namePlace = isAt ? 2 : code === CODE.openByHandleAt ? 3 : 1;
  let name = isAt && !event.has(namePlace) ? ABSENT_TEXT : event.text(namePlace);
  let flags = code === CODE.creat ? creatFlags(event) : event.u32(isAt ? 3 : 2);
  let directory = isAt && event.has(1) ? event.i64(1) : null;
  const before = enter === null ? ABSENT_TEXT : enter.text(isAt ? 1 : 0);
  if (enter !== null && before !== ABSENT_TEXT) {
    name = before;
    if (code !== CODE.creat) flags = enter.u32(isAt ? 2 : 1) | (flags & ~(OPEN_FLAG.created - 1));
    if (isAt) directory = enter.i64(0);
  }
  const fd = new Fd();
  fd.type = (flags & OPEN_FLAG.directory) === 0 ? FD_TYPE.file2 : FD_TYPE.directory;
  fd.openFlags = flags;
  const devicePlace = DEVICE_PLACE.get(code) ?? 0;
  if (event.has(devicePlace)) {
    fd.device = event.u32(devicePlace);
    fd.inodeLow = event.u32(devicePlace + 1);
    fd.inodeHigh = event.high(devicePlace + 1);
  }
  fd.nameRaw = name;
  if (isAt) fd.name = joinPaths(directory === null ? '' : directoryOf(thread, name, directory), name);
  else fd.name = joinPaths(code === CODE.openByHandleAt ? '' : thread.cwd, name);
  fd.isUpperLayer = (flags & OPEN_FLAG.upperLayer) !== 0;
  fd.isLowerLayer = (flags & OPEN_FLAG.lowerLayer) !== 0;
  machine.addFd(thread, event.result, fd);
}

function creatFlags(event: CaptureEvent): number {
  const flags = event.u32(5);
  if ((flags & 1) !== 0) return OPEN_FLAG.upperLayer;
  return (flags & 2) === 0 ? 0 : OPEN_FLAG.lowerLayer;
}

function close(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread !== null && machine.currentFd !== null && event.result >= 0) {
    machine.removeFdLater(thread, thread.lastEventFd);
  }
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
  machine.addCopy(thread, result, fd);
}

function control(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || machine.currentFd === null || event.result < 0) return;
  const command = event.u32(2);
  if (command === FCNTL.setFlags) {
    const fd = machine.ownFd();
    if (fd === null) return;
    fd.clearCloseOnExec();
    if ((event.u32(3) & 1) !== 0) fd.openFlags |= OPEN_FLAG.closeOnExec;
  } else if (command === FCNTL.duplicate || command === FCNTL.duplicateCloseOnExec) {
    const fd = machine.currentFd.clone();
    fd.clearCloseOnExec();
    if (command === FCNTL.duplicateCloseOnExec) fd.openFlags |= OPEN_FLAG.closeOnExec;
    machine.addCopy(thread, event.result, fd);
  }
}

function changeDirectory(machine: Machine, event: CaptureEvent): void {
  if (event.result >= 0) machine.currentThread?.changeDirectory(event.text(1));
}

function changeToOpenDirectory(machine: Machine, event: CaptureEvent): void {
  if (event.result >= 0 && machine.currentFd !== null) machine.currentThread?.changeDirectory(machine.currentFd.name);
}

function pipe(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  for (const place of [1, 2]) {
    const fd = new Fd();
    fd.type = FD_TYPE.fifo;
    fd.inodeLow = event.u32(3);
    fd.inodeHigh = event.high(3);
    if (event.code === CODE.pipe2) fd.openFlags = event.u32(4);
    machine.addFd(thread, event.i64(place), fd);
  }
}

function closeRange(machine: Machine, event: CaptureEvent): void {
  const table = machine.currentThread?.fds ?? null;
  if (table === null || event.result < 0) return;
  const [first, last] = [event.u32(1), event.u32(2)];
  const onlyMarks = (event.u32(3) & CLOSE_RANGE_MARKS) !== 0;
  table.each((number) => {
    if (number < first || number > last) return true;
    if (!onlyMarks) table.delete(number);
    else {
      const fd = table.own(number);
      if (fd !== null) fd.openFlags |= OPEN_FLAG.closeOnExec;
    }
    return true;
  });
}

function createPlain(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  const [type, flagsPlace] = PLAIN.get(event.code) ?? [FD_TYPE.unknown, -1];
  const fd = new Fd();
  fd.type = type;
  if (flagsPlace >= 0) fd.openFlags = event.u32(flagsPlace);
  if (event.code === CODE.epollCreate1) fd.openFlags = (fd.openFlags & 1) === 0 ? 0 : OPEN_FLAG.closeOnExec;
  machine.addFd(thread, event.result, fd);
}

/** Also of a failed call a file is kept, of no type, under the error's number. */
function createMemoryFile(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  const fd = new Fd();
  if (event.result >= 0) {
    fd.type = FD_TYPE.memfd;
    fd.name = event.text(1);
    fd.openFlags = event.u32(2);
  }
  machine.addFd(thread, event.result, fd);
}

function openProcess(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  const fd = new Fd();
  fd.type = FD_TYPE.pidfd;
  fd.pid = event.i64(1);
  fd.name = `/proc/${fd.pid}`;
  fd.openFlags = event.u32(2);
  machine.addFd(thread, event.result, fd);
}

function takeFd(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null) return;
  const pidfd = thread.fd(event.i64(1));
  const other = pidfd?.type === FD_TYPE.pidfd ? machine.threads.find(pidfd.pid) : null;
  const fd = other?.fd(event.i64(2))?.clone();
  if (fd === undefined) return;
  fd.clearCloseOnExec();
  fd.openFlags |= OPEN_FLAG.closeOnExec;
  machine.addCopy(thread, event.result, fd);
}
