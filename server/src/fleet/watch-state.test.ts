/** How agents say that they watch: whom the page shows as what, and what of it is trouble. */
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/state.ts';
import { ManualClock } from '../ground/clock.ts';
import { seededRandom } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import { healthOfHosts } from '../sources/sensor/health.ts';
import { saveGap } from '../sources/sensor/store.ts';
import { unwatchedHosts } from './silent-agents.ts';
import { type Agent, enrolAgent, inviteAgent, listAgents, noteBatches, retireAgent, versionsOf } from './store.ts';
import { saveWatchTold, type WatchTold } from './watch-state.ts';

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;
const HEALTH = {
  events: 5_000,
  eventsPerSecond: 120,
  lost: 9,
  repeats: 0,
  lastEventMs: NOW,
  lookBackMs: 60_000,
  lookBackBytes: 1_000,
  threads: 90,
  containers: 3,
};
const WATCHING: WatchTold = { version: '1.1', state: 'watching', problem: null, health: HEALTH };
const REFUSED: WatchTold = { version: '1.1', state: 'not-allowed', problem: 'no CAP_BPF\nsudo setcap …', health: null };

const random = seededRandom(7);
let state: State;
let clock: ManualClock;
let agent: Agent;

beforeAll(async () => {
  state = await openTestPglite();
});
afterAll(() => state.close());
beforeEach(async () => {
  clock = new ManualClock(NOW);
  const at = { nowMs: NOW, random };
  const token = await state.transaction((trx) => inviteAgent(trx, 'ann', at));
  const asked = { token, host: 'web-1', version: '1.0' };
  const enrolled = await state.transaction((trx) => enrolAgent(trx, asked, at));
  if (enrolled === null) throw new Error('not let in');
  agent = enrolled.agent;
});
afterEach(async () => {
  for (const table of ['agent', 'host', 'host_gap']) await sql`delete from ${sql.table(table)}`.execute(state.db);
});

const tell = (told: WatchTold) => saveWatchTold({ state, clock }, agent, told);
const health = () => healthOfHosts(state, { nowMs: clock.nowMs() });
const trouble = () => unwatchedHosts(state, { nowMs: clock.nowMs(), startedMs: 0, known: new Set<string>() });
const batch = () =>
  state.transaction((trx) => noteBatches(trx, [{ agent, lane: 'may', sequence: 1, dropped: 0 }], clock.nowMs()));

test('a host that is watched shows since when, how much, what was lost by class, and by which version', async () => {
  await tell(WATCHING);
  clock.advance(10_000);
  await tell(WATCHING);
  const gap = { fromMs: NOW, toMs: NOW + 1_000 };
  await saveGap(state, 'web-1', { ...gap, class: 'file', lost: 7 });
  await saveGap(state, 'web-1', { ...gap, class: 'network', lost: 2 });
  await saveGap(state, 'web-1', { class: 'file', lost: 100, fromMs: NOW - 90 * MINUTE, toMs: NOW - 80 * MINUTE });
  expect(await health()).toMatchObject([
    {
      host: 'web-1',
      state: 'watching',
      since: new Date(NOW).toISOString(),
      lastHeardAt: new Date(NOW + 10_000).toISOString(),
      eventsPerSecond: 120,
      containerCount: 3,
      lostLastHour: [
        { class: 'file', count: 7 },
        { class: 'network', count: 2 },
      ],
    },
  ]);
  expect(await versionsOf(state, ['web-1', 'web-2'])).toEqual(new Map([['web-1', '1.1']]));
});

test('one that was watched and says nothing more is silent', async () => {
  await tell(WATCHING);
  clock.advance(MINUTE + 1);
  expect(await health()).toMatchObject([{ host: 'web-1', state: 'silent' }]);
});

test('why a host is not watched is shown, and said when it becomes a case; that it is said is no sign of life', async () => {
  await tell(WATCHING);
  await batch();
  for (let minute = 0; minute < 6; minute += 1) {
    clock.advance(MINUTE);
    await tell(REFUSED);
  }
  expect(await health()).toMatchObject([{ state: 'not-allowed', problem: REFUSED.problem }]);
  const found = await trouble();
  expect(found).toHaveLength(1);
  expect(found[0]?.key).toBe('agent:web-1');
  expect(found[0]?.summary).toContain('sudo setcap …');
});

test('an agent that was retired leaves no host that would be missed', async () => {
  await tell(WATCHING);
  await batch();
  await state.transaction((trx) => retireAgent(trx, agent.id, { actor: 'ann', nowMs: clock.nowMs() }));
  clock.advance(60 * MINUTE);
  expect([await health(), await trouble(), await listAgents(state)]).toEqual([[], [], []]);
});

test('batches of both lanes that are taken at once are both noted, and no other agent is', async () => {
  const at = { nowMs: NOW, random };
  const token = await state.transaction((trx) => inviteAgent(trx, 'ann', at));
  const other = await state.transaction((trx) => enrolAgent(trx, { token, host: 'web-2', version: '1.0' }, at));
  const taken = [
    { agent, lane: 'must', sequence: 7, dropped: 1 },
    { agent, lane: 'may', sequence: 9, dropped: 2 },
  ] as const;
  await state.transaction((trx) => noteBatches(trx, taken, clock.nowMs()));
  await state.transaction((trx) => noteBatches(trx, [{ agent, lane: 'may', sequence: 10, dropped: 3 }], clock.nowMs()));
  const agents = await listAgents(state);
  expect(agents.find(({ id }) => id === agent.id)).toMatchObject({ lastSequence: { must: 7, may: 10 }, dropped: 3 });
  expect(agents.find(({ id }) => id !== agent.id)).toEqual(other?.agent);
});
