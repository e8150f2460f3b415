/**
 * The outermost layer: a stream of bytes → blocks. The bytes may be cut anywhere; a block is handed on when it is complete.
 *
 *     ┌──────┬───────────────┬──────── … ────────┬───────────────┐
 *     │ type │ total length  │ body              │ total length  │    type and lengths: 32 bits
 *     └──────┴───────────────┴──────── … ────────┴───────────────┘
 *
 * Both byte orders: the magic number of a section header says which the section has. Memory is bounded by the longest block that
 * is accepted; a length beyond that is damage, not a reason to allocate.
 */

import { viewOf } from './parameters.ts';

export const BLOCK = {
  sectionHeader: 0x0a0d0d0a,
  machineInfo: 0x201,
  processes: [0x202, 0x207, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214, 0x215],
  fds: 0x203,
  fds2: 0x218,
  event: 0x204,
  event2: 0x216,
  event2Large: 0x221,
  interfaces: 0x205,
  interfaces2: 0x219,
  users: 0x206,
  users2: 0x220,
  flaggedEvent: 0x208,
  flaggedEvent2: 0x217,
  flaggedEvent2Large: 0x222,
} as const;

/** Numbers that the same blocks had before the format was registered. */
export const UNREGISTERED: ReadonlyMap<number, number> = new Map([
  [0x8002abcd, 0x201],
  [0x8000abcd, 0x202],
  [0x8013abcd, 0x207],
  [0x8014abcd, 0x209],
  [0x8001abcd, 0x203],
  [0x8010abcd, 0x204],
  [0x8011abcd, 0x205],
  [0x8012abcd, 0x206],
]);

const SMALLEST_UNREGISTERED = 0x8000_0000;
export const SECTION_MAGIC = 0x1a2b3c4d;
const HEADER_BYTES = 8;
const TRAILER_BYTES = 4;
const SMALLEST_BLOCK_BYTES = HEADER_BYTES + TRAILER_BYTES;
const SECTION_BYTES = 28;
/** A large event holds at most 4 GiB by its length field; nobody writes such, and nobody may make us hold it. */
export const LONGEST_BLOCK_BYTES = 64 * 1024 * 1024;
const SUPPORTED_MAJOR = 1;

/** Where a block lies. One object is filled again for every block. */
export class BlockPlace {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = viewOf(this.bytes);
  start = 0;
  end = 0;
  littleEndian = true;
}

/** Why reading had to stop. */
export class CaptureDamage extends Error {}

/** What a block that comes in pieces gets at first. It doubles as bytes arrive: a length alone makes nobody allocate. */
const FIRST_CARRIED_BYTES = 4096;
/** Memory beyond this is given back when the block is done. */
const MOST_KEPT_BYTES = 1024 * 1024;

/**
 * Fed with chunks of any size. A block that lies whole in a chunk is handed on where it lies; only one that is cut is copied,
 * and of that no more than has come.
 */
export abstract class BlockReader {
  readonly #place = new BlockPlace();
  #carried = Buffer.alloc(0);
  #held = 0;
  /** How many bytes it takes to go on: of the header first, then of the whole block. */
  #needed = HEADER_BYTES;
  #begun = false;
  #position = 0;

  /** Takes one complete block, without header and trailer. The place is valid during the call only. */
  protected abstract block(type: number, place: BlockPlace): void;

  /** Bytes of the block that is not complete yet: never more than the longest block. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere: from a file, a pipe or a socket that never ends. Everything that is
   * complete is handed on before it returns; the chunk belongs to the caller again afterwards.
   * @throws CaptureDamage when this is not, or no longer, a capture. Nothing more can be written then.
   */
  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (this.#held > 0 && at < bytes.length) at = this.#complete(bytes, at);
    if (at >= bytes.length) return;
    at = this.#walk(bytes, at, bytes.length);
    this.#carry(bytes, at, bytes.length);
  }

  /** @throws CaptureDamage when the capture breaks off, or nothing came at all. */
  end(): void {
    if (!this.#begun) this.#stop('this is not a capture', 0);
    if (this.#held > 0) this.#stop(`the capture ends within a block (${this.#held} bytes left)`, 0);
  }

  /** Adds to what is carried what it lacks, and hands it on when it is whole. Where the rest of the chunk begins. */
  #complete(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#needed - this.#held);
    this.#carry(bytes, from, to);
    if (this.#held < this.#needed) return to;
    const length = this.#held;
    // Either all of it is a block, or it is still too little, now of a larger need.
    if (this.#walk(this.#carried, 0, length) !== length) return to;
    this.#held = 0;
    if (length > MOST_KEPT_BYTES) this.#carried = Buffer.alloc(0);
    return to;
  }

  #carry(bytes: Buffer, from: number, to: number): void {
    const length = this.#held + to - from;
    if (length > this.#carried.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#carried.length, FIRST_CARRIED_BYTES));
      this.#carried.copy(larger, 0, 0, this.#held);
      this.#carried = larger;
    }
    bytes.copy(this.#carried, this.#held, from, to);
    this.#held = length;
  }

  /** Hands on every block that is whole between `from` and `to`. Where the first one begins that is not. */
  #walk(bytes: Buffer, from: number, to: number): number {
    const view = viewOf(bytes);
    const place = this.#place;
    place.bytes = bytes;
    place.view = view;
    let { littleEndian } = place;
    let at = from;
    this.#needed = HEADER_BYTES;
    while (to - at >= HEADER_BYTES) {
      const type = view.getUint32(at, littleEndian);
      if (type === BLOCK.sectionHeader || !this.#begun) {
        if (type === BLOCK.sectionHeader && to - at < SECTION_BYTES) {
          this.#needed = SECTION_BYTES;
          break;
        }
        littleEndian = this.#beginSection(view, at, type);
      }
      const length = view.getUint32(at + 4, littleEndian);
      if (length < SMALLEST_BLOCK_BYTES || length > LONGEST_BLOCK_BYTES) this.#refuse(length, at - from);
      if (to - at < length) {
        this.#needed = length;
        break;
      }
      if (view.getUint32(at + length - TRAILER_BYTES, littleEndian) !== length) {
        this.#stop('two lengths of a block differ', at - from);
      }
      place.start = at + HEADER_BYTES;
      place.end = at + length - TRAILER_BYTES;
      this.block(type < SMALLEST_UNREGISTERED ? type : (UNREGISTERED.get(type) ?? type), place);
      at += length;
    }
    this.#position += at - from;
    return at;
  }

  /** The byte order of the section: it is the one in which its magic number makes sense. */
  #beginSection(view: DataView, at: number, type: number): boolean {
    if (type !== BLOCK.sectionHeader) this.#stop('this is not a capture', 0);
    const littleEndian = view.getUint32(at + 8, true) === SECTION_MAGIC;
    if (!littleEndian && view.getUint32(at + 8, false) !== SECTION_MAGIC) {
      this.#stop('the magic number of a section header is wrong', at);
    }
    const major = view.getUint16(at + 12, littleEndian);
    if (major > SUPPORTED_MAJOR) this.#stop(`version ${major} of the format is not known`, at);
    this.#begun = true;
    this.#place.littleEndian = littleEndian;
    return littleEndian;
  }

  #refuse(length: number, at: number): never {
    if (length < SMALLEST_BLOCK_BYTES) this.#stop(`a block of ${length} bytes`, at);
    this.#stop(`a block of ${length} bytes, ${LONGEST_BLOCK_BYTES} at most`, at);
  }

  #stop(reason: string, at: number): never {
    throw new CaptureDamage(`${reason} (at byte ${this.#position + at})`);
  }
}
