/** What a watch does when things go wrong, on a clock that is moved by hand: how long it waits, what it says of itself, when somebody hears of it. */
import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ManualClock } from '../../ground/clock.ts';
import { recordingLog } from '../../ground/log.ts';
import { seededRandom } from '../../ground/random.ts';
import type { ClusterReader, ListOutcome } from '../../vendors/kubernetes/cluster-reader.ts';
import type { Workload } from '../workload.ts';
import { Cluster } from './cluster.ts';
import { CLUSTER_PATIENCE_MS, troubleOfClusters } from './trouble.ts';
import { ClusterWatch } from './watch.ts';

const NOON = Date.parse('2026-03-03T12:00:00Z');
const PAGE: ListOutcome = { type: 'page', items: [], resourceVersion: '7', continue: '' };

async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
}

function watched(
  list: () => ListOutcome,
  insert: (rows: readonly Workload[]) => Promise<void> = async () => undefined,
) {
  const clock = new ManualClock(NOON);
  const asked: number[] = [];
  const reader: ClusterReader = {
    list: async (path) => {
      if (path === '/api/v1/pods') asked.push(clock.nowMs());
      return path === '/api/v1/pods' ? list() : PAGE;
    },
    watch: (_path, _from, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve({ type: 'ended' }), { once: true })),
  };
  const log = recordingLog();
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const cluster = new Cluster({ name: 'shop-prod', groups: [] });
  const watch = new ClusterWatch({
    ...{ name: 'shop-prod', cluster, reader, clock, log, random: seededRandom(7) },
    workloads: { insert, livingOf: async () => [] },
  });
  const done = watch.run(stop.signal);
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(left, 250));
      await settle();
    }
  };
  return {
    ...{ clock, asked, log, watch, advance },
    end: async () => {
      stop.abort();
      await advance(2_000);
      await done;
    },
  };
}

test('whoever refuses is asked less and less often, says why, and after ten minutes somebody hears of it', async () => {
  const reason = '403 /api/v1/pods: pods is forbidden';
  let outcome: ListOutcome = { type: 'failed', reason, retryAfterMs: 0 };
  const { asked, watch, advance, end, clock, log } = watched(() => outcome);
  await advance(1_000);
  expect(watch.health()).toMatchObject({ state: 'trouble', problem: reason });
  expect(troubleOfClusters([watch.health()], clock.nowMs())).toEqual([]);
  await advance(CLUSTER_PATIENCE_MS);
  const waits = asked.slice(1).map((ms, index) => ms - (asked[index] ?? 0));
  expect(waits[0]).toBeLessThanOrEqual(1_250);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_250);
  expect(waits.slice(-3).every((ms) => ms >= 22_000)).toBe(true);
  expect(asked.length).toBeLessThan(40);
  expect(troubleOfClusters([watch.health()], clock.nowMs())).toMatchObject([
    { key: 'cluster:shop-prod', account: 'shop-prod', summary: expect.stringContaining(reason) },
  ]);
  expect(log.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  outcome = PAGE;
  await advance(31_000);
  expect(watch.health()).toMatchObject({ state: 'watching', problem: null, problemSinceMs: null });
  expect(troubleOfClusters([watch.health()], clock.nowMs())).toEqual([]);
  await end();
});

test('a server that asks for patience gets it', async () => {
  const { asked, advance, end } = watched(() => ({ type: 'failed', reason: '429', retryAfterMs: 20_000 }));
  await advance(19_000);
  expect(asked).toHaveLength(1);
  await advance(3_000);
  expect(asked).toHaveLength(2);
  await end();
});

test('a kind that the server does not have holds up none of the others', async () => {
  const { watch, advance, end } = watched(() => ({ type: 'unknown' }));
  await advance(1_000);
  expect(watch.health()).toMatchObject({ state: 'watching', problem: null });
  await end();
});

test('what cannot be stored is stored later, each life once and as it is then', async () => {
  let isAway = true;
  const stored: Workload[] = [];
  const pod = (phase: string) => ({
    metadata: { uid: 'p1', name: 'web-0', namespace: 'shop', creationTimestamp: '2026-03-03T11:59:00Z' },
    status: { phase },
  });
  const { watch, advance, end } = watched(
    () => ({ ...PAGE, items: [pod('Running')] }),
    async (rows) => {
      if (isAway && rows.length > 0) throw new Error('the events store does not answer');
      stored.push(...rows);
    },
  );
  await advance(3_000);
  expect(watch.health()).toMatchObject({ state: 'trouble', problem: 'the events store does not answer' });
  expect(stored).toEqual([]);
  isAway = false;
  await advance(10_000);
  expect(stored.map(({ id, facts }) => [id, facts['phase']])).toEqual([['p1', 'Running']]);
  expect(watch.health().state).toBe('watching');
  await end();
});
