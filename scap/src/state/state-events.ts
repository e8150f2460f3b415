/** How the state follows an event: one function for each type that changes it. */
import type { CaptureEvent } from '../format/capture-event.ts';
import type { Machine } from './machine.ts';

/** Called for every event of its type, also for those that failed or have no known thread. */
export type StateEvent = (machine: Machine, event: CaptureEvent) => void;

/** By code of the type. */
export type StateEvents = ReadonlyMap<number, StateEvent>;

/** The same function for several types. */
export function eventsOf(...rows: readonly (readonly [codes: readonly number[], apply: StateEvent])[]): StateEvents {
  return new Map(rows.flatMap(([codes, apply]) => codes.map((code) => [code, apply] as const)));
}
