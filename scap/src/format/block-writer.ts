/**
 * Puts blocks together, in one byte order. What is finished is handed on in pieces of whole blocks; the pieces belong to whoever
 * gets them.
 */
import { LONGEST_BLOCK_BYTES } from './blocks.ts';

const PIECE_BYTES = 64 * 1024;
const LARGEST_U32 = 0xffff_ffff;
const ALIGNMENT = 4;

export class BlockWriter {
  littleEndian = true;
  readonly #onBytes: (bytes: Buffer) => void;
  #bytes = Buffer.allocUnsafe(PIECE_BYTES);
  #at = 0;
  /** Where the open block began, and the open entry of a list; -1 when none is open. */
  #block = -1;
  #entry = -1;

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  get isOpen(): boolean {
    return this.#block !== -1;
  }

  /** Of the open block, so far. */
  get blockBytes(): number {
    return this.isOpen ? this.#at - this.#block : 0;
  }

  begin(type: number): void {
    this.#block = this.#at;
    this.u32(type);
    this.u32(0);
  }

  /** @throws RangeError when the block is longer than any reader takes. */
  end(): void {
    while ((this.#at - this.#block) % ALIGNMENT !== 0) this.u8(0);
    const length = this.#at - this.#block + 4;
    if (length > LONGEST_BLOCK_BYTES) {
      this.#at = this.#block;
      this.#block = -1;
      throw new RangeError(`a block of ${length} bytes, ${LONGEST_BLOCK_BYTES} at most`);
    }
    this.u32(length);
    this.#putU32(this.#block + 4, length);
    this.#block = -1;
    if (this.#at >= PIECE_BYTES) this.flush();
  }

  /** An entry begins with its length. */
  beginEntry(): void {
    this.#entry = this.#at;
    this.u32(0);
  }

  /** `uncounted`: how many bytes of the entry its length does not count. */
  endEntry(uncounted = 0): void {
    this.#putU32(this.#entry, this.#at - this.#entry - uncounted);
    this.#entry = -1;
  }

  /** Hands on every block that is finished. */
  flush(): void {
    const end = this.isOpen ? this.#block : this.#at;
    if (end === 0) return;
    const done = this.#bytes.subarray(0, end);
    const rest = this.#bytes.subarray(end, this.#at);
    this.#bytes = Buffer.allocUnsafe(Math.max(PIECE_BYTES, rest.length));
    rest.copy(this.#bytes);
    this.#at = rest.length;
    if (this.isOpen) this.#block = 0;
    this.#onBytes(done);
  }

  u8(value: number): void {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value & 0xff, this.#at);
  }

  u16(value: number): void {
    this.#room(2);
    const { littleEndian } = this;
    this.#at = littleEndian
      ? this.#bytes.writeUInt16LE(value & 0xffff, this.#at)
      : this.#bytes.writeUInt16BE(value & 0xffff, this.#at);
  }

  u32(value: number): void {
    this.#room(4);
    this.#putU32(this.#at, value);
    this.#at += 4;
  }

  /** Signed numbers too: as the bits that they are. */
  u64(value: bigint): void {
    this.#room(8);
    const bits = BigInt.asUintN(64, value);
    this.#at = this.littleEndian
      ? this.#bytes.writeBigUInt64LE(bits, this.#at)
      : this.#bytes.writeBigUInt64BE(bits, this.#at);
  }

  i64(value: number): void {
    this.u64(BigInt(value));
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A length of 16 bits, then that many bytes: what is beyond `most` is left out, at the boundary of a character. */
  text(text: string, most: number): void {
    const bytes = Buffer.from(text);
    this.counted(bytes.length <= most ? bytes : bytes.subarray(0, boundary(bytes, most)));
  }

  /** Texts with a zero byte after each: as many as fit whole. */
  texts(texts: readonly string[], most: number): void {
    const parts: Buffer[] = [];
    let length = 0;
    for (const text of texts) {
      const bytes = Buffer.from(`${text}\0`);
      if (length + bytes.length > most) break;
      parts.push(bytes);
      length += bytes.length;
    }
    this.counted(Buffer.concat(parts, length));
  }

  counted(bytes: Uint8Array): void {
    this.u16(bytes.length);
    this.raw(bytes);
  }

  #putU32(at: number, value: number): void {
    const bits = (value & LARGEST_U32) >>> 0;
    if (this.littleEndian) this.#bytes.writeUInt32LE(bits, at);
    else this.#bytes.writeUInt32BE(bits, at);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#at + size, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** UTF-8 goes on with bytes of the form 10xxxxxx. */
function boundary(bytes: Uint8Array, most: number): number {
  let at = most;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
