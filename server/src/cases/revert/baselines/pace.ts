/** Calls at a steady pace: reading a whole account must not use up what its own programs need. */
import type { Clock } from '../../../ground/clock.ts';
import type { Caller } from '../../../vendors/aws/calls.ts';

const SECOND_MS = 1_000;

/** One pace for all callers that it is put before. */
export type Pace = (caller: Caller) => Caller;

export function createPace(clock: Clock, perSecond: number): Pace {
  let nextMs = 0;
  return (caller) => ({
    ...caller,
    call: async (call) => {
      const nowMs = clock.steadyMs();
      const waitMs = Math.max(0, nextMs - nowMs);
      nextMs = Math.max(nowMs, nextMs) + SECOND_MS / perSecond;
      if (waitMs > 0) await clock.sleep(waitMs);
      return caller.call(call);
    },
  });
}
