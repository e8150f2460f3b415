/**
 * Which events were seen before. Exact for the last `capacity` different ids, forgetting the oldest half at a time, so that
 * memory is bounded on an endless stream: at most 128 bytes for each id of the capacity, taken as ids come.
 *
 * Ids are kept as 128 bits: a UUID as it is, anything else as a hash. Two ids that are different and share all 128 bits
 * would be taken for one; with a hundred million ids the chance is below one in 10^22.
 */
import { createHash } from 'node:crypto';

export const DEFAULT_CAPACITY = 1_000_000;
const WORDS = 4;
const SMALLEST_SLOTS = 1_024;

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
    this.#words.set(id, this.#find(id));
    return true;
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
    this.#slots *= 2;
    this.#words = new Uint32Array(this.#slots * WORDS);
    for (let at = 0; at < before.length; at += WORDS) {
      const id = before.subarray(at, at + WORDS);
      if (!isZero(id)) this.#words.set(id, this.#find(id));
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

/** A lower-case UUID gives its own bits; everything else its hash. */
function wordsOf(id: string, words: Uint32Array): void {
  if (id.length === UUID_LENGTH && readUuid(id, words)) return;
  const digest = createHash('sha256').update(id).digest();
  for (let index = 0; index < WORDS; index += 1) words[index] = digest.readUInt32LE(index * 4);
}

function readUuid(id: string, words: Uint32Array): boolean {
  let digits = 0;
  let word = 0;
  for (let index = 0; index < UUID_LENGTH; index += 1) {
    const code = id.charCodeAt(index);
    if (index === 8 || index === 13 || index === 18 || index === 23) {
      if (code !== HYPHEN) return false;
      continue;
    }
    // 0–9 and a–f only: an id in capitals is a different text.
    const digit = code >= 0x30 && code <= 0x39 ? code - 0x30 : code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
    if (digit < 0) return false;
    word = (word << 4) | digit;
    digits += 1;
    if (digits % 8 === 0) {
      words[digits / 8 - 1] = word >>> 0;
      word = 0;
    }
  }
  return true;
}
