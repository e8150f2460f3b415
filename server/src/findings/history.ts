/**
 * What an actor did before, as far as findings tell: which actions, how often, at which hours (UTC).
 *
 * Only findings are remembered, not all events: facts are gathered for matched events alone. The memory is bounded; the
 * actor unseen for longest is forgotten first, which can only raise a risk (it looks new again), never lower one.
 */
import type { EventFacts } from '../sources/source.ts';
import { storable } from '../ground/storable.ts';

/** What is known of an actor at the moment of a finding. Zero counts mean "never". */
export interface Past {
  /** When the first finding of this account was seen, ms since 1970; null before any. */
  readonly watchedSinceMs: number | null;
  /** Findings of this actor before. */
  readonly actorCount: number;
  /** Findings of this actor with this very action before. */
  readonly actionCount: number;
  /** Findings by hour of the day, UTC: 24 numbers. */
  readonly hourCounts: readonly number[];
  /** Days (UTC) on which the actor had findings. */
  readonly dayCount: number;
}

/** All that is kept of one actor in one account; what the server stores in a row. */
export interface ActorHistory {
  readonly account: string;
  readonly actorId: string;
  count: number;
  dayCount: number;
  lastDay: number;
  readonly hourCounts: number[];
  /** Action → how often. Bounded by MAXIMUM_ACTIONS: later actions of a very busy actor stay "first time". */
  readonly actions: Map<string, number>;
}

export const MAXIMUM_ACTORS = 50_000;
export const MAXIMUM_ACTIONS = 1_000;
export const MAXIMUM_ACCOUNTS = 10_000;

const DAY_MS = 86_400_000;
const NO_HOURS: readonly number[] = Array.from({ length: 24 }, () => 0);

/** In memory: whole for a replay, a working copy of the touched rows for the server. */
export class History {
  readonly #actors = new Map<string, ActorHistory>();
  readonly #accounts = new Map<string, number>();
  readonly #maximumActors: number;

  constructor(options: { readonly maximumActors?: number } = {}) {
    this.#maximumActors = options.maximumActors ?? MAXIMUM_ACTORS;
  }

  /** What the actor of `facts` did before; does not count `facts` itself. */
  recall(facts: EventFacts): Past {
    const actor = this.#actors.get(actorKey(facts));
    return {
      watchedSinceMs: this.#accounts.get(accountKey(facts)) ?? null,
      actorCount: actor?.count ?? 0,
      actionCount: actor?.actions.get(actionKey(facts)) ?? 0,
      hourCounts: actor === undefined ? NO_HOURS : [...actor.hourCounts],
      dayCount: actor?.dayCount ?? 0,
    };
  }

  /** Counts `facts`. Call once for each finding that is new. */
  note(facts: EventFacts): void {
    const actor = this.#touch(facts);
    const day = Math.floor(facts.timeMs / DAY_MS);
    const hour = new Date(facts.timeMs).getUTCHours();
    actor.count += 1;
    actor.hourCounts[hour] = (actor.hourCounts[hour] ?? 0) + 1;
    if (day !== actor.lastDay) {
      actor.dayCount += 1;
      actor.lastDay = day;
    }
    const action = actionKey(facts);
    const before = actor.actions.get(action);
    if (before !== undefined || actor.actions.size < MAXIMUM_ACTIONS) {
      actor.actions.set(action, (before ?? 0) + 1);
    }
    this.#noteAccount(accountKey(facts), facts.timeMs);
  }

  /** Puts a stored actor in, replacing what is known of it. */
  restore(actor: ActorHistory): void {
    this.#actors.set(`${actor.account}\n${actor.actorId}`, actor);
  }

  restoreAccount(account: string, sinceMs: number): void {
    this.#accounts.set(account, sinceMs);
  }

  /** Everything known, for storing. */
  actors(): Iterable<ActorHistory> {
    return this.#actors.values();
  }

  accounts(): Iterable<readonly [account: string, sinceMs: number]> {
    return this.#accounts.entries();
  }

  #touch(facts: EventFacts): ActorHistory {
    const key = actorKey(facts);
    const known = this.#actors.get(key);
    const actor = known ?? newActor(accountKey(facts), actorIdOf(facts));
    this.#actors.delete(key);
    this.#actors.set(key, actor);
    if (this.#actors.size > this.#maximumActors) {
      const oldest = this.#actors.keys().next();
      if (!oldest.done) {
        this.#actors.delete(oldest.value);
      }
    }
    return actor;
  }

  #noteAccount(account: string, timeMs: number): void {
    const since = this.#accounts.get(account);
    if (since === undefined ? this.#accounts.size < MAXIMUM_ACCOUNTS : timeMs < since) {
      this.#accounts.set(account, timeMs);
    }
  }
}

/** The account a history is kept under; events of no account (a cluster without a name) share the empty one. */
export function accountKey(facts: EventFacts): string {
  return storable(facts.account ?? '');
}

export function newActor(account: string, actorId: string): ActorHistory {
  return { account, actorId, count: 0, dayCount: 0, lastDay: -1, hourCounts: [...NO_HOURS], actions: new Map() };
}

/** Names as the database takes them, so that the same actor is found again there. */
export function actorIdOf(facts: EventFacts): string {
  return storable(facts.actor.id);
}

function actorKey(facts: EventFacts): string {
  return `${accountKey(facts)}\n${actorIdOf(facts)}`;
}

function actionKey(facts: EventFacts): string {
  return `${facts.service}:${facts.action}`;
}
