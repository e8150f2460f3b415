/**
 * Where the activity has gaps: what a sensor could not tell, and hosts that nobody watches any more. An empty stretch of the histogram says
 * "nothing was done" only where there is none.
 */
import type { State } from '../ground/state.ts';
import { gapsOfAllHosts, listHosts } from '../sources/sensor/store.ts';
import { type ActivitySearch, halvesOf, matchesFilters } from './search.ts';

export interface ActivityGap {
  readonly host: string;
  /** As the sensor calls it; `unwatched` where there is no sensor. */
  readonly class: string;
  /** How many events; 0 where nobody knows. */
  readonly lost: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const MOST_READ = 5_000;
const MOST_GAPS = 500;

/** Those of the hosts that a search asks for, oldest first. */
export async function gapsOf(
  state: State,
  search: ActivitySearch,
): Promise<{ readonly gaps: readonly ActivityGap[]; readonly cut: boolean }> {
  if (!halvesOf(search).hosts) return { gaps: [], cut: false };
  const { fromMs, toMs } = search;
  const [told, hosts] = await Promise.all([gapsOfAllHosts(state, search, MOST_READ), listHosts(state)]);
  const lost = told.map((row) => ({
    host: row.host,
    class: row.class,
    lost: row.lost,
    fromMs: Math.max(row.from_ms, fromMs),
    toMs: Math.min(row.to_ms, toMs),
  }));
  const unwatched = hosts.flatMap(({ host, state: watch, last_event_ms: lastMs }) =>
    watch === 'watching' || lastMs === null || lastMs >= toMs
      ? []
      : [{ host, class: 'unwatched', lost: 0, fromMs: Math.max(lastMs, fromMs), toMs }],
  );
  const gaps = [...lost, ...unwatched]
    .filter(({ host }) => matchesFilters(search, 'host', host))
    .toSorted((a, b) => a.fromMs - b.fromMs);
  return { gaps: gaps.slice(0, MOST_GAPS), cut: told.length === MOST_READ || gaps.length > MOST_GAPS };
}
