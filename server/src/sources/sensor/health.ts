/** How hosts are watched, for people to read: what their watches last said, and what was lost of them. */
import type { HostHealth } from '@countersign/contract';
import type { State } from '../../ground/state.ts';
import { type HostRow, listHosts, lostSince } from './store.ts';

/** A watch says something every five seconds, an agent every ten. */
export const SILENT_MS = 60_000;
const HOUR_MS = 3_600_000;

export interface HealthQuestion {
  readonly nowMs: number;
  /** All when not given. */
  readonly hosts?: readonly string[];
}

/** Those with trouble first. `agentVersion` is for whoever knows agents to fill in. */
export async function healthOfHosts(state: State, { nowMs, hosts }: HealthQuestion): Promise<HostHealth[]> {
  const rows = await listHosts(state, hosts);
  const losing = rows.filter(({ lost }) => lost > 0).map(({ host }) => host);
  const lost = losing.length === 0 ? [] : await lostSince(state, losing, nowMs - HOUR_MS);
  const health = rows.map((row) => ({
    ...healthOf(row, nowMs),
    lostLastHour: lost
      .filter(({ host }) => host === row.host)
      .map(({ class: kind, count }) => ({ class: kind, count })),
  }));
  return health.toSorted((one, other) => Number(one.state === 'watching') - Number(other.state === 'watching'));
}

function healthOf(row: HostRow, nowMs: number): Omit<HostHealth, 'lostLastHour'> {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  const isSilent = row.state === 'watching' && nowMs - (row.last_heard_ms ?? row.since_ms) > SILENT_MS;
  return {
    host: row.host,
    // Only `saveHostState` writes the column.
    state: isSilent ? 'silent' : (row.state as HostHealth['state']),
    problem: row.problem,
    since: new Date(row.since_ms).toISOString(),
    lastHeardAt: iso(row.last_heard_ms),
    agentVersion: null,
    eventsPerSecond: row.events_per_second,
    eventCount: row.events,
    lostCount: row.lost,
    lookBackSeconds: Math.round(row.look_back_ms / 1_000),
    containerCount: row.containers,
  };
}
