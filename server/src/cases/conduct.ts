/**
 * Conducting cases: loads one, lets `case.ts` decide, saves what follows; all of it in one transaction of the store.
 *
 * Nothing here decides. Whoever is asked is resolved when the case opens; a case without anybody to ask pages at once.
 */
import { createHash } from 'node:crypto';
import type { Finding } from '../findings/finding.ts';
import { isOwnAlert } from '../sources/alerts/alert.ts';
import { BURST_WINDOW, considerBurst, FOREVER_MS, joinsBurst, MAXIMUM_BURST_FINDINGS } from './burst.ts';
import {
  type Case,
  type CaseEffect,
  type CaseInput,
  decide,
  type Gathered,
  openCase,
  type Outcome,
  type PersonRef,
  type Verdict,
} from './case.ts';
import type { Decision } from './decision.ts';
import type { Planner } from './page/planner.ts';
import type { Policy } from './policy.ts';
import { callsForMore } from './asking.ts';
import type { CaseUnit } from './store.ts';

/** What every change of a case needs. */
export interface ChangeOptions {
  readonly nowMs: number;
  /** Names of whatever shows cases elsewhere: each looks again after every change. */
  readonly followers: readonly string[];
}

export interface ConductOptions {
  readonly policy: Policy;
  readonly followers: readonly string[];
  /** A new identifier. */
  readonly newId: () => string;
  /** Whether an actor is one of the known people: what `actor: person` of the policy means. */
  readonly isPerson: (finding: Finding) => boolean;
  /** Who is asked about a finding; null with the reason when nobody can be. */
  readonly whoToAsk: (
    finding: Finding,
    ask: 'actor' | 'owner',
  ) => { readonly person: PersonRef | null; readonly why: string | null; readonly asOwner?: boolean };
  /** Who answers for the account of a finding, and whose ladder is climbed. */
  readonly teamOf: (finding: Finding) => { readonly team: string | null; readonly escalation: string | null };
  /** For whom exactly a call for help is; left out or empty: for whoever the ladder names. */
  readonly assignedOf?: (finding: Finding) => readonly PersonRef[];
  /** Until when a maintenance window holds pages about the finding; null: not at all. */
  readonly heldUntil: (finding: Finding, risk: number) => number | null;
  /** An exercise, labelled as such by whoever began it. */
  readonly isDrill: (finding: Finding) => boolean;
}

export interface ConductBatch extends ConductOptions {
  readonly nowMs: number;
  /** When the inbox took the events. */
  readonly receivedMs: number;
}

/**
 * The new findings of one burst: they join its open case, or open one when the policy wants more than a record.
 *
 * @returns the case they are part of now, or null when they are only recorded.
 */
export async function conductFindings(
  unit: CaseUnit,
  burstKey: string,
  findings: readonly Finding[],
  options: ConductBatch,
): Promise<Case | null> {
  const { fromMs, toMs } = windowOf(findings);
  await unit.lockBurst(burstKey);
  const current = await unit.openCaseOfBurst(burstKey, fromMs, toMs);
  if (current !== null && isFullAlert(current, findings)) return current;
  if (current !== null && findings.every((finding) => fits(current, finding))) {
    return addToCase(unit, current, findings, options);
  }
  const loose = await unit.looseFindings(burstKey, fromMs, toMs);
  const telling = loose.filter(({ exemptedBy }) => exemptedBy === null);
  if (telling.length === 0) return null;
  const { gathered, headline } = gather(telling, options);
  if (gathered.decision.type === 'record') return null;
  const ask = gathered.decision.type === 'challenge' ? gathered.decision.ask : 'actor';
  const who = gathered.decision.type === 'challenge' ? options.whoToAsk(headline, ask) : NOBODY;
  const pages = gathered.decision.type === 'page' || who.person === null;
  const planner = pages
    ? await unit.loadPlanner({ nowMs: options.nowMs, turnOf: gathered.escalation ?? '' })
    : UNPLANNED;
  const verdict = openCase(gathered, {
    id: options.newId(),
    burstKey,
    nowMs: options.nowMs,
    receivedMs: options.receivedMs,
    person: who.person,
    asOwner: who.asOwner === true,
    assigned: options.assignedOf?.(headline) ?? [],
    whyNobody: who.why,
    planner,
  });
  await saveVerdict(unit, null, verdict, options);
  return verdict.case;
}

const NOBODY: ReturnType<ConductOptions['whoToAsk']> = { person: null, why: null };

/** An alert of another system is known by its key: it joins its open case however long ago that opened. */
function isAlert(finding: Finding): boolean {
  return finding.facts.source === 'alert';
}

const OWN_PAGE_RISK = 50;

/**
 * Nobody can be asked "was this you?" about an alert: it pages instead. And what we say of ourselves (a heartbeat that is late,
 * a person who calls for help) is never only recorded, whatever the policy forgot.
 */
function decisionOfAlert({ facts, risk }: Finding, decision: Decision): Decision {
  if (decision.type === 'challenge') {
    const { escalation } = decision;
    return { type: 'page', ...(escalation === undefined ? {} : { escalation }) };
  }
  const isOurs = isOwnAlert(facts) && risk >= OWN_PAGE_RISK;
  return decision.type === 'record' && isOurs ? { type: 'page' } : decision;
}

function windowOf(findings: readonly Finding[]): { fromMs: number; toMs: number } {
  const times = findings.map(({ facts }) => facts.timeMs);
  const gapMs = findings.some(isAlert) ? FOREVER_MS : BURST_WINDOW.gapMs;
  return { fromMs: Math.min(...times) - gapMs, toMs: Math.max(...times) + gapMs };
}

/** Somebody's storm of one alert: the case is open and full, and more of the same says nothing new. */
function isFullAlert(current: Case, findings: readonly Finding[]): boolean {
  return findings.every(isAlert) && current.findingIds.length + findings.length > MAXIMUM_BURST_FINDINGS;
}

function fits(current: Case, finding: Finding): boolean {
  if (isAlert(finding)) return true;
  const { firstMs, lastMs, findingIds } = current;
  return joinsBurst({ firstMs, lastMs, count: findingIds.length }, finding.facts.timeMs);
}

async function addToCase(
  unit: CaseUnit,
  current: Case,
  findings: readonly Finding[],
  options: ConductBatch,
): Promise<Case> {
  const known = new Set(current.findingIds);
  const fresh = findings.filter(({ id, exemptedBy }) => !known.has(id) && exemptedBy === null);
  if (fresh.length === 0) return current;
  const { gathered } = gather([...(await unit.findingsOfCase(current.id)), ...fresh], options);
  const planner = callsForMore(current, gathered)
    ? await unit.loadPlanner({ nowMs: options.nowMs, turnOf: gathered.escalation ?? '' })
    : UNPLANNED;
  const verdict = decide(current, { type: 'findings-added', gathered }, { nowMs: options.nowMs, planner });
  await saveVerdict(unit, current, verdict, options);
  return verdict.case;
}

function gather(findings: readonly Finding[], options: ConductBatch): { gathered: Gathered; headline: Finding } {
  const sorted = findings.toSorted(
    (one, other) => one.facts.timeMs - other.facts.timeMs || (one.id < other.id ? -1 : 1),
  );
  const actorIsPerson = sorted.some((finding) => options.isPerson(finding));
  const considered = considerBurst(sorted, options.policy, { actorIsPerson });
  const { risk, reasons, headline, decisive } = considered;
  const decision = isAlert(headline) ? decisionOfAlert(headline, considered.decision) : considered.decision;
  const { team, escalation } = options.teamOf(headline);
  const gathered: Gathered = {
    risk,
    reasons,
    decision,
    headlineId: headline.id,
    findingIds: sorted.map(({ id }) => id),
    digest: digestOf(sorted),
    firstMs: sorted[0]?.facts.timeMs ?? 0,
    lastMs: sorted.at(-1)?.facts.timeMs ?? 0,
    drill: sorted.every((finding) => options.isDrill(finding)),
    team,
    account: headline.facts.account,
    rule: headline.rule,
    escalation: (decision.type === 'record' ? undefined : decision.escalation) ?? escalation,
    eventMs: headline.facts.timeMs,
    heldUntilMs: heldUntil(decisive, risk, options),
  };
  return { gathered, headline };
}

/** A window that covers one change never hides another behind it. */
function heldUntil(decisive: readonly Finding[], risk: number, options: ConductBatch): number | null {
  const until = decisive.map((finding) => options.heldUntil(finding, risk));
  return until.some((ms) => ms === null) ? null : Math.min(...until.flatMap((ms) => ms ?? []));
}

/** SHA-256 (hex) over what a person is shown of the changes; any other set of changes has another digest. */
export function digestOf(findings: readonly Finding[]): string {
  const shown = findings.map(({ id, facts }) => [
    id,
    facts.id,
    facts.action,
    facts.account,
    facts.region,
    facts.change.request,
  ]);
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex');
}

/** One input to one case. Null when there is no such case. */
export async function conductInput(
  unit: CaseUnit,
  caseId: string,
  input: CaseInput,
  options: ChangeOptions,
): Promise<{ readonly case: Case; readonly outcome: Outcome } | null> {
  const current = await unit.loadCase(caseId);
  if (current === null) return null;
  const planner = QUIET_INPUTS.has(input.type)
    ? UNPLANNED
    : await unit.loadPlanner({ nowMs: options.nowMs, turnOf: 'turn' in current ? null : (current.escalation ?? '') });
  const verdict = decide(current, input, { nowMs: options.nowMs, planner });
  await saveVerdict(unit, current, verdict, options);
  return { case: verdict.case, outcome: verdict.outcome };
}

/** These need no ladder: whom a page would reach need not be read for them. */
const QUIET_INPUTS: ReadonlySet<CaseInput['type']> = new Set([
  'snoozed',
  'resolved',
  'merged',
  'absorbed',
  'noted',
  'prioritised',
  'held-elsewhere',
  'called-elsewhere',
]);

const UNPLANNED: Planner = {
  turn: 0,
  plan: () => {
    throw new Error('this decision was not expected to page: whom to reach was not read');
  },
  reach: () => {
    throw new Error('this decision was not expected to call anybody: whom to reach was not read');
  },
  acknowledgementMs: () => {
    throw new Error('this decision was not expected to acknowledge: the ladder was not read');
  },
};

/** One case goes on for another. Both change in the caller's transaction; null when one does not exist. */
export async function conductMerge(
  unit: CaseUnit,
  ids: { readonly from: string; readonly into: string },
  by: PersonRef,
  options: ChangeOptions,
): Promise<{ readonly case: Case; readonly outcome: Outcome } | null> {
  // Locked in one order everywhere, so that two merges cannot wait for each other.
  for (const id of [ids.from, ids.into].sort()) if ((await unit.loadCase(id)) === null) return null;
  const into = await unit.loadCase(ids.into);
  if (into?.state !== 'paged' && into?.state !== 'acknowledged')
    return into === null ? null : { case: into, outcome: 'ignored' };
  const merged = await conductInput(unit, ids.from, { type: 'merged', by, into: ids.into }, options);
  if (merged?.outcome === 'done') await conductInput(unit, ids.into, { type: 'absorbed', by, from: ids.from }, options);
  return merged;
}

async function saveVerdict(
  unit: CaseUnit,
  previous: Case | null,
  verdict: Verdict,
  options: ChangeOptions,
): Promise<void> {
  if (verdict.case === previous && verdict.entries.length === 0 && verdict.effects.length === 0) return;
  const { nowMs, followers } = options;
  const kinds = verdict.entries.map(({ kind }) => kind);
  const effects: readonly CaseEffect[] = [
    ...verdict.effects,
    ...followers.map((follower) => ({ type: 'follow', follower, kinds }) as const),
  ];
  await unit.save({
    case: verdict.case,
    previous,
    entries: verdict.entries,
    effects: effects.map((effect) => ({ effect, dueMs: 'dueMs' in effect ? effect.dueMs : nowMs })),
    nowMs,
  });
}
