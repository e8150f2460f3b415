/** One open file of a process. Whom a socket talks to is in socket-ends.ts. */
import { FD_TYPE } from '../format/lists.ts';
import { type Naming, SocketName } from './connection-names.ts';
import { type Address, PROTOCOL, SocketEnds } from './socket-ends.ts';

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

export class Fd {
  type: number = FD_TYPE.unknown;
  /** Of a socket, what its name will be put together from. */
  naming: string | SocketName = '';
  /** As the call said it, before it was joined with a directory. */
  nameRaw = '';
  openFlags = 0;
  inodeLow = 0;
  inodeHigh = 0;
  device = 0;
  pid = -1;
  isClient = false;
  isServer = false;
  isConnected = false;
  isUpperLayer = false;
  isLowerLayer = false;
  /** More than one process holds this object: whoever changes it makes its own first. */
  isShared = false;
  #ends: SocketEnds | null = null;

  clone(): Fd {
    const copy = new Fd();
    copy.type = this.type;
    copy.naming = this.naming;
    copy.nameRaw = this.nameRaw;
    copy.openFlags = this.openFlags;
    copy.inodeLow = this.inodeLow;
    copy.inodeHigh = this.inodeHigh;
    copy.device = this.device;
    copy.pid = this.pid;
    copy.isClient = this.isClient;
    copy.isServer = this.isServer;
    copy.isConnected = this.isConnected;
    copy.isUpperLayer = this.isUpperLayer;
    copy.isLowerLayer = this.isLowerLayer;
    if (this.#ends !== null) copy.#ends = this.#ends.copy();
    return copy;
  }

  get name(): string {
    return typeof this.naming === 'string' ? this.naming : this.naming.text;
  }

  set name(name: string) {
    this.naming = name;
  }

  /** Named by its ends as they are now. */
  nameByEnds(naming: Naming, path = ''): void {
    this.naming = new SocketName(naming, this.type, this.ends.copy(), path);
  }

  /** Named by other ends than it keeps. */
  nameByOther(ends: SocketEnds, type: number): void {
    this.naming = new SocketName('ends', type, ends.copy());
  }

  get ends(): SocketEnds {
    this.#ends ??= new SocketEnds();
    return this.#ends;
  }

  get inode(): bigint {
    return (BigInt(this.inodeHigh) << 32n) | BigInt(this.inodeLow);
  }

  get hasRole(): boolean {
    return this.isClient || this.isServer;
  }

  get isFile(): boolean {
    return this.type === FD_TYPE.file || this.type === FD_TYPE.file2;
  }

  get closesOnExec(): boolean {
    if ((this.openFlags & OPEN_FLAG.closeOnExec) !== 0) return true;
    return this.#hasFlagsOfItsOwn && (this.openFlags & 1) !== 0;
  }

  clearCloseOnExec(): void {
    this.openFlags &= ~OPEN_FLAG.closeOnExec;
    if (this.#hasFlagsOfItsOwn) this.openFlags &= ~1;
  }

  /** Their lowest bit closes on exec; of other files it means that they can be read. */
  get #hasFlagsOfItsOwn(): boolean {
    return this.type === FD_TYPE.eventPoll || this.type === FD_TYPE.memfd;
  }

  get source(): Address {
    return this.ends.source(this.type);
  }

  get destination(): Address {
    return this.ends.destination(this.type);
  }

  get sourcePort(): number {
    return this.ends.sourcePort(this.type);
  }

  get destinationPort(): number {
    return this.ends.destinationPort(this.type);
  }

  get storedProtocol(): number {
    return this.ends.protocol(this.type);
  }

  set storedProtocol(protocol: number) {
    this.ends.setProtocol(this.type, protocol);
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
