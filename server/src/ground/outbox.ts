/**
 * The outbox: what has been decided and is still to be done, committed together with the decision.
 *
 * An effect is taken with a lease, performed, and finished. A worker that dies lets its lease run out and the effect is
 * taken again, so effects are performed at least once and carry a stable key. Nothing here ever gives up on an effect:
 * whether to stop trying is decided, and journaled, by the room that owns it. Deadlines are effects that are due later.
 */
import { type Selectable, sql } from 'kysely';
import type { State, StateTransaction } from './state.ts';
import type { GroundTables } from './tables.ts';

export interface NewEffect {
  readonly kind: string;
  /** Unique for ever: putting the same key twice puts one effect. */
  readonly key: string;
  readonly caseId: string | null;
  readonly payload: unknown;
  readonly dueMs: number;
}

export interface TakenEffect {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly caseId: string | null;
  readonly payload: unknown;
  readonly dueMs: number;
  /** 1 on the first try. */
  readonly attempt: number;
  readonly leaseOwner: string;
}

export interface TakeOptions {
  readonly kinds: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  readonly nowMs: number;
  /** Unique per worker: a lease that ran out and was taken by another can then no longer be finished by us. */
  readonly worker: string;
}

const MOST_EFFECTS = 1_000;
const LONGEST_FAILURE = 2_000;

/** Returns false when the key was there already. */
export async function putEffect(trx: StateTransaction, effect: NewEffect, nowMs: number): Promise<boolean> {
  return (await putEffects(trx, [effect], nowMs)) > 0;
}

/** In one statement. Returns how many were not there already. */
export async function putEffects(trx: StateTransaction, effects: readonly NewEffect[], nowMs: number): Promise<number> {
  let put = 0;
  for (let start = 0; start < effects.length; start += MOST_EFFECTS) {
    const rows = effects.slice(start, start + MOST_EFFECTS).map(({ key, kind, caseId, payload, dueMs }) => ({
      key,
      kind,
      case_id: caseId,
      payload: JSON.stringify(payload),
      due_ms: dueMs,
      attempts: 0,
      created_ms: nowMs,
    }));
    const inserted = await trx
      .insertInto('outbox')
      .values(rows)
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning('id')
      .execute();
    put += inserted.length;
  }
  return put;
}

/** Due effects that nobody holds, earliest first. */
export async function takeEffects(state: State, options: TakeOptions): Promise<readonly TakenEffect[]> {
  if (options.kinds.length === 0) return [];
  const taken = await sql<{
    id: number;
    kind: string;
    key: string;
    case_id: string | null;
    payload: string;
    due_ms: number;
    attempts: number;
  }>`
    update outbox set
      attempts = attempts + 1,
      lease_until_ms = ${options.nowMs + options.leaseMs},
      lease_owner = ${options.worker}
    where id in (
      select id from outbox
      where finished_ms is null
        and due_ms <= ${options.nowMs}
        and kind in (${sql.join(options.kinds)})
        and (lease_until_ms is null or lease_until_ms <= ${options.nowMs})
      order by due_ms, id
      limit ${options.limit}
      for update skip locked
    )
    returning id, kind, key, case_id, payload, due_ms, attempts`.execute(state.db);
  return taken.rows
    .map((row) => ({
      id: row.id,
      kind: row.kind,
      key: row.key,
      caseId: row.case_id,
      payload: JSON.parse(row.payload) as unknown,
      dueMs: row.due_ms,
      attempt: row.attempts,
      leaseOwner: options.worker,
    }))
    .sort((one, other) => one.dueMs - other.dueMs || one.id - other.id);
}

/** Done, or not needed any more. Returns false when the lease had been lost or the effect was cancelled meanwhile. */
export async function finishEffect(
  trx: StateTransaction,
  effect: TakenEffect,
  nowMs: number,
  outcome: 'done' | 'cancelled' = 'done',
): Promise<boolean> {
  const finished = await trx
    .updateTable('outbox')
    .set({
      finished_ms: nowMs,
      outcome,
      lease_until_ms: null,
      lease_owner: null,
      // Why it was given up stays to be read.
      ...(outcome === 'done' ? { failure: null } : {}),
    })
    .where('id', '=', effect.id)
    .where('lease_owner', '=', effect.leaseOwner)
    .where('finished_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return finished !== undefined;
}

/** To be tried again at `dueMs`. `failure` is for people: English, without secrets. */
export async function retryEffect(
  trx: StateTransaction,
  effect: TakenEffect,
  options: { readonly dueMs: number; readonly failure: string | null },
): Promise<boolean> {
  const retried = await trx
    .updateTable('outbox')
    .set({ due_ms: options.dueMs, failure: storable(options.failure), lease_until_ms: null, lease_owner: null })
    .where('id', '=', effect.id)
    .where('lease_owner', '=', effect.leaseOwner)
    .where('finished_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return retried !== undefined;
}

/** What PostgreSQL takes as text: no NUL, and not without end. */
function storable(failure: string | null): string | null {
  return failure === null ? null : failure.replaceAll('\0', '\uFFFD').slice(0, LONGEST_FAILURE);
}

/** Cancels what a case no longer needs, taken or not. Returns how many. */
export async function cancelEffects(
  trx: StateTransaction,
  options: { readonly caseId: string; readonly kinds: readonly string[]; readonly nowMs: number },
): Promise<number> {
  if (options.kinds.length === 0) return 0;
  const cancelled = await trx
    .updateTable('outbox')
    .set({ finished_ms: options.nowMs, outcome: 'cancelled' })
    .where('case_id', '=', options.caseId)
    .where('kind', 'in', [...options.kinds])
    .where('finished_ms', 'is', null)
    .returning('id')
    .execute();
  return cancelled.length;
}

/** An effect as people look at it: what became of it so far. */
export interface EffectStatus {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly caseId: string | null;
  readonly payload: unknown;
  readonly dueMs: number;
  readonly createdMs: number;
  readonly attempts: number;
  /** Why the last try failed; null before one did, and after one went well. */
  readonly failure: string | null;
  readonly finishedMs: number | null;
  readonly outcome: 'done' | 'cancelled' | null;
  /** Until when a worker holds it; null when none does. */
  readonly leaseUntilMs: number | null;
}

/** The effects of a case, newest last, at most `MOST_EFFECTS`: what the console shows as the state of its pages. */
export async function effectsOfCase(
  reader: Pick<State['db'], 'selectFrom'>,
  caseId: string,
  kinds: readonly string[],
): Promise<readonly EffectStatus[]> {
  if (kinds.length === 0) return [];
  const rows = await reader
    .selectFrom('outbox')
    .selectAll()
    .where('case_id', '=', caseId)
    .where('kind', 'in', [...kinds])
    .orderBy('id')
    .limit(MOST_EFFECTS)
    .execute();
  return rows.map(statusOf);
}

/** What of a case is still to be done of these kinds, oldest first. */
export async function unfinishedOfCase(
  reader: Pick<State['db'], 'selectFrom'>,
  caseId: string,
  kinds: readonly string[],
): Promise<readonly EffectStatus[]> {
  const rows = await reader
    .selectFrom('outbox')
    .selectAll()
    .where('case_id', '=', caseId)
    .where('kind', 'in', [...kinds])
    .where('finished_ms', 'is', null)
    .orderBy('id')
    .limit(MOST_EFFECTS)
    .execute();
  return rows.map(statusOf);
}

/** Moves what nobody holds to another time. Returns false when it was done, or is being done. */
export async function moveEffect(trx: StateTransaction, id: number, dueMs: number): Promise<boolean> {
  const moved = await trx
    .updateTable('outbox')
    .set({ due_ms: dueMs })
    .where('id', '=', id)
    .where('finished_ms', 'is', null)
    .where('lease_owner', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return moved !== undefined;
}

function statusOf(row: Selectable<GroundTables['outbox']>): EffectStatus {
  return {
    id: row.id,
    kind: row.kind,
    key: row.key,
    caseId: row.case_id,
    payload: JSON.parse(row.payload) as unknown,
    dueMs: row.due_ms,
    createdMs: row.created_ms,
    attempts: row.attempts,
    failure: row.failure,
    finishedMs: row.finished_ms,
    outcome: row.outcome,
    leaseUntilMs: row.lease_until_ms,
  };
}

/** The newest effects of one kind whose key has this in it, newest first, at most `limit`. */
export async function newestEffects(
  reader: Pick<State['db'], 'selectFrom'>,
  { kind, keyPart, limit }: { readonly kind: string; readonly keyPart: string; readonly limit: number },
): Promise<readonly EffectStatus[]> {
  const rows = await reader
    .selectFrom('outbox')
    .selectAll()
    .where('kind', '=', kind)
    .where(sql<boolean>`position(${keyPart} in key) > 0`)
    .orderBy('id', 'desc')
    .limit(Math.min(limit, MOST_EFFECTS))
    .execute();
  return rows.map(statusOf);
}

/** When the next effect can be taken, in ms since 1970 (it may have passed); null when nothing waits. */
export async function nextDueMs(state: State, kinds: readonly string[]): Promise<number | null> {
  if (kinds.length === 0) return null;
  const row = await state.db
    .selectFrom('outbox')
    .select(sql<number | null>`min(greatest(due_ms, coalesce(lease_until_ms, due_ms)))`.as('due'))
    .where('finished_ms', 'is', null)
    .where('kind', 'in', [...kinds])
    .executeTakeFirst();
  return row?.due ?? null;
}
