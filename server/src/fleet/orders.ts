/**
 * What a person decided to do on a host, on its way to the host's agent: the agent asks for orders, does them, and tells what came of them.
 * Any server may give an order, and any may be asked for it.
 *
 * The surprise: an order that nobody fetched in time is taken back before whoever gave it hears so, and never done. What is decided is written
 * down elsewhere (a revert), which gives the order again when it goes on; an agent that wakes up an hour later must not stop a process that
 * somebody has long let go.
 */
import type { Clock } from '../ground/clock.ts';
import type { Random } from '../ground/random.ts';
import type { State } from '../ground/state.ts';
import { type Caller, CallFailure } from '../vendors/aws/calls.ts';
import type { Order, OrderOutcome } from '../vendors/countersign/agent-calls.ts';
import type { FleetTables } from './tables.ts';

export interface OrdersOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
}

/** Within this an agent that is ready has fetched an order: it asks every other second. Then it is taken back. */
const FETCH_WITHIN_MS = 10_000;
/** Within this the agent has done what it fetched, and told so; the next order of its host waits as long. */
const DONE_WITHIN_MS = 20_000;
const LOOK_MS = 200;
/** An agent asks every other second; one that was silent for so long is not ready. */
const READY_WITHIN_MS = 60_000;
/** So often it is written down that an agent is ready, however often it asks. */
const READY_NOTED_MS = 20_000;
const KEEP_MS = 24 * 3_600_000;
export const LONGEST_ORDER_ANSWER = 100_000;

/** Calls what is done on a host, through its agent. */
export function createHostOrders(options: OrdersOptions, host: string): Caller {
  return {
    call: async ({ operation, input }) => {
      const silent = (how: string) => new CallFailure('HostSilent', `the agent of ${host} ${how}`, false);
      const agent = await readyAgent(options, host);
      const id = await give(options, { host: agent, operation, input: JSON.stringify(input) });
      const outcome = await wait(options, id);
      if (outcome === 'not-fetched')
        throw silent(`did not fetch it within ${FETCH_WITHIN_MS / 1_000} s: it is not done`);
      if (outcome === 'not-told')
        throw silent(
          `fetched it and did not answer within ${DONE_WITHIN_MS / 1_000} s: whether it is done is not known`,
        );
      if ('answer' in outcome) return outcome.answer;
      throw new CallFailure(outcome.code, outcome.message, false);
    },
  };
}

const ORDER_SUFFIX = ':contain';

/** What the agent that only takes orders is called, beside one of the same host that watches it. */
export function orderName(host: string): string {
  return `${host}${ORDER_SUFFIX}`;
}

/** The host of an agent, whether it watches or only takes orders. */
export function hostOfAgent(name: string): string {
  return name.endsWith(ORDER_SUFFIX) ? name.slice(0, -ORDER_SUFFIX.length) : name;
}

/** The agent of a host that is ready. @throws CallFailure with what is missing, in words for whoever wished for it. */
async function readyAgent({ state, clock }: OrdersOptions, host: string): Promise<string> {
  const agents = await state.db
    .withTables<FleetTables>()
    .selectFrom('agent')
    .select(['host', 'ready_ms'])
    .where('host', 'in', [host, orderName(host)])
    .where('retired_ms', 'is', null)
    .execute();
  const [found] = agents.toSorted((one, other) => Number(other.ready_ms ?? 0) - Number(one.ready_ms ?? 0));
  if (found === undefined)
    throw new CallFailure('NoAgent', `no agent of a host named ${host} has joined: Settings → Agents`, false);
  if (found.ready_ms === null)
    throw new CallFailure('NotAllowed', `the agent of ${host} takes no orders: start it as root with --contain`, false);
  if (Number(found.ready_ms) < clock.nowMs() - READY_WITHIN_MS)
    throw new CallFailure(
      'HostSilent',
      `the agent of ${host} was last ready at ${isoOf(Number(found.ready_ms))}`,
      false,
    );
  return found.host;
}

/** Hosts whose agents take orders now. */
export async function readyHosts({
  state,
  clock,
}: Pick<OrdersOptions, 'state' | 'clock'>): Promise<ReadonlySet<string>> {
  const rows = await state.db
    .withTables<FleetTables>()
    .selectFrom('agent')
    .select('host')
    .where('retired_ms', 'is', null)
    .where('ready_ms', '>=', clock.nowMs() - READY_WITHIN_MS)
    .execute();
  return new Set(rows.map(({ host }) => hostOfAgent(host)));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

async function give(
  { state, clock, random }: OrdersOptions,
  order: { readonly host: string; readonly operation: string; readonly input: string },
): Promise<string> {
  const nowMs = clock.nowMs();
  const id = random.id(nowMs);
  const orders = state.db.withTables<FleetTables>();
  await orders
    .deleteFrom('host_order')
    .where('created_ms', '<', nowMs - KEEP_MS)
    .execute();
  await orders
    .insertInto('host_order')
    .values({
      id,
      ...order,
      created_ms: nowMs,
      expires_ms: nowMs + FETCH_WITHIN_MS,
      ...{ taken_ms: null, answered_ms: null, answer: null },
    })
    .execute();
  return id;
}

async function wait({ state, clock }: OrdersOptions, id: string): Promise<OrderOutcome | 'not-fetched' | 'not-told'> {
  let endMs = clock.steadyMs() + FETCH_WITHIN_MS;
  let isTaken = false;
  for (;;) {
    await clock.sleep(LOOK_MS);
    const order = state.db.withTables<FleetTables>().selectFrom('host_order').where('id', '=', id);
    const row = await order.select(['answer', 'taken_ms']).executeTakeFirst();
    // Written by `answerOrder`, which is given nothing else.
    if (typeof row?.answer === 'string') return JSON.parse(row.answer) as OrderOutcome;
    if (row === undefined) return 'not-told';
    if (!isTaken && row.taken_ms !== null) {
      isTaken = true;
      endMs = clock.steadyMs() + DONE_WITHIN_MS;
    }
    if (clock.steadyMs() < endMs) continue;
    if (isTaken) return 'not-told';
    if (await takeBack(state, id)) return 'not-fetched';
  }
}

/** @returns false when the agent was faster. */
async function takeBack({ db }: State, id: string): Promise<boolean> {
  const order = db.withTables<FleetTables>().deleteFrom('host_order').where('id', '=', id);
  return (await order.where('taken_ms', 'is', null).returning('id').executeTakeFirst()) !== undefined;
}

/**
 * What a host's agent is to do now: the oldest of its orders, given out once, while nothing else is being done on that host. Asking says that
 * the agent is ready.
 */
export async function takeOrders(
  { state, clock }: Pick<OrdersOptions, 'state' | 'clock'>,
  agent: { readonly id: string; readonly host: string },
): Promise<readonly Order[]> {
  const nowMs = clock.nowMs();
  await state.db
    .withTables<FleetTables>()
    .updateTable('agent')
    // Not heard: an agent takes orders also while its sensor is switched off.
    .set({ ready_ms: nowMs })
    .where('id', '=', agent.id)
    .where((eb) => eb.or([eb('ready_ms', 'is', null), eb('ready_ms', '<', nowMs - READY_NOTED_MS)]))
    .execute();
  const taken = (await waitingFor(state.db, agent, nowMs)) === null ? null : await takeOne({ state, clock }, agent);
  return taken === null ? [] : [taken];
}

async function takeOne(
  { state, clock }: Pick<OrdersOptions, 'state' | 'clock'>,
  agent: { readonly host: string },
): Promise<Order | null> {
  const nowMs = clock.nowMs();
  return state.transaction(async (trx) => {
    const db = trx.withTables<FleetTables>();
    const agents = [hostOfAgent(agent.host), orderName(hostOfAgent(agent.host))];
    // Whoever asks at once for the same host is asked one after the other.
    await db.selectFrom('agent').select('id').where('host', 'in', agents).orderBy('id').forUpdate().execute();
    const begun = db.selectFrom('host_order').select('id').where('host', 'in', agents).where('answered_ms', 'is', null);
    const isBusy = await begun
      .where('taken_ms', '>', nowMs - DONE_WITHIN_MS)
      .limit(1)
      .executeTakeFirst();
    const next = isBusy === undefined ? await waitingFor(trx, agent, nowMs) : null;
    if (next === null) return null;
    const order = db.updateTable('host_order').set({ taken_ms: nowMs }).where('id', '=', next);
    // Whoever gave it may just have taken it back.
    const row = await order.where('taken_ms', 'is', null).returning(['id', 'operation', 'input']).executeTakeFirst();
    return row === undefined ? null : { ...row, input: JSON.parse(row.input) as Order['input'] };
  });
}

async function waitingFor(
  reader: Pick<State['db'], 'withTables'>,
  { host }: { readonly host: string },
  nowMs: number,
): Promise<string | null> {
  const orders = reader.withTables<FleetTables>().selectFrom('host_order').select('id').where('host', '=', host);
  const fresh = orders.where('taken_ms', 'is', null).where('expires_ms', '>', nowMs);
  return (await fresh.orderBy('created_ms').orderBy('id').limit(1).executeTakeFirst())?.id ?? null;
}

/** @returns false when it is no order of that host, or was answered already. */
export async function answerOrder(
  { state, clock }: Pick<OrdersOptions, 'state' | 'clock'>,
  { id, host }: { readonly id: string; readonly host: string },
  answer: OrderOutcome,
): Promise<boolean> {
  const row = await state.db
    .withTables<FleetTables>()
    .updateTable('host_order')
    .set({ answered_ms: clock.nowMs(), answer: JSON.stringify(answer) })
    .where('id', '=', id)
    .where('host', '=', host)
    .where('taken_ms', 'is not', null)
    .where('answered_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}
