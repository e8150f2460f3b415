/**
 * Ranges of addresses with names, and which of them an address is in: the narrowest. A table of who announces the internet has half a million
 * rows, so that a row is a few numbers in typed arrays and a question is one binary search.
 *
 * The surprise: ranges may lie in each other as they like. They are cut into pieces that do not when the table is made:
 *
 * ```
 *  ranges   ├──────────── AWS ────────────┤            pieces   │ AWS │ S3 │ AWS │ –
 *                 ├── S3 ──┤
 * ```
 */
import { addressBytes, wordAt } from '../connections/addresses.ts';
import type { Ends } from './cidr.ts';

/** An address is one word (IPv4) or four, the most significant first. */
type Width = 1 | 4;

/** Ranges as they are read, before they are cut. */
export class RangeList {
  readonly ipv4 = new Columns(1);
  readonly ipv6 = new Columns(4);
  /** The first name is none's. */
  readonly #numbers = new Map<string, number>([['', 0]]);

  get size(): number {
    return this.ipv4.count + this.ipv6.count;
  }

  get names(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  /** @param weight of ranges with the same ends the one with the highest wins, else the one that came first. */
  add({ first, last }: Ends, name: string, weight: number): void {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, number);
    (first.length === 4 ? this.ipv4 : this.ipv6).add({ first, last }, number, weight);
  }
}

const FIRST_ROWS = 1_024;

class Columns {
  readonly width: Width;
  count = 0;
  firsts: Uint32Array;
  lasts: Uint32Array;
  names = new Uint32Array(FIRST_ROWS);
  weights = new Uint8Array(FIRST_ROWS);

  constructor(width: Width) {
    this.width = width;
    this.firsts = new Uint32Array(FIRST_ROWS * width);
    this.lasts = new Uint32Array(FIRST_ROWS * width);
  }

  add({ first, last }: Ends, name: number, weight: number): void {
    if (this.count === this.names.length) this.#grow();
    for (let index = 0; index < this.width; index += 1) {
      this.firsts[this.count * this.width + index] = wordAt(first, index * 4);
      this.lasts[this.count * this.width + index] = wordAt(last, index * 4);
    }
    this.names[this.count] = name;
    this.weights[this.count] = weight;
    this.count += 1;
  }

  /** The widest first of those that begin together, so that whoever comes later is narrower and wins. */
  sorted(): readonly number[] {
    const { width, firsts, lasts, weights } = this;
    const order = (one: number, other: number) =>
      compare(firsts, one * width, firsts, other * width, width) ||
      compare(lasts, other * width, lasts, one * width, width) ||
      (weights[one] ?? 0) - (weights[other] ?? 0) ||
      other - one;
    return Array.from({ length: this.count }, (_, index) => index).sort(order);
  }

  #grow(): void {
    const larger = <Column extends Uint32Array | Uint8Array>(column: Column, empty: Column): Column => {
      empty.set(column);
      return empty;
    };
    this.firsts = larger(this.firsts, new Uint32Array(this.firsts.length * 2));
    this.lasts = larger(this.lasts, new Uint32Array(this.lasts.length * 2));
    this.names = larger(this.names, new Uint32Array(this.names.length * 2));
    this.weights = larger(this.weights, new Uint8Array(this.weights.length * 2));
  }
}

export class RangeTable {
  readonly #names: readonly string[];
  readonly #ipv4: Pieces;
  readonly #ipv6: Pieces;

  constructor(ranges: RangeList) {
    this.#names = ranges.names;
    this.#ipv4 = cut(ranges.ipv4);
    this.#ipv6 = cut(ranges.ipv6);
  }

  /** How many pieces there are. */
  get size(): number {
    return this.#ipv4.names.length + this.#ipv6.names.length;
  }

  /** Memory of the arrays, in bytes. */
  get sizeBytes(): number {
    return [this.#ipv4, this.#ipv6].reduce((sum, { starts, names }) => sum + starts.byteLength + names.byteLength, 0);
  }

  /** Empty when the address is in none of them, or is no address. */
  nameOf(ip: string): string {
    const bytes = addressBytes(ip);
    if (bytes === null) return '';
    const pieces = bytes.length === 4 ? this.#ipv4 : this.#ipv6;
    const address = Uint32Array.from({ length: pieces.width }, (_, index) => wordAt(bytes, index * 4));
    return this.#names[find(pieces, address)] ?? '';
  }
}

interface Pieces {
  readonly width: Width;
  /** Where each begins; it ends where the next one begins. */
  readonly starts: Uint32Array;
  /** Of each the number of its name; 0: none. */
  readonly names: Uint32Array;
}

function cut(ranges: Columns): Pieces {
  const { width, firsts, lasts } = ranges;
  const starts: number[] = [];
  const names: number[] = [];
  const begin = (at: Uint32Array, offset: number, name: number) => {
    const order = names.length === 0 ? 1 : compare(at, offset, starts, starts.length - width, width);
    // The end of one that a later one reached over.
    if (order < 0) return;
    if (order === 0) {
      starts.length -= width;
      names.length -= 1;
    }
    if (names.at(-1) === name) return;
    for (let index = 0; index < width; index += 1) starts.push(at[offset + index] ?? 0);
    names.push(name);
  };
  const open: number[] = [];
  const next = new Uint32Array(width);
  /** What ends before `until` ends, and whatever is around it goes on. */
  const endBefore = (until: number | null) => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (until !== null && compare(lasts, top * width, firsts, until * width, width) >= 0) return;
      open.pop();
      if (!setBehind(next, lasts, top * width)) continue;
      const around = open.findLast((one) => compare(lasts, one * width, next, 0, width) >= 0);
      begin(next, 0, around === undefined ? 0 : (ranges.names[around] ?? 0));
    }
  };
  for (const row of ranges.sorted()) {
    endBefore(row);
    begin(firsts, row * width, ranges.names[row] ?? 0);
    open.push(row);
  }
  endBefore(null);
  return { width, starts: Uint32Array.from(starts), names: Uint32Array.from(names) };
}

/** The number of the name of the last piece that begins at or before the address. */
function find({ width, starts, names }: Pieces, address: Uint32Array): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(starts, middle * width, address, 0, width) <= 0) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : (names[low - 1] ?? 0);
}

type Words = ArrayLike<number>;

/** Of `width` words from a place in each. */
function compare(one: Words, at: number, other: Words, otherAt: number, width: Width): number {
  for (let index = 0; index < width; index += 1) {
    const difference = (one[at + index] ?? 0) - (other[otherAt + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Sets `next` to the address behind the one at `at`; false when that is the last one of all. */
function setBehind(next: Uint32Array, words: Uint32Array, at: number): boolean {
  next.set(words.subarray(at, at + next.length));
  for (let index = next.length - 1; index >= 0; index -= 1) {
    const word = ((next[index] ?? 0) + 1) >>> 0;
    next[index] = word;
    if (word !== 0) return true;
  }
  return false;
}
