/**
 * Performs what cases decided, as it falls due. Any number of workers may run; a worker may be killed anywhere: its lease runs
 * out and another goes on.
 *
 * The surprise: a page is sent before it is noted as sent. Dying in between sends it again with the same key; dying the other
 * way round would lose it.
 */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { Random } from '../ground/random.ts';
import type { CaseInput } from './case.ts';
import { conductInput } from './conduct.ts';
import type { Delivery, PageChannel } from './page/page.ts';
import type { CaseStore, DueEffect } from './store.ts';

export interface WorkerOptions {
  readonly store: CaseStore;
  readonly channels: ReadonlyMap<string, PageChannel>;
  /** Puts the question to the person: mints the link and hands it to whatever reaches them. */
  readonly ask: (caseId: string) => Promise<Delivery>;
  readonly caseUrl: (caseId: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly name: string;
}

const LEASE_MS = 60_000;
const MOST_AT_ONCE = 20;
/** The longest sleep between looks; a new decision wakes nobody, so it is also the latency of a page. */
const LONGEST_SLEEP_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** A question that cannot be put within this many tries is not put: the case pages. */
const MOST_ASKS = 5;

/** Works until `signal` aborts. An error of the store is logged and tried again. */
export async function runCaseWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    let performed = 0;
    try {
      performed = await workOnce(options);
    } catch (error) {
      log.error('the case worker could not work; it tries again', { error });
      await clock.sleep(LONGEST_SLEEP_MS, signal);
    }
    if (performed === 0) await clock.sleep(LONGEST_SLEEP_MS, signal);
  }
}

/** Takes what is due now and performs it; returns how many effects were taken. */
export async function workOnce(options: WorkerOptions): Promise<number> {
  const nowMs = options.clock.nowMs();
  const due = await options.store.takeDue({ nowMs, leaseMs: LEASE_MS, limit: MOST_AT_ONCE, worker: options.name });
  const results = await Promise.allSettled(due.map((effect) => perform(effect, options)));
  for (const [index, result] of results.entries()) {
    if (result.status === 'rejected') {
      options.log.error('an effect failed and is tried again', { key: due[index]?.key, error: result.reason });
    }
  }
  return due.length;
}

async function perform(due: DueEffect, options: WorkerOptions): Promise<void> {
  const { effect } = due;
  switch (effect.type) {
    case 'challenge-deadline':
      return performInput(due, { type: 'challenge-due', deadlineMs: effect.dueMs }, options);
    case 'page-repeat':
      return performInput(due, { type: 'page-due', pageNumber: effect.pageNumber }, options);
    case 'acknowledgement-deadline':
      return performInput(due, { type: 'acknowledgement-due', deadlineMs: effect.dueMs }, options);
    case 'ask':
      return performAsk(due, options);
    case 'page':
      return performPage(due, effect, options);
  }
}

/** A deadline: the decision and the end of the effect are one transaction. */
async function performInput(due: DueEffect, input: CaseInput, options: WorkerOptions): Promise<void> {
  const nowMs = options.clock.nowMs();
  await options.store.transact(async (unit) => {
    if (!(await unit.finish(due, nowMs))) return;
    await conductInput(unit, due.caseId, input, { channels: [...options.channels.keys()], nowMs });
  });
}

async function performAsk(due: DueEffect, options: WorkerOptions): Promise<void> {
  const delivery = await options.ask(due.caseId).catch(failedBy);
  if (delivery.type === 'delivered') return finish(due, options);
  if (due.attempt >= MOST_ASKS) return performInput(due, { type: 'cannot-ask', why: delivery.failure }, options);
  return retry(due, delivery, options);
}

async function performPage(
  due: DueEffect,
  effect: Extract<DueEffect['effect'], { type: 'page' }>,
  options: WorkerOptions,
): Promise<void> {
  const channel = options.channels.get(due.channel ?? '');
  if (channel === undefined) {
    options.log.warn('a page was meant for a channel that is no longer configured', {
      channel: due.channel,
      caseId: due.caseId,
    });
    return finish(due, options);
  }
  const { paged, headline } = await options.store.transact(async (unit) => {
    const current = await unit.loadCase(due.caseId);
    const findings = current === null ? [] : await unit.findingsOfCase(due.caseId);
    return { paged: current, headline: findings.find(({ id }) => id === current?.headlineId) ?? findings[0] };
  });
  if (paged === null || headline === undefined) throw new Error(`the case ${due.caseId} of a page does not exist`);
  // Somebody has answered meanwhile: calling for help now would wake people for nothing.
  if (effect.action === 'trigger' && paged.state !== 'paged') return finish(due, options);
  const delivery = await channel
    .deliver({
      action: effect.action,
      dedupKey: `countersign-${paged.id}`,
      pageNumber: effect.pageNumber,
      attempt: due.attempt,
      case: paged,
      headline,
      url: options.caseUrl(paged.id),
    })
    .catch(failedBy);
  return delivery.type === 'delivered' ? finish(due, options) : retry(due, delivery, options);
}

async function finish(due: DueEffect, options: WorkerOptions): Promise<void> {
  await options.store.transact((unit) => unit.finish(due, options.clock.nowMs()));
}

async function retry(
  due: DueEffect,
  delivery: Extract<Delivery, { type: 'failed' }>,
  options: WorkerOptions,
): Promise<void> {
  const waitMs = delivery.afterMs ?? backoffMs(due.attempt, options.random);
  const dueMs = options.clock.nowMs() + waitMs;
  options.log.warn('an effect failed and is tried again', {
    key: due.key,
    attempt: due.attempt,
    failure: delivery.failure,
    waitMs,
  });
  await options.store.transact((unit) => unit.retry(due, { dueMs, failure: delivery.failure }));
}

/** Doubling, capped, with up to half of it left to chance so that servers do not knock in step. */
function backoffMs(attempt: number, random: Random): number {
  const full = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10));
  return Math.round(full * (0.5 + random.fraction() / 2));
}

function failedBy(error: unknown): Delivery {
  return { type: 'failed', failure: error instanceof Error ? error.message : String(error), afterMs: null };
}
