/**
 * Numbers over cases: how long from event to detection, question to answer, page to acknowledgement, event to the end. Pure.
 *
 * The surprise: a page that nobody acknowledged is no missing value. It has waited at least so long, and leaving it out would make
 * the worst weeks look best; so the acknowledgement is a survival curve (Kaplan–Meier), and its median may honestly be unknown.
 */
import type { Distribution, Numbers } from '@countersign/contract';

/** The times of one case, in ms since 1970; T0…T7 of docs/numbers.md. */
export interface NumberedCase {
  readonly eventMs: number;
  readonly receivedMs: number;
  readonly askedMs: number | null;
  readonly answeredMs: number | null;
  readonly pagedMs: number | null;
  readonly acknowledgedMs: number | null;
  readonly containedMs: number | null;
  readonly resolvedMs: number | null;
  readonly state: string;
  readonly cause: string | null;
  /** What the person asked said; null: nothing. */
  readonly answer: 'yes' | 'no' | null;
  readonly team: string | null;
  readonly account: string | null;
  readonly rule: string;
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

const MEDIAN = 0.5;
const P90 = 0.9;
const SECOND_MS = 1_000;

/** @param seenMs until when was looked: a page that nobody acknowledged has waited until then. */
export function numbersOf(cases: readonly NumberedCase[], window: Window, seenMs = window.toMs): Numbers {
  const lasted = (from: (one: NumberedCase) => number | null, to: (one: NumberedCase) => number | null) =>
    cases.flatMap((one) => {
      const [start, end] = [from(one), to(one)];
      return start === null || end === null ? [] : [Math.max(0, end - start) / SECOND_MS];
    });
  const pages = cases.filter(({ pagedMs }) => pagedMs !== null);
  return {
    cases: cases.length,
    detect: distributionOf(
      lasted(
        (one) => one.eventMs,
        (one) => one.receivedMs,
      ),
    ),
    verify: distributionOf(
      lasted(
        (one) => one.askedMs,
        (one) => one.answeredMs,
      ),
    ),
    acknowledge: acknowledgements(pages, seenMs),
    contain: distributionOf(
      lasted(
        (one) => one.eventMs,
        (one) => one.containedMs,
      ),
    ),
    resolve: distributionOf(
      lasted(
        (one) => one.eventMs,
        (one) => one.resolvedMs,
      ),
    ),
    betweenFailures: betweenFailures(pages, window),
    answers: {
      confirmed: cases.filter(({ state }) => state === 'confirmed').length,
      denied: cases.filter(({ answer }) => answer === 'no').length,
      expired: cases.filter(isExpired).length,
      pagedAtOnce: cases.filter(({ askedMs, pagedMs }) => askedMs === null && pagedMs !== null).length,
    },
    skewed: cases.filter(({ eventMs, receivedMs }) => receivedMs < eventMs).length,
  };
}

/** Asked, and silent. What happened to the page later does not change that. */
function isExpired({ askedMs, answer, pagedMs, cause }: NumberedCase): boolean {
  const isLater = cause === 'acknowledgement-expired' || cause === 'revert-failed';
  return cause === 'expired' || (isLater && askedMs !== null && answer === null && pagedMs !== null);
}

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((one, other) => one - other);
  const sum = sorted.reduce((total, value) => total + value, 0);
  return {
    n: sorted.length,
    median: quantile(sorted, MEDIAN),
    p90: quantile(sorted, P90),
    mean: sorted.length === 0 ? null : sum / sorted.length,
  };
}

/** The smallest value that at least this share does not exceed; null of nothing. */
export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** One page: how long it waited, and whether that ended with an acknowledgement. */
export interface Waited {
  readonly seconds: number;
  readonly acknowledged: boolean;
}

function acknowledgements(pages: readonly NumberedCase[], nowMs: number): Numbers['acknowledge'] {
  const waits = pages.map(({ pagedMs, acknowledgedMs, resolvedMs }): Waited => {
    const start = pagedMs ?? 0;
    // Resolved without an acknowledgement: it was never acknowledged, and waits no longer.
    const end = acknowledgedMs ?? resolvedMs ?? Math.max(nowMs, start);
    return { seconds: Math.max(0, end - start) / SECOND_MS, acknowledged: acknowledgedMs !== null };
  });
  const seen = waits.filter(({ acknowledged }) => acknowledged).map(({ seconds }) => seconds);
  return {
    n: seen.length,
    median: survivalQuantile(waits, MEDIAN),
    p90: survivalQuantile(waits, P90),
    mean: distributionOf(seen).mean,
    pages: pages.length,
    never: waits.length - seen.length,
  };
}

/**
 * Kaplan–Meier: the time by which this share was acknowledged, with those still waiting counted as longer than they have waited.
 * Null when the curve never comes so far down. Without any that wait it is the ordinary quantile.
 */
export function survivalQuantile(waits: readonly Waited[], share: number): number | null {
  const times = [...new Set(waits.filter(({ acknowledged }) => acknowledged).map(({ seconds }) => seconds))].sort(
    (one, other) => one - other,
  );
  let surviving = 1;
  for (const time of times) {
    const atRisk = waits.filter(({ seconds }) => seconds >= time).length;
    const ended = waits.filter(({ seconds, acknowledged }) => acknowledged && seconds === time).length;
    surviving *= 1 - ended / atRisk;
    // A product of fractions misses its own sum by a little.
    if (surviving <= 1 - share + 1e-9) return time;
  }
  return null;
}

/** Overlapping pages are one outage: the time without any open page, by the number of pages. */
function betweenFailures(pages: readonly NumberedCase[], { fromMs, toMs }: Window): number | null {
  if (pages.length === 0) return null;
  const open = pages
    .map(({ pagedMs, resolvedMs }) => ({
      from: Math.max(pagedMs ?? fromMs, fromMs),
      to: Math.min(resolvedMs ?? toMs, toMs),
    }))
    .sort((one, other) => one.from - other.from);
  let openMs = 0;
  let coveredTo = fromMs;
  for (const { from, to } of open) {
    openMs += Math.max(0, to - Math.max(from, coveredTo));
    coveredTo = Math.max(coveredTo, to);
  }
  return Math.max(0, toMs - fromMs - openMs) / pages.length / SECOND_MS;
}

const DAY_MS = 86_400_000;

/** The week of an instant, Monday to Monday in UTC. */
export function weekWindow(ms: number): Window {
  const dayMs = Math.floor(ms / DAY_MS) * DAY_MS;
  const fromMs = dayMs - ((new Date(dayMs).getUTCDay() + 6) % 7) * DAY_MS;
  return { fromMs, toMs: fromMs + 7 * DAY_MS };
}

/** `2026-W10`: ISO 8601, UTC. */
export function weekOf(ms: number): string {
  // The week belongs to the year of its Thursday.
  const thursday = new Date(weekWindow(ms).fromMs + 3 * DAY_MS);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.floor((thursday.getTime() - first) / (7 * DAY_MS)) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
