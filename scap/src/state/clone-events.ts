/**
 * How a thread begins: the caller's event and the child's own say the same thing, in either order, and one of them may be
 * missing.
 *
 * The surprise: in a namespace only the child's event has the number by which the machine knows it.
 */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import type { Machine } from './machine.ts';
import { readControlGroups, readMemory } from './process-events.ts';
import { eventsOf, type StateEvents } from './state-events.ts';
import { TextList } from './text-list.ts';
import { Thread, THREAD_FLAG } from './threads.ts';

/** A thread that was announced longer ago than this is another one with the same number. */
const STALE_NS = 2_000_000_000n;
/** Flags by which the child's number is one of inside a namespace, or may be. */
const IS_INSIDE = THREAD_FLAG.inPidNamespace | THREAD_FLAG.newPidNamespace | THREAD_FLAG.cloneParent;
const IN_NEW_NAMESPACE = THREAD_FLAG.inPidNamespace | THREAD_FLAG.newPidNamespace;

export const CLONE_EVENTS: StateEvents = eventsOf([[CODE.clone, CODE.clone3, CODE.fork, CODE.vfork], clone]);

function clone(machine: Machine, event: CaptureEvent): void {
  if (event.result === 0) cloneInChild(machine, event);
  else if (event.result > 0) cloneInCaller(machine, event, event.result);
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
  if ((flags & IS_INSIDE) !== 0 || event.tid !== caller.vtid) return;
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
  readClone(child, event, caller);
  if (isValid) inheritExecutable(child, caller);
  else copyNames(caller, child);
  threads.add(child, true);
}

function cloneInChild(machine: Machine, event: CaptureEvent): void {
  const { threads } = machine;
  const before = machine.currentThread;
  if (before !== null && before.cloneNs !== 0n) {
    if (BigInt.asUintN(64, event.timeNs - before.cloneNs) < STALE_NS) return;
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
  readClone(child, event, origin);
  if (isValid) {
    inheritExecutable(child, origin);
    if (isLeader) inheritProcess(child, origin);
  } else if (!isLeader) copyNames(origin, child);
  // Since the boot of the machine: replayed events are not moved to the time of day.
  if (((child.flags & IN_NEW_NAMESPACE) !== 0 || child.tid !== child.vtid) && event.has(20)) {
    child.pidNamespaceStartNs = event.u64(20);
  }
  machine.currentThread = threads.add(child, true);
}

function inheritProcess(child: Thread, parent: Thread): void {
  const { fds } = parent;
  if (fds !== null) child.ownFds.share(fds);
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
  to.argList = from.argList;
}

function readClone(child: Thread, event: CaptureEvent, like: Thread): void {
  child.exe = event.text(1);
  child.comm = event.has(13) ? event.text(13) : child.exe;
  child.argList = TextList.from(event, 2, like.argList);
  child.fdLimit = event.i64(7);
  readMemory(child, event);
  child.uid = event.u32(16);
  child.gid = event.u32(17);
  if (event.has(14)) readControlGroups(child, event, like);
  child.cloneNs = event.timeNs;
  child.inheritFacts(like);
}
