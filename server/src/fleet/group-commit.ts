/**
 * Many small batches, one insert: a column store takes a hundred thousand rows as gladly as one. Whoever adds rows is told when they are
 * stored, and not before.
 *
 * The surprise: a group has no name that would be the same after a crash. A server that is killed between an insert and its answers may count
 * what the agents send again, for that one group.
 */
import type { Clock } from '../ground/clock.ts';

export interface GroupCommitOptions<Row> {
  readonly insert: (rows: readonly Row[], token: string) => Promise<void>;
  readonly clock: Clock;
  readonly newToken: () => string;
  /** A group waits this long for company, and is full with so many rows. */
  readonly waitMs: number;
  readonly mostRows: number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class GroupCommit<Row> {
  readonly #options: GroupCommitOptions<Row>;
  #rows: Row[] = [];
  #waiting: Waiting[] = [];
  #timer: AbortController | null = null;
  /** Inserts go one after another, so that slow storage makes larger groups and not more of them. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: GroupCommitOptions<Row>) {
    this.#options = options;
  }

  /** Resolves when the rows are stored; rejects when the insert of their group failed. */
  add(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve();
    const { clock, waitMs, mostRows } = this.#options;
    for (const row of rows) this.#rows.push(row);
    const stored = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#rows.length >= mostRows) this.#commit();
    else if (this.#timer === null) {
      const timer = new AbortController();
      this.#timer = timer;
      void clock.sleep(waitMs, timer.signal).then(() => {
        if (!timer.signal.aborted) this.#commit();
      });
    }
    return stored;
  }

  #commit(): void {
    this.#timer?.abort();
    this.#timer = null;
    const rows = this.#rows;
    const waiting = this.#waiting;
    this.#rows = [];
    this.#waiting = [];
    const { insert, newToken } = this.#options;
    this.#last = this.#last.then(async () => {
      try {
        await insert(rows, newToken());
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error);
      }
    });
  }
}
