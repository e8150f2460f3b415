/**
 * The question's half of the state machine: opening it, more changes while it waits, and every way it ends.
 *
 * The surprise: the clock of a question never starts again. Whatever else happens, its deadline only ever moves closer.
 */
import type {
  Answer,
  AskedCase,
  Case,
  CaseEffect,
  CaseEntry,
  CaseFacts,
  CaseInput,
  ConfirmedCase,
  DecideContext,
  Gathered,
  PersonRef,
  Verdict,
} from './case.ts';
import { isHeld, page, urgencyOf } from './paging.ts';
import { factsOf, ignored, noted, refused } from './verdict.ts';

/** Refused codes before the question is withdrawn and help is called. */
export const MAXIMUM_ATTEMPTS = 5;
const MOST_TURNED_AWAY = 50;
const WORSE = 'more changes made it urgent';

export function openChallenge(base: CaseFacts, person: PersonRef, withinMs: number, { nowMs }: DecideContext): Verdict {
  const deadlineMs = nowMs + withinMs;
  const asked: AskedCase = {
    ...base,
    state: 'asked',
    person,
    askedMs: nowMs,
    deadlineMs,
    attemptsLeft: MAXIMUM_ATTEMPTS,
    times: { ...base.times, askedMs: nowMs },
  };
  const entry: CaseEntry = {
    kind: 'challenge-asked',
    actor: null,
    parameters: { person: person.id, name: person.name, deadline: deadlineMs, digest: base.digest },
  };
  const effects: CaseEffect[] = [{ type: 'ask' }, { type: 'challenge-deadline', dueMs: deadlineMs }];
  return { case: asked, effects, entries: [entry], outcome: 'done' };
}

/**
 * Whether more changes call for help: a question that became a page, a page that a maintenance window held back and that it does not
 * cover any more, and a page that went out as something that can wait and no longer is. The last is told once: an urgent page stays urgent.
 */
export function callsForMore(current: Case, gathered: Gathered): boolean {
  if (gathered.decision.type !== 'page') return false;
  if (current.state === 'asked') return true;
  if (gathered.heldUntilMs !== null || !('cause' in current) || current.state === 'resolved') return false;
  const { risk } = gathered;
  return isHeld(current) || (urgencyOf(current) === 'low' && urgencyOf({ ...current, risk }) === 'high');
}

/** More changes of the same burst; a worse one pages. */
export function addFindings(current: Case, gathered: Gathered, context: DecideContext): Verdict {
  const { nowMs } = context;
  const { decision, eventMs: _event, heldUntilMs: _held, escalation, ...facts } = gathered;
  const added = facts.findingIds.length - current.findingIds.length;
  const entry: CaseEntry = {
    kind: 'findings-added',
    actor: null,
    parameters: { added, risk: facts.risk, digest: facts.digest },
  };
  const grown: Case = {
    ...current,
    ...facts,
    drill: current.drill && facts.drill,
    escalation: current.escalation ?? escalation,
    version: current.version + 1,
    updatedMs: nowMs,
  };
  if (callsForMore(current, gathered)) {
    const sterner = { ...grown, escalation: escalation ?? grown.escalation };
    const paged = page(
      sterner,
      { cause: 'policy', actor: null, why: current.state === 'asked' ? null : WORSE },
      context,
    );
    return { ...paged, entries: [entry, ...paged.entries] };
  }
  if (grown.state !== 'asked') return { case: grown, effects: [], entries: [entry], outcome: 'done' };
  const deadlineMs =
    decision.type === 'challenge' ? Math.min(grown.deadlineMs, nowMs + decision.withinMs) : grown.deadlineMs;
  const effects: CaseEffect[] = [{ type: 'ask' }];
  if (deadlineMs !== grown.deadlineMs) effects.push({ type: 'challenge-deadline', dueMs: deadlineMs });
  return { case: { ...grown, deadlineMs }, effects, entries: [entry], outcome: 'done' };
}

export function takeAnswer(
  current: Case,
  input: Extract<CaseInput, { type: 'answered-yes' | 'answered-no' }>,
  context: DecideContext,
): Verdict {
  const { nowMs } = context;
  const { by } = input;
  if (current.person?.id !== by.id) {
    const { turnedAway = [] } = current;
    if (turnedAway.includes(by.id) || turnedAway.length >= MOST_TURNED_AWAY) return refused(current, 'wrong-person');
    const entry = { kind: 'answer-refused', actor: by.id, parameters: { why: 'wrong-person', name: by.name } };
    return noted({ ...current, turnedAway: [...turnedAway, by.id] }, entry, 'wrong-person', nowMs);
  }
  if (current.state !== 'asked') {
    if (current.answer !== null) return refused(current, 'already-answered');
    const answer = input.type === 'answered-yes' ? 'yes' : 'no';
    if (current.lateAnswer === answer) return refused(current, 'expired');
    const entry = { kind: 'answered-late', actor: by.id, parameters: { answer, reason: input.reason } };
    return noted({ ...current, lateAnswer: answer }, entry, 'expired', nowMs);
  }
  if (nowMs >= current.deadlineMs) return expireChallenge(current, current.deadlineMs, context);
  if (input.type === 'answered-no') return deny(current, input, context);
  if (input.proof.digest !== current.digest) return refused(current, 'changes-differ');
  const { factor, digest } = input.proof;
  const answer: Answer = { answer: 'yes', reason: input.reason, by, factor, atMs: nowMs };
  const confirmed: ConfirmedCase = {
    ...factsOf(current),
    state: 'confirmed',
    answer,
    times: { ...current.times, answeredMs: nowMs },
    version: current.version + 1,
    updatedMs: nowMs,
  };
  const entry: CaseEntry = {
    kind: 'challenge-confirmed',
    actor: by.id,
    parameters: { reason: input.reason, factor, digest },
  };
  return { case: confirmed, effects: [], entries: [entry], outcome: 'done' };
}

function deny(current: AskedCase, { by, reason }: Extract<CaseInput, { type: 'answered-no' }>, context: DecideContext) {
  const { nowMs } = context;
  const answer: Answer = { answer: 'no', reason, by, factor: null, atMs: nowMs };
  const denied = { ...current, answer, times: { ...current.times, answeredMs: nowMs } };
  const entry: CaseEntry = { kind: 'challenge-denied', actor: by.id, parameters: { reason } };
  const paged = page(denied, { cause: 'denied', actor: by.id, why: null }, context);
  return { ...paged, entries: [entry, ...paged.entries] };
}

export function refuseCode(
  current: Case,
  input: Extract<CaseInput, { type: 'code-refused' }>,
  context: DecideContext,
): Verdict {
  const { nowMs } = context;
  if (current.state !== 'asked' || current.person.id !== input.by.id) return ignored(current);
  if (nowMs >= current.deadlineMs) return expireChallenge(current, current.deadlineMs, context);
  const attemptsLeft = current.attemptsLeft - 1;
  const entry: CaseEntry = {
    kind: 'code-refused',
    actor: input.by.id,
    parameters: { factor: input.factor, attemptsLeft },
  };
  const next: AskedCase = { ...current, attemptsLeft, version: current.version + 1, updatedMs: nowMs };
  if (attemptsLeft > 0) return { case: next, effects: [], entries: [entry], outcome: 'wrong-code' };
  const why = 'too many refused proofs';
  const paged = page(next, { cause: 'cannot-verify', actor: input.by.id, why }, context);
  return { ...paged, entries: [entry, ...paged.entries], outcome: 'wrong-code' };
}

/** A proof that takes its time has begun, or came to nothing; neither is an answer. */
export function noteProof(
  current: Case,
  input: Extract<CaseInput, { type: 'proof-started' | 'proof-failed' }>,
  context: DecideContext,
): Verdict {
  if (current.state !== 'asked' || current.person.id !== input.by.id) return ignored(current);
  if (context.nowMs >= current.deadlineMs) return expireChallenge(current, current.deadlineMs, context);
  const { factor } = input;
  const more = input.type === 'proof-started' ? { reason: input.reason } : { why: input.why };
  const entry = { kind: input.type, actor: input.by.id, parameters: { factor, ...more } };
  return noted(current, entry, 'done', context.nowMs);
}

/** "That was not me" on the second factor itself: somebody has the password. Never taken back by a later yes. */
export function reportFraud(
  current: Case,
  { by, factor }: Extract<CaseInput, { type: 'fraud-reported' }>,
  context: DecideContext,
): Verdict {
  if (current.person?.id !== by.id) return ignored(current);
  const entry: CaseEntry = { kind: 'fraud-reported', actor: by.id, parameters: { factor } };
  if (current.state !== 'asked') return noted(current, entry, 'done', context.nowMs);
  const answer: Answer = { answer: 'no', reason: '', by, factor: null, atMs: context.nowMs };
  const denied = { ...current, answer, times: { ...current.times, answeredMs: context.nowMs } };
  const paged = page(denied, { cause: 'fraud', actor: by.id, why: null }, context);
  return { ...paged, entries: [entry, ...paged.entries] };
}

export function expireChallenge(current: Case, deadlineMs: number, context: DecideContext): Verdict {
  if (current.state !== 'asked' || context.nowMs < current.deadlineMs || deadlineMs < current.deadlineMs)
    return ignored(current);
  return { ...page(current, { cause: 'expired', actor: null, why: null }, context), outcome: 'expired' };
}
