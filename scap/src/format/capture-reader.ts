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
import { CONVERSION_OF, Converter, CONVERTS } from './conversion.ts';
import { Cursor } from './cursor.ts';
import { CODE } from './event-codes.ts';
import { EVENT_TABLE } from './event-table.ts';
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
  /**
   * Types (1 at their code) of which nobody will ask for parameters. Their events are counted and told by `passed` instead, with
   * no more than the header read.
   */
  readonly passing?: Uint8Array;
  passed?(event: CaptureEvent): void;
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
  readonly #passing: Uint8Array;

  constructor(handler: CaptureHandler) {
    this.#handler = handler;
    this.#passing = handler.passing ?? new Uint8Array(EVENT_TABLE.length);
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

  /** CPU, perhaps flags, then the header with the number of parameters. */
  #readEvent(block: BlockPlace, before: number): void {
    const { view, littleEndian, end } = block;
    const at = block.start + before;
    if (at + EVENT_HEADER_2_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    const event = this.#event;
    const code = view.getUint16(at + 20, littleEndian);
    const info = EVENT_TABLE[code];
    if (info === undefined) {
      this.counts.unknownEvents += 1;
      return;
    }
    event.code = code;
    event.info = info;
    event.begin(block, at);
    const written = view.getUint32(at + 22, littleEndian);
    const form = CONVERSION_OF[code];
    const isOfToday = form === CONVERTS.never || (form === CONVERTS.byCount && written === info.parameters.length);
    if (isOfToday && this.#passing[code] === 1) {
      this.counts.events += 1;
      this.#handler.passed?.(event);
      return;
    }
    const length = view.getUint32(at + 16, littleEndian);
    if (at + length > end || !event.place(at + EVENT_HEADER_2_BYTES, at + length, written)) {
      this.counts.damagedEvents += 1;
    } else if (isOfToday) this.#pass(event);
    else this.#convert(event);
  }

  /** The first version has no number of parameters: it is the one with which the lengths add up. */
  #readFirstEvent(block: BlockPlace, before: number): void {
    const { view, littleEndian, end } = block;
    const at = block.start + before;
    if (at + EVENT_HEADER_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    const event = this.#event;
    const code = view.getUint16(at + 20, littleEndian);
    const info = EVENT_TABLE[code];
    if (info === undefined) {
      this.counts.unknownEvents += 1;
      return;
    }
    event.code = code;
    event.info = info;
    event.begin(block, at);
    let length = view.getUint32(at + 16, littleEndian);
    if (code === CODE.notification || code === CODE.infrastructure) length -= LEGACY_LENGTH_SURPLUS;
    for (let written = info.parameters.length; written >= 0 && at + length <= end; written -= 1) {
      if (event.place(at + EVENT_HEADER_BYTES, at + length, written) && event.parametersEnd === at + length) {
        this.#convert(event);
        return;
      }
    }
    this.counts.damagedEvents += 1;
  }

  #convert(event: CaptureEvent): void {
    const verdict = this.#converter.convert(event);
    if (verdict === 'pass') this.#pass(event);
    else if (verdict === 'drop') this.counts.mergedEvents += 1;
    else this.counts.damagedEvents += 1;
  }

  #pass(event: CaptureEvent): void {
    this.counts.events += 1;
    event.number = this.counts.events;
    this.#handler.event(event);
  }
}
