/**
 * The connections of one host that are open or were until a moment ago: who (a process) talks to which address, and how much. Millions of
 * them fit, because a connection is one row of numbers in pages of typed arrays and no object.
 *
 * The surprise: counters hold what came since the last `drain`, not since the beginning. Whoever drains owns the sums, so that a row can be
 * forgotten as soon as it is closed and told.
 *
 * ```
 *  slots (hash → row)        page of 16,384 rows: one typed array a column
 *  ┌───┬───┬───┬───┐         local · remote · process · ports · kind │ sent · received · first · last │ retransmits · state
 *  │ 7 │ – │ 2 │ … │ ──────▶ row 7
 *  └───┴───┴───┴───┘
 * ```
 */
import { AddressBook, type AddressNumber, hashOf } from './addresses.ts';

export type Protocol = 'tcp' | 'udp' | 'unix';
/** Who began: `out` from here, `in` from there, `unknown` when it was open before we looked. */
export type Direction = 'out' | 'in' | 'unknown';

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'unix'];
const DIRECTIONS: readonly Direction[] = ['out', 'in', 'unknown'];

/** The number of a connection in one table; valid until the drain that tells its end. */
export type ConnectionNumber = number;

export interface ConnectionKey {
  readonly protocol: Protocol;
  readonly direction: Direction;
  readonly local: AddressNumber;
  readonly localPort: number;
  readonly remote: AddressNumber;
  readonly remotePort: number;
  /** Whose it is: a number that the owner of the table gives processes. */
  readonly process: number;
}

/** What a drain tells of one connection; the object is used again for the next one. */
export interface ConnectionDelta {
  number: ConnectionNumber;
  protocol: Protocol;
  direction: Direction;
  local: AddressNumber;
  localPort: number;
  remote: AddressNumber;
  remotePort: number;
  process: number;
  /** Bytes since the last drain. */
  sentBytes: number;
  receivedBytes: number;
  /** Segments sent again since the last drain. */
  retransmits: number;
  /** Since when it is known, and the last sign of life; ms since 1970. */
  firstMs: number;
  lastMs: number;
  /** Told for the first time. */
  isNew: boolean;
  isClosed: boolean;
  /** It never came about: refused, timed out, unreachable. */
  hasFailed: boolean;
}

export interface ConnectionEnd {
  readonly atMs: number;
  readonly hasFailed?: boolean;
  readonly retransmits?: number;
}

const PAGE_BITS = 14;
const PAGE_ROWS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ROWS - 1;
const FREE = 0xffff_ffff;
const FIRST_SLOTS = 1_024;
const FULLEST = 0.75;

const USED = 1;
const DIRTY = 2;
const TOLD = 4;
const CLOSED = 8;
const FAILED = 16;

class Page {
  readonly local = new Uint32Array(PAGE_ROWS);
  readonly remote = new Uint32Array(PAGE_ROWS);
  readonly process = new Uint32Array(PAGE_ROWS);
  /** Local port in the upper half, remote port in the lower. */
  readonly ports = new Uint32Array(PAGE_ROWS);
  /** Protocol and direction. */
  readonly kind = new Uint8Array(PAGE_ROWS);
  readonly state = new Uint8Array(PAGE_ROWS);
  readonly retransmits = new Uint32Array(PAGE_ROWS);
  readonly sent = new Float64Array(PAGE_ROWS);
  readonly received = new Float64Array(PAGE_ROWS);
  readonly first = new Float64Array(PAGE_ROWS);
  readonly last = new Float64Array(PAGE_ROWS);
}

const ROW_BYTES = 4 * 5 + 2 + 8 * 4;

export interface LiveTableOptions {
  /** More connections than this at once are counted in `turnedAway` and not followed. */
  readonly most: number;
}

export class LiveTable {
  readonly addresses = new AddressBook();
  readonly #most: number;
  readonly #pages: Page[] = [];
  readonly #freeRows: number[] = [];
  #slots = new Uint32Array(FIRST_SLOTS).fill(FREE);
  #used = 0;
  #live = 0;
  #dirty: number[] = [];
  #turnedAway = 0;

  constructor({ most }: LiveTableOptions) {
    this.#most = most;
  }

  /** Connections that are followed, those that end with the next drain included. */
  get size(): number {
    return this.#live;
  }

  /** How many could not be followed, since the table was full. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Memory of all tables, in bytes. */
  get sizeBytes(): number {
    const lists = (this.#freeRows.length + this.#dirty.length) * 8;
    return this.#pages.length * PAGE_ROWS * ROW_BYTES + this.#slots.byteLength + lists + this.addresses.sizeBytes;
  }

  /**
   * The connection of that key, made when there is none. The table takes its own hold of the addresses.
   *
   * @returns null when the table is full.
   */
  open(key: ConnectionKey, atMs: number): ConnectionNumber | null {
    if (this.#live + 1 > this.#slots.length * FULLEST) this.#growSlots();
    const kind = PROTOCOLS.indexOf(key.protocol) * 3 + DIRECTIONS.indexOf(key.direction);
    const ports = ((key.localPort << 16) | (key.remotePort & 0xffff)) >>> 0;
    const slot = this.#slotOf(key, kind, ports);
    const known = this.#slots[slot] ?? FREE;
    if (known !== FREE) {
      this.#reopen(known, atMs);
      return known;
    }
    if (this.#live >= this.#most) {
      this.#turnedAway += 1;
      return null;
    }
    const row = this.#place();
    const page = this.#pageOf(row);
    const at = row & PAGE_MASK;
    page.local[at] = this.addresses.hold(key.local);
    page.remote[at] = this.addresses.hold(key.remote);
    page.process[at] = key.process;
    page.ports[at] = ports;
    page.kind[at] = kind;
    page.state[at] = USED;
    page.first[at] = atMs;
    page.last[at] = atMs;
    this.#slots[slot] = row;
    this.#live += 1;
    this.#touch(page, row);
    return row;
  }

  add(number: ConnectionNumber, sentBytes: number, receivedBytes: number, atMs: number): void {
    const page = this.#pageOf(number);
    const at = number & PAGE_MASK;
    page.sent[at] = (page.sent[at] ?? 0) + sentBytes;
    page.received[at] = (page.received[at] ?? 0) + receivedBytes;
    if (atMs > (page.last[at] ?? 0)) page.last[at] = atMs;
    this.#touch(page, number);
  }

  /** It is told once more, and then forgotten. */
  close(number: ConnectionNumber, { atMs, hasFailed = false, retransmits = 0 }: ConnectionEnd): void {
    const page = this.#pageOf(number);
    const at = number & PAGE_MASK;
    page.retransmits[at] = (page.retransmits[at] ?? 0) + retransmits;
    page.state[at] = (page.state[at] ?? 0) | CLOSED | (hasFailed ? FAILED : 0);
    if (atMs > (page.last[at] ?? 0)) page.last[at] = atMs;
    this.#touch(page, number);
  }

  /**
   * Tells every connection that changed since the last drain, in the order in which they first changed, and forgets the closed ones.
   *
   * @param tell must keep nothing of the object that it is given.
   */
  drain(tell: (delta: ConnectionDelta) => void): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    const delta = emptyDelta();
    for (const row of dirty) {
      const page = this.#pageOf(row);
      const at = row & PAGE_MASK;
      readInto(delta, page, row);
      page.sent[at] = 0;
      page.received[at] = 0;
      page.retransmits[at] = 0;
      page.state[at] = ((page.state[at] ?? 0) & ~DIRTY) | TOLD;
      tell(delta);
      if (delta.isClosed) this.#forget(row);
    }
  }

  #reopen(row: number, atMs: number): void {
    const page = this.#pageOf(row);
    const at = row & PAGE_MASK;
    // The same tuple again before its end was told: one connection, as far as anybody can tell.
    page.state[at] = (page.state[at] ?? 0) & ~(CLOSED | FAILED);
    if (atMs > (page.last[at] ?? 0)) page.last[at] = atMs;
    this.#touch(page, row);
  }

  #touch(page: Page, row: number): void {
    const at = row & PAGE_MASK;
    const state = page.state[at] ?? 0;
    if ((state & DIRTY) !== 0) return;
    page.state[at] = state | DIRTY;
    this.#dirty.push(row);
  }

  #forget(row: number): void {
    const page = this.#pageOf(row);
    const at = row & PAGE_MASK;
    this.#removeSlot(row);
    this.addresses.release(page.local[at] ?? 0);
    this.addresses.release(page.remote[at] ?? 0);
    page.state[at] = 0;
    this.#freeRows.push(row);
    this.#live -= 1;
  }

  #place(): number {
    const free = this.#freeRows.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#pages.length * PAGE_ROWS) this.#pages.push(new Page());
    this.#used += 1;
    return this.#used - 1;
  }

  #pageOf(row: number): Page {
    const page = this.#pages[row >>> PAGE_BITS];
    if (page === undefined) throw new Error(`there is no connection ${row}`);
    return page;
  }

  #slotOf({ local, remote, process }: ConnectionKey, kind: number, ports: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(local, remote, process ^ (kind << 28), ports) & mask;
    for (;;) {
      const row = this.#slots[slot] ?? FREE;
      if (row === FREE) return slot;
      const page = this.#pageOf(row);
      const at = row & PAGE_MASK;
      if (
        page.ports[at] === ports &&
        page.remote[at] === remote &&
        page.local[at] === local &&
        page.process[at] === process &&
        page.kind[at] === kind
      )
        return slot;
      slot = (slot + 1) & mask;
    }
  }

  #homeOf(row: number): number {
    const page = this.#pageOf(row);
    const at = row & PAGE_MASK;
    const process = (page.process[at] ?? 0) ^ ((page.kind[at] ?? 0) << 28);
    return hashOf(page.local[at] ?? 0, page.remote[at] ?? 0, process, page.ports[at] ?? 0) & (this.#slots.length - 1);
  }

  /** Closes the gap that a removed entry leaves, so that no search ends too early. */
  #removeSlot(row: number): void {
    const mask = this.#slots.length - 1;
    let gap = this.#homeOf(row);
    while (this.#slots[gap] !== row) gap = (gap + 1) & mask;
    for (let next = (gap + 1) & mask; ; next = (next + 1) & mask) {
      const candidate = this.#slots[next] ?? FREE;
      if (candidate === FREE) break;
      if (((next - this.#homeOf(candidate)) & mask) >= ((next - gap) & mask)) {
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
    for (const row of former) {
      if (row === FREE) continue;
      let slot = this.#homeOf(row);
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask;
      this.#slots[slot] = row;
    }
  }
}

function emptyDelta(): ConnectionDelta {
  return {
    number: 0,
    protocol: 'tcp',
    direction: 'unknown',
    local: 0,
    localPort: 0,
    remote: 0,
    remotePort: 0,
    process: 0,
    sentBytes: 0,
    receivedBytes: 0,
    retransmits: 0,
    firstMs: 0,
    lastMs: 0,
    isNew: false,
    isClosed: false,
    hasFailed: false,
  };
}

function readInto(delta: ConnectionDelta, page: Page, row: number): void {
  const at = row & PAGE_MASK;
  const kind = page.kind[at] ?? 0;
  const ports = page.ports[at] ?? 0;
  const state = page.state[at] ?? 0;
  delta.number = row;
  delta.protocol = PROTOCOLS[Math.trunc(kind / 3)] ?? 'tcp';
  delta.direction = DIRECTIONS[kind % 3] ?? 'unknown';
  delta.local = page.local[at] ?? 0;
  delta.localPort = ports >>> 16;
  delta.remote = page.remote[at] ?? 0;
  delta.remotePort = ports & 0xffff;
  delta.process = page.process[at] ?? 0;
  delta.sentBytes = page.sent[at] ?? 0;
  delta.receivedBytes = page.received[at] ?? 0;
  delta.retransmits = page.retransmits[at] ?? 0;
  delta.firstMs = page.first[at] ?? 0;
  delta.lastMs = page.last[at] ?? 0;
  delta.isNew = (state & TOLD) === 0;
  delta.isClosed = (state & CLOSED) !== 0;
  delta.hasFailed = (state & FAILED) !== 0;
}
