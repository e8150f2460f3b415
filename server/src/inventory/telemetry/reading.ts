/**
 * What one look at a thing says: how much it has used since it began, what it holds now, and what it may use. Null: not known here, which is
 * not zero.
 */

/** Totals since the thing began; they only grow. */
export interface Totals {
  readonly cpuMs: number | null;
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
  readonly readOps: number | null;
  readonly writeOps: number | null;
  readonly receivedBytes: number | null;
  readonly sentBytes: number | null;
  /** Periods of its processor quota, those in which it was held back, and for how long. */
  readonly periods: number | null;
  readonly throttled: number | null;
  readonly throttledMs: number | null;
  readonly oomKills: number | null;
}
export const TOTALS = [
  'cpuMs',
  'readBytes',
  'writtenBytes',
  'readOps',
  'writeOps',
  'receivedBytes',
  'sentBytes',
  'periods',
  'throttled',
  'throttledMs',
  'oomKills',
] as const satisfies readonly (keyof Totals)[];

export interface Reading {
  readonly totals: Totals;
  /** The working set: what cannot be taken away without harm. */
  readonly memoryBytes: number | null;
  readonly rssBytes: number | null;
  readonly processes: number;
}

/** What a thing may use (limit) and was promised (request); null: nothing was said. */
export interface Bounds {
  /** In processors. */
  readonly cpuLimit: number | null;
  readonly cpuRequest: number | null;
  readonly memoryLimit: number | null;
  readonly memoryRequest: number | null;
}

export const NO_BOUNDS: Bounds = { cpuLimit: null, cpuRequest: null, memoryLimit: null, memoryRequest: null };
export const NO_TOTALS: Totals = {
  cpuMs: null,
  readBytes: null,
  writtenBytes: null,
  readOps: null,
  writeOps: null,
  receivedBytes: null,
  sentBytes: null,
  periods: null,
  throttled: null,
  throttledMs: null,
  oomKills: null,
};
