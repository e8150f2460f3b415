/**
 * Conducting cases: loads one, lets `case.ts` decide, saves what follows; all of it in one transaction of the store.
 *
 * Nothing here decides. Whoever is asked is resolved when the case opens; a case without anybody to ask pages at once.
 */
import { createHash } from 'node:crypto';
import type { Finding } from '../findings/finding.ts';
import { BURST_WINDOW, considerBurst, joinsBurst } from './burst.ts';
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
import type { Policy } from './policy.ts';
import type { CaseUnit } from './store.ts';

export interface ConductOptions {
  readonly policy: Policy;
  /** Names of the channels that a page goes to; never empty: the console is always one. */
  readonly channels: readonly string[];
  /** A new identifier. */
  readonly newId: () => string;
  /** Whether an actor is one of the known people: what `actor: person` of the policy means. */
  readonly isPerson: (finding: Finding) => boolean;
  /** Who is asked about a finding; null with the reason when nobody can be. */
  readonly whoToAsk: (
    finding: Finding,
    ask: 'actor' | 'owner',
  ) => { readonly person: PersonRef | null; readonly why: string | null };
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
  options: ConductOptions & { readonly nowMs: number },
): Promise<Case | null> {
  const times = findings.map(({ facts }) => facts.timeMs);
  const fromMs = Math.min(...times) - BURST_WINDOW.gapMs;
  const toMs = Math.max(...times) + BURST_WINDOW.gapMs;
  await unit.lockBurst(burstKey);
  const current = await unit.openCaseOfBurst(burstKey, fromMs, toMs);
  if (current !== null && findings.every(({ facts }) => fits(current, facts.timeMs))) {
    return addToCase(unit, current, findings, options);
  }
  const loose = await unit.looseFindings(burstKey, fromMs, toMs);
  if (loose.length === 0) return null;
  const { gathered, headline } = gather(loose, options);
  if (gathered.decision.type === 'record') return null;
  const ask = gathered.decision.type === 'challenge' ? gathered.decision.ask : 'actor';
  const who = gathered.decision.type === 'challenge' ? options.whoToAsk(headline, ask) : { person: null, why: null };
  const verdict = openCase(gathered, {
    id: options.newId(),
    burstKey,
    nowMs: options.nowMs,
    person: who.person,
    whyNobody: who.why,
  });
  await saveVerdict(unit, null, verdict, options);
  return verdict.case;
}

function fits(current: Case, timeMs: number): boolean {
  return joinsBurst({ firstMs: current.firstMs, lastMs: current.lastMs, count: current.findingIds.length }, timeMs);
}

async function addToCase(
  unit: CaseUnit,
  current: Case,
  findings: readonly Finding[],
  options: ConductOptions & { readonly nowMs: number },
): Promise<Case> {
  const known = new Set(current.findingIds);
  const fresh = findings.filter(({ id }) => !known.has(id));
  if (fresh.length === 0) return current;
  const { gathered } = gather([...(await unit.findingsOfCase(current.id)), ...fresh], options);
  const verdict = decide(current, { type: 'findings-added', gathered }, options.nowMs);
  await saveVerdict(unit, current, verdict, options);
  return verdict.case;
}

function gather(findings: readonly Finding[], options: ConductOptions): { gathered: Gathered; headline: Finding } {
  const sorted = findings.toSorted(
    (one, other) => one.facts.timeMs - other.facts.timeMs || (one.id < other.id ? -1 : 1),
  );
  const actorIsPerson = sorted.some((finding) => options.isPerson(finding));
  const { risk, reasons, decision, headline } = considerBurst(sorted, options.policy, { actorIsPerson });
  const gathered: Gathered = {
    risk,
    reasons,
    decision,
    headlineId: headline.id,
    findingIds: sorted.map(({ id }) => id),
    digest: digestOf(sorted),
    firstMs: sorted[0]?.facts.timeMs ?? 0,
    lastMs: sorted.at(-1)?.facts.timeMs ?? 0,
  };
  return { gathered, headline };
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
  options: Pick<ConductOptions, 'channels'> & { readonly nowMs: number },
): Promise<{ readonly case: Case; readonly outcome: Outcome } | null> {
  const current = await unit.loadCase(caseId);
  if (current === null) return null;
  const verdict = decide(current, input, options.nowMs);
  await saveVerdict(unit, current, verdict, options);
  return { case: verdict.case, outcome: verdict.outcome };
}

async function saveVerdict(
  unit: CaseUnit,
  previous: Case | null,
  verdict: Verdict,
  options: Pick<ConductOptions, 'channels'> & { readonly nowMs: number },
): Promise<void> {
  if (verdict.case === previous && verdict.entries.length === 0 && verdict.effects.length === 0) return;
  const { nowMs, channels } = options;
  const effects = verdict.effects.flatMap((effect) =>
    spread(effect, channels).map((channel) => ({ effect, channel, dueMs: dueOf(effect, nowMs) })),
  );
  await unit.save({ case: verdict.case, previous, entries: verdict.entries, effects, nowMs });
}

/** A page goes to every channel, as an effect of its own each: one that fails holds up no other. */
function spread(effect: CaseEffect, channels: readonly string[]): readonly (string | null)[] {
  return effect.type === 'page' ? channels : [null];
}

function dueOf(effect: CaseEffect, nowMs: number): number {
  return 'dueMs' in effect ? effect.dueMs : nowMs;
}
