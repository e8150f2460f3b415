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
import type { Case, CaseInput } from './case.ts';
import type { Follower } from './follow.ts';
import { conductInput } from './conduct.ts';
import type { Delivery, PageChannel } from './page/page.ts';
import type { CaseStore, DueEffect, WaitingPage } from './store.ts';

export interface WorkerOptions {
  readonly store: CaseStore;
  readonly channels: ReadonlyMap<string, PageChannel>;
  readonly followers: ReadonlyMap<string, Follower>;
  /** Puts the question to the person: mints the link and hands it to whatever reaches them. */
  readonly ask: (caseId: string) => Promise<Delivery>;
  /** Goes on with a second factor that takes its time. Null: it is over; a number: look again in that many ms. */
  readonly prove: (proofId: string) => Promise<number | null>;
  readonly caseUrl: (caseId: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly name: string;
}

const LEASE_MS = 60_000;
const MOST_AT_ONCE = 20;
const MOST_IN_FLIGHT = 100;
/** The longest sleep between looks; a new decision wakes nobody, so it is also the latency of a page. */
const LONGEST_SLEEP_MS = 500;
/** What is in flight has this long to end when the server stops. */
const STOP_MS = 3_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** A question that cannot be put within this many tries is not put: the case pages. */
const MOST_ASKS = 5;
/** A channel is busy with what came before about the same case. */
const ORDERED_AGAIN_MS = 1_000;
/** About a day of tries. */
const MOST_FOLLOWS = 1_500;

/**
 * Works until `signal` aborts. An error of the store is logged and tried again. What takes long (a vendor that does not answer,
 * a push on a phone) holds up nothing else while fewer than `MOST_IN_FLIGHT` do.
 */
export async function runCaseWorker(options: WorkerOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const inFlight = new Set<Promise<void>>();
  while (!signal.aborted) {
    const limit = Math.min(MOST_AT_ONCE, MOST_IN_FLIGHT - inFlight.size);
    let taken = 0;
    try {
      const due = limit <= 0 ? [] : await take(options, limit);
      taken = due.length;
      for (const effect of due) {
        const work = performOrLog(effect, options).finally(() => inFlight.delete(work));
        inFlight.add(work);
      }
    } catch (error) {
      log.error('the case worker could not work; it tries again', { error });
    }
    if (taken < limit || limit <= 0) await clock.sleep(LONGEST_SLEEP_MS, signal);
  }
  // Leases bring back what does not end in time.
  await Promise.race([Promise.all(inFlight), clock.sleep(STOP_MS)]);
}

/** Takes what is due now and performs it; returns how many effects were taken. */
export async function workOnce(options: WorkerOptions): Promise<number> {
  const due = await take(options, MOST_AT_ONCE);
  await Promise.all(due.map((effect) => performOrLog(effect, options)));
  return due.length;
}

function take({ store, clock, name }: WorkerOptions, limit: number): Promise<readonly DueEffect[]> {
  return store.takeDue({ nowMs: clock.nowMs(), leaseMs: LEASE_MS, limit, worker: name });
}

async function performOrLog(due: DueEffect, options: WorkerOptions): Promise<void> {
  try {
    await perform(due, options);
  } catch (error) {
    options.log.error('an effect failed and is tried again', { key: due.key, error });
  }
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
    case 'follow':
      return performFollow(due, effect, options);
    case 'prove':
      return performProof(due, effect.proofId, options);
  }
}

/** A deadline: the decision and the end of the effect are one transaction. */
async function performInput(
  due: DueEffect,
  input: CaseInput,
  options: WorkerOptions,
  outcome: 'done' | 'cancelled' = 'done',
): Promise<void> {
  // A deadline that was due is due: a clock that is set back meanwhile must not make it pass unseen.
  const nowMs = Math.max(options.clock.nowMs(), due.dueMs);
  await options.store.transact(async (unit) => {
    if (!(await unit.finish(due, nowMs, outcome))) return;
    await conductInput(unit, due.caseId, input, { followers: [...options.followers.keys()], nowMs });
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
  const channel = options.channels.get(effect.channel);
  if (channel === undefined) {
    options.log.warn('a page was meant for a channel that is no longer configured', {
      channel: effect.channel,
      caseId: due.caseId,
    });
    return finish(due, options, 'cancelled');
  }
  const { paged, headline, waiting } = await options.store.transact(async (unit) => {
    const current = await unit.loadCase(due.caseId);
    const findings = current === null ? [] : await unit.findingsOfCase(due.caseId);
    return {
      paged: current,
      headline: findings.find(({ id }) => id === current?.headlineId) ?? findings[0],
      waiting: await unit.waitingPages(due.caseId),
    };
  });
  if (paged === null || headline === undefined) throw new Error(`the case ${due.caseId} of a page does not exist`);
  const fate = fateOf(effect, { key: due.key, paged, waiting, nowMs: options.clock.nowMs() });
  if (fate === 'over') return finish(due, options, 'cancelled');
  if (fate === 'after-another') {
    const dueMs = options.clock.nowMs() + ORDERED_AGAIN_MS;
    await options.store.transact((unit) => unit.retry(due, { dueMs, failure: null }));
    return;
  }
  const delivery = await channel
    .deliver({
      action: effect.action,
      dedupKey: `countersign-${paged.id}`,
      pageNumber: effect.pageNumber,
      attempt: due.attempt,
      anew: effect.anew === true,
      person: effect.person,
      case: paged,
      headline,
      url: options.caseUrl(paged.id),
    })
    .catch(failedBy);
  if (delivery.type === 'delivered') return finish(due, options);
  if (delivery.type === 'failed') return retry(due, delivery, options);
  const { channel: way, person, call, pageNumber, onlyWay = false } = effect;
  options.log.warn('a way to a person is lost', { key: due.key, why: delivery.why });
  if (person === null) return finish(due, options, 'cancelled');
  return performInput(due, { type: 'way-lost', way, person, call, pageNumber, onlyWay }, options, 'cancelled');
}

/**
 * Whether a page is still to go out. Of a case that was answered meanwhile nobody is called, what is true no longer is not told, and a
 * page that could not be sent gives way to the next one of the same way: when a vendor comes back, one message comes and not an hour
 * of them. What one channel hears of one case it hears in order.
 */
export function fateOf(
  effect: Extract<DueEffect['effect'], { type: 'page' }>,
  at: {
    readonly key: string;
    readonly paged: Case;
    readonly waiting: readonly WaitingPage[];
    readonly nowMs: number;
  },
): 'send' | 'over' | 'after-another' {
  const { action, call, channel, person } = effect;
  const { state } = at.paged;
  const wanted = { trigger: 'paged', acknowledge: 'acknowledged', resolve: 'resolved' }[action];
  const isResponder = action === 'trigger' && call === 'responder' && state === 'acknowledged';
  if (state !== wanted && !isResponder) return 'over';
  const mine = at.waiting.findIndex(({ key }) => key === at.key);
  const same = at.waiting.filter(({ effect: other }) => other.channel === channel && other.person?.id === person?.id);
  const isNext = ({ effect: other }: WaitingPage) =>
    other.action === 'trigger' && other.call === call && other.dueMs <= at.nowMs;
  const later = same.filter((other) => at.waiting.indexOf(other) > mine);
  if (action === 'trigger' && effect.anew !== true && later.some(isNext)) return 'over';
  const isHeld = ({ takenUntilMs }: WaitingPage) => takenUntilMs !== null && takenUntilMs > at.nowMs;
  const earlier = same.filter((other) => at.waiting.indexOf(other) < mine);
  return person === null && earlier.some(isHeld) ? 'after-another' : 'send';
}

async function performFollow(
  due: DueEffect,
  effect: Extract<DueEffect['effect'], { type: 'follow' }>,
  options: WorkerOptions,
): Promise<void> {
  const follower = options.followers.get(effect.follower);
  if (follower === undefined) return finish(due, options, 'cancelled');
  const change = { caseId: due.caseId, key: due.key, kinds: effect.kinds, attempt: due.attempt };
  const delivery = await follower.follow(change).catch(failedBy);
  if (delivery.type === 'delivered') return finish(due, options);
  if (delivery.type === 'nothing-to-tell') return finish(due, options, 'cancelled');
  if (delivery.type === 'part-done') {
    const dueMs = options.clock.nowMs();
    await options.store.transact((unit) => unit.retry(due, { dueMs, failure: null }));
    return;
  }
  // What only shows a case may be given up in the end; what calls for help never is.
  if (due.attempt >= MOST_FOLLOWS) {
    options.log.warn('a change of a case could not be shown', { key: due.key, failure: delivery.failure });
    return finish(due, options, 'cancelled');
  }
  return retry(due, delivery, options);
}

async function performProof(due: DueEffect, proofId: string, options: WorkerOptions): Promise<void> {
  const againMs = await options.prove(proofId);
  if (againMs === null) return finish(due, options);
  const dueMs = options.clock.nowMs() + againMs;
  await options.store.transact((unit) => unit.retry(due, { dueMs, failure: null }));
}

async function finish(due: DueEffect, options: WorkerOptions, outcome: 'done' | 'cancelled' = 'done'): Promise<void> {
  await options.store.transact((unit) => unit.finish(due, options.clock.nowMs(), outcome));
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
