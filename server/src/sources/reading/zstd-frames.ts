/**
 * Zstandard, one frame after another. It follows frames and blocks itself and lets the library unpack one block at a time:
 * so memory is bounded (a block is at most 128 KiB, whatever a hostile file says), concatenated frames are read, and a cut
 * file gives everything before the cut.
 *
 *   magic 4 │ descriptor 1 │ window 0–1 │ dictionary 0–4 │ size 0–8 │ block* │ checksum 0|4
 *   block: 3 bytes (bit 0 last, bits 1–2 type: 0 raw 1 repeated 2 packed, bits 3–23 size), then its bytes
 */
import { Decompress } from 'fzstd';

export const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What a frame may ask us to remember: what the format’s own tool grants unasked. Ordinary levels need 8 MiB. */
export const LARGEST_WINDOW_BYTES = 128 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);
const REPEATED = 1;
const RESERVED = 3;

type Expected = 'frame' | 'block' | 'checksum' | 'skipped';

export class ZstdFrames {
  #buffer: Buffer = EMPTY;
  #expected: Expected = 'frame';
  #skipBytes = 0;
  #hasChecksum = false;
  #unpacker: Decompress | null = null;
  #out: Buffer[] = [];

  /** Unpacks what is complete, a block at a time. Throws on damage, after everything before it was yielded. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    while (this.#advance()) {
      for (const bytes of this.#out.splice(0)) yield bytes;
    }
  }

  /** False when the bytes ended within a frame. */
  get isComplete(): boolean {
    return this.#expected === 'frame' && this.#buffer.length === 0;
  }

  /** One step; false when more bytes are needed. */
  #advance(): boolean {
    switch (this.#expected) {
      case 'frame':
        return this.#beginFrame();
      case 'block':
        return this.#unpackBlock();
      case 'checksum':
        if (this.#buffer.length < 4) return false;
        this.#take(4);
        this.#expected = 'frame';
        return true;
      case 'skipped': {
        const skipped = this.#take(Math.min(this.#skipBytes, this.#buffer.length)).length;
        this.#skipBytes -= skipped;
        if (this.#skipBytes === 0) this.#expected = 'frame';
        return this.#skipBytes === 0;
      }
    }
  }

  #beginFrame(): boolean {
    const buffer = this.#buffer;
    if (buffer.length < 8) return false;
    const magic = buffer.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      this.#skipBytes = buffer.readUInt32LE(4);
      this.#take(8);
      this.#expected = this.#skipBytes === 0 ? 'frame' : 'skipped';
      return true;
    }
    if (magic !== ZSTD_MAGIC) throw new Error('what follows a frame is no frame');
    const header = frameHeader(buffer);
    if (buffer.length < header.sizeBytes) return false;
    const windowBytes = header.windowBytes(buffer);
    if (windowBytes > LARGEST_WINDOW_BYTES) {
      throw new Error(`a frame wants a window of ${windowBytes} bytes, more than ${LARGEST_WINDOW_BYTES}`);
    }
    if (header.hasDictionary) throw new Error('a frame needs a dictionary');
    this.#hasChecksum = header.hasChecksum;
    this.#unpacker = new Decompress((bytes) => {
      if (bytes.length > 0) this.#out.push(Buffer.from(bytes));
    });
    this.#feed(this.#take(header.sizeBytes));
    this.#expected = 'block';
    return true;
  }

  #unpackBlock(): boolean {
    if (this.#buffer.length < 3) return false;
    const header = this.#buffer.readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    if (type === RESERVED) throw new Error('a block is of no known type');
    const size = 3 + (type === REPEATED ? 1 : header >> 3);
    if (this.#buffer.length < size) return false;
    this.#feed(this.#take(size));
    if ((header & 1) === 1) {
      this.#unpacker = null;
      this.#expected = this.#hasChecksum ? 'checksum' : 'frame';
    }
    return true;
  }

  #feed(bytes: Buffer): void {
    this.#unpacker?.push(bytes);
  }

  #take(size: number): Buffer {
    const taken = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    return taken;
  }
}

function frameHeader(buffer: Buffer) {
  const descriptor = buffer[4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeFlag = descriptor >> 6;
  const contentBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  const windowAt = 5;
  const contentAt = windowAt + (isSingle ? 0 : 1) + dictionaryBytes;
  return {
    sizeBytes: contentAt + contentBytes,
    hasChecksum: (descriptor & 4) !== 0,
    hasDictionary: dictionaryBytes > 0,
    windowBytes: (whole: Buffer): number => {
      if (!isSingle) {
        const window = whole[windowAt] ?? 0;
        const base = 2 ** (10 + (window >> 3));
        return base + (base / 8) * (window & 7);
      }
      if (contentBytes === 8) return Number(whole.readBigUInt64LE(contentAt));
      return whole.readUIntLE(contentAt, contentBytes) + (contentBytes === 2 ? 256 : 0);
    },
  };
}
