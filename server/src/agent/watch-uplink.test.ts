/** What an agent says of its watch, and when. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../ground/clock.ts';
import { WatchUplink } from './watch-uplink.ts';

let clock: ManualClock;
let told: unknown[];
let stopping: AbortController;
let uplink: WatchUplink;
let running: Promise<void>;

beforeEach(() => {
  clock = new ManualClock(0);
  told = [];
  stopping = new AbortController();
  const tellWatch = (one: object) => {
    told.push(one);
    return Promise.resolve({ type: 'failed', reason: 'away' } as const);
  };
  uplink = new WatchUplink({ calls: { tellWatch }, clock, version: '1.1', howToAllow: 'sudo setcap …' });
  running = uplink.run(stopping.signal);
});
afterEach(async () => {
  stopping.abort();
  await running;
});

async function pass(ms = 0): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(ms);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const HEALTH = {
  ...{ events: 1, eventsPerSecond: 1, lost: 0, repeats: 0, lastEventMs: 1 },
  ...{ lookBackMs: 1, lookBackBytes: 1, threads: 1, containers: 0 },
};

test('nothing is said before anything is known, a change at once, and then the newest every ten seconds', async () => {
  await pass(30_000);
  expect(told).toEqual([]);
  uplink.hear({ type: 'state', state: 'watching', problem: null });
  await pass();
  expect(told).toEqual([{ version: '1.1', state: 'watching', problem: null, health: null }]);
  uplink.hear({ type: 'health', health: HEALTH });
  uplink.hear({ type: 'health', health: { ...HEALTH, events: 2 } });
  await pass();
  expect(told).toHaveLength(1);
  await pass(10_000);
  expect(told.slice(1)).toEqual([
    { version: '1.1', state: 'watching', problem: null, health: { ...HEALTH, events: 2 } },
  ]);
});

test('of a sensor that may not look it is said how to allow it, and no number of when it could', async () => {
  uplink.hear({ type: 'state', state: 'watching', problem: null });
  uplink.hear({ type: 'health', health: HEALTH });
  await pass();
  uplink.hear({ type: 'state', state: 'not-allowed', problem: 'no CAP_BPF' });
  await pass();
  const problem = 'no CAP_BPF\nsudo setcap …';
  expect(told.at(-1)).toEqual({ version: '1.1', state: 'not-allowed', problem, health: null });
  uplink.hear({ type: 'state', state: 'not-allowed', problem });
  await pass();
  expect(told.at(-1)).toMatchObject({ problem });
});
