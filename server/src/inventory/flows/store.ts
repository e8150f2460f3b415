/** What is asked of the stored connections to find what should not be there. */
import type { EventEngine } from '../../ground/event-engine.ts';
import { type HabitStore, habitStore } from './habits.ts';
import { type SignStore, signStore } from './signs.ts';

export interface FlowStore extends HabitStore, SignStore {}

/** Reads the tables that `openConnectionStore` makes. */
export function flowStore(engine: EventEngine): FlowStore {
  return { ...habitStore(engine), ...signStore(engine) };
}
