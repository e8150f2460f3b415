/**
 * The cases that recorded findings would have opened: what `countersign replay --show cases` prints.
 *
 * It shares the burst and the policy with the server and nothing else: no store, no clock, no people to ask. Time is
 * the findings' own, so that the same recording always gives the same cases.
 */
import type { RiskReason } from '@countersign/contract';
import type { Finding } from '../findings/finding.ts';
import type { Actor } from '../sources/source.ts';
import { BURST_WINDOW, type BurstWindow, burstKey, considerBurst, joinsBurst } from './burst.ts';
import type { Decision } from './decision.ts';
import type { Policy } from './policy.ts';

export interface ReplayedCase {
  readonly actor: Actor;
  readonly account: string | null;
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  readonly decision: Decision;
  /** In time order. */
  readonly findings: readonly Finding[];
}

export interface ReplayCasesOptions {
  readonly policy: Policy;
  /** Whether an actor is one of the configured people. */
  readonly isPerson?: (actor: Actor) => boolean;
  readonly window?: BurstWindow;
  /** Also the bursts that the policy only records, which are no cases; for looking closer. */
  readonly includeRecorded?: boolean;
}

/** Pure. Cases by the time of their first finding; findings may come in any order. */
export function replayCases(findings: Iterable<Finding>, options: ReplayCasesOptions): ReplayedCase[] {
  const sorted = [...findings].sort((one, other) => one.facts.timeMs - other.facts.timeMs);
  const isPerson = options.isPerson ?? (() => false);
  const cases: ReplayedCase[] = [];
  for (const burst of gatherBursts(sorted, options.window ?? BURST_WINDOW)) {
    const [first] = burst;
    if (first === undefined) {
      continue;
    }
    const { actor, account } = first.facts;
    const { risk, reasons, decision } = considerBurst(burst, options.policy, { actorIsPerson: isPerson(actor) });
    if (decision.type !== 'record' || options.includeRecorded === true) {
      cases.push({ actor, account, risk, reasons, decision, findings: burst });
    }
  }
  return cases;
}

/** One line of `--show cases --output json`. */
export function caseLine(found: ReplayedCase): Readonly<Record<string, unknown>> {
  const { actor, account, risk, reasons, decision, findings } = found;
  const times = findings.map(({ facts }) => facts.timeMs);
  return {
    actor: actor.id,
    account,
    risk,
    reasons,
    rules: unique(findings.map(({ rule }) => rule)),
    techniques: unique(findings.flatMap(({ techniques }) => techniques)).sort(),
    event_ids: unique(findings.map(({ facts }) => facts.id)),
    decision: decision.type,
    ask: decision.type === 'challenge' ? decision.ask : null,
    within_seconds: decision.type === 'challenge' ? decision.withinMs / 1_000 : null,
    actor_kind: actor.kind,
    actor_name: actor.name,
    first_time: new Date(times[0] ?? 0).toISOString(),
    last_time: new Date(times.at(-1) ?? 0).toISOString(),
    findings: findings.length,
  };
}

function gatherBursts(sorted: readonly Finding[], window: BurstWindow): Finding[][] {
  const bursts: Finding[][] = [];
  const open = new Map<string, Finding[]>();
  for (const finding of sorted) {
    const key = burstKey(finding);
    const burst = open.get(key);
    if (burst !== undefined && joinsBurst(spanOf(burst), finding.facts.timeMs, window)) {
      burst.push(finding);
    } else {
      const fresh = [finding];
      open.set(key, fresh);
      bursts.push(fresh);
    }
  }
  return bursts;
}

/** Findings of a burst are gathered in time order, so its ends are its first and last. */
function spanOf(burst: readonly Finding[]): { firstMs: number; lastMs: number; count: number } {
  const firstMs = burst[0]?.facts.timeMs ?? 0;
  return { firstMs, lastMs: burst.at(-1)?.facts.timeMs ?? firstMs, count: burst.length };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
