/**
 * Warns before nobody is on call: a ladder that will reach nobody within a day is an alert of our own, raised once and resolved when
 * somebody stands in or the time has passed.
 */
import type { PersonalChannel } from '@countersign/contract';
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { OwnAlert } from '../../sources/alerts/raise.ts';
import type { People } from '../people.ts';
import type { OnCallConfiguration } from './configuration.ts';
import { type Uncovered, uncoveredOf } from './coverage.ts';
import { loadSnapshot, readOverrides } from './store.ts';
import type { OnCallTables } from './tables.ts';

export interface OnCallWatchOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  readonly people: Pick<People, 'directory'>;
  readonly onCall: OnCallConfiguration;
  readonly channels: readonly string[];
  readonly personal: readonly PersonalChannel[];
  readonly raise: (trx: StateTransaction, alert: OwnAlert) => Promise<void>;
}

const LOOK_MS = 60_000;
/** Who has just been asked to enrol is reached by nothing yet: no reason to call anybody. */
const FIRST_LOOK_MS = 5 * 60_000;
const AHEAD_MS = 24 * 3_600_000;

/** Looks until `signal` aborts. Rows decide, so that any number of servers raise one alert. */
export async function watchOnCall(options: OnCallWatchOptions, signal: AbortSignal): Promise<void> {
  const { onCall, clock, log } = options;
  if (onCall.escalations.size === 0) return;
  await clock.sleep(FIRST_LOOK_MS, signal);
  while (!signal.aborted) {
    try {
      await lookAtOnCall(options);
    } catch (error) {
      log.error('it could not be looked at who is on call; trying again', { error });
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

/** One look. */
export async function lookAtOnCall(options: OnCallWatchOptions): Promise<void> {
  const { state, clock, raise } = options;
  const nowMs = clock.nowMs();
  const first = await firstUncovered(options, nowMs);
  await state.transaction(async (trx) => {
    const db = trx.withTables<OnCallTables>();
    for (const gap of first.values()) {
      const inserted = await db
        .insertInto('on_call_trouble')
        .values({ escalation: gap.escalation, since_ms: nowMs })
        .onConflict((conflict) => conflict.column('escalation').doNothing())
        .returning('escalation')
        .executeTakeFirst();
      if (inserted !== undefined) await raise(trx, alertOf(gap.escalation, 'trigger', summaryOf(gap)));
    }
    const known = await db.selectFrom('on_call_trouble').select('escalation').forUpdate().execute();
    for (const { escalation } of known.filter((row) => !first.has(row.escalation))) {
      await db.deleteFrom('on_call_trouble').where('escalation', '=', escalation).execute();
      await raise(trx, alertOf(escalation, 'resolve', 'Somebody can be reached again'));
    }
  });
}

async function firstUncovered(options: OnCallWatchOptions, nowMs: number): Promise<ReadonlyMap<string, Uncovered>> {
  const { state, people, onCall, channels, personal } = options;
  const directory = await people.directory(state.db);
  const snapshot = await loadSnapshot(state.db, { onCall, directory, channels, personal, nowMs });
  const overrides = await readOverrides(state.db, directory, nowMs);
  const isReachable = (email: string) => {
    const person = snapshot.person(email);
    return person !== null && snapshot.rulesOf(person.id, 'high').length > 0;
  };
  const range = { fromMs: nowMs, toMs: nowMs + AHEAD_MS };
  const found = uncoveredOf({ onCall, overrides, isReachable }, range).toReversed();
  return new Map(found.map((gap) => [gap.escalation, gap]));
}

function summaryOf({ escalation, fromMs, toMs }: Uncovered): string {
  const at = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `Nobody on the ladder ${escalation} can be reached from ${at(fromMs)} to ${at(toMs)}: only the catch-all would be called`;
}

function alertOf(escalation: string, action: 'trigger' | 'resolve', summary: string): OwnAlert {
  return {
    action,
    dedupKey: `on-call:${escalation}`,
    summary,
    severity: 'warning',
    source: 'on-call',
    component: escalation,
    class: 'Nobody will be on call',
  };
}
