/**
 * Drift: what stands there differs from what somebody vouched for. It is told as an alert of our own, once, and resolved when the
 * resource is as trusted again or somebody vouched for what is there.
 */
import type { Random } from '../../../ground/random.ts';
import type { StateTransaction } from '../../../ground/state.ts';
import { raiseAlert } from '../../../sources/alerts/raise.ts';
import { type ResourceRef, resourceKey } from '../catalogue.ts';
import { changedFields, digestOfJson, type Json, type ResourceState } from '../state.ts';
import type { RevertTables } from '../tables.ts';
import type { Baseline } from './store.ts';

export const DRIFT_CLASS = 'Drift from the baseline';
/** What would be put back without waiting for an answer is not only recorded when nobody saw it happen. */
const URGENT_RISK = 60;
const USUAL_RISK = 30;
const MOST_FIELDS = 20;
const LONGEST_VALUE = 500;

export interface Drifting {
  readonly resource: ResourceRef;
  readonly baseline: Baseline;
  readonly current: ResourceState;
  readonly isUrgent: boolean;
}

interface At {
  readonly nowMs: number;
  readonly random: Random;
}

/** @returns whether it differs. */
export async function noteDrift(trx: StateTransaction, given: Drifting, at: At): Promise<boolean> {
  const { resource, baseline, current, isUrgent } = given;
  const key = resourceKey(resource);
  const db = trx.withTables<RevertTables>();
  const known = await db
    .selectFrom('baseline_drift')
    .select('digest')
    .where('resource_key', '=', key)
    .executeTakeFirst();
  const fields = changedFields(baseline.state, current);
  const alert = {
    dedupKey: `drift:${digestOfJson(key).slice(0, 32)}`,
    summary: `${resource.id} differs from its baseline: ${fields.slice(0, MOST_FIELDS).join(', ')}`.slice(0, 1_000),
    severity: 'warning',
    source: resource.id,
    component: resource.type,
    class: DRIFT_CLASS,
    account: resource.account,
  } as const;
  if (fields.length === 0) {
    if (known === undefined) return false;
    await db.deleteFrom('baseline_drift').where('resource_key', '=', key).execute();
    await raiseAlert(trx, { ...alert, action: 'resolve', summary: `${resource.id} is as trusted again` }, at);
    return false;
  }
  const digest = digestOfJson([baseline.digest, current]);
  if (known?.digest === digest) return true;
  const row = { resource_key: key, digest, since_ms: at.nowMs };
  const upsert = db.insertInto('baseline_drift').values(row);
  await upsert.onConflict((conflict) => conflict.column('resource_key').doUpdateSet({ digest })).execute();
  const tags = [`risk=${isUrgent ? URGENT_RISK : USUAL_RISK}`];
  await raiseAlert(trx, { ...alert, action: 'trigger', tags, details: detailsOf(given, fields) }, at);
  return true;
}

function detailsOf(
  { resource, baseline, current }: Drifting,
  fields: readonly string[],
): Readonly<Record<string, string>> {
  const value = (state: ResourceState, field: string) => shown(state?.[field] ?? null);
  const changes = fields.slice(0, MOST_FIELDS).map((field) => {
    if (baseline.state === null) return [field, 'is there, and was not'] as const;
    if (current === null) return [field, 'is gone'] as const;
    return [field, `${value(baseline.state, field)} → ${value(current, field)}`] as const;
  });
  const trusted = `${baseline.trust}, ${new Date(baseline.takenMs).toISOString()}, ${baseline.because}`;
  return { ...Object.fromEntries(changes), region: resource.region, trusted };
}

function shown(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
