/**
 * Takes a batch of an agent: matches into the inbox, roll-ups into their tables, and only then the note that it was taken. Killed in between,
 * the agent sends it again, and what was stored is known.
 */
import type { Activity } from '../activity/activity.ts';
import { fromWire } from '../activity/wire.ts';
import type { ActivityStore } from '../activity/store.ts';
import type { Clock } from '../ground/clock.ts';
import type { Random } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import type { ConnectionLine } from '../inventory/connections/line.ts';
import type { ConnectionStore } from '../inventory/connections/store.ts';
import { isOfNow, type Sample } from '../inventory/telemetry/sample.ts';
import type { TelemetryStore } from '../inventory/telemetry/store.ts';
import { workloadOfHost } from '../inventory/hosts/told-life.ts';
import type { WorkloadStore } from '../inventory/store.ts';
import type { Workload } from '../inventory/workload.ts';
import { acceptBatch } from '../sources/inbox.ts';
import type { AgentBatch } from './batch.ts';
import { GroupCommit } from './group-commit.ts';
import { type Agent, noteBatches, type TakenBatch } from './store.ts';

export interface TakerOptions {
  readonly state: State;
  readonly connections: Pick<ConnectionStore, 'insertLines'>;
  readonly activity: Pick<ActivityStore, 'insert'>;
  readonly telemetry: Pick<TelemetryStore, 'insertSamples'>;
  readonly workloads: Pick<WorkloadStore, 'insert'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of what the host could not tell. */
  readonly saveGap: (host: string, gap: AgentBatch['gaps'][number]) => Promise<void>;
  /** Told of what lies on the host's disk. */
  readonly saveCapture: (host: string, capture: NonNullable<AgentBatch['captures']>[number]) => Promise<void>;
}

export interface Taker {
  /** Resolves when all of it is stored. The same batch again changes nothing. */
  take(agent: Agent, batch: AgentBatch): Promise<void>;
}

const GROUP_MS = 500;
const NOTE_MS = 20;
const MOST_GROUP_ROWS = 50_000;

export function createTaker(options: TakerOptions): Taker {
  const { state, clock, random } = options;
  const group = { clock, newToken: () => random.id(clock.nowMs()), waitMs: GROUP_MS, mostRows: MOST_GROUP_ROWS };
  const lines = new GroupCommit<ConnectionLine>({ ...group, insert: options.connections.insertLines });
  const activity = new GroupCommit<Activity>({ ...group, insert: options.activity.insert });
  const samples = new GroupCommit<Sample>({ ...group, insert: options.telemetry.insertSamples });
  const workloads = new GroupCommit<Workload>({ ...group, insert: options.workloads.insert });
  // Each commit waits for the disk: thousands of agents share a few.
  const notes = new GroupCommit<TakenBatch>({
    ...group,
    waitMs: NOTE_MS,
    insert: (batches) => state.transaction((trx) => noteBatches(trx, batches, clock.nowMs())),
  });
  return {
    take: async (agent, batch) => {
      if (batch.sequence <= agent.lastSequence[batch.lane]) return;
      const { host } = agent;
      if (batch.findings.length > 0) {
        const records = batch.findings.map(({ id, timeMs, json }) => ({ id, timeMs, json }));
        await acceptBatch(state, { source: 'syscall', origin: `agent ${host}`, records }, clock.nowMs());
      }
      await Promise.all([
        lines.add(batch.lines.map((line) => ({ ...line, host }))),
        activity.add(batch.activity.map((row) => fromWire(host, row))),
        samples.add(samplesIn(batch, host, clock.nowMs())),
        workloads.add((batch.lives ?? []).flatMap((life) => workloadOfHost(host, life, batch.sentAtMs) ?? [])),
      ]);
      for (const gap of batch.gaps) await options.saveGap(host, gap);
      for (const capture of batch.captures ?? []) await options.saveCapture(host, capture);
      const { lane, sequence, dropped } = batch;
      await notes.add([{ agent, lane, sequence, dropped }]);
    },
  };
}

/** A host whose clock is days off would spread one insert over more days than the store takes at once, for everybody. */
function samplesIn({ samples = [] }: AgentBatch, host: string, nowMs: number): readonly Sample[] {
  return samples.flatMap((sample) => (isOfNow(sample, nowMs) ? [{ ...sample, host }] : []));
}
