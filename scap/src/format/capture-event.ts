/**
 * One event of a capture: its header and its parameters. One object is filled again for every event.
 *
 *     ┌─────┬─────────┬────────┬────────────┬─────────┬──────────────┐
 *     │ CPU │ (flags) │ header │ n lengths  │ values  │              │    header: time 8 · thread 8 · length 4 · type 2 · n 4
 *     └─────┴─────────┴────────┴────────────┴─────────┴──────────────┘    lengths: 16 bits, 32 in large events
 *
 * The surprise: an event that was put into today's form has its header in the capture, its parameters elsewhere.
 */
import type { BlockPlace } from './blocks.ts';
import { EVENT_FLAG, EVENT_TABLE, type EventInfo, MOST_PARAMETERS } from './event-table.ts';
import { longAt, Parameters, viewOf } from './parameters.ts';

const NO_EVENT: EventInfo = { code: 0, name: '', isExit: false, category: 0, flags: 0, parameters: [] };
const NO_HEADER = viewOf(Buffer.alloc(32));
const CPU_BYTES = 2;

/** The bit of an event's flags that says: it changed state, but rules shall not see it. */
export const STATE_ONLY = 1;

export class CaptureEvent extends Parameters {
  code = 0;
  info: EventInfo = NO_EVENT;
  tid = 0;
  /** Counted from 1, over all events that are handed on. */
  number = 0;
  #header: DataView = NO_HEADER;
  #at = CPU_BYTES;
  #start = 0;
  #isHeaderLittleEndian = true;

  /** Reads type and thread; `at` is the header's place. The parameters are not placed yet. False when the type is not known. */
  begin(block: BlockPlace, at: number, code: number): boolean {
    const info = EVENT_TABLE[code];
    if (info === undefined) return false;
    const { view, littleEndian } = block;
    this.code = code;
    this.info = info;
    this.#header = view;
    this.#at = at;
    this.#start = block.start;
    this.#isHeaderLittleEndian = littleEndian;
    this.tid = longAt(view, at + 8, littleEndian);
    this.bytes = block.bytes;
    this.view = view;
    this.littleEndian = littleEndian;
    this.count = 0;
    return true;
  }

  /** Places `written` parameters whose lengths begin at `at`. False when they do not fit before `end`. */
  place(at: number, end: number, written: number): boolean {
    const { view, info, littleEndian, offsets, lengths } = this;
    const isLarge = (info.flags & EVENT_FLAG.large) !== 0;
    const size = isLarge ? 4 : 2;
    if (written > (end - at) / size) return false;
    const count = Math.min(written, info.parameters.length, MOST_PARAMETERS);
    let value = at + written * size;
    offsets[0] = value;
    for (let index = 0; index < count; index += 1) {
      const length = isLarge
        ? view.getUint32(at + index * 4, littleEndian)
        : view.getUint16(at + index * 2, littleEndian);
      if (value + length > end) return false;
      offsets[index] = value;
      lengths[index] = length;
      value += length;
    }
    this.count = count;
    return true;
  }

  /** Where the last parameter ends; for an event without any, where it would begin. */
  get parametersEnd(): number {
    return this.count === 0 ? this.offset(0) : this.offset(this.count - 1) + this.length(this.count - 1);
  }

  /** Nanoseconds since 1970. */
  get timeNs(): bigint {
    return this.#header.getBigUint64(this.#at, this.#isHeaderLittleEndian);
  }

  /** The lower and the upper half of it: a quarter of the price. */
  get timeLow(): number {
    return this.#header.getUint32(this.#isHeaderLittleEndian ? this.#at : this.#at + 4, this.#isHeaderLittleEndian);
  }

  get timeHigh(): number {
    return this.#header.getUint32(this.#isHeaderLittleEndian ? this.#at + 4 : this.#at, this.#isHeaderLittleEndian);
  }

  get cpu(): number {
    return this.#header.getUint16(this.#start, this.#isHeaderLittleEndian);
  }

  /** Of the block, not of the type: `STATE_ONLY`. */
  get blockFlags(): number {
    if (this.#at === this.#start + CPU_BYTES) return 0;
    return this.#header.getUint32(this.#start + CPU_BYTES, this.#isHeaderLittleEndian);
  }

  /** The result of the call, where the event has one. */
  get result(): number {
    return this.i64(0);
  }
}
