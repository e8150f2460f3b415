/**
 * The tables of telemetry in ClickHouse: ten seconds as they came, minutes and hours summed from them when they arrive, each kept for its time.
 *
 * ```
 *  sample ──▶ sample_minute    everything, one row a minute
 *         └─▶ sample_hour      by workload and host without its single containers, with the spread of their ten seconds (p50, p95)
 * ```
 *
 * The surprise: hours hold the spread, minutes do not. Right-sizing over months asks hours, a line in a picture asks minutes.
 */
import type { EventEngine } from '../../ground/event-engine.ts';

/** For how long each is kept. */
export interface KeptDays {
  readonly samples: number;
  readonly minutes: number;
  readonly hours: number;
}

export const DEFAULT_KEPT: KeptDays = { samples: 7, minutes: 30, hours: 400 };
const REMEMBERED_INSERTS = 1_000;
/** What is said of the spread is right to three in a hundred. */
export const SPREAD = 'quantilesDD(0.01, 0.5, 0.95)';

const SUMS = [
  'read_bytes',
  'written_bytes',
  'read_ops',
  'write_ops',
  'received_bytes',
  'sent_bytes',
  'periods',
  'throttled',
  'throttled_ms',
] as const;
const KEY = 'kind, application, part, host';

const SAMPLE_COLUMNS = `
  time DateTime('UTC') CODEC(Delta, ZSTD),
  host LowCardinality(String),
  kind LowCardinality(String),
  application LowCardinality(String),
  part LowCardinality(String),
  id String CODEC(ZSTD),
  name LowCardinality(String),
  container String CODEC(ZSTD),
  pod String CODEC(ZSTD),
  covered_ms UInt32 CODEC(T64, ZSTD),
  cpu_ms Float64 CODEC(ZSTD),
  cpu_min Float32 CODEC(ZSTD),
  cpu_max Float32 CODEC(ZSTD),
  memory_bytes Nullable(UInt64) CODEC(Delta, ZSTD),
  memory_max_bytes Nullable(UInt64) CODEC(Delta, ZSTD),
  memory_last_bytes Nullable(UInt64) CODEC(Delta, ZSTD),
  rss_bytes Nullable(UInt64) CODEC(Delta, ZSTD),
  ${SUMS.map((name) => `${name} Nullable(Float64) CODEC(ZSTD)`).join(',\n  ')},
  oom_kills UInt32 CODEC(ZSTD),
  restarts UInt32 CODEC(ZSTD),
  processes UInt32 CODEC(ZSTD),
  cpu_limit Nullable(Float32) CODEC(ZSTD),
  cpu_request Nullable(Float32) CODEC(ZSTD),
  memory_limit Nullable(UInt64) CODEC(ZSTD),
  memory_request Nullable(UInt64) CODEC(ZSTD)`;

/** What both tiers sum. An area is an amount times the milliseconds it was held: by the time of a window it is the mean of all together. */
const TIER_COLUMNS = `
  covered_ms SimpleAggregateFunction(sum, UInt64),
  cpu_ms SimpleAggregateFunction(sum, Float64),
  cpu_max SimpleAggregateFunction(max, Float32),
  memory_area SimpleAggregateFunction(sum, Float64),
  memory_max_bytes SimpleAggregateFunction(max, Nullable(UInt64)),
  cpu_request_area SimpleAggregateFunction(sum, Float64),
  cpu_limit_area SimpleAggregateFunction(sum, Float64),
  memory_request_area SimpleAggregateFunction(sum, Float64),
  memory_limit_area SimpleAggregateFunction(sum, Float64),
  ${SUMS.map((name) => `${name} SimpleAggregateFunction(sum, Nullable(Float64))`).join(',\n  ')},
  oom_kills SimpleAggregateFunction(sum, UInt64),
  restarts SimpleAggregateFunction(sum, UInt64),
  cpu_limit SimpleAggregateFunction(max, Nullable(Float32)),
  cpu_request SimpleAggregateFunction(max, Nullable(Float32)),
  memory_limit SimpleAggregateFunction(max, Nullable(UInt64)),
  memory_request SimpleAggregateFunction(max, Nullable(UInt64))`;

const area = (column: string) => `sum(s.covered_ms * ifNull(s.${column}, 0)) AS ${column.replace(/_bytes$/, '')}_area`;
const TIER_SELECT = `sum(s.covered_ms) AS covered_ms, sum(s.cpu_ms) AS cpu_ms, max(s.cpu_max) AS cpu_max, ${area('memory_bytes')},
  max(s.memory_max_bytes) AS memory_max_bytes, ${area('cpu_request')}, ${area('cpu_limit')}, ${area('memory_request')}, ${area('memory_limit')},
  ${SUMS.map((name) => `sum(s.${name}) AS ${name}`).join(', ')}, sum(s.oom_kills) AS oom_kills, sum(s.restarts) AS restarts,
  max(s.cpu_limit) AS cpu_limit, max(s.cpu_request) AS cpu_request, max(s.memory_limit) AS memory_limit,
  max(s.memory_request) AS memory_request`;

/** Whatever was watched for less than this says little about a rate. */
const SHORTEST_MS = 500;
const CPU = `if(s.covered_ms >= ${SHORTEST_MS}, s.cpu_ms / s.covered_ms, NULL)`;

/** Creates what is missing, and changes for how long each is kept. */
export async function ensureTelemetryTables(engine: EventEngine, kept: KeptDays = DEFAULT_KEPT): Promise<void> {
  const remembering = `non_replicated_deduplication_window = ${REMEMBERED_INSERTS}`;
  const settings = `SETTINGS ${remembering}, ttl_only_drop_parts = 1`;
  await engine.command(`CREATE TABLE IF NOT EXISTS sample (${SAMPLE_COLUMNS}
    ) ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (${KEY}, id, time)
    TTL ${ttl(kept.samples)} ${settings}`);
  await engine.command(`CREATE TABLE IF NOT EXISTS sample_minute (
      time DateTime('UTC') CODEC(Delta, ZSTD), kind LowCardinality(String), application LowCardinality(String), part LowCardinality(String),
      host LowCardinality(String), id String CODEC(ZSTD), name SimpleAggregateFunction(anyLast, String), ${TIER_COLUMNS}
    ) ENGINE = AggregatingMergeTree PARTITION BY toMonday(time) ORDER BY (${KEY}, id, time)
    TTL ${ttl(kept.minutes)} ${settings}`);
  await engine.command(`CREATE MATERIALIZED VIEW IF NOT EXISTS sample_to_minute TO sample_minute AS
    SELECT toStartOfMinute(s.time) AS time, ${KEY}, id, anyLast(s.name) AS name, ${TIER_SELECT}
    FROM sample AS s GROUP BY ${KEY}, id, toStartOfMinute(s.time)`);
  await engine.command(`CREATE TABLE IF NOT EXISTS sample_hour (
      time DateTime('UTC') CODEC(Delta, ZSTD), kind LowCardinality(String), application LowCardinality(String), part LowCardinality(String),
      host LowCardinality(String), ${TIER_COLUMNS}, cpu_spread AggregateFunction(${SPREAD}, Nullable(Float64)),
      memory_spread AggregateFunction(${SPREAD}, Nullable(UInt64))
    ) ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(time) ORDER BY (${KEY}, time)
    TTL ${ttl(kept.hours)} ${settings}`);
  await engine.command(`CREATE MATERIALIZED VIEW IF NOT EXISTS sample_to_hour TO sample_hour AS
    SELECT toStartOfHour(s.time) AS time, ${KEY}, ${TIER_SELECT}, ${stateOf('cpu_spread', CPU)}, ${stateOf('memory_spread', 's.memory_bytes')}
    FROM sample AS s WHERE kind != 'process' GROUP BY ${KEY}, toStartOfHour(s.time)`);
  await keepFor(engine, 'sample', kept.samples);
  await keepFor(engine, 'sample_minute', kept.minutes);
  await keepFor(engine, 'sample_hour', kept.hours);
}

function stateOf(name: string, value: string): string {
  return `${SPREAD.replace('DD(', 'DDState(')}(${value}) AS ${name}`;
}

function ttl(days: number): string {
  return `time + toIntervalDay(${Math.trunc(days)})`;
}

/** Whoever changes the configuration changes what is there already. */
async function keepFor(engine: EventEngine, table: string, days: number): Promise<void> {
  const rows = await engine.query<{ engine_full: string }>(
    `SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}`,
    { table },
  );
  const isKept = rows.every(({ engine_full: full }) => full.includes(`toIntervalDay(${Math.trunc(days)})`));
  if (!isKept) {
    await engine.command(`ALTER TABLE ${table} MODIFY TTL ${ttl(days)} SETTINGS materialize_ttl_after_modify = 0`);
  }
}
