/**
 * Whom a page reaches now: the ladder, the schedules and each person's own rules, read once and then pure.
 *
 * The surprise: there is always a ladder. Where none is configured, the built-in one calls every channel of the configuration
 * again and again.
 */
import {
  type Call,
  type Escalation,
  LADDER_START,
  type LadderPosition,
  nextCall,
  type Notice,
  type OnCallSnapshot,
  type Urgency,
} from '../../people/on-call/escalation.ts';
import type { PersonRef } from '../case.ts';

export interface PlanRequest {
  readonly escalation: string | null;
  readonly position: LadderPosition;
  readonly turn: number;
  readonly urgency: Urgency;
  /** Called instead of the ladder's first step. */
  readonly assigned: readonly PersonRef[];
}

export interface Planner {
  /** Whose turn a new page is, where a step goes round. */
  readonly turn: number;
  plan(request: PlanRequest): Call;
  /** How long an acknowledgement holds before the page begins again. */
  acknowledgementMs(escalation: string | null): number;
  /** How these people are reached now. */
  reach(people: readonly PersonRef[], urgency: Urgency): readonly Notice[];
}

export interface PlannerOptions {
  readonly escalations: ReadonlyMap<string, Escalation>;
  readonly snapshot: OnCallSnapshot;
  readonly turn: number;
}

/** The name of the ladder that is climbed when neither policy nor account names one. */
export const DEFAULT_ESCALATION = 'default';
const BUILT_IN_WAIT_MS = 5 * 60_000;
const BUILT_IN_REPEAT = 3;
/** How long an acknowledgement holds where the ladder does not say. */
export const ACKNOWLEDGEMENT_MS = 30 * 60_000;

export function createPlanner({ escalations, snapshot, turn }: PlannerOptions): Planner {
  const reach = (people: readonly PersonRef[], urgency: Urgency): readonly Notice[] =>
    people.flatMap(({ id, name }) =>
      snapshot
        .rulesOf(id, urgency)
        .map(({ channel, afterMs }) => ({ channel, afterMs, personId: id, personName: name })),
    );
  return {
    turn,
    reach,
    acknowledgementMs: (name) => escalationOf(name, escalations, snapshot).acknowledgementMs ?? ACKNOWLEDGEMENT_MS,
    plan({ escalation, position, turn: theirs, urgency, assigned }) {
      const ladder = escalationOf(escalation, escalations, snapshot);
      const atStart = position.round === LADDER_START.round && position.step === LADDER_START.step;
      const notices = atStart ? reach(assigned, urgency) : [];
      if (notices.length > 0) {
        // One step below the ladder: silence of whoever took it over leads to its first step.
        return {
          position,
          notices,
          waitMs: ladder.steps[0]?.waitMs ?? BUILT_IN_WAIT_MS,
          next: AFTER_ASSIGNED,
          caughtAll: false,
        };
      }
      const from = isAfterAssigned(position) ? LADDER_START : position;
      return nextCall(ladder, from, { turn: theirs, urgency, snapshot });
    },
  };
}

/** Differs from the start of the ladder, or who took the case over would be called for ever. */
const AFTER_ASSIGNED: LadderPosition = { round: 0, step: -1 };

function isAfterAssigned({ round, step }: LadderPosition): boolean {
  return round === AFTER_ASSIGNED.round && step === AFTER_ASSIGNED.step;
}

function escalationOf(
  name: string | null,
  escalations: ReadonlyMap<string, Escalation>,
  { channels }: OnCallSnapshot,
): Escalation {
  const named = name === null ? undefined : escalations.get(name);
  return named ?? escalations.get(DEFAULT_ESCALATION) ?? builtInEscalation(channels);
}

/** Every channel, again and again. */
export function builtInEscalation(channels: readonly string[]): Escalation {
  const targets = channels.map((channel) => ({ type: 'channel', name: channel }) as const);
  return {
    name: DEFAULT_ESCALATION,
    repeat: BUILT_IN_REPEAT,
    acknowledgementMs: null,
    steps: [{ targets, waitMs: BUILT_IN_WAIT_MS, roundRobin: false }],
  };
}
