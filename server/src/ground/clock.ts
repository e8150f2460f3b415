/**
 * Time as an argument. Nothing outside `ground/` and `vendors/` reads the clock or sets a timer; it is handed one.
 *
 * Sleeping resolves instead of rejecting when it is aborted: a worker that is told to stop looks at its signal anyway.
 */

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number;
  /** Milliseconds of a steady clock, for measuring; unrelated to `nowMs`. */
  steadyMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Node's timers fire at once above this; longer sleeps are cut and the caller looks again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
      signal?.addEventListener('abort', finish, { once: true });
    }),
};

/** A clock that stands still until it is told to move; sleepers wake in the order of their times. */
export class ManualClock implements Clock {
  #now: number;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  constructor(startMs: number) {
    this.#now = startMs;
  }

  nowMs(): number {
    return this.#now;
  }

  steadyMs(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (ms <= 0 || signal?.aborted) {
        resolve();
        return;
      }
      this.#sleepers.push({ atMs: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#now).sort((one, other) => one.atMs - other.atMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#now);
    for (const { wake } of due) wake();
  }

  /** Jumps without waking anybody, forwards or backwards: what a machine's clock does when it is corrected. */
  jumpTo(ms: number): void {
    this.#now = ms;
  }
}
