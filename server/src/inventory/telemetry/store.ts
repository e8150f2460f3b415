/**
 * Telemetry, stored and asked: what each workload used of what it was promised, how that went over time, who inside of it used most. Every
 * question is bounded in time, rows and memory, and answered from the finest tier that still has all of it.
 */
import type { EventEngine } from '../../ground/event-engine.ts';
import type { Sample, SampleKind } from './sample.ts';
import { DEFAULT_KEPT, ensureTelemetryTables, type KeptDays, SPREAD } from './tables.ts';

export interface TelemetryRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Containers, units or programs that are one application (and one of the containers of its pods). */
export interface WorkloadKey {
  readonly kind: Exclude<SampleKind, 'host' | 'process'>;
  readonly application: string;
  readonly part: string;
}

/** Of one instance: half of its ten seconds used at most p50, nearly all at most p95, the worst max (of memory: of its seconds). */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface WorkloadUsage extends WorkloadKey {
  /** How many ran at once, on average while anything did. */
  readonly instances: number;
  readonly hosts: number;
  /** Of all instances together. */
  readonly coveredMs: number;
  /** In processors. */
  readonly cpu: Spread;
  readonly memory: Spread | null;
  readonly cpuRequest: number | null;
  readonly cpuLimit: number | null;
  readonly memoryRequest: number | null;
  readonly memoryLimit: number | null;
  /** Of the periods of its quota, those in which it was held back; null without a quota. */
  readonly throttledShare: number | null;
  readonly oomKills: number;
  readonly restarts: number;
}

/** All instances together, at one time. */
export interface SeriesPoint {
  readonly atMs: number;
  readonly cpu: number;
  /** Of a single one, in a single second. */
  readonly cpuMax: number;
  readonly cpuRequest: number | null;
  readonly cpuLimit: number | null;
  readonly memory: number;
  readonly memoryMax: number;
  readonly memoryRequest: number | null;
  readonly memoryLimit: number | null;
  /** A second; null: not known. */
  readonly readBytes: number | null;
  readonly writtenBytes: number | null;
  readonly receivedBytes: number | null;
  readonly sentBytes: number | null;
  readonly throttledShare: number | null;
  readonly oomKills: number;
  readonly restarts: number;
}

export interface Series {
  readonly stepMs: number;
  readonly points: readonly SeriesPoint[];
}

export interface TopProcess {
  readonly host: string;
  readonly id: string;
  readonly name: string;
  readonly container: string;
  readonly cpu: number;
  readonly memoryMaxBytes: number;
  readonly lastMs: number;
}

/** What a series is of; all of a kind when nothing narrower is named. */
export interface SeriesFilter {
  readonly kind: SampleKind;
  readonly application?: string;
  readonly part?: string;
  readonly host?: string;
}

export interface TelemetryStore {
  /** @param token the same for the same samples: they are then stored once, however often they are sent. */
  insertSamples(samples: readonly Sample[], token: string): Promise<void>;
  /** Most processor first. */
  usage(
    range: TelemetryRange,
    limit: number,
  ): Promise<{ readonly workloads: readonly WorkloadUsage[]; readonly isCut: boolean }>;
  series(range: TelemetryRange, filter: SeriesFilter, nowMs: number): Promise<Series>;
  /** Who used most inside of an application, as far as processes were told. */
  topProcesses(range: TelemetryRange, application: string, limit: number): Promise<readonly TopProcess[]>;
  /** Each host with what runs there was promised, the busiest first. */
  hosts(range: TelemetryRange, limit: number): Promise<readonly HostUsage[]>;
  /** The last whole window of each host and application, for whoever scrapes. */
  latest(nowMs: number, limit: number): Promise<readonly LatestUsage[]>;
}

export interface HostUsage {
  readonly host: string;
  readonly processors: number | null;
  readonly memory: number | null;
  readonly cpu: number;
  readonly cpuMax: number;
  readonly cpuRequested: number;
  readonly memoryUsed: number;
  readonly memoryMax: number;
  readonly memoryRequested: number;
  readonly oomKills: number;
}

export interface LatestUsage {
  readonly host: string;
  /** Empty: the host itself. */
  readonly application: string;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly receivedBytes: number | null;
  readonly sentBytes: number | null;
  readonly throttledMs: number | null;
  readonly oomKills: number;
  readonly restarts: number;
}

const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 67108864';
const MOST_ROWS_AT_ONCE = 10_000;
export const MOST_WORKLOADS = 5_000;
const DAY_MS = 86_400_000;
/** Longer ranges, and older ones, are read from hours. */
const LONGEST_EXACT_MS = 2 * DAY_MS;
const MOST_POINTS = 360;
const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800] as const;
/** A host's newest window may still be on its way. */
const LATEST_MS = 120_000;

/** Makes the tables if they are missing. */
export async function openTelemetryStore(engine: EventEngine, kept: KeptDays = DEFAULT_KEPT): Promise<TelemetryStore> {
  await ensureTelemetryTables(engine, kept);
  return {
    insertSamples: async (samples, token) => {
      for (let start = 0; start < samples.length; start += MOST_ROWS_AT_ONCE) {
        const rows = samples.slice(start, start + MOST_ROWS_AT_ONCE).map(rowOf);
        await engine.insert('sample', rows, { token: `${token}-${start}` });
      }
    },
    usage: (range, limit) => usage(engine, range, Math.min(Math.max(Math.trunc(limit), 1), MOST_WORKLOADS)),
    series: (range, filter, nowMs) => series(engine, kept, { range, filter, nowMs }),
    topProcesses: async (range, application, limit) => {
      const rows = await engine.query<ProcessRow>(
        `SELECT host, id, any(name) AS name_, any(container) AS container_, sum(cpu_ms) / greatest(sum(covered_ms), 1) AS cpu,
            max(memory_max_bytes) AS memory, toUnixTimestamp(max(time)) AS last
          FROM sample WHERE kind = 'process' AND application = {application:String} AND ${IN_RANGE}
          GROUP BY host, id ORDER BY sum(cpu_ms) DESC, host, id LIMIT {limit:UInt32} ${BOUNDS}`,
        { ...rangeParameters(range), application, limit: Math.min(Math.max(Math.trunc(limit), 1), MOST_WORKLOADS) },
      );
      return rows.map((row) => ({
        host: row.host,
        id: row.id,
        name: row.name_,
        container: row.container_,
        cpu: Number(row.cpu),
        memoryMaxBytes: Number(row.memory ?? 0),
        lastMs: Number(row.last) * 1_000,
      }));
    },
    hosts: (range, limit) => hosts(engine, range, limit),
    latest: (nowMs, limit) => latest(engine, nowMs, limit),
  };
}

const IN_RANGE = 'time >= fromUnixTimestamp64Milli({from:Int64}) AND time < fromUnixTimestamp64Milli({to:Int64})';
const IN_HOURS = `time >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64})) AND time < fromUnixTimestamp64Milli({to:Int64})`;
const IN_MINUTES = `time >= toStartOfMinute(fromUnixTimestamp64Milli({from:Int64})) AND time < fromUnixTimestamp64Milli({to:Int64})`;
const WORKLOADS = `kind IN ('container', 'unit', 'program')`;

function rangeParameters({ fromMs, toMs }: TelemetryRange) {
  return { from: Math.trunc(fromMs), to: Math.trunc(toMs) };
}

async function usage(engine: EventEngine, range: TelemetryRange, limit: number) {
  const isExact = range.toMs - range.fromMs <= LONGEST_EXACT_MS;
  const spread = isExact
    ? `${SPREAD}(if(covered_ms >= 500, cpu_ms / covered_ms, NULL)) AS cpu_, ${SPREAD}(memory_bytes) AS memory_`
    : `${SPREAD.replace('DD(', 'DDMerge(')}(cpu_spread) AS cpu_, ${SPREAD.replace('DD(', 'DDMerge(')}(memory_spread) AS memory_`;
  const latestOf = (column: string) => `argMax(${column}, time) AS ${column}_`;
  const rows = await engine.query<UsageRow>(
    `SELECT kind, application, part, uniqExact(host) AS hosts, sum(covered_ms) AS covered,
        sum(covered_ms) / (${isExact ? 10_000 : 3_600_000} * uniqExact(time)) AS instances, ${spread}, max(cpu_max) AS cpu_top,
        max(memory_max_bytes) AS memory_top, ${['cpu_request', 'cpu_limit', 'memory_request', 'memory_limit'].map(latestOf).join(', ')},
        sum(periods) AS periods_, sum(throttled) AS throttled_, sum(oom_kills) AS kills, sum(restarts) AS restarts_, sum(cpu_ms) AS used
      FROM ${isExact ? 'sample' : 'sample_hour'} WHERE ${WORKLOADS} AND ${isExact ? IN_RANGE : IN_HOURS}
      GROUP BY kind, application, part ORDER BY used DESC, application, part LIMIT ${limit + 1} ${BOUNDS}`,
    rangeParameters(range),
  );
  return { workloads: rows.slice(0, limit).map(usageOf), isCut: rows.length > limit };
}

function usageOf(row: UsageRow): WorkloadUsage {
  const known = (value: number | null) => (value === null ? null : Number(value));
  const periods = known(row.periods_) ?? 0;
  return {
    // Only `insertSamples` writes the column.
    kind: row.kind as WorkloadUsage['kind'],
    application: row.application,
    part: row.part,
    hosts: Number(row.hosts),
    coveredMs: Number(row.covered),
    instances: Number(row.instances),
    cpu: spreadOf(row.cpu_, Number(row.cpu_top)),
    memory: row.memory_top === null ? null : spreadOf(row.memory_, Number(row.memory_top)),
    cpuRequest: known(row.cpu_request_),
    cpuLimit: known(row.cpu_limit_),
    memoryRequest: known(row.memory_request_),
    memoryLimit: known(row.memory_limit_),
    throttledShare: periods === 0 ? null : Number(row.throttled_ ?? 0) / periods,
    oomKills: Number(row.kills),
    restarts: Number(row.restarts_),
  };
}

/** A sketch is nearly right; it never says more than there was. */
function spreadOf(levels: readonly (number | null)[], max: number): Spread {
  const at = (place: number) => Math.min(Number(levels[place] ?? 0) || 0, max);
  return { p50: at(0), p95: at(1), max };
}

interface SeriesQuestion {
  readonly range: TelemetryRange;
  readonly filter: SeriesFilter;
  readonly nowMs: number;
}

async function series(engine: EventEngine, kept: KeptDays, { range, filter, nowMs }: SeriesQuestion): Promise<Series> {
  const { table, stepMs } = tierFor(range, kept, nowMs);
  const isExact = table === 'sample';
  const area = (column: string, name: string) =>
    isExact ? `sum(covered_ms * ifNull(${column}, 0))` : `sum(${name}_area)`;
  const where = [
    `kind = {kind:String}`,
    ...(filter.application === undefined ? [] : ['application = {application:String}']),
    ...(filter.part === undefined ? [] : ['part = {part:String}']),
    ...(filter.host === undefined ? [] : ['host = {host:String}']),
  ].join(' AND ');
  const rows = await engine.query<SeriesRow>(
    `SELECT intDiv(toUnixTimestamp(time), ${stepMs / 1_000}) AS bucket, sum(cpu_ms) AS cpu, max(cpu_max) AS cpu_top,
        ${area('memory_bytes', 'memory')} AS memory, max(memory_max_bytes) AS memory_top,
        ${area('cpu_request', 'cpu_request')} AS cpu_request_, ${area('cpu_limit', 'cpu_limit')} AS cpu_limit_,
        ${area('memory_request', 'memory_request')} AS memory_request_, ${area('memory_limit', 'memory_limit')} AS memory_limit_,
        sum(read_bytes) AS read, sum(written_bytes) AS written, sum(received_bytes) AS received, sum(sent_bytes) AS sent,
        sum(periods) AS periods_, sum(throttled) AS throttled_, sum(oom_kills) AS kills, sum(restarts) AS restarts_
      FROM ${table} WHERE ${where} AND ${IN_RANGE} GROUP BY bucket ORDER BY bucket LIMIT ${MOST_POINTS * 2} ${BOUNDS}`,
    {
      ...rangeParameters(wholeSteps(range, stepMs, nowMs)),
      kind: filter.kind,
      application: filter.application ?? '',
      part: filter.part ?? '',
      host: filter.host ?? '',
    },
  );
  return { stepMs, points: rows.map((row) => pointOf(row, stepMs)) };
}

/** The step that makes a few hundred points, and the finest tier that has all of the range. */
export function tierFor(
  { fromMs, toMs }: TelemetryRange,
  kept: KeptDays,
  nowMs: number,
): { readonly table: 'sample' | 'sample_minute' | 'sample_hour'; readonly stepMs: number } {
  const wanted = (toMs - fromMs) / MOST_POINTS / 1_000;
  const isOlderThan = (days: number) => fromMs < nowMs - days * DAY_MS;
  const finest = isOlderThan(kept.minutes) ? 3_600 : isOlderThan(kept.samples) ? 60 : 10;
  const step = STEPS_S.find((seconds) => seconds >= wanted && seconds >= finest) ?? Math.max(...STEPS_S);
  const table = step >= 3_600 ? 'sample_hour' : step >= 60 ? 'sample_minute' : 'sample';
  return { table, stepMs: step * 1_000 };
}

/** A step that has not ended would look like a fall. */
function wholeSteps({ fromMs, toMs }: TelemetryRange, stepMs: number, nowMs: number): TelemetryRange {
  const down = (ms: number) => ms - (ms % stepMs);
  const endMs = Math.max(down(fromMs) + stepMs, Math.min(down(toMs + stepMs - 1), down(nowMs)));
  return { fromMs: down(fromMs), toMs: endMs };
}

function pointOf(row: SeriesRow, stepMs: number): SeriesPoint {
  const mean = (area: number) => Number(area) / stepMs;
  const promised = (area: number) => (Number(area) === 0 ? null : mean(area));
  const rate = (sum: number | null) => (sum === null ? null : Number(sum) / (stepMs / 1_000));
  const periods = Number(row.periods_ ?? 0);
  return {
    atMs: Number(row.bucket) * stepMs,
    cpu: mean(row.cpu),
    cpuMax: Number(row.cpu_top),
    cpuRequest: promised(row.cpu_request_),
    cpuLimit: promised(row.cpu_limit_),
    memory: mean(row.memory),
    memoryMax: Number(row.memory_top ?? 0),
    memoryRequest: promised(row.memory_request_),
    memoryLimit: promised(row.memory_limit_),
    readBytes: rate(row.read),
    writtenBytes: rate(row.written),
    receivedBytes: rate(row.received),
    sentBytes: rate(row.sent),
    throttledShare: periods === 0 ? null : Number(row.throttled_ ?? 0) / periods,
    oomKills: Number(row.kills),
    restarts: Number(row.restarts_),
  };
}

/** Of hours, whatever the range: a host is there for long. Minutes while there are few hours. */
async function hosts(engine: EventEngine, range: TelemetryRange, limit: number): Promise<readonly HostUsage[]> {
  const isExact = range.toMs - range.fromMs <= LONGEST_EXACT_MS;
  const onHost = (value: string) => `sumIf(${value}, kind = 'host')`;
  const covered = `greatest(${onHost('covered_ms')}, 1)`;
  const rows = await engine.query<HostRow>(
    `SELECT host, maxIf(cpu_limit, kind = 'host') AS processors, maxIf(memory_limit, kind = 'host') AS memory_,
        ${onHost('cpu_ms')} / ${covered} AS cpu, maxIf(cpu_max, kind = 'host') AS cpu_top, ${onHost('memory_area')} / ${covered} AS used,
        maxIf(memory_max_bytes, kind = 'host') AS top, sumIf(cpu_request_area, kind = 'container') / ${covered} AS cpu_requested,
        sumIf(memory_request_area, kind = 'container') / ${covered} AS memory_requested, ${onHost('oom_kills')} AS kills
      FROM ${isExact ? 'sample_minute' : 'sample_hour'} WHERE kind IN ('host', 'container') AND ${isExact ? IN_MINUTES : IN_HOURS}
      GROUP BY host HAVING countIf(kind = 'host') > 0 ORDER BY cpu / greatest(ifNull(processors, 1), 1) DESC, host
      LIMIT {limit:UInt32} ${BOUNDS}`,
    { ...rangeParameters(range), limit },
  );
  return rows.map((row) => ({
    host: row.host,
    processors: row.processors,
    memory: row.memory_ === null ? null : Number(row.memory_),
    cpu: Number(row.cpu),
    cpuMax: Number(row.cpu_top),
    cpuRequested: Number(row.cpu_requested),
    memoryUsed: Number(row.used),
    memoryMax: Number(row.top ?? 0),
    memoryRequested: Number(row.memory_requested),
    oomKills: Number(row.kills),
  }));
}

async function latest(engine: EventEngine, nowMs: number, limit: number): Promise<readonly LatestUsage[]> {
  const rows = await engine.query<LatestRow>(
    `SELECT host, application, max(time) AS at, sum(cpu_ms) / 10000 AS cpu, sum(memory_bytes) AS memory, sum(received_bytes) AS received,
        sum(sent_bytes) AS sent, sum(throttled_ms) AS throttled_, sum(oom_kills) AS kills, sum(restarts) AS restarts_
      FROM (SELECT *, max(time) OVER (PARTITION BY host) AS newest FROM sample
        WHERE kind != 'process' AND time > fromUnixTimestamp64Milli({from:Int64}) AND time <= fromUnixTimestamp64Milli({to:Int64}))
      WHERE time = newest GROUP BY host, application ORDER BY application = '' DESC, cpu DESC, host, application
      LIMIT {limit:UInt32} ${BOUNDS}`,
    { from: nowMs - LATEST_MS, to: nowMs, limit },
  );
  const rate = (sum: number | null) => (sum === null ? null : Number(sum) / 10);
  return rows.map((row) => ({
    host: row.host,
    application: row.application,
    cpu: Number(row.cpu),
    memoryBytes: Number(row.memory ?? 0),
    receivedBytes: rate(row.received),
    sentBytes: rate(row.sent),
    throttledMs: row.throttled_ === null ? null : Number(row.throttled_),
    oomKills: Number(row.kills),
    restarts: Number(row.restarts_),
  }));
}

function rowOf(sample: Sample): Record<string, unknown> {
  return {
    time: Math.trunc(sample.windowMs / 1_000),
    host: sample.host,
    kind: sample.kind,
    application: sample.application,
    part: sample.part,
    id: sample.id,
    name: sample.name,
    container: sample.container,
    pod: sample.pod,
    covered_ms: Math.round(sample.coveredMs),
    cpu_ms: sample.cpuMs,
    cpu_min: sample.cpuMin,
    cpu_max: sample.cpuMax,
    memory_bytes: sample.memoryBytes,
    memory_max_bytes: sample.memoryMaxBytes,
    memory_last_bytes: sample.memoryLastBytes,
    rss_bytes: sample.rssBytes,
    read_bytes: sample.readBytes,
    written_bytes: sample.writtenBytes,
    read_ops: sample.readOps,
    write_ops: sample.writeOps,
    received_bytes: sample.receivedBytes,
    sent_bytes: sample.sentBytes,
    periods: sample.periods,
    throttled: sample.throttled,
    throttled_ms: sample.throttledMs,
    oom_kills: sample.oomKills,
    restarts: sample.restarts,
    processes: sample.processes,
    cpu_limit: sample.cpuLimit,
    cpu_request: sample.cpuRequest,
    memory_limit: sample.memoryLimit,
    memory_request: sample.memoryRequest,
  };
}

interface UsageRow {
  readonly kind: string;
  readonly application: string;
  readonly part: string;
  readonly hosts: number;
  readonly covered: number;
  readonly instances: number;
  readonly cpu_: readonly (number | null)[];
  readonly cpu_top: number;
  readonly memory_: readonly (number | null)[];
  readonly memory_top: number | null;
  readonly cpu_request_: number | null;
  readonly cpu_limit_: number | null;
  readonly memory_request_: number | null;
  readonly memory_limit_: number | null;
  readonly periods_: number | null;
  readonly throttled_: number | null;
  readonly kills: number;
  readonly restarts_: number;
}

interface SeriesRow {
  readonly bucket: number;
  readonly cpu: number;
  readonly cpu_top: number;
  readonly memory: number;
  readonly memory_top: number | null;
  readonly cpu_request_: number;
  readonly cpu_limit_: number;
  readonly memory_request_: number;
  readonly memory_limit_: number;
  readonly read: number | null;
  readonly written: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  readonly periods_: number | null;
  readonly throttled_: number | null;
  readonly kills: number;
  readonly restarts_: number;
}

interface HostRow {
  readonly host: string;
  readonly processors: number | null;
  readonly memory_: number | null;
  readonly cpu: number;
  readonly cpu_top: number;
  readonly used: number;
  readonly top: number | null;
  readonly cpu_requested: number;
  readonly memory_requested: number;
  readonly kills: number;
}

interface LatestRow {
  readonly host: string;
  readonly application: string;
  readonly cpu: number;
  readonly memory: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  readonly throttled_: number | null;
  readonly kills: number;
  readonly restarts_: number;
}

interface ProcessRow {
  readonly host: string;
  readonly id: string;
  readonly name_: string;
  readonly container_: string;
  readonly cpu: number;
  readonly memory: number | null;
  readonly last: number;
}
