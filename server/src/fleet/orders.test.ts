/** Orders on their way to a host's agent: who is ready for them, and until when. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/state.ts';
import { ManualClock } from '../ground/clock.ts';
import { seededRandom } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import { hostOfAgent, orderName, readyHosts, takeOrders } from './orders.ts';
import { silentAgents } from './silent-agents.ts';
import { type Agent, enrolAgent, inviteAgent, listAgents, noteBatch } from './store.ts';

const NOW = 1_790_000_000_000;
const random = seededRandom(7);
let state: State;
let clock: ManualClock;

beforeEach(async () => {
  state = await openTestPglite();
  clock = new ManualClock(NOW);
});
afterEach(() => state.close());

async function join(host: string): Promise<Agent> {
  const at = { nowMs: clock.nowMs(), random };
  const token = await state.transaction((trx) => inviteAgent(trx, 'ann', at));
  const joined = await state.transaction((trx) => enrolAgent(trx, { token, host, version: '1' }, at));
  if (joined === null) throw new Error('not let in');
  return joined.agent;
}

test('a host is ready by the agent that only takes orders, and by one that also watches', async () => {
  const [beside, whole] = [await join(orderName('web-1')), await join('web-2')];
  await join('web-3');
  for (const agent of [beside, whole]) await takeOrders({ state, clock }, agent);
  expect(await readyHosts({ state, clock })).toEqual(new Set(['web-1', 'web-2']));
  clock.advance(61_000);
  expect(await readyHosts({ state, clock })).toEqual(new Set());
});

test.each(['web-1', 'fe80::1', 'contain'])('%s is the host of both of its agents', (host) => {
  expect([host, orderName(host)].map(hostOfAgent)).toEqual([host, host]);
});

test('an agent that asks for orders and tells nothing of its host is silent all the same', async () => {
  const agent = await join('web-1');
  const batch = { lane: 'may', sequence: 1, dropped: 0 } as const;
  await state.transaction((trx) => noteBatch(trx, agent, batch, clock.nowMs()));
  for (let minute = 0; minute < 6; minute += 1) {
    clock.advance(60_000);
    await takeOrders({ state, clock }, agent);
  }
  const look = { nowMs: clock.nowMs(), startedMs: 0, known: new Set<string>() };
  expect(await silentAgents(state, look)).toMatchObject([{ key: 'agent:web-1' }]);
  expect(await listAgents(state)).toMatchObject([{ lastHeardMs: NOW, readyMs: NOW + 6 * 60_000 }]);
});
