/**
 * IP addresses as small numbers. A host meets the same few thousand addresses millions of times, so each is kept once, as 16 bytes
 * (IPv4 mapped into IPv6), and everything else refers to it by a number.
 *
 * The surprise: numbers are counted, not owned. Whoever takes one gives it back, and the place of an address that nobody holds any more is
 * used again; a scan over a whole network leaves nothing behind.
 */
import { isIP } from 'node:net';

/** The number of an address in one `AddressBook`. */
export type AddressNumber = number;

const FIRST_CAPACITY = 1_024;
/** Of IPv4 addresses in IPv6 form: `::ffff:a.b.c.d`. */
const MAPPED = 0xffff;
const FREE = 0xffff_ffff;
const FULLEST = 0.7;

export class AddressBook {
  /** Four words an address, most significant first. */
  #words = new Uint32Array(FIRST_CAPACITY * 4);
  #holders = new Uint32Array(FIRST_CAPACITY);
  /** Of free places, the next one. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2).fill(FREE);
  readonly #free: number[] = [];
  #used = 0;
  #live = 0;

  /** How many addresses are held. */
  get size(): number {
    return this.#live;
  }

  /** Memory of the tables, in bytes. */
  get sizeBytes(): number {
    return this.#words.byteLength + this.#holders.byteLength + this.#slots.byteLength + this.#free.length * 8;
  }

  /** @param address network order, as one 32-bit word. */
  takeIpv4(address: number): AddressNumber {
    return this.take(0, 0, MAPPED, address >>> 0);
  }

  /** @param bytes 4 or 16 of them from `offset`. */
  takeBytes(bytes: Uint8Array, offset: number, length: 4 | 16): AddressNumber {
    if (length === 4) return this.takeIpv4(wordAt(bytes, offset));
    return this.take(
      wordAt(bytes, offset),
      wordAt(bytes, offset + 4),
      wordAt(bytes, offset + 8),
      wordAt(bytes, offset + 12),
    );
  }

  /** @param text as `textOf` writes it, or any other form of it; null when it is no address. */
  takeText(text: string): AddressNumber | null {
    const bytes = addressBytes(text);
    return bytes === null ? null : this.takeBytes(bytes, 0, bytes.length === 4 ? 4 : 16);
  }

  /** The four words of an IPv6 address. */
  take(first: number, second: number, third: number, fourth: number): AddressNumber {
    if (this.#live + 1 > this.#slots.length * FULLEST) this.#growSlots();
    let slot = this.#slotOf(first, second, third, fourth);
    const known = this.#slots[slot] ?? FREE;
    if (known !== FREE) {
      this.#holders[known] = (this.#holders[known] ?? 0) + 1;
      return known;
    }
    const number = this.#place();
    slot = this.#slotOf(first, second, third, fourth);
    this.#words[number * 4] = first;
    this.#words[number * 4 + 1] = second;
    this.#words[number * 4 + 2] = third;
    this.#words[number * 4 + 3] = fourth;
    this.#holders[number] = 1;
    this.#slots[slot] = number;
    this.#live += 1;
    return number;
  }

  /** Takes one more hold of an address that is held. */
  hold(number: AddressNumber): AddressNumber {
    const holders = this.#holders[number] ?? 0;
    if (holders === 0) throw new Error(`address ${number} is held by nobody any more`);
    this.#holders[number] = holders + 1;
    return number;
  }

  release(number: AddressNumber): void {
    const holders = (this.#holders[number] ?? 0) - 1;
    if (holders < 0) throw new Error(`address ${number} was released more often than it was taken`);
    this.#holders[number] = holders;
    if (holders > 0) return;
    this.#removeSlot(number);
    this.#free.push(number);
    this.#live -= 1;
  }

  /** `192.0.2.7`, `2001:db8::7`. */
  textOf(number: AddressNumber): string {
    const at = number * 4;
    const words = [0, 1, 2, 3].map((index) => this.#words[at + index] ?? 0) as [number, number, number, number];
    if (words[0] === 0 && words[1] === 0 && words[2] === MAPPED) return ipv4Text(words[3]);
    return ipv6Text(words);
  }

  #place(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#holders.length) {
      this.#words = grown(this.#words);
      this.#holders = grown(this.#holders);
    }
    this.#used += 1;
    return this.#used - 1;
  }

  /** Where the address is, or where it would go. */
  #slotOf(first: number, second: number, third: number, fourth: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(first, second, third, fourth) & mask;
    for (;;) {
      const number = this.#slots[slot] ?? FREE;
      if (number === FREE) return slot;
      const at = number * 4;
      const words = this.#words;
      if (words[at + 3] === fourth && words[at] === first && words[at + 1] === second && words[at + 2] === third)
        return slot;
      slot = (slot + 1) & mask;
    }
  }

  #homeOf(number: number): number {
    const at = number * 4;
    const words = this.#words;
    return (
      hashOf(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0) & (this.#slots.length - 1)
    );
  }

  /** Closes the gap that a removed entry leaves, so that no search ends too early. */
  #removeSlot(number: number): void {
    const mask = this.#slots.length - 1;
    let gap = this.#homeOf(number);
    while (this.#slots[gap] !== number) gap = (gap + 1) & mask;
    for (let next = (gap + 1) & mask; ; next = (next + 1) & mask) {
      const candidate = this.#slots[next] ?? FREE;
      if (candidate === FREE) break;
      const home = this.#homeOf(candidate);
      if (((next - home) & mask) >= ((next - gap) & mask)) {
        this.#slots[gap] = candidate;
        gap = next;
      }
    }
    this.#slots[gap] = FREE;
  }

  #growSlots(): void {
    const former = this.#slots;
    this.#slots = new Uint32Array(former.length * 2).fill(FREE);
    const mask = this.#slots.length - 1;
    for (const number of former) {
      if (number === FREE) continue;
      let slot = this.#homeOf(number);
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
      this.#slots[slot] = number;
    }
  }
}

/** A table of twice the length with the same beginning. */
function grown(table: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(table.length * 2);
  larger.set(table);
  return larger;
}

/** Mixes four words; the finaliser of MurmurHash3 spreads neighbours, which addresses are. */
export function hashOf(first: number, second: number, third: number, fourth: number): number {
  let hash = Math.imul(first ^ (second << 7) ^ (second >>> 25), 0x85eb_ca6b) ^ Math.imul(third, 0xc2b2_ae35);
  hash = Math.imul(hash ^ (hash >>> 15) ^ fourth, 0x27d4_eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Four bytes from `offset` as one word. */
export function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}

function ipv4Text(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function ipv6Text(words: readonly [number, number, number, number]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

/** 4 or 16 of them, in network order; null when the text is no address. */
export function addressBytes(text: string): Uint8Array | null {
  switch (isIP(text)) {
    case 4:
      return ipv4Bytes(text);
    case 6:
      return ipv6Bytes(text);
    default:
      return null;
  }
}

/** Of a text that is an address. */
function ipv4Bytes(text: string): Uint8Array {
  const [first, second, third, fourth] = text.split('.');
  return Uint8Array.of(Number(first), Number(second), Number(third), Number(fourth));
}

/** Of a text that is an address. */
function ipv6Bytes(text: string): Uint8Array {
  const [bare = ''] = text.split('%');
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare);
  const pair = (high: number, low: number) => ((Number(dotted?.[high]) << 8) | Number(dotted?.[low])).toString(16);
  const groups = dotted === null ? bare : `${dotted[1] ?? ''}${pair(2, 3)}:${pair(4, 5)}`;
  const [head = '', tail] = groups.split('::');
  const read = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [first, last] = [read(head), tail === undefined ? [] : read(tail)];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
