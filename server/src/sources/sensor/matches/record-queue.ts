/**
 * Matches on their way to the server: those of a container that is being asked about wait a little for its name; what was sent and is not
 * confirmed is counted, so that whoever reads the stream can wait.
 */
import type { Clock } from '../../../ground/clock.ts';
import type { SyscallRecord } from '../../syscall/record.ts';

export interface RecordQueueOptions {
  readonly clock: Clock;
  /** Whether somebody may still say what the record's container is. */
  readonly isUnnamed: (record: SyscallRecord) => boolean;
  /** The record with what is known by now. */
  readonly complete: (record: SyscallRecord) => SyscallRecord;
  readonly send: (sequence: number, records: readonly SyscallRecord[]) => void;
}

/** So long a match waits at most for a name: usually a moment, longer where a runtime hangs. */
const HOLD_MS = 5_000;
const MOST_HELD = 1_000;
const RECORDS_AT_ONCE = 200;
/** Sent, and not confirmed. */
const MOST_UNTAKEN = 2_000;

interface HeldRecord {
  readonly record: SyscallRecord;
  readonly untilMs: number;
}

export class RecordQueue {
  readonly #options: RecordQueueOptions;
  #held: HeldRecord[] = [];
  #pending: SyscallRecord[] = [];
  readonly #untaken = new Map<number, number>();
  #sequence = 0;
  #wake: (() => void) | null = null;

  constructor(options: RecordQueueOptions) {
    this.#options = options;
  }

  add(record: SyscallRecord): void {
    const { clock, isUnnamed } = this.#options;
    if (this.#held.length < MOST_HELD && isUnnamed(record))
      this.#held.push({ record, untilMs: clock.nowMs() + HOLD_MS });
    else this.#pending.push(record);
  }

  /** The server has committed these records. */
  taken(sequence: number): void {
    this.#untaken.delete(sequence);
    this.#wake?.();
  }

  /** Sends what needs to wait no longer; with `all` everything. */
  flush(all = false): void {
    this.#release(all ? Number.POSITIVE_INFINITY : this.#options.clock.nowMs());
    while (this.#pending.length > 0) {
      const records = this.#pending.splice(0, RECORDS_AT_ONCE);
      this.#sequence += 1;
      this.#untaken.set(this.#sequence, records.length);
      this.#options.send(this.#sequence, records);
    }
  }

  /** Resolves when the server has taken enough of what was sent. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#isBehind() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = () => {
          signal.removeEventListener('abort', go);
          resolve();
        };
        this.#wake = go;
        signal.addEventListener('abort', go, { once: true });
      });
    }
  }

  #isBehind(): boolean {
    let untaken = 0;
    for (const count of this.#untaken.values()) untaken += count;
    return untaken > MOST_UNTAKEN;
  }

  #release(nowMs: number): void {
    if (this.#held.length === 0) return;
    const { isUnnamed, complete } = this.#options;
    const still: HeldRecord[] = [];
    for (const one of this.#held) {
      if (nowMs < one.untilMs && isUnnamed(one.record)) still.push(one);
      else this.#pending.push(complete(one.record));
    }
    this.#held = still;
  }
}
