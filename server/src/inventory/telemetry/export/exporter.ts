/**
 * Sends what was stored to one receiver of Prometheus remote write: in order, in requests of bounded size, again after a pause when the receiver
 * is away. What waits is bounded: the oldest goes first, and is counted.
 *
 * The surprise: what waits is lost with the process. The same numbers are in our own store, for longer than any receiver is away.
 */
import type { Clock } from '../../../ground/clock.ts';
import type { Log } from '../../../ground/log.ts';
import type { PostResult } from '../../../vendors/post.ts';
import type { TimeSeries } from '../../../vendors/prometheus/remote-write.ts';
import type { Sample } from '../sample.ts';
import { type Entry, entriesOf, type Labels, seriesOf } from './series.ts';

export interface ExporterOptions {
  readonly name: string;
  /** Labels that are added to all. */
  readonly labels: Labels;
  readonly post: (series: readonly TimeSeries[]) => Promise<PostResult>;
  readonly clock: Clock;
  readonly log: Log;
  readonly mostWaiting?: number;
  readonly mostNames?: number;
}

export interface ExporterCounts {
  readonly sentSamples: number;
  /** Refused for good by the receiver. */
  readonly refusedSamples: number;
  /** The oldest of what waited, when there was no room. */
  readonly droppedEntries: number;
  /** Of applications beyond the bound of names. */
  readonly leftOutEntries: number;
  readonly waitingEntries: number;
}

/** An entry is up to seventeen samples. */
const MOST_WAITING = 100_000;
const MOST_AT_ONCE = 500;
/** Applications and hosts within an hour: what a receiver keeps in memory. */
const MOST_NAMES = 20_000;
const NAMES_MS = 3_600_000;
const IDLE_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export class Exporter {
  readonly #options: ExporterOptions;
  readonly #mostWaiting: number;
  readonly #mostNames: number;
  #waiting: Entry[] = [];
  /** Each with its labels, which all of its entries share. */
  #names = new Map<string, Labels>();
  #namesSinceMs: number;
  #sent = 0;
  #refused = 0;
  #dropped = 0;
  #leftOut = 0;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#mostWaiting = options.mostWaiting ?? MOST_WAITING;
    this.#mostNames = options.mostNames ?? MOST_NAMES;
    this.#namesSinceMs = options.clock.nowMs();
  }

  get counts(): ExporterCounts {
    return {
      sentSamples: this.#sent,
      refusedSamples: this.#refused,
      droppedEntries: this.#dropped,
      leftOutEntries: this.#leftOut,
      waitingEntries: this.#waiting.length,
    };
  }

  get name(): string {
    return this.#options.name;
  }

  /** Takes what was stored; never waits. */
  add(samples: readonly Sample[]): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#namesSinceMs >= NAMES_MS) {
      this.#names.clear();
      this.#namesSinceMs = nowMs;
    }
    for (const entry of entriesOf(samples)) {
      const known = this.#names.get(entry.key);
      if (known === undefined && this.#names.size >= this.#mostNames) {
        this.#leftOut += 1;
        continue;
      }
      if (known === undefined) this.#names.set(entry.key, entry.labels);
      this.#waiting.push({ ...entry, labels: known ?? entry.labels });
    }
    const tooMany = this.#waiting.length - this.#mostWaiting;
    if (tooMany <= 0) return;
    this.#waiting.splice(0, tooMany);
    this.#dropped += tooMany;
  }

  /** Sends until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      if (this.#waiting.length === 0) {
        await clock.sleep(IDLE_MS, signal);
        continue;
      }
      const waitMs = await this.#sendSome(failures);
      failures = waitMs === null ? 0 : failures + 1;
      if (waitMs !== null) await clock.sleep(waitMs, signal);
    }
  }

  /** @returns how long to wait before trying again; null: on with the next. */
  async #sendSome(failures: number): Promise<number | null> {
    const { post, labels, log, name } = this.#options;
    const entries = this.#waiting.slice(0, MOST_AT_ONCE);
    const series = entries.flatMap((entry) => seriesOf(entry, labels));
    const result = await post(series);
    if (result.type === 'unreachable' || (result.type === 'refused' && result.retryable)) {
      const growing = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
      const told = result.type === 'refused' ? (result.retryAfterMs ?? 0) : 0;
      const waitMs = Math.min(LONGEST_RETRY_MS, Math.max(growing, told));
      const waiting = this.#waiting.length;
      log.warn('a receiver of telemetry takes nothing; it is kept', { name, reason: result.reason, waitMs, waiting });
      return waitMs;
    }
    // While it was sent, the oldest may have been dropped: those are the first of what was sent.
    const gone = new Set(entries);
    this.#waiting = this.#waiting.filter((entry) => !gone.has(entry));
    if (result.type === 'accepted') this.#sent += series.length;
    else {
      this.#refused += series.length;
      log.error('a receiver of telemetry refuses samples for good', { name, reason: result.reason });
    }
    return null;
  }
}
