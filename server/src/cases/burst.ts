/**
 * Bursts: what one actor did in one sitting is one case with many changes, not many challenges.
 *
 * The surprise: the session is part of a burst's key only when it names a person. A program's session name is new with
 * every run, and a person's temporary keys change every few minutes, so that splitting by them would ask one person
 * thirty times in an hour.
 */
import { createHash } from 'node:crypto';
import type { RiskReason } from '@countersign/contract';
import type { Finding } from '../findings/finding.ts';
import { holdRisk, PROVIDER_MAXIMUM_RISK, sumPoints } from '../findings/risk.ts';
import type { Actor } from '../sources/source.ts';
import type { Decision } from './decision.ts';
import type { Policy, PolicyContext } from './policy.ts';

export interface BurstWindow {
  /** A finding within this time of the burst's last (or first) still belongs to it. */
  readonly gapMs: number;
  /** From first to last finding; after that a new burst begins however busy the actor is. */
  readonly spanMs: number;
}

export const BURST_WINDOW: BurstWindow = { gapMs: 60 * 60_000, spanMs: 8 * 3_600_000 };
/** Further than any time of an event, and a whole number that databases take. */
export const FOREVER_MS = 2 ** 52;
/** A burst takes no more findings than this; the next one begins another burst. */
export const MAXIMUM_BURST_FINDINGS = 5_000;

/** Hex characters of a burst's key: 128 bits. */
const KEY_LENGTH = 32;

/** What breadth may add to the riskiest finding of a burst. */
export const MAXIMUM_BREADTH_POINTS = 20;
const TECHNIQUE_POINTS = 3;
const TACTIC_POINTS = 3;
const REGION_POINTS = 4;
const SOME_REFUSALS = 5;
const SOME_REFUSALS_POINTS = 5;
const MANY_REFUSALS = 10;
const MANY_REFUSALS_POINTS = 10;
const MANY_RESOURCES = 10;
const MANY_RESOURCES_POINTS = 5;
const VERY_MANY_RESOURCES = 25;
const VERY_MANY_RESOURCES_POINTS = 10;

/** Refused for want of rights; a thing that does not exist is no locked door. */
const REFUSAL = /denied|unauthori[sz]ed|forbidden|not ?authori[sz]ed|authfailure/i;

export interface BurstContext extends PolicyContext {}

export interface Consideration {
  readonly risk: number;
  /** Those of the riskiest finding, then breadth; the points add up to the risk (held to 1–100). */
  readonly reasons: readonly RiskReason[];
  readonly decision: Decision;
  /** The riskiest finding, the newest of equals: it speaks for the burst. */
  readonly headline: Finding;
  /** Those that led to the decision by themselves: what a maintenance window must cover, every one, to hold a page back. */
  readonly decisive: readonly Finding[];
}

/** How many things were done: several rules may have matched one of them. */
export function changesIn(findings: readonly Finding[]): number {
  return new Set(findings.map(({ facts }) => facts.id)).size;
}

/** Findings of one key within one window are one burst. A digest: names may hold anything. */
export function burstKey(finding: Finding): string {
  const { actor, source, account } = finding.facts;
  // An alert of another system is told by its sender's own key, whatever else differs.
  if (source === 'alert') return alertBurstKey(actor.id, actor.sessionKey);
  const session = sessionNamesPerson(actor) ? (actor.session ?? '').toLowerCase() : '';
  return digestOf([source, account, actor.id, session]);
}

/** The key of the burst of an alert, for what arrives without a finding: an acknowledgement, a resolution. */
export function alertBurstKey(integration: string, dedupKey: string): string {
  return digestOf(['alert', integration, dedupKey]);
}

function digestOf(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, KEY_LENGTH);
}

/** Whether a burst that spans `firstMs`–`lastMs` takes a finding of this time; late deliveries count backwards. */
export function joinsBurst(
  burst: { readonly firstMs: number; readonly lastMs: number; readonly count: number },
  timeMs: number,
  window: BurstWindow = BURST_WINDOW,
): boolean {
  const first = Math.min(burst.firstMs, timeMs);
  const last = Math.max(burst.lastMs, timeMs);
  const near = timeMs >= burst.firstMs - window.gapMs && timeMs <= burst.lastMs + window.gapMs;
  return near && last - first <= window.spanMs && burst.count < MAXIMUM_BURST_FINDINGS;
}

/**
 * Pure. The risk and decision of the findings of one burst; `findings` must not be empty.
 *
 * Every finding is put to the policy by itself, with the burst's breadth added to its risk, and the sternest decision
 * wins: a line that lets one rule pass never lets the rest of the burst pass with it.
 */
export function considerBurst(findings: readonly Finding[], policy: Policy, context: BurstContext): Consideration {
  const headline = headlineOf(findings);
  const breadth = breadthReasons(findings, headline.risk);
  const added = sumPoints(breadth);
  const decided = decideEach(findings, policy, context);
  const decision = decided.reduce<Decision>((sternest, [, alone]) => sterner(sternest, alone), { type: 'record' });
  const decisive = decided.filter(([, alone]) => alone.type === decision.type).map(([finding]) => finding);
  const reasons = [...headline.reasons, ...breadth];
  return { risk: holdRisk(headline.risk + added), reasons, decision, headline, decisive };
}

/** Pure. What the policy says of each finding by itself, in their order, the burst's breadth in its risk. */
export function decideEach(
  findings: readonly Finding[],
  policy: Policy,
  context: BurstContext,
): readonly (readonly [Finding, Decision])[] {
  if (findings.length === 0) return [];
  const added = sumPoints(breadthReasons(findings, headlineOf(findings).risk));
  return findings.map((finding) => [finding, policy.decide(finding, holdRisk(finding.risk + added), context)] as const);
}

/** Page before challenge before record; of two challenges the shorter one, and then the one that asks the actor. */
export function sterner(one: Decision, other: Decision): Decision {
  if (one.type === 'challenge' && other.type === 'challenge') {
    if (one.withinMs !== other.withinMs) {
      return one.withinMs < other.withinMs ? one : other;
    }
    return one.ask === 'actor' ? one : other;
  }
  const order: readonly Decision['type'][] = ['record', 'challenge', 'page'];
  return order.indexOf(other.type) > order.indexOf(one.type) ? other : one;
}

function headlineOf(findings: readonly Finding[]): Finding {
  const [first, ...rest] = findings;
  if (first === undefined) {
    throw new Error('a burst has at least one finding');
  }
  return rest.reduce((best, next) => {
    const newer = next.facts.timeMs > best.facts.timeMs;
    return next.risk > best.risk || (next.risk === best.risk && newer) ? next : best;
  }, first);
}

function breadthReasons(findings: readonly Finding[], risk: number): RiskReason[] {
  const events = riskiestOfEachEvent(findings);
  const techniques = new Set(events.flatMap((finding) => finding.techniques.slice(0, 1)));
  const tactics = new Set(events.flatMap((finding) => finding.tags.filter(isTactic).slice(0, 1)));
  const regions = new Set(findings.flatMap(({ facts }) => (facts.region === null ? [] : [facts.region])));
  const resources = new Set(findings.flatMap(({ facts }) => facts.resources.map(({ type, id }) => `${type} ${id}`)));
  const refusals = events.filter(({ facts }) => REFUSAL.test(facts.errorCode ?? '')).length;
  const wanted: readonly (readonly [what: string, count: number, points: number])[] = [
    ['techniques', techniques.size, (techniques.size - 1) * TECHNIQUE_POINTS],
    ['tactics', tactics.size, (tactics.size - 1) * TACTIC_POINTS],
    ['regions', regions.size, (regions.size - 1) * REGION_POINTS],
    ['refusals', refusals, refusalPoints(refusals)],
    ['resources', resources.size, resourcePoints(resources.size)],
  ];
  const provider = findings.every(({ facts }) => facts.actor.isProvider);
  let left = provider ? Math.min(MAXIMUM_BREADTH_POINTS, PROVIDER_MAXIMUM_RISK - risk) : MAXIMUM_BREADTH_POINTS;
  const reasons: RiskReason[] = [];
  for (const [what, count, want] of wanted) {
    const points = Math.min(want, left);
    if (points > 0) {
      left -= points;
      reasons.push({ code: 'breadth', points, parameters: { what, count } });
    }
  }
  return reasons;
}

/** Several rules may match one event, and a rule may name many techniques: breadth counts what was done, not what it is called. */
function riskiestOfEachEvent(findings: readonly Finding[]): readonly Finding[] {
  const byEvent = new Map<string, Finding>();
  for (const finding of findings) {
    const known = byEvent.get(finding.facts.id);
    if (known === undefined || finding.risk > known.risk) {
      byEvent.set(finding.facts.id, finding);
    }
  }
  return [...byEvent.values()];
}

/** One refused call is little; a row of them is somebody trying doors. */
function refusalPoints(count: number): number {
  if (count >= MANY_REFUSALS) {
    return MANY_REFUSALS_POINTS;
  }
  return count >= SOME_REFUSALS ? SOME_REFUSALS_POINTS : 0;
}

function resourcePoints(count: number): number {
  if (count >= VERY_MANY_RESOURCES) {
    return VERY_MANY_RESOURCES_POINTS;
  }
  return count >= MANY_RESOURCES ? MANY_RESOURCES_POINTS : 0;
}

/** Falco's convention for tactics: `mitre_persistence`, `mitre_defense_evasion`. */
function isTactic(tag: string): boolean {
  return tag.startsWith('mitre_');
}

/**
 * A session that names a person (`alice@example.com`, `alice.smith`) keeps apart the people who share a role. A name
 * with a long number or an identifier in it was made by a program.
 */
function sessionNamesPerson({ kind, session }: Actor): boolean {
  if (session === null || kind === 'service' || kind === 'root') {
    return false;
  }
  if (session.includes('@')) {
    return true;
  }
  const generated = /\d{5,}|[0-9a-f]{8,}|^i-|^(?:aws|botocore|boto|terraform|session|codebuild|github|gitlab|jenkins)/i;
  return /^[a-z]/i.test(session) && !generated.test(session);
}
