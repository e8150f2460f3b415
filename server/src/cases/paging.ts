/**
 * The page's half of the state machine: up the ladder until a person acknowledges, and everything people do with a page.
 *
 * The surprise: nothing a person does ends a page but acknowledging, snoozing, resolving or merging, and of these only
 * resolving and merging are for good: an acknowledgement that nobody follows up runs out and pages again.
 */
import type { PageCause } from '@countersign/contract';
import { LADDER_START, type LadderPosition, type Notice, type Urgency } from '../people/on-call/escalation.ts';
import type {
  AcknowledgedCase,
  Answer,
  Case,
  CaseEffect,
  CaseEntry,
  CaseFacts,
  CaseInput,
  DecideContext,
  LostWay,
  PagedCase,
  PersonRef,
  ResolvedCase,
  Verdict,
  WasPaged,
} from './case.ts';
import { factsOf, firstTime, ignored, noted } from './verdict.ts';

/** A page may be put off from a minute to a week. */
export const SHORTEST_SNOOZE_MS = 60_000;
export const LONGEST_SNOOZE_MS = 7 * 86_400_000;
const URGENT_RISK = 70;
/** What one case names; more are cut. */
const MOST_PEOPLE = 50;
const MOST_CALLED = 100;

export interface Paging {
  readonly cause: PageCause;
  readonly actor: string | null;
  readonly why: string | null;
  /** Called before the ladder goes on; left out: whoever is already. */
  readonly assigned?: readonly PersonRef[];
}

/** A denied, forged or unverifiable change, and one that could not be put back, is urgent whatever its risk, and stays so however often it pages. */
export function urgencyOf(current: {
  readonly risk: number;
  readonly cause?: PageCause;
  readonly answer?: Answer | null;
}): Urgency {
  const { cause, answer } = current;
  const urgent =
    answer?.answer === 'no' ||
    cause === 'denied' ||
    cause === 'fraud' ||
    cause === 'cannot-verify' ||
    cause === 'revert-failed';
  return urgent || current.risk >= URGENT_RISK ? 'high' : 'low';
}

/** A new case that pages, at once or when a maintenance window ends. */
export function openPage(
  base: CaseFacts,
  options: {
    readonly cause: PageCause;
    readonly why: string | null;
    readonly heldUntilMs: number | null;
    readonly assigned?: readonly PersonRef[];
  },
  context: DecideContext,
): Verdict {
  const { cause, why, heldUntilMs, assigned = [] } = options;
  if (heldUntilMs === null || heldUntilMs <= context.nowMs)
    return page(base, { cause, actor: null, why, assigned }, context);
  const held: PagedCase = { ...pagedOf(base, cause, context), pageNumber: 0 };
  const entry: CaseEntry = { kind: 'page-held', actor: null, parameters: { until: heldUntilMs } };
  const effects: CaseEffect[] = [{ type: 'page-repeat', dueMs: heldUntilMs, pageNumber: 0 }];
  return { case: held, effects, entries: [entry], outcome: 'done' };
}

/** A maintenance window holds its first page back. */
export function isHeld(current: WasPaged): boolean {
  return current.pageNumber === 0;
}

/** Calls for help, from the bottom of the ladder. */
export function page(current: Case | CaseFacts, paging: Paging, context: DecideContext): Verdict {
  const { cause, actor, why, assigned } = paging;
  // Why it was paged at all stays with the case; that it was left lying, or became worse, stands in the journal. What could not be put
  // back is news that goes before.
  const kept = 'cause' in current && cause !== 'revert-failed' ? current.cause : cause;
  const paged = pagedOf(current, kept, context);
  const fresh = assigned === undefined ? paged : { ...paged, assigned };
  const { next, effects, reached } = call(fresh, LADDER_START, context);
  const { pageNumber } = next;
  const entry: CaseEntry = {
    kind: 'paged',
    actor,
    parameters: { cause, pageNumber, ...reached, ...(why === null ? {} : { why }) },
  };
  return { case: next, effects, entries: [entry], outcome: 'done' };
}

function pagedOf(current: Case | CaseFacts, cause: PageCause, { nowMs, planner }: DecideContext): PagedCase {
  const facts = factsOf(current);
  const before: WasPaged | null = 'pageNumber' in current ? current : null;
  return {
    ...facts,
    state: 'paged',
    cause,
    pagedMs: nowMs,
    pageNumber: before?.pageNumber ?? 0,
    position: LADDER_START,
    turn: before?.turn ?? planner.turn,
    called: before?.called ?? [],
    hushed: before?.hushed ?? [],
    assigned: before?.assigned ?? [],
    responders: before?.responders ?? [],
    version: facts.version + 1,
    updatedMs: nowMs,
  };
}

/** One call: whoever the ladder names at this position, as effects, and when to call again. */
function call(current: PagedCase, position: LadderPosition, { nowMs, planner }: DecideContext) {
  const planned = planner.plan({
    escalation: current.escalation,
    position,
    turn: current.turn,
    urgency: urgencyOf(current),
    assigned: current.assigned,
  });
  const pageNumber = current.pageNumber + 1;
  const pages = triggersOf(planned.notices, 'ladder', pageNumber, nowMs);
  const channels = planned.notices.flatMap(({ channel, personId }) => (personId === null ? [channel] : []));
  const hushed = new Set(current.hushed);
  const anew = (effect: CaseEffect) =>
    effect.type === 'page' && effect.person === null && hushed.has(effect.channel) ? { ...effect, anew: true } : effect;
  const people = [...new Set(planned.notices.flatMap(({ personName }) => personName ?? []))];
  const next: PagedCase = {
    ...current,
    pageNumber,
    position: planned.next,
    called: [...new Set([...current.called, ...channels])].slice(0, MOST_CALLED),
    hushed: current.hushed.filter((channel) => !channels.includes(channel)),
    times: firstTime(current.times, 'pagedMs', nowMs),
  };
  const repeat = { type: 'page-repeat', dueMs: nowMs + planned.waitMs, pageNumber } as const;
  const effects: CaseEffect[] = [...pages.map(anew), repeat];
  const reached = { people: people.slice(0, MOST_PEOPLE), channels, ...(planned.caughtAll ? { caughtAll: true } : {}) };
  return { next, effects, reached };
}

function triggersOf(
  notices: readonly Notice[],
  call: 'ladder' | 'responder',
  pageNumber: number,
  nowMs: number,
): readonly CaseEffect[] {
  return notices.map(({ channel, personId, personName, afterMs }) => {
    const person = personId === null ? null : { id: personId, name: personName ?? personId };
    const dueMs = nowMs + afterMs;
    const onlyWay = personId !== null && notices.filter((other) => other.personId === personId).length === 1;
    const page = { type: 'page', action: 'trigger', pageNumber, channel, person, call, dueMs } as const;
    return onlyWay ? { ...page, onlyWay } : page;
  });
}

/**
 * A way to a person is lost. Where it was the only one that this page took, the person's other ways are taken now; where there is
 * none, the ladder is climbed now: nobody is waited for who was never called.
 */
export function loseWay(current: Case, lost: LostWay, context: DecideContext): Verdict {
  const { way, person, call: called, pageNumber, onlyWay } = lost;
  const wanted = current.state === 'paged' || (current.state === 'acknowledged' && called === 'responder');
  if (!wanted) return ignored(current);
  const { nowMs, planner } = context;
  const others = onlyWay ? planner.reach([person], urgencyOf(current)).filter(({ channel }) => channel !== way) : [];
  const parameters = { channel: way, names: [person.name], ways: others.map(({ channel }) => channel) };
  const entry: CaseEntry = { kind: 'way-lost', actor: null, parameters };
  const isLate = current.state !== 'paged' || current.pageNumber !== pageNumber;
  if (onlyWay && others.length === 0 && called === 'ladder' && !isLate) {
    const climbed = callAgain(current, current.position, 'paged-again', null, context);
    return { ...climbed, entries: [entry, ...climbed.entries] };
  }
  return { ...noted(current, entry, 'done', nowMs), effects: triggersOf(others, called, pageNumber, nowMs) };
}

export function repeatPage(current: Case, pageNumber: number, context: DecideContext): Verdict {
  if (current.state !== 'paged' || current.pageNumber !== pageNumber) return ignored(current);
  return callAgain(current, current.position, pageNumber === 0 ? 'paged' : 'paged-again', null, context);
}

/** Somebody wants the next on the ladder now. */
export function climb(current: Case, by: PersonRef, context: DecideContext): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  const paged =
    current.state === 'paged' ? current : { ...pagedOf(current, current.cause, context), position: current.position };
  return callAgain({ ...paged, assigned: [] }, paged.position, 'escalated', by, context);
}

function callAgain(
  current: PagedCase,
  position: LadderPosition,
  kind: string,
  by: PersonRef | null,
  context: DecideContext,
): Verdict {
  const { next, effects, reached } = call(current, position, context);
  const entry: CaseEntry = {
    kind,
    actor: by?.id ?? null,
    parameters: {
      pageNumber: next.pageNumber,
      cause: next.cause,
      ...reached,
      ...(by === null ? {} : { name: by.name }),
    },
  };
  const changed = { ...next, version: current.version + 1, updatedMs: context.nowMs };
  return { case: changed, effects, entries: [entry], outcome: 'done' };
}

export function acknowledge(current: Case, by: PersonRef, context: DecideContext): Verdict {
  if (current.state !== 'paged') return ignored(current);
  const deadlineMs = context.nowMs + context.planner.acknowledgementMs(current.escalation);
  const entry: CaseEntry = { kind: 'page-acknowledged', actor: by.id, parameters: { name: by.name } };
  return quieten(current, { by, deadlineMs, entry }, context);
}

/** Acknowledged until a time of the person's choosing; then it pages again. */
export function snooze(current: Case, input: Extract<CaseInput, { type: 'snoozed' }>, context: DecideContext): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  const { nowMs } = context;
  const deadlineMs = Math.min(Math.max(input.untilMs, nowMs + SHORTEST_SNOOZE_MS), nowMs + LONGEST_SNOOZE_MS);
  const parameters = { name: input.by.name, until: deadlineMs };
  const entry: CaseEntry = { kind: 'page-snoozed', actor: input.by.id, parameters };
  return quieten(current, { by: input.by, deadlineMs, entry }, context);
}

function quieten(
  current: PagedCase | AcknowledgedCase,
  options: { readonly by: PersonRef; readonly deadlineMs: number; readonly entry: CaseEntry },
  { nowMs }: DecideContext,
): Verdict {
  const { by, deadlineMs, entry } = options;
  const next: AcknowledgedCase = {
    ...current,
    state: 'acknowledged',
    hushed: current.called,
    acknowledgedBy: by,
    deadlineMs,
    times: firstTime(current.times, 'acknowledgedMs', nowMs),
    version: current.version + 1,
    updatedMs: nowMs,
  };
  const effects: CaseEffect[] = [
    ...(current.state === 'paged' ? tell(current, 'acknowledge', nowMs) : []),
    { type: 'acknowledgement-deadline', dueMs: deadlineMs },
  ];
  return { case: next, effects, entries: [entry], outcome: 'done' };
}

/** Channels that were called hear what became of it. */
function tell(current: WasPaged, action: 'acknowledge' | 'resolve', nowMs: number): readonly CaseEffect[] {
  const { called, pageNumber } = current;
  return called.map((channel) => ({
    type: 'page',
    action,
    pageNumber,
    channel,
    person: null,
    call: 'ladder',
    dueMs: nowMs,
  }));
}

export function expireAcknowledgement(current: Case, deadlineMs: number, context: DecideContext): Verdict {
  if (current.state !== 'acknowledged' || current.deadlineMs !== deadlineMs || context.nowMs < deadlineMs)
    return ignored(current);
  return page(current, { cause: 'acknowledgement-expired', actor: null, why: null }, context);
}

/** A person is out of service: what they were asked, or had acknowledged, is answered for by nobody. */
export function leave(current: Case, person: PersonRef, context: DecideContext): Verdict {
  const why = `${person.name} is out of service`;
  if (current.state === 'asked' && current.person.id === person.id)
    return page(current, { cause: 'cannot-ask', actor: null, why }, context);
  if (current.state === 'acknowledged' && current.acknowledgedBy.id === person.id)
    return page(current, { cause: 'acknowledgement-expired', actor: null, why }, context);
  return ignored(current);
}

/** Taken back where it is held too (`elsewhere`): that channel goes on calling by itself, and need not begin anew. */
export function unacknowledge(
  current: Case,
  { by, elsewhere = false }: Extract<CaseInput, { type: 'unacknowledged' }>,
  context: DecideContext,
): Verdict {
  if (current.state !== 'acknowledged') return ignored(current);
  const held = elsewhere ? { ...current, hushed: [] } : current;
  return page(held, { cause: current.cause, actor: by.id, why: `taken back by ${by.name}` }, context);
}

/**
 * What we told of an acknowledgement came after it had been taken back there: nobody is called there any more. The next call begins anew.
 */
export function holdElsewhere(current: Case, by: PersonRef, { nowMs }: DecideContext): Verdict {
  if (current.state !== 'paged' || current.called.every((channel) => current.hushed.includes(channel)))
    return ignored(current);
  const entry = { kind: 'held-elsewhere', actor: by.id, parameters: { name: by.name } };
  return noted({ ...current, hushed: current.called }, entry, 'done', nowMs);
}

/** A call of ours arrived where the case had been acknowledged or had ended already: the channels hear that once more. */
export function quietenElsewhere(current: Case, by: PersonRef, { nowMs }: DecideContext): Verdict {
  if (current.state !== 'acknowledged' && current.state !== 'resolved') return ignored(current);
  const entry = { kind: 'called-elsewhere', actor: by.id, parameters: { name: by.name } };
  const effects = tell(current, current.state === 'resolved' ? 'resolve' : 'acknowledge', nowMs);
  return { ...noted(current, entry, 'done', nowMs), effects };
}

/** Others take it over: they are called now, and when they are silent the ladder goes on from its start. */
export function reassign(
  current: Case,
  input: Extract<CaseInput, { type: 'reassigned' }>,
  context: DecideContext,
): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  if (input.to.length === 0 && input.escalation === null) return ignored(current);
  const paged: PagedCase = {
    ...pagedOf(current, current.cause, context),
    assigned: input.to.slice(0, MOST_PEOPLE),
    escalation: input.escalation ?? current.escalation,
  };
  const { next, effects, reached } = call(paged, LADDER_START, context);
  const to = input.to.map(({ name }) => name);
  const parameters = { name: input.by.name, to, escalation: input.escalation, pageNumber: next.pageNumber, ...reached };
  const entry: CaseEntry = { kind: 'reassigned', actor: input.by.id, parameters };
  return { case: next, effects, entries: [entry], outcome: 'done' };
}

/** More people are called; who had it keeps it. */
export function addResponders(
  current: Case,
  input: Extract<CaseInput, { type: 'responders-added' }>,
  context: DecideContext,
): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  const known = new Set(current.responders.map(({ id }) => id));
  const added = input.people.filter(({ id }) => !known.has(id)).slice(0, MOST_PEOPLE - known.size);
  if (added.length === 0) return ignored(current);
  const { nowMs, planner } = context;
  const notices = planner.reach(added, urgencyOf(current));
  const effects = triggersOf(notices, 'responder', current.pageNumber, nowMs);
  const names = added.map(({ name }) => name);
  const entry: CaseEntry = { kind: 'responders-added', actor: input.by.id, parameters: { name: input.by.name, names } };
  const next: Case = {
    ...current,
    responders: [...current.responders, ...added],
    version: current.version + 1,
    updatedMs: nowMs,
  };
  return { case: next, effects, entries: [entry], outcome: 'done' };
}

export function prioritise(
  current: Case,
  input: Extract<CaseInput, { type: 'prioritised' }>,
  { nowMs }: DecideContext,
): Verdict {
  if (current.priority === input.priority) return ignored(current);
  const { by, priority } = input;
  const entry = { kind: 'priority-set', actor: by.id, parameters: { name: by.name, priority } };
  return noted({ ...current, priority }, entry, 'done', nowMs);
}

export function resolve(
  current: Case,
  input: Extract<CaseInput, { type: 'resolved' }>,
  context: DecideContext,
): Verdict {
  const { by, note } = input;
  const entry: CaseEntry = { kind: 'case-resolved', actor: by.id, parameters: { name: by.name, note } };
  return end(current, { by, entry, mergedInto: null }, context);
}

/** The case ends and another goes on for it; only pages merge, a question must be answered. */
export function merge(current: Case, input: Extract<CaseInput, { type: 'merged' }>, context: DecideContext): Verdict {
  if (input.into === current.id) return ignored(current);
  const { by, into } = input;
  const entry: CaseEntry = { kind: 'case-merged', actor: by.id, parameters: { name: by.name, into } };
  return end(current, { by, entry, mergedInto: into }, context);
}

function end(
  current: Case,
  options: { readonly by: PersonRef; readonly entry: CaseEntry; readonly mergedInto: string | null },
  { nowMs }: DecideContext,
): Verdict {
  if (current.state !== 'paged' && current.state !== 'acknowledged') return ignored(current);
  const { cause, pagedMs, pageNumber, position, turn, called, hushed, assigned, responders } = current;
  const next: ResolvedCase = {
    ...factsOf(current),
    state: 'resolved',
    resolvedBy: options.by,
    mergedInto: options.mergedInto,
    cause,
    pagedMs,
    pageNumber,
    position,
    turn,
    called,
    hushed,
    assigned,
    responders,
    times: { ...current.times, resolvedMs: nowMs },
    version: current.version + 1,
    updatedMs: nowMs,
  };
  return { case: next, effects: tell(current, 'resolve', nowMs), entries: [options.entry], outcome: 'done' };
}

export function reopen(
  current: Case,
  input: Extract<CaseInput, { type: 'reopened' }>,
  context: DecideContext,
): Verdict {
  if (current.state !== 'resolved') return ignored(current);
  const open: CaseFacts = { ...current, times: { ...current.times, resolvedMs: null } };
  const entry: CaseEntry = {
    kind: 'case-reopened',
    actor: input.by.id,
    parameters: { name: input.by.name, why: input.why },
  };
  const paged = page({ ...current, ...open }, { cause: current.cause, actor: input.by.id, why: input.why }, context);
  return { ...paged, entries: [entry, ...paged.entries] };
}

/** What was put back contains the damage; what could not be put back needs a person, also where one had it in hand already. */
export function noteRevert(
  current: Case,
  { entry, outcome }: Extract<CaseInput, { type: 'revert-stepped' }>,
  context: DecideContext,
): Verdict {
  const { nowMs } = context;
  const times = outcome === 'contained' ? { ...current.times, containedMs: nowMs } : current.times;
  const told = noted({ ...current, times }, entry, 'done', nowMs);
  const isCalling = current.state === 'paged' && !isHeld(current) && urgencyOf(current) === 'high';
  if (outcome !== 'failed' || isCalling) return told;
  const why = typeof entry.parameters['failure'] === 'string' ? entry.parameters['failure'] : null;
  const open = { ...told.case, times: { ...told.case.times, resolvedMs: null } };
  const paged = page(open, { cause: 'revert-failed', actor: null, why }, context);
  return { ...paged, entries: [entry, ...paged.entries] };
}
