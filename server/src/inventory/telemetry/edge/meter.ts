/**
 * Looks at one thing, second by second → what it used in a window: processor as least, mean and most of the seconds, memory as mean, most and
 * last, the rest as sums.
 *
 * The surprise: totals may begin anew under the same name, when a container is started again. What is less than before counts from nothing.
 */
import { NO_TOTALS, type Reading, TOTALS, type Totals } from '../reading.ts';

export interface Usage {
  /** How much of the window was watched. */
  readonly coveredMs: number;
  /** Milliseconds of one processor. */
  readonly cpuMs: number;
  /** In processors, over the seconds of the window. */
  readonly cpuMin: number;
  readonly cpuMax: number;
  readonly memoryBytes: number | null;
  readonly memoryMaxBytes: number | null;
  readonly memoryLastBytes: number | null;
  readonly rssBytes: number | null;
  readonly processes: number;
  readonly sums: Totals;
}

/** Shorter than this two looks tell nothing of a rate. */
const SHORTEST_MS = 100;

export class Meter {
  #totals: Totals | null;
  #atMs: number;
  #isRead = false;
  #coveredMs = 0;
  #cpuMin = Number.POSITIVE_INFINITY;
  #cpuMax = 0;
  #pendingCpuMs = 0;
  #pendingMs = 0;
  #memorySum = 0;
  #memoryCount = 0;
  #memoryMax = 0;
  #memoryLast: number | null = null;
  #rss: number | null = null;
  #processes = 0;
  #sums: { -readonly [Name in keyof Totals]: Totals[Name] } = { ...NO_TOTALS };

  /**
   * @param sinceMs of a thing that came after the last look, when that was: all that it used counts. Null: it was there before anybody looked,
   * and only what it uses from the first look on counts.
   */
  constructor(sinceMs: number | null) {
    this.#totals = sinceMs === null ? null : ZERO;
    this.#atMs = sinceMs ?? 0;
  }

  look({ totals, memoryBytes, rssBytes, processes }: Reading, atMs: number): void {
    this.#isRead = true;
    this.#processes = processes;
    this.#remember(memoryBytes, rssBytes);
    const before = this.#totals;
    this.#totals = totals;
    const elapsedMs = atMs - this.#atMs;
    this.#atMs = atMs;
    if (before === null) return;
    for (const name of TOTALS) {
      const now = totals[name];
      if (now === null) continue;
      const then = before[name] ?? (before === ZERO ? 0 : null);
      if (then !== null) this.#sums[name] = (this.#sums[name] ?? 0) + (now >= then ? now - then : now);
    }
    this.#coveredMs += elapsedMs;
    this.#rate(grown(before.cpuMs, totals.cpuMs), elapsedMs);
  }

  /** What came since the last time; null when nobody looked. */
  take(): Usage | null {
    if (!this.#isRead) return null;
    const usage: Usage = {
      coveredMs: Math.round(this.#coveredMs),
      cpuMs: this.#sums.cpuMs ?? 0,
      cpuMin: Number.isFinite(this.#cpuMin) ? this.#cpuMin : 0,
      cpuMax: this.#cpuMax,
      memoryBytes: this.#memoryCount === 0 ? null : Math.round(this.#memorySum / this.#memoryCount),
      memoryMaxBytes: this.#memoryCount === 0 ? null : this.#memoryMax,
      memoryLastBytes: this.#memoryLast,
      rssBytes: this.#rss,
      processes: this.#processes,
      sums: this.#sums,
    };
    this.#isRead = false;
    this.#coveredMs = 0;
    this.#cpuMin = Number.POSITIVE_INFINITY;
    this.#cpuMax = 0;
    this.#memorySum = 0;
    this.#memoryCount = 0;
    this.#memoryMax = 0;
    this.#sums = { ...NO_TOTALS };
    return usage;
  }

  #remember(memoryBytes: number | null, rssBytes: number | null): void {
    if (memoryBytes !== null) {
      this.#memorySum += memoryBytes;
      this.#memoryCount += 1;
      this.#memoryMax = Math.max(this.#memoryMax, memoryBytes);
      this.#memoryLast = memoryBytes;
    }
    this.#rss = rssBytes ?? this.#rss;
  }

  /** Looks that follow each other at once are one: a timer that was late makes the next one early. */
  #rate(cpuMs: number, elapsedMs: number): void {
    this.#pendingCpuMs += cpuMs;
    this.#pendingMs += elapsedMs;
    if (this.#pendingMs < SHORTEST_MS) return;
    const rate = this.#pendingCpuMs / this.#pendingMs;
    this.#pendingCpuMs = 0;
    this.#pendingMs = 0;
    this.#cpuMin = Math.min(this.#cpuMin, rate);
    this.#cpuMax = Math.max(this.#cpuMax, rate);
  }
}

const ZERO: Totals = { ...NO_TOTALS };

function grown(before: number | null, now: number | null): number {
  if (now === null) return 0;
  const then = before ?? 0;
  return now >= then ? now - then : now;
}
