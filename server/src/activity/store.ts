/**
 * Activity, stored and searched: one stream of what hosts tell and of the calls of clouds and clusters. Every question is bounded in rows,
 * bytes and time.
 */
import type { EventEngine } from '../ground/event-engine.ts';
import { Failure } from '../ground/failure.ts';
import type { Activity, ActivityField, ActivityKind, HostKind, ProcessKey } from './activity.ts';
import { type ActivitySearch, conditionsOf, halvesOf, type Place, placeAfter } from './search.ts';
import { ensureActivityTables } from './table.ts';

/** A row of the stream; calls of clouds and clusters have no process. */
export interface ActivityRow {
  readonly timeNs: bigint;
  readonly kind: ActivityKind;
  readonly host: string;
  readonly container: string;
  readonly application: string;
  readonly process: ProcessKey;
  readonly parent: ProcessKey;
  readonly name: string;
  readonly exe: string;
  readonly loginUser: string;
  readonly user: string;
  readonly detail: string;
  readonly result: string;
  readonly count: number;
  readonly bytes: number;
}

export interface Bar {
  readonly fromMs: number;
  readonly kind: ActivityKind;
  readonly count: number;
}

export interface ValueCount {
  readonly value: string;
  readonly count: number;
}

export interface ActivityStore {
  /** @param token the same for the same rows: they are then stored once. */
  insert(rows: readonly Activity[], token: string): Promise<void>;
  /** Newest first; from a place on, to go on. */
  search(
    search: ActivitySearch,
    page: { readonly limit: number; readonly from?: Place },
  ): Promise<readonly ActivityRow[]>;
  /** Counts by kind in steps of `stepMs`; steps without any are left out. */
  histogram(search: ActivitySearch, stepMs: number): Promise<readonly Bar[]>;
  /** The most frequent values of a field. */
  values(search: ActivitySearch, field: ActivityField, limit: number): Promise<readonly ValueCount[]>;
  /** Commands and ends of processes of one host up to a moment, oldest first; of too many the newest. The process tree is made of them. */
  lives(place: {
    readonly host: string;
    readonly fromMs: number;
    readonly toMs: number;
  }): Promise<readonly ActivityRow[]>;
  /**
   * Copies what a search finds into the table that has no age; the same again changes nothing.
   * @returns how many rows.
   * @throws Failure `hold-too-large`
   */
  hold(id: string, search: ActivitySearch): Promise<number>;
  releaseHold(id: string): Promise<void>;
}

const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 134217728';
const MOST_ROWS_AT_ONCE = 10_000;
const MOST_FOUND = 50_000;
const MOST_BARS = 5_000;
const MOST_LIVES = 20_000;
const MOST_HELD = 5_000_000;

/** Rows of one moment stand in one order, whoever asks: a page goes on where the one before it ended. */
const WITHIN_A_MOMENT = 'pid DESC, kind, host, container, name, detail, user, login_user, result, exe';

const HOST_COLUMNS = `time, kind, host, container, application, pid, start, parent_pid, parent_start, name, exe, login_user, user,
  detail, result, count, bytes, tty`;
/** What tells rows apart. Who did it too: clouds tell whole seconds, in which several may do the same. */
const IDENTITY = '(time, kind, host, container, pid, name, detail, user, login_user, result, exe)';
const IN_RANGE = 'time >= fromUnixTimestamp64Milli({from:Int64}) AND time <= fromUnixTimestamp64Milli({to:Int64})';
/** Calls as rows of the same columns; the account or cluster stands where the host does. */
const CALLS = `SELECT toDateTime64(time, 9, 'UTC') AS time, if(source = 'k8s_audit', 'cluster-call', 'cloud-call') AS kind,
  account AS host, '' AS container, service AS application, toUInt32(0) AS pid, toUInt64(0) AS start,
  toUInt32(0) AS parent_pid, toUInt64(0) AS parent_start, action AS name, user_agent AS exe, session AS login_user,
  if(actor_name = '', actor_id, actor_name) AS user, arrayStringConcat(resource_ids, ' ') AS detail,
  error_code AS result, toUInt32(1) AS count, toUInt64(0) AS bytes, toUInt32(0) AS tty
  FROM event FINAL WHERE source IN ('aws_cloudtrail', 'k8s_audit')`;

export async function openActivityStore(
  engine: EventEngine,
  options: { readonly keepDays?: number } = {},
): Promise<ActivityStore> {
  await ensureActivityTables(engine, options.keepDays);
  return {
    insert: async (rows, token) => {
      for (let start = 0; start < rows.length; start += MOST_ROWS_AT_ONCE)
        await engine.insert('activity', rows.slice(start, start + MOST_ROWS_AT_ONCE).map(storedRow), {
          token: `${token}-${start}`,
        });
    },
    search: async (search, { limit, from }) => {
      const { sql, parameters } = conditionsOf(search);
      const before = from === undefined ? '' : ' AND time <= fromUnixTimestamp64Nano({before:Int64})';
      const rows = await engine.query<Row>(
        `SELECT ${SELECTED} FROM (${streamOf(search)}) WHERE ${sql}${before}
          ORDER BY time DESC, ${WITHIN_A_MOMENT} LIMIT {limit:UInt32} OFFSET {skip:UInt32} ${BOUNDS}`,
        {
          ...parameters,
          limit: Math.min(Math.max(limit, 1), MOST_FOUND),
          skip: from?.skip ?? 0,
          ...(from === undefined ? {} : { before: String(from.timeNs) }),
        },
      );
      return rows.map(rowOf);
    },
    histogram: async (search, stepMs) => {
      const { sql, parameters } = conditionsOf(search);
      const rows = await engine.query<{ at: number | string; kind: string; n: number | string }>(
        `SELECT intDiv(toUnixTimestamp64Milli(time), {step:Int64}) * {step:Int64} AS at, kind, sum(count) AS n
          FROM (${streamOf(search)}) WHERE ${sql} GROUP BY at, kind ORDER BY at, kind LIMIT ${MOST_BARS} ${BOUNDS}`,
        { ...parameters, step: Math.max(1, Math.trunc(stepMs)) },
      );
      return rows.map(({ at, kind, n }) => ({ fromMs: Number(at), kind: kind as ActivityKind, count: Number(n) }));
    },
    values: async (search, field, limit) => {
      const { sql, parameters } = conditionsOf(search);
      const rows = await engine.query<{ value: string; n: number | string }>(
        `SELECT toString(${field}) AS value, sum(count) AS n FROM (${streamOf(search)})
          WHERE ${sql} AND value != '' GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32} ${BOUNDS}`,
        { ...parameters, limit },
      );
      return rows.map(({ value, n }) => ({ value, count: Number(n) }));
    },
    lives: async ({ host, fromMs, toMs }) => {
      const rows = await engine.query<Row>(
        `SELECT ${SELECTED} FROM activity WHERE host = {host:String} AND kind IN ('command', 'exit') AND ${IN_RANGE}
          ORDER BY time DESC LIMIT ${MOST_LIVES} ${BOUNDS}`,
        { host, from: Math.trunc(fromMs), to: Math.trunc(toMs) },
      );
      return rows.map(rowOf).toReversed();
    },
    hold: (id, search) => hold(engine, id, search),
    releaseHold: (id) =>
      engine.command(`ALTER TABLE activity_held DELETE WHERE hold = '${id.replaceAll(/[^\w-]/g, '')}'`),
  };
}

async function hold(engine: EventEngine, id: string, search: ActivitySearch): Promise<number> {
  const { sql, parameters } = conditionsOf(search);
  let count = 0;
  let from: Place | undefined;
  do {
    // The statement that copies takes no parameters, so the search is run here and its rows are sent back.
    const before = from === undefined ? '' : ' AND time <= fromUnixTimestamp64Nano({before:Int64})';
    const rows = await engine.query<Row & { tty: number }>(
      `SELECT ${SELECTED}, tty FROM (${liveOf(search)}) WHERE ${sql}${before}
        ORDER BY time DESC, ${WITHIN_A_MOMENT} LIMIT ${MOST_ROWS_AT_ONCE} OFFSET ${from?.skip ?? 0} ${BOUNDS}`,
      { ...parameters, ...(from === undefined ? {} : { before: String(from.timeNs) }) },
    );
    const found = rows.map((row) => ({ ...rowOf(row), tty: row.tty }));
    if (count + found.length > MOST_HELD) throw tooManyRows();
    const held = found.map((row) => ({ hold: id, ...storedRow({ ...row, kind: row.kind as HostKind }) }));
    await engine.insert('activity_held', held, { token: `${id}-${count}` });
    count += found.length;
    from = placeAfter(found, { limit: MOST_ROWS_AT_ONCE, ...(from === undefined ? {} : { from }) }) ?? undefined;
  } while (from !== undefined);
  return count;
}

function tooManyRows(): Failure {
  const message = `the search finds more than ${MOST_HELD} rows: place several holds, on shorter times or fewer hosts`;
  return new Failure(message, { code: 'hold-too-large', httpStatus: 422, retryable: false });
}

const SELECTED = `toString(toUnixTimestamp64Nano(time)) AS time_ns, kind, host, container, application, pid, toString(start) AS start_ns,
  parent_pid, toString(parent_start) AS parent_start_ns, name, exe, login_user, user, detail, result, count, bytes`;

/** The stream: activity and calls, and what is held of both, each row once. */
function streamOf(search: ActivitySearch): string {
  return `SELECT ${HOST_COLUMNS} FROM (${liveOf(search)}) WHERE ${IDENTITY} NOT IN
      (SELECT ${IDENTITY} FROM activity_held WHERE ${IN_RANGE})
    UNION ALL SELECT DISTINCT ${HOST_COLUMNS} FROM activity_held WHERE ${IN_RANGE}`;
}

/** What did not leave with its age yet. */
function liveOf(search: ActivitySearch): string {
  const { hosts, calls } = halvesOf(search);
  const halves = [...(hosts ? [`SELECT ${HOST_COLUMNS} FROM activity`] : []), ...(calls ? [CALLS] : [])];
  return halves.length === 0 ? `SELECT ${HOST_COLUMNS} FROM activity WHERE 0` : halves.join('\nUNION ALL\n');
}

interface Row {
  readonly time_ns: string;
  readonly kind: string;
  readonly host: string;
  readonly container: string;
  readonly application: string;
  readonly pid: number;
  readonly start_ns: string;
  readonly parent_pid: number;
  readonly parent_start_ns: string;
  readonly name: string;
  readonly exe: string;
  readonly login_user: string;
  readonly user: string;
  readonly detail: string;
  readonly result: string;
  readonly count: number | string;
  readonly bytes: number | string;
}

function rowOf(row: Row): ActivityRow {
  return {
    timeNs: BigInt(row.time_ns),
    // Only `insert` and the events write kinds.
    kind: row.kind as ActivityKind,
    host: row.host,
    container: row.container,
    application: row.application,
    process: { pid: Number(row.pid), startNs: BigInt(row.start_ns) },
    parent: { pid: Number(row.parent_pid), startNs: BigInt(row.parent_start_ns) },
    name: row.name,
    exe: row.exe,
    loginUser: row.login_user,
    user: row.user,
    detail: row.detail,
    result: row.result,
    count: Number(row.count),
    bytes: Number(row.bytes),
  };
}

function storedRow(row: Activity) {
  return {
    // Fewer digits would be read as a date: a host may never have set its clock.
    time: `${String(row.timeNs / 1_000_000_000n).padStart(10, '0')}.${String(row.timeNs % 1_000_000_000n).padStart(9, '0')}`,
    kind: row.kind,
    host: row.host,
    container: row.container,
    application: row.application,
    pid: row.process.pid,
    start: String(row.process.startNs),
    parent_pid: row.parent.pid,
    parent_start: String(row.parent.startNs),
    name: row.name,
    exe: row.exe,
    login_user: row.loginUser,
    user: row.user,
    tty: row.tty,
    detail: row.detail,
    result: row.result,
    count: row.count,
    bytes: Math.trunc(row.bytes),
  };
}
