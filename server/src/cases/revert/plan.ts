/**
 * The plan of one revert: what is, what was trusted, what will be, and the calls that lead there. Pure.
 *
 * The surprise: several changes of one resource are one plan. What they made of it together is compared, so that a trail that was
 * first stopped and then deleted comes back at once, and not in two halves that contradict each other.
 */
import type { Call } from '../../vendors/aws/calls.ts';
import type { Baseline } from './baselines/store.ts';
import {
  type CatalogueEntry,
  type DefaultMode,
  type Look,
  type ResourceRef,
  resourceKey,
  type TrailEvent,
} from './catalogue.ts';
import {
  changedFields,
  compareThreeWay,
  digestOfJson,
  EXISTS,
  isNote,
  type Json,
  type ResourceState,
  restored,
} from './state.ts';

/** One line of the diff that a tired person reads. */
export interface PlanLine {
  readonly field: string;
  /** As trusted, as the event made it, and as it will be. */
  readonly before: Json;
  readonly after: Json;
  readonly reverted: Json;
}

/** Who vouches for the state that is put back, and since when. */
export type Trusted = Pick<Baseline, 'digest' | 'trust' | 'because' | 'takenMs'>;

export interface Plan {
  readonly row: number;
  /** As the catalogue has it for these changes. */
  readonly mode: DefaultMode;
  readonly resource: ResourceRef;
  /** The newest event that it answers. */
  readonly eventId: string;
  readonly fields: readonly string[];
  readonly lines: readonly PlanLine[];
  readonly calls: readonly Call[];
  /** Where the calls lead from and to; undoing leads back. */
  readonly from: ResourceState;
  readonly to: ResourceState;
  readonly remains: string | null;
  /** Null: the event alone tells what was before. */
  readonly trusted: Trusted | null;
}

export type Planned =
  | { readonly type: 'plan'; readonly plan: Plan; readonly digest: string }
  | { readonly type: 'already-done' }
  /** `untrusted`: nobody vouched for any earlier state, and that alone is in the way. */
  | { readonly type: 'conflict'; readonly why: string; readonly untrusted?: true }
  /** The resource cannot be looked at. */
  | { readonly type: 'failed'; readonly why: string };

/** A change and the entry that knows it. */
export interface Change {
  readonly entry: CatalogueEntry;
  readonly event: TrailEvent;
}

export interface PlanInput {
  /** Of one resource, the oldest first; never empty. */
  readonly changes: readonly Change[];
  readonly resource: ResourceRef;
  /** Null: nobody vouched for any. */
  readonly baseline: Baseline | null;
  readonly current: ResourceState;
  /**
   * Our own calls have begun: a resource that was gone and is there again, in part, was made by us, and the rest follows.
   */
  readonly begun: boolean;
}

export function makePlan(input: PlanInput): Planned {
  const { changes, resource, current, begun } = input;
  const newest = changes.at(-1);
  if (newest === undefined) return { type: 'conflict', why: 'there is no change to put back' };
  const { entry, event } = newest;
  // What is contained has no trusted state to go back to.
  const vouched = changes.some((change) => change.entry.class === 'C') ? null : input.baseline;
  const told = vouched?.state ?? before(changes, current, resource);
  const baseline = told === undefined ? vouched?.state : told;
  if (baseline === undefined)
    return { type: 'conflict', untrusted: true, why: 'nobody vouched for any earlier state of it: enrol its account' };
  const after = made(changes, { baseline, resource, current });
  if (after === undefined) return { type: 'conflict', why: 'what the event made of it cannot be told' };
  const ours = begun && after === null && current !== null && baseline !== null;
  const comparison = compareThreeWay(baseline, ours ? current : after, current);
  if (comparison.type === 'already-done') return { type: 'already-done' };
  if (comparison.type === 'conflict')
    return { type: 'conflict', why: `it was changed again since: ${comparison.fields.join(', ')}` };
  const lookOf = (change: Change): Look => ({ event: change.event, baseline, current, resource });
  const why = changes.flatMap((change) => change.entry.hindrance?.(lookOf(change)) ?? []).at(-1);
  if (why !== undefined) return { type: 'conflict', why };
  const back = comparison.fields.includes(EXISTS) ? baseline : restored(baseline, current, comparison.fields);
  const to = changes.reduceRight(
    (aimed, change) => (change.entry.aim === undefined ? aimed : change.entry.aim(aimed, lookOf(change))),
    back,
  );
  const fields = changedFields(current, to);
  if (fields.length === 0) return { type: 'already-done' };
  const calls = entry.lead(current, to, { resource, token: tokenOf(event, resource) });
  if (calls.length === 0) return { type: 'conflict', why: 'no call leads back from here' };
  const plan: Plan = {
    row: entry.row,
    mode: usualMode(changes, lookOf),
    resource,
    eventId: event.eventId,
    fields,
    lines: linesOf([...changedFields(baseline, after), ...fields], { before: baseline, after, to }),
    calls,
    from: current,
    to,
    remains: changes.flatMap((change) => change.entry.remains ?? []).at(-1) ?? null,
    trusted: vouched === null || told !== vouched.state ? null : trustedOf(vouched),
  };
  return { type: 'plan', plan, digest: digestOfPlan(plan) };
}

const CAUTION: readonly DefaultMode[] = ['auto', 'after-answer', 'approve', 'page'];

/** As the catalogue has it; of several changes the most cautious. */
function usualMode(changes: readonly Change[], lookOf: (change: Change) => Look): DefaultMode {
  const modes = changes.map((change) => {
    const { mode, urgent } = change.entry;
    return urgent?.applies(lookOf(change)) === true ? urgent.mode : mode;
  });
  return CAUTION.findLast((mode) => modes.includes(mode)) ?? 'page';
}

/** What the changes made of the trusted state, one after the other; `undefined` when that cannot be told. */
export function made(
  changes: readonly Change[],
  { baseline, resource, current }: Pick<Look, 'baseline' | 'resource' | 'current'>,
): ResourceState | undefined {
  let state: ResourceState | undefined = baseline;
  for (const { entry, event } of changes) {
    if (state === undefined) return undefined;
    state = entry.after(event, state, resource, current);
  }
  return state;
}

/** The state before the changes, as far as they alone tell it. */
function before(changes: readonly Change[], current: ResourceState, resource: ResourceRef): ResourceState | undefined {
  let state: ResourceState | undefined = current;
  for (const { entry, event } of changes.toReversed()) {
    if (state === undefined || entry.before === undefined) return undefined;
    state = entry.before(event, state, resource);
  }
  return state;
}

function trustedOf({ digest, trust, because, takenMs }: Baseline): Trusted {
  return { digest, trust, because, takenMs };
}

/** What a person approves: the calls, exactly. */
export function digestOfPlan({ resource, eventId, calls }: Plan): string {
  return digestOfJson([resourceKey(resource), eventId, calls as unknown as Json]);
}

/**
 * The plan that leads back from where a revert led to, given what is there now; what others changed meanwhile in other fields stays. Without
 * calls when nothing leads back.
 */
export function undoOf(plan: Plan, entry: CatalogueEntry, current: ResourceState): Plan {
  const { resource, eventId, fields, from } = plan;
  const to = fields.includes(EXISTS) ? from : restored(from, current, fields);
  const calls = entry.lead(current, to, { resource, token: digestOfJson(['undo', eventId, resourceKey(resource)]) });
  return { ...plan, calls, from: current, to, lines: linesOf(fields, { before: current, after: current, to }) };
}

/** Whether the fields of a plan are as it wants them. */
export function isReached({ to, fields }: Pick<Plan, 'to' | 'fields'>, current: ResourceState): boolean {
  if (to === null || current === null) return to === current;
  const open = new Set(changedFields(to, current));
  return fields.includes(EXISTS) ? open.size === 0 : fields.every((field) => !open.has(field));
}

/** Whether each field of a plan is as the one or as the other wants it: undoing may have died between its calls. */
export function isOnTheWay({ from, to }: { readonly from: Plan; readonly to: Plan }, current: ResourceState): boolean {
  if (isReached(from, current) || isReached(to, current)) return true;
  if (from.fields.includes(EXISTS) || current === null) return false;
  return from.fields.every((field) => [from, to].some((plan) => isReached({ to: plan.to, fields: [field] }, current)));
}

/** What else somebody changed meanwhile is theirs, and not told. */
function linesOf(
  changed: readonly string[],
  { before, after, to }: Readonly<Record<'before' | 'after' | 'to', ResourceState>>,
): readonly PlanLine[] {
  const all = Object.keys(before ?? to ?? after ?? {}).filter((field) => !isNote(field));
  const fields = changed.includes(EXISTS) ? all : changed;
  const value = (state: ResourceState, field: string) => state?.[field] ?? null;
  return [...new Set(fields)].sort().map((field) => ({
    field,
    before: value(before, field),
    after: value(after, field),
    reverted: value(to, field),
  }));
}

function tokenOf({ eventId }: TrailEvent, resource: ResourceRef): string {
  return digestOfJson([eventId, resourceKey(resource)]).slice(0, 32);
}
