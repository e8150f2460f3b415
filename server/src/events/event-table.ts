/**
 * The table of events in ClickHouse. One row an event, known by source, time and id: storing it again replaces it.
 *
 * The surprise: partitions and age follow the time of storing, not of the event, so that a replay of old records is kept
 * as long as any other, and one batch of records from a hundred years makes one part and not a thousand.
 */
import type { EventEngine } from '../ground/event-engine.ts';

export const EVENT_COLUMNS = `
  source LowCardinality(String),
  id String,
  time DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
  stored DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
  account LowCardinality(String),
  region LowCardinality(String),
  service LowCardinality(String),
  action LowCardinality(String),
  actor_kind LowCardinality(String),
  actor_id String CODEC(ZSTD),
  actor_name String CODEC(ZSTD),
  session String CODEC(ZSTD),
  source_ip String CODEC(ZSTD),
  user_agent String CODEC(ZSTD),
  error_code LowCardinality(String),
  read_only Nullable(Bool),
  resource_types Array(LowCardinality(String)),
  resource_ids Array(String) CODEC(ZSTD),
  raw String CODEC(ZSTD(3)),
  INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_actor actor_id TYPE bloom_filter(0.01) GRANULARITY 1`;

/** ClickHouse's times of expiry end in 2106, and begin anew behind it. */
const MOST_DAYS = 20_000;

/** Creates what is missing and brings the age limit up to date. */
export async function ensureEventTable(engine: EventEngine, keepDays: number): Promise<void> {
  const ttl = `toDateTime(stored) + toIntervalDay(${wholeDays(keepDays)})`;
  await engine.command(`CREATE TABLE IF NOT EXISTS event (${EVENT_COLUMNS}
    ) ENGINE = ReplacingMergeTree(stored)
    PARTITION BY toMonday(stored)
    ORDER BY (source, time, id)
    TTL ${ttl}
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1`);
  const [table] = await engine.query<{ engine_full: string }>(
    "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'event'",
  );
  if (table !== undefined && !table.engine_full.includes(`toIntervalDay(${keepDays})`)) {
    await engine.command(`ALTER TABLE event MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`);
  }
}

function wholeDays(days: number): number {
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS) {
    throw new Error(`events are kept for 1 to ${MOST_DAYS} whole days, not ${days}`);
  }
  return days;
}
