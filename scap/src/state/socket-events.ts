/** How sockets are made, bound and connected, and what sending and receiving tells about who they talk to. */
import type { CaptureEvent } from '../format/capture-event.ts';
import { CODE } from '../format/event-codes.ts';
import { FD_TYPE } from '../format/lists.ts';
import { Fd, OPEN_FLAG } from './fds.ts';
import { guessOpenEnd } from './interfaces.ts';
import type { Machine } from './machine.ts';
import {
  addressParameterText,
  FAMILY,
  readAddress,
  type SocketAddress,
  SocketTuple,
  tupleText,
} from './socket-addresses.ts';
import { type Address, isMapped, isSameAddress, portsOf, PROTOCOL, swapPorts, unmapped } from './socket-ends.ts';
import { eventsOf, type StateEvents } from './state-events.ts';
import type { Thread } from './threads.ts';

const SOCKET = { stream: 1, datagram: 2, raw: 3 } as const;
const IP = { ip: 0, icmp: 1, tcp: 6, udp: 17, raw: 255 } as const;
const IN_PROGRESS = -115;
/** Filled again for every event. */
const TUPLE = new SocketTuple();
/** Where the addresses stand in events that send. */
const SENT_TUPLE = 4;

const UNTOLD = [
  ...[CODE.read, CODE.readv, CODE.pread, CODE.preadv],
  ...[CODE.write, CODE.writev, CODE.pwrite, CODE.pwritev],
];
const RECEIVING = [CODE.recvfrom, CODE.recvmsg];
const SENDING = [CODE.send, CODE.sendto, CODE.sendmsg];

export const SOCKET_EVENTS: StateEvents = eventsOf(
  [[CODE.socket], createSocket],
  [[CODE.bind], bind],
  [[CODE.connect], connect],
  [[CODE.accept, CODE.accept4], accept],
  [[CODE.socketpair], pair],
  [UNTOLD, transferUntold],
  [[CODE.recvfrom], (machine, event) => receive(machine, event, 2)],
  [[CODE.recvmsg], (machine, event) => receive(machine, event, 3)],
  [[CODE.recv, CODE.recvmmsg], (machine, event) => receive(machine, event, 4)],
  [[CODE.send, CODE.sendto, CODE.sendmsg, CODE.sendmmsg], send],
);

/** Types whose event cannot change a file that is settled. */
export const SETTLING: ReadonlySet<number> = new Set([...UNTOLD, ...RECEIVING, ...SENDING]);
const TELLS_ENDS: ReadonlySet<number> = new Set([...RECEIVING, ...SENDING]);

/** Whether an event of the type, which is one of `SETTLING`, would leave the file as it is whatever it says. */
export function isSettled(fd: Fd, code: number): boolean {
  if (fd.isTuple && !fd.isConnected) return false;
  return !TELLS_ENDS.has(code) || isNamedTcp(fd);
}

function isNamedTcp(fd: Fd): boolean {
  return fd.type === FD_TYPE.ipv4 && fd.storedProtocol === PROTOCOL.tcp && fd.naming !== '';
}

interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
}

function createSocket(machine: Machine, event: CaptureEvent): void {
  if (machine.currentThread === null || event.result < 0) return;
  const kind = { family: event.u32(1), type: event.u32(2), protocol: event.u32(3) };
  addSocket(machine, machine.currentThread, event.result, { kind, flags: event.u32(4) });
}

interface NewSocket {
  readonly kind: SocketKind;
  readonly flags: number;
}

function addSocket(machine: Machine, thread: Thread, number: number, { kind, flags }: NewSocket): void {
  const fd = new Fd();
  fd.openFlags = flags;
  if (kind.family === FAMILY.unix) fd.type = FD_TYPE.unix;
  else if (kind.family === FAMILY.ipv4 || kind.family === FAMILY.ipv6) {
    fd.type = kind.family === FAMILY.ipv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
    fd.storedProtocol = protocolOf(kind);
  } else if (kind.family === FAMILY.netlink) fd.type = FD_TYPE.netlink;
  machine.addFd(thread, number, fd);
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

function bind(machine: Machine, event: CaptureEvent): void {
  const told = machine.currentFd === null || event.result < 0 ? null : readAddress(event, 1);
  const fd = told === null ? null : machine.ownFd();
  if (told === null || fd === null) return;
  if (told.family === 'ip' && told.port > 0) {
    const { address, port } = told;
    const isV4 = address.family === 4 || isMapped(address.words);
    const protocol = fd.ends.protocol(address.family === 4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6);
    fd.type = isV4 ? FD_TYPE.ipv4Server : FD_TYPE.ipv6Server;
    fd.ends.setServer(fd.type, address.family === 6 && isV4 ? unmapped(address) : address, port);
    fd.storedProtocol = protocol;
    fd.isServer = true;
  }
  fd.name = addressParameterText(event, 1);
}

function connect(machine: Machine, event: CaptureEvent): void {
  const { result } = event;
  if (machine.currentFd === null || machine.currentThread === null) return;
  if (result < 0 && result !== IN_PROGRESS) return;
  const fd = machine.ownFd();
  if (fd === null) return;
  fd.isConnected = true;
  const enter = machine.enter?.parameters ?? null;
  const before = enter === null ? null : readAddress(enter, 1);
  if (!event.has(1)) {
    // A connection that is opened with its first data has no addresses yet.
    if (before?.family === 'ip') setDestination(fd, before.address, before.port);
    else if (before !== null) fd.name = tupleText(event, 1);
    return;
  }
  if (!TUPLE.read(event, 1)) return;
  if (before !== null) trustDestination(TUPLE, before, readAddress(event, 3));
  if (TUPLE.kind === 'unix' || TUPLE.kind === 'other') {
    if (fd.type !== FD_TYPE.unix || TUPLE.kind !== 'unix') return;
    fd.ends.setUnix(TUPLE);
    fd.nameByEnds('unix', TUPLE.path);
  } else connectInternet(fd, TUPLE);
  if (!fd.hasRole) fd.isClient = true;
}

/** What stood in the call's argument before it ran cannot have been changed meanwhile; what the kernel itself tells, neither. */
function trustDestination(tuple: SocketTuple, before: SocketAddress, after: SocketAddress | null): void {
  if (before.family === 'unix' && tuple.kind === 'unix') {
    if (after?.family === 'unix' && after.path === tuple.path) tuple.path = before.path;
    return;
  }
  if (before.family !== 'ip' || after?.family !== 'ip' || (tuple.kind !== 'ipv4' && tuple.kind !== 'ipv6')) return;
  const type = tuple.kind === 'ipv4' ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
  if (!isSameAddress(after.address, tuple.destination(type)) || after.port !== tuple.destinationPort(type)) return;
  if (before.address.family !== after.address.family) return;
  const ports = portsOf(tuple.sourcePort(type), before.port);
  if (type === FD_TYPE.ipv4) tuple.setIpv4(tuple.w0, before.address.words[0], ports);
  else tuple.setIpv6(tuple.source(type).words, before.address.words, ports);
}

function connectInternet(fd: Fd, tuple: SocketTuple): void {
  fd.type = tuple.isIpv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
  const hasChanged = tuple.isIpv4 ? setIpv4Ends(fd, tuple) : setIpv6Ends(fd, tuple);
  const isUdp = fd.type === FD_TYPE.ipv4 && fd.storedProtocol === PROTOCOL.udp;
  if (hasChanged && fd.isServer && isUdp) fd.ends.swap(fd.type);
  fd.nameByEnds('connection');
}

function setDestination(fd: Fd, address: Address, port: number): void {
  const { ends } = fd;
  if (address.family === 4 || isMapped(address.words)) {
    fd.type = FD_TYPE.ipv4;
    ends.w1 = (address.family === 4 ? address : unmapped(address)).words[0];
    ends.w2 = (ends.w2 & 0xffff) | (port << 16);
  } else {
    fd.type = FD_TYPE.ipv6;
    ends.setIpv6Destination(address.words);
    ends.w8 = (ends.w8 & 0xffff) | (port << 16);
  }
}

/** False when nothing is new. A socket that is IPv4 already also knows itself from the other side. */
function setIpv4Ends(fd: Fd, { w0, w1, w2 }: SocketTuple): boolean {
  const { ends } = fd;
  if (ends.w0 === w0 && ends.w1 === w1 && ends.w2 === w2) return false;
  if (fd.type === FD_TYPE.ipv4 && ends.w0 === w1 && ends.w1 === w0 && ends.w2 === swapPorts(w2)) return false;
  ends.setIpv4(w0, w1, w2);
  return true;
}

/** Written over what is there also when the socket has another type. */
function setIpv6Ends(fd: Fd, tuple: SocketTuple): boolean {
  const { ends } = fd;
  if (ends.isSameIpv6(tuple)) return false;
  if (fd.type === FD_TYPE.ipv6 && ends.isTurnedIpv6(tuple)) return false;
  ends.copyIpv6(tuple);
  return true;
}

function accept(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  thread.lastEventFd = event.result;
  if (!TUPLE.read(event, 1) || TUPLE.kind === 'other') return;
  const fd = new Fd();
  if (TUPLE.kind === 'unix') {
    fd.type = FD_TYPE.unix;
    fd.ends.setUnix(TUPLE);
    fd.nameByEnds('unix', TUPLE.path);
  } else {
    if (TUPLE.isIpv4) setIpv4Ends(fd, TUPLE);
    else setIpv6Ends(fd, TUPLE);
    fd.type = TUPLE.isIpv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6;
    fd.storedProtocol = PROTOCOL.tcp;
    fd.nameByEnds('ends');
  }
  if (event.code === CODE.accept4) fd.openFlags = event.u32(5) & OPEN_FLAG.closeOnExec;
  fd.isServer = true;
  fd.isConnected = true;
  machine.addFd(thread, event.result, fd);
}

function pair(machine: Machine, event: CaptureEvent): void {
  const thread = machine.currentThread;
  if (thread === null || event.result < 0) return;
  const [first, second] = [event.i64(1), event.i64(2)];
  if (first === second) {
    machine.currentFd = null;
    return;
  }
  const fd = new Fd();
  fd.type = FD_TYPE.unix;
  fd.ends.setUnixNumbers(event.u64(3), event.u64(4));
  machine.addFd(thread, first, fd);
  thread.addFd(second, fd.clone());
}

/** Reading and writing tell nothing about the other end but that there is one. */
function transferUntold(machine: Machine, event: CaptureEvent): void {
  const fd = machine.currentFd;
  if (fd !== null && fd.isTuple && !fd.isConnected && event.result >= 0) connectUntold(machine);
}

function connectUntold(machine: Machine): Fd | null {
  const fd = machine.ownFd();
  if (fd !== null) fd.isConnected = true;
  return fd;
}

function receive(machine: Machine, event: CaptureEvent, place: number): void {
  if (event.code === CODE.recvmmsg && !event.has(0)) return;
  transfer(machine, event, { place, isIncoming: true });
}

function send(machine: Machine, event: CaptureEvent): void {
  const isMany = event.code === CODE.sendmmsg;
  if (isMany && !event.has(0)) return;
  if (!isMany && machine.currentFd === null) guessSocket(machine, event);
  transfer(machine, event, { place: SENT_TUPLE, isIncoming: false });
}

/** Something is sent over a socket that was never seen to be made: most likely UDP. */
function guessSocket(machine: Machine, event: CaptureEvent): void {
  if (machine.currentThread === null || event.result < 0 || !event.has(SENT_TUPLE)) return;
  const family = event.view.getUint8(event.offset(SENT_TUPLE));
  if (family !== FAMILY.ipv4 && family !== FAMILY.ipv6) return;
  const kind = { family, type: SOCKET.datagram, protocol: IP.udp };
  addSocket(machine, machine.currentThread, event.i64(2), { kind, flags: 0 });
}

interface Transfer {
  readonly place: number;
  readonly isIncoming: boolean;
}

function transfer(machine: Machine, event: CaptureEvent, { place, isIncoming }: Transfer): void {
  const known = machine.currentFd;
  const thread = machine.currentThread;
  if (known === null || thread === null || event.result < 0) return;
  if (known.isTuple && !known.isConnected) connectUntold(machine);
  if (isNamedTcp(known) || !TUPLE.read(event, place)) return;
  const fd = machine.ownFd();
  if (fd === null || !learnEnds(machine, fd, TUPLE)) return;
  if (!fd.isTuple) {
    if (TUPLE.kind === 'unix') fd.nameByEnds('unix', TUPLE.path);
    else if (TUPLE.kind === 'other') fd.name = tupleText(event, place);
    else fd.nameByOther(TUPLE, TUPLE.isIpv4 ? FD_TYPE.ipv4 : FD_TYPE.ipv6);
    return;
  }
  if (!fd.hasRole) guessRole(fd, thread, isIncoming);
  if (isIncoming ? fd.isClient : fd.isServer) fd.ends.swap(fd.type);
  fd.nameByEnds('connection');
}

/** False when the tuple says nothing new. */
function learnEnds(machine: Machine, fd: Fd, tuple: SocketTuple): boolean {
  switch (tuple.kind) {
    case 'unix':
      fd.type = FD_TYPE.unix;
      fd.ends.setUnix(tuple);
      return true;
    case 'ipv6':
      // Does not change what the socket is.
      if (!setIpv6Ends(fd, tuple)) return false;
      break;
    case 'ipv4':
    case 'mapped': {
      const protocol = fd.storedProtocol;
      const wasServer = fd.type === FD_TYPE.ipv4Server && tuple.kind === 'ipv4';
      fd.type = FD_TYPE.ipv4;
      if (wasServer) fd.storedProtocol = protocol;
      if (!setIpv4Ends(fd, tuple)) return false;
      break;
    }
    case 'other':
      break;
  }
  if (fd.isTuple && fd.storedProtocol === PROTOCOL.unknown) fd.storedProtocol = PROTOCOL.udp;
  guessOpenEnd(fd, machine.interfaces);
  return true;
}

/** Who serves: the one that listens on the port. */
function guessRole(fd: Fd, thread: Thread, isIncoming: boolean): void {
  const sourcePort = fd.ends.sourcePort(FD_TYPE.ipv4);
  const destinationPort = fd.ends.destinationPort(FD_TYPE.ipv4);
  let isBound = false;
  let isUsed = false;
  thread.fds?.each((_, other) => {
    if (other.type === FD_TYPE.ipv4) {
      if (other.destinationPort === destinationPort) isBound = true;
      if (other.sourcePort === sourcePort) isUsed = true;
    } else if (other.type === FD_TYPE.ipv4Server && other.sourcePort === destinationPort) isBound = true;
    return !(isBound && isUsed);
  });
  if (!isBound) fd.isClient = true;
  else if (!isUsed) fd.isServer = true;
  else if (isIncoming) fd.isServer = true;
  else fd.isClient = true;
}
