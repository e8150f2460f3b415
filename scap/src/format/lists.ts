/**
 * The lists at the beginning of a capture: the machine, its processes, their files, interfaces and users, in every version.
 *
 * From some version on an entry begins with its length (`sized`): what follows the known fields belongs to a newer writer and is
 * skipped, what is missing keeps its default. A list that breaks off is read as far as it goes.
 */
import { BLOCK } from './blocks.ts';
import type { Cursor } from './cursor.ts';
import { splitTexts } from './parameters.ts';

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: bigint;
  readonly highestPid: bigint;
  readonly hostname: string;
  /** Nanoseconds since 1970; 0 when the writer did not say. */
  readonly bootNs: bigint;
}

/** A thread as the writer found it. */
export interface ListedThread {
  tid: number;
  pid: number;
  ptid: number;
  sid: number;
  vpgid: number;
  pgid: number;
  comm: string;
  exe: string;
  exepath: string;
  args: readonly string[];
  cwd: string;
  fdLimit: number;
  flags: number;
  uid: number;
  gid: number;
  vmSizeKb: number;
  vmRssKb: number;
  vmSwapKb: number;
  faultsMajor: number;
  faultsMinor: number;
  env: readonly string[];
  vtid: number;
  vpid: number;
  cgroups: readonly string[];
  root: string;
  pidNamespaceStartNs: bigint;
  tty: number;
  loginUid: number;
  exeWritable: boolean;
  exeUpperLayer: boolean;
  exeLowerLayer: boolean;
  exeFromMemfd: boolean;
  capInheritable: bigint;
  capPermitted: bigint;
  capEffective: bigint;
  exeInode: bigint;
  exeChangedNs: bigint;
  exeModifiedNs: bigint;
}

export const FD_TYPE = {
  unknown: 0,
  file: 1,
  directory: 2,
  ipv4: 3,
  ipv6: 4,
  ipv4Server: 5,
  ipv6Server: 6,
  fifo: 7,
  unix: 8,
  event: 9,
  unsupported: 10,
  signal: 11,
  eventPoll: 12,
  inotify: 13,
  timer: 14,
  netlink: 15,
  file2: 16,
  bpf: 17,
  userfault: 18,
  ioUring: 19,
  memfd: 20,
  pidfd: 21,
} as const;

/** A file descriptor as the writer found it. */
export interface ListedFd {
  fd: number;
  inode: bigint;
  type: number;
  name: string;
  openFlags: number;
  device: number;
  /** Addresses in network order, ports as numbers. */
  address: {
    readonly source: Buffer;
    readonly destination: Buffer;
    readonly sourcePort: number;
    readonly destinationPort: number;
    readonly protocol: number;
  } | null;
  unixSource: bigint;
  unixDestination: bigint;
}

export interface ListedInterface {
  readonly family: 4 | 6;
  readonly name: string;
  readonly address: Buffer;
  readonly netmask: Buffer;
  readonly broadcast: Buffer;
}

export type ListedAccount =
  | {
      readonly type: 'user';
      readonly uid: number;
      readonly gid: number;
      readonly name: string;
      readonly home: string;
      readonly shell: string;
    }
  | { readonly type: 'group'; readonly gid: number; readonly name: string };

const NOBODY = 0xffff_ffff;
export const HOSTNAME_BYTES = 128;
/** Shorter entries do not exist; what is left is padding. */
const SMALLEST_ENTRY_BYTES = 4;
/** Bytes after the root that the first writers of sized entries had at most: they knew no start of the namespace and no terminal. */
const OLDEST_SIZED_TAIL_BYTES = 29;

export function readMachineInfo(cursor: Cursor): MachineInfo {
  const cpus = cursor.u32();
  const memoryBytes = cursor.u64();
  const highestPid = cursor.u64();
  const hostname = cursor.raw(HOSTNAME_BYTES);
  const zero = hostname.indexOf(0);
  return {
    cpus,
    memoryBytes,
    highestPid,
    hostname: hostname.toString('utf8', 0, zero === -1 ? hostname.length : zero),
    bootNs: cursor.u64(),
  };
}

export function readThreads(cursor: Cursor, type: number, add: (thread: ListedThread) => void): void {
  const version = BLOCK.processes.indexOf(type as (typeof BLOCK.processes)[number]) + 1;
  while (cursor.left >= SMALLEST_ENTRY_BYTES) {
    const start = cursor.at;
    const size = version >= 9 ? cursor.u32() : 0;
    const end = version >= 9 ? start + size : cursor.end;
    if (version >= 9 && size <= SMALLEST_ENTRY_BYTES) return;
    const thread = readThread(cursor, version);
    if (version >= 9) readThreadTail(cursor, thread, end);
    if (cursor.overrun) return;
    add(thread);
    if (version >= 9) cursor.seek(end);
  }
}

function readThread(cursor: Cursor, version: number): ListedThread {
  const thread = emptyThread();
  thread.tid = cursor.i64();
  thread.pid = cursor.i64();
  thread.ptid = cursor.i64();
  if (version >= 6) thread.sid = cursor.i64();
  if (version >= 8) thread.vpgid = cursor.i64();
  thread.comm = cursor.text();
  thread.exe = cursor.text();
  if (version >= 7) thread.exepath = cursor.text();
  thread.args = textsOf(cursor.counted());
  thread.cwd = cursor.text();
  thread.fdLimit = cursor.i64();
  thread.flags = cursor.u32();
  thread.uid = cursor.u32();
  thread.gid = cursor.u32();
  if (version < 2) return thread;
  thread.vmSizeKb = cursor.u32();
  thread.vmRssKb = cursor.u32();
  thread.vmSwapKb = cursor.u32();
  thread.faultsMajor = cursor.i64();
  thread.faultsMinor = cursor.i64();
  if (version >= 3) thread.env = textsOf(cursor.counted());
  if (version < 4) return thread;
  thread.vtid = cursor.i64();
  thread.vpid = cursor.i64();
  thread.cgroups = textsOf(cursor.counted());
  if (version >= 5) thread.root = cursor.text();
  return thread;
}

function readThreadTail(cursor: Cursor, thread: ListedThread, end: number): void {
  const fits = (size: number): boolean => cursor.at + size <= end;
  if (end - cursor.at > OLDEST_SIZED_TAIL_BYTES) {
    if (fits(8)) thread.pidNamespaceStartNs = cursor.u64();
    if (fits(4)) thread.tty = cursor.u32();
  }
  if (fits(4)) thread.loginUid = cursor.u32();
  if (fits(1)) thread.exeWritable = cursor.u8() !== 0;
  if (fits(8)) thread.capInheritable = cursor.u64();
  if (fits(8)) thread.capPermitted = cursor.u64();
  if (fits(8)) thread.capEffective = cursor.u64();
  if (fits(1)) thread.exeUpperLayer = cursor.u8() !== 0;
  if (fits(8)) thread.exeInode = cursor.u64();
  if (fits(8)) thread.exeChangedNs = cursor.u64();
  if (fits(8)) thread.exeModifiedNs = cursor.u64();
  if (fits(1)) thread.exeFromMemfd = cursor.u8() !== 0;
  if (fits(1)) thread.exeLowerLayer = cursor.u8() !== 0;
  if (fits(8)) thread.pgid = cursor.i64();
}

export function emptyThread(): ListedThread {
  return {
    tid: 0,
    pid: 0,
    ptid: 0,
    sid: -1,
    vpgid: -1,
    pgid: -1,
    comm: '',
    exe: '',
    exepath: '',
    args: [],
    cwd: '',
    fdLimit: -1,
    flags: 0,
    uid: 0,
    gid: 0,
    vmSizeKb: 0,
    vmRssKb: 0,
    vmSwapKb: 0,
    faultsMajor: 0,
    faultsMinor: 0,
    env: [],
    vtid: -1,
    vpid: -1,
    cgroups: [],
    root: '',
    pidNamespaceStartNs: 0n,
    tty: 0,
    loginUid: NOBODY,
    exeWritable: false,
    exeUpperLayer: false,
    exeLowerLayer: false,
    exeFromMemfd: false,
    capInheritable: 0n,
    capPermitted: 0n,
    capEffective: 0n,
    exeInode: 0n,
    exeChangedNs: 0n,
    exeModifiedNs: 0n,
  };
}

/** The files of one thread: its number first, then the entries. */
export function readFds(cursor: Cursor, type: number, add: (tid: number, fd: ListedFd) => void): void {
  const tid = cursor.i64();
  const isSized = type === BLOCK.fds2;
  while (cursor.left >= SMALLEST_ENTRY_BYTES) {
    const start = cursor.at;
    const size = isSized ? cursor.u32() : 0;
    if (isSized && size <= SMALLEST_ENTRY_BYTES) return;
    const fd = readFd(cursor, isSized ? start + size : 0);
    if (cursor.overrun) return;
    add(tid, fd);
    if (isSized) cursor.seek(start + size);
  }
}

function readFd(cursor: Cursor, end: number): ListedFd {
  const fd = emptyFd();
  fd.fd = cursor.i64();
  fd.inode = cursor.u64();
  fd.type = cursor.u8();
  switch (fd.type) {
    case FD_TYPE.ipv4:
    case FD_TYPE.ipv6: {
      const size = fd.type === FD_TYPE.ipv4 ? 4 : 16;
      const [source, destination] = [Buffer.from(cursor.raw(size)), Buffer.from(cursor.raw(size))];
      const [sourcePort, destinationPort] = [cursor.u16(), cursor.u16()];
      fd.address = { source, destination, sourcePort, destinationPort, protocol: cursor.u8() };
      break;
    }
    case FD_TYPE.ipv4Server:
    case FD_TYPE.ipv6Server: {
      const source = Buffer.from(cursor.raw(fd.type === FD_TYPE.ipv4Server ? 4 : 16));
      const sourcePort = cursor.u16();
      fd.address = { source, destination: source, sourcePort, destinationPort: sourcePort, protocol: cursor.u8() };
      break;
    }
    case FD_TYPE.unix:
      fd.unixSource = cursor.u64();
      fd.unixDestination = cursor.u64();
      fd.name = cursor.text();
      break;
    case FD_TYPE.file2:
      fd.openFlags = cursor.u32();
      fd.name = cursor.text();
      if (cursor.at + 4 <= end) fd.device = cursor.u32();
      break;
    case FD_TYPE.unknown:
      break;
    default:
      if (fd.type <= FD_TYPE.pidfd) fd.name = cursor.text();
      else {
        fd.name = `unknown-type:[${fd.type}]`;
        fd.type = FD_TYPE.unsupported;
      }
  }
  return fd;
}

export function emptyFd(): ListedFd {
  return {
    fd: 0,
    inode: 0n,
    type: FD_TYPE.unknown,
    name: '',
    openFlags: 0,
    device: 0,
    address: null,
    unixSource: 0n,
    unixDestination: 0n,
  };
}

/** Kinds of interface entries: IPv4 and IPv6, each with and without the speed of the link. */
const WITH_SPEED = new Set([1, 2]);
const IPV4 = new Set([1, 3]);

export function readInterfaces(cursor: Cursor, type: number, add: (one: ListedInterface) => void): void {
  const isSized = type === BLOCK.interfaces2;
  while (cursor.left >= SMALLEST_ENTRY_BYTES) {
    const start = cursor.at;
    const size = isSized ? cursor.u32() : 0;
    const kind = cursor.u16();
    const nameBytes = cursor.u16();
    if (kind < 1 || kind > 4) return;
    const family = IPV4.has(kind) ? 4 : 6;
    const width = family === 4 ? 4 : 16;
    const [address, netmask, broadcast] = [cursor.raw(width), cursor.raw(width), cursor.raw(width)].map((raw) =>
      Buffer.from(raw),
    );
    if (WITH_SPEED.has(kind)) cursor.u64();
    const name = cursor.raw(nameBytes).toString('utf8');
    if (cursor.overrun || address === undefined || netmask === undefined || broadcast === undefined) return;
    add({ family, name, address, netmask, broadcast });
    // The size does not count itself, unlike in the other lists.
    if (isSized) cursor.seek(start + 4 + size);
  }
}

const USER_ENTRY = 0;

export function readAccounts(cursor: Cursor, type: number, add: (account: ListedAccount) => void): void {
  const isSized = type === BLOCK.users2;
  while (cursor.left >= SMALLEST_ENTRY_BYTES) {
    const start = cursor.at;
    const size = isSized ? cursor.u32() : 0;
    if (isSized && size <= SMALLEST_ENTRY_BYTES) return;
    const account: ListedAccount =
      cursor.u8() === USER_ENTRY
        ? {
            type: 'user',
            uid: cursor.u32(),
            gid: cursor.u32(),
            name: cursor.text(),
            home: cursor.text(),
            shell: cursor.text(),
          }
        : { type: 'group', gid: cursor.u32(), name: cursor.text() };
    if (cursor.overrun) return;
    add(account);
    if (isSized) cursor.seek(start + size);
  }
}

function textsOf(raw: Buffer): readonly string[] {
  return splitTexts(raw, 0, raw.length);
}
