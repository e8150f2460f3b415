/**
 * Connections, stored and asked: top talkers, who ever talked to an address, what is new. Every question is bounded in time, rows and
 * memory.
 */
import type { EventEngine } from '../../ground/event-engine.ts';
import type { ConnectionLine } from './line.ts';
import type { LineEnd } from './line-end.ts';
import { ensureConnectionTables } from './tables.ts';

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** By what talkers are added up. */
export type TalkerLevel = 'host' | 'application' | 'container' | 'process' | 'remote_ip' | 'port';

export interface Talker {
  readonly name: string;
  /** Of an address: the name by which a host looked it up; empty: none did. */
  readonly remoteName: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly opened: number;
  readonly failed: number;
}

/** Everything that is remembered about one kind of connection, for ever. */
export interface Pair {
  readonly scope: string;
  readonly application: string;
  readonly process: string;
  readonly protocol: string;
  readonly direction: string;
  readonly remoteIp: string;
  readonly remoteName: string;
  readonly port: number;
  readonly opened: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** What ends are told apart by, besides addresses and port; what is left out is empty in every end. */
export interface EndDetail {
  readonly process: boolean;
  readonly container: boolean;
}

export interface LineEnds {
  readonly ends: readonly LineEnd[];
  /** There were more than `MOST_ENDS`: the ones with the fewest bytes are missing. */
  readonly isCut: boolean;
}

export interface ConnectionStore {
  /**
   * @param token the same for the same lines: they are then stored once, however often they are sent.
   */
  insertLines(lines: readonly ConnectionLine[], token: string): Promise<void>;
  /** Most bytes first. */
  topTalkers(range: TimeRange, by: TalkerLevel, limit: number): Promise<readonly Talker[]>;
  /** Both ends of every line of the range, most bytes first: what the map is drawn from. */
  lineEnds(range: TimeRange, detail: EndDetail): Promise<LineEnds>;
  /** Every kind of connection that there ever was to or from an address, newest first. */
  pairsOf(ip: string, limit: number): Promise<readonly Pair[]>;
  /** Kinds of connection that were seen for the first time in the range, newest first. */
  newPairs(range: TimeRange, limit: number): Promise<readonly Pair[]>;
  /** The newest of each application, direction and port, so that whoever meets thousands hides nobody else. */
  newPairsOfEach(range: TimeRange, each: number): Promise<readonly Pair[]>;
}

const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 67108864';
const MOST_ROWS_AT_ONCE = 10_000;
export const MOST_TALKERS = 1_000;
const MOST_NEW = 20_000;
const BY_LAST = 'last_ms DESC, application, port';
export const MOST_ENDS = 200_000;
/** Longer ranges are read from the sums of each hour. */
const LONGEST_EXACT_MS = 2 * 86_400_000;

/** Makes the tables if they are missing. */
export async function openConnectionStore(engine: EventEngine): Promise<ConnectionStore> {
  await ensureConnectionTables(engine);
  return {
    insertLines: async (lines, token) => {
      for (let start = 0; start < lines.length; start += MOST_ROWS_AT_ONCE) {
        const rows = lines.slice(start, start + MOST_ROWS_AT_ONCE).map(rowOf);
        await engine.insert('connection', rows, { token: `${token}-${start}` });
      }
    },
    topTalkers: async (range, by, limit) => {
      const rows = await engine.query<TalkerRow>(
        `SELECT toString(${COLUMN_OF[by]}) AS name, ${by === 'remote_ip' ? "anyLastIf(remote_name, remote_name != '')" : "''"} AS looked_up,
            sum(sent) AS sent, sum(received) AS received, sum(opened) AS opened,
            sum(failed) AS failed
          FROM connection WHERE ${IN_RANGE}
          GROUP BY name ORDER BY sent + received DESC, name LIMIT {limit:UInt32} ${BOUNDS}`,
        { ...rangeParameters(range), limit: bounded(limit) },
      );
      return rows.map((row) => ({
        name: by === 'remote_ip' ? withoutMapping(row.name) : row.name,
        remoteName: row.looked_up,
        sentBytes: Number(row.sent),
        receivedBytes: Number(row.received),
        opened: Number(row.opened),
        failed: Number(row.failed),
      }));
    },
    lineEnds: (range, detail) => lineEnds(engine, range, detail),
    pairsOf: (ip, limit) =>
      pairs(
        engine,
        { where: 'WHERE remote_ip = toIPv6({ip:String})', having: '', order: BY_LAST },
        { ip, limit: bounded(limit) },
      ),
    newPairs: (range, limit) => newPairs(engine, range, { limit: bounded(limit), order: BY_LAST }),
    newPairsOfEach: (range, each) =>
      newPairs(engine, range, {
        limit: MOST_NEW,
        order: `first_ms DESC LIMIT ${Math.trunc(each)} BY application, direction, port`,
      }),
  };
}

const COLUMN_OF: Readonly<Record<TalkerLevel, string>> = {
  host: 'host',
  application: 'application',
  container: 'container',
  process: 'process',
  remote_ip: 'remote_ip',
  port: 'port',
};

const IN_RANGE = `toStartOfHour(time) >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64}))
  AND time >= fromUnixTimestamp64Milli({from:Int64}) AND time <= fromUnixTimestamp64Milli({to:Int64})`;

/** What went on at any moment of the range. A window is told at its end, and is not longer than a minute. */
const GOES_ON_IN_RANGE = `toStartOfHour(time) >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64}))
  AND time >= toDateTime(fromUnixTimestamp64Milli({from:Int64})) AND time <= fromUnixTimestamp64Milli({to:Int64}) + toIntervalMinute(1)
  AND first <= fromUnixTimestamp64Milli({to:Int64}) AND last >= fromUnixTimestamp64Milli({from:Int64})`;

const IN_HOURS = `hour >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64})) AND hour <= fromUnixTimestamp64Milli({to:Int64})`;

function rangeParameters({ fromMs, toMs }: TimeRange) {
  return { from: Math.trunc(fromMs), to: Math.trunc(toMs) };
}

function bounded(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit), 1), MOST_TALKERS);
}

async function lineEnds(engine: EventEngine, range: TimeRange, detail: EndDetail): Promise<LineEnds> {
  const isExact = range.toMs - range.fromMs <= LONGEST_EXACT_MS;
  const table = isExact ? 'connection' : 'connection_hour';
  const rows = await engine.query<EndRow>(
    `SELECT host, scope, application, ${detail.container && isExact ? 'container' : "''"} AS container_,
        ${detail.process ? 'process' : "''"} AS process_, direction, protocol, toString(local_ip) AS local,
        toString(remote_ip) AS remote, anyLast(remote_name) AS name, port, sum(opened) AS opened_, sum(failed) AS failed_,
        sum(sent) AS sent_, sum(received) AS received_, sum(retransmits) AS retransmits_,
        toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms
      FROM ${table} WHERE ${isExact ? GOES_ON_IN_RANGE : IN_HOURS}
      GROUP BY host, scope, application, container_, process_, direction, protocol, local_ip, remote_ip, port
      ORDER BY sent_ + received_ DESC LIMIT ${MOST_ENDS + 1} ${BOUNDS}`,
    rangeParameters(range),
  );
  return { ends: rows.slice(0, MOST_ENDS).map(endOf), isCut: rows.length > MOST_ENDS };
}

function endOf(row: EndRow): LineEnd {
  return {
    host: row.host,
    scope: row.scope,
    application: row.application,
    container: row.container_,
    process: row.process_,
    // Only `insertLines` writes these two.
    direction: row.direction as LineEnd['direction'],
    protocol: row.protocol as LineEnd['protocol'],
    localIp: withoutMapping(row.local),
    remoteIp: withoutMapping(row.remote),
    remoteName: row.name,
    port: Number(row.port),
    opened: Number(row.opened_),
    failed: Number(row.failed_),
    sentBytes: Number(row.sent_),
    receivedBytes: Number(row.received_),
    retransmits: Number(row.retransmits_),
    firstMs: Number(row.first_ms),
    lastMs: Number(row.last_ms),
  };
}

/** What is new in a range has a line in it, and lines are few beside all pairs that ever were. */
function newPairs(engine: EventEngine, range: TimeRange, { limit, order }: { limit: number; order: string }) {
  const where = `WHERE (remote_ip, scope, application, process, direction, protocol, port) IN
    (SELECT DISTINCT remote_ip, scope, application, process, direction, protocol, port FROM connection WHERE ${IN_RANGE})`;
  const having = 'HAVING first_ms >= {from:Int64} AND first_ms <= {to:Int64}';
  return pairs(engine, { where, having, order }, { ...rangeParameters(range), limit });
}

async function pairs(
  engine: EventEngine,
  { where, having, order }: { readonly where: string; readonly having: string; readonly order: string },
  parameters: Readonly<Record<string, string | number>>,
): Promise<readonly Pair[]> {
  const rows = await engine.query<PairRow>(
    `SELECT scope, application, process, protocol, direction, toString(remote_ip) AS ip, anyLast(remote_name) AS name, port,
        sum(opened) AS opened_, sum(failed) AS failed_, sum(sent) AS sent_, sum(received) AS received_,
        toUnixTimestamp64Milli(min(first)) AS first_ms, toUnixTimestamp64Milli(max(last)) AS last_ms
      FROM connection_pair ${where}
      GROUP BY scope, application, process, protocol, direction, remote_ip, port ${having}
      ORDER BY ${order} LIMIT {limit:UInt32} ${BOUNDS}`,
    parameters,
  );
  return rows.map((row) => ({
    scope: row.scope,
    application: row.application,
    process: row.process,
    protocol: row.protocol,
    direction: row.direction,
    remoteIp: withoutMapping(row.ip),
    remoteName: row.name,
    port: Number(row.port),
    opened: Number(row.opened_),
    failed: Number(row.failed_),
    sentBytes: Number(row.sent_),
    receivedBytes: Number(row.received_),
    firstMs: Number(row.first_ms),
    lastMs: Number(row.last_ms),
  }));
}

interface TalkerRow {
  readonly name: string;
  readonly looked_up: string;
  readonly sent: number | string;
  readonly received: number | string;
  readonly opened: number | string;
  readonly failed: number | string;
}

interface EndRow {
  readonly host: string;
  readonly scope: string;
  readonly application: string;
  readonly container_: string;
  readonly process_: string;
  readonly direction: string;
  readonly protocol: string;
  readonly local: string;
  readonly remote: string;
  readonly name: string;
  readonly port: number | string;
  readonly opened_: number | string;
  readonly failed_: number | string;
  readonly sent_: number | string;
  readonly received_: number | string;
  readonly retransmits_: number | string;
  readonly first_ms: number | string;
  readonly last_ms: number | string;
}

interface PairRow {
  readonly scope: string;
  readonly application: string;
  readonly process: string;
  readonly protocol: string;
  readonly direction: string;
  readonly ip: string;
  readonly name: string;
  readonly port: number | string;
  readonly opened_: number | string;
  readonly failed_: number | string;
  readonly sent_: number | string;
  readonly received_: number | string;
  readonly first_ms: number | string;
  readonly last_ms: number | string;
}

function rowOf(line: ConnectionLine) {
  return {
    time: Math.trunc(line.windowMs / 1_000),
    host: line.host,
    scope: line.scope,
    application: line.application,
    process: line.process,
    protocol: line.protocol,
    direction: line.direction,
    local_ip: mapped(line.localIp),
    remote_ip: mapped(line.remoteIp),
    port: line.port,
    remote_name: line.remoteName,
    container: line.container,
    exe: line.exe,
    opened: line.opened,
    failed: line.failed,
    live: line.live,
    sent: Math.trunc(line.sentBytes),
    received: Math.trunc(line.receivedBytes),
    retransmits: line.retransmits,
    first: Math.trunc(line.firstMs),
    last: Math.trunc(line.lastMs),
  };
}

/** IPv4 addresses are kept in IPv6 form. */
function mapped(ip: string): string {
  return ip.includes(':') ? ip : `::ffff:${ip}`;
}

/** As people write it. */
export function withoutMapping(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip;
}
