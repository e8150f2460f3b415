/** Looks at what the hosts told of their connections, again and again: for what was never there before, and for what looks like an attack. */
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import type { ConnectionStore } from '../connections/store.ts';
import { lookForNeverSeen } from './never-seen.ts';
import { lookForSigns } from './signs.ts';
import type { FlowStore } from './store.ts';

export interface FlowWatchOptions {
  readonly state: State;
  readonly connections: Pick<ConnectionStore, 'newPairsOfEach'>;
  readonly flows: FlowStore;
  readonly clock: Clock;
  readonly log: Log;
  /** See `NeverSeenOptions`; null: nobody is asked about what was never seen before. */
  readonly learnMs: number | null;
}

const LOOK_MS = 60_000;
const BACK_MS = 15 * 60_000;
/** Hosts that were away tell late: now and then further back. */
const FAR_BACK_MS = 24 * 3_600_000;
const FAR_EVERY = 60;

/** Looks until `signal` aborts. Any number of servers may look: what they find has the same ids. */
export async function watchFlows(options: FlowWatchOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, learnMs } = options;
  const told = new Set<string>();
  const signsTold = new Set<string>();
  for (let look = 0; !signal.aborted; look += 1) {
    try {
      if (learnMs !== null)
        await lookForNeverSeen({ ...options, learnMs }, told, look % FAR_EVERY === 0 ? FAR_BACK_MS : BACK_MS);
      await lookForSigns(options, signsTold);
    } catch (error) {
      log.error('it could not be looked at the connections; trying again', { error });
    }
    await clock.sleep(LOOK_MS, signal);
  }
}
