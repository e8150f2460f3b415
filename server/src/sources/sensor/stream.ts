/**
 * A sensor's stream as it comes: bytes → the state of the host, event by event, for everybody who follows it.
 *
 * The surprise: followers are called while the event is current and see the state as the event left it; they must not keep the
 * machine. What is not interesting to any of them costs a header.
 */
import { CODE, CaptureReader, Machine } from '@countersign/scap';

export interface Follower {
  /** By code of the event's type. */
  isInteresting(code: number): boolean;
  follow(machine: Machine): void;
}

/** Events that the sensor could not tell. */
export interface Gap {
  /** `process`, `file`, `network`, `privilege`; `all` while nothing was heard at all. */
  readonly class: string;
  readonly lost: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StreamOptions {
  readonly followers: readonly Follower[];
  readonly onGap: (gap: Gap) => void;
  /** The sensor began, and these are the types of events that it tells. */
  readonly onStart: (events: readonly string[]) => void;
}

/** What a reader must have seen before it reads a block. */
const SECTION = Buffer.from('0a0d0d0a1c0000004d3c2b1a01000200ffffffffffffffff1c000000', 'hex');
const NS_PER_MS = 1_000_000n;
const TWO_32 = 2 ** 32;
const LONGEST_TOLD = 64 * 1024;
const LONGEST_CLASS = 40;

export class SensorStream {
  readonly machine: Machine;
  /** Of the newest event; 0 before the first. */
  lastEventMs = 0;
  /** The sensor has told what was there before, and tells events from now on. */
  hasBegun = false;
  readonly #reader: CaptureReader;
  #inserted: CaptureReader | null = null;
  readonly #options: StreamOptions;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { followers } = options;
    this.machine = new Machine({
      isInteresting: (code) => code === CODE.async || followers.some((one) => one.isInteresting(code)),
      onEvent: (machine) => this.#hand(machine),
    });
    this.#reader = new CaptureReader(this.machine);
  }

  get events(): number {
    return this.#reader.counts.events;
  }

  get damagedEvents(): number {
    return this.#reader.counts.damagedEvents;
  }

  /** Bytes of the block that is not complete yet: before them the stream can be cut. */
  get heldBytes(): number {
    return this.#reader.heldBytes;
  }

  /** @throws CaptureDamage when the bytes are no stream, or no longer one. */
  write(chunk: Uint8Array): void {
    this.#reader.write(chunk);
  }

  /** An event of ours, between two of the stream's own. Not while a chunk is being written. */
  insert(block: Uint8Array): void {
    this.#inserted ??= this.#openInserted();
    this.#inserted.write(block);
  }

  /** A second reader of the same machine: the first may be in the middle of a block. */
  #openInserted(): CaptureReader {
    const { machine } = this;
    const reader = new CaptureReader({
      section: () => undefined,
      machine: (info) => machine.machine(info),
      thread: (thread) => machine.thread(thread),
      fd: (tid, fd) => machine.fd(tid, fd),
      interface: (one) => machine.interface(one),
      account: (account) => machine.account(account),
      passed: (event) => machine.passed(event),
      event: (event) => machine.event(event),
      passing: machine.passing,
    });
    reader.write(SECTION);
    return reader;
  }

  #hand(machine: Machine): void {
    const { code, timeHigh, timeLow } = machine.current;
    // Exact to the millisecond without a bigint for every event.
    this.lastEventMs = Math.trunc((timeHigh * TWO_32 + timeLow) / 1e6);
    if (code === CODE.async) this.#hear(machine);
    for (const follower of this.#options.followers) if (follower.isInteresting(code)) follower.follow(machine);
  }

  /** What the sensor says of itself. */
  #hear({ current }: Machine): void {
    const name = current.text(1);
    if (name !== 'gap' && name !== 'sensor') return;
    const told = membersOf(current.text(2));
    if (name === 'sensor') {
      this.hasBegun = true;
      const events = told['events'];
      this.#options.onStart(Array.isArray(events) ? events.filter((one) => typeof one === 'string') : []);
      return;
    }
    const lost = Number(told['lost']);
    if (!Number.isFinite(lost) || lost <= 0) return;
    this.#options.onGap({
      class: String(told['class']).slice(0, LONGEST_CLASS),
      lost,
      fromMs: msOf(told['fromNs']),
      toMs: msOf(told['toNs']),
    });
  }
}

function membersOf(json: string): Readonly<Record<string, unknown>> {
  if (json.length > LONGEST_TOLD) return {};
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** Nanoseconds travel as texts. */
function msOf(text: unknown): number {
  return typeof text === 'string' && /^\d{1,19}$/.test(text) ? Number(BigInt(text) / NS_PER_MS) : 0;
}
