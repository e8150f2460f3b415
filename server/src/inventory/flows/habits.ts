/**
 * What is usual for an application: since when it is known, and how many others it talks with on each port. A line that was never there
 * before is a surprise only beside habits.
 *
 * The surprise: whoever talks with many (a proxy, a browser, a public server) has no habit about whom. Only where few peers are known is
 * one more worth a question.
 */
import type { EventEngine } from '../../ground/event-engine.ts';
import { type Pair, withoutMapping } from '../connections/store.ts';

/** Of one application, direction and port, when it was learned. */
export interface Habit {
  readonly application: string;
  readonly direction: string;
  readonly port: number;
  /** Since when the application is known. */
  readonly sinceMs: number;
  /** Different addresses that were known by then. */
  readonly peers: number;
}

/** Where a line was seen, for whoever is asked about it. */
export interface Sighting {
  readonly host: string;
  readonly container: string;
  readonly exe: string;
  readonly localIp: string;
}

export interface HabitStore {
  /** All habits of the applications: what was there before the look, and what came while they were still learned. */
  habitsOf(applications: readonly string[], learned: Learned): Promise<readonly Habit[]>;
  /** Which peers of the pairs' applications are habits, by `peerKey`: a new process that talks with them is nothing new. */
  knownPeers(pairs: readonly Pair[], learned: Learned): Promise<ReadonlySet<string>>;
  /** The latest line of the pair; null when lines of its time are gone. */
  sightingOf(pair: Pair): Promise<Sighting | null>;
}

/** Of an application everything is a habit that was first seen before the look began, or within `learnMs` of its first. */
export interface Learned {
  readonly beforeMs: number;
  readonly learnMs: number;
}

const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 67108864';
/** More ports than this of all asked applications: the ones with the fewest peers are missing, and count as new. */
const MOST_HABITS = 100_000;

export function habitStore(engine: EventEngine): HabitStore {
  return {
    habitsOf: async (applications, learned) => {
      const rows = await engine.query<HabitRow>(
        `${FIRSTS} SELECT application, direction, port, toUnixTimestamp64Milli(any(since)) AS since_ms, countIf(${IS_HABIT}) AS peers
          FROM firsts GROUP BY application, direction, port ORDER BY peers DESC LIMIT ${MOST_HABITS} ${BOUNDS}`,
        { applications: JSON.stringify(applications), ...learnedParameters(learned) },
      );
      return rows.map(({ application, direction, port, since_ms: sinceMs, peers }) => ({
        application,
        direction,
        port: Number(port),
        sinceMs: Number(sinceMs),
        peers: Number(peers),
      }));
    },
    knownPeers: async (pairs, learned) => {
      const rows = await engine.query<PeerRow>(
        `${FIRSTS} SELECT application, direction, port, toString(remote_ip) AS ip FROM firsts
          WHERE remote_ip IN (SELECT toIPv6(arrayJoin(JSONExtract({ips:String}, 'Array(String)')))) AND ${IS_HABIT} ${BOUNDS}`,
        {
          ips: JSON.stringify([...new Set(pairs.map(({ remoteIp }) => remoteIp))]),
          applications: JSON.stringify([...new Set(pairs.map(({ application }) => application))]),
          ...learnedParameters(learned),
        },
      );
      return new Set(
        rows.map(({ ip, port, ...row }) => peerKey({ ...row, port: Number(port), remoteIp: withoutMapping(ip) })),
      );
    },
    sightingOf: async ({ application, direction, remoteIp, port, process, firstMs, lastMs }) => {
      const [row] = await engine.query<SightingRow>(
        `SELECT host, container, exe, toString(local_ip) AS local FROM connection
          WHERE toStartOfHour(time) >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64}))
            AND toStartOfHour(time) <= toStartOfHour(fromUnixTimestamp64Milli({to:Int64}))
            AND application = {application:String} AND remote_ip = toIPv6({ip:String}) AND port = {port:UInt16}
            AND direction = {direction:String} AND process = {process:String}
          ORDER BY time DESC LIMIT 1 ${BOUNDS}`,
        // A window begins before what happens in it.
        { application, direction, process, port, ip: remoteIp, from: firstMs - WINDOW_MS, to: lastMs },
      );
      return row === undefined
        ? null
        : {
            host: row.host,
            container: row.container,
            exe: row.exe,
            localIp: withoutMapping(row.local),
          };
    },
  };
}

/** When each peer of the applications was first seen, and each application. */
const FIRSTS = `WITH firsts AS (
    SELECT application, direction, port, remote_ip, min(first) AS first_, min(first_) OVER (PARTITION BY application) AS since
    FROM connection_pair
    WHERE application IN (SELECT arrayJoin(JSONExtract({applications:String}, 'Array(String)')))
    GROUP BY application, direction, port, remote_ip)`;
const IS_HABIT =
  'toUnixTimestamp64Milli(first_) < greatest({before:Int64}, toUnixTimestamp64Milli(since) + {learn:Int64})';

function learnedParameters({ beforeMs, learnMs }: Learned) {
  return { before: Math.trunc(beforeMs), learn: Math.trunc(learnMs) };
}

const WINDOW_MS = 60_000;

/** With whom an application talks, and how, whichever of its processes does it. */
export function peerKey({
  application,
  direction,
  port,
  remoteIp,
}: Pick<Pair, 'application' | 'direction' | 'port' | 'remoteIp'>): string {
  return JSON.stringify([application, direction, port, remoteIp]);
}

interface PeerRow {
  readonly application: string;
  readonly direction: string;
  readonly port: number | string;
  readonly ip: string;
}

interface HabitRow {
  readonly application: string;
  readonly direction: string;
  readonly port: number | string;
  readonly since_ms: number | string;
  readonly peers: number | string;
}

interface SightingRow {
  readonly host: string;
  readonly container: string;
  readonly exe: string;
  readonly local: string;
}
