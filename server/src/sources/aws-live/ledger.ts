/**
 * What became of each object of a trail: taken, with the digest of its content, or not to be had, and since when. Kept until the
 * trail's own digest has vouched for it.
 *
 * The surprise: a row is written after the object is in the inbox. Dying in between only means that the object is taken again.
 */
import type { State, StateTransaction } from '../../ground/state.ts';
import { storable } from '../../ground/storable.ts';
import type { TrailTables } from './tables.ts';

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

const LONGEST_FAILURE = 500;
/** Longer than a digest is late; where a trail makes none, rows end here. */
const TAKEN_KEPT_MS = 48 * 3_600_000;
const MOST_FORGOTTEN = 5_000;

export async function noteTaken(
  state: State,
  { bucket, key }: ObjectName,
  told: { readonly queue: string; readonly sha256: string; readonly nowMs: number },
): Promise<void> {
  const { queue, sha256, nowMs } = told;
  const columns = { queue, sha256, taken_ms: nowMs, failing_since_ms: null, failure: null };
  await state.db
    .withTables<TrailTables>()
    .insertInto('trail_object')
    .values({ bucket: storable(bucket), key: storable(key), ...columns })
    .onConflict((conflict) => conflict.columns(['bucket', 'key']).doUpdateSet(columns))
    .execute();
}

/** One that was taken before stays taken: a message that comes again is no trouble. */
export async function noteFailing(
  state: State,
  { bucket, key }: ObjectName,
  told: { readonly queue: string; readonly failure: string; readonly nowMs: number },
): Promise<void> {
  const { queue, nowMs } = told;
  const failure = storable(told.failure).slice(0, LONGEST_FAILURE);
  await state.db
    .withTables<TrailTables>()
    .insertInto('trail_object')
    .values({ bucket: storable(bucket), key: storable(key), queue, failing_since_ms: nowMs, failure })
    .onConflict((conflict) =>
      conflict
        .columns(['bucket', 'key'])
        .doUpdateSet((row) => ({
          failure,
          failing_since_ms: row.fn.coalesce('trail_object.failing_since_ms', row.val(nowMs)),
        }))
        .where('trail_object.sha256', 'is', null),
    )
    .execute();
}

export async function forgetObject(trx: StateTransaction, { bucket, key }: ObjectName): Promise<void> {
  await trx
    .withTables<TrailTables>()
    .deleteFrom('trail_object')
    .where('bucket', '=', storable(bucket))
    .where('key', '=', storable(key))
    .execute();
}

/** The digests of what was taken of these, by key. */
export async function takenDigests(
  state: State,
  bucket: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const rows = await state.db
    .withTables<TrailTables>()
    .selectFrom('trail_object')
    .select(['key', 'sha256'])
    .where('bucket', '=', bucket)
    .where('key', 'in', [...keys])
    .where('sha256', 'is not', null)
    .execute();
  return new Map(rows.map(({ key, sha256 }) => [key, sha256 ?? '']));
}

/** Forgets what a digest has vouched for. */
export async function forgetVouched(state: State, bucket: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await state.db
    .withTables<TrailTables>()
    .deleteFrom('trail_object')
    .where('bucket', '=', bucket)
    .where('key', 'in', [...keys])
    .execute();
}

/** Forgets what no digest will vouch for any more. */
export async function forgetTaken(state: State, nowMs: number): Promise<void> {
  const db = state.db.withTables<TrailTables>();
  const old = await db
    .selectFrom('trail_object')
    .select(['bucket', 'key'])
    .where('taken_ms', '<', nowMs - TAKEN_KEPT_MS)
    .where('failing_since_ms', 'is', null)
    .limit(MOST_FORGOTTEN)
    .execute();
  const byBucket = new Map<string, string[]>();
  for (const { bucket, key } of old) byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), key]);
  for (const [bucket, keys] of byBucket) await forgetVouched(state, bucket, keys);
}

export async function noteQueue(
  state: State,
  name: string,
  told: { readonly nowMs: number; readonly failure: string | null },
): Promise<void> {
  const { nowMs, failure } = told;
  const change =
    failure === null ? { read_ms: nowMs, failure } : { failure: storable(failure).slice(0, LONGEST_FAILURE) };
  await state.db
    .withTables<TrailTables>()
    .insertInto('trail_queue')
    .values({ name, read_ms: nowMs, ...change })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(change))
    .execute();
}
