/**
 * The state of a machine → the beginning of a capture. With the events that follow it is a capture by itself: this is how one
 * is cut out of a stream.
 *
 * The format says less than the state. What it has no place for is lost: when processes began, which end of a connection began
 * it (unless somebody still listens on its port), what a call said that has not returned yet.
 */
import { STATE_ONLY } from '../format/capture-event.ts';
import { CaptureWriter } from '../format/capture-writer.ts';
import { CODE } from '../format/event-codes.ts';
import { emptyFd, FD_TYPE, type ListedFd, type ListedThread } from '../format/lists.ts';
import type { Fd } from './fds.ts';
import type { Machine } from './machine.ts';
import { bytesOf } from './socket-ends.ts';
import type { Thread } from './threads.ts';

const NO_THREAD = -1n;
const NO_PLUGIN = Buffer.alloc(4);

/** Section header, lists and containers of the machine as it is: before the next event of its stream. */
export function writeState(machine: Machine): Buffer {
  const pieces: Buffer[] = [];
  const writer = new CaptureWriter((bytes) => pieces.push(bytes));
  tellState(machine, writer);
  writer.end();
  return Buffer.concat(pieces);
}

function tellState(machine: Machine, writer: CaptureWriter): void {
  writer.section(machine.littleEndian);
  writer.machine(machine.info);
  for (const one of machine.interfaces.listed) writer.interface(one);
  for (const [uid, user] of machine.users) writer.account({ type: 'user', uid, ...user });
  for (const [gid, name] of machine.groups) writer.account({ type: 'group', gid, name });
  const living = [...machine.threads.threads.values()].filter(({ tid }) => !machine.hasEnded(tid));
  for (const thread of living) writer.thread(listedThread(thread));
  const heard = listeningPorts(living);
  for (const thread of living) {
    thread.ownFds.each((number, fd) => {
      if (!machine.hasClosed(thread.ownFds, number)) writer.fd(thread.tid, listedFd(number, fd, heard));
      return true;
    });
  }
  for (const { json } of machine.containers.values()) {
    if (json === '') continue;
    writer.tell({
      code: CODE.async,
      timeNs: machine.lastNs,
      tid: NO_THREAD,
      flags: STATE_ONLY,
      parameters: [NO_PLUGIN, Buffer.from('container\0'), Buffer.from(`${json}\0`)],
    });
  }
}

function listeningPorts(threads: readonly Thread[]): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const { ownFds } of threads) {
    ownFds.each((_, fd) => {
      if (fd.type === FD_TYPE.ipv4Server || fd.type === FD_TYPE.ipv6Server) ports.add(fd.sourcePort);
      return true;
    });
  }
  return ports;
}

function listedThread(thread: Thread): ListedThread {
  const { tid, pid, ptid, sid, vpgid, pgid, comm, exe, exepath, root, fdLimit, flags, uid, gid, loginUid, tty } =
    thread;
  const { vmSizeKb, vmRssKb, vmSwapKb, faultsMajor, faultsMinor, vtid, vpid, pidNamespaceStartNs } = thread;
  const { exeWritable, exeUpperLayer, exeLowerLayer, exeFromMemfd, exeInode, exeChangedNs, exeModifiedNs } = thread;
  const { capInheritable, capPermitted, capEffective } = thread;
  return {
    ...{ tid, pid, ptid, sid, vpgid, pgid, comm, exe, exepath, root, fdLimit, flags, uid, gid, loginUid, tty },
    ...{ vmSizeKb, vmRssKb, vmSwapKb, faultsMajor, faultsMinor, vtid, vpid, pidNamespaceStartNs },
    ...{ exeWritable, exeUpperLayer, exeLowerLayer, exeFromMemfd, exeInode, exeChangedNs, exeModifiedNs },
    ...{ capInheritable, capPermitted, capEffective },
    args: thread.args,
    env: thread.ownEnv.texts,
    cwd: thread.ownCwd,
    cgroups: thread.groups.source?.texts ?? [],
  };
}

function listedFd(number: number, fd: Fd, heard: ReadonlySet<number>): ListedFd {
  const { type, inode, name, openFlags, device } = fd;
  const listed = { ...emptyFd(), fd: number, inode, type };
  if (fd.isInet) return { ...listed, address: addressOf(fd, heard) };
  if (type !== FD_TYPE.unix) return { ...listed, name, openFlags, device };
  return { ...listed, name, unixSource: fd.ends.unixSource, unixDestination: fd.ends.unixDestination };
}

/** The reader puts the caller's end first where somebody listens on the other: it wants the near end first. */
function addressOf(fd: Fd, heard: ReadonlySet<number>): ListedFd['address'] {
  const isTurned = fd.type === FD_TYPE.ipv4 && fd.isServer && heard.has(fd.destinationPort);
  const [near, far] = [
    { address: bytesOf(fd.source), port: fd.sourcePort },
    { address: bytesOf(fd.destination), port: fd.destinationPort },
  ];
  const [first, second] = isTurned ? [far, near] : [near, far];
  return {
    source: first.address,
    destination: second.address,
    sourcePort: first.port,
    destinationPort: second.port,
    protocol: fd.storedProtocol,
  };
}
