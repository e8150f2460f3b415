/**
 * The parameters of one event as places in a buffer: nothing is decoded before somebody asks for it.
 *
 * The surprise: a place can be absent (beyond the count), empty (length 0) or shorter than its type, since writers of all ages
 * made captures. Numbers are read from the bytes that are there.
 */
import { MOST_PARAMETERS } from './event-table.ts';
import { textAt } from './text-cache.ts';

export const TWO_32 = 0x1_0000_0000;
const NO_BYTES = Buffer.alloc(0);
/** What older writers put for a text that was not there. */
const LEGACY_NULL = '(NULL)';
/** How a text prints that is not there. */
export const ABSENT_TEXT = '<NA>';

export class Parameters {
  bytes: Buffer = NO_BYTES;
  /** The same memory as `bytes`. */
  view: DataView = viewOf(NO_BYTES);
  littleEndian = true;
  count = 0;
  readonly offsets = new Int32Array(MOST_PARAMETERS);
  readonly lengths = new Int32Array(MOST_PARAMETERS);

  /** Present with at least one byte. */
  has(index: number): boolean {
    return index < this.count && (this.lengths[index] ?? 0) > 0;
  }

  length(index: number): number {
    return index < this.count ? (this.lengths[index] ?? 0) : 0;
  }

  offset(index: number): number {
    return this.offsets[index] ?? 0;
  }

  /** Unsigned, up to 32 bits; longer values give their lower half, absent ones 0. */
  u32(index: number): number {
    const length = this.length(index);
    const at = this.offset(index);
    if (length >= 8) return this.view.getUint32(this.littleEndian ? at : at + 4, this.littleEndian);
    if (length >= 4) return this.view.getUint32(at, this.littleEndian);
    if (length >= 2) return this.view.getUint16(at, this.littleEndian);
    return length === 0 ? 0 : this.view.getUint8(at);
  }

  /** Signed, of 64 bits or what is there, as a number: exact up to 53 bits. */
  i64(index: number): number {
    const length = this.length(index);
    const at = this.offset(index);
    if (length >= 8) return longAt(this.view, at, this.littleEndian);
    if (length >= 4) return this.view.getInt32(at, this.littleEndian);
    if (length >= 2) return this.view.getInt16(at, this.littleEndian);
    return length === 0 ? 0 : this.view.getInt8(at);
  }

  u64(index: number): bigint {
    if (this.length(index) < 8) return BigInt(this.u32(index));
    return this.view.getBigUint64(this.offset(index), this.littleEndian);
  }

  /** The upper 32 bits of 64. */
  high(index: number): number {
    if (this.length(index) < 8) return 0;
    const at = this.offset(index);
    return this.view.getUint32(this.littleEndian ? at + 4 : at, this.littleEndian);
  }

  /** Up to the first zero byte. Empty when it is not there, `<NA>` when an older writer said that. */
  text(index: number): string {
    const length = this.length(index);
    if (length === 0) return '';
    const text = textAt(this.bytes, this.view, this.offset(index), length);
    return text === LEGACY_NULL && length === LEGACY_NULL.length + 1 ? ABSENT_TEXT : text;
  }

  /** Texts with a zero byte between them. */
  texts(index: number): readonly string[] {
    return splitTexts(this.bytes, this.offset(index), this.length(index));
  }

  /** A view, valid until the next event. */
  raw(index: number): Buffer {
    const at = this.offset(index);
    return this.bytes.subarray(at, at + this.length(index));
  }

  /** A copy that outlives the buffer. */
  copy(): Parameters {
    const copy = new Parameters();
    copy.littleEndian = this.littleEndian;
    copy.count = this.count;
    const first = this.offset(0);
    let end = first;
    for (let index = 0; index < this.count; index += 1) {
      end = Math.max(end, this.offset(index) + this.length(index));
      copy.lengths[index] = this.length(index);
      copy.offsets[index] = this.offset(index) - first;
    }
    copy.bytes = Buffer.from(this.bytes.subarray(first, end));
    copy.view = viewOf(copy.bytes);
    return copy;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Signed 64 bits as a number: exact up to 53 bits. */
export function longAt(view: DataView, at: number, littleEndian: boolean): number {
  const high = view.getInt32(littleEndian ? at + 4 : at, littleEndian);
  const low = view.getInt32(littleEndian ? at : at + 4, littleEndian);
  // Nearly all fit 32 bits: no other kind of number is made for them.
  return high === low >> 31 ? low : high * TWO_32 + (low >>> 0);
}

/** `a\0b\0` and `a\0b` are two texts, no bytes are none. */
export function splitTexts(bytes: Buffer, offset: number, length: number): readonly string[] {
  if (length <= 0) return [];
  const end = bytes[offset + length - 1] === 0 ? offset + length - 1 : offset + length;
  if (end === offset) return [];
  return bytes.toString('utf8', offset, end).split('\0');
}
