/**
 * Reads fields one after another from a block. Beyond the end it gives zeros and remembers that it was asked, so that a list can
 * be read to where it breaks off and no read ever leaves the block.
 */

const TWO_32 = 0x1_0000_0000;

export class Cursor {
  readonly bytes: Buffer;
  readonly littleEndian: boolean;
  readonly end: number;
  at: number;
  /** More was read than there was. */
  overrun = false;

  constructor(bytes: Buffer, range: { readonly start: number; readonly end: number }, littleEndian: boolean) {
    this.bytes = bytes;
    this.at = range.start;
    this.end = Math.min(range.end, bytes.length);
    this.littleEndian = littleEndian;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.#take(1) ? this.bytes.readUInt8(this.at - 1) : 0;
  }

  u16(): number {
    if (!this.#take(2)) return 0;
    return this.littleEndian ? this.bytes.readUInt16LE(this.at - 2) : this.bytes.readUInt16BE(this.at - 2);
  }

  u32(): number {
    if (!this.#take(4)) return 0;
    return this.littleEndian ? this.bytes.readUInt32LE(this.at - 4) : this.bytes.readUInt32BE(this.at - 4);
  }

  u64(): bigint {
    if (!this.#take(8)) return 0n;
    return this.littleEndian ? this.bytes.readBigUInt64LE(this.at - 8) : this.bytes.readBigUInt64BE(this.at - 8);
  }

  /** Signed, as a number: exact up to 53 bits. */
  i64(): number {
    if (!this.#take(8)) return 0;
    return this.littleEndian
      ? this.bytes.readInt32LE(this.at - 4) * TWO_32 + this.bytes.readUInt32LE(this.at - 8)
      : this.bytes.readInt32BE(this.at - 8) * TWO_32 + this.bytes.readUInt32BE(this.at - 4);
  }

  /** A view of `length` bytes; shorter, and an overrun, when they are not there. */
  raw(length: number): Buffer {
    const available = Math.min(length, this.left);
    if (available < length) this.overrun = true;
    const view = this.bytes.subarray(this.at, this.at + available);
    this.at += available;
    return view;
  }

  /** A length of 16 bits, then that many bytes. */
  counted(): Buffer {
    return this.raw(this.u16());
  }

  text(): string {
    const raw = this.counted();
    const zero = raw.indexOf(0);
    return raw.toString('utf8', 0, zero === -1 ? raw.length : zero);
  }

  /** Moves to a place, never beyond the end. */
  seek(at: number): void {
    this.at = Math.min(Math.max(at, this.at), this.end);
  }

  #take(size: number): boolean {
    if (this.left < size) {
      this.overrun = true;
      this.at = this.end;
      return false;
    }
    this.at += size;
    return true;
  }
}
