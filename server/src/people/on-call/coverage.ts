/**
 * Where nobody would be called: a schedule's gaps are told, a whole ladder without anybody is trouble. Pure.
 *
 * The surprise: a schedule with gaps is often meant so (office hours) and is no trouble while another step of the same ladder reaches
 * somebody. What counts is the ladder.
 */
import type { OnCallConfiguration } from './configuration.ts';
import type { Escalation } from './escalation.ts';
import { type Override, shiftsOf, type Span } from './schedule.ts';

export interface CoverageOptions {
  readonly onCall: OnCallConfiguration;
  /** Of all schedules. */
  readonly overrides: readonly (Override & { readonly schedule: string })[];
  /** Whether anything reaches the person of this address when it is urgent. */
  readonly isReachable: (email: string) => boolean;
}

export interface Uncovered extends Span {
  readonly escalation: string;
}

/** The times in the range at which no step of a ladder reaches anybody; only the catch-all would be called. */
export function uncoveredOf(options: CoverageOptions, range: Span): readonly Uncovered[] {
  return [...options.onCall.escalations.values()].flatMap((escalation) =>
    gapsBetween(coveredBy(escalation, options, range), range).map((gap) => ({ escalation: escalation.name, ...gap })),
  );
}

/** People whom a ladder names and whom nothing reaches. */
export function unreachableOf({ steps }: Escalation, isReachable: CoverageOptions['isReachable']): readonly string[] {
  const named = steps.flatMap(({ targets }) =>
    targets.flatMap((target) => (target.type === 'person' ? [target.email] : [])),
  );
  return [...new Set(named)].filter((email) => !isReachable(email));
}

function coveredBy({ steps }: Escalation, options: CoverageOptions, range: Span): readonly Span[] {
  return steps.flatMap(({ targets }) =>
    targets.flatMap((target): readonly Span[] => {
      if (target.type === 'channel') return [range];
      if (target.type === 'person') return options.isReachable(target.email) ? [range] : [];
      const schedule = options.onCall.schedules.get(target.name);
      if (schedule === undefined) return [];
      const own = options.overrides.filter((override) => override.schedule === target.name);
      return shiftsOf(schedule, own, range).filter(({ email }) => options.isReachable(email));
    }),
  );
}

function gapsBetween(spans: readonly Span[], { fromMs, toMs }: Span): readonly Span[] {
  const gaps: Span[] = [];
  let covered = fromMs;
  for (const span of spans.toSorted((one, other) => one.fromMs - other.fromMs)) {
    if (span.fromMs > covered) gaps.push({ fromMs: covered, toMs: span.fromMs });
    covered = Math.max(covered, span.toMs);
  }
  return covered < toMs ? [...gaps, { fromMs: covered, toMs }] : gaps;
}
