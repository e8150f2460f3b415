/** The inbox's tables of `migrations/0001-ground.sql` as Kysely sees them. Times are milliseconds since 1970, UTC. */
import type { Generated, Transaction } from 'kysely';
import type { GroundTables } from '../ground/tables.ts';

export type InboxTables = {
  inbox: {
    id: Generated<number>;
    key: string;
    source: string;
    origin: string;
    /** JSON of the records; null once the batch is finished. */
    body: string | null;
    record_count: number;
    received_ms: number;
    attempts: Generated<number>;
    /** Nobody takes the batch before: a lease while `lease_owner` is set, a pause after a failure when it is not. */
    free_at_ms: Generated<number>;
    lease_owner: string | null;
    failure: string | null;
    finished_ms: number | null;
  };
  malformed: {
    key: string;
    source: string;
    origin: string;
    record_index: number;
    reason: string;
    raw: Uint8Array;
    received_ms: number;
  };
  intake: {
    source: string;
    accepted_records: Generated<number>;
    processed_records: Generated<number>;
    malformed_records: Generated<number>;
    newest_event_ms: number | null;
    last_heard_ms: number | null;
  };
  file_checkpoint: {
    path: string;
    size_bytes: number;
    modified_ms: number;
    taken_ms: number;
  };
};

export type InboxTransaction = Transaction<GroundTables & InboxTables>;
