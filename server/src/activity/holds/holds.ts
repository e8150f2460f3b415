/**
 * Holds for the law: what a search found is kept beyond its age until an admin lets it go. Placed and released in the journal, in the same
 * transaction; copied and removed afterwards, so that a large one keeps nobody waiting.
 *
 * The surprise: rows of an age leave in whole parts and cannot be kept back one by one. A hold is a copy in a table without an age, and a
 * search shows a row of both once.
 */
import { Failure, messageOf } from '../../ground/failure.ts';
import type { Clock } from '../../ground/clock.ts';
import { appendJournal } from '../../ground/journal.ts';
import type { Log } from '../../ground/log.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { queryOf, searchOf } from '../asked.ts';
import type { ActivitySearch } from '../search.ts';
import type { ActivityStore } from '../store.ts';
import type { HoldTables } from './tables.ts';

export type Hold = HoldTables['activity_hold'];

/** Who does it, and when. */
export interface By {
  readonly person: string;
  readonly nowMs: number;
}

const MOST_HOLDS = 200;
const EVERY_MS = 1_000;
const OPEN = ['copying', 'releasing'] as const;

export async function placeHold(
  state: State,
  { reason, search }: { readonly reason: string; readonly search: ActivitySearch },
  { person, nowMs, random }: By & { readonly random: Random },
): Promise<Hold> {
  const query = queryOf(search);
  const hold: Hold = {
    ...{ id: random.id(nowMs), reason, query, placed_by: person, placed_ms: nowMs, state: 'copying' },
    ...{ row_count: null, problem: null, released_by: null, released_ms: null },
  };
  return state.transaction(async (trx) => {
    const db = trx.withTables<HoldTables>();
    const { count } = await db
      .selectFrom('activity_hold')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('state', '!=', 'released')
      .executeTakeFirstOrThrow();
    if (Number(count) >= MOST_HOLDS) throw tooMany();
    await db.insertInto('activity_hold').values(hold).execute();
    const parameters = { hold: hold.id, reason, query };
    await appendJournal(trx, { kind: 'hold-placed', caseId: null, actor: person, timeMs: nowMs, parameters });
    return hold;
  });
}

/** False when there is none that can be let go. */
export function releaseHold(state: State, id: string, { person, nowMs }: By): Promise<boolean> {
  return state.transaction(async (trx) => {
    const released = await trx
      .withTables<HoldTables>()
      .updateTable('activity_hold')
      .set({ state: 'releasing', released_by: person, released_ms: nowMs })
      .where('id', '=', id)
      .where('state', 'in', ['copying', 'kept', 'failed'])
      .returning('id')
      .executeTakeFirst();
    if (released === undefined) return false;
    await appendJournal(trx, {
      kind: 'hold-released',
      caseId: null,
      actor: person,
      timeMs: nowMs,
      parameters: { hold: id },
    });
    return true;
  });
}

/** The newest first. */
export function listHolds(state: State): Promise<readonly Hold[]> {
  const db = state.db.withTables<HoldTables>();
  return db
    .selectFrom('activity_hold')
    .selectAll()
    .orderBy('placed_ms', 'desc')
    .limit(2 * MOST_HOLDS)
    .execute();
}

export interface HoldWork {
  readonly state: State;
  readonly activity: Pick<ActivityStore, 'hold' | 'releaseHold'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Copies and removes what was decided, until `signal` aborts. A hold that was cut off is copied again: the same rows count once. */
export async function keepHolds(work: HoldWork, signal: AbortSignal): Promise<void> {
  const { state, clock, log } = work;
  while (!signal.aborted) {
    try {
      const db = state.db.withTables<HoldTables>();
      const open = await db
        .selectFrom('activity_hold')
        .selectAll()
        .where('state', 'in', OPEN)
        .orderBy('placed_ms')
        .execute();
      for (const hold of open) if (!signal.aborted) await settle(work, hold);
    } catch (error) {
      log.error('a hold on activity could not be settled; it is tried again', { error });
    }
    await clock.sleep(EVERY_MS, signal);
  }
}

async function settle({ state, activity, clock }: HoldWork, { id, query, state: wanted }: Hold): Promise<void> {
  if (wanted === 'releasing') {
    await activity.releaseHold(id);
    await become(state, id, { from: 'releasing', to: { state: 'released' } });
    return;
  }
  try {
    const rows = await activity.hold(id, searchOf(askedOf(query), clock.nowMs()));
    await become(state, id, { from: 'copying', to: { state: 'kept', row_count: rows } });
  } catch (error) {
    // What may pass is tried again; too many rows stay too many.
    if (!(error instanceof Failure) || error.retryable) throw error;
    await activity.releaseHold(id);
    await become(state, id, { from: 'copying', to: { state: 'failed', problem: messageOf(error) } });
  }
}

/** Nothing when somebody decided otherwise meanwhile. */
async function become(
  state: State,
  id: string,
  { from, to }: { readonly from: Hold['state']; readonly to: Partial<Hold> },
): Promise<void> {
  const db = state.db.withTables<HoldTables>();
  await db.updateTable('activity_hold').set(to).where('id', '=', id).where('state', '=', from).execute();
}

function askedOf(query: string) {
  const parts = new URLSearchParams(query);
  const text = (name: 'from' | 'to' | 'q') => {
    const value = parts.get(name);
    return value === null ? {} : { [name]: value };
  };
  return { ...text('from'), ...text('to'), ...text('q'), with: parts.getAll('with'), without: parts.getAll('without') };
}

function tooMany(): Failure {
  const message = `${MOST_HOLDS} holds are kept; release one that nobody needs any more`;
  return new Failure(message, { code: 'too-many-holds', httpStatus: 409, retryable: false });
}
