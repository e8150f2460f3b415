/** The tables of `migrations/0001-ground.sql` as Kysely sees them. Times are milliseconds since 1970, UTC. */
import type { ColumnType, Generated } from 'kysely';

/** Written as JSON text, read as the parsed value. */
export type Json = ColumnType<unknown, string, string>;

export interface JournalTable {
  sequence: number;
  time_ms: number;
  kind: string;
  case_id: string | null;
  actor: string | null;
  parameters: Json;
  /** The canonical text that was hashed: what `verify` compares with the columns. */
  canonical: string;
  previous_hash: string;
  hash: string;
}

export interface JournalHeadTable {
  id: number;
  entries: number;
  hash: string;
}

export interface OutboxTable {
  id: Generated<number>;
  key: string;
  kind: string;
  case_id: string | null;
  payload: Json;
  due_ms: number;
  attempts: number;
  lease_until_ms: number | null;
  lease_owner: string | null;
  failure: string | null;
  created_ms: number;
  finished_ms: number | null;
  outcome: string | null;
}

export interface GroundTables {
  journal: JournalTable;
  journal_head: JournalHeadTable;
  outbox: OutboxTable;
}
