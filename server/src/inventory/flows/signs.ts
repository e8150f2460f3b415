/**
 * Signs of an attack that no single connection shows: many doors tried, calls as regular as a clock, more sent out than ever.
 *
 * Each is a question to the stored lines with a threshold, chosen so that ordinary work stays below it: health checks and scrapes are
 * regular but not new and not outside; a backup sends much, but did so before.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../ground/clock.ts';
import type { EventEngine } from '../../ground/event-engine.ts';
import type { State } from '../../ground/state.ts';
import { acceptBatch } from '../../sources/inbox.ts';
import { INSIDE_IPV4, INSIDE_IPV6 } from '../../vendors/outside.ts';
import { withoutMapping } from '../connections/store.ts';
import { type FoundFlow, flowRecord } from './flow-record.ts';

export interface Sign {
  readonly kind: SignKind;
  readonly host: string;
  readonly application: string;
  readonly process: string;
  readonly exe: string;
  readonly protocol: string;
  readonly localIp: string;
  /** Of a scan, one of many; of what was sent, one of the ports. */
  readonly remoteIp: string;
  readonly port: number;
  readonly firstMs: number;
  /** What was counted: addresses and ports tried; seconds between calls and how many; bytes sent and the most that an hour had before. */
  readonly counts: readonly [number, number];
}

export type SignKind = 'scan' | 'beacon' | 'exfiltration';

export interface SignStore {
  /** What stands out in the lines up to `nowMs`, at most `MOST_SIGNS` of each kind. */
  signs(nowMs: number): Promise<readonly Sign[]>;
}

const MOST_SIGNS = 100;
const BOUNDS = 'SETTINGS max_execution_time = 20, max_result_bytes = 16777216';

/** Many doors in ten minutes, nearly all of them closed. */
const SCAN = { backMs: 10 * 60_000, doors: 50, failedShare: 0.5 };
/** Calls to one address outside that is new, as regular as a clock. */
const BEACON = { backMs: 2 * 3_600_000, calls: 12, mostSpread: 0.1, leastGapS: 20, newMs: 24 * 3_600_000 };
/** An hour's bytes to one address outside, beside the most that the application sent anybody in an hour of the two weeks before. */
const EXFILTRATION = { backMs: 3_600_000, leastBytes: 1024 ** 3, times: 3, beforeMs: 14 * 24 * 3_600_000 };

/** IPv4 addresses are stored in IPv6 form. */
const INSIDE = [
  ...INSIDE_IPV4.map(([network, prefix]) => `::ffff:${network}/${96 + prefix}`),
  ...INSIDE_IPV6.map((one) => one.join('/')),
];
const OUTSIDE = `NOT (${INSIDE.map((network) => `isIPAddressInRange(toString(remote_ip), '${network}')`).join(' OR ')})`;

const SINCE = `toStartOfHour(time) >= toStartOfHour(fromUnixTimestamp64Milli({from:Int64}))
  AND time >= fromUnixTimestamp64Milli({from:Int64}) AND time <= fromUnixTimestamp64Milli({to:Int64}) AND direction = 'out'`;
const WHO =
  'host, application, process, any(exe) AS exe_, any(protocol) AS protocol_, toString(any(local_ip)) AS local';
const WHEN = 'toUnixTimestamp64Milli(min(first)) AS first_ms';

export function signStore(engine: EventEngine): SignStore {
  const ask = async (kind: SignKind, statement: string, parameters: Readonly<Record<string, number>>) =>
    (await engine.query<SignRow>(`${statement} LIMIT ${MOST_SIGNS} ${BOUNDS}`, parameters)).map((row) =>
      signOf(kind, row),
    );
  return {
    signs: async (nowMs) => {
      const scans = await ask(
        'scan',
        `SELECT ${WHO}, toString(any(remote_ip)) AS remote, any(port) AS port_, ${WHEN},
            uniqExactIf(remote_ip, opened + failed > 0) AS one, uniqExactIf(port, opened + failed > 0) AS other
          FROM connection WHERE ${SINCE}
          GROUP BY host, application, process
          HAVING uniqExactIf((remote_ip, port), opened + failed > 0) >= ${SCAN.doors} AND sum(failed) >= ${SCAN.failedShare} * sum(opened)`,
        { from: nowMs - SCAN.backMs, to: nowMs },
      );
      const beacons = await ask(
        'beacon',
        `SELECT host, application, process, exe_, protocol_, local, toString(remote_ip) AS remote, port AS port_, first_ms,
            arrayAvg(gaps) AS one, length(times) AS other
          FROM (
            SELECT ${WHO}, remote_ip, port, ${WHEN}, arraySort(groupArray(toUnixTimestamp64Milli(first) / 1000)) AS times,
              arrayPopFront(arrayDifference(times)) AS gaps
            FROM connection WHERE ${SINCE} AND opened > 0 AND ${OUTSIDE}
            GROUP BY host, application, process, remote_ip, port
            HAVING length(times) >= ${BEACON.calls} AND length(times) <= 10000)
          WHERE arrayAvg(gaps) >= ${BEACON.leastGapS}
            AND sqrt(arrayAvg(arrayMap(gap -> pow(gap - arrayAvg(gaps), 2), gaps))) <= ${BEACON.mostSpread} * arrayAvg(gaps)
            AND (remote_ip, application, port) NOT IN (
              SELECT remote_ip, application, port FROM connection_pair WHERE first < fromUnixTimestamp64Milli({new:Int64}))`,
        { from: nowMs - BEACON.backMs, to: nowMs, new: nowMs - BEACON.newMs },
      );
      const sent = await ask(
        'exfiltration',
        `SELECT ${WHO}, toString(remote_ip) AS remote, any(port) AS port_, ${WHEN}, sum(sent) AS one, any(most_.most) AS other
          FROM connection LEFT JOIN (
            SELECT application AS application_, max(sent_) AS most FROM (
              SELECT application, remote_ip, hour, sum(sent) AS sent_ FROM connection_hour
              WHERE hour >= fromUnixTimestamp64Milli({before:Int64}) AND hour < toStartOfHour(fromUnixTimestamp64Milli({from:Int64}))
                AND direction = 'out'
              GROUP BY application, remote_ip, hour)
            GROUP BY application) AS most_ ON most_.application_ = application
          WHERE ${SINCE} AND ${OUTSIDE}
          GROUP BY host, application, process, remote_ip
          HAVING one >= ${EXFILTRATION.leastBytes} AND one >= ${EXFILTRATION.times} * other ORDER BY one DESC`,
        { from: nowMs - EXFILTRATION.backMs, to: nowMs, before: nowMs - EXFILTRATION.beforeMs },
      );
      return [...scans, ...beacons, ...sent];
    },
  };
}

export interface SignWatchOptions {
  readonly state: State;
  readonly flows: SignStore;
  readonly clock: Clock;
}

const HOUR_MS = 3_600_000;
const MOST_REMEMBERED = 10_000;

/**
 * One look.
 * @param told ids of what was told by earlier looks; grows
 */
export async function lookForSigns(options: SignWatchOptions, told: Set<string>): Promise<void> {
  const { state, flows, clock } = options;
  const nowMs = clock.nowMs();
  const found = (await flows.signs(nowMs)).map((sign) => foundOf(sign));
  const fresh = found.filter(({ id }) => !told.has(id));
  if (fresh.length === 0) return;
  const records = fresh.map(flowRecord).map((record) => ({
    id: record.id,
    timeMs: record.timeMs,
    json: JSON.stringify(record),
  }));
  await acceptBatch(state, { source: 'syscall', origin: 'connections', records }, nowMs);
  if (told.size > MOST_REMEMBERED) told.clear();
  for (const { id } of fresh) told.add(id);
}

const RULES: Readonly<Record<SignKind, { readonly rule: string; readonly tags: readonly string[] }>> = {
  scan: { rule: 'Many doors tried', tags: ['T1046', 'mitre_discovery', 'risk=65'] },
  beacon: { rule: 'Calls home like a clock', tags: ['T1071', 'mitre_command_and_control', 'risk=65'] },
  exfiltration: { rule: 'More sent out than ever', tags: ['T1048', 'mitre_exfiltration', 'risk=70'] },
};

/** Told once for each hour in which it goes on. */
function foundOf(sign: Sign): FoundFlow {
  const { kind, host, application, process, remoteIp, firstMs, counts } = sign;
  const to = kind === 'scan' ? '' : remoteIp;
  const key = JSON.stringify([kind, host, application, process, to, Math.trunc(firstMs / HOUR_MS)]);
  return {
    ...sign,
    ...RULES[kind],
    id: `flow-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`,
    timeMs: firstMs,
    isOut: true,
    output: `${application} ${saidOf(sign)} (${process} on ${host})`,
    fields: { 'flow.peer': remoteIp, 'flow.port': sign.port, [NAMES[kind][0]]: counts[0], [NAMES[kind][1]]: counts[1] },
  };
}

const NAMES: Readonly<Record<SignKind, readonly [string, string]>> = {
  scan: ['flow.addresses', 'flow.ports'],
  beacon: ['flow.seconds_between', 'flow.calls'],
  exfiltration: ['flow.sent_bytes', 'flow.most_before_bytes'],
};

function saidOf({ kind, remoteIp, port, counts: [one, other] }: Sign): string {
  switch (kind) {
    case 'scan':
      return `tried ${other} ports of ${one} addresses in ten minutes, most of them in vain`;
    case 'beacon':
      return `calls ${remoteIp} on port ${port} every ${Math.round(one)} seconds, ${other} times so far`;
    case 'exfiltration':
      return `sent ${gibibytes(one)} to ${remoteIp} in an hour, and at most ${gibibytes(other)} an hour to anybody before`;
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

interface SignRow {
  readonly host: string;
  readonly application: string;
  readonly process: string;
  readonly exe_: string;
  readonly protocol_: string;
  readonly local: string;
  readonly remote: string;
  readonly port_: number | string;
  readonly first_ms: number | string;
  readonly one: number | string;
  readonly other: number | string;
}

function signOf(kind: SignKind, row: SignRow): Sign {
  return {
    kind,
    host: row.host,
    application: row.application,
    process: row.process,
    exe: row.exe_,
    protocol: row.protocol_,
    localIp: withoutMapping(row.local),
    remoteIp: withoutMapping(row.remote),
    port: Number(row.port_),
    firstMs: Number(row.first_ms),
    counts: [Math.round(Number(row.one)), Math.round(Number(row.other))],
  };
}
