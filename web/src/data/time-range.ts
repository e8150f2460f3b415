/**
 * The time that a page shows, as it stands in the address: `minutes=60` up to now, which goes on as time does, or `from=…&to=…`, which stays
 * and is the same in every zone. Pure.
 */

export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Up to now, or between two moments. */
export type ShownTime = { readonly minutes: number } | Range;

export const SPANS = [15, 60, 24 * 60, 7 * 24 * 60] as const;
const DEFAULT_MINUTES = 60;
const MINUTE_MS = 60_000;
const LEAST_MS = 1_000;
export function readTime(search: URLSearchParams): ShownTime {
  const fromMs = Date.parse(search.get('from') ?? '');
  const toMs = Date.parse(search.get('to') ?? '');
  if (fromMs < toMs) return { fromMs, toMs };
  return { minutes: SPANS.find((span) => String(span) === search.get('minutes')) ?? DEFAULT_MINUTES };
}

export function writeTime(search: URLSearchParams, time: ShownTime): void {
  if (!('minutes' in time)) writeRange(search, time);
  else if (time.minutes !== DEFAULT_MINUTES) search.set('minutes', String(time.minutes));
}

export function writeRange(query: URLSearchParams, { fromMs, toMs }: Range): void {
  query.set('from', new Date(fromMs).toISOString());
  query.set('to', new Date(toMs).toISOString());
}

export function rangeOf(time: ShownTime, nowMs: number): Range {
  return 'minutes' in time ? { fromMs: nowMs - time.minutes * MINUTE_MS, toMs: nowMs } : time;
}

/** In the order of time, and long enough to hold anything. */
export function rangeBetween(oneMs: number, otherMs: number): Range {
  const fromMs = Math.floor(Math.min(oneMs, otherMs));
  return { fromMs, toMs: Math.max(Math.ceil(Math.max(oneMs, otherMs)), fromMs + LEAST_MS) };
}

/** Twice as long, with the same middle; nothing is known of the future. */
export function widened({ fromMs, toMs }: Range, nowMs: number): Range {
  const half = Math.ceil((toMs - fromMs) / 2);
  return { fromMs: fromMs - half, toMs: Math.max(toMs, Math.min(nowMs, toMs + half)) };
}

/** The span that comes nearest: what is shown when it goes on as time does. */
export function nearestSpan({ fromMs, toMs }: Range): number {
  const minutes = (toMs - fromMs) / MINUTE_MS;
  return SPANS.find((span) => span >= minutes) ?? SPANS[SPANS.length - 1] ?? DEFAULT_MINUTES;
}
