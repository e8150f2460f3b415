/**
 * One open file of a process. A socket's addresses live in 40 bytes that mean different things by type, as they do where the
 * format comes from: a socket that changes its type keeps the bytes, and some values follow from just that.
 *
 *     IPv4   source 0–3 · destination 4–7 · ports 8, 10 · protocol 12        server: address 0–3 · port 4 · protocol 6
 *     IPv6   source 0–15 · destination 16–31 · ports 32, 34 · protocol 36    server: address 0–15 · port 16 · protocol 18
 *     unix   source 0–7 · destination 8–15
 */
import { FD_TYPE } from '../format/lists.ts';

export const PROTOCOL = { unknown: 0, notApplicable: 1, tcp: 2, udp: 3, icmp: 4, raw: 5 } as const;

export const OPEN_FLAG = {
  read: 1,
  write: 2,
  create: 4,
  directory: 1 << 10,
  closeOnExec: 1 << 12,
  temporary: 1 << 13,
  created: 1 << 14,
  upperLayer: 1 << 15,
  lowerLayer: 1 << 16,
} as const;

const SOCKET_BYTES = 40;

export class Fd {
  type: number = FD_TYPE.unknown;
  name = '';
  /** As the call said it, before it was joined with a directory. */
  nameRaw = '';
  /** The name before the current event. */
  oldName = '';
  openFlags = 0;
  inode = 0n;
  device = 0;
  pid = -1;
  isClient = false;
  isServer = false;
  isConnected = false;
  isUpperLayer = false;
  isLowerLayer = false;
  socket: Buffer | null = null;

  clone(): Fd {
    const copy = new Fd();
    Object.assign(copy, this);
    if (this.socket !== null) copy.socket = Buffer.from(this.socket);
    return copy;
  }

  get bytes(): Buffer {
    this.socket ??= Buffer.alloc(SOCKET_BYTES);
    return this.socket;
  }

  get hasRole(): boolean {
    return this.isClient || this.isServer;
  }

  get isFile(): boolean {
    return this.type === FD_TYPE.file || this.type === FD_TYPE.file2;
  }

  get closesOnExec(): boolean {
    if ((this.openFlags & OPEN_FLAG.closeOnExec) !== 0) return true;
    return this.type === FD_TYPE.eventPoll && (this.openFlags & 1) !== 0;
  }

  clearCloseOnExec(): void {
    this.openFlags &= ~OPEN_FLAG.closeOnExec;
    if (this.type === FD_TYPE.eventPoll) this.openFlags &= ~1;
  }

  /** The source of IPv4 and IPv6, the address of a server. */
  get source(): Buffer {
    return this.bytes.subarray(0, isWide(this.type) ? 16 : 4);
  }

  get destination(): Buffer {
    switch (this.type) {
      case FD_TYPE.ipv6:
        return this.bytes.subarray(16, 32);
      case FD_TYPE.ipv4:
        return this.bytes.subarray(4, 8);
      default:
        return this.source;
    }
  }

  get sourcePort(): number {
    return this.bytes.readUInt16LE(portAt(this.type));
  }

  get destinationPort(): number {
    const at = portAt(this.type);
    return this.bytes.readUInt16LE(this.type === FD_TYPE.ipv4 || this.type === FD_TYPE.ipv6 ? at + 2 : at);
  }

  get storedProtocol(): number {
    return this.bytes[protocolAt(this.type)] ?? 0;
  }

  set storedProtocol(protocol: number) {
    this.bytes[protocolAt(this.type)] = protocol;
  }

  setPorts(source: number, destination: number): void {
    const at = portAt(this.type);
    this.bytes.writeUInt16LE(source, at);
    if (this.type === FD_TYPE.ipv4 || this.type === FD_TYPE.ipv6) this.bytes.writeUInt16LE(destination, at + 2);
  }

  get isInet(): boolean {
    return this.type >= FD_TYPE.ipv4 && this.type <= FD_TYPE.ipv6Server;
  }

  get isTuple(): boolean {
    return this.type === FD_TYPE.ipv4 || this.type === FD_TYPE.ipv6;
  }

  /** As fields and texts see it: a connection without a role has none that is known. */
  get protocol(): number {
    if (!this.isInet) return PROTOCOL.notApplicable;
    const stored = this.storedProtocol;
    if (this.isTuple && stored !== PROTOCOL.raw && !this.hasRole) return PROTOCOL.notApplicable;
    return stored;
  }

  swapEnds(): void {
    const [source, destination] = [Buffer.from(this.source), Buffer.from(this.destination)];
    const [from, to] = [this.sourcePort, this.destinationPort];
    destination.copy(this.source);
    source.copy(this.destination);
    this.setPorts(to, from);
  }
}

function isWide(type: number): boolean {
  return type === FD_TYPE.ipv6 || type === FD_TYPE.ipv6Server;
}

function portAt(type: number): number {
  switch (type) {
    case FD_TYPE.ipv6:
      return 32;
    case FD_TYPE.ipv6Server:
      return 16;
    case FD_TYPE.ipv4Server:
      return 4;
    default:
      return 8;
  }
}

function protocolAt(type: number): number {
  switch (type) {
    case FD_TYPE.ipv6:
      return 36;
    case FD_TYPE.ipv6Server:
      return 18;
    case FD_TYPE.ipv4Server:
      return 6;
    default:
      return 12;
  }
}

const TYPE_NAMES: Readonly<Record<number, readonly [string, string]>> = {
  [FD_TYPE.unknown]: ['<NA>', 'o'],
  [FD_TYPE.file]: ['file', 'f'],
  [FD_TYPE.file2]: ['file', 'f'],
  [FD_TYPE.directory]: ['directory', 'd'],
  [FD_TYPE.ipv4]: ['ipv4', '4'],
  [FD_TYPE.ipv4Server]: ['ipv4', '4'],
  [FD_TYPE.ipv6]: ['ipv6', '6'],
  [FD_TYPE.ipv6Server]: ['ipv6', '6'],
  [FD_TYPE.unix]: ['unix', 'u'],
  [FD_TYPE.fifo]: ['pipe', 'p'],
  [FD_TYPE.event]: ['event', 'e'],
  [FD_TYPE.unsupported]: ['<NA>', 'X'],
  [FD_TYPE.signal]: ['signalfd', 's'],
  [FD_TYPE.eventPoll]: ['eventpoll', 'l'],
  [FD_TYPE.inotify]: ['inotify', 'i'],
  [FD_TYPE.timer]: ['timerfd', 't'],
  [FD_TYPE.netlink]: ['netlink', 'n'],
  [FD_TYPE.bpf]: ['bpf', 'b'],
  [FD_TYPE.userfault]: ['userfaultfd', 'u'],
  [FD_TYPE.ioUring]: ['io_uring', 'r'],
  [FD_TYPE.memfd]: ['memfd', 'm'],
  [FD_TYPE.pidfd]: ['pidfd', 'P'],
};

export function typeName(fd: Fd): string {
  return TYPE_NAMES[fd.type]?.[0] ?? '<NA>';
}

export function typeLetter(fd: Fd): string {
  return TYPE_NAMES[fd.type]?.[1] ?? '?';
}
