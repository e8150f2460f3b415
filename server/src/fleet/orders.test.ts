/** Orders on their way to a host's agent: who is ready for them, and until when. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestPglite } from '../../../test/state.ts';
import { ManualClock } from '../ground/clock.ts';
import { seededRandom } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import { answerOrder, createHostOrders, hostOfAgent, orderName, readyHosts, takeOrders } from './orders.ts';
import type { FleetTables } from './tables.ts';
import { unwatchedHosts } from './silent-agents.ts';
import { type Agent, enrolAgent, inviteAgent, listAgents, noteBatches } from './store.ts';

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
  await state.transaction((trx) => noteBatches(trx, [{ agent, ...batch }], clock.nowMs()));
  for (let minute = 0; minute < 6; minute += 1) {
    clock.advance(60_000);
    await takeOrders({ state, clock }, agent);
  }
  const look = { nowMs: clock.nowMs(), startedMs: 0, known: new Set<string>() };
  expect(await unwatchedHosts(state, look)).toMatchObject([{ key: 'agent:web-1' }]);
  expect(await listAgents(state)).toMatchObject([{ lastHeardMs: NOW, readyMs: NOW + 6 * 60_000 }]);
});

/** Orders for web-1; time goes on while they are waited for, and `eachLook` is what else happens then, by how many ms have passed. */
function ordersWhile(eachLook: (passedMs: number) => Promise<void>) {
  const waits = {
    nowMs: () => clock.nowMs(),
    steadyMs: () => clock.steadyMs(),
    sleep: async (ms: number) => {
      clock.advance(ms);
      await eachLook(clock.nowMs() - NOW);
    },
  };
  return createHostOrders({ state, clock: waits, random }, 'web-1');
}
const order = (pid: number) => ({ service: 'linux', operation: 'StopProcess', input: { pid } });

test('an order that nobody fetched is taken back before whoever gave it hears so', async () => {
  const agent = await join('web-1');
  await takeOrders({ state, clock }, agent);
  const caller = ordersWhile(() => Promise.resolve());
  await expect(caller.call(order(7))).rejects.toMatchObject({
    ...{ code: 'HostSilent', message: expect.stringContaining('did not fetch it within 10 s: it is not done') },
  });
  // Also by a server whose clock is behind.
  clock.jumpTo(NOW);
  expect(await takeOrders({ state, clock }, agent)).toEqual([]);
});

test('an order that was fetched at the last moment has its full time to be done', async () => {
  const agent = await join('web-1');
  await takeOrders({ state, clock }, agent);
  let taken = '';
  const caller = ordersWhile(async (passedMs) => {
    if (passedMs === 9_800) taken = (await takeOrders({ state, clock }, agent))[0]?.id ?? '';
    if (passedMs === 29_000)
      await answerOrder({ state, clock }, { id: taken, host: agent.host }, { answer: { ok: true } });
  });
  expect(await caller.call(order(7))).toEqual({ ok: true });
  expect(taken).not.toBe('');
});

test('of an order that was fetched and never answered, nobody says that it is not done', async () => {
  const agent = await join('web-1');
  await takeOrders({ state, clock }, agent);
  const caller = ordersWhile(async () => {
    await takeOrders({ state, clock }, agent);
  });
  await expect(caller.call(order(7))).rejects.toMatchObject({
    ...{ code: 'HostSilent', message: expect.stringContaining('whether it is done is not known') },
  });
});

test('one order of a host is done at a time, whichever of its agents it is for', async () => {
  const [agent, beside] = [await join('web-1'), await join(orderName('web-1'))];
  const take = async (one: Agent) =>
    (await takeOrders({ state, clock }, one)).map(({ id, input }) => ({ id, ...input }));
  const orders = () => state.db.withTables<FleetTables>().selectFrom('host_order').select('input').execute();
  // The clock stands still while they wait.
  const give = async (pid: number) => {
    createHostOrders({ state, clock, random }, 'web-1')
      .call(order(pid))
      .catch(() => undefined);
    await expect.poll(orders).toContainEqual({ input: JSON.stringify({ pid }) });
    clock.advance(1);
  };
  await take(agent);
  await give(1);
  await give(2);
  await take(beside);
  await give(3);
  const [first] = await take(agent);
  expect(first).toMatchObject({ pid: 1 });
  expect([await take(agent), await take(beside)]).toEqual([[], []]);
  await answerOrder({ state, clock }, { id: first?.id ?? '', host: agent.host }, { answer: {} });
  expect(await take(beside)).toMatchObject([{ pid: 3 }]);
  expect(await take(agent)).toEqual([]);
  // An agent that never answered holds up its host for a time.
  clock.jumpTo(clock.nowMs() + 19_000);
  await give(4);
  expect(await take(beside)).toEqual([]);
  clock.jumpTo(clock.nowMs() + 1_001);
  expect(await take(beside)).toMatchObject([{ pid: 4 }]);
});
