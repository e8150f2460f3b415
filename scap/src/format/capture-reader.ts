/**
 * A stream of bytes → what a capture says: lists first, then events as of today, in order. Files and live streams alike: it is fed
 * with chunks as they come, holds at most one block that is cut, and hands everything else on without a copy.
 *
 *     const reader = new CaptureReader(new Machine({ onEvent: (machine) => … }));
 *     socket.on('data', (chunk) => reader.write(chunk));
 *     socket.on('end', () => reader.end());
 *
 * Damaged and unknown pieces never stop reading by themselves: they are counted and skipped. Only a broken chain of blocks does.
 */
import { BLOCK, type BlockPlace, BlockReader } from './blocks.ts';
import { CaptureEvent } from './capture-event.ts';
import { Converter } from './conversion.ts';
import { Cursor } from './cursor.ts';
import { CODE } from './event-codes.ts';
import { EVENT_FLAG, EVENT_TABLE, MOST_PARAMETERS } from './event-table.ts';
import {
  type ListedAccount,
  type ListedFd,
  type ListedInterface,
  type ListedThread,
  type MachineInfo,
  readAccounts,
  readFds,
  readInterfaces,
  readMachineInfo,
  readThreads,
} from './lists.ts';

/** Whoever wants to know. Called synchronously, in the order of the capture. */
export interface CaptureHandler {
  /** A new section: everything before belongs to another recording. */
  section(): void;
  machine(info: MachineInfo): void;
  thread(thread: ListedThread): void;
  fd(tid: number, fd: ListedFd): void;
  interface(one: ListedInterface): void;
  account(account: ListedAccount): void;
  /** The object is filled again for the next event. */
  event(event: CaptureEvent): void;
}

export interface CaptureCounts {
  events: number;
  /** Blocks of a type that is not known. */
  unknownBlocks: number;
  /** Events of a type that is not known. */
  unknownEvents: number;
  /** Events whose lengths do not fit or that fit no conversion. */
  damagedEvents: number;
  /** Events of before a call that were put into the event of after it. */
  mergedEvents: number;
}

const EVENT_HEADER_BYTES = 22;
const EVENT_HEADER_2_BYTES = 26;
const CPU_BYTES = 2;
const BLOCK_FLAG_BYTES = 4;
/** What the first version of the block wrote too much into the length of these two. */
const LEGACY_LENGTH_SURPLUS = 3;

export class CaptureReader {
  readonly counts: CaptureCounts = {
    events: 0,
    unknownBlocks: 0,
    unknownEvents: 0,
    damagedEvents: 0,
    mergedEvents: 0,
  };
  readonly #handler: CaptureHandler;
  readonly #blocks: BlockReader;
  readonly #converter = new Converter();
  readonly #event = new CaptureEvent();

  constructor(handler: CaptureHandler) {
    this.#handler = handler;
    this.#blocks = new BlockReader((type, block) => this.#block(type, block));
  }

  /**
   * Takes the next bytes of the stream, cut anywhere: from a file, a pipe or a socket that never ends. Everything that is
   * complete is handed on before it returns; the chunk belongs to the caller again afterwards.
   * @throws CaptureDamage when this is not, or no longer, a capture. Nothing more can be written then.
   */
  write(chunk: Uint8Array): void {
    this.#blocks.write(chunk);
  }

  /** @throws CaptureDamage when the capture breaks off. */
  end(): void {
    this.#blocks.end();
  }

  /** Bytes that wait for the rest of their block. */
  get heldBytes(): number {
    return this.#blocks.heldBytes;
  }

  #block(type: number, range: BlockPlace): void {
    switch (type) {
      case BLOCK.event2:
        this.#readEvent(range, CPU_BYTES);
        return;
      case BLOCK.flaggedEvent2:
      case BLOCK.flaggedEvent2Large:
        this.#readEvent(range, CPU_BYTES + BLOCK_FLAG_BYTES);
        return;
      case BLOCK.event2Large:
        this.#readEvent(range, CPU_BYTES);
        return;
      case BLOCK.event:
        this.#readFirstEvent(range, CPU_BYTES);
        return;
      case BLOCK.flaggedEvent:
        this.#readFirstEvent(range, CPU_BYTES + BLOCK_FLAG_BYTES);
        return;
      case BLOCK.sectionHeader:
        this.#converter.clear();
        this.#handler.section();
        return;
      default:
        this.#list(type, range);
    }
  }

  #list(type: number, range: BlockPlace): void {
    const cursor = new Cursor(range.bytes, range, range.littleEndian);
    if ((BLOCK.processes as readonly number[]).includes(type)) {
      readThreads(cursor, type, (thread) => this.#handler.thread(thread));
    } else if (type === BLOCK.fds || type === BLOCK.fds2) {
      readFds(cursor, type, (tid, fd) => this.#handler.fd(tid, fd));
    } else if (type === BLOCK.machineInfo) {
      this.#handler.machine(readMachineInfo(cursor));
    } else if (type === BLOCK.interfaces || type === BLOCK.interfaces2) {
      readInterfaces(cursor, type, (one) => this.#handler.interface(one));
    } else if (type === BLOCK.users || type === BLOCK.users2) {
      readAccounts(cursor, type, (account) => this.#handler.account(account));
    } else this.counts.unknownBlocks += 1;
  }

  /** CPU, perhaps flags, then time, thread, length, type and number of parameters. */
  #readEvent({ bytes, start, end, littleEndian }: BlockPlace, before: number): void {
    const event = this.#event;
    const at = start + before;
    if (at + EVENT_HEADER_2_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    if (!this.#header(bytes, start, littleEndian, before)) return;
    const length = littleEndian ? bytes.readUInt32LE(at + 16) : bytes.readUInt32BE(at + 16);
    const written = littleEndian ? bytes.readUInt32LE(at + 22) : bytes.readUInt32BE(at + 22);
    if (at + length > end || !this.#parameters(at + EVENT_HEADER_2_BYTES, at + length, written)) {
      this.counts.damagedEvents += 1;
      return;
    }
    this.#hand(event);
  }

  /** The first version has no number of parameters: it is the one with which the lengths add up. */
  #readFirstEvent({ bytes, start, end, littleEndian }: BlockPlace, before: number): void {
    const event = this.#event;
    const at = start + before;
    if (at + EVENT_HEADER_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    if (!this.#header(bytes, start, littleEndian, before)) return;
    let length = littleEndian ? bytes.readUInt32LE(at + 16) : bytes.readUInt32BE(at + 16);
    if (event.code === CODE.notification || event.code === CODE.infrastructure) length -= LEGACY_LENGTH_SURPLUS;
    for (let written = event.info.parameters.length; written >= 0 && at + length <= end; written -= 1) {
      if (this.#parameters(at + EVENT_HEADER_BYTES, at + length, written) && endOf(event) === at + length) {
        this.#hand(event);
        return;
      }
    }
    this.counts.damagedEvents += 1;
  }

  /** Both versions begin alike. False when the type is not known. */
  #header(bytes: Buffer, start: number, littleEndian: boolean, before: number): boolean {
    const event = this.#event;
    const at = start + before;
    const code = littleEndian ? bytes.readUInt16LE(at + 20) : bytes.readUInt16BE(at + 20);
    const info = EVENT_TABLE[code];
    if (info === undefined) {
      this.counts.unknownEvents += 1;
      return false;
    }
    event.bytes = bytes;
    event.littleEndian = littleEndian;
    event.code = code;
    event.info = info;
    if (littleEndian) {
      event.cpu = bytes.readUInt16LE(start);
      event.blockFlags = before > CPU_BYTES ? bytes.readUInt32LE(start + CPU_BYTES) : 0;
      event.timeLow = bytes.readUInt32LE(at);
      event.timeHigh = bytes.readUInt32LE(at + 4);
      event.tid = bytes.readInt32LE(at + 12) * 0x1_0000_0000 + bytes.readUInt32LE(at + 8);
    } else {
      event.cpu = bytes.readUInt16BE(start);
      event.blockFlags = before > CPU_BYTES ? bytes.readUInt32BE(start + CPU_BYTES) : 0;
      event.timeHigh = bytes.readUInt32BE(at);
      event.timeLow = bytes.readUInt32BE(at + 4);
      event.tid = bytes.readInt32BE(at + 8) * 0x1_0000_0000 + bytes.readUInt32BE(at + 12);
    }
    return true;
  }

  /** Places of the parameters between `at` and `end`. False when they do not fit. */
  #parameters(at: number, end: number, written: number): boolean {
    const { bytes, info, littleEndian, offsets, lengths } = this.#event;
    const size = (info.flags & EVENT_FLAG.large) === 0 ? 2 : 4;
    if (written > (end - at) / size) return false;
    const count = Math.min(written, info.parameters.length, MOST_PARAMETERS);
    let value = at + written * size;
    offsets[0] = value;
    for (let index = 0; index < count; index += 1) {
      const place = at + index * size;
      const length =
        size === 2
          ? littleEndian
            ? bytes.readUInt16LE(place)
            : bytes.readUInt16BE(place)
          : littleEndian
            ? bytes.readUInt32LE(place)
            : bytes.readUInt32BE(place);
      if (value + length > end) return false;
      offsets[index] = value;
      lengths[index] = length;
      value += length;
    }
    this.#event.count = count;
    return true;
  }

  #hand(event: CaptureEvent): void {
    const verdict = this.#converter.convert(event);
    if (verdict === 'pass') {
      this.counts.events += 1;
      event.number = this.counts.events;
      this.#handler.event(event);
    } else if (verdict === 'drop') this.counts.mergedEvents += 1;
    else this.counts.damagedEvents += 1;
  }
}

/** Where the last parameter ends; for an event without any, where it would begin. */
function endOf(event: CaptureEvent): number {
  if (event.count === 0) return event.offset(0);
  return event.offset(event.count - 1) + event.length(event.count - 1);
}
