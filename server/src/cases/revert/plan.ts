/** The plan of one revert: what is, what was trusted, what will be, and the calls that lead there. Pure. */
import type { Call } from '../../vendors/aws/calls.ts';
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

export interface Plan {
  readonly row: number;
  /** As the catalogue has it for this change. */
  readonly mode: DefaultMode;
  readonly resource: ResourceRef;
  readonly eventId: string;
  readonly fields: readonly string[];
  readonly lines: readonly PlanLine[];
  readonly calls: readonly Call[];
  /** Where the calls lead from and to; undoing leads back. */
  readonly from: ResourceState;
  readonly to: ResourceState;
  readonly remains: string | null;
}

export type Planned =
  | { readonly type: 'plan'; readonly plan: Plan; readonly digest: string }
  | { readonly type: 'already-done' }
  | { readonly type: 'conflict'; readonly why: string };

export interface PlanInput {
  readonly entry: CatalogueEntry;
  readonly event: TrailEvent;
  readonly resource: ResourceRef;
  /** `undefined`: nobody vouched for any. */
  readonly baseline: ResourceState | undefined;
  readonly current: ResourceState;
  /**
   * Our own calls have begun: a resource that was gone and is there again, in part, was made by us, and the rest follows.
   */
  readonly begun: boolean;
}

export function makePlan({ entry, event, resource, baseline: stored, current, begun }: PlanInput): Planned {
  // What is contained has no trusted state to go back to.
  const vouched = entry.class === 'C' ? undefined : stored;
  const told = vouched ?? entry.before?.(event, current, resource);
  const baseline = told === undefined ? vouched : told;
  if (baseline === undefined)
    return { type: 'conflict', why: 'nobody vouched for any earlier state of it: enrol its account' };
  const after = entry.after(event, baseline, resource, current);
  if (after === undefined) return { type: 'conflict', why: 'what the event made of it cannot be told' };
  const ours = begun && after === null && current !== null && baseline !== null;
  const comparison = compareThreeWay(baseline, ours ? current : after, current);
  if (comparison.type === 'already-done') return { type: 'already-done' };
  if (comparison.type === 'conflict')
    return { type: 'conflict', why: `it was changed again since: ${comparison.fields.join(', ')}` };
  const look: Look = { event, baseline, current, resource };
  const why = entry.hindrance?.(look) ?? null;
  if (why !== null) return { type: 'conflict', why };
  const back = comparison.fields.includes(EXISTS) ? baseline : restored(baseline, current, comparison.fields);
  const to = entry.aim === undefined ? back : entry.aim(back, look);
  const fields = changedFields(current, to);
  if (fields.length === 0) return { type: 'already-done' };
  const calls = entry.lead(current, to, { resource, token: tokenOf(event, resource) });
  if (calls.length === 0) return { type: 'conflict', why: 'no call leads back from here' };
  const plan: Plan = {
    row: entry.row,
    mode: entry.urgent?.applies(look) === true ? entry.urgent.mode : entry.mode,
    resource,
    eventId: event.eventId,
    fields,
    lines: linesOf([...changedFields(baseline, after), ...fields], { before: baseline, after, to }),
    calls,
    from: current,
    to,
    remains: entry.remains ?? null,
  };
  return { type: 'plan', plan, digest: digestOfPlan(plan) };
}

/** What a person approves: the calls, exactly. */
export function digestOfPlan({ resource, eventId, calls }: Plan): string {
  return digestOfJson([resourceKey(resource), eventId, calls as unknown as Json]);
}

/** The plan that leads back from where a revert led to, given what is there now; without calls when nothing leads back. */
export function undoOf(plan: Plan, entry: CatalogueEntry, current: ResourceState): Plan {
  const { resource, eventId, fields, from } = plan;
  const to = fields.includes(EXISTS) ? from : restored(from, current, fields);
  const calls = entry.lead(current, to, { resource, token: digestOfJson(['undo', eventId, resourceKey(resource)]) });
  return { ...plan, calls, from: current, to, lines: linesOf(fields, { before: current, after: current, to }) };
}

/** Whether the fields of a plan are as it wants them. */
export function isReached({ to, fields }: Plan, current: ResourceState): boolean {
  if (to === null || current === null) return to === current;
  const open = new Set(changedFields(to, current));
  return fields.includes(EXISTS) ? open.size === 0 : fields.every((field) => !open.has(field));
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
