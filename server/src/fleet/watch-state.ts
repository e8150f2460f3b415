/**
 * How an agent watches its host, as it says every few seconds: what is newest counts, and nothing of it is kept for later.
 *
 * The surprise: saying so is no sign that the host is watched. That are the batches, and whoever waits for them (silent-agents.ts).
 */
import { type Static, Type } from 'typebox';
import type { Clock } from '../ground/clock.ts';
import type { State } from '../ground/state.ts';
import { saveHealth, saveHostState } from '../sources/sensor/store.ts';
import { type Agent, noteVersion } from './store.ts';

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Amount = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Ms = Type.Union([Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }), Type.Null()]);

export const WatchTold = Type.Object(
  {
    version: Type.String({ maxLength: 40 }),
    state: Type.Union([
      Type.Literal('starting'),
      Type.Literal('watching'),
      Type.Literal('waiting'),
      Type.Literal('not-allowed'),
      Type.Literal('absent'),
      Type.Literal('failed'),
      Type.Literal('stopped'),
    ]),
    problem: Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()]),
    /** Null: it does not watch. */
    health: Type.Union([
      Type.Object(
        {
          events: Count,
          eventsPerSecond: Amount,
          lost: Count,
          repeats: Count,
          lastEventMs: Ms,
          lookBackMs: Amount,
          lookBackBytes: Amount,
          threads: Count,
          containers: Type.Integer({ minimum: 0, maximum: 0x7fff_ffff }),
        },
        strict,
      ),
      Type.Null(),
    ]),
  },
  strict,
);
export type WatchTold = Static<typeof WatchTold>;

export async function saveWatchTold(
  { state, clock }: { readonly state: State; readonly clock: Clock },
  agent: Agent,
  told: WatchTold,
): Promise<void> {
  const nowMs = clock.nowMs();
  if (told.version !== agent.version) await noteVersion(state, agent, told.version);
  await saveHostState(state, agent.host, told, nowMs);
  if (told.health !== null) await saveHealth(state, agent.host, told.health, nowMs);
}
