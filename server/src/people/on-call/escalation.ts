/**
 * The ladder of an escalation: whom a page reaches at each step, and when the next step comes. Pure: schedules, people and their
 * rules were read before.
 *
 * The surprise: the ladder never ends. After its last step it begins again, and when it was climbed `repeat` times without an
 * acknowledgement the catch-all is called beside every step.
 */

/** `high` wakes people; `low` may wait for daylight, as each person's own rules say. */
export type Urgency = 'high' | 'low';

export type Target =
  | { readonly type: 'person'; readonly email: string }
  | { readonly type: 'schedule'; readonly name: string }
  | { readonly type: 'channel'; readonly name: string };

export interface EscalationStep {
  readonly targets: readonly Target[];
  /** How long this step waits for an acknowledgement. */
  readonly waitMs: number;
  /** One of the targets, by turns, instead of all. */
  readonly roundRobin: boolean;
}

export interface Escalation {
  readonly name: string;
  readonly steps: readonly EscalationStep[];
  /** How often the ladder is climbed before the catch-all joins every step. */
  readonly repeat: number;
  /** How long an acknowledgement holds before the page begins again; null: the usual time. */
  readonly acknowledgementMs: number | null;
}

/** One way in which one person, or one channel of the configuration, is called. */
export interface Notice {
  /** `slack`, `email`, `sms`, `voice`, `push`, `webhook` for a person, else the name of a configured page channel. */
  readonly channel: string;
  readonly personId: string | null;
  readonly personName: string | null;
  /** After the call was decided. */
  readonly afterMs: number;
}

export interface Reachable {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** What a call looks at; a snapshot. */
export interface OnCallSnapshot {
  /** Who is on call in a schedule now, overrides included. */
  onCall(schedule: string): Reachable | null;
  person(email: string): Reachable | null;
  /** How this person wants to be reached, in order; never empty where anything reaches them. */
  rulesOf(personId: string, urgency: Urgency): readonly { readonly channel: string; readonly afterMs: number }[];
  /** Names of the configured page channels. */
  readonly channels: readonly string[];
  readonly catchAll: readonly Target[];
}

export interface LadderPosition {
  readonly round: number;
  readonly step: number;
}

export interface Call {
  /** Where the call stands. */
  readonly position: LadderPosition;
  readonly notices: readonly Notice[];
  readonly waitMs: number;
  readonly next: LadderPosition;
  /** Nobody on the ladder could be reached and the catch-all took it. */
  readonly caughtAll: boolean;
}

export const LADDER_START: LadderPosition = { round: 0, step: 0 };
const SHORTEST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;
const CATCH_ALL_WAIT_MS = 5 * 60_000;
/** Rounds beyond this are counted as this one. */
const MOST_ROUNDS = 1_000_000;

/** Pure. Whom to call at `position`, and where the ladder goes on when nobody acknowledges. */
export function nextCall(
  escalation: Escalation,
  position: LadderPosition,
  options: { readonly turn: number; readonly urgency: Urgency; readonly snapshot: OnCallSnapshot },
): Call {
  const { steps, repeat } = escalation;
  const { snapshot } = options;
  let { round, step } = position;
  for (let passed = 0; passed < steps.length; passed += 1) {
    if (step < 0 || step >= steps.length) {
      step = 0;
      round = Math.min(round + 1, MOST_ROUNDS);
    }
    const current = steps[step];
    // Whoever was silent in this round is not called again in the next while others stand in the same step.
    const notices = current === undefined ? [] : noticesOf(current, { ...options, turn: options.turn + round });
    if (current !== undefined && notices.length > 0) {
      const joined = round >= repeat ? [...notices, ...catchAllOf(options)] : notices;
      return {
        position: { round, step },
        notices: unique(joined),
        waitMs: Math.min(Math.max(current.waitMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS),
        next:
          step + 1 < steps.length ? { round, step: step + 1 } : { round: Math.min(round + 1, MOST_ROUNDS), step: 0 },
        caughtAll: false,
      };
    }
    step += 1;
  }
  const caught = unique(catchAllOf(options));
  const notices = caught.length > 0 ? caught : snapshot.channels.map(channelNotice);
  const next = { round: Math.min(position.round + 1, MOST_ROUNDS), step: 0 };
  return { position, notices, waitMs: CATCH_ALL_WAIT_MS, next, caughtAll: true };
}

type CallOptions = Parameters<typeof nextCall>[2];

function noticesOf({ targets, roundRobin }: EscalationStep, options: CallOptions): readonly Notice[] {
  const resolved = targets.map((target) => resolveTarget(target, options)).filter((notices) => notices.length > 0);
  if (!roundRobin) return resolved.flat();
  return resolved[Math.abs(options.turn) % Math.max(resolved.length, 1)] ?? [];
}

function catchAllOf(options: CallOptions): readonly Notice[] {
  return options.snapshot.catchAll.flatMap((target) => resolveTarget(target, options));
}

function resolveTarget(target: Target, { snapshot, urgency }: CallOptions): readonly Notice[] {
  if (target.type === 'channel') return snapshot.channels.includes(target.name) ? [channelNotice(target.name)] : [];
  const person = target.type === 'person' ? snapshot.person(target.email) : snapshot.onCall(target.name);
  if (person === null) return [];
  return snapshot.rulesOf(person.id, urgency).map(({ channel, afterMs }) => {
    return { channel, afterMs, personId: person.id, personName: person.name };
  });
}

function channelNotice(channel: string): Notice {
  return { channel, personId: null, personName: null, afterMs: 0 };
}

/** The same way to the same person once, the soonest of them. */
function unique(notices: readonly Notice[]): readonly Notice[] {
  const seen = new Map<string, Notice>();
  for (const notice of notices) {
    const key = JSON.stringify([notice.channel, notice.personId]);
    const known = seen.get(key);
    if (known === undefined || notice.afterMs < known.afterMs) seen.set(key, notice);
  }
  return [...seen.values()];
}
