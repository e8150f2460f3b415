/** Reverts as rows: planned once for each event and resource, one run at a time, counted by account. */
import { sql } from 'kysely';
import { putEffect } from '../../ground/outbox.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { TrailEvent } from './catalogue.ts';
import type { Plan } from './plan.ts';
import type { RevertMode, RevertState, RevertTables } from './tables.ts';

/** What is kept of one revert: the plan and the event it answers. */
export interface Revert {
  readonly id: string;
  readonly caseId: string | null;
  readonly state: RevertState;
  readonly mode: RevertMode;
  readonly account: string;
  readonly resourceKey: string;
  readonly row: number;
  /** Null where there was nothing to plan: a conflict, or it was done already. */
  readonly plan: Plan | null;
  /** The newest of the changes that it answers. */
  readonly event: TrailEvent;
  /** Those before it, the oldest first. */
  readonly earlier: readonly TrailEvent[];
  readonly digest: string;
  readonly approvedBy: string | null;
  readonly startedMs: number | null;
  /** Undoing has begun. */
  readonly undoStartedMs: number | null;
  readonly failure: string | null;
}

/** First keys of advisory locks; the second is of the resource or account. */
const PLAN_LOCK = 1_908_001;
const ACCOUNT_LOCK = 1_908_002;

type Reader = Pick<State['db'], 'withTables'>;
type Stored = Pick<Revert, 'plan' | 'event'> & Partial<Pick<Revert, 'earlier'>>;

/** The outbox's kind of "go on with this revert". */
export const REVERT_EFFECT = 'revert';

export async function findRevert(reader: Reader, id: string): Promise<Revert | null> {
  const row = await reader
    .withTables<RevertTables>()
    .selectFrom('revert')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  return row === undefined ? null : toRevert(row);
}

export async function revertsOfCase(reader: Reader, caseId: string): Promise<readonly Revert[]> {
  const rows = await reader
    .withTables<RevertTables>()
    .selectFrom('revert')
    .selectAll()
    .where('case_id', '=', caseId)
    .orderBy('created_ms')
    .orderBy('id')
    .execute();
  return rows.map(toRevert);
}

/** Which of these changes of a resource have been planned, by the id of the event. */
export async function plannedOf(
  reader: Reader,
  resourceKey: string,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (eventIds.length === 0) return new Map();
  const rows = await reader
    .withTables<RevertTables>()
    .selectFrom('revert_event')
    .select(['event_id', 'revert_id'])
    .where('resource_key', '=', resourceKey)
    .where('event_id', 'in', [...eventIds])
    .execute();
  return new Map(rows.map(({ event_id, revert_id }) => [event_id, revert_id]));
}

/** One change of one resource, in the set of those that were planned. */
export function changeKey(resourceKey: string, { eventId }: Pick<TrailEvent, 'eventId'>): string {
  return `${eventId} ${resourceKey}`;
}

const IDS_AT_ONCE = 1_000;

/** Every change of these events that was planned, for any resource, by its `changeKey`. */
export async function plannedChanges(reader: Reader, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
  const planned = new Set<string>();
  for (let from = 0; from < eventIds.length; from += IDS_AT_ONCE) {
    const rows = await reader
      .withTables<RevertTables>()
      .selectFrom('revert_event')
      .select(['event_id', 'resource_key'])
      .where('event_id', 'in', eventIds.slice(from, from + IDS_AT_ONCE))
      .execute();
    for (const { event_id, resource_key } of rows) planned.add(changeKey(resource_key, { eventId: event_id }));
  }
  return planned;
}

/** False when one of its changes was planned meanwhile; then nothing is written. */
export async function insertRevert(trx: StateTransaction, revert: Revert, nowMs: number): Promise<boolean> {
  const db = trx.withTables<RevertTables>();
  const stored: Stored = { plan: revert.plan, event: revert.event, earlier: revert.earlier };
  // Of two servers that plan the same, one waits here and then sees what the other planned.
  await sql`select pg_advisory_xact_lock(${PLAN_LOCK}, hashtext(${revert.resourceKey}))`.execute(trx);
  const eventIds = [...revert.earlier, revert.event].map(({ eventId }) => eventId);
  if ((await plannedOf(trx, revert.resourceKey, eventIds)).size > 0) return false;
  await db
    .insertInto('revert')
    .values({
      id: revert.id,
      case_id: revert.caseId,
      event_id: revert.event.eventId,
      resource_key: revert.resourceKey,
      account: revert.account,
      row_number: revert.row,
      state: revert.state,
      mode: revert.mode,
      plan: JSON.stringify(stored),
      digest: revert.digest,
      approved_by: revert.approvedBy,
      started_ms: revert.startedMs,
      undo_started_ms: revert.undoStartedMs,
      failure: revert.failure,
      created_ms: nowMs,
      updated_ms: nowMs,
    })
    .execute();
  const rows = eventIds.map((id) => ({ event_id: id, resource_key: revert.resourceKey, revert_id: revert.id }));
  await db.insertInto('revert_event').values(rows).execute();
  return true;
}

/** Somebody goes on with it from here, whatever becomes of this process. */
export async function putRevertEffect(
  trx: StateTransaction,
  revert: Pick<Revert, 'id' | 'caseId'>,
  { verb, dueMs, nowMs }: { readonly verb: string; readonly dueMs: number; readonly nowMs: number },
): Promise<void> {
  const key = `revert:${revert.id}:${verb}`;
  const payload = { revertId: revert.id };
  await putEffect(trx, { kind: REVERT_EFFECT, key, caseId: revert.caseId, payload, dueMs }, nowMs);
}

/** Locks a revert for a step; null when it is not (any more) in a state that leads there. */
export async function takeRevert(
  trx: StateTransaction,
  id: string,
  from: readonly RevertState[],
): Promise<Revert | null> {
  const row = await trx
    .withTables<RevertTables>()
    .selectFrom('revert')
    .selectAll()
    .where('id', '=', id)
    .where('state', 'in', [...from])
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? null : toRevert(row);
}

/** What one step changes of the row. */
export interface RowStep {
  readonly state: RevertState;
  readonly failure?: string | null;
  readonly approvedBy?: string;
  readonly startedMs?: number;
  readonly undoStartedMs?: number;
  readonly plan?: Plan;
  readonly digest?: string;
  readonly mode?: RevertMode;
}

export async function updateRevert(
  trx: StateTransaction,
  revert: Revert,
  step: RowStep,
  nowMs: number,
): Promise<Revert> {
  const stored: Stored = { plan: step.plan ?? revert.plan, event: revert.event, earlier: revert.earlier };
  const row = await trx
    .withTables<RevertTables>()
    .updateTable('revert')
    .set({
      state: step.state,
      failure: step.failure ?? null,
      plan: JSON.stringify(stored),
      updated_ms: nowMs,
      ...(step.approvedBy === undefined ? {} : { approved_by: step.approvedBy }),
      ...(step.startedMs === undefined ? {} : { started_ms: step.startedMs }),
      ...(step.undoStartedMs === undefined ? {} : { undo_started_ms: step.undoStartedMs }),
      ...(step.digest === undefined ? {} : { digest: step.digest }),
      ...(step.mode === undefined ? {} : { mode: step.mode }),
    })
    .where('id', '=', revert.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toRevert(row);
}

/** Whoever runs, and until when nobody else may. */
export interface Hold {
  readonly holder: string;
  readonly nowMs: number;
  readonly untilMs: number;
}

/** One run at a time for each resource; the lock of a run that died runs out. */
export async function lockResource(
  trx: StateTransaction,
  revert: Revert,
  { holder, nowMs, untilMs }: Hold,
): Promise<boolean> {
  const row = await trx
    .withTables<RevertTables>()
    .insertInto('revert_lock')
    .values({ resource_key: revert.resourceKey, revert_id: revert.id, until_ms: untilMs, holder })
    .onConflict((conflict) =>
      conflict
        .column('resource_key')
        .doUpdateSet({ revert_id: revert.id, until_ms: untilMs, holder })
        .where('revert_lock.until_ms', '<=', nowMs),
    )
    .returning('resource_key')
    .executeTakeFirst();
  return row !== undefined;
}

/** Before anything leaves: false when the lock ran out and another run has it. */
export async function holdResource(trx: StateTransaction, revert: Revert, { holder, untilMs }: Hold): Promise<boolean> {
  const row = await trx
    .withTables<RevertTables>()
    .updateTable('revert_lock')
    .set({ until_ms: untilMs })
    .where('resource_key', '=', revert.resourceKey)
    .where('holder', '=', holder)
    .returning('resource_key')
    .executeTakeFirst();
  return row !== undefined;
}

/** False when another run has it: then this one has nothing to say any more. */
export async function unlockResource(trx: StateTransaction, revert: Revert, holder: string): Promise<boolean> {
  const row = await trx
    .withTables<RevertTables>()
    .deleteFrom('revert_lock')
    .where('resource_key', '=', revert.resourceKey)
    .where('holder', '=', holder)
    .returning('resource_key')
    .executeTakeFirst();
  return row !== undefined;
}

/** Those who count an account's reverts take turns, so that two servers cannot both be the last that may. */
export async function lockAccount(trx: StateTransaction, account: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ACCOUNT_LOCK}, hashtext(${account}))`.execute(trx);
}

/** How many of an account began since then. */
export async function countStarted(reader: Reader, account: string, sinceMs: number): Promise<number> {
  const rows = await reader
    .withTables<RevertTables>()
    .selectFrom('revert')
    .select('id')
    .where('account', '=', account)
    .where('started_ms', '>=', sinceMs)
    .limit(1_000)
    .execute();
  return rows.length;
}

function toRevert(row: RevertTables['revert']): Revert {
  // Written by `insertRevert` and `stepRevert`.
  const { plan, event, earlier = [] } = JSON.parse(row.plan) as Stored;
  return {
    id: row.id,
    caseId: row.case_id,
    state: row.state,
    mode: row.mode,
    account: row.account,
    resourceKey: row.resource_key,
    row: row.row_number,
    plan,
    event,
    earlier,
    digest: row.digest,
    approvedBy: row.approved_by,
    startedMs: row.started_ms,
    undoStartedMs: row.undo_started_ms,
    failure: row.failure,
  };
}
