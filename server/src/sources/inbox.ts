/**
 * The durable inbox: what was accepted is committed here before anybody hears "got it", and leaves only after everything
 * that follows from it is stored.
 *
 * A batch is known by its content, so a sender that never heard our answer may send it again. A batch is taken with a
 * lease, by any number of workers on any number of servers; it can be processed twice, and whatever it leads to must not
 * mind. Nothing here gives up on a batch: one that fails again and again stays, and `intakeHealth` shows it.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { Failure } from '../ground/failure.ts';
import type { State, StateTransaction } from '../ground/state.ts';
import type { InboxTables, InboxTransaction } from './inbox-tables.ts';
import type { Origin, SourceName, SourceRecord } from './source.ts';

/** An admitted record on its way in. */
export interface NewRecord {
  readonly id: string;
  readonly timeMs: number;
  /** The record as JSON text: written once, stored as it is. */
  readonly json: string;
}

/** A record as it is taken out. */
export interface InboxRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly record: SourceRecord;
}

/** What could not be a record, in full. */
export interface MalformedRecord {
  readonly origin: Origin;
  readonly reason: string;
  readonly raw: string | Uint8Array;
}

/** A file that was read to its end: a watcher need not read it again while size and time stay the same. */
export interface FileCheckpoint {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface IntakeBatch {
  /** Null when nothing in it could be recognised: everything is malformed. */
  readonly source: SourceName | null;
  /** The file, or the address of the sender: for people. */
  readonly origin: string;
  /** At most `MOST_RECORDS`, at most `MOST_BATCH_BYTES` as JSON. */
  readonly records: readonly NewRecord[];
  /** At most `MOST_RECORDS`. */
  readonly malformed?: readonly MalformedRecord[];
  /** Committed together with the last batch of a file. */
  readonly checkpoint?: FileCheckpoint | null;
}

export interface TakenBatch {
  readonly id: number;
  readonly source: SourceName;
  readonly origin: string;
  readonly records: readonly InboxRecord[];
  readonly receivedMs: number;
  /** 1 on the first try. */
  readonly attempt: number;
  readonly leaseOwner: string;
}

export const MOST_RECORDS = 1_000;
export const MOST_BATCH_BYTES = 8 * 1024 * 1024;
const LONGEST_ORIGIN = 4_000;
const LONGEST_REASON = 2_000;
const UNKNOWN_SOURCE = 'unknown';

/**
 * Commits a batch before it returns. False when exactly this batch had been accepted before.
 *
 * @throws Failure `batch-too-large`.
 */
export async function acceptBatch(state: State, batch: IntakeBatch, nowMs: number): Promise<{ accepted: boolean }> {
  return state.transaction((trx) => acceptBatchIn(trx, batch, nowMs));
}

/** The same in the caller's transaction. */
export async function acceptBatchIn(
  trx: StateTransaction,
  batch: IntakeBatch,
  nowMs: number,
): Promise<{ accepted: boolean }> {
  const body = bodyOf(batch.records);
  refuseTooLarge(batch, body);
  const db = trx.withTables<InboxTables>();
  const source = batch.source ?? UNKNOWN_SOURCE;
  const origin = storable(batch.origin, LONGEST_ORIGIN);
  let accepted = false;
  if (batch.records.length > 0) {
    const inserted = await db
      .insertInto('inbox')
      .values({
        key: hashOf(source, batch.origin, body),
        source,
        origin,
        body,
        record_count: batch.records.length,
        received_ms: nowMs,
      })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning('id')
      .executeTakeFirst();
    accepted = inserted !== undefined;
  }
  const aside = await putAside(db, source, batch.malformed ?? [], nowMs);
  if (batch.checkpoint) await saveCheckpoint(db, batch.checkpoint, nowMs);
  await countAccepted(db, source, {
    records: accepted ? batch.records.length : 0,
    malformed: aside,
    newestEventMs: batch.records.reduce<number | null>(
      (newest, { timeMs }) => Math.max(newest ?? timeMs, timeMs),
      null,
    ),
    nowMs,
  });
  return { accepted };
}

function bodyOf(records: readonly NewRecord[]): string {
  const members = records.map(
    ({ id, timeMs, json }) => `{"id":${JSON.stringify(id)},"timeMs":${JSON.stringify(timeMs)},"record":${json}}`,
  );
  return `[${members.join(',')}]`;
}

function refuseTooLarge(batch: IntakeBatch, body: string): void {
  const bytes = Buffer.byteLength(body);
  const most = Math.max(batch.records.length, batch.malformed?.length ?? 0);
  if (most <= MOST_RECORDS && (bytes <= MOST_BATCH_BYTES || batch.records.length === 1)) return;
  throw new Failure(
    `a batch of ${most} records and ${bytes} bytes is too large: send at most ${MOST_RECORDS} records and ${MOST_BATCH_BYTES} bytes at once`,
    { code: 'batch-too-large', httpStatus: 413, retryable: false },
  );
}

async function putAside(
  db: InboxTransaction,
  source: string,
  malformed: readonly MalformedRecord[],
  nowMs: number,
): Promise<number> {
  let count = 0;
  for (const { origin, reason, raw } of malformed) {
    const bytes = typeof raw === 'string' ? Buffer.from(raw, 'utf8') : raw;
    const inserted = await db
      .insertInto('malformed')
      .values({
        key: hashOf(origin.file, String(origin.index), bytes),
        source,
        origin: storable(origin.file, LONGEST_ORIGIN),
        record_index: origin.index,
        reason: storable(reason, LONGEST_REASON),
        raw: bytes,
        received_ms: nowMs,
      })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning('key')
      .executeTakeFirst();
    if (inserted !== undefined) count += 1;
  }
  return count;
}

async function saveCheckpoint(db: InboxTransaction, checkpoint: FileCheckpoint, nowMs: number): Promise<void> {
  const columns = {
    size_bytes: checkpoint.sizeBytes,
    modified_ms: Math.round(checkpoint.modifiedMs),
    taken_ms: nowMs,
  };
  await db
    .insertInto('file_checkpoint')
    .values({ path: checkpoint.path, ...columns })
    .onConflict((conflict) => conflict.column('path').doUpdateSet(columns))
    .execute();
}

async function countAccepted(
  db: InboxTransaction,
  source: string,
  seen: { records: number; malformed: number; newestEventMs: number | null; nowMs: number },
): Promise<void> {
  await sql`
    insert into intake as i (source, accepted_records, malformed_records, newest_event_ms, last_heard_ms)
    values (${source}, ${seen.records}, ${seen.malformed}, ${seen.newestEventMs}, ${seen.nowMs})
    on conflict (source) do update set
      accepted_records = i.accepted_records + excluded.accepted_records,
      malformed_records = i.malformed_records + excluded.malformed_records,
      newest_event_ms = greatest(i.newest_event_ms, excluded.newest_event_ms),
      last_heard_ms = greatest(i.last_heard_ms, excluded.last_heard_ms)`.execute(db);
}

export interface TakeBatchesOptions {
  readonly limit: number;
  readonly leaseMs: number;
  readonly nowMs: number;
  /** Unique per worker and start: a lost lease can then no longer be finished by its former holder. */
  readonly worker: string;
}

/** The oldest batches that nobody holds. */
export async function takeBatches(state: State, options: TakeBatchesOptions): Promise<readonly TakenBatch[]> {
  const taken = await sql<{
    id: number;
    source: string;
    origin: string;
    body: string;
    received_ms: number;
    attempts: number;
  }>`
    update inbox set
      attempts = attempts + 1,
      free_at_ms = ${options.nowMs + options.leaseMs},
      lease_owner = ${options.worker}
    where id in (
      select id from inbox
      where finished_ms is null and free_at_ms <= ${options.nowMs}
      order by id
      limit ${options.limit}
      for update skip locked
    )
    returning id, source, origin, body, received_ms, attempts`.execute(state.db);
  return taken.rows
    .map((row) => ({
      id: row.id,
      // Only `acceptBatch` writes the column, and only from a SourceName.
      source: row.source as SourceName,
      origin: row.origin,
      records: JSON.parse(row.body) as readonly InboxRecord[],
      receivedMs: row.received_ms,
      attempt: row.attempts,
      leaseOwner: options.worker,
    }))
    .sort((one, other) => one.id - other.id);
}

/**
 * Everything that follows from the batch is stored. Call it last in the transaction that stores it, and roll back when it
 * returns false: the lease was lost and somebody else has the batch.
 */
export async function finishBatch(trx: StateTransaction, batch: TakenBatch, nowMs: number): Promise<boolean> {
  const db = trx.withTables<InboxTables>();
  const finished = await db
    .updateTable('inbox')
    .set({ finished_ms: nowMs, body: null, lease_owner: null, failure: null })
    .where('id', '=', batch.id)
    .where('lease_owner', '=', batch.leaseOwner)
    .where('finished_ms', 'is', null)
    .returning('record_count')
    .executeTakeFirst();
  if (finished === undefined) return false;
  await db
    .updateTable('intake')
    .set((eb) => ({ processed_records: eb('processed_records', '+', finished.record_count) }))
    .where('source', '=', batch.source)
    .execute();
  return true;
}

/** Gives a batch back, to be taken again not before `freeAtMs`. `failure` is for people. */
export async function returnBatch(
  state: State,
  batch: TakenBatch,
  options: { readonly freeAtMs: number; readonly failure: string | null },
): Promise<boolean> {
  const returned = await state.db
    .withTables<InboxTables>()
    .updateTable('inbox')
    .set({
      free_at_ms: options.freeAtMs,
      lease_owner: null,
      failure: options.failure === null ? null : storable(options.failure, LONGEST_REASON),
    })
    .where('id', '=', batch.id)
    .where('lease_owner', '=', batch.leaseOwner)
    .where('finished_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return returned !== undefined;
}

/** Prolongs the lease of a batch that takes long. False when it was lost. */
export async function keepBatch(state: State, batch: TakenBatch, untilMs: number): Promise<boolean> {
  const kept = await state.db
    .withTables<InboxTables>()
    .updateTable('inbox')
    .set({ free_at_ms: untilMs })
    .where('id', '=', batch.id)
    .where('lease_owner', '=', batch.leaseOwner)
    .where('finished_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return kept !== undefined;
}

/** Length-prefixed, so that no two different lists of parts hash alike. */
function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex');
}

/** What PostgreSQL takes as text: no NUL, and not without end. */
function storable(text: string, longest: number): string {
  return text.replaceAll('\0', '\uFFFD').slice(0, longest);
}
