/** How sockets are made, bound and connected, and what sending and receiving tells about who they talk to. */
import { addressText, connectionName, isMapped, isZero } from './addresses.ts';
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { Fd, OPEN_FLAG, PROTOCOL } from './fds.ts';
import { guessOpenEnd } from './listed-fds.ts';
import { FD_TYPE } from '../format/lists.ts';
import type { Machine } from './machine.ts';
import { isAddressWhole, isTupleWhole, readAddress, readTuple, type Tuple, tupleText } from './socket-addresses.ts';
import type { Thread } from './threads.ts';

const FAMILY = { unix: 1, ipv4: 2, ipv6: 10, netlink: 16 } as const;
const SOCKET = { stream: 1, datagram: 2, raw: 3 } as const;
const IP = { ip: 0, icmp: 1, tcp: 6, udp: 17, raw: 255 } as const;
const IN_PROGRESS = -115;

/** Where the addresses stand in events that receive (negative: nowhere) or send. */
const RECEIVES: ReadonlyMap<number, number> = new Map([
  [CODE.read, -1],
  [CODE.readv, -1],
  [CODE.pread, -1],
  [CODE.preadv, -1],
  [CODE.recv, 4],
  [CODE.recvfrom, 2],
  [CODE.recvmsg, 3],
  [CODE.recvmmsg, 4],
]);
const SENDS: ReadonlyMap<number, number> = new Map([
  [CODE.write, -1],
  [CODE.writev, -1],
  [CODE.pwrite, -1],
  [CODE.pwritev, -1],
  [CODE.send, 4],
  [CODE.sendto, 4],
  [CODE.sendmsg, 4],
  [CODE.sendmmsg, 4],
]);

/** True when the event was one of these. */
export function applySocketEvent(machine: Machine, event: CaptureEvent): boolean {
  const receives = RECEIVES.get(event.code);
  if (receives !== undefined) {
    transfer(machine, event, { place: receives, isIncoming: true });
    return true;
  }
  const sends = SENDS.get(event.code);
  if (sends !== undefined) {
    if (machine.currentFd === null && sends !== -1 && event.code !== CODE.sendmmsg) guessSocket(machine, event);
    transfer(machine, event, { place: sends, isIncoming: false });
    return true;
  }
  const thread = machine.currentThread;
  switch (event.code) {
    case CODE.socket:
      if (thread !== null && event.result >= 0) {
        addSocket(
          machine,
          event.result,
          { family: event.u32(1), type: event.u32(2), protocol: event.u32(3) },
          event.u32(4),
        );
      }
      return true;
    case CODE.bind:
      if (machine.currentFd !== null && event.result >= 0) bind(machine.currentFd, event);
      return true;
    case CODE.connect:
      if (machine.currentFd !== null && thread !== null) connect(machine, machine.currentFd, event);
      return true;
    case CODE.accept:
    case CODE.accept4:
      if (thread !== null && event.result >= 0) accept(machine, thread, event);
      return true;
    case CODE.socketpair:
      if (thread !== null && event.result >= 0) pair(machine, thread, event);
      return true;
    default:
      return false;
  }
}

interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
}

function addSocket(machine: Machine, number: number, kind: SocketKind, flags: number): void {
  const fd = new Fd();
  fd.socket = fd.bytes;
  fd.openFlags = flags;
  if (kind.family === FAMILY.unix) fd.type = FD_TYPE.unix;
  else if (kind.family === FAMILY.ipv4 || kind.family === FAMILY.ipv6) {
    fd.type = kind.family === FAMILY.ipv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
    fd.storedProtocol = protocolOf(kind);
  } else if (kind.family === FAMILY.netlink) fd.type = FD_TYPE.netlink;
  machine.currentFd = machine.currentThread?.addFd(number, fd) ?? null;
}

function protocolOf({ type, protocol }: SocketKind): number {
  const isRaw = type === SOCKET.raw;
  switch (protocol) {
    case IP.tcp:
      return isRaw ? PROTOCOL.raw : PROTOCOL.tcp;
    case IP.udp:
      return isRaw ? PROTOCOL.raw : PROTOCOL.udp;
    case IP.icmp:
      return isRaw ? PROTOCOL.raw : PROTOCOL.icmp;
    case IP.raw:
      return PROTOCOL.raw;
    case IP.ip:
      if ((type & 0xff) === SOCKET.stream) return PROTOCOL.tcp;
      return (type & 0xff) === SOCKET.datagram ? PROTOCOL.udp : PROTOCOL.unknown;
    default:
      return PROTOCOL.unknown;
  }
}

/** Something is sent over a socket that was never seen to be made: most likely UDP. */
function guessSocket(machine: Machine, event: CaptureEvent): void {
  if (machine.currentThread === null || event.result < 0 || !event.has(4)) return;
  const family = event.bytes[event.offset(4)] ?? 0;
  if (family !== FAMILY.ipv4 && family !== FAMILY.ipv6) return;
  addSocket(machine, event.i64(2), { family, type: SOCKET.datagram, protocol: IP.udp }, 0);
}

function bind(fd: Fd, event: CaptureEvent): void {
  if (!isAddressWhole(event, 1)) return;
  const address = readAddress(event, 1);
  if (address.family === FAMILY.ipv4 || address.family === FAMILY.ipv6) {
    if (address.port > 0) {
      const isV4 = address.ip.length === 4 || isMapped(address.ip);
      const protocol = fd.bytes[address.ip.length === 4 ? 12 : 36] ?? 0;
      fd.type = isV4 ? FD_TYPE.ipv4Server : FD_TYPE.ipv6Server;
      (isV4 ? address.ip.subarray(address.ip.length - 4) : address.ip).copy(fd.source);
      fd.setPorts(address.port, 0);
      fd.storedProtocol = protocol;
      fd.isServer = true;
    }
    fd.name = `${addressText(address.ip)}:${address.port}`;
  } else fd.name = address.family === FAMILY.unix ? address.path : `family ${address.family}`;
}

function connect(machine: Machine, fd: Fd, event: CaptureEvent): void {
  const { result } = event;
  if (result < 0 && result !== IN_PROGRESS) return;
  fd.isConnected = true;
  const enter = machine.enter?.parameters ?? null;
  const before = enter !== null && isAddressWhole(enter, 1) ? readAddress(enter, 1) : null;
  if (!event.has(1)) {
    if (before !== null && before.ip.length > 0) {
      const isV4 = before.ip.length === 4 || isMapped(before.ip);
      fd.type = isV4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
      (isV4 ? before.ip.subarray(before.ip.length - 4) : before.ip).copy(fd.destination);
      fd.setPorts(fd.sourcePort, before.port);
    } else if (before !== null) fd.name = tupleText(event, 1);
    return;
  }
  if (!isTupleWhole(event, 1)) return;
  const tuple = readTuple(event, 1);
  const after = isAddressWhole(event, 3) ? readAddress(event, 3) : null;
  if (tuple.family === FAMILY.unix) {
    if (fd.type !== FD_TYPE.unix) return;
    const path = before !== null && after?.path === tuple.path ? before.path : tuple.path;
    setUnix(fd, tuple);
    fd.name = `${tuple.from.toString(16)}->${tuple.to.toString(16)} ${path}`;
  } else if (tuple.source.length > 0) {
    let { destination, destinationPort } = tuple;
    if (before !== null && after?.ip.equals(destination) === true && after.port === destinationPort) {
      [destination, destinationPort] = [before.ip, before.port];
    }
    const changed = setEnds(fd, { ...tuple, destination, destinationPort }, true);
    if (changed && fd.isServer && fd.protocol === PROTOCOL.udp) fd.swapEnds();
    fd.name = connectionName(fd);
  } else return;
  if (!fd.hasRole) fd.isClient = true;
}

function setUnix(fd: Fd, tuple: Tuple): void {
  fd.bytes.writeBigUInt64LE(tuple.from, 0);
  fd.bytes.writeBigUInt64LE(tuple.to, 8);
}

/** Fills in what is open (or, with `overwrite`, also a known destination). False when nothing is new. */
function setEnds(fd: Fd, tuple: Tuple, overwrite: boolean): boolean {
  const isV4 = tuple.source.length === 4 || (isMapped(tuple.source) && isMapped(tuple.destination));
  const wasSame = fd.type === (isV4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6);
  const protocol = fd.storedProtocol;
  if (fd.type === FD_TYPE.ipv4Server && isV4) {
    fd.type = FD_TYPE.ipv4;
    fd.storedProtocol = protocol;
  }
  fd.type = isV4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
  const cut = (ip: Buffer): Buffer => (isV4 ? ip.subarray(ip.length - 4) : ip);
  const [source, destination] = [cut(tuple.source), cut(tuple.destination)];
  const { sourcePort, destinationPort } = tuple;
  const is = (a: Buffer, aPort: number, b: Buffer, bPort: number): boolean =>
    fd.source.equals(a) && fd.sourcePort === aPort && fd.destination.equals(b) && fd.destinationPort === bPort;
  if (wasSame || overwrite) {
    if (is(source, sourcePort, destination, destinationPort)) return false;
    if (is(destination, destinationPort, source, sourcePort)) return false;
  }
  const before = Buffer.from(fd.bytes);
  source.copy(fd.source);
  if (overwrite || isZero(fd.destination)) destination.copy(fd.destination);
  fd.setPorts(sourcePort, overwrite || fd.destinationPort === 0 ? destinationPort : fd.destinationPort);
  return !before.equals(fd.bytes);
}

function accept(machine: Machine, thread: Thread, event: CaptureEvent): void {
  thread.lastEventFd = event.result;
  if (!isTupleWhole(event, 1)) return;
  const tuple = readTuple(event, 1);
  const fd = new Fd();
  if (tuple.family === FAMILY.unix) {
    fd.type = FD_TYPE.unix;
    setUnix(fd, tuple);
  } else if (tuple.source.length > 0) {
    setEnds(fd, tuple, false);
    fd.storedProtocol = PROTOCOL.tcp;
  } else return;
  fd.name = tupleText(event, 1);
  if (event.code === CODE.accept4) fd.openFlags = event.u32(5) & OPEN_FLAG.closeOnExec;
  fd.isServer = true;
  fd.isConnected = true;
  machine.currentFd = thread.addFd(event.result, fd);
}

function pair(machine: Machine, thread: Thread, event: CaptureEvent): void {
  const [first, second] = [event.i64(1), event.i64(2)];
  if (first === second) {
    machine.currentFd = null;
    return;
  }
  const fd = new Fd();
  fd.type = FD_TYPE.unix;
  fd.bytes.writeBigUInt64LE(event.u64(3), 0);
  fd.bytes.writeBigUInt64LE(event.u64(4), 8);
  machine.currentFd = thread.addFd(first, fd);
  thread.addFd(second, fd.clone());
}

interface Transfer {
  readonly place: number;
  readonly isIncoming: boolean;
}

function transfer(machine: Machine, event: CaptureEvent, { place, isIncoming }: Transfer): void {
  const fd = machine.currentFd;
  const thread = machine.currentThread;
  if (fd === null || thread === null || event.result < 0) return;
  if ((event.code === CODE.recvmmsg || event.code === CODE.sendmmsg) && !event.has(0)) return;
  if (fd.isTuple) fd.isConnected = true;
  const isTcp = fd.isTuple && fd.protocol === PROTOCOL.tcp;
  if (place === -1 || (fd.name !== '' && isTcp) || !isTupleWhole(event, place)) return;
  if (!learnEnds(machine, fd, readTuple(event, place))) return;
  if (!fd.isTuple) {
    fd.name = tupleText(event, place);
    return;
  }
  if (!fd.hasRole) guessRole(fd, thread, isIncoming);
  if (isIncoming ? fd.isClient : fd.isServer) fd.swapEnds();
  fd.name = connectionName(fd);
}

/** False when the tuple says nothing new. */
function learnEnds(machine: Machine, fd: Fd, tuple: Tuple): boolean {
  if (tuple.family === FAMILY.unix) {
    fd.type = FD_TYPE.unix;
    setUnix(fd, tuple);
    return true;
  }
  if (tuple.source.length > 0) {
    const isPlainV6 = tuple.source.length === 16 && !(isMapped(tuple.source) && isMapped(tuple.destination));
    // A plain IPv6 tuple does not change what the socket is.
    if (isPlainV6 && fd.type !== FD_TYPE.ipv6) return false;
    if (!setEnds(fd, tuple, false)) return false;
  }
  if (fd.isTuple && fd.storedProtocol === PROTOCOL.unknown) fd.storedProtocol = PROTOCOL.udp;
  guessOpenEnd(fd, machine.interfaces);
  return true;
}

/** Who serves: the one that listens on the port. */
function guessRole(fd: Fd, thread: Thread, isIncoming: boolean): void {
  const fds = [...(thread.fds?.values() ?? [])];
  const sourcePort = fd.bytes.readUInt16LE(8);
  const destinationPort = fd.bytes.readUInt16LE(10);
  const isBound = fds.some(
    (one) =>
      (one.type === FD_TYPE.ipv4 && one.destinationPort === destinationPort) ||
      (one.type === FD_TYPE.ipv4Server && one.sourcePort === destinationPort),
  );
  if (!isBound) fd.isClient = true;
  else if (!fds.some((one) => one.type === FD_TYPE.ipv4 && one.sourcePort === sourcePort)) fd.isServer = true;
  else if (isIncoming) fd.isServer = true;
  else fd.isClient = true;
}
