/** Who is on call now, and with that whom a case can be handed to: for chat and for the console. */
import type { Cases } from './cases/cases.ts';
import { type Target, targetsOf } from './cases/page/targets.ts';
import { type Shift, shiftsOf } from './people/on-call/schedule.ts';
import { readOverrides } from './people/on-call/store.ts';
import type { Directory } from './people/person.ts';
import type { ResponseOptions } from './response.ts';

export interface AnsweringRooms {
  readonly given: ResponseOptions;
  readonly cases: Pick<Cases, 'nowMs'>;
}

/** How far the end of a shift is looked for. */
const AHEAD_MS = 62 * 86_400_000;

/** Who is on call in each schedule now, and until when. */
export async function onCallNow({ given, cases }: AnsweringRooms, directory: Directory) {
  const nowMs = cases.nowMs();
  const overrides = await readOverrides(given.state.db, directory, nowMs);
  return [...given.options.configuration.onCall.schedules.values()].map((schedule) => {
    const own = overrides.filter((override) => override.schedule === schedule.name);
    const [first] = shiftsOf(schedule, own, { fromMs: nowMs, toMs: nowMs + AHEAD_MS });
    const now: Shift | null = first !== undefined && first.fromMs <= nowMs ? first : null;
    return { schedule: schedule.name, email: now?.email ?? null, untilMs: now?.toMs ?? null };
  });
}

export async function loadTargets(rooms: AnsweringRooms): Promise<readonly Target[]> {
  const { state, people, options } = rooms.given;
  const directory = await people.directory(state.db);
  const escalations = [...options.configuration.onCall.escalations.keys()];
  return targetsOf({ directory, escalations, onCall: await onCallNow(rooms, directory) });
}
