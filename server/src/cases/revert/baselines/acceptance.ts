/**
 * A change that somebody vouched for becomes part of the trusted state: confirmed with a second factor, or made by infrastructure as code.
 *
 * The surprise: what is trusted afterwards is the trusted state before with exactly this change in it, not what stands there now. What
 * a stranger changed in the meantime, in another field, was vouched for by nobody.
 */
import type { Clock } from '../../../ground/clock.ts';
import { appendJournal } from '../../../ground/journal.ts';
import type { State } from '../../../ground/state.ts';
import type { Caller } from '../../../vendors/aws/calls.ts';
import { resourceKey, type TrailEvent } from '../catalogue.ts';
import { type Chain, chainsOf, patiently, regionOf } from '../consider.ts';
import { made } from '../plan.ts';
import { changedFields, EXISTS, isNote, type ResourceState, restored } from '../state.ts';
import type { BaselineTrust } from '../tables.ts';
import { baselineBefore, keepBaseline, withArchive } from './store.ts';

export interface AcceptanceOptions {
  readonly state: State;
  readonly clock: Clock;
  /** Null: we have no role in that account, and cannot look. */
  callerOf(account: string, region: string): Caller | null;
}

export interface Vouched {
  readonly trust: BaselineTrust;
  /** The case, exemption or actor that vouches for it. */
  readonly because: string;
  readonly by: string | null;
  readonly caseId: string | null;
}

/** What waits in the outbox to be trusted. */
export interface Accepting extends Vouched {
  readonly events: readonly TrailEvent[];
}

/** @throws CallFailure when a resource cannot be read: to be tried again. */
export async function acceptChanges(
  options: AcceptanceOptions,
  events: readonly TrailEvent[],
  vouched: Vouched,
): Promise<void> {
  for (const chain of chainsOf(events).toReversed()) await acceptChain(options, chain, vouched);
}

async function acceptChain(options: AcceptanceOptions, chain: Chain, vouched: Vouched): Promise<void> {
  const { state, clock } = options;
  const { resource, changes } = chain;
  const [oldest, newest] = [changes[0], changes.at(-1)];
  const caller = options.callerOf(resource.account, regionOf(resource));
  if (oldest === undefined || newest === undefined || caller === null) return;
  const key = resourceKey(resource);
  const read = await patiently(clock, () => oldest.entry.read(caller, resource));
  const current = await withArchive(state, { entry: newest.entry, caller, resource }, read);
  const prior = await baselineBefore(state.db, key, oldest.event.timeMs);
  const expected = prior === null ? undefined : made(changes, { baseline: prior.state, resource, current });
  const nowMs = clock.nowMs();
  await state.transaction(async (trx) => {
    const note = (kind: string, digest: string | null) =>
      appendJournal(trx, {
        kind,
        caseId: vouched.caseId,
        actor: vouched.by,
        parameters: { resource: resource.id, trust: vouched.trust, because: vouched.because, digest },
        timeMs: nowMs,
      });
    if (prior === null || expected === undefined) {
      await note('baseline-taken', await keepBaseline(trx, key, current, { ...vouched, takenMs: nowMs }));
      return;
    }
    const fields = changedFields(prior.state, expected);
    if (!holds(expected, current, fields)) {
      // Somebody changed it again: what was vouched for is not there, and what is there was not vouched for.
      await note('baseline-refused', null);
      return;
    }
    const digest = await keepBaseline(trx, key, noted(expected, current), {
      ...vouched,
      takenMs: newest.event.timeMs + 1,
    });
    await note('baseline-taken', digest);
    const latest = await baselineBefore(trx, key, Number.MAX_SAFE_INTEGER);
    // A later change was vouched for first: this one belongs into what is trusted now, too.
    if (latest !== null && latest.takenMs > newest.event.timeMs + 1 && holds(prior.state, latest.state, fields))
      await keepBaseline(trx, key, noted(restored(expected, latest.state, fields), current), {
        ...vouched,
        takenMs: nowMs,
      });
  });
}

/** Notes are of what stands there now. */
function noted(state: ResourceState, current: ResourceState): ResourceState {
  if (state === null || current === null) return state;
  const compared = Object.entries(state).filter(([field]) => !isNote(field));
  return Object.fromEntries([...compared, ...Object.entries(current).filter(([field]) => isNote(field))]);
}

function holds(wanted: ResourceState, found: ResourceState, fields: readonly string[]): boolean {
  const differing = new Set(changedFields(wanted, found));
  return fields.includes(EXISTS) || wanted === null || found === null
    ? differing.size === 0
    : fields.every((field) => !differing.has(field));
}
