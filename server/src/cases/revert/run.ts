/**
 * One run of a revert, or of its undoing: lock, compare again, call, read back, prove.
 *
 * The surprise: before each call the run looks whether the lock is still its own. A process that slept too long (a paused machine, a
 * slow vendor) finds that another goes on, and stops without a word: what it would write is the other's to write.
 */
import type { StateTransaction } from '../../ground/state.ts';
import { type Call, type Caller, CallFailure } from '../../vendors/aws/calls.ts';
import { readArchive } from './baselines/store.ts';
import { type CallPlace, type CatalogueEntry, orNone, Unsettled } from './catalogue.ts';
import { type Chain, chainOf, consider, patiently, regionOf, wordOf } from './consider.ts';
import type { RevertOptions } from './engine.ts';
import { enter, type Entry } from './ledger.ts';
import { hasCalled, noteCall } from './own.ts';
import { tryCalls } from './trial.ts';
import { isOnTheWay, isReached, type Plan, undoOf } from './plan.ts';
import { digestOfJson, EXISTS, type ResourceState } from './state.ts';
import {
  countStarted,
  findRevert,
  holdResource,
  lockAccount,
  lockResource,
  type Revert,
  takeRevert,
  unlockResource,
  updateRevert,
} from './store.ts';
import type { RevertState } from './tables.ts';

const WINDOW_MS = 10 * 60_000;
/** Longer than the longest call (`vendors/aws/calls.ts` ends one after a minute) with what waits before it. */
const LOCK_MS = 2 * 60_000;
const READ_BACK_WAITS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000];
const SETTLE_WAITS_MS = [0, 1_000, 2_000, 4_000, 8_000, 10_000];
/** What AWS has not finished by then has failed. */
const LONGEST_UNSETTLED_MS = 30 * 60_000;
const RUNNABLE: readonly RevertState[] = ['planned', 'approved', 'running', 'undoing'];

/** Another run has the lock. */
class LockLost extends Error {}

interface Work {
  readonly options: RevertOptions;
  readonly holder: string;
  readonly revert: Revert;
  readonly chain: Chain;
  readonly entry: CatalogueEntry;
  readonly caller: Caller;
  readonly plan: Plan;
  /** A run before this one died on the way. */
  readonly resumed: boolean;
}

/** @returns the revert as it stands afterwards; unchanged when it is not this one's turn. */
export async function runRevert(options: RevertOptions, revert: Revert): Promise<Revert> {
  const { state, clock, random, ledger } = options;
  const holder = random.id(clock.nowMs());
  const begun = await begin(options, revert, holder);
  if (begun === null) return (await findRevert(state.db, revert.id)) ?? revert;
  const { revert: running, resumed } = begun;
  if (running.state !== 'running' && running.state !== 'undoing') return running;
  try {
    const outcome = await work(options, { running, holder, resumed });
    return await state.transaction(async (trx) => {
      await ledger.lock(trx, running.caseId);
      if (!(await unlockResource(trx, running, holder))) throw new LockLost();
      if (outcome === null) return running;
      const taken = await takeRevert(trx, running.id, ['running', 'undoing']);
      return taken === null ? running : enter(ledger, trx, taken, outcome, clock.nowMs());
    });
  } catch (error) {
    if (!(error instanceof LockLost)) throw error;
    return (await findRevert(state.db, revert.id)) ?? revert;
  }
}

/** The intent, journaled before anything leaves; null when it is not this one's turn. */
async function begin(
  { state, clock, ledger, mostPerAccount }: RevertOptions,
  { id, caseId }: Revert,
  holder: string,
): Promise<{ readonly revert: Revert; readonly resumed: boolean } | null> {
  return state.transaction(async (trx) => {
    await ledger.lock(trx, caseId);
    const revert = await takeRevert(trx, id, RUNNABLE);
    if (revert === null || !mayRun(revert)) return null;
    const nowMs = clock.nowMs();
    if (!(await lockResource(trx, revert, { holder, nowMs, untilMs: nowMs + LOCK_MS }))) return null;
    if (revert.state === 'undoing') {
      const step = { state: 'undoing', failure: revert.failure, undoStartedMs: revert.undoStartedMs ?? nowMs } as const;
      return { revert: await updateRevert(trx, revert, step, nowMs), resumed: revert.undoStartedMs !== null };
    }
    if (revert.state === 'running') return { revert, resumed: true };
    await lockAccount(trx, revert.account);
    // A person who approved has looked; the breaker is for what nobody looked at.
    const isCounted = revert.startedMs === null && revert.approvedBy === null;
    if (isCounted && (await countStarted(trx, revert.account, nowMs - WINDOW_MS)) >= mostPerAccount) {
      await unlockResource(trx, revert, holder);
      const failure = `more than ${mostPerAccount} reverts in ten minutes in account ${revert.account}`;
      const held = await enter(ledger, trx, revert, { state: 'held', kind: 'revert-held', failure }, nowMs);
      return { revert: held, resumed: false };
    }
    const entry: Entry = { state: 'running', kind: 'revert-started', startedMs: revert.startedMs ?? nowMs };
    return { revert: await enter(ledger, trx, revert, entry, nowMs), resumed: false };
  });
}

function mayRun({ state, mode }: Revert): boolean {
  return state === 'planned' ? mode === 'auto' : true;
}

/** @returns null while AWS has not finished. */
async function work(
  options: RevertOptions,
  given: { readonly running: Revert; readonly holder: string; readonly resumed: boolean },
): Promise<Entry | null> {
  const { running, holder, resumed } = given;
  const chain = chainOf(running);
  const entry = chain?.changes.at(-1)?.entry;
  const { plan } = running;
  const caller = plan === null ? null : options.callerOf(running.account, regionOf(plan.resource));
  if (chain === null || entry === undefined || plan === null || caller === null)
    return failed('there is no way to the account any more');
  const all: Work = { options, holder, revert: running, chain, entry, caller, plan, resumed };
  try {
    return running.state === 'undoing' ? await leadBack(all) : await carryOut(all);
  } catch (error) {
    const begunMs = running.undoStartedMs ?? running.startedMs ?? 0;
    if (error instanceof Unsettled && options.clock.nowMs() - begunMs < LONGEST_UNSETTLED_MS) return null;
    if (error instanceof Unsettled || error instanceof CallFailure) return failed(wordOf(error));
    throw error;
  }
}

function failed(failure: string): Entry {
  return { state: 'failed', kind: 'revert-failed', failure };
}

async function carryOut(given: Work): Promise<Entry> {
  const { options, revert, chain, resumed } = given;
  const again = await consider(options, { ...chain, begun: resumed });
  if (again.type === 'already-done')
    return resumed && (await hasCalled(options.state, revert))
      ? proven(given, given.plan, given.plan.to)
      : { state: 'already-done', kind: 'revert-already-done' };
  if (again.type === 'failed') return failed(again.why);
  if (again.type === 'conflict') return { state: 'conflict', kind: 'revert-conflict', failure: again.why };
  // Exactly the plan that was shown, or nothing; what a died run left to do is part of it.
  if (!resumed && again.digest !== revert.digest)
    return { state: 'conflict', kind: 'revert-conflict', failure: 'the plan is no longer the one that was shown' };
  if (resumed && !isPartOf(given.plan, again.plan))
    return {
      state: 'conflict',
      kind: 'revert-conflict',
      failure: 'it was changed again since: what is left to do was never planned',
    };
  // Undoing leads back to where the first run found it.
  const plan = resumed ? given.plan : again.plan;
  await makeCalls({ ...given, plan }, again.plan);
  const found = await readBack(given, again.plan);
  return found === undefined
    ? failed('it was called, and reading it back does not show it')
    : proven(given, plan, found);
}

/**
 * What a run that died left to do is some of what was planned, and nothing else: where another kind of call is needed, somebody changed
 * what we had half made.
 */
function isPartOf(whole: Plan, rest: Plan): boolean {
  const planned = new Set(whole.calls.map(({ service, operation }) => `${service}:${operation}`));
  return rest.calls.every(({ service, operation }) => planned.has(`${service}:${operation}`));
}

/** What the journal keeps as proof: what was read back, what it was compared with, and what would undo it. */
function proven({ entry, revert }: Work, plan: Plan, found: ResourceState): Entry {
  const undo = undoOf(plan, entry, found);
  return {
    state: 'reverted',
    kind: 'reverted',
    failure: entry.doubt?.(found) ?? null,
    plan,
    parameters: {
      calls: plan.calls.length,
      readBack: digestOfJson(found),
      baseline: plan.trusted?.digest ?? null,
      trust: plan.trusted?.trust ?? 'event',
      undo: digestOfJson(undo.calls.map(({ service, operation }) => `${service}:${operation}`)),
      ...(revert.approvedBy === null ? {} : { approvedBy: revert.approvedBy }),
    },
  };
}

/** The calls of `next`; the plan that undoing leads back from is kept before the first of them leaves. */
async function makeCalls(given: Work, next: Plan): Promise<void> {
  const { options, revert, entry, caller, plan } = given;
  const { state, clock } = options;
  const { resource } = plan;
  const archive: CallPlace['archive'] = (digest) => readArchive(state.db, digest);
  if (options.tries === true)
    await tryCalls(entry, next.calls, { caller, resource, from: next.from, nowMs: clock.nowMs(), archive });
  for (const [number, planned] of next.calls.entries()) {
    const at = { caller, resource, from: next.from, nowMs: clock.nowMs(), archive };
    const answer = await patiently(clock, async () => {
      const call = (await entry.complete?.(planned, at)) ?? planned;
      await state.transaction(async (trx) => {
        await hold(given, trx);
        if (number === 0) await updateRevert(trx, revert, { state: revert.state, plan }, clock.nowMs());
        await noteCall(trx, { revert, call, resource, nowMs: clock.nowMs() });
      });
      return orNone(caller.call(call), ...(entry.fine ?? []));
    });
    if (answer !== null)
      await settle(given, planned, async () => (await entry.isSettled?.(planned, answer, at)) ?? true);
  }
}

/** Waits until AWS has done what it accepted. @throws Unsettled when that takes too long to wait here. */
async function settle(given: Work, { operation }: Call, isSettled: () => Promise<boolean>): Promise<void> {
  const { clock, state } = given.options;
  for (const waitMs of SETTLE_WAITS_MS) {
    if (waitMs > 0) await clock.sleep(waitMs);
    await state.transaction((trx) => hold(given, trx));
    if (await patiently(clock, isSettled)) return;
  }
  throw new Unsettled(`AWS has accepted ${operation} and not finished it`);
}

async function hold({ options, holder, revert }: Work, trx: StateTransaction): Promise<void> {
  const nowMs = options.clock.nowMs();
  if (!(await holdResource(trx, revert, { holder, nowMs, untilMs: nowMs + LOCK_MS }))) throw new LockLost();
}

/** What stands there once it is as wanted; `undefined` when it never shows. */
async function readBack(given: Work, plan: Plan): Promise<ResourceState | undefined> {
  const { options, entry, caller } = given;
  for (const waitMs of READ_BACK_WAITS_MS) {
    if (waitMs > 0) await options.clock.sleep(waitMs);
    await options.state.transaction((trx) => hold(given, trx));
    const current = await patiently(options.clock, () => entry.read(caller, plan.resource));
    if (isReached(plan, current)) return current;
  }
  return undefined;
}

/** Undoing: back to where the first call found it, as long as nobody changed it since. */
async function leadBack(given: Work): Promise<Entry> {
  const { options, entry, caller, plan, resumed } = given;
  const current = await patiently(options.clock, () => entry.read(caller, plan.resource));
  const back = undoOf(plan, entry, current);
  if (!isOnTheWay({ from: plan, to: back }, current) && !(resumed && isHalfMade(back, current)))
    return { state: 'reverted', kind: 'revert-undo-refused', failure: 'it was changed again since' };
  if (!isReached(back, current)) {
    if (back.calls.length === 0)
      return { state: 'reverted', kind: 'revert-undo-refused', failure: 'no call leads back to what was there' };
    await makeCalls(given, back);
  }
  const found = await readBack(given, back);
  if (found === undefined) return failed('undoing was called, and reading it back does not show it');
  return { state: 'undone', kind: 'revert-undone', parameters: { readBack: digestOfJson(found) } };
}

/** What our own undoing began to make anew; the rest follows. */
function isHalfMade({ to, fields }: Plan, current: ResourceState): boolean {
  return fields.includes(EXISTS) && to !== null && current !== null;
}
