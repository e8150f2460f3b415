/** A host that was watched and no longer is. Whoever breaks in switches the sensor off first. */
import type { State } from '../../ground/state.ts';
import type { Look, Trouble } from '../aws-live/watch.ts';
import { type HostRow, listHosts } from './store.ts';

/** A sensor that is started again is no news. */
const PATIENCE_MS = 60_000;

/** @param ofAgents hosts that somebody else waits for. */
export async function silentHosts(
  state: State,
  look: Look,
  ofAgents: ReadonlySet<string>,
): Promise<readonly Trouble[]> {
  const hosts = await listHosts(state);
  return troubleOf(
    hosts.filter(({ host }) => !ofAgents.has(host)),
    look,
  );
}

export function troubleOf(hosts: readonly HostRow[], { nowMs, startedMs }: Look): readonly Trouble[] {
  return hosts.flatMap((row) => {
    const sinceMs = silentSince(row, startedMs);
    if (sinceMs === null || nowMs - sinceMs < PATIENCE_MS) return [];
    const why = row.problem === null ? '' : `: ${row.problem}`;
    const since = new Date(sinceMs).toISOString();
    const summary = `${row.host} is not watched since ${since}${why}`;
    return [{ key: `host:${row.host}`, summary, class: 'Host no longer watched', account: row.host }];
  });
}

/** Null while it is watched, and when it never was: whoever sets a sensor up is looking at it. */
function silentSince(row: HostRow, startedMs: number): number | null {
  if (row.last_event_ms === null) return null;
  // While this server was away nobody heard anything.
  if (row.state === 'watching') return Math.max(row.last_heard_ms ?? 0, startedMs);
  return Math.max(row.since_ms, startedMs);
}
