/**
 * Watches intake itself: an account that fell silent, events that come too late, work that piles up. Each is an alert of our own,
 * raised once and resolved when it is over.
 *
 * The surprise: silence is judged account by account. A trail that somebody switched off in one of them must not be hidden by the
 * noise of the others.
 */
import type { AccountHealth } from '@countersign/contract';
import { sql } from 'kysely';
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { storable } from '../../ground/storable.ts';
import type { OwnAlert } from '../alerts/raise.ts';
import { intakeHealth } from '../inbox-health.ts';
import type { WatchLimits } from './configuration.ts';
import { accountOf } from './digest.ts';
import { forgetTaken } from './ledger.ts';
import type { TrailTables } from './tables.ts';

export interface WatchOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: WatchLimits;
  /** Accounts that are configured: they are missed even if they were never heard. Id → name. */
  readonly accounts: ReadonlyMap<string, string>;
  /** Names of the queues that are read: with any, accounts are missed from the start. */
  readonly queues: readonly string[];
  /** What else must be heard: hosts. */
  readonly others?: (look: Look) => Promise<readonly Trouble[]>;
  readonly raise: (trx: StateTransaction, alert: OwnAlert) => Promise<void>;
}

export interface Trouble {
  readonly key: string;
  readonly summary: string;
  readonly class: string;
  readonly account: string | null;
}

export interface Look {
  readonly nowMs: number;
  readonly startedMs: number;
  /** Troubles that have an open alert. */
  readonly known: ReadonlySet<string>;
}

const LOOK_MS = 10_000;
/** A queue answers every twenty seconds, and an object is there when its notification is. */
const QUEUE_PATIENCE_MS = 10 * 60_000;
const SHORTEST_PATIENCE_MS = 60_000;
/** A trail writes one every hour, also about nothing. */
const DIGEST_PATIENCE_MS = 3 * 3_600_000;
/** A trouble that ends within this time begins and ends once, not again and again. */
const SETTLE_MS = 60_000;
const MOST_ACCOUNTS = 5_000;

/** Notes that accounts were heard; in the transaction that finishes their batch. */
export async function noteAccountsHeard(
  trx: StateTransaction,
  heard: readonly { readonly account: string; readonly eventMs: number }[],
  nowMs: number,
): Promise<void> {
  // In one order everywhere, so that two batches cannot wait for each other's rows.
  for (const { account, eventMs } of heard.toSorted((one, other) => (one.account < other.account ? -1 : 1))) {
    await sql`
      insert into account_heard as a (account, newest_event_ms, last_heard_ms, batches)
      values (${storable(account)}, ${Math.min(eventMs, nowMs)}, ${nowMs}, 1)
      on conflict (account) do update set
        newest_event_ms = greatest(a.newest_event_ms, excluded.newest_event_ms),
        last_heard_ms = greatest(a.last_heard_ms, excluded.last_heard_ms),
        batches = a.batches + 1`.execute(trx);
  }
}

/** Looks until `signal` aborts. Rows decide, so that any number of servers raise one alert. */
export async function watchIntake(options: WatchOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const startedMs = clock.nowMs();
  while (!signal.aborted) {
    try {
      await lookAtIntake(options, startedMs);
      await forgetTaken(options.state, clock.nowMs());
    } catch (error) {
      log.error('intake could not be looked at; trying again', { error });
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

/** One look. `startedMs`: what was silent only while we were away is not missed at once. */
export async function lookAtIntake(options: WatchOptions, startedMs: number): Promise<void> {
  const { state, clock } = options;
  const nowMs = clock.nowMs();
  const told = await state.db.withTables<TrailTables>().selectFrom('intake_trouble').select('key').execute();
  const troubles = await troublesOf(options, { nowMs, startedMs, known: new Set(told.map(({ key }) => key)) });
  await state.transaction(async (trx) => {
    const db = trx.withTables<TrailTables>();
    const open = await db.selectFrom('intake_trouble').selectAll().forUpdate().execute();
    const known = new Map(open.map(({ key, since_ms }) => [key, since_ms]));
    const now = new Set(troubles.map(({ key }) => key));
    for (const trouble of troubles.filter(({ key }) => !known.has(key))) {
      const inserted = await db
        .insertInto('intake_trouble')
        .values({ key: trouble.key, since_ms: nowMs })
        .onConflict((conflict) => conflict.column('key').doNothing())
        .returning('key')
        .executeTakeFirst();
      if (inserted !== undefined) await options.raise(trx, alertOf(trouble, 'trigger'));
    }
    for (const [key, sinceMs] of known) {
      if (now.has(key) || nowMs - sinceMs < SETTLE_MS) continue;
      await db.deleteFrom('intake_trouble').where('key', '=', key).execute();
      await options.raise(
        trx,
        alertOf({ key, summary: 'Intake is well again', class: 'Intake', account: null }, 'resolve'),
      );
    }
  });
}

async function troublesOf(options: WatchOptions, look: Look): Promise<readonly Trouble[]> {
  const { state, limits } = options;
  const { waiting, oldestMs } = await backlogOf(state);
  const stuckMs = oldestMs === null ? 0 : look.nowMs - oldestMs;
  const isBehind = waiting > limits.backlogBatches || stuckMs > limits.lagMs;
  const summary = `${waiting} batches wait in the inbox, the oldest for ${minutesOf(stuckMs)} minutes`;
  const backlog = { key: 'backlog', summary, class: 'Intake backlog', account: null };
  return [
    ...(await silentAccounts(options, look)),
    ...(await stuckQueues(options, look)),
    ...(isBehind ? [backlog] : []),
    ...((await options.others?.(look)) ?? []),
  ];
}

async function silentAccounts(
  { state, limits, accounts, queues }: WatchOptions,
  { nowMs, startedMs, known }: Look,
): Promise<readonly Trouble[]> {
  const rows = await state.db
    .withTables<TrailTables>()
    .selectFrom('account_heard')
    .selectAll()
    .orderBy('account')
    .limit(MOST_ACCOUNTS)
    .execute();
  const heard = new Map(rows.map((row) => [row.account, row]));
  // Before anything is connected there is nothing to miss.
  const isConnected = rows.length > 0 || queues.length > 0;
  const watched = isConnected ? new Set([...accounts.keys(), ...heard.keys()]) : [];
  const troubles: Trouble[] = [];
  for (const account of watched) {
    const row = heard.get(account);
    const name = accounts.get(account) ?? account;
    const key = `silence:${account}`;
    // Our own absence is no silence of theirs; but a silence that was told goes on until something is heard.
    const lastMs = Math.max(row?.last_heard_ms ?? 0, known.has(key) ? 0 : startedMs);
    if (nowMs - lastMs > limits.silenceMs) {
      const since = row === undefined ? 'it was configured' : new Date(row.last_heard_ms).toISOString();
      const summary = `Nothing has been heard from ${name} since ${since}`;
      troubles.push({ key, summary, class: 'Account fell silent', account });
    } else if (row !== undefined && row.last_heard_ms - row.newest_event_ms > limits.lagMs) {
      const summary = `Events of ${name} come ${minutesOf(row.last_heard_ms - row.newest_event_ms)} minutes late`;
      troubles.push({ key: `lag:${account}`, summary, class: 'Events come late', account });
    }
  }
  return troubles;
}

/** Queues that cannot be read, objects that cannot be fetched, digests that stopped coming. */
async function stuckQueues(
  { state, limits, queues }: WatchOptions,
  { nowMs, startedMs, known }: Look,
): Promise<readonly Trouble[]> {
  if (queues.length === 0) return [];
  const db = state.db.withTables<TrailTables>();
  const patienceMs = Math.max(SHORTEST_PATIENCE_MS, Math.min(QUEUE_PATIENCE_MS, limits.silenceMs));
  const readings = new Map((await db.selectFrom('trail_queue').selectAll().execute()).map((row) => [row.name, row]));
  const unread = queues.flatMap((name): Trouble[] => {
    const row = readings.get(name);
    const key = `queue:${name}`;
    const sinceMs = Math.max(row?.read_ms ?? 0, known.has(key) ? 0 : startedMs);
    if (nowMs - sinceMs <= patienceMs) return [];
    const summary = `The queue ${name} could not be read for ${minutesOf(nowMs - sinceMs)} minutes: ${row?.failure ?? 'no answer'}`;
    return [{ key, summary, class: 'Queue cannot be read', account: null }];
  });
  const failing = await db
    .selectFrom('trail_object')
    .select(({ fn }) => ['queue', fn.countAll<number>().as('count'), fn.max('failure').as('failure')])
    .where('failing_since_ms', '<', nowMs - patienceMs)
    .groupBy('queue')
    .execute();
  const objects = failing.map(({ queue, count, failure }): Trouble => {
    const summary = `${count} objects of the queue ${queue} cannot be read: ${failure ?? ''}`;
    return { key: `objects:${queue}`, summary, class: 'Trail objects cannot be read', account: null };
  });
  const overdueMs = Math.max(DIGEST_PATIENCE_MS, limits.silenceMs);
  const chains = await db.selectFrom('trail_digest').selectAll().limit(MOST_ACCOUNTS).execute();
  const digests = chains.flatMap(({ chain, key, seen_ms: seenMs }): Trouble[] => {
    const id = `digest:${chain}`;
    const sinceMs = Math.max(seenMs, known.has(id) ? 0 : startedMs);
    if (nowMs - sinceMs <= overdueMs) return [];
    const summary = `The trail signed nothing since ${new Date(seenMs).toISOString()}: ${chain.split('/').at(-1) ?? chain}`;
    return [{ key: id, summary, class: 'Trail digests stopped', account: accountOf(key) }];
  });
  return [...unread, ...objects, ...digests];
}

function minutesOf(ms: number): number {
  return Math.round(ms / 60_000);
}

async function backlogOf(state: State): Promise<{ readonly waiting: number; readonly oldestMs: number | null }> {
  const { oldestWaitingMs } = await intakeHealth(state);
  const { rows } = await sql<{
    waiting: number;
  }>`select count(*)::int as waiting from inbox where finished_ms is null`.execute(state.db);
  return { waiting: rows[0]?.waiting ?? 0, oldestMs: oldestWaitingMs };
}

function alertOf(trouble: Trouble, action: 'trigger' | 'resolve'): OwnAlert {
  return {
    action,
    dedupKey: `intake:${trouble.key}`,
    summary: trouble.summary,
    severity: 'critical',
    source: 'intake',
    component: trouble.account,
    class: trouble.class,
    account: trouble.account,
  };
}

/** How each account is doing: those with trouble first, then the longest unheard. @param names of the configured ones, by id. */
export async function accountHealth(
  state: State,
  names: ReadonlyMap<string, string>,
): Promise<readonly AccountHealth[]> {
  const db = state.db.withTables<TrailTables>();
  const rows = await db.selectFrom('account_heard').selectAll().limit(MOST_ACCOUNTS).execute();
  const troubles = new Set((await db.selectFrom('intake_trouble').select('key').execute()).map(({ key }) => key));
  const heard = new Map(rows.map((row) => [row.account, row]));
  const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  const all = [...new Set([...names.keys(), ...heard.keys()])].map((account): AccountHealth => {
    const row = heard.get(account);
    const trouble = (['silence', 'lag'] as const).find((kind) => troubles.has(`${kind}:${account}`)) ?? null;
    const times = { lastHeardAt: iso(row?.last_heard_ms), lastEventAt: iso(row?.newest_event_ms) };
    return { account, name: names.get(account) ?? account, ...times, trouble };
  });
  const rank = ({ trouble, lastHeardAt }: AccountHealth) => `${trouble === null ? 1 : 0}${lastHeardAt ?? ''}`;
  return all.sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
}
