/** What the Now page says of intake: sources, accounts, hosts, heartbeats. */
import type { NowView } from '@countersign/contract';
import { countFindingsPerMinute } from './findings/store.ts';
import type { Clock } from './ground/clock.ts';
import type { State } from './ground/state.ts';
import type { Hosts } from './hosts.ts';
import { type Heartbeat, heartbeatHealth } from './sources/alerts/heartbeats.ts';
import { accountHealth } from './sources/aws-live/watch.ts';
import { intakeHealth } from './sources/inbox-health.ts';

export interface IntakeViewOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly hosts: Hosts;
  readonly heartbeats: readonly Heartbeat[];
  /** Accounts and clusters, by id, with their names; hosts are no accounts. */
  readonly accounts: ReadonlyMap<string, string>;
}

const MINUTES = 60;

export async function intakeView(options: IntakeViewOptions): Promise<Omit<NowView, 'waiting' | 'paged'>> {
  const { state, clock, heartbeats, accounts } = options;
  const { sources } = await intakeHealth(state);
  const { hosts, thisMachine } = await options.hosts.health();
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    intake: sources.map((source) => ({
      source: source.source,
      lastEventAt: iso(source.newestEventMs),
      lastHeardAt: iso(source.lastHeardMs),
      backlog: source.backlogRecords,
      eventCount: source.processedRecords,
      malformedCount: source.malformedRecords,
    })),
    accounts: [...(await accountHealth(state, accounts))],
    heartbeats: await heartbeatHealth(state, heartbeats),
    hosts,
    thisMachine,
    findingsPerMinute: [...(await countFindingsPerMinute(state.db, clock.nowMs(), MINUTES))],
    firstRun: sources.every(({ acceptedRecords }) => acceptedRecords === 0) && hosts.every(isNotWatched),
  };
}

function isNotWatched({ state }: NowView['hosts'][number]): boolean {
  return state !== 'watching' && state !== 'waiting';
}
