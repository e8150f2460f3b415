/**
 * Looking at the inbox: how each source is doing, what was put aside, which files were taken; and forgetting what is old.
 *
 * Counters are kept as records come and go, so that asking costs nothing however much is waiting.
 */
import { sql } from 'kysely';
import type { State } from '../ground/state.ts';
import type { InboxTables } from './inbox-tables.ts';
import type { FileCheckpoint } from './inbox.ts';

export interface SourceHealth {
  /** A source's name, or `unknown` for what could not be recognised. */
  readonly source: string;
  readonly acceptedRecords: number;
  readonly processedRecords: number;
  readonly malformedRecords: number;
  /** Accepted and not yet processed. */
  readonly backlogRecords: number;
  /** The newest event time seen; null before the first event. */
  readonly newestEventMs: number | null;
  /** When anything last came. */
  readonly lastHeardMs: number | null;
}

export interface IntakeHealth {
  readonly sources: readonly SourceHealth[];
  /** When the oldest batch that still waits was accepted; null when none does. */
  readonly oldestWaitingMs: number | null;
  /** The batch that failed most often among those that wait. */
  readonly worst: { readonly batch: number; readonly attempts: number; readonly failure: string } | null;
}

export async function intakeHealth(state: State): Promise<IntakeHealth> {
  const db = state.db.withTables<InboxTables>();
  const rows = await db.selectFrom('intake').selectAll().orderBy('source').execute();
  const oldest = await db
    .selectFrom('inbox')
    .select('received_ms')
    .where('finished_ms', 'is', null)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  const worst = await db
    .selectFrom('inbox')
    .select(['id', 'attempts', 'failure'])
    .where('finished_ms', 'is', null)
    .where('failure', 'is not', null)
    .orderBy('attempts', 'desc')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return {
    sources: rows.map((row) => ({
      source: row.source,
      acceptedRecords: row.accepted_records,
      processedRecords: row.processed_records,
      malformedRecords: row.malformed_records,
      backlogRecords: row.accepted_records - row.processed_records,
      newestEventMs: row.newest_event_ms,
      lastHeardMs: row.last_heard_ms,
    })),
    oldestWaitingMs: oldest?.received_ms ?? null,
    worst: worst === undefined ? null : { batch: worst.id, attempts: worst.attempts, failure: worst.failure ?? '' },
  };
}

/** A record that was put aside, as it is kept. */
export interface AsideRecord {
  readonly source: string;
  readonly file: string;
  readonly index: number;
  readonly reason: string;
  readonly raw: Buffer;
  readonly receivedMs: number;
}

/** Newest first. */
export async function malformedRecords(state: State, limit: number): Promise<readonly AsideRecord[]> {
  const rows = await state.db
    .withTables<InboxTables>()
    .selectFrom('malformed')
    .selectAll()
    .orderBy('received_ms', 'desc')
    .orderBy('origin')
    .orderBy('record_index')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    source: row.source,
    file: row.origin,
    index: row.record_index,
    reason: row.reason,
    raw: Buffer.from(row.raw),
    receivedMs: row.received_ms,
  }));
}

/** Whether exactly this file, by path, size and time of change, was taken whole before. */
export async function isFileTaken(state: State, file: FileCheckpoint): Promise<boolean> {
  const row = await state.db
    .withTables<InboxTables>()
    .selectFrom('file_checkpoint')
    .selectAll()
    .where('path', '=', file.path)
    .executeTakeFirst();
  return row !== undefined && row.size_bytes === file.sizeBytes && row.modified_ms === Math.round(file.modifiedMs);
}

/**
 * Forgets finished batches and malformed records from before `beforeMs`, at most `limit` of each. A batch that comes again
 * after it was forgotten is processed again; its events and findings are known by their own ids.
 */
export async function forgetIntake(state: State, beforeMs: number, limit: number): Promise<number> {
  const batches = await sql<{ id: number }>`
    delete from inbox where id in (
      select id from inbox where finished_ms < ${beforeMs} order by finished_ms limit ${limit} for update skip locked
    ) returning id`.execute(state.db);
  const records = await sql<{ key: string }>`
    delete from malformed where key in (
      select key from malformed where received_ms < ${beforeMs} order by received_ms limit ${limit} for update skip locked
    ) returning key`.execute(state.db);
  return batches.rows.length + records.rows.length;
}
