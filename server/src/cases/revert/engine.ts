/**
 * Putting back: plan, approve, run, prove, undo. Killed at any instruction and asked again, a run goes on where it was or stops; it never
 * does a thing twice that matters twice.
 *
 * ```
 *  planned ──▶ (approved) ──▶ running ──▶ reverted ──▶ undoing ──▶ undone
 *     │                          │
 *     └─▶ already-done, conflict, held, failed: these page
 * ```
 *
 * The surprise: nothing remembers how far a run came. Each run reads the resource anew and compares again, and what is left to do is
 * what still differs.
 */
import type { Clock } from '../../ground/clock.ts';
import { matchesAnyGlob } from '../../ground/glob.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { type Call, type Caller, CallFailure } from '../../vendors/aws/calls.ts';
import { baselineBefore, keepArchive, keepBaseline, readArchive } from './baselines.ts';
import {
  type CallPlace,
  type CatalogueEntry,
  type DefaultMode,
  orNone,
  type ResourceRef,
  resourceKey,
  type TrailEvent,
  Unsettled,
} from './catalogue.ts';
import { isReached, makePlan, type Plan, type Planned, undoOf } from './plan.ts';
import { entryOf } from './rows.ts';
import { ARCHIVED, type ResourceState } from './state.ts';
import {
  countStarted,
  findRevert,
  insertRevert,
  isNotedCall,
  lockResource,
  noteCall,
  type Revert,
  type Step,
  stepRevert,
  unlockResource,
} from './store.ts';
import type { RevertMode, RevertState } from './tables.ts';

export interface RevertOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  /** Null: we have no role in that account, and page. */
  callerOf(account: string, region: string): Caller | null;
  /** The roles by which we act, as `arn:aws:iam::ACCOUNT:role/NAME`. */
  readonly ownRoles: readonly string[];
  /** Globs over resource ids and ARNs that are never touched. */
  readonly breakGlass: readonly string[];
  /** More than this in ten minutes and the account is held. */
  readonly mostPerAccount: number;
}

/** Who did something, as far as it matters here. */
export interface EventActor {
  /** `userIdentity.sessionContext.sessionIssuer.arn`; null for anybody else. */
  readonly issuerArn: string | null;
}

export type OwnVerdict =
  /** Not by our role. A session name proves nothing. */
  | 'other'
  /** By our role, and we did it. */
  | 'own'
  /** By our role, and we did not: somebody uses it. */
  | 'stolen';

const WINDOW_MS = 10 * 60_000;
const LOCK_MS = 5 * 60_000;
/** CloudTrail is late by minutes; our clock and theirs differ. */
const OWN_WITHIN_MS = 15 * 60_000;
const READ_BACK_WAITS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000];
const CALL_WAITS_MS = [1_000, 2_000, 4_000, 8_000];
const SETTLE_WAITS_MS = [0, 1_000, 2_000, 4_000, 8_000, 10_000];
/** What AWS has not finished by then has failed. */
const LONGEST_UNSETTLED_MS = 30 * 60_000;
const OPEN: readonly RevertState[] = ['planned', 'approved', 'running'];

/** A mode, or how it follows from what the catalogue says of the change. */
export type ModeChoice = RevertMode | ((usual: DefaultMode) => RevertMode);

export interface Reverts {
  /** Plans what the event needs, a revert for each resource; the same event plans once. @throws Unsettled: ask again later. */
  plan(
    event: TrailEvent,
    options: { readonly caseId: string | null; readonly mode: ModeChoice },
  ): Promise<readonly Revert[]>;
  /** @returns null when the plan is not the one that was shown, or not waiting. */
  approve(id: string, approval: { readonly digest: string; readonly by: string }): Promise<Revert | null>;
  /** Rejects never for what AWS does; the outcome is the state. Still `running`: AWS has not finished, ask again later. */
  run(id: string): Promise<Revert | null>;
  /** Leads back to where the resource was before we touched it. */
  undo(id: string, by: string): Promise<Revert | null>;
  judgeOwn(event: TrailEvent, actor: EventActor): Promise<OwnVerdict>;
}

export function createReverts(options: RevertOptions): Reverts {
  const { state } = options;
  return {
    plan: async (event, given) => {
      const entry = entryOf(event.service, event.name);
      if (entry === null) return [];
      const planned: Revert[] = [];
      for (const resource of entry.resources(event))
        planned.push(await planOne(options, { entry, event, resource, ...given }));
      return planned;
    },
    approve: async (id, { digest, by }) => {
      const revert = await findRevert(state.db, id);
      if (revert === null || revert.digest !== digest || revert.plan === null) return null;
      const step: Step = { state: 'approved', kind: 'revert-approved', actor: by, approvedBy: by };
      return state.transaction((trx) =>
        stepRevert(trx, revert, { from: ['planned'], step, nowMs: options.clock.nowMs() }),
      );
    },
    run: async (id) => {
      const revert = await findRevert(state.db, id);
      return revert === null ? null : run(options, revert);
    },
    undo: async (id, by) => {
      const revert = await findRevert(state.db, id);
      return revert === null ? null : undo(options, revert, by);
    },
    judgeOwn: async ({ account, service, name, timeMs }, { issuerArn }) => {
      if (issuerArn === null || !options.ownRoles.includes(issuerArn)) return 'other';
      const noted = { account, event: `${service}:${name}`, aroundMs: timeMs, withinMs: OWN_WITHIN_MS };
      return (await isNotedCall(state.db, noted)) ? 'own' : 'stolen';
    },
  };
}

interface PlanRequest {
  readonly entry: CatalogueEntry;
  readonly event: TrailEvent;
  readonly resource: ResourceRef;
  readonly caseId: string | null;
  readonly mode: ModeChoice;
}

async function planOne(options: RevertOptions, request: PlanRequest): Promise<Revert> {
  const { state, clock, random } = options;
  const { entry, event, resource, caseId, mode } = request;
  const planned = await consider(options, { ...request, begun: false });
  const plan = planned.type === 'plan' ? planned.plan : null;
  const usual = plan?.mode ?? entry.mode;
  const revert: Revert = {
    id: random.id(clock.nowMs()),
    caseId,
    state: planned.type === 'plan' ? 'planned' : planned.type,
    mode: typeof mode === 'function' ? mode(usual) : mode,
    account: resource.account,
    resourceKey: resourceKey(resource),
    row: entry.row,
    plan,
    event,
    digest: planned.type === 'plan' ? planned.digest : '',
    approvedBy: null,
    startedMs: null,
    failure: planned.type === 'conflict' ? planned.why : null,
  };
  return state.transaction(async (trx) => {
    const { revert: stored, isNew } = await insertRevert(trx, revert, clock.nowMs());
    if (!isNew) return stored;
    const step: Step = { state: stored.state, kind: `revert-${stored.state}`, failure: stored.failure };
    return (await stepRevert(trx, stored, { from: [stored.state], step, nowMs: clock.nowMs() })) ?? stored;
  });
}

async function consider(
  options: RevertOptions,
  request: Omit<PlanRequest, 'mode' | 'caseId'> & { readonly begun: boolean },
): Promise<Planned> {
  const { entry, event, resource, begun } = request;
  const refused = entry.cannot?.(event) ?? untouchableBecause(options, entry, resource);
  if (refused !== null) return { type: 'conflict', why: refused };
  const caller = options.callerOf(resource.account, regionOf(resource));
  if (caller === null) return { type: 'conflict', why: `there is no role of ours in account ${resource.account}` };
  try {
    const current = await entry.read(caller, resource);
    const baseline = await baselineBefore(options.state.db, resourceKey(resource), event.timeMs);
    return makePlan({
      entry,
      event,
      resource,
      baseline: baseline === null ? undefined : baseline.state,
      current,
      begun,
    });
  } catch (error) {
    if (error instanceof Unsettled) throw error;
    return { type: 'conflict', why: `it cannot be read: ${wordOf(error)}` };
  }
}

/** IAM and what is global is called in the region where it answers. */
function regionOf({ region }: ResourceRef): string {
  return region === 'aws-global' ? 'us-east-1' : region;
}

function untouchableBecause(
  { breakGlass, ownRoles }: RevertOptions,
  { needsBreakGlass }: CatalogueEntry,
  { id }: ResourceRef,
): string | null {
  if (needsBreakGlass === true && breakGlass.length === 0)
    return 'it may lock everybody out, and no principal is kept for emergencies: reverts.break_glass is empty';
  if (matchesAnyGlob(breakGlass, id)) return 'it is kept for emergencies and never touched';
  const isOurs = ownRoles.some((role) => id.split(/[/|]/).includes(role.split('/').at(-1) ?? ''));
  return isOurs ? 'it is our own role, which we never touch' : null;
}

async function run(options: RevertOptions, revert: Revert): Promise<Revert> {
  const { state, clock } = options;
  const begun = await begin(options, revert);
  if (begun === null || begun.state !== 'running') return begun ?? revert;
  const entry = entryOf(begun.event.service, begun.event.name);
  const caller = begun.plan === null ? null : options.callerOf(begun.account, regionOf(begun.plan.resource));
  const outcome =
    entry === null || caller === null || begun.plan === null
      ? failed('there is no way to the account any more')
      : await carryOut(options, {
          revert: begun,
          entry,
          caller,
          plan: begun.plan,
          resumed: revert.state === 'running',
        });
  return state.transaction(async (trx) => {
    await unlockResource(trx, begun);
    if (outcome === null) return begun;
    const step: Step = {
      ...outcome,
      ...(outcome.state === 'reverted' && begun.plan !== null
        ? { parameters: { calls: begun.plan.calls.length } }
        : {}),
    };
    return (await stepRevert(trx, begun, { from: ['running'], step, nowMs: clock.nowMs() })) ?? begun;
  });
}

/** The intent, journaled before anything leaves; null when it is not this one's turn. */
async function begin({ state, clock, mostPerAccount }: RevertOptions, revert: Revert): Promise<Revert | null> {
  if (
    !OPEN.includes(revert.state) ||
    (revert.mode === 'approve' && revert.state === 'planned') ||
    revert.mode === 'plan'
  )
    return null;
  return state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    if (!(await lockResource(trx, revert, { nowMs, untilMs: nowMs + LOCK_MS }))) return null;
    const from: readonly RevertState[] = ['planned', 'approved', 'running'];
    if (revert.startedMs === null && (await countStarted(trx, revert.account, nowMs - WINDOW_MS)) >= mostPerAccount) {
      await unlockResource(trx, revert);
      const failure = `more than ${mostPerAccount} reverts in ten minutes in account ${revert.account}`;
      return stepRevert(trx, revert, { from, step: { state: 'held', kind: 'revert-held', failure }, nowMs });
    }
    if (revert.state === 'running') return revert;
    const step: Step = { state: 'running', kind: 'revert-started', startedMs: revert.startedMs ?? nowMs };
    return stepRevert(trx, revert, { from, step, nowMs });
  });
}

function failed(failure: string): Step {
  return { state: 'failed', kind: 'revert-failed', failure };
}

interface Work {
  readonly revert: Revert;
  readonly entry: CatalogueEntry;
  readonly caller: Caller;
  readonly plan: Plan;
  /** A run before this one died on the way. */
  readonly resumed: boolean;
}

/** @returns null while AWS has not finished. */
async function carryOut(options: RevertOptions, work: Work): Promise<Step | null> {
  const { revert, entry, caller, plan, resumed } = work;
  try {
    const again = await consider(options, {
      entry,
      event: revert.event,
      resource: plan.resource,
      begun: resumed,
    });
    if (again.type === 'already-done')
      return { state: resumed ? 'reverted' : 'already-done', kind: resumed ? 'reverted' : 'revert-already-done' };
    if (again.type === 'conflict') return { state: 'conflict', kind: 'revert-conflict', failure: again.why };
    // Exactly the plan that was shown, or nothing; what a died run left to do is part of it.
    if (!resumed && again.digest !== revert.digest)
      return { state: 'conflict', kind: 'revert-conflict', failure: 'the plan is no longer the one that was shown' };
    await makeCalls(options, work, again.plan);
    const reached = await readBack(options, { entry, caller, plan: again.plan });
    if (reached === undefined) return failed('it was called, and reading it back does not show it');
    const doubt = entry.doubt?.(reached) ?? null;
    return { state: 'reverted', kind: 'reverted', ...(doubt === null ? {} : { failure: doubt }) };
  } catch (error) {
    const begunMs = revert.startedMs ?? 0;
    if (error instanceof Unsettled && options.clock.nowMs() - begunMs < LONGEST_UNSETTLED_MS) return null;
    return failed(wordOf(error));
  }
}

async function makeCalls({ state, clock }: RevertOptions, work: Work, plan: Plan): Promise<void> {
  const { revert, entry, caller } = work;
  const archive: CallPlace['archive'] = (digest) => readArchive(state.db, digest);
  for (const [number, call] of plan.calls.entries()) {
    const event = `${EVENT_SOURCES[call.service] ?? call.service}:${EVENT_NAMES[call.operation] ?? call.operation}`;
    const at = { caller, resource: plan.resource, from: plan.from, nowMs: clock.nowMs(), archive };
    await state.transaction((trx) => noteCall(trx, revert, { number, event, nowMs: clock.nowMs() }));
    const answer = await patiently(clock, async () => {
      const completed = (await entry.complete?.(call, at)) ?? call;
      return orNone(caller.call(completed), ...(entry.fine ?? []));
    });
    if (answer !== null) await settle(clock, call, async () => (await entry.isSettled?.(call, answer, at)) ?? true);
  }
}

/** Waits until AWS has done what it accepted. @throws Unsettled when that takes too long to wait here. */
async function settle(clock: Clock, { operation }: Call, isSettled: () => Promise<boolean>): Promise<void> {
  for (const waitMs of SETTLE_WAITS_MS) {
    if (waitMs > 0) await clock.sleep(waitMs, new AbortController().signal);
    if (await patiently(clock, isSettled)) return;
  }
  throw new Unsettled(`AWS has accepted ${operation} and not finished it`);
}

/** CloudTrail's names for the SDK's. */
const EVENT_SOURCES: Readonly<Record<string, string>> = {
  's3-control': 's3',
  'cloudwatch-logs': 'logs',
  cloudwatch: 'monitoring',
  eventbridge: 'events',
  'config-service': 'config',
  'route-53': 'route53',
  'route-53-domains': 'route53domains',
  'secrets-manager': 'secretsmanager',
  'sso-admin': 'sso',
};
const EVENT_NAMES: Readonly<Record<string, string>> = {
  PutBucketLifecycleConfiguration: 'PutBucketLifecycle',
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
  DeletePublicAccessBlock: 'DeleteBucketPublicAccessBlock',
};

async function patiently<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  for (const waitMs of CALL_WAITS_MS) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof CallFailure) || !error.retryable) throw error;
      await clock.sleep(waitMs, new AbortController().signal);
    }
  }
  return call();
}

/** @returns the state that was read; `undefined` when it does not show what the plan wants. */
async function readBack(
  { clock }: RevertOptions,
  { entry, caller, plan }: Pick<Work, 'entry' | 'caller' | 'plan'>,
): Promise<ResourceState | undefined> {
  for (const waitMs of READ_BACK_WAITS_MS) {
    if (waitMs > 0) await clock.sleep(waitMs, new AbortController().signal);
    const current = await patiently(clock, () => entry.read(caller, plan.resource));
    if (isReached(plan, current)) return current;
  }
  return undefined;
}

async function undo(options: RevertOptions, revert: Revert, by: string): Promise<Revert | null> {
  const { state, clock } = options;
  const entry = entryOf(revert.event.service, revert.event.name);
  const caller = revert.plan === null ? null : options.callerOf(revert.account, regionOf(revert.plan.resource));
  if (revert.plan === null || entry === null || caller === null) return null;
  const { plan } = revert;
  const begun = await state.transaction(async (trx) => {
    const nowMs = clock.nowMs();
    if (!(await lockResource(trx, revert, { nowMs, untilMs: nowMs + LOCK_MS }))) return null;
    const step: Step = { state: 'undoing', kind: 'revert-undo-started', actor: by };
    return stepRevert(trx, revert, { from: ['reverted', 'undoing'], step, nowMs });
  });
  if (begun === null) return null;
  const outcome = await leadBack();
  return state.transaction(async (trx) => {
    await unlockResource(trx, begun);
    if (outcome === null) return begun;
    return stepRevert(trx, begun, { from: ['undoing'], step: outcome, nowMs: clock.nowMs() });
  });

  async function leadBack(): Promise<Step | null> {
    if (entry === null || caller === null) return failed('there is no way to the account any more');
    try {
      const current = await entry.read(caller, plan.resource);
      const back = undoOf(plan, entry, current);
      const refused = (failure: string): Step => ({
        state: 'reverted',
        kind: 'revert-undo-refused',
        actor: by,
        failure,
      });
      if (!isReached(plan, current) && !isReached(back, current)) return refused('it was changed again since');
      if (!isReached(back, current)) {
        if (back.calls.length === 0) return refused('no call leads back to what was there');
        await makeCalls(options, { revert: begun ?? revert, entry, caller, plan: back, resumed: false }, back);
      }
      return (await readBack(options, { entry, caller, plan: back })) === undefined
        ? failed('undoing was called, and reading it back does not show it')
        : { state: 'undone', kind: 'revert-undone', actor: by };
    } catch (error) {
      if (error instanceof Unsettled) return null;
      return failed(wordOf(error));
    }
  }
}

/** Takes the state of a resource as trusted. @returns its digest. @throws CallFailure. */
export async function takeBaseline(
  { state, clock }: Pick<RevertOptions, 'state' | 'clock'>,
  {
    entry,
    caller,
    resource,
    trust,
    because,
  }: {
    readonly entry: Pick<CatalogueEntry, 'read' | 'archive'>;
    readonly caller: Caller;
    readonly resource: ResourceRef;
    readonly trust: Parameters<typeof keepBaseline>[3]['trust'];
    readonly because: string;
  },
): Promise<string> {
  const read = await entry.read(caller, resource);
  const takenMs = clock.nowMs();
  const archive = entry.archive?.(read) ?? null;
  const isKept = archive !== null && (await keepArchive(state, archive, () => archive.fetch(caller, resource)));
  const current = isKept && read !== null ? { ...read, [ARCHIVED]: archive.digest } : read;
  return state.transaction((trx) => keepBaseline(trx, resourceKey(resource), current, { takenMs, trust, because }));
}

/** AWS's own word and sentence, without what a stranger may have put there. */
function wordOf(error: unknown): string {
  if (error instanceof CallFailure) return `${error.code}: ${error.message.slice(0, 300)}`;
  return error instanceof Error ? error.message.slice(0, 300) : 'something went wrong';
}
