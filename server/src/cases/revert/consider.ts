/**
 * Looks at a resource and at what was done to it, and says what would put it back. Nothing is written here but what another source
 * remembered of it.
 */
import type { Clock } from '../../ground/clock.ts';
import { matchesAnyGlob } from '../../ground/glob.ts';
import { CallFailure } from '../../vendors/aws/calls.ts';
import { baselineBefore, type Baseline, keepBaseline } from './baselines/store.ts';
import { type ResourceRef, resourceKey, type TrailEvent, Unsettled } from './catalogue.ts';
import type { RevertOptions } from './engine.ts';
import { type Change, makePlan, type Planned } from './plan.ts';
import { entryOf } from './rows.ts';
import type { Revert } from './store.ts';

const CALL_WAITS_MS = [1_000, 2_000, 4_000, 8_000];

export interface Chain {
  readonly resource: ResourceRef;
  /** The oldest first. */
  readonly changes: readonly Change[];
}

/** The changes of each resource; those that lead back by different ways stay apart. The newest chain first. */
export function chainsOf(events: readonly TrailEvent[]): readonly Chain[] {
  const chains = new Map<string, { resource: ResourceRef; changes: Change[] }[]>();
  for (const event of events.toSorted((one, other) => one.timeMs - other.timeMs)) {
    const entry = entryOf(event.service, event.name);
    for (const resource of entry?.resources(event) ?? []) {
      if (entry === null) continue;
      const key = resourceKey(resource);
      const ofResource = chains.get(key) ?? [];
      const fitting = ofResource.find(({ changes }) => changes[0]?.entry.lead === entry.lead);
      if (fitting === undefined) ofResource.push({ resource, changes: [{ entry, event }] });
      else if (!fitting.changes.some((change) => change.event.eventId === event.eventId))
        fitting.changes.push({ entry, event });
      chains.set(key, ofResource);
    }
  }
  const newest = ({ changes }: Chain) => changes.at(-1)?.event.timeMs ?? 0;
  return [...chains.values()].flat().sort((one, other) => newest(other) - newest(one));
}

/** The changes that a revert answers, with the entries of today's catalogue; null when it no longer has one. */
export function chainOf({ event, earlier, resourceKey: key }: Revert): Chain | null {
  const found = chainsOf([...earlier, event]).find(({ resource, changes }) => {
    return resourceKey(resource) === key && changes.at(-1)?.event.eventId === event.eventId;
  });
  return found ?? null;
}

/** Looks at the resource and says what would be done. @throws Unsettled: look again later. */
export async function consider(options: RevertOptions, chain: Chain & { readonly begun: boolean }): Promise<Planned> {
  const { resource, changes, begun } = chain;
  const [oldest] = changes;
  if (oldest === undefined) return { type: 'conflict', why: 'there is no change to put back' };
  const refused = changes.flatMap(({ entry, event }) => entry.cannot?.(event) ?? []).at(-1);
  const untouchable = refused ?? untouchableBecause(options, chain);
  if (untouchable !== null) return { type: 'conflict', why: untouchable };
  const caller = options.callerOf(resource.account, regionOf(resource));
  if (caller === null) return { type: 'conflict', why: `there is no role of ours in account ${resource.account}` };
  try {
    const current = await patiently(options.clock, () => oldest.entry.read(caller, resource));
    const baseline = await trustedBefore(options, chain, oldest.event.timeMs);
    const planned = makePlan({ changes, resource, baseline, current, begun });
    if (planned.type === 'already-done' && !begun && mayBeOld(options, chain))
      throw new Unsettled('AWS may still tell what was before the change');
    return planned;
  } catch (error) {
    if (error instanceof Unsettled) throw error;
    return { type: 'failed', why: `it cannot be read: ${wordOf(error)}` };
  }
}

function mayBeOld({ clock }: RevertOptions, { changes }: Chain): boolean {
  return changes.some(({ entry, event }) => clock.nowMs() < event.timeMs + (entry.lagMs ?? 0));
}

/** As somebody vouched for it; where nobody did and the events alone do not tell, as another source remembers it. */
async function trustedBefore(options: RevertOptions, chain: Chain, beforeMs: number): Promise<Baseline | null> {
  const key = resourceKey(chain.resource);
  const kept = await baselineBefore(options.state.db, key, beforeMs);
  if (kept !== null || options.history === undefined) return kept;
  if (chain.changes.every(({ entry }) => entry.before !== undefined)) return null;
  const found = await options.history(chain, beforeMs);
  if (found === null) return null;
  // Kept, and read as it was kept: the run makes its plan from that, and a plan in another spelling is another plan.
  await options.state.transaction((trx) => keepBaseline(trx, key, found.state, found));
  return (await baselineBefore(options.state.db, key, beforeMs)) ?? found;
}

/** IAM and what is global is called in the region where it answers. */
export function regionOf({ region }: ResourceRef): string {
  return region === 'aws-global' ? 'us-east-1' : region;
}

const PARTITIONS = ['aws', 'aws-cn', 'aws-us-gov'];

function untouchableBecause(
  { breakGlass, ownRoles }: RevertOptions,
  { changes, resource: { id, account } }: Chain,
): string | null {
  if (breakGlass.length === 0 && changes.some(({ entry }) => entry.needsBreakGlass === true))
    return 'it may lock everybody out, and no principal is kept for emergencies: reverts.break_glass is empty';
  // An id of IAM's tells whose it is: `User/alice|…`.
  const [kind = '', name = ''] = id.split(/[/|]/);
  const arns = PARTITIONS.map((partition) => `arn:${partition}:iam::${account}:${kind.toLowerCase()}/${name}`);
  const parts = [id, ...arns, ...id.split(/[/|]/)];
  if (parts.some((part) => matchesAnyGlob(breakGlass, part))) return 'it is kept for emergencies and never touched';
  const isOurs = ownRoles.some((role) => parts.includes(role.split('/').at(-1) ?? ''));
  return isOurs ? 'it is our own role, which we never touch' : null;
}

/** Tries again what AWS says may be tried again. */
export async function patiently<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (const waitMs of CALL_WAITS_MS) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CallFailure) || !error.retryable) throw error;
      await clock.sleep(waitMs);
    }
  }
  return call();
}

/** AWS's own word and sentence, without what a stranger may have put there. */
export function wordOf(error: unknown): string {
  if (error instanceof CallFailure) return `${error.code}: ${error.message.slice(0, 300)}`;
  return error instanceof Error ? error.message.slice(0, 300) : 'something went wrong';
}
