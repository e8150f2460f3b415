/** The tables of `migrations/0001-ground.sql` as Kysely sees them. Times are milliseconds since 1970, UTC. */
import type { Generated } from 'kysely';

export interface JournalTable {
  sequence: number;
  time_ms: number;
  kind: string;
  case_id: string | null;
  actor: string | null;
  /** JSON with sorted keys, exactly as it was hashed. */
  parameters: string;
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
  /** JSON. */
  payload: string;
  due_ms: number;
  attempts: number;
  lease_until_ms: number | null;
  lease_owner: string | null;
  failure: string | null;
  created_ms: number;
  finished_ms: number | null;
  outcome: 'done' | 'cancelled' | null;
}

export interface GroundTables {
  journal: JournalTable;
  journal_head: JournalHeadTable;
  outbox: OutboxTable;
}
