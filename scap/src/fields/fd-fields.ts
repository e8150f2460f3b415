/** Fields of the file or socket that an event is about: `fd.*`. */
import { addressText } from '../state/addresses.ts';
import { CODE } from '../format/event-codes.ts';
import { EVENT_FLAG, type EventInfo } from '../format/event-table.ts';
import { type Fd, typeLetter, typeName } from '../state/fds.ts';
import type { FieldReader, FieldResult, SyscallField } from './fields.ts';
import { FD_TYPE } from '../format/lists.ts';
import type { Machine } from '../state/machine.ts';
import { parameterText, shownText } from './parameter-text.ts';
import { directoryOf, joinPaths } from '../state/paths.ts';
import { type Address, PROTOCOL } from '../state/socket-ends.ts';
import type { Thread } from '../state/threads.ts';

const TOUCHES_FD = EVENT_FLAG.createsFd | EVENT_FLAG.usesFd | EVENT_FLAG.destroysFd;
const SOCKET_MAKERS: readonly number[] = [CODE.socket, CODE.accept, CODE.accept4];
const FILE_MAKERS: readonly number[] = [CODE.openat, CODE.openat2, CODE.creat];

/** Whether events of the type make, use or close a file. */
export function isAboutFd({ flags }: EventInfo): boolean {
  return (flags & TOUCHES_FD) !== 0;
}

function hasFd({ current, currentThread }: Machine): boolean {
  return isAboutFd(current.info) && currentThread !== null;
}

function fdOf(machine: Machine): Fd | null {
  if (!hasFd(machine)) return null;
  const { currentFd, currentThread } = machine;
  return currentFd ?? currentThread?.fd(currentThread.lastEventFd) ?? null;
}

const known =
  (read: (fd: Fd, machine: Machine) => FieldResult): FieldReader =>
  (machine) => {
    const fd = fdOf(machine);
    return fd === null ? null : read(fd, machine);
  };

/** Of a socket whose roles are known. */
const inRole = (read: (fd: Fd, machine: Machine) => FieldResult): FieldReader =>
  known((fd, machine) => (fd.hasRole && fd.isInet ? read(fd, machine) : null));

const client = (read: (fd: Fd) => FieldResult): FieldReader => inRole((fd) => (fd.isTuple ? read(fd) : null));

/** The near (or far) end of a connection: near is the one with an address of this machine. */
const near = (isNear: boolean, read: (fd: Fd, isSource: boolean) => FieldResult): FieldReader =>
  inRole((fd, machine) => (fd.isTuple ? read(fd, isLocal(machine, fd.source) === isNear) : null));
const nearAddress = (isNear: boolean): FieldReader =>
  near(isNear, (fd, isSource) => addressText(isSource ? fd.source : fd.destination));
const nearPort = (isNear: boolean): FieldReader =>
  near(isNear, (fd, isSource) => (isSource ? fd.sourcePort : fd.destinationPort));

const clientAddress = client((fd) => addressText(fd.source));
const serverAddress = inRole((fd) => addressText(fd.destination));
const serverPort = known((fd) => (fd.isInet && (fd.hasRole || !fd.isTuple) ? fd.destinationPort : null));
/** As a text; empty of what has a role but no such port. */
const clientProtocol = known((fd) => (fd.hasRole ? (fd.isTuple ? String(fd.sourcePort) : '') : null));
const serverProtocol = known((fd) => {
  if (!fd.isInet || (fd.isTuple && !fd.hasRole)) return null;
  return fd.isTuple ? String(fd.destinationPort) : '';
});
const asText =
  (read: FieldReader): FieldReader =>
  (machine, argument) => {
    const value = read(machine, argument);
    return value === null ? null : String(value);
  };
/** Compared as an address, printed as nothing more than that there is one. */
const net = (read: FieldReader): SyscallField => ({
  read,
  print: (machine, argument) => (read(machine, argument) === null ? null : '<IPNET>'),
});
/** Names are not looked up: nothing equals one, and nothing is printed. */
const unresolved = (read: FieldReader): SyscallField => ({
  read: (machine, argument) => (read(machine, argument) === null ? null : ''),
  print: () => null,
});
const both = (read: (fd: Fd) => readonly (string | number)[]): SyscallField => ({
  read: known((fd) => (fd.isInet ? read(fd) : null)),
  print: () => null,
  oneMatches: 'in',
});
const addresses = both((fd) => [addressText(fd.source), addressText(fd.destination)]);
const ports = both((fd) => [fd.sourcePort, fd.destinationPort]);
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [PROTOCOL.tcp]: 'tcp',
  [PROTOCOL.udp]: 'udp',
  [PROTOCOL.icmp]: 'icmp',
  [PROTOCOL.raw]: 'raw',
};

export const FD_FIELDS: Readonly<Record<string, FieldReader | SyscallField>> = {
  'fd.num': (machine) => (hasFd(machine) ? (machine.currentThread?.lastEventFd ?? null) : null),
  'fd.type': known(typeName),
  'fd.typechar': (machine) => {
    if (!hasFd(machine)) return null;
    const fd = fdOf(machine);
    return fd === null ? letterOfEvent(machine) : typeLetter(fd);
  },
  'fd.types': (machine, argument) => {
    const thread = machine.currentThread;
    if (!hasFd(machine) || thread === null) return null;
    if (argument === null) return typesOf(thread);
    const fd = thread.fd(Number(argument));
    return fd === null ? null : typeName(fd);
  },
  'fd.name': nameOf,
  'fd.nameraw': (machine) => {
    const fd = fdOf(machine);
    const raw = fd === null ? (hasFd(machine) ? nameFromEvent(machine, true) : null) : fd.nameRaw;
    return raw === null ? null : raw.replace(/\/{2,}/g, '/');
  },
  'fd.directory': directoryName,
  'fd.filename': known((fd) => {
    if (!fd.isFile) return null;
    const slash = fd.name.lastIndexOf('/');
    if (slash === -1) return '/';
    return slash < fd.name.length - 1 ? fd.name.slice(slash + 1) : fd.name;
  }),
  'fd.containername': (machine) => {
    const name = nameOf(machine, null);
    return name === null ? null : `${machine.currentThread?.containerId ?? ''}:${String(name)}`;
  },
  'fd.containerdirectory': (machine) => {
    const name = directoryName(machine, null);
    return name === null ? null : `${machine.currentThread?.containerId ?? ''}:${String(name)}`;
  },
  'fd.ip': addresses,
  'fd.net': addresses,
  'fd.port': ports,
  'fd.proto': ports,
  'fd.cip': clientAddress,
  'fd.cnet': net(clientAddress),
  'fd.sip': serverAddress,
  'fd.snet': net(serverAddress),
  'fd.lip': nearAddress(true),
  'fd.lnet': net(nearAddress(true)),
  'fd.rip': nearAddress(false),
  'fd.rnet': net(nearAddress(false)),
  'fd.cip.name': unresolved(clientAddress),
  'fd.sip.name': unresolved(inRole((fd) => (fd.isTuple ? '' : null))),
  'fd.lip.name': unresolved(nearAddress(true)),
  'fd.rip.name': unresolved(nearAddress(false)),
  'fd.cport': client((fd) => fd.sourcePort),
  'fd.sport': serverPort,
  'fd.lport': nearPort(true),
  'fd.rport': nearPort(false),
  'fd.cproto': clientProtocol,
  'fd.sproto': serverProtocol,
  'fd.lproto': asText(nearPort(true)),
  'fd.rproto': asText(nearPort(false)),
  'fd.l4proto': known((fd) => PROTOCOL_NAMES[fd.protocol] ?? '<NA>'),
  'fd.sockfamily': known((fd) => (fd.isInet ? 'ip' : fd.type === FD_TYPE.unix ? 'unix' : null)),
  'fd.is_server': known((fd, machine) => {
    if (fd.type === FD_TYPE.ipv4Server || fd.type === FD_TYPE.ipv6Server) return true;
    return fd.isTuple && isLocal(machine, fd.destination);
  }),
  'fd.uid': (machine) => (hasFd(machine) ? `${machine.currentThread?.tid}${machine.currentThread?.lastEventFd}` : null),
  'fd.connected': known((fd) => fd.isConnected),
  'fd.name_changed': known((_, machine) => machine.fdNameChanged),
  'fd.dev': {
    read: known((fd) => fd.device),
    print: known((fd) => fd.device.toString(16).toUpperCase()),
  },
  'fd.dev.major': known((fd) => (fd.device & 0xfff00) >> 8),
  'fd.dev.minor': known((fd) => (fd.device & 0xff) | ((fd.device >>> 12) & 0xfff00)),
  'fd.ino': known((fd) => fd.inode),
  'fd.is_upper_layer': known((fd) => fd.isUpperLayer),
  'fd.is_lower_layer': known((fd) => fd.isLowerLayer),
};

/** Every type once. */
function typesOf(thread: Thread): readonly string[] | null {
  const types = new Set<string>();
  thread.fds?.each((_, fd) => {
    types.add(typeName(fd));
    return true;
  });
  return types.size === 0 ? null : [...types];
}

/** An address of this machine, or of the container: what a container has is only known from its runtime. */
function isLocal(machine: Machine, address: Address): boolean {
  const id = machine.currentThread?.containerId ?? '';
  if (id === '') return machine.interfaces.isOwn(address);
  if (address.family === 6) return false;
  const text = addressText(address);
  const ip = machine.containers.get(id)?.ip ?? '';
  if (ip === '') return [...machine.containers.values()].some((container) => container.ip === text);
  return ip === text || machine.interfaces.isOwn(address);
}

function nameOf(machine: Machine, _argument: string | null): FieldResult {
  if (!hasFd(machine)) return null;
  const fd = fdOf(machine);
  return fd === null ? nameFromEvent(machine, false) : fd.name;
}

function directoryName(machine: Machine, _argument: string | null): FieldResult {
  if (!hasFd(machine)) return null;
  const fd = fdOf(machine);
  if (fd !== null && !fd.isFile) return fd.type === FD_TYPE.directory ? fd.name : null;
  const name = fd === null ? nameFromEvent(machine, false) : fd.name;
  if (name === null) return null;
  const slash = name.lastIndexOf('/');
  if (slash <= 0) return '/';
  return slash < name.length - 1 ? name.slice(0, slash) : name;
}

/** The call failed, so that there is no file: what it was asked for. */
function nameFromEvent(machine: Machine, isRaw: boolean): string | null {
  const { current, currentThread } = machine;
  if (!current.info.isExit || currentThread === null) return null;
  switch (current.code) {
    case CODE.open:
    case CODE.accept:
    case CODE.accept4:
    case CODE.creat:
    case CODE.connect: {
      const text = parameterText(machine, 1);
      return text === null ? null : shownText(text);
    }
    case CODE.openat:
    case CODE.openat2: {
      if (!current.has(2)) return null;
      const name = current.text(2);
      if (isRaw) return name;
      return current.has(1) ? joinPaths(directoryOf(currentThread, name, current.i64(1)), name) : null;
    }
    case CODE.openByHandleAt:
      return current.text(3);
    default:
      return '';
  }
}

function letterOfEvent({ current }: Machine): string {
  const code = current.code | 1;
  if (FILE_MAKERS.includes(code)) return 'f';
  if (SOCKET_MAKERS.includes(code)) return '4';
  if (code === CODE.pipe || code === CODE.pipe2) return 'p';
  if (code === CODE.eventfd || code === CODE.eventfd2) return 'e';
  if (code === CODE.signalfd || code === CODE.signalfd4) return 's';
  if (code === CODE.timerfdCreate) return 't';
  return code === CODE.inotifyInit || code === CODE.inotifyInit1 ? 'i' : 'o';
}
