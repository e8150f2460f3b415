/** Reverts as rows: planned once for each event and resource, locked by resource, counted by account. */
import type { State, StateTransaction } from '../../ground/state.ts';
import { appendJournal } from '../../ground/journal.ts';
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
  readonly event: TrailEvent;
  readonly digest: string;
  readonly approvedBy: string | null;
  readonly startedMs: number | null;
  readonly failure: string | null;
}

type Reader = Pick<State['db'], 'withTables'>;
type Stored = Pick<Revert, 'plan' | 'event'>;

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

/** @returns the revert as it stands; the one that was there already when event and resource are known. */
export async function insertRevert(
  trx: StateTransaction,
  revert: Revert,
  nowMs: number,
): Promise<{ readonly revert: Revert; readonly isNew: boolean }> {
  const db = trx.withTables<RevertTables>();
  const stored: Stored = { plan: revert.plan, event: revert.event };
  const inserted = await db
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
      failure: revert.failure,
      created_ms: nowMs,
      updated_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['event_id', 'resource_key']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted !== undefined) return { revert, isNew: true };
  const known = await db
    .selectFrom('revert')
    .selectAll()
    .where('event_id', '=', revert.event.eventId)
    .where('resource_key', '=', revert.resourceKey)
    .executeTakeFirstOrThrow();
  return { revert: toRevert(known), isNew: false };
}

export interface Step {
  readonly state: RevertState;
  readonly kind: string;
  readonly actor?: string | null;
  readonly failure?: string | null;
  readonly approvedBy?: string;
  readonly startedMs?: number;
  readonly plan?: Plan;
  readonly parameters?: Readonly<Record<string, string | number | boolean | null>>;
}

/** One step: the row and its journal entry, together. Null when the revert is no longer in a state that leads there. */
export async function stepRevert(
  trx: StateTransaction,
  revert: Revert,
  { from, step, nowMs }: { readonly from: readonly RevertState[]; readonly step: Step; readonly nowMs: number },
): Promise<Revert | null> {
  const stored: Stored = { plan: step.plan ?? revert.plan, event: revert.event };
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
    })
    .where('id', '=', revert.id)
    .where('state', 'in', [...from])
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return null;
  await appendJournal(trx, {
    kind: step.kind,
    caseId: revert.caseId,
    actor: step.actor ?? null,
    parameters: {
      revert: revert.id,
      resource: revert.resourceKey.split('|').slice(3).join('|'),
      digest: revert.digest,
      ...(step.failure === undefined ? {} : { failure: step.failure }),
      ...step.parameters,
    },
    timeMs: nowMs,
  });
  return toRevert(row);
}

/** One at a time for each resource; a lock whose holder died runs out. */
export async function lockResource(
  trx: StateTransaction,
  revert: Revert,
  at: { readonly nowMs: number; readonly untilMs: number },
): Promise<boolean> {
  const row = await trx
    .withTables<RevertTables>()
    .insertInto('revert_lock')
    .values({ resource_key: revert.resourceKey, revert_id: revert.id, until_ms: at.untilMs })
    .onConflict((conflict) =>
      conflict
        .column('resource_key')
        .doUpdateSet({ revert_id: revert.id, until_ms: at.untilMs })
        .where((eb) =>
          eb.or([eb('revert_lock.until_ms', '<=', at.nowMs), eb('revert_lock.revert_id', '=', revert.id)]),
        ),
    )
    .returning('resource_key')
    .executeTakeFirst();
  return row !== undefined;
}

export async function unlockResource(trx: StateTransaction, revert: Revert): Promise<void> {
  await trx
    .withTables<RevertTables>()
    .deleteFrom('revert_lock')
    .where('resource_key', '=', revert.resourceKey)
    .where('revert_id', '=', revert.id)
    .execute();
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

/** Before a call leaves: what will come back as an event of ours. */
export async function noteCall(
  trx: StateTransaction,
  revert: Revert,
  { number, event, nowMs }: { readonly number: number; readonly event: string; readonly nowMs: number },
): Promise<void> {
  await trx
    .withTables<RevertTables>()
    .insertInto('revert_call')
    .values({ revert_id: revert.id, number, account: revert.account, event, called_ms: nowMs })
    .onConflict((conflict) => conflict.columns(['revert_id', 'number']).doUpdateSet({ called_ms: nowMs }))
    .execute();
}

/** Whether a call of ours explains an event of that moment. */
export async function isNotedCall(
  reader: Reader,
  {
    account,
    event,
    aroundMs,
    withinMs,
  }: {
    readonly account: string;
    readonly event: string;
    readonly aroundMs: number;
    readonly withinMs: number;
  },
): Promise<boolean> {
  const row = await reader
    .withTables<RevertTables>()
    .selectFrom('revert_call')
    .select('number')
    .where('account', '=', account)
    .where('event', '=', event)
    .where('called_ms', '>=', aroundMs - withinMs)
    .where('called_ms', '<=', aroundMs + withinMs)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function toRevert(row: RevertTables['revert']): Revert {
  // Written by `insertRevert` and `stepRevert`.
  const { plan, event } = JSON.parse(row.plan) as Stored;
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
    digest: row.digest,
    approvedBy: row.approved_by,
    startedMs: row.started_ms,
    failure: row.failure,
  };
}
