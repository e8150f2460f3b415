/** The plan of one revert: what is, what was trusted, what will be, and the calls that lead there. Pure. */
import type { Call } from '../../vendors/aws/calls.ts';
import { type CatalogueEntry, type ResourceRef, resourceKey, type TrailEvent } from './catalogue.ts';
import {
  changedFields,
  compareThreeWay,
  digestOfJson,
  EXISTS,
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
  const baseline = stored ?? entry.before?.(event, current, resource);
  if (baseline === undefined)
    return { type: 'conflict', why: 'nobody vouched for any earlier state of it: enrol its account' };
  const after = entry.after(event, baseline, resource);
  if (after === undefined) return { type: 'conflict', why: 'what the event made of it cannot be told' };
  const ours = begun && after === null && current !== null && baseline !== null;
  const comparison = compareThreeWay(baseline, ours ? current : after, current);
  if (comparison.type === 'already-done') return { type: 'already-done' };
  if (comparison.type === 'conflict')
    return { type: 'conflict', why: `it was changed again since: ${comparison.fields.join(', ')}` };
  const to = comparison.fields.includes(EXISTS) ? baseline : restored(baseline, current, comparison.fields);
  const calls = entry.lead(current, to, { resource, token: tokenOf(event, resource) });
  if (calls.length === 0) return { type: 'conflict', why: 'no call leads back from here' };
  const fields = comparison.fields;
  const plan: Plan = {
    row: entry.row,
    resource,
    eventId: event.eventId,
    fields,
    lines: linesOf(baseline, after, to),
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

/** The plan that leads back from where a revert led to. */
export function undoOf(plan: Plan, entry: CatalogueEntry): Plan {
  const { resource, eventId, from, to } = plan;
  const calls = entry.lead(to, from, { resource, token: digestOfJson(['undo', eventId, resourceKey(resource)]) });
  return { ...plan, calls, from: to, to: from, lines: linesOf(to, to, from) };
}

/** Whether the fields of a plan are as it wants them. */
export function isReached({ to, fields }: Plan, current: ResourceState): boolean {
  if (to === null || current === null) return to === current;
  const open = new Set(changedFields(to, current));
  return fields.includes(EXISTS) ? open.size === 0 : fields.every((field) => !open.has(field));
}

function linesOf(baseline: ResourceState, after: ResourceState, to: ResourceState): readonly PlanLine[] {
  const names = new Set([...changedFields(baseline, after), ...changedFields(after, to)]);
  const whole = names.has(EXISTS);
  const fields = whole ? Object.keys(baseline ?? to ?? after ?? {}).sort() : [...names];
  const value = (state: ResourceState, field: string) => state?.[field] ?? null;
  return fields.map((field) => ({
    field,
    before: value(baseline, field),
    after: value(after, field),
    reverted: value(to, field),
  }));
}

function tokenOf({ eventId }: TrailEvent, resource: ResourceRef): string {
  return digestOfJson([eventId, resourceKey(resource)]).slice(0, 32);
}
