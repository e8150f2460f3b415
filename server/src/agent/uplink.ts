/**
 * Sends what is spooled, oldest findings first, and forgets it when the server has it. A server that is away is waited for; one that refuses a
 * batch for good gets the next, and the batch is put aside.
 */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { AgentCalls } from '../vendors/countersign/agent-calls.ts';
import type { Spool } from './spool.ts';

export interface UplinkOptions {
  readonly spool: Spool;
  readonly calls: Pick<AgentCalls, 'sendBatch'>;
  readonly clock: Clock;
  readonly log: Log;
}

const IDLE_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Sends until `signal` aborts. */
export async function runUplink({ spool, calls, clock, log }: UplinkOptions, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const batch = spool.next();
    if (batch === null) {
      await clock.sleep(IDLE_MS, signal);
      continue;
    }
    const outcome = await calls.sendBatch(await spool.read(batch));
    switch (outcome.type) {
      case 'taken':
        failures = 0;
        await spool.remove(batch);
        break;
      case 'refused': {
        const path = await spool.setAside(batch);
        log.error('the server refuses a batch for good; it is put aside', { path, reason: outcome.reason });
        break;
      }
      case 'later': {
        const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
        failures += 1;
        log.warn('the server does not take batches; they are kept', {
          reason: outcome.reason,
          waitMs,
          kept: spool.length,
        });
        await clock.sleep(waitMs, signal);
      }
    }
  }
}
