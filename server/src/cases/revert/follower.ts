/**
 * What a case leads to here: a change that was denied, or not answered for, or too risky to wait for, is planned and, where it may be, put
 * back; a change that was confirmed becomes part of the trusted state.
 *
 * The surprise: whether and how far is asked of the policy for each change by itself. A line that lets one rule be put back never puts back
 * what the rest of the burst did.
 */
import type { EventStore } from '../../events/store.ts';
import type { Finding } from '../../findings/finding.ts';
import type { Case } from '../case.ts';
import type { Cases } from '../cases.ts';
import type { Decision, RevertWish } from '../decision.ts';
import type { Follower } from '../follow.ts';
import { type DefaultMode, resourceKey, type TrailEvent, Unsettled } from './catalogue.ts';
import { type Chain, chainsOf } from './consider.ts';
import type { ModeChoice, Reverts } from './engine.ts';
import { toAuditEvent } from './kubernetes/objects.ts';
import { entryOf } from './rows.ts';
import type { Revert } from './store.ts';
import type { RevertMode } from './tables.ts';
import { toTrailEvent } from './trail.ts';

export const REVERT_FOLLOWER = 'revert';
/** So many changes of one case are planned, and put back, at a time; the rest follows at once. */
const PLANS_AT_ONCE = 25;
const EVENTS_AT_ONCE = 200;
/** Changes that are known to be done with: they need not be looked at whenever their case grows. */
const MOST_SETTLED = 20_000;
const AGAIN_MS = 30_000;
/** Cases that are in the middle of theirs, or are looked at again soon; of more, the one that waited longest begins anew. */
const MOST_UNDER_WAY = 8;
/** What has happened when there may be something to put back. */
const TELLING: ReadonlySet<string> = new Set(['paged', 'findings-added', 'challenge-asked', 'challenge-confirmed']);

export interface RevertFollowerOptions {
  readonly reverts: Reverts;
  readonly cases: () => Cases;
  readonly events: Pick<EventStore, 'findEvents'>;
  readonly most: 'plan' | 'approve' | 'auto';
  /** What the policy says of each finding. */
  readonly decide: (findings: readonly Finding[]) => Promise<readonly (readonly [Finding, Decision])[]>;
  /** Whose changes are never put back without a second person: break-glass, and our own role in other hands. */
  readonly isSpared: (event: TrailEvent) => boolean;
  /** Infrastructure as code: what it did is trusted and never put back. */
  readonly isApproved: (event: TrailEvent) => boolean;
  /** Told of what was confirmed: it is trusted from now on. @throws when it cannot be read. */
  readonly trust: (events: readonly TrailEvent[], confirmed: Case) => Promise<void>;
  /** Tells the case how many of its changes are still to be planned. */
  readonly tellLeft: (caseId: string, count: number) => Promise<void>;
}

export function revertFollower(options: RevertFollowerOptions): Follower {
  const settled = new Set<string>();
  const underWay = new Map<string, UnderWay>();
  return {
    name: REVERT_FOLLOWER,
    follow: async ({ caseId, kinds }) => {
      if (!kinds.some((kind) => TELLING.has(kind))) return { type: 'delivered' };
      const room = options.cases();
      const { current, findings } = await room.state.transaction(async (trx) => ({
        current: await room.unit(trx).loadCase(caseId),
        findings: await room.unit(trx).findingsOfCase(caseId),
      }));
      if (current === null || current.drill) return { type: 'delivered' };
      if (current.state === 'confirmed') {
        if (kinds.includes('challenge-confirmed')) await options.trust(await changesOf(options, findings), current);
        return { type: 'delivered' };
      }
      if (current.state === 'resolved') return { type: 'delivered' };
      if (settled.size > MOST_SETTLED) settled.clear();
      const going = underWay.get(caseId) ?? { changes: new Map(), passed: new Map() };
      underWay.delete(caseId);
      const outcome = await putBack(options, { findings, current, settled, going });
      // Once it is done with, its findings are settled; while a person is asked they are not.
      if (outcome !== 'done' || current.state === 'asked') {
        const [longest] = underWay.keys();
        if (longest !== undefined && underWay.size >= MOST_UNDER_WAY) underWay.delete(longest);
        underWay.set(caseId, { ...going, passed: outcome === 'part-done' ? going.passed : new Map() });
      }
      if (outcome === 'done') return { type: 'delivered' };
      if (outcome === 'part-done') return { type: 'part-done' };
      return { type: 'failed', failure: 'another revert holds it, or AWS has not finished with it', afterMs: AGAIN_MS };
    },
  };
}

/** What a case that is done part by part, or looked at again, need not do again. */
interface UnderWay {
  /** By the id of the event; null: nothing that the catalogue knows. */
  readonly changes: Map<string, TrailEvent | null>;
  /** Chains that had their turn, whether or not something could be planned, and whether they are done. */
  readonly passed: Map<string, boolean>;
}

/** The changes behind findings that the catalogue knows, each once; what is read is noted in `known`. */
async function changesOf(
  { events }: Pick<RevertFollowerOptions, 'events'>,
  findings: readonly Finding[],
  known: Map<string, TrailEvent | null> = new Map(),
): Promise<readonly TrailEvent[]> {
  for (const source of ['aws_cloudtrail', 'k8s_audit'] as const) {
    const facts = new Map(findings.flatMap((one) => (one.facts.source === source ? [[one.facts.id, one.facts]] : [])));
    const ids = [...facts.keys()].filter((id) => !known.has(id));
    for (let from = 0; from < ids.length; from += EVENTS_AT_ONCE) {
      const part = ids.slice(from, from + EVENTS_AT_ONCE);
      const stored = new Map((await events.findEvents(source, part)).map(({ id, raw }) => [id, raw]));
      // In the order of their arrival: CloudTrail tells time in seconds, and a second holds several changes.
      for (const id of part) {
        const raw = stored.get(id);
        if (raw === undefined) continue;
        const record = JSON.parse(raw) as Record<string, unknown>;
        const account = facts.get(id)?.account ?? '';
        const event = source === 'k8s_audit' ? toAuditEvent(record, account) : toTrailEvent(record);
        known.set(id, event !== null && entryOf(event.service, event.name) !== null ? event : null);
      }
    }
  }
  const asked = new Set(findings.map(({ facts }) => facts.id));
  return [...known].flatMap(([id, event]) => (event === null || !asked.has(id) ? [] : [event]));
}

interface PuttingBack {
  readonly findings: readonly Finding[];
  readonly current: Case;
  /** Findings whose changes are done with; grows. */
  readonly settled: Set<string>;
  readonly going: UnderWay;
}

/** `again`: later, something is not finished. `part-done`: at once, there is more than was done. */
async function putBack(
  options: RevertFollowerOptions,
  { findings, current, settled, going }: PuttingBack,
): Promise<'done' | 'again' | 'part-done'> {
  const wishes = wishesOf(await options.decide(findings), current);
  const wanted = findings.filter(({ id, facts }) => wishes.has(facts.id) && !settled.has(id));
  const changes = (await changesOf(options, wanted, going.changes)).filter((event) => !options.isApproved(event));
  const keys = new Map(chainsOf(changes).map((chain) => [turnOf(chain, current), chain]));
  const rest = [...keys].filter(([key]) => !going.passed.has(key));
  const isPlanned = await options.reverts.plannedOf(rest.map(([, chain]) => chain));
  let plans = 0;
  for (const [index, [key, chain]] of rest.entries()) {
    const isNew = !isPlanned(chain);
    if (isNew && plans >= PLANS_AT_ONCE) {
      await options.tellLeft(current.id, rest.slice(index).filter(([, one]) => !isPlanned(one)).length);
      return 'part-done';
    }
    going.passed.set(key, await putChainBack(options, chain, { wishes, current }));
    // Where nothing can be planned yet, the others have their turn all the same.
    if (isNew && (await options.reverts.plannedOf([chain]))(chain)) plans += 1;
  }
  const isDone = [...keys.keys()].every((key) => going.passed.get(key) === true);
  // While a person is asked, what waits for the answer was not planned at all.
  if (isDone && current.state !== 'asked') for (const { id } of wanted) settled.add(id);
  return isDone ? 'done' : 'again';
}

/** A chain that grew, or whose case was answered meanwhile, has another turn. */
function turnOf({ resource, changes }: Chain, { state }: Case): string {
  return JSON.stringify([state, resourceKey(resource), changes.map(({ event }) => event.eventId)]);
}

/** @returns false when it must be tried again. */
async function putChainBack(
  options: RevertFollowerOptions,
  chain: Chain,
  { wishes, current }: { readonly wishes: ReadonlyMap<string, RevertWish>; readonly current: Case },
): Promise<boolean> {
  const { reverts, most, isSpared } = options;
  const events = chain.changes.map(({ event }) => event);
  const wish = leastOf(events.flatMap(({ eventId }) => wishes.get(eventId) ?? []));
  const spared = events.some(isSpared);
  const mode = (usual: DefaultMode) => modeOf({ most, usual, wish, current, spared });
  const planned = await planChain(options, chain, { caseId: current.id, mode });
  let isDone = planned !== null;
  for (const { id, mode: planMode, state } of planned ?? []) {
    if (planMode !== 'auto' || !['planned', 'running'].includes(state)) continue;
    const ended = await reverts.run(id);
    isDone &&= ended !== null && ended.state !== 'planned' && ended.state !== 'running';
  }
  return isDone;
}

/** Null while AWS has not finished with the resource; others need not wait for it. */
async function planChain(
  { reverts }: RevertFollowerOptions,
  { changes }: Chain,
  given: { readonly caseId: string; readonly mode: ModeChoice },
): Promise<readonly Revert[] | null> {
  const events = changes.map(({ event }) => event);
  return reverts.plan(events, given).catch((error: unknown) => {
    if (error instanceof Unsettled) return null;
    throw error;
  });
}

const WISHES: readonly RevertWish[] = ['plan', 'approve', 'usual', 'auto'];

/** How far each event may be put back, by its id; of several rules the furthest. While a person is asked, only what may go first. */
function wishesOf(
  decided: readonly (readonly [Finding, Decision])[],
  { state }: Case,
): ReadonlyMap<string, RevertWish> {
  const wishes = new Map<string, RevertWish>();
  for (const [{ facts }, decision] of decided) {
    if (decision.type === 'record' || decision.revert === undefined) continue;
    if (state === 'asked' && !(decision.type === 'challenge' && decision.revertFirst === true)) continue;
    const known = wishes.get(facts.id);
    const isFurther = known === undefined || WISHES.indexOf(decision.revert) > WISHES.indexOf(known);
    if (isFurther) wishes.set(facts.id, decision.revert);
  }
  return wishes;
}

/** What belongs together goes as far as its most careful part. */
function leastOf(wishes: readonly RevertWish[]): RevertWish {
  return WISHES.find((wish) => wishes.includes(wish)) ?? 'plan';
}

interface ModeInput {
  readonly most: RevertFollowerOptions['most'];
  readonly usual: DefaultMode;
  readonly wish: RevertWish;
  readonly current: Case;
  readonly spared: boolean;
}

/** The least of what the configuration allows, what the policy wants and what the catalogue says; null: nothing yet. */
export function modeOf({ most, usual, wish, current, spared }: ModeInput): RevertMode | null {
  if (usual === 'page') return 'page';
  const answered =
    current.answer?.answer === 'no' || ('cause' in current && ['denied', 'expired', 'fraud'].includes(current.cause));
  const isUsuallyAuto = usual === 'auto' || (usual === 'after-answer' && answered);
  const wanted = wish === 'usual' ? (isUsuallyAuto ? 'auto' : 'approve') : wish;
  // What waits for a second person can as well wait for the answer.
  if (current.state === 'asked' && wanted !== 'auto') return null;
  const allowed: readonly RevertMode[] = ['plan', 'approve', 'auto'];
  const least = Math.min(allowed.indexOf(wanted), allowed.indexOf(most), spared ? 1 : 2);
  return allowed[least] ?? 'plan';
}
