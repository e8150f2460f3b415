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
import { CODE, FD_PARAMETER } from './event-codes.ts';
import { EVENT_FLAG, EVENT_TABLE, type EventInfo } from './event-table.ts';
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
import { longAt } from './parameters.ts';

/** Whoever wants to know. Called synchronously, in the order of the capture. */
export interface CaptureHandler {
  /** A new section: everything before belongs to another recording. */
  section(littleEndian: boolean): void;
  machine(info: MachineInfo): void;
  thread(thread: ListedThread): void;
  fd(tid: number, fd: ListedFd): void;
  interface(one: ListedInterface): void;
  account(account: ListedAccount): void;
  /** The object is filled again for the next event. */
  event(event: CaptureEvent): void;
  /**
   * Types (1 at their code) that change nothing and of which nobody will ask: their events are counted, and all that is read and
   * told of them is the thread.
   */
  readonly passing?: Uint8Array;
  passed?(tid: number): void;
  /** Types (1 at their code) of which the handler wants thread and file first: when it says true, nothing more is read of the event. */
  readonly settling?: Uint8Array;
  settled?(code: number, tid: number, fd: number): boolean;
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

const FD_BYTES = 8;
/** Types that nobody asks about pass when they have this many parameters; the others never. */
const NEVER = -1;

export class CaptureReader extends BlockReader {
  readonly counts: CaptureCounts = {
    events: 0,
    unknownBlocks: 0,
    unknownEvents: 0,
    damagedEvents: 0,
    mergedEvents: 0,
  };
  readonly #handler: CaptureHandler;
  readonly #converter = new Converter();
  readonly #event = new CaptureEvent();
  /** How many parameters an event of the type has to have for this. */
  readonly #passing: Int16Array;
  readonly #settling: Int16Array;

  constructor(handler: CaptureHandler) {
    super();
    this.#handler = handler;
    const countIf = (chosen: Uint8Array | undefined, { code, parameters }: EventInfo): number =>
      chosen?.[code] === 1 && CONVERSION_OF[code] !== CONVERTS.always ? parameters.length : NEVER;
    this.#passing = Int16Array.from(EVENT_TABLE, (info) => countIf(handler.passing, info));
    this.#settling = Int16Array.from(EVENT_TABLE, (info) =>
      (info.flags & EVENT_FLAG.large) === 0 && (FD_PARAMETER[info.code] ?? -1) >= 0
        ? countIf(handler.settling, info)
        : NEVER,
    );
  }

  protected override block(type: number, place: BlockPlace): void {
    switch (type) {
      case BLOCK.event2:
      case BLOCK.event2Large:
        this.#readEvent(place, place.start + CPU_BYTES);
        return;
      case BLOCK.flaggedEvent2:
      case BLOCK.flaggedEvent2Large:
        this.#readEvent(place, place.start + CPU_BYTES + BLOCK_FLAG_BYTES);
        return;
      case BLOCK.event:
        this.#readFirstEvent(place, place.start + CPU_BYTES);
        return;
      case BLOCK.flaggedEvent:
        this.#readFirstEvent(place, place.start + CPU_BYTES + BLOCK_FLAG_BYTES);
        return;
      case BLOCK.sectionHeader:
        this.#converter.clear();
        this.#handler.section(place.littleEndian);
        return;
      default:
        this.#list(type, place);
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

  /** `at` is the place of the header, which has the number of parameters. */
  #readEvent(place: BlockPlace, at: number): void {
    const { view, littleEndian, end } = place;
    if (at + EVENT_HEADER_2_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    const code = view.getUint16(at + 20, littleEndian);
    const written = view.getUint32(at + 22, littleEndian);
    if (this.#passing[code] === written) {
      this.counts.events += 1;
      this.#handler.passed?.(longAt(view, at + 8, littleEndian));
      return;
    }
    if (this.#settling[code] === written && this.#isSettled(place, at, code)) {
      this.counts.events += 1;
      return;
    }
    const event = this.#event;
    if (!event.begin(place, at, code)) {
      this.counts.unknownEvents += 1;
      return;
    }
    const length = view.getUint32(at + 16, littleEndian);
    if (at + length > end || !event.place(at + EVENT_HEADER_2_BYTES, at + length, written)) {
      this.counts.damagedEvents += 1;
      return;
    }
    const form = CONVERSION_OF[code];
    if (form === CONVERTS.never || (form === CONVERTS.byCount && written === event.info.parameters.length)) {
      this.#pass(event);
    } else this.#convert(event);
  }

  /** False also when anything about the event is unusual: then it is read as every other. */
  #isSettled({ view, littleEndian, end }: BlockPlace, at: number, code: number): boolean {
    const lengths = at + EVENT_HEADER_2_BYTES;
    const fdPlace = FD_PARAMETER[code] ?? 0;
    const count = this.#settling[code] ?? 0;
    const eventEnd = at + view.getUint32(at + 16, littleEndian);
    let value = lengths + 2 * count;
    if (eventEnd > end || value > eventEnd) return false;
    for (let index = 0; index < fdPlace; index += 1) value += view.getUint16(lengths + 2 * index, littleEndian);
    if (view.getUint16(lengths + 2 * fdPlace, littleEndian) !== FD_BYTES || value + FD_BYTES > eventEnd) return false;
    const tid = longAt(view, at + 8, littleEndian);
    return this.#handler.settled?.(code, tid, longAt(view, value, littleEndian)) === true;
  }

  /** The first version has no number of parameters: it is the one with which the lengths add up. */
  #readFirstEvent(place: BlockPlace, at: number): void {
    const { view, littleEndian, end } = place;
    if (at + EVENT_HEADER_BYTES > end) {
      this.counts.damagedEvents += 1;
      return;
    }
    const event = this.#event;
    const code = view.getUint16(at + 20, littleEndian);
    if (!event.begin(place, at, code)) {
      this.counts.unknownEvents += 1;
      return;
    }
    let length = view.getUint32(at + 16, littleEndian);
    if (code === CODE.notification || code === CODE.infrastructure) length -= LEGACY_LENGTH_SURPLUS;
    for (let written = event.info.parameters.length; written >= 0 && at + length <= end; written -= 1) {
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
