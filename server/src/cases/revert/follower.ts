/**
 * What a case leads to here: a change that was denied, or not answered for, or too risky to wait for, is planned and, where it may be, put
 * back; a change that was confirmed becomes the trusted state.
 *
 * The surprise: a revert that fails needs no page of its own, since every case that comes here is paged already, and stays so.
 */
import type { EventStore } from '../../events/store.ts';
import type { Finding } from '../../findings/finding.ts';
import type { Case } from '../case.ts';
import type { Cases } from '../cases.ts';
import type { Follower } from '../follow.ts';
import { type DefaultMode, resourceKey, type TrailEvent, Unsettled } from './catalogue.ts';
import type { Reverts } from './engine.ts';
import { entryOf } from './rows.ts';
import type { Json } from './state.ts';
import type { Revert } from './store.ts';
import type { RevertMode } from './tables.ts';
import { toTrailEvent } from './trail.ts';

export const REVERT_FOLLOWER = 'revert';
/** More changes of one case than this wait for a person. */
const MOST_CHANGES = 20;
const AGAIN_MS = 30_000;
const LONGEST_NOTE = 2_000;
const OURSELVES = { id: 'countersign', name: 'Countersign' };

export interface RevertFollowerOptions {
  readonly reverts: Reverts;
  readonly cases: () => Cases;
  readonly events: Pick<EventStore, 'findEvent'>;
  readonly most: 'plan' | 'approve' | 'auto';
  /** Told of what was confirmed: it is trusted from now on. */
  readonly trust: (event: TrailEvent, caseId: string) => Promise<void>;
}

export function revertFollower(options: RevertFollowerOptions): Follower {
  return {
    name: REVERT_FOLLOWER,
    follow: async ({ caseId, kinds }) => {
      const isPaged = kinds.includes('paged');
      const isConfirmed = kinds.includes('challenge-confirmed');
      if (!isPaged && !isConfirmed) return { type: 'delivered' };
      const room = options.cases();
      const { current, findings } = await room.state.transaction(async (trx) => ({
        current: await room.unit(trx).loadCase(caseId),
        findings: await room.unit(trx).findingsOfCase(caseId),
      }));
      if (current === null || current.drill) return { type: 'delivered' };
      const waiting = new Set<string>();
      for (const event of await changesOf(options, findings)) {
        if (isConfirmed) await options.trust(event, caseId);
        // What was done to a resource last is undone first; other resources need not wait for it.
        else if (keysOf(event).some((key) => waiting.has(key))) continue;
        else for (const key of await putBack(options, event, current)) waiting.add(key);
      }
      if (waiting.size === 0) return { type: 'delivered' };
      const failure = `another revert holds it, or AWS has not finished with it: ${[...waiting].join(', ')}`;
      return { type: 'failed', failure, afterMs: AGAIN_MS };
    },
  };
}

/** The changes behind the findings, each once, the newest first: what was done last is undone first. */
async function changesOf(
  { events }: RevertFollowerOptions,
  findings: readonly Finding[],
): Promise<readonly TrailEvent[]> {
  const ids = new Set(findings.filter(({ facts }) => facts.source === 'aws_cloudtrail').map(({ facts }) => facts.id));
  const found: TrailEvent[] = [];
  for (const id of [...ids].slice(0, MOST_CHANGES)) {
    const stored = await events.findEvent('aws_cloudtrail', id);
    const event = stored === null ? null : toTrailEvent(JSON.parse(stored.raw) as Record<string, unknown>);
    if (event !== null && entryOf(event.service, event.name) !== null) found.push(event);
  }
  return found.sort((one, other) => other.timeMs - one.timeMs);
}

function keysOf(event: TrailEvent): readonly string[] {
  return entryOf(event.service, event.name)?.resources(event).map(resourceKey) ?? [];
}

/** @returns the keys of the resources that must be tried again. */
async function putBack(
  { reverts, most, cases }: RevertFollowerOptions,
  event: TrailEvent,
  current: Case,
): Promise<readonly string[]> {
  const mode = (usual: DefaultMode) => modeOf(most, usual, current);
  const room = cases();
  const plans = await reverts.plan(event, { caseId: current.id, mode }).catch((error: unknown) => {
    if (error instanceof Unsettled) return null;
    throw error;
  });
  if (plans === null) return keysOf(event);
  const waiting: string[] = [];
  for (const planned of plans) {
    if (planned.mode !== 'auto' || !['planned', 'running'].includes(planned.state)) continue;
    const ended = await reverts.run(planned.id);
    if (ended === null || ended.state === 'planned' || ended.state === 'running') {
      waiting.push(planned.resourceKey);
      continue;
    }
    // A note, so that whatever shows the case elsewhere shows this too.
    await room.conduct(current.id, { type: 'noted', by: OURSELVES, text: told(ended) });
  }
  return waiting;
}

/** `org: reverted. logging: true → false → true`: as trusted, as the change made it, as it is now. */
function told({ state, plan, failure, resourceKey }: Revert): string {
  const id = resourceKey.split('|').slice(3).join('|');
  const show = (value: Json) => (value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value));
  const lines = (plan?.lines ?? []).map(
    ({ field, before, after, reverted }) => `${field}: ${show(before)} → ${show(after)} → ${show(reverted)}`,
  );
  const text = [`${id}: ${state.replaceAll('-', ' ')}.`, failure ?? '', state === 'reverted' ? lines.join('; ') : ''];
  return text
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, LONGEST_NOTE);
}

/** The lesser of what the configuration allows and what the catalogue says of the change. */
export function modeOf(most: RevertFollowerOptions['most'], usual: DefaultMode, current: Case): RevertMode {
  if (usual === 'page') return 'page';
  if (most === 'plan') return 'plan';
  if (most === 'approve' || usual === 'approve') return 'approve';
  const answered =
    'cause' in current && (current.cause === 'denied' || current.cause === 'expired' || current.cause === 'fraud');
  return usual === 'auto' || answered ? 'auto' : 'approve';
}
