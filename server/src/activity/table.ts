/**
 * The table of activity in ClickHouse. Rows of one container stand together, in the order of time, so that neighbours differ little and cost
 * little: the codecs keep differences.
 *
 * The surprise: what is held for the law is a copy in a table without an age. Rows that expire cannot be kept back one by one.
 */
import type { EventEngine } from '../ground/event-engine.ts';

const REMEMBERED_INSERTS = 1_000;
export const DEFAULT_KEEP_DAYS = 90;
/** ClickHouse's times of expiry end in 2106, and begin anew behind it. */
const MOST_DAYS = 20_000;

const COLUMNS = `
  time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(3)),
  kind LowCardinality(String),
  host LowCardinality(String),
  container LowCardinality(String),
  application LowCardinality(String),
  pid UInt32 CODEC(Delta, ZSTD(3)),
  start UInt64 CODEC(Delta, ZSTD(3)),
  parent_pid UInt32 CODEC(Delta, ZSTD(3)),
  parent_start UInt64 CODEC(Delta, ZSTD(3)),
  name LowCardinality(String),
  exe LowCardinality(String),
  login_user LowCardinality(String),
  user LowCardinality(String),
  tty UInt32 CODEC(ZSTD(3)),
  detail String CODEC(ZSTD(3)),
  result LowCardinality(String),
  count UInt32 CODEC(ZSTD(3)),
  bytes UInt64 CODEC(ZSTD(3))`;

const ORDER = 'ORDER BY (host, container, toStartOfHour(time), kind, time)';

/** Creates what is missing. */
export async function ensureActivityTables(engine: EventEngine, keepDays = DEFAULT_KEEP_DAYS): Promise<void> {
  if (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > MOST_DAYS)
    throw new Error(`activity is kept for 1 to ${MOST_DAYS} whole days, not ${keepDays}`);
  const settings = `non_replicated_deduplication_window = ${REMEMBERED_INSERTS}, allow_suspicious_low_cardinality_types = 1`;
  await engine.command(`CREATE TABLE IF NOT EXISTS activity (${COLUMNS},
      INDEX by_detail detail TYPE tokenbf_v1(8192, 3, 0) GRANULARITY 2
    ) ENGINE = MergeTree PARTITION BY toMonday(time) ${ORDER}
    TTL toDateTime(time) + toIntervalDay(${keepDays})
    SETTINGS non_replicated_deduplication_window = ${REMEMBERED_INSERTS}, ttl_only_drop_parts = 1, fsync_after_insert = 1`);
  await engine.command(
    `CREATE TABLE IF NOT EXISTS activity_held (hold LowCardinality(String), ${COLUMNS.trim()}) ENGINE = MergeTree ${ORDER}
    SETTINGS ${settings.split(',')[0] ?? ''}`,
  );
}
