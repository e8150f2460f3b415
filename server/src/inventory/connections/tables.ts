/**
 * The tables of connections in ClickHouse. `connection` holds the lines as they came, for a week; what outlives it is summed by the hour, and
 * what must never be forgotten (who ever talked to whom) is one row a pair.
 *
 * The surprise: sums are made by the engine when rows arrive, so a batch that is sent twice would count twice. Each insert therefore carries
 * a token, and the engine knows the tokens of the last thousand inserts.
 */
import type { EventEngine } from '../../ground/event-engine.ts';

const KEEP_LINES_DAYS = 7;
const KEEP_HOURS_DAYS = 400;
const REMEMBERED_INSERTS = 1_000;

/** Who talks: columns that all three tables share. */
const WHO = `
  host LowCardinality(String),
  scope LowCardinality(String),
  application LowCardinality(String),
  process LowCardinality(String),
  protocol LowCardinality(String),
  direction LowCardinality(String),
  local_ip IPv6 CODEC(ZSTD),
  remote_ip IPv6 CODEC(ZSTD),
  port UInt16 CODEC(ZSTD)`;

const LINE_COLUMNS = `
  time DateTime('UTC') CODEC(Delta, ZSTD),${WHO},
  remote_name LowCardinality(String),
  container String CODEC(ZSTD),
  exe LowCardinality(String),
  opened UInt32 CODEC(ZSTD),
  failed UInt32 CODEC(ZSTD),
  live UInt32 CODEC(ZSTD),
  sent UInt64 CODEC(ZSTD),
  received UInt64 CODEC(ZSTD),
  retransmits UInt32 CODEC(ZSTD),
  first DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
  last DateTime64(3, 'UTC') CODEC(Delta, ZSTD)`;

const SUMS = `
  remote_name SimpleAggregateFunction(anyLast, String),
  opened SimpleAggregateFunction(sum, UInt64),
  failed SimpleAggregateFunction(sum, UInt64),
  sent SimpleAggregateFunction(sum, UInt64),
  received SimpleAggregateFunction(sum, UInt64),
  retransmits SimpleAggregateFunction(sum, UInt64),
  first SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
  last SimpleAggregateFunction(max, DateTime64(3, 'UTC'))`;

const SUMMED = `anyLast(remote_name) AS remote_name, sum(opened) AS opened, sum(failed) AS failed, sum(sent) AS sent, sum(received) AS received,
  sum(retransmits) AS retransmits, min(first) AS first, max(last) AS last`;

const PAIR = 'scope, remote_ip, application, process, direction, protocol, port';
const HOUR_KEY = `hour, scope, application, remote_ip, port, process, direction, protocol, host, local_ip`;

export async function ensureConnectionTables(engine: EventEngine): Promise<void> {
  const settings = `non_replicated_deduplication_window = ${REMEMBERED_INSERTS}`;
  await engine.command(`CREATE TABLE IF NOT EXISTS connection (${LINE_COLUMNS}
    ) ENGINE = MergeTree
    PARTITION BY toDate(time)
    ORDER BY (toStartOfHour(time), application, remote_ip, port, time)
    TTL time + toIntervalDay(${KEEP_LINES_DAYS})
    SETTINGS ${settings}, ttl_only_drop_parts = 1, fsync_after_insert = 1`);
  await engine.command(`CREATE TABLE IF NOT EXISTS connection_hour (
      hour DateTime('UTC') CODEC(Delta, ZSTD),${WHO},${SUMS}
    ) ENGINE = AggregatingMergeTree
    PARTITION BY toYYYYMM(hour)
    ORDER BY (${HOUR_KEY})
    TTL hour + toIntervalDay(${KEEP_HOURS_DAYS})
    SETTINGS ${settings}, ttl_only_drop_parts = 1`);
  await engine.command(`CREATE MATERIALIZED VIEW IF NOT EXISTS connection_to_hour TO connection_hour AS
    SELECT toStartOfHour(time) AS hour, host, scope, application, process, protocol, direction, local_ip, remote_ip, port,
      ${SUMMED}
    FROM connection GROUP BY ${HOUR_KEY}`);
  await engine.command(`CREATE TABLE IF NOT EXISTS connection_pair (
      scope LowCardinality(String), remote_ip IPv6, application LowCardinality(String), process LowCardinality(String),
      direction LowCardinality(String), protocol LowCardinality(String), port UInt16,
${SUMS}
    ) ENGINE = AggregatingMergeTree
    ORDER BY (remote_ip, scope, application, process, direction, protocol, port)
    SETTINGS ${settings}`);
  await engine.command(`CREATE MATERIALIZED VIEW IF NOT EXISTS connection_to_pair TO connection_pair AS
    SELECT ${PAIR}, ${SUMMED}
    FROM connection GROUP BY ${PAIR}`);
}
