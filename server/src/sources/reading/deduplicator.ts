/**
 * Which events were seen before. Exact for the last `capacity` different ids, forgetting the oldest half at a time, so that
 * memory is bounded on an endless stream: at most 256 bytes for each id of the capacity, taken as ids come.
 *
 * Ids are kept as 128 bits: a UUID as it is, anything else as a hash. Two ids that are different and share all 128 bits
 * would be taken for one; with a hundred million ids the chance is below one in 10^22.
 */
import { createHash } from 'node:crypto';

export const DEFAULT_CAPACITY = 1_000_000;
const WORDS = 4;
const SMALLEST_SLOTS = 16_384;

export interface Deduplicator {
  /** True the first time an id comes; false when it was seen among the last `capacity`. */
  isNew(id: string): boolean;
}

export function createDeduplicator(capacity = DEFAULT_CAPACITY): Deduplicator {
  if (!Number.isSafeInteger(capacity) || capacity < 1)
    throw new RangeError('the capacity must be a whole number from 1 on');
  const words = new Uint32Array(WORDS);
  let young = new IdTable();
  let old = new IdTable();
  return {
    isNew(id) {
      wordsOf(id, words);
      if (old.has(words) || !young.add(words)) return false;
      if (young.size >= capacity) {
        old = young;
        young = new IdTable();
      }
      return true;
    },
  };
}

/** Open addressing, at most half full; four words a slot. The all-zero id has a flag of its own, as zero means empty. */
class IdTable {
  size = 0;
  #slots = SMALLEST_SLOTS;
  #words = new Uint32Array(SMALLEST_SLOTS * WORDS);
  #hasZero = false;

  has(id: Uint32Array): boolean {
    return isZero(id) ? this.#hasZero : this.#matches(this.#find(id), id);
  }

  /** False when it was there. */
  add(id: Uint32Array): boolean {
    if (this.has(id)) return false;
    this.size += 1;
    if (isZero(id)) {
      this.#hasZero = true;
      return true;
    }
    if (this.size * 2 > this.#slots) this.#grow();
    this.#put(id);
    return true;
  }

  #put(id: Uint32Array): void {
    const at = this.#find(id);
    for (let word = 0; word < WORDS; word += 1) this.#words[at + word] = id[word] ?? 0;
  }

  /** Where the id is, or the empty slot where it belongs. */
  #find(id: Uint32Array): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = mix(id) & mask;
    for (;;) {
      const at = slot * WORDS;
      const isEmpty = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
      if (isEmpty || this.#matches(at, id)) return at;
      slot = (slot + 1) & mask;
    }
  }

  #matches(at: number, id: Uint32Array): boolean {
    const words = this.#words;
    return words[at] === id[0] && words[at + 1] === id[1] && words[at + 2] === id[2] && words[at + 3] === id[3];
  }

  #grow(): void {
    const before = this.#words;
    this.#slots *= 4;
    this.#words = new Uint32Array(this.#slots * WORDS);
    const id = new Uint32Array(WORDS);
    for (let at = 0; at < before.length; at += WORDS) {
      for (let word = 0; word < WORDS; word += 1) id[word] = before[at + word] ?? 0;
      if (!isZero(id)) this.#put(id);
    }
  }
}

function isZero(id: Uint32Array): boolean {
  return id[0] === 0 && id[1] === 0 && id[2] === 0 && id[3] === 0;
}

function mix(id: Uint32Array): number {
  let hash = Math.imul((id[0] ?? 0) ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 15)) + (id[1] ?? 0), 0xc2b2ae35);
  hash = Math.imul((hash ^ (hash >>> 13)) + (id[2] ?? 0), 0x27d4eb2f);
  hash = Math.imul((hash ^ (hash >>> 16)) + (id[3] ?? 0), 0x165667b1);
  return (hash ^ (hash >>> 15)) >>> 0;
}

const UUID_LENGTH = 36;
const HYPHEN = 0x2d;
const HYPHENS = [8, 13, 18, 23];
const DIGITS_PER_WORD = 8;
const NO_DIGIT = 0x10;
/** By character code. 0–9 and a–f only: an id in capitals is a different text. */
const DIGITS = new Uint8Array(128).fill(NO_DIGIT);
for (let digit = 0; digit < 16; digit += 1) DIGITS[digit.toString(16).charCodeAt(0)] = digit;

/** A lower-case UUID gives its own bits; everything else its hash. */
function wordsOf(id: string, words: Uint32Array): void {
  if (id.length === UUID_LENGTH && readUuid(id, words)) return;
  const digest = createHash('sha256').update(id).digest();
  for (let index = 0; index < WORDS; index += 1) words[index] = digest.readUInt32LE(index * 4);
}

function readUuid(id: string, words: Uint32Array): boolean {
  for (const hyphen of HYPHENS) if (id.charCodeAt(hyphen) !== HYPHEN) return false;
  let wrong = 0;
  let index = 0;
  for (let word = 0; word < WORDS; word += 1) {
    let bits = 0;
    for (let digits = 0; digits < DIGITS_PER_WORD; digits += 1, index += 1) {
      if (index === 8 || index === 13 || index === 18 || index === 23) index += 1;
      const digit = DIGITS[id.charCodeAt(index)] ?? NO_DIGIT;
      wrong |= digit;
      bits = (bits << 4) | (digit & 0xf);
    }
    words[word] = bits;
  }
  return wrong < NO_DIGIT;
}
