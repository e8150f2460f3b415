/**
 * A case, as a pure state machine. Everything that happens to a case goes through `decide`; it never throws on an input that
 * comes late, twice or to the wrong state, it answers `ignored` and says why.
 *
 * ```
 *             challenge                yes + proof of exactly these changes
 *  openCase ───────────────▶ asked ───────────────────────────────────────▶ confirmed
 *     │                        │  ▲ more changes: same deadline, new digest
 *     │ page · nobody to ask   │ no · deadline · wrong codes · cannot ask · a worse change
 *     └────────────────────────┴──▶ paged ── acknowledge ──▶ acknowledged ── resolve ──▶ resolved
 *                                   │  ▲                          │
 *                                   └──┴── page again ◀───────────┘ acknowledgement runs out
 *                                (every REPAGE_MS until a person acknowledges)
 * ```
 *
 * Every arrow is one journal entry. An answer that comes after the deadline is recorded and never takes a page back.
 */
import type { PageCause, RiskReason } from '@countersign/contract';
import type { Decision } from './decision.ts';

export interface PersonRef {
  readonly id: string;
  readonly name: string;
}

/** What is proven, and how: the factor, over the digest of exactly the changes that were shown. */
export interface Proof {
  readonly factor: 'totp';
  readonly digest: string;
}

export interface Answer {
  readonly answer: 'yes' | 'no';
  readonly reason: string;
  readonly by: PersonRef;
  /** Null for "no", which needs no proof. */
  readonly factor: Proof['factor'] | null;
  readonly atMs: number;
}

interface CaseFacts {
  readonly id: string;
  readonly burstKey: string;
  /** Grows by one with every decision that changed something. */
  readonly version: number;
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  /** The finding that speaks for the case. */
  readonly headlineId: string;
  readonly findingIds: readonly string[];
  /** SHA-256 over the changes; an answer must repeat it. */
  readonly digest: string;
  /** Of the events, not of their arrival. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly openedMs: number;
  readonly updatedMs: number;
  /** Who was asked; null when the case was paged without asking. */
  readonly person: PersonRef | null;
  readonly answer: Answer | null;
}

export interface AskedCase extends CaseFacts {
  readonly state: 'asked';
  readonly person: PersonRef;
  readonly askedMs: number;
  readonly deadlineMs: number;
  readonly attemptsLeft: number;
}

export interface ConfirmedCase extends CaseFacts {
  readonly state: 'confirmed';
  readonly answer: Answer;
}

interface WasPaged extends CaseFacts {
  readonly cause: PageCause;
  readonly pagedMs: number;
  /** 1 for the first page, growing with every repetition. */
  readonly pageNumber: number;
}

export interface PagedCase extends WasPaged {
  readonly state: 'paged';
}

export interface AcknowledgedCase extends WasPaged {
  readonly state: 'acknowledged';
  readonly acknowledgedBy: PersonRef;
  /** When silence pages again. */
  readonly deadlineMs: number;
}

export interface ResolvedCase extends WasPaged {
  readonly state: 'resolved';
  readonly resolvedBy: PersonRef;
}

export type Case = AskedCase | ConfirmedCase | PagedCase | AcknowledgedCase | ResolvedCase;

/** What the findings of a case come to. */
export interface Gathered {
  readonly risk: number;
  readonly reasons: readonly RiskReason[];
  readonly decision: Decision;
  readonly headlineId: string;
  readonly findingIds: readonly string[];
  readonly digest: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

export type CaseInput =
  | { readonly type: 'findings-added'; readonly gathered: Gathered }
  | { readonly type: 'answered-yes'; readonly by: PersonRef; readonly reason: string; readonly proof: Proof }
  | { readonly type: 'answered-no'; readonly by: PersonRef; readonly reason: string }
  | { readonly type: 'code-refused'; readonly by: PersonRef; readonly factor: Proof['factor'] }
  | { readonly type: 'cannot-ask'; readonly why: string }
  | { readonly type: 'challenge-due'; readonly deadlineMs: number }
  | { readonly type: 'page-due'; readonly pageNumber: number }
  | { readonly type: 'acknowledgement-due'; readonly deadlineMs: number }
  | { readonly type: 'acknowledged'; readonly by: PersonRef }
  | { readonly type: 'resolved'; readonly by: PersonRef; readonly note: string };

/** What is to be done; keys are stable, so that doing it twice is one thing done. */
export type CaseEffect =
  | { readonly type: 'ask' }
  | { readonly type: 'page'; readonly action: 'trigger' | 'acknowledge' | 'resolve'; readonly pageNumber: number }
  | { readonly type: 'challenge-deadline'; readonly dueMs: number }
  | { readonly type: 'page-repeat'; readonly dueMs: number; readonly pageNumber: number }
  | { readonly type: 'acknowledgement-deadline'; readonly dueMs: number };

export interface CaseEntry {
  readonly kind: string;
  readonly actor: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export type Outcome =
  | 'done'
  | 'changes-differ'
  | 'wrong-code'
  | 'wrong-person'
  | 'already-answered'
  | 'expired'
  | 'ignored';

export interface Verdict {
  readonly case: Case;
  readonly effects: readonly CaseEffect[];
  readonly entries: readonly CaseEntry[];
  readonly outcome: Outcome;
}

/** Refused codes before the question is withdrawn and help is called. */
export const MAXIMUM_ATTEMPTS = 5;
/** A page that nobody acknowledges is sent again this often. */
export const REPAGE_MS = 5 * 60_000;
/** Who acknowledged has this long to resolve before the page comes back. */
export const ACKNOWLEDGEMENT_MS = 30 * 60_000;

/** A new case. `asked` is null when there is nobody who can be asked: that ends in a page, never in silence. */
export function openCase(
  gathered: Gathered,
  options: {
    readonly id: string;
    readonly burstKey: string;
    readonly nowMs: number;
    readonly person: PersonRef | null;
    readonly whyNobody: string | null;
  },
): Verdict {
  const { id, burstKey, nowMs, person } = options;
  const { decision, ...facts } = gathered;
  const base: CaseFacts = {
    ...facts,
    id,
    burstKey,
    version: 1,
    openedMs: nowMs,
    updatedMs: nowMs,
    person: null,
    answer: null,
  };
  const opened: CaseEntry = {
    kind: 'case-opened',
    actor: null,
    parameters: {
      risk: facts.risk,
      headline: facts.headlineId,
      findings: facts.findingIds.length,
      decision: decision.type,
    },
  };
  if (decision.type === 'challenge' && person !== null) {
    const deadlineMs = nowMs + decision.withinMs;
    const asked: AskedCase = {
      ...base,
      state: 'asked',
      person,
      askedMs: nowMs,
      deadlineMs,
      attemptsLeft: MAXIMUM_ATTEMPTS,
    };
    const entry: CaseEntry = {
      kind: 'challenge-asked',
      actor: null,
      parameters: { person: person.id, name: person.name, deadline: deadlineMs, digest: facts.digest },
    };
    return {
      case: asked,
      effects: [{ type: 'ask' }, { type: 'challenge-deadline', dueMs: deadlineMs }],
      entries: [opened, entry],
      outcome: 'done',
    };
  }
  const cause: PageCause = decision.type === 'challenge' ? 'cannot-ask' : 'policy';
  const paged = page(base, { cause, nowMs, actor: null, why: options.whyNobody });
  return { ...paged, case: { ...paged.case, version: 1 }, entries: [opened, ...paged.entries] };
}

/** What an input does to a case. Pure and total. */
export function decide(current: Case, input: CaseInput, nowMs: number): Verdict {
  switch (input.type) {
    case 'findings-added':
      return addFindings(current, input.gathered, nowMs);
    case 'answered-yes':
    case 'answered-no':
      return takeAnswer(current, input, nowMs);
    case 'code-refused':
      return refuseCode(current, input, nowMs);
    case 'cannot-ask':
      return current.state === 'asked'
        ? page(current, { cause: 'cannot-ask', nowMs, actor: null, why: input.why })
        : ignored(current);
    case 'challenge-due':
      return expireChallenge(current, input.deadlineMs, nowMs);
    case 'page-due':
      return repeatPage(current, input.pageNumber, nowMs);
    case 'acknowledgement-due':
      return expireAcknowledgement(current, input.deadlineMs, nowMs);
    case 'acknowledged':
      return acknowledge(current, input.by, nowMs);
    case 'resolved':
      return resolve(current, input, nowMs);
  }
}

/** Whether later findings of the burst still belong to the case: a confirmed or resolved one never covers new changes. */
export function takesFindings(current: Case): boolean {
  return current.state === 'asked' || current.state === 'paged' || current.state === 'acknowledged';
}

function addFindings(current: Case, gathered: Gathered, nowMs: number): Verdict {
  if (!takesFindings(current)) return ignored(current);
  const { decision, ...facts } = gathered;
  const added = facts.findingIds.length - current.findingIds.length;
  const entry: CaseEntry = {
    kind: 'findings-added',
    actor: null,
    parameters: { added, risk: facts.risk, digest: facts.digest },
  };
  const grown: Case = { ...current, ...facts, version: current.version + 1, updatedMs: nowMs };
  if (grown.state !== 'asked') return { case: grown, effects: [], entries: [entry], outcome: 'done' };
  if (decision.type === 'page') {
    const paged = page(grown, { cause: 'policy', nowMs, actor: null, why: null });
    return { ...paged, entries: [entry, ...paged.entries] };
  }
  // The clock of the question never starts again; a sterner change may only shorten it.
  const deadlineMs =
    decision.type === 'challenge' ? Math.min(grown.deadlineMs, nowMs + decision.withinMs) : grown.deadlineMs;
  const effects: CaseEffect[] = [{ type: 'ask' }];
  if (deadlineMs !== grown.deadlineMs) effects.push({ type: 'challenge-deadline', dueMs: deadlineMs });
  return { case: { ...grown, deadlineMs }, effects, entries: [entry], outcome: 'done' };
}

function takeAnswer(
  current: Case,
  input: Extract<CaseInput, { type: 'answered-yes' | 'answered-no' }>,
  nowMs: number,
): Verdict {
  if (current.person?.id !== input.by.id) {
    return noted(
      current,
      { kind: 'answer-refused', actor: input.by.id, parameters: { why: 'wrong-person' } },
      'wrong-person',
      nowMs,
    );
  }
  if (current.state !== 'asked') {
    if (current.answer !== null) return { case: current, effects: [], entries: [], outcome: 'already-answered' };
    const answer = input.type === 'answered-yes' ? 'yes' : 'no';
    const entry: CaseEntry = {
      kind: 'answered-late',
      actor: input.by.id,
      parameters: { answer, reason: input.reason },
    };
    return noted(current, entry, 'expired', nowMs);
  }
  if (nowMs >= current.deadlineMs) return expireChallenge(current, current.deadlineMs, nowMs);
  if (input.type === 'answered-no') {
    const answer: Answer = { answer: 'no', reason: input.reason, by: input.by, factor: null, atMs: nowMs };
    const entry: CaseEntry = { kind: 'challenge-denied', actor: input.by.id, parameters: { reason: input.reason } };
    const paged = page({ ...current, answer }, { cause: 'denied', nowMs, actor: input.by.id, why: null });
    return { ...paged, entries: [entry, ...paged.entries] };
  }
  if (input.proof.digest !== current.digest)
    return { case: current, effects: [], entries: [], outcome: 'changes-differ' };
  const answer: Answer = { answer: 'yes', reason: input.reason, by: input.by, factor: input.proof.factor, atMs: nowMs };
  const { askedMs: _asked, deadlineMs: _deadline, attemptsLeft: _attempts, ...facts } = current;
  const confirmed: ConfirmedCase = {
    ...facts,
    state: 'confirmed',
    answer,
    version: current.version + 1,
    updatedMs: nowMs,
  };
  const entry: CaseEntry = {
    kind: 'challenge-confirmed',
    actor: input.by.id,
    parameters: { reason: input.reason, factor: input.proof.factor, digest: input.proof.digest },
  };
  return { case: confirmed, effects: [], entries: [entry], outcome: 'done' };
}

function refuseCode(current: Case, input: Extract<CaseInput, { type: 'code-refused' }>, nowMs: number): Verdict {
  if (current.state !== 'asked' || current.person.id !== input.by.id) return ignored(current);
  if (nowMs >= current.deadlineMs) return expireChallenge(current, current.deadlineMs, nowMs);
  const attemptsLeft = current.attemptsLeft - 1;
  const entry: CaseEntry = {
    kind: 'code-refused',
    actor: input.by.id,
    parameters: { factor: input.factor, attemptsLeft },
  };
  const next: AskedCase = { ...current, attemptsLeft, version: current.version + 1, updatedMs: nowMs };
  if (attemptsLeft > 0) return { case: next, effects: [], entries: [entry], outcome: 'wrong-code' };
  const paged = page(next, { cause: 'cannot-verify', nowMs, actor: input.by.id, why: 'too many refused codes' });
  return { ...paged, entries: [entry, ...paged.entries], outcome: 'wrong-code' };
}

function expireChallenge(current: Case, deadlineMs: number, nowMs: number): Verdict {
  if (current.state !== 'asked' || nowMs < current.deadlineMs || deadlineMs < current.deadlineMs)
    return ignored(current);
  return { ...page(current, { cause: 'expired', nowMs, actor: null, why: null }), outcome: 'expired' };
}

function repeatPage(current: Case, pageNumber: number, nowMs: number): Verdict {
  if (current.state !== 'paged' || current.pageNumber !== pageNumber) return ignored(current);
  const next: PagedCase = { ...current, pageNumber: pageNumber + 1, version: current.version + 1, updatedMs: nowMs };
  const entry: CaseEntry = { kind: 'paged-again', actor: null, parameters: { pageNumber: next.pageNumber } };
  return { case: next, effects: pageEffects(next.pageNumber, nowMs), entries: [entry], outcome: 'done' };
}

function expireAcknowledgement(current: Case, deadlineMs: number, nowMs: number): Verdict {
  if (current.state !== 'acknowledged' || current.deadlineMs !== deadlineMs || nowMs < deadlineMs)
    return ignored(current);
  return page(current, { cause: 'acknowledgement-expired', nowMs, actor: null, why: null });
}

function acknowledge(current: Case, by: PersonRef, nowMs: number): Verdict {
  if (current.state !== 'paged') return ignored(current);
  const deadlineMs = nowMs + ACKNOWLEDGEMENT_MS;
  const next: AcknowledgedCase = {
    ...current,
    state: 'acknowledged',
    acknowledgedBy: by,
    deadlineMs,
    version: current.version + 1,
    updatedMs: nowMs,
  };
  const entry: CaseEntry = { kind: 'page-acknowledged', actor: by.id, parameters: { name: by.name } };
  const effects: CaseEffect[] = [
    { type: 'page', action: 'acknowledge', pageNumber: current.pageNumber },
    { type: 'acknowledgement-deadline', dueMs: deadlineMs },
  ];
  return { case: next, effects, entries: [entry], outcome: 'done' };
}

function resolve(current: Case, input: Extract<CaseInput, { type: 'resolved' }>, nowMs: number): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  const { cause, pagedMs, pageNumber } = current;
  const next: ResolvedCase = {
    ...factsOf(current),
    state: 'resolved',
    resolvedBy: input.by,
    cause,
    pagedMs,
    pageNumber,
    version: current.version + 1,
    updatedMs: nowMs,
  };
  const entry: CaseEntry = {
    kind: 'case-resolved',
    actor: input.by.id,
    parameters: { name: input.by.name, note: input.note },
  };
  return { case: next, effects: [{ type: 'page', action: 'resolve', pageNumber }], entries: [entry], outcome: 'done' };
}

interface Paging {
  readonly cause: PageCause;
  readonly nowMs: number;
  readonly actor: string | null;
  readonly why: string | null;
}

function page(current: Case | CaseFacts, { cause, nowMs, actor, why }: Paging): Verdict {
  const before = 'pageNumber' in current ? current.pageNumber : 0;
  const facts = factsOf(current);
  const pageNumber = before + 1;
  const next: PagedCase = {
    ...facts,
    state: 'paged',
    cause,
    pagedMs: nowMs,
    pageNumber,
    version: facts.version + 1,
    updatedMs: nowMs,
  };
  const entry: CaseEntry = {
    kind: 'paged',
    actor,
    parameters: { cause, pageNumber, ...(why === null ? {} : { why }) },
  };
  return { case: next, effects: pageEffects(pageNumber, nowMs), entries: [entry], outcome: 'done' };
}

function pageEffects(pageNumber: number, nowMs: number): readonly CaseEffect[] {
  return [
    { type: 'page', action: 'trigger', pageNumber },
    { type: 'page-repeat', dueMs: nowMs + REPAGE_MS, pageNumber },
  ];
}

function factsOf(current: Case | CaseFacts): CaseFacts {
  const { id, burstKey, version, risk, reasons, headlineId, findingIds, digest } = current;
  const { firstMs, lastMs, openedMs, updatedMs, person, answer } = current;
  return {
    id,
    burstKey,
    version,
    risk,
    reasons,
    headlineId,
    findingIds,
    digest,
    firstMs,
    lastMs,
    openedMs,
    updatedMs,
    person,
    answer,
  };
}

function noted(current: Case, entry: CaseEntry, outcome: Outcome, nowMs: number): Verdict {
  return {
    case: { ...current, version: current.version + 1, updatedMs: nowMs },
    effects: [],
    entries: [entry],
    outcome,
  };
}

function ignored(current: Case): Verdict {
  return { case: current, effects: [], entries: [], outcome: 'ignored' };
}
