/**
 * Putting back: plan, approve, run, prove, undo. Killed at any instruction and asked again, a run goes on where it was or stops; it never
 * does a thing twice that matters twice.
 *
 * ```
 *  planned ──▶ (approved) ──▶ running ──▶ reverted ──▶ undoing ──▶ undone
 *     │  ▲                       │
 *     │  └── planned anew ───────┤
 *     └─▶ already-done, conflict, held, failed: all but the first call for help
 * ```
 *
 * The surprise: nothing remembers how far a run came. Each run (`run.ts`) reads the resource anew and compares again, and what is left to
 * do is what still differs.
 */
import type { Clock } from '../../ground/clock.ts';
import type { Random } from '../../ground/random.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import type { Caller } from '../../vendors/aws/calls.ts';
import { type Baseline, keepBaseline, withArchive } from './baselines/store.ts';
import {
  type CatalogueEntry,
  type DefaultMode,
  type ResourceRef,
  resourceKey,
  type TrailEvent,
  Unsettled,
} from './catalogue.ts';
import { type Chain, chainOf, chainsOf, consider } from './consider.ts';
import { enter, type Entry, type Ledger } from './ledger.ts';
import { judgeOwn, type OwnVerdict } from './own.ts';
import type { Planned } from './plan.ts';
import { runRevert } from './run.ts';
import {
  changeKey,
  findRevert,
  insertRevert,
  plannedChanges,
  plannedOf,
  putRevertEffect,
  type Revert,
} from './store.ts';
import type { RevertMode, RevertState } from './tables.ts';

export interface RevertOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  /** Where steps are written down, and how they call for help. */
  readonly ledger: Ledger;
  /** Null: we have no role in that account, and page. */
  callerOf(account: string, region: string): Caller | null;
  /** The roles by which we act, as `arn:aws:iam::ACCOUNT:role/NAME`. */
  readonly ownRoles: readonly string[];
  /** Globs over resource ids and ARNs that are never touched. */
  readonly breakGlass: readonly string[];
  /** More than this in ten minutes, and what nobody approved is held. */
  readonly mostPerAccount: number;
  /** Before the first call AWS is asked whether we may make them all, where it can be asked without doing them. */
  readonly tries?: boolean;
  /** Another source of what was there, for resources that nobody vouched for. */
  history?(chain: Chain, beforeMs: number): Promise<Baseline | null>;
}

/** Who did something, as far as it matters here. */
export interface EventActor {
  /** `userIdentity.sessionContext.sessionIssuer.arn`; null for anybody else. */
  readonly issuerArn: string | null;
}

/** Whoever asked for a plan comes back at once to run it; the outbox is there for when that never happens. */
const BACKUP_MS = 15_000;

/** A mode, or how it follows from what the catalogue says of the changes; null: nothing is planned yet. */
export type ModeChoice = RevertMode | ((usual: DefaultMode) => RevertMode | null);

export interface Reverts {
  /**
   * Plans what changes need, a revert for each resource; the same change plans once.
   *
   * @param events in any order.
   * @throws Unsettled when AWS has not finished with a resource, after the others were planned: ask again later.
   */
  plan(
    events: TrailEvent | readonly TrailEvent[],
    options: { readonly caseId: string | null; readonly mode: ModeChoice },
  ): Promise<readonly Revert[]>;
  /** @returns which of these chains are planned to their last change. */
  plannedOf(chains: readonly Chain[]): Promise<(chain: Chain) => boolean>;
  /** Looks again at what could not be put back; a person approves what comes of it. Null when there is nothing to look at. */
  planAgain(id: string, by: string): Promise<Revert | null>;
  /** @returns null when the plan is not the one that was shown, or not waiting. */
  approve(id: string, approval: { readonly digest: string; readonly by: string }): Promise<Revert | null>;
  /** The same, in the transaction that also takes the proof. */
  approveIn(
    trx: StateTransaction,
    id: string,
    approval: { readonly digest: string; readonly by: string },
  ): Promise<Revert | null>;
  /**
   * Rejects never for what AWS does; the outcome is the state. Still `running` or `undoing`: AWS has not finished, or another run is at
   * it; ask again later. Goes on with what an earlier run left.
   */
  run(id: string): Promise<Revert | null>;
  /** Leads back to where the resource was before we touched it; null when it was not put back. */
  undo(id: string, by: string): Promise<Revert | null>;
  /** Only the wish, in the caller's transaction; `run` does it. */
  undoIn(trx: StateTransaction, id: string, by: string): Promise<Revert | null>;
  judgeOwn(event: TrailEvent, actor: EventActor): Promise<OwnVerdict>;
}

const MAY_BE_PLANNED_AGAIN: readonly RevertState[] = ['conflict', 'failed', 'held'];

export function createReverts(options: RevertOptions): Reverts {
  const { state, clock } = options;
  const run = async (id: string) => {
    const revert = await findRevert(state.db, id);
    return revert === null ? null : runRevert(options, revert);
  };
  const approveIn: Reverts['approveIn'] = async (trx, id, { digest, by }) => {
    const revert = await options.ledger.take(trx, await findRevert(trx, id), ['planned']);
    if (revert === null || revert.digest !== digest || revert.plan === null) return null;
    if (revert.mode !== 'approve' && revert.mode !== 'auto') return null;
    return step(options, trx, revert, { state: 'approved', kind: 'revert-approved', actor: by, approvedBy: by });
  };
  const undoIn: Reverts['undoIn'] = async (trx, id, by) => {
    const revert = await options.ledger.take(trx, await findRevert(trx, id), ['reverted']);
    if (revert === null || revert.plan === null) return null;
    return step(options, trx, revert, { state: 'undoing', kind: 'revert-undo-started', actor: by });
  };
  return {
    plan: (events, given) => planAll(options, [events].flat(), given),
    plannedOf: (chains) => whichArePlanned(state, chains),
    planAgain: (id, by) => planAgain(options, id, by),
    approveIn,
    approve: (id, approval) => state.transaction((trx) => approveIn(trx, id, approval)),
    run,
    undoIn,
    undo: async (id, by) => {
      const wished = await state.transaction((trx) => undoIn(trx, id, by));
      return wished === null ? null : run(id);
    },
    judgeOwn: (event, { issuerArn }) => judgeOwn(state, { ownRoles: options.ownRoles, event, issuerArn }),
  };

  /** A step of somebody's will, and whoever carries it out when this process does not. */
  async function step({ ledger }: RevertOptions, trx: StateTransaction, revert: Revert, entry: Entry): Promise<Revert> {
    const nowMs = clock.nowMs();
    await putRevertEffect(trx, revert, { verb: `${entry.state}:${nowMs}`, dueMs: nowMs + BACKUP_MS, nowMs });
    return enter(ledger, trx, revert, entry, nowMs);
  }
}

type Given = Parameters<Reverts['plan']>[1];

async function planAll(
  options: RevertOptions,
  events: readonly TrailEvent[],
  given: Given,
): Promise<readonly Revert[]> {
  const planned: Revert[] = [];
  const unsettled: Unsettled[] = [];
  for (const { resource, changes } of chainsOf(events)) {
    const key = resourceKey(resource);
    const known = await plannedOf(
      options.state.db,
      key,
      changes.map(({ event }) => event.eventId),
    );
    for (const id of new Set(known.values())) {
      const revert = await findRevert(options.state.db, id);
      if (revert !== null) planned.push(revert);
    }
    const fresh = changes.filter(({ event }) => !known.has(event.eventId));
    if (fresh.length === 0) continue;
    try {
      planned.push(...(await planOne(options, { resource, changes: fresh }, given)));
    } catch (error) {
      if (!(error instanceof Unsettled)) throw error;
      unsettled.push(error);
    }
  }
  if (unsettled[0] !== undefined) throw unsettled[0];
  return planned;
}

async function whichArePlanned({ db }: State, chains: readonly Chain[]): Promise<(chain: Chain) => boolean> {
  const ids = chains.flatMap(({ changes }) => changes.map(({ event }) => event.eventId));
  const planned = await plannedChanges(db, [...new Set(ids)]);
  return ({ resource, changes }) => changes.every(({ event }) => planned.has(changeKey(resourceKey(resource), event)));
}

async function planOne(options: RevertOptions, chain: Chain, given: Given): Promise<readonly Revert[]> {
  const { state, clock, random, ledger } = options;
  const { resource, changes } = chain;
  const newest = changes.at(-1);
  if (newest === undefined) return [];
  const planned = await consider(options, { ...chain, begun: false });
  // What an event alone tells how to put back does not wait for what it does not tell.
  const told = changes.filter(({ entry }) => entry.before !== undefined);
  const untold = changes.filter(({ entry }) => entry.before === undefined);
  if (planned.type === 'conflict' && planned.untrusted === true && told.length > 0 && untold.length > 0)
    return [
      ...(await planOne(options, { resource, changes: told }, given)),
      ...(await planOne(options, { resource, changes: untold }, given)),
    ];
  const usual = planned.type === 'plan' ? planned.plan.mode : newest.entry.mode;
  const mode = typeof given.mode === 'function' ? given.mode(usual) : given.mode;
  if (mode === null) return [];
  const revert: Revert = {
    caseId: given.caseId,
    id: random.id(clock.nowMs()),
    state: planned.type === 'plan' ? 'planned' : planned.type,
    mode,
    account: resource.account,
    resourceKey: resourceKey(resource),
    row: newest.entry.row,
    plan: planned.type === 'plan' ? planned.plan : null,
    event: newest.event,
    earlier: changes.slice(0, -1).map(({ event }) => event),
    digest: planned.type === 'plan' ? planned.digest : '',
    approvedBy: null,
    startedMs: null,
    undoStartedMs: null,
    failure: 'why' in planned ? planned.why : null,
  };
  return state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    await ledger.lock(trx, revert.caseId);
    // Somebody else planned the same meanwhile, and goes on with it.
    if (!(await insertRevert(trx, revert, nowMs))) return [];
    if (revert.mode === 'auto' && revert.state === 'planned')
      await putRevertEffect(trx, revert, { verb: 'run', dueMs: nowMs + BACKUP_MS, nowMs });
    return [await enter(ledger, trx, revert, entryOfPlan(planned), nowMs)];
  });
}

function entryOfPlan(planned: Planned): Entry {
  const failure = 'why' in planned ? planned.why : null;
  const state = planned.type === 'plan' ? 'planned' : planned.type;
  const plan = planned.type === 'plan' ? { plan: planned.plan, digest: planned.digest } : {};
  return { state, kind: `revert-${state}`, failure, ...plan };
}

async function planAgain(options: RevertOptions, id: string, by: string): Promise<Revert | null> {
  const { state, clock, ledger } = options;
  const revert = await findRevert(state.db, id);
  const chain = revert === null ? null : chainOf(revert);
  if (revert === null || chain === null || !MAY_BE_PLANNED_AGAIN.includes(revert.state)) return null;
  const planned = await consider(options, { ...chain, begun: revert.startedMs !== null });
  return state.transaction(async (trx) => {
    const taken = await ledger.take(trx, revert, MAY_BE_PLANNED_AGAIN);
    if (taken === null) return null;
    const entry = { ...entryOfPlan(planned), actor: by, mode: 'approve' } as const;
    return enter(ledger, trx, taken, entry, clock.nowMs());
  });
}

/** Takes the state of a resource as trusted. @returns its digest. @throws CallFailure. */
export async function takeBaseline(
  { state, clock }: Pick<RevertOptions, 'state' | 'clock'>,
  given: {
    readonly entry: Pick<CatalogueEntry, 'read' | 'archive'>;
    readonly caller: Caller;
    readonly resource: ResourceRef;
    readonly trust: Baseline['trust'];
    readonly because: string;
  },
): Promise<string> {
  const { entry, caller, resource, trust, because } = given;
  const current = await withArchive(state, given, await entry.read(caller, resource));
  const takenMs = clock.nowMs();
  return state.transaction((trx) => keepBaseline(trx, resourceKey(resource), current, { takenMs, trust, because }));
}
