/**
 * The table of the inventory in ClickHouse: one row a life and teller, replaced by each later telling.
 *
 * ClickHouse and not the state database: a fleet whose containers live for seconds makes millions of lives a day, they are kept for more than
 * a year, and nothing about them is decided in a transaction. What is asked ("what ran here at that time?") reads few columns of many rows.
 *
 * The surprise: rows are told again while they live, and ClickHouse keeps the newest of equal keys. The key begins with kind and host, so that
 * the question about one host reads that host alone. What is known of accounts and resources is summed from the events as they are stored.
 */
import type { EventEngine } from '../ground/event-engine.ts';

const REMEMBERED_INSERTS = 1_000;
export const KEEP_WORKLOADS_DAYS = 400;

export async function ensureWorkloadTables(engine: EventEngine): Promise<void> {
  await engine.command(`CREATE TABLE IF NOT EXISTS workload (
      kind LowCardinality(String),
      host LowCardinality(String),
      id String CODEC(ZSTD),
      teller LowCardinality(String),
      name String CODEC(ZSTD),
      cluster LowCardinality(String),
      namespace LowCardinality(String),
      application LowCardinality(String),
      parent_kind LowCardinality(String),
      parent_id String CODEC(ZSTD),
      addresses Array(String) CODEC(ZSTD),
      labels Map(LowCardinality(String), String) CODEC(ZSTD(3)),
      facts Map(LowCardinality(String), String) CODEC(ZSTD(3)),
      first DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      last DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      ended DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      told DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      INDEX by_last last TYPE minmax GRANULARITY 1,
      INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
      INDEX by_parent parent_id TYPE bloom_filter(0.01) GRANULARITY 1
    ) ENGINE = ReplacingMergeTree(told)
    PARTITION BY toYYYYMM(first)
    ORDER BY (kind, host, id, teller)
    TTL toDateTime(last) + toIntervalDay(${KEEP_WORKLOADS_DAYS})
    SETTINGS non_replicated_deduplication_window = ${REMEMBERED_INSERTS}, fsync_after_insert = 1`);
  await ensureSeenResources(engine);
}

const SEEN = `account, region, resource_type, resource_id, min(time) AS first, max(time) AS last,
      anyLast(service) AS service
    FROM (SELECT account, region, service, time, resource_type, resource_id FROM event
      ARRAY JOIN arrayConcat(resource_types, ['account']) AS resource_type,
        arrayConcat(arrayResize(resource_ids, length(resource_types), ''), [account]) AS resource_id
      WHERE source = 'aws_cloudtrail' AND account != '')
    WHERE resource_id != ''
    GROUP BY account, region, resource_type, resource_id`;

/** Accounts and resources as events name them; those that were stored before the table was are summed once. */
async function ensureSeenResources(engine: EventEngine): Promise<void> {
  const [known] = await engine.query<{ n: number | string }>(
    "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'event_to_seen_resource'",
  );
  if (Number(known?.n ?? 0) > 0) return;
  await engine.command(`CREATE TABLE IF NOT EXISTS seen_resource (
      account LowCardinality(String), region LowCardinality(String), resource_type LowCardinality(String),
      resource_id String CODEC(ZSTD),
      first SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
      last SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
      service SimpleAggregateFunction(anyLast, String)
    ) ENGINE = AggregatingMergeTree
    ORDER BY (account, resource_type, resource_id, region)
    TTL toDateTime(last) + toIntervalDay(${KEEP_WORKLOADS_DAYS})`);
  await engine.command(`INSERT INTO seen_resource SELECT ${SEEN}`);
  await engine.command(`CREATE MATERIALIZED VIEW event_to_seen_resource TO seen_resource AS SELECT ${SEEN}`);
}
