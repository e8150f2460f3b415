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

const SECTION_MAGIC = 0x1a2b3c4d;
const HEADER_BYTES = 8;
const TRAILER_BYTES = 4;
const SECTION_BYTES = 28;
/** A large event holds at most 4 GiB by its length field; nobody writes such, and nobody may make us hold it. */
export const LONGEST_BLOCK_BYTES = 64 * 1024 * 1024;
const SUPPORTED_MAJOR = 1;

/** One complete block. `bytes` holds it from `start` to `end`, without header and trailer. */
export type BlockHandler = (type: number, bytes: Buffer, start: number, end: number, littleEndian: boolean) => void;

/** Why reading had to stop. */
export class CaptureDamage extends Error {}

export class BlockReader {
  readonly #handle: BlockHandler;
  /** What came and is not handed on yet; joined only when a whole block is there. */
  #pieces: Buffer[] = [];
  #held = 0;
  #needed = HEADER_BYTES;
  #littleEndian = true;
  #begun = false;
  #position = 0;

  constructor(handle: BlockHandler) {
    this.#handle = handle;
  }

  /** @throws CaptureDamage when the bytes cannot be a capture; what was complete before was handed on. */
  write(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    const [first] = this.#pieces;
    const bytes = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.#held);
    let at = 0;
    this.#needed = HEADER_BYTES;
    try {
      while (bytes.length - at >= HEADER_BYTES) {
        const type = this.#type(bytes, at);
        if (type === null) {
          this.#needed = SECTION_BYTES;
          break;
        }
        const length = this.#u32(bytes, at + 4);
        this.#check(length, at);
        if (bytes.length - at < length) {
          this.#needed = length;
          break;
        }
        if (this.#u32(bytes, at + length - TRAILER_BYTES) !== length) this.#stop('two lengths of a block differ', at);
        const known = UNREGISTERED.get(type) ?? type;
        this.#handle(known, bytes, at + HEADER_BYTES, at + length - TRAILER_BYTES, this.#littleEndian);
        at += length;
      }
    } finally {
      this.#position += at;
      this.#held = bytes.length - at;
      // What is carried must not keep the whole chunk alive.
      this.#pieces = this.#held === 0 ? [] : [Buffer.from(bytes.subarray(at))];
    }
  }

  /** @throws CaptureDamage when bytes are left over or nothing came at all. */
  end(): void {
    if (!this.#begun) this.#stop('this is not a capture', 0);
    if (this.#held > 0) this.#stop(`the capture ends within a block (${this.#held} bytes left)`, 0);
  }

  /** The block's type; null while too little of a section header is there to tell its byte order. */
  #type(bytes: Buffer, at: number): number | null {
    const type = this.#u32(bytes, at);
    if (type !== BLOCK.sectionHeader) {
      if (!this.#begun) this.#stop('this is not a capture', at);
      return type;
    }
    if (bytes.length - at < SECTION_BYTES) return null;
    if (bytes.readUInt32LE(at + 8) === SECTION_MAGIC) this.#littleEndian = true;
    else if (bytes.readUInt32BE(at + 8) === SECTION_MAGIC) this.#littleEndian = false;
    else this.#stop('the magic number of a section header is wrong', at);
    const major = this.#littleEndian ? bytes.readUInt16LE(at + 12) : bytes.readUInt16BE(at + 12);
    if (major > SUPPORTED_MAJOR) this.#stop(`version ${major} of the format is not known`, at);
    this.#begun = true;
    return type;
  }

  #check(length: number, at: number): void {
    if (length < HEADER_BYTES + TRAILER_BYTES) this.#stop(`a block of ${length} bytes`, at);
    if (length > LONGEST_BLOCK_BYTES) this.#stop(`a block of ${length} bytes, ${LONGEST_BLOCK_BYTES} at most`, at);
  }

  #u32(bytes: Buffer, at: number): number {
    return this.#littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #stop(reason: string, at: number): never {
    throw new CaptureDamage(`${reason} (at byte ${this.#position + at})`);
  }
}
