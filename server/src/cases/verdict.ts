/** The verdicts that change nothing, or nothing but the record; and the facts that every state of a case shares. */
import type { Case, CaseEntry, CaseFacts, CaseTimes, Outcome, Verdict } from './case.ts';

export function ignored(current: Case): Verdict {
  return { case: current, effects: [], entries: [], outcome: 'ignored' };
}

export function refused(current: Case, outcome: Outcome): Verdict {
  return { case: current, effects: [], entries: [], outcome };
}

/** An entry in the journal, and the case as it was. */
export function noted(current: Case, entry: CaseEntry, outcome: Outcome, nowMs: number): Verdict {
  return {
    case: { ...current, version: current.version + 1, updatedMs: nowMs },
    effects: [],
    entries: [entry],
    outcome,
  };
}

/** The case without what only its present state has. */
export function factsOf(current: Case | CaseFacts): CaseFacts {
  const { id, burstKey, version, risk, reasons, headlineId, findingIds, digest, firstMs, lastMs } = current;
  const { openedMs, updatedMs, person, answer, times, drill, team, account, rule, escalation, priority } = current;
  const { asOwner, lateAnswer, turnedAway } = current;
  const ofEvents = { risk, reasons, headlineId, findingIds, digest, firstMs, lastMs, account, rule, team };
  return {
    ...ofEvents,
    id,
    burstKey,
    version,
    openedMs,
    updatedMs,
    person,
    answer,
    times,
    drill,
    escalation,
    priority,
    ...(asOwner === undefined ? {} : { asOwner }),
    ...(lateAnswer === undefined ? {} : { lateAnswer }),
    ...(turnedAway === undefined ? {} : { turnedAway }),
  };
}

/** Notes a time that counts only the first time. */
export function firstTime(times: CaseTimes, which: keyof CaseTimes, nowMs: number): CaseTimes {
  return times[which] === null ? { ...times, [which]: nowMs } : times;
}
