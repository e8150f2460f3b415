/**
 * Goes on with what others left: a run whose server died, a plan that was approved and never run, an undoing that stopped halfway, a change
 * that is to be trusted.
 *
 * The surprise: in the ordinary way it has nothing to do. Whoever plans or approves also runs; what it leaves behind in the outbox is
 * found done.
 */
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import { finishEffect, retryEffect, takeEffects, type TakenEffect } from '../../ground/outbox.ts';
import type { State } from '../../ground/state.ts';
import type { Accepting } from './baselines/acceptance.ts';
import { wordOf } from './consider.ts';
import type { Reverts } from './engine.ts';
import { REVERT_EFFECT } from './store.ts';
import type { RevertState } from './tables.ts';

export interface RevertWorkerOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  readonly reverts: Reverts;
  /** Takes what was vouched for into the trusted state. @throws when the resource cannot be read. */
  readonly accept: (accepting: Accepting) => Promise<void>;
  /** Unique for each worker and start. */
  readonly name: string;
}

/** The outbox's kind of "this change is trusted". */
export const ACCEPT_EFFECT = 'revert-accept';

const LEASE_MS = 60_000;
const AT_ONCE = 4;
const IDLE_MS = 1_000;
const AGAIN_MS = 15_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 10 * 60_000;
/** About two days of tries; then the drift from the baseline tells of it. */
const MOST_TRIES = 300;
const UNFINISHED: readonly RevertState[] = ['approved', 'running', 'undoing'];

/** Works until `signal` aborts. An error of the store is logged and tried again. */
export async function runRevertWorker(options: RevertWorkerOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    let taken = 0;
    try {
      taken = await workOnReverts(options);
    } catch (error) {
      log.error('the revert worker could not work; it tries again', { error });
    }
    if (taken === 0) await clock.sleep(IDLE_MS, signal);
  }
}

/** Takes what is due now and performs it; returns how much was taken. */
export async function workOnReverts(options: RevertWorkerOptions): Promise<number> {
  const { state, clock, name } = options;
  const kinds = [REVERT_EFFECT, ACCEPT_EFFECT];
  const due = await takeEffects(state, {
    kinds,
    limit: AT_ONCE,
    leaseMs: LEASE_MS,
    nowMs: clock.nowMs(),
    worker: name,
  });
  await Promise.all(due.map((effect) => performOrRetry(options, effect)));
  return due.length;
}

async function performOrRetry(options: RevertWorkerOptions, effect: TakenEffect): Promise<void> {
  const { state, clock, log } = options;
  let againMs: number | null;
  let failure: string | null = null;
  try {
    againMs = effect.kind === REVERT_EFFECT ? await goOn(options, effect) : await accept(options, effect);
  } catch (error) {
    failure = wordOf(error);
    againMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(effect.attempt - 1, 10));
    log.warn('a revert could not be gone on with; it is tried again', {
      key: effect.key,
      attempt: effect.attempt,
      error,
    });
    if (effect.attempt >= MOST_TRIES) againMs = null;
  }
  const nowMs = clock.nowMs();
  const dueMs = nowMs + (againMs ?? 0);
  await state.transaction(async (trx) => {
    if (againMs === null) await finishEffect(trx, effect, nowMs);
    else await retryEffect(trx, effect, { dueMs, failure });
  });
}

/** Null when it has come to an end, or waits for a person. */
async function goOn({ reverts }: RevertWorkerOptions, { payload }: TakenEffect): Promise<number | null> {
  const { revertId } = payload as { readonly revertId: string };
  const revert = await reverts.run(revertId);
  if (revert === null) return null;
  const isOpen = UNFINISHED.includes(revert.state) || (revert.state === 'planned' && revert.mode === 'auto');
  return isOpen ? AGAIN_MS : null;
}

async function accept(options: RevertWorkerOptions, { payload }: TakenEffect): Promise<null> {
  await options.accept(payload as Accepting);
  return null;
}
