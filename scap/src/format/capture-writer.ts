/**
 * What a reader tells → a capture of today's form, which Falco, sysdig and Wireshark read too.
 *
 *     const writer = new CaptureWriter((bytes) => file.write(bytes));
 *     const reader = new CaptureReader(writer);            // any capture → the same one, in today's form
 *     …
 *     writer.end();
 *
 * The order is the format's: a section, its lists, then its events. The surprise: entries of a list share a block, so that it is
 * finished only when something else comes; `end` finishes the last one.
 */
import { BLOCK, LONGEST_BLOCK_BYTES, SECTION_MAGIC } from './blocks.ts';
import { BlockWriter } from './block-writer.ts';
import type { CaptureEvent } from './capture-event.ts';
import type { CaptureHandler } from './capture-reader.ts';
import { EVENT_FLAG, EVENT_TABLE } from './event-table.ts';
import { FD_TYPE, type ListedAccount, type ListedFd, type ListedInterface } from './lists.ts';
import { HOSTNAME_BYTES, type ListedThread, type MachineInfo } from './lists.ts';

/** What other readers take at most: of one text, and of many with zero bytes between. */
const LONGEST_TEXT_BYTES = 1_023;
const LONGEST_TEXTS_BYTES = 4_096;
const LONGEST_NAME_BYTES = 255;
const VERSION = [1, 2] as const;
const UNKNOWN_LENGTH = -1n;
const RESERVED_BYTES = 24;
/** A list goes on in another block after this much. */
const LONG_LIST_BYTES = LONGEST_BLOCK_BYTES / 8;
const EVENT_HEADER_BYTES = 26;
const INTERFACE = { ipv4: 3, ipv6: 4 } as const;
const ACCOUNT = { user: 0, group: 1 } as const;
const THREADS_BLOCK = BLOCK.processes[8];

/** An event that no call made, for instance what is known of a container. */
export interface ToldEvent {
  readonly code: number;
  readonly timeNs: bigint;
  readonly tid: bigint;
  /** Of the block, as `STATE_ONLY`. */
  readonly flags: number;
  readonly parameters: readonly Uint8Array[];
}

export class CaptureWriter implements CaptureHandler {
  readonly #blocks: BlockWriter;
  #openList = 0;
  /** Whose files the open list has. */
  #openTid = 0;

  /** `onBytes` gets whole blocks, and keeps what it gets. */
  constructor(onBytes: (bytes: Buffer) => void) {
    this.#blocks = new BlockWriter(onBytes);
  }

  get littleEndian(): boolean {
    return this.#blocks.littleEndian;
  }

  /** Every capture begins with one, and with the byte order of what follows. */
  section(littleEndian = true): void {
    this.#endList();
    const blocks = this.#blocks;
    blocks.littleEndian = littleEndian;
    blocks.begin(BLOCK.sectionHeader);
    blocks.u32(SECTION_MAGIC);
    for (const part of VERSION) blocks.u16(part);
    blocks.u64(UNKNOWN_LENGTH);
    blocks.end();
  }

  machine(info: MachineInfo): void {
    this.#endList();
    const blocks = this.#blocks;
    const hostname = Buffer.alloc(HOSTNAME_BYTES);
    hostname.write(info.hostname, 0, HOSTNAME_BYTES - 1);
    blocks.begin(BLOCK.machineInfo);
    blocks.u32(info.cpus);
    blocks.u64(info.memoryBytes);
    blocks.u64(info.highestPid);
    blocks.raw(hostname);
    blocks.u64(info.bootNs);
    blocks.raw(Buffer.alloc(RESERVED_BYTES));
    blocks.end();
  }

  interface(one: ListedInterface): void {
    this.#beginEntry(BLOCK.interfaces2);
    const blocks = this.#blocks;
    const name = Buffer.from(one.name).subarray(0, LONGEST_NAME_BYTES);
    blocks.u16(one.family === 4 ? INTERFACE.ipv4 : INTERFACE.ipv6);
    blocks.u16(name.length);
    for (const part of [one.address, one.netmask, one.broadcast, name]) blocks.raw(part);
    // Here alone the length does not count itself.
    blocks.endEntry(4);
  }

  account(account: ListedAccount): void {
    this.#beginEntry(BLOCK.users2);
    const blocks = this.#blocks;
    blocks.u8(ACCOUNT[account.type]);
    if (account.type === 'user') blocks.u32(account.uid);
    blocks.u32(account.gid);
    blocks.text(account.name, LONGEST_NAME_BYTES);
    if (account.type === 'user') {
      blocks.text(account.home, LONGEST_TEXT_BYTES);
      blocks.text(account.shell, LONGEST_TEXT_BYTES);
    }
    blocks.endEntry();
  }

  thread(thread: ListedThread): void {
    this.#beginEntry(THREADS_BLOCK);
    const blocks = this.#blocks;
    for (const number of [thread.tid, thread.pid, thread.ptid, thread.sid, thread.vpgid]) blocks.i64(number);
    for (const text of [thread.comm, thread.exe, thread.exepath]) blocks.text(text, LONGEST_TEXT_BYTES);
    blocks.texts(thread.args, LONGEST_TEXTS_BYTES);
    blocks.text(thread.cwd, LONGEST_TEXT_BYTES);
    blocks.i64(thread.fdLimit);
    const { flags, uid, gid, vmSizeKb, vmRssKb, vmSwapKb } = thread;
    for (const number of [flags, uid, gid, vmSizeKb, vmRssKb, vmSwapKb]) blocks.u32(number);
    blocks.i64(thread.faultsMajor);
    blocks.i64(thread.faultsMinor);
    blocks.texts(thread.env, LONGEST_TEXTS_BYTES);
    blocks.i64(thread.vtid);
    blocks.i64(thread.vpid);
    blocks.texts(thread.cgroups, LONGEST_TEXTS_BYTES);
    blocks.text(thread.root, LONGEST_TEXT_BYTES);
    this.#threadTail(thread);
    blocks.endEntry();
  }

  #threadTail(thread: ListedThread): void {
    const blocks = this.#blocks;
    blocks.u64(thread.pidNamespaceStartNs);
    blocks.u32(thread.tty);
    blocks.u32(thread.loginUid);
    blocks.u8(Number(thread.exeWritable));
    for (const set of [thread.capInheritable, thread.capPermitted, thread.capEffective]) blocks.u64(set);
    blocks.u8(Number(thread.exeUpperLayer));
    for (const number of [thread.exeInode, thread.exeChangedNs, thread.exeModifiedNs]) blocks.u64(number);
    blocks.u8(Number(thread.exeFromMemfd));
    blocks.u8(Number(thread.exeLowerLayer));
    blocks.i64(thread.pgid);
  }

  fd(tid: number, fd: ListedFd): void {
    if (fd.type === FD_TYPE.unknown) return;
    this.#beginEntry(BLOCK.fds2, tid);
    const blocks = this.#blocks;
    blocks.i64(fd.fd);
    blocks.u64(fd.inode);
    blocks.u8(fd.type);
    if (fd.address !== null) this.#address(fd.type, fd.address);
    else {
      if (fd.type === FD_TYPE.unix) {
        blocks.u64(fd.unixSource);
        blocks.u64(fd.unixDestination);
      }
      if (fd.type === FD_TYPE.file2) blocks.u32(fd.openFlags);
      blocks.text(fd.name, LONGEST_TEXT_BYTES);
      if (fd.type === FD_TYPE.file2) blocks.u32(fd.device);
    }
    blocks.endEntry();
  }

  #address(type: number, address: NonNullable<ListedFd['address']>): void {
    const blocks = this.#blocks;
    const isServer = type === FD_TYPE.ipv4Server || type === FD_TYPE.ipv6Server;
    blocks.raw(address.source);
    if (!isServer) blocks.raw(address.destination);
    blocks.u16(address.sourcePort);
    if (!isServer) blocks.u16(address.destinationPort);
    blocks.u8(address.protocol);
  }

  /** @throws RangeError when the event's values are in the other byte order than the section. */
  event(event: CaptureEvent): void {
    if (event.littleEndian !== this.littleEndian)
      throw new RangeError('an event in another byte order than its section');
    const parameters = Array.from({ length: event.count }, (_, index) => event.raw(index));
    const { code, timeNs, blockFlags, cpu } = event;
    this.#event({ code, timeNs, tid: BigInt(event.tid), flags: blockFlags, parameters }, cpu);
  }

  tell(event: ToldEvent): void {
    this.#event(event, 0);
  }

  #event({ code, timeNs, tid, flags, parameters }: ToldEvent, cpu: number): void {
    this.#endList();
    const blocks = this.#blocks;
    const isLarge = ((EVENT_TABLE[code]?.flags ?? 0) & EVENT_FLAG.large) !== 0;
    const size = isLarge ? 4 : 2;
    const values = parameters.reduce((sum, { length }) => sum + length, 0);
    if (flags === 0) blocks.begin(isLarge ? BLOCK.event2Large : BLOCK.event2);
    else blocks.begin(isLarge ? BLOCK.flaggedEvent2Large : BLOCK.flaggedEvent2);
    blocks.u16(cpu);
    if (flags !== 0) blocks.u32(flags);
    blocks.u64(timeNs);
    blocks.u64(tid);
    blocks.u32(EVENT_HEADER_BYTES + size * parameters.length + values);
    blocks.u16(code);
    blocks.u32(parameters.length);
    for (const { length } of parameters) {
      if (isLarge) blocks.u32(length);
      else blocks.u16(length);
    }
    for (const bytes of parameters) blocks.raw(bytes);
    blocks.end();
  }

  /** Hands on everything. More may follow. */
  end(): void {
    this.#endList();
    this.#blocks.flush();
  }

  #beginEntry(type: number, tid = 0): void {
    const blocks = this.#blocks;
    const goesOn = blocks.isOpen && this.#openList === type && this.#openTid === tid;
    if (!goesOn || blocks.blockBytes > LONG_LIST_BYTES) {
      this.#endList();
      blocks.begin(type);
      if (type === BLOCK.fds2) blocks.i64(tid);
      this.#openList = type;
      this.#openTid = tid;
    }
    blocks.beginEntry();
  }

  #endList(): void {
    if (this.#blocks.isOpen) this.#blocks.end();
  }
}
