/**
 * Does on this host what a person decided at the server: asks for orders, carries each out, tells what came of it. Only where whoever started
 * the agent allowed it.
 *
 * The surprise: an order names an operation of a short fixed list and nothing else. There is no way to ask an agent for a command.
 */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import { type Caller, CallFailure } from '../vendors/aws/calls.ts';
import type { AgentCalls, OrderOutcome } from '../vendors/countersign/agent-calls.ts';

export interface OrdersOptions {
  readonly calls: Pick<AgentCalls, 'orders' | 'answerOrder'>;
  readonly host: Caller;
  readonly clock: Clock;
  readonly log: Log;
}

const IDLE_MS = 2_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;
const LONGEST_MESSAGE = 300;

/** Asks and obeys until `signal` aborts. */
export async function runOrders({ calls, host, clock, log }: OrdersOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const asked = await calls.orders();
    if (asked.type === 'failed') {
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
      failures += 1;
      if (failures === 1) log.warn('the server has no orders to give', { reason: asked.reason });
      await clock.sleep(waitMs, signal);
      continue;
    }
    failures = 0;
    for (const { id, operation, input } of asked.orders) {
      const outcome = await obey(host, operation, input);
      const failure = 'answer' in outcome ? null : `${outcome.code}: ${outcome.message}`;
      log.info('an order was carried out', { order: id, operation, input, failure });
      const told = await calls.answerOrder(id, outcome);
      if (told.type === 'failed') log.warn('what came of an order is not told', { order: id, reason: told.reason });
    }
    if (asked.orders.length === 0) await clock.sleep(IDLE_MS, signal);
  }
}

async function obey(host: Caller, operation: string, input: Readonly<Record<string, unknown>>): Promise<OrderOutcome> {
  try {
    return { answer: await host.call({ service: 'linux', operation, input }) };
  } catch (error) {
    if (error instanceof CallFailure) return { code: error.code, message: error.message.slice(0, LONGEST_MESSAGE) };
    const message = error instanceof Error ? error.message.slice(0, LONGEST_MESSAGE) : 'something went wrong';
    return { code: 'Failed', message };
  }
}
