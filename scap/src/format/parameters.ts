/**
 * The parameters of one event as places in a buffer: nothing is decoded before somebody asks for it.
 *
 * The surprise: a place can be absent (beyond the count), empty (length 0) or shorter than its type, since writers of all ages
 * made captures. Numbers are read from the bytes that are there.
 */
import { MOST_PARAMETERS } from './event-table.ts';

const TWO_32 = 0x1_0000_0000;
const NO_BYTES = Buffer.alloc(0);
/** What older writers put for a text that was not there. */
const LEGACY_NULL = '(NULL)';
/** How a text prints that is not there. */
export const ABSENT_TEXT = '<NA>';

export class Parameters {
  bytes: Buffer = NO_BYTES;
  littleEndian = true;
  count = 0;
  readonly offsets = new Int32Array(MOST_PARAMETERS);
  readonly lengths = new Int32Array(MOST_PARAMETERS);

  /** Present with at least one byte. */
  has(index: number): boolean {
    return index < this.count && this.#length(index) > 0;
  }

  length(index: number): number {
    return index < this.count ? this.#length(index) : 0;
  }

  offset(index: number): number {
    return this.offsets[index] ?? 0;
  }

  #length(index: number): number {
    return this.lengths[index] ?? 0;
  }

  /** Unsigned, up to 32 bits; longer values give their lower half, absent ones 0. */
  u32(index: number): number {
    const at = this.offset(index);
    switch (this.length(index)) {
      case 0:
        return 0;
      case 1:
        return this.bytes[at] ?? 0;
      case 2:
      case 3:
        return this.littleEndian ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
      case 4:
      case 5:
      case 6:
      case 7:
        return this.littleEndian ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
      default:
        return this.littleEndian ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at + 4);
    }
  }

  /** Signed, of 64 bits or what is there, as a number: exact up to 53 bits. */
  i64(index: number): number {
    const at = this.offset(index);
    switch (this.length(index)) {
      case 0:
        return 0;
      case 1:
        return this.bytes.readInt8(at);
      case 2:
      case 3:
        return this.littleEndian ? this.bytes.readInt16LE(at) : this.bytes.readInt16BE(at);
      case 4:
      case 5:
      case 6:
      case 7:
        return this.littleEndian ? this.bytes.readInt32LE(at) : this.bytes.readInt32BE(at);
      default:
        return this.littleEndian
          ? this.bytes.readInt32LE(at + 4) * TWO_32 + this.bytes.readUInt32LE(at)
          : this.bytes.readInt32BE(at) * TWO_32 + this.bytes.readUInt32BE(at + 4);
    }
  }

  u64(index: number): bigint {
    if (this.length(index) < 8) return BigInt(this.u32(index));
    const at = this.offset(index);
    return this.littleEndian ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at);
  }

  /** Up to the first zero byte; `<NA>` when empty or what older writers put for that. */
  text(index: number): string {
    if (!this.has(index)) return ABSENT_TEXT;
    const text = textAt(this.bytes, this.offset(index), this.length(index));
    return text === LEGACY_NULL && this.length(index) === LEGACY_NULL.length + 1 ? ABSENT_TEXT : text;
  }

  /** Texts with a zero byte between them. */
  texts(index: number): readonly string[] {
    return this.has(index) ? splitTexts(this.bytes, this.offset(index), this.length(index)) : [];
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
      end = Math.max(end, this.offset(index) + this.#length(index));
      copy.lengths[index] = this.#length(index);
      copy.offsets[index] = this.offset(index) - first;
    }
    copy.bytes = Buffer.from(this.bytes.subarray(first, end));
    return copy;
  }
}

/** The text in `length` bytes, up to the first zero byte. */
export function textAt(bytes: Buffer, offset: number, length: number): string {
  const end = offset + length;
  const zero = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, zero === -1 || zero > end ? end : zero);
}

/** `a\0b\0` and `a\0b` are two texts, no bytes are none. */
export function splitTexts(bytes: Buffer, offset: number, length: number): readonly string[] {
  if (length <= 0) return [];
  const end = bytes[offset + length - 1] === 0 ? offset + length - 1 : offset + length;
  if (end === offset) return [];
  return bytes.toString('utf8', offset, end).split('\0');
}
