/**
 * How risky one finding is, 0–100, and why: a sum of reasons, each with its points, so that a person can check the sum.
 *
 * The surprise: a refused call is never dropped and a first appearance counts half while we have only just begun to
 * watch, because on the first day everything is new. docs/risk.md explains every number below; change both together.
 */
import type { RiskReason } from '@countersign/contract';
import type { Priority } from '@countersign/falco';
import { PRIORITY_RISK } from '../rules/metadata.ts';
import type { EventFacts } from '../sources/source.ts';
import type { Account } from './finding.ts';
import type { Past } from './history.ts';

/** What the account's label adds. A label that is not here weighs like `unknown`: an untold account may be production. */
export const LABEL_POINTS: ReadonlyMap<string, number> = new Map([
  ['prod', 15],
  ['production', 15],
  ['staging', 0],
  ['test', -10],
  ['dev', -10],
  ['development', -10],
  ['sandbox', -15],
  ['unknown', 5],
]);

export const MAXIMUM_RISK = 100;
/** No finding is worth nothing: a rule's author thought it worth a look. */
export const MINIMUM_RISK = 1;
/** What the provider itself does on our behalf (AWS services, the Kubernetes control plane) never goes above this: below what
 * the default policy asks about. */
export const PROVIDER_MAXIMUM_RISK = 45;

const ROOT_POINTS = 15;
const ANONYMOUS_POINTS = 15;
const UNKNOWN_ACTOR_POINTS = 10;
const UNKNOWN_PERSON_POINTS = 5;
const PROVIDER_POINTS = -30;
const FAILED_POINTS = -20;
const FIRST_ACTION_POINTS = 8;
const FIRST_ACTOR_POINTS = 10;
const UNUSUAL_HOUR_POINTS = 8;

const DAY_MS = 86_400_000;
/** Until we have watched an account this long, a first appearance counts half. */
export const LEARNING_MS = 7 * DAY_MS;
/** Usual hours are only known from this many findings on this many days. */
export const HOURS_NEED_FINDINGS = 20;
export const HOURS_NEED_DAYS = 5;
/** An hour is unusual when it and its two neighbours hold less than this share of what the actor did before. */
export const UNUSUAL_SHARE = 0.02;

export interface RiskInput {
  readonly facts: EventFacts;
  /** `risk` is what the rule says it adds (0–100); null leaves it to the priority. */
  readonly rule: { readonly name: string; readonly priority: Priority; readonly risk: number | null };
  readonly account: Account | null;
  /** Whether the actor is one of the configured people; null when nobody is configured, so that nothing can be said. */
  readonly personKnown: boolean | null;
  readonly past: Past;
}

export interface Risk {
  /** 1–100: the sum of the points, held to the range. */
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
}

/** Pure. The risk is the sum of the reasons' points, held between MINIMUM_RISK and MAXIMUM_RISK. */
export function scoreFinding(input: RiskInput): Risk {
  // Who judged it elsewhere has weighed it; that a program sends alerts for the first time or at night means nothing.
  if (input.facts.source === 'alert') {
    const own = ruleReason(input);
    return { risk: holdRisk(own.points), reasons: [own] };
  }
  const reasons = [
    ruleReason(input),
    accountReason(input),
    failedReason(input.facts),
    firstTimeReason(input),
    hourReason(input),
  ].filter((reason) => reason !== null);
  const actor = actorReason(input, sumPoints(reasons));
  if (actor !== null) {
    reasons.splice(2, 0, actor);
  }
  return { risk: holdRisk(sumPoints(reasons)), reasons };
}

export function sumPoints(reasons: readonly RiskReason[]): number {
  return reasons.reduce((sum, reason) => sum + reason.points, 0);
}

/** Rounds and holds a sum to the range of a risk. */
export function holdRisk(points: number): number {
  return Math.min(MAXIMUM_RISK, Math.max(MINIMUM_RISK, Math.round(points)));
}

function ruleReason({ rule }: RiskInput): RiskReason {
  const points = rule.risk ?? PRIORITY_RISK[rule.priority];
  return { code: 'rule', points, parameters: { rule: rule.name, priority: rule.priority } };
}

function accountReason({ account, facts }: RiskInput): RiskReason | null {
  if (account === null && facts.account === null) {
    return null;
  }
  const label = (account?.label ?? 'unknown').toLowerCase();
  const points = LABEL_POINTS.get(label) ?? LABEL_POINTS.get('unknown') ?? 0;
  if (points === 0) {
    return null;
  }
  return { code: 'account', points, parameters: { account: account?.name ?? facts.account ?? 'unknown', label } };
}

/** The provider's own calls are lowered as far as the cap needs, so that the points still add up to the risk. */
function actorReason({ facts, personKnown }: RiskInput, others: number): RiskReason | null {
  const { actor } = facts;
  const reason = (what: string, points: number): RiskReason => ({
    code: 'actor',
    points,
    parameters: { what, actor: actor.name },
  });
  if (actor.isProvider) {
    return reason('provider', Math.min(PROVIDER_POINTS, PROVIDER_MAXIMUM_RISK - others));
  }
  switch (actor.kind) {
    case 'root':
      return reason('root', ROOT_POINTS);
    case 'anonymous':
      return reason('anonymous', ANONYMOUS_POINTS);
    case 'unknown':
      return reason('unknown', UNKNOWN_ACTOR_POINTS);
    case 'person':
    case 'federated':
      return personKnown === false ? reason('unknown-person', UNKNOWN_PERSON_POINTS) : null;
    case 'role':
    case 'service':
    case 'service-account':
      return null;
  }
}

function failedReason(facts: EventFacts): RiskReason | null {
  return facts.errorCode === null
    ? null
    : { code: 'failed', points: FAILED_POINTS, parameters: { error: facts.errorCode } };
}

/** A provider's own call is never news: services begin and end tasks by themselves. */
function firstTimeReason({ facts, past }: RiskInput): RiskReason | null {
  if (facts.actor.isProvider || past.actionCount > 0) {
    return null;
  }
  const isNewActor = past.actorCount === 0;
  const watchedMs = past.watchedSinceMs === null ? 0 : facts.timeMs - past.watchedSinceMs;
  const full = isNewActor ? FIRST_ACTOR_POINTS : FIRST_ACTION_POINTS;
  return {
    code: 'first-time',
    points: watchedMs >= LEARNING_MS ? full : full / 2,
    parameters: { what: isNewActor ? 'actor' : 'action', action: facts.action, actor: facts.actor.name },
  };
}

function hourReason({ facts, past }: RiskInput): RiskReason | null {
  if (facts.actor.isProvider || past.actorCount < HOURS_NEED_FINDINGS || past.dayCount < HOURS_NEED_DAYS) {
    return null;
  }
  const hour = new Date(facts.timeMs).getUTCHours();
  const near = [hour + 23, hour, hour + 1].reduce((sum, at) => sum + (past.hourCounts[at % 24] ?? 0), 0);
  return near / past.actorCount >= UNUSUAL_SHARE
    ? null
    : { code: 'hour', points: UNUSUAL_HOUR_POINTS, parameters: { hour, actor: facts.actor.name } };
}
