/** One event of a capture: its header and its parameters. One object is filled again for every event. */
import type { EventInfo } from './event-table.ts';
import { Parameters } from './parameters.ts';

const NO_EVENT: EventInfo = { code: 0, name: '', isExit: false, category: 0, flags: 0, parameters: [] };

/** The bit of an event's flags that says: it changed state, but rules shall not see it. */
export const STATE_ONLY = 1;

export class CaptureEvent extends Parameters {
  code = 0;
  info: EventInfo = NO_EVENT;
  tid = 0;
  cpu = 0;
  /** Of the block, not of the type: `STATE_ONLY`. */
  blockFlags = 0;
  /** Counted from 1, over all events that are handed on. */
  number = 0;
  timeLow = 0;
  timeHigh = 0;

  /** Nanoseconds since 1970. */
  get timeNs(): bigint {
    return (BigInt(this.timeHigh) << 32n) | BigInt(this.timeLow);
  }

  /** The result of the call, where the event has one. */
  get result(): number {
    return this.i64(0);
  }
}
