/** Orders for a host, on every state database: of those who ask at once one is given one order, and what is taken back is never done. */
import { expect, test } from 'vitest';
import { createHostOrders, orderName, takeOrders } from '../../server/src/fleet/orders.ts';
import { type Agent, enrolAgent, inviteAgent } from '../../server/src/fleet/store.ts';
import type { FleetTables } from '../../server/src/fleet/tables.ts';
import { ManualClock } from '../../server/src/ground/clock.ts';
import { seededRandom } from '../../server/src/ground/random.ts';
import type { State } from '../../server/src/ground/state.ts';
import { MONDAY_MS } from '../sample-finding.ts';
import { describeStates } from '../state.ts';

describeStates('orders for a host', (open) => {
  const join = async (state: State, host: string, random = seededRandom(1)): Promise<Agent> => {
    const at = { nowMs: MONDAY_MS, random };
    const token = await state.transaction((trx) => inviteAgent(trx, 'ann', at));
    const joined = await state.transaction((trx) => enrolAgent(trx, { token, host, version: '1' }, at));
    if (joined === null) throw new Error('not let in');
    return joined.agent;
  };

  test('both agents of a host ask at once, again and again: one order is under way at a time', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    const random = seededRandom(2);
    const agents = [await join(state, 'web-1', random), await join(state, orderName('web-1'), random)];
    for (const agent of agents) {
      await takeOrders({ state, clock }, agent);
      clock.advance(30_000);
    }
    const waiting = agents.flatMap(({ host }) =>
      [1, 2, 3].map((number) => ({
        ...{ id: `${host} ${number}`, host, operation: 'StopProcess', input: '{}', created_ms: clock.nowMs() },
        ...{ expires_ms: clock.nowMs() + 10_000, taken_ms: null, answered_ms: null, answer: null },
      })),
    );
    await state.db.withTables<FleetTables>().insertInto('host_order').values(waiting).execute();
    const asked = Array.from({ length: 10 }, () => agents.map((agent) => takeOrders({ state, clock }, agent))).flat();
    expect((await Promise.all(asked)).flat()).toHaveLength(1);
    await state.close();
  });

  test('an order that is taken back while an agent asks is either done or told to be not done', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    const agent = await join(state, 'web-1');
    await takeOrders({ state, clock }, agent);
    const asked: ReturnType<typeof takeOrders>[] = [];
    // Time stands still for whoever asks, and is over for whoever waits: both at once.
    let waitedMs = 0;
    const waits = {
      nowMs: () => MONDAY_MS,
      steadyMs: () => waitedMs,
      sleep: async () => {
        waitedMs += 10_000;
        asked.push(takeOrders({ state, clock }, agent));
      },
    };
    const order = { service: 'linux', operation: 'StopProcess', input: { pid: 7 } };
    const orders = createHostOrders({ state, clock: waits, random: seededRandom(3) }, 'web-1');
    const failure = await orders.call(order).then(String, (error: Error) => error.message);
    asked.push(takeOrders({ state, clock }, agent));
    const fetched = (await Promise.all(asked)).flat();
    expect(failure).toMatch(fetched.length === 0 ? /it is not done$/ : /whether it is done is not known$/);
    await state.close();
  });
});
