/**
 * Reading an account, type by type and region by region: at enrolment, when what is there becomes trusted, and then on a schedule, when
 * what is there is compared.
 *
 * The surprise: enrolling again never trusts what differs from a baseline, unless it is told to. Otherwise whoever changed something
 * would only have to wait for the next enrolment.
 */
import { sql } from 'kysely';
import type { Clock } from '../../../ground/clock.ts';
import type { Log } from '../../../ground/log.ts';
import type { Random } from '../../../ground/random.ts';
import type { State, StateTransaction } from '../../../ground/state.ts';
import { storable } from '../../../ground/storable.ts';
import { type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import { type ResourceKind, type ResourceRef, resourceKey, Unsettled } from '../catalogue.ts';
import { patiently, regionOf, wordOf } from '../consider.ts';
import { CLUSTER } from '../kubernetes/objects.ts';
import type { RevertTables } from '../tables.ts';
import { noteDrift } from './drift.ts';
import { baselineBefore, keepBaseline, withArchive } from './store.ts';

export interface ReadingOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly kinds: readonly ResourceKind[];
  /** Null: we have no role in that account. */
  callerOf(account: string, region: string): Caller | null;
  /** Types of which something would be put back without waiting for an answer. */
  readonly urgentTypes: ReadonlySet<string>;
  /** After so long everything is compared again; null: never. */
  readonly everyMs: number | null;
  /** Unique for each process. */
  readonly holder: string;
  /** Told after each resource. */
  progress?(reading: Reading, total: number): void;
}

export interface Reading {
  readonly account: string;
  readonly region: string;
  readonly type: string;
  readonly purpose: 'enrol' | 'drift';
  readonly replaces: boolean;
  readonly afterId: string | null;
  readonly seen: number;
  readonly taken: number;
  readonly differing: number;
  readonly unreadable: number;
  readonly failure: string | null;
  readonly isDone: boolean;
}

export const GLOBAL = 'aws-global';
/** Longer than one resource takes, with everything that is tried again. */
const LEASE_MS = 90_000;
const MOST_RESOURCES = 100_000;
const IDLE_MS = 10_000;
const FIRST_AGAIN_MS = 5 * 60_000;

/** Asks that an account be enrolled; what a killed enrolment has done already stays done. */
export async function requestEnrolment(
  trx: StateTransaction,
  given: {
    readonly account: string;
    readonly regions: readonly string[];
    readonly kinds: readonly ResourceKind[];
    readonly replaces: boolean;
    /** Nobody else can be reading: what has a lease was killed. */
    readonly isAlone: boolean;
    readonly nowMs: number;
  },
): Promise<void> {
  const { account, regions, kinds, replaces, isAlone, nowMs } = given;
  if (isAlone) {
    const left = trx.withTables<RevertTables>().updateTable('baseline_reading').where('account', '=', account);
    await left.set({ holder: null, lease_until_ms: null }).execute();
  }
  for (const { type, reach } of kinds) {
    for (const region of reach === 'global' ? [type.startsWith('Kubernetes::') ? CLUSTER : GLOBAL] : regions) {
      const begin = { purpose: 'enrol', replaces, due_ms: nowMs, failure: null, finished_ms: null } as const;
      const fresh = { ...begin, after_id: null, seen: 0, taken: 0, differing: 0, unreadable: 0, started_ms: nowMs };
      await trx
        .withTables<RevertTables>()
        .insertInto('baseline_reading')
        .values({ account, region, type, ...fresh })
        .onConflict((conflict) =>
          conflict
            .columns(['account', 'region', 'type'])
            .doUpdateSet(fresh)
            // One that is under way, or died on the way, is gone on with where it was.
            .where((eb) =>
              eb.not(
                eb.and([
                  eb('baseline_reading.purpose', '=', 'enrol'),
                  eb('baseline_reading.finished_ms', 'is', null),
                  eb('baseline_reading.after_id', 'is not', null),
                  eb('baseline_reading.replaces', '=', replaces),
                ]),
              ),
            ),
        )
        .execute();
    }
  }
}

/** What was asked for since then: a type and region each, and how far it is. What was only compared since is not among it. */
export async function readingsOf(
  { db }: Pick<State, 'db'>,
  { account, sinceMs }: { readonly account: string; readonly sinceMs: number },
): Promise<readonly Reading[]> {
  const rows = await db
    .withTables<RevertTables>()
    .selectFrom('baseline_reading')
    .selectAll()
    .where('account', '=', account)
    .where((eb) => {
      const isOpen = eb.or([eb('finished_ms', 'is', null), eb('finished_ms', '>=', sinceMs)]);
      return eb.or([eb('enrolled_ms', '>=', sinceMs), eb.and([eb('purpose', '=', 'enrol'), isOpen])]);
    })
    .orderBy('region')
    .orderBy('type')
    .limit(MOST_RESOURCES)
    .execute();
  return rows.map((row) => ({
    ...toReading(row),
    ...{ seen: row.seen, taken: row.taken, differing: row.differing, unreadable: row.unreadable },
    isDone: row.finished_ms !== null,
  }));
}

/** Takes what is due with a lease, of each account one at a time; null when nothing is. */
export async function takeReading(
  { state, holder }: ReadingOptions,
  given: { readonly nowMs: number; readonly account?: string },
): Promise<Reading | null> {
  const { nowMs, account = null } = given;
  const taken = await sql<RevertTables['baseline_reading']>`
    update baseline_reading set holder = ${holder}, lease_until_ms = ${nowMs + LEASE_MS},
      started_ms = case when after_id is null then ${nowMs} else started_ms end
    where (account, region, type) in (
      select one.account, one.region, one.type from baseline_reading as one
      where one.due_ms <= ${nowMs}
        and (${account}::text is null or (one.account = ${account} and one.purpose = 'enrol'))
        and (one.lease_until_ms is null or one.lease_until_ms <= ${nowMs})
        and not exists (
          select 1 from baseline_reading as other
          where other.account = one.account and other.lease_until_ms > ${nowMs} and other.holder <> ${holder}
        )
      order by one.due_ms, one.region, one.type
      limit 1
      for update skip locked
    )
    returning *`.execute(state.db);
  const [row] = taken.rows;
  return row === undefined ? null : toReading(row);
}

/** Reads whatever falls due until `signal` aborts. */
export async function runReadings(options: ReadingOptions & { readonly log: Log }, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    let reading: Reading | null = null;
    try {
      reading = await takeReading(options, { nowMs: clock.nowMs() });
      const ended = reading === null ? null : await read(options, reading, signal);
      const { account, region, type, failure } = ended ?? { failure: null };
      if (failure !== null)
        log.warn('an account could not be read; it is tried again', { account, region, type, failure });
    } catch (error) {
      log.error('the readings of accounts could not go on; they are tried again', { error });
    }
    if (reading === null) await clock.sleep(IDLE_MS, signal);
  }
}

/** One reading to its end, or until `signal` aborts. What cannot be listed is tried again later. */
export async function read(options: ReadingOptions, reading: Reading, signal: AbortSignal): Promise<Reading> {
  const { account, region, type } = reading;
  const kind = options.kinds.find((one) => one.type === type);
  const caller = options.callerOf(account, regionOf({ type, account, region, id: '' }));
  if (kind === undefined || caller === null) {
    const why =
      kind === undefined ? 'the catalogue no longer has this type' : 'there is no role of ours in the account';
    return finish(options, { ...reading, failure: why });
  }
  let ids: readonly string[];
  try {
    ids = await patiently(options.clock, () => kind.list(caller, { account, region }));
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    return finish(options, { ...reading, failure: wordOf(error) });
  }
  const known = await baselinedIds(options.state, reading);
  const all = [...new Set([...ids, ...known])].sort().slice(0, MOST_RESOURCES);
  let current: Reading = { ...reading, failure: null };
  for (const id of all.filter((one) => reading.afterId === null || one > reading.afterId)) {
    if (signal.aborted) return letGo(options, current);
    const outcome = await readOne(options, { kind, caller, reading, resource: { type, account, region, id } });
    current = {
      ...current,
      afterId: id,
      seen: current.seen + 1,
      taken: current.taken + Number(outcome === 'taken'),
      differing: current.differing + Number(outcome === 'differs'),
      unreadable: current.unreadable + Number(outcome === 'unreadable'),
    };
    await keep(options, current, options.clock.nowMs() + LEASE_MS);
    options.progress?.(current, all.length);
  }
  return finish(options, current);
}

type Outcome = 'taken' | 'same' | 'differs' | 'unvouched' | 'unreadable';

async function readOne(
  options: ReadingOptions,
  given: {
    readonly kind: ResourceKind;
    readonly caller: Caller;
    readonly reading: Reading;
    readonly resource: ResourceRef;
  },
): Promise<Outcome> {
  const { state, clock, random } = options;
  const { kind, caller, reading, resource } = given;
  try {
    const found = await patiently(clock, () => kind.read(caller, resource));
    const key = resourceKey(resource);
    const baseline = await baselineBefore(state.db, key, Number.MAX_SAFE_INTEGER);
    const nowMs = clock.nowMs();
    const takes = reading.purpose === 'enrol' && (baseline === null || reading.replaces);
    if (takes) {
      const current = await withArchive(state, { entry: kind, caller, resource }, found);
      const at = { takenMs: nowMs, trust: 'enrolled', because: 'as it was found at enrolment' } as const;
      return await state.transaction(async (trx) => {
        const digest = await keepBaseline(trx, key, current, at);
        const kept = { ...at, state: current, digest };
        await noteDrift(trx, { resource, baseline: kept, current, isUrgent: false }, { nowMs, random });
        return baseline?.digest === digest ? 'same' : 'taken';
      });
    }
    if (baseline === null) return 'unvouched';
    const isUrgent = options.urgentTypes.has(resource.type);
    const drifting = { resource, baseline, current: found, isUrgent };
    return (await state.transaction((trx) => noteDrift(trx, drifting, { nowMs, random }))) ? 'differs' : 'same';
  } catch (error) {
    // One resource that cannot be read, or is being changed by AWS right now, keeps no other from being read.
    if (error instanceof CallFailure || error instanceof Unsettled) return 'unreadable';
    throw error;
  }
}

/** What somebody vouched for, also when it is no longer there. */
async function baselinedIds({ db }: State, { account, region, type }: Reading): Promise<readonly string[]> {
  const prefix = resourceKey({ type, account, region, id: '' });
  const rows = await db
    .withTables<RevertTables>()
    .selectFrom('baseline')
    .select('resource_key')
    .distinct()
    .where('resource_key', 'like', `${prefix.replace(/[\\%_]/g, '\\$&')}%`)
    .limit(MOST_RESOURCES)
    .execute();
  return rows.map(({ resource_key }) => resource_key.slice(prefix.length));
}

async function keep({ state, holder }: ReadingOptions, reading: Reading, leaseUntilMs: number | null): Promise<void> {
  await state.db
    .withTables<RevertTables>()
    .updateTable('baseline_reading')
    .set({ ...columnsOf(reading), lease_until_ms: leaseUntilMs })
    .where('account', '=', reading.account)
    .where('region', '=', reading.region)
    .where('type', '=', reading.type)
    .where('holder', '=', holder)
    .execute();
}

/** Stopped in the middle: whoever comes next goes on from here at once. */
async function letGo(options: ReadingOptions, reading: Reading): Promise<Reading> {
  await keep(options, reading, null);
  return reading;
}

/** The end of a reading: from now on its type is compared, again and again. One that came to nothing is tried again sooner. */
async function finish(options: ReadingOptions, reading: Reading): Promise<Reading> {
  const { state, clock, everyMs, holder } = options;
  const nowMs = clock.nowMs();
  const failed = reading.failure !== null;
  const waitMs = failed ? FIRST_AGAIN_MS : everyMs;
  await state.db
    .withTables<RevertTables>()
    .updateTable('baseline_reading')
    .set({
      ...columnsOf({ ...reading, afterId: null }),
      purpose: failed ? reading.purpose : 'drift',
      replaces: false,
      // A year from now is never: somebody enrols it again before.
      due_ms: nowMs + (waitMs ?? 365 * 86_400_000),
      finished_ms: nowMs,
      ...(failed || reading.purpose === 'drift' ? {} : { enrolled_ms: nowMs }),
      holder: null,
      lease_until_ms: null,
    })
    .where('account', '=', reading.account)
    .where('region', '=', reading.region)
    .where('type', '=', reading.type)
    .where('holder', '=', holder)
    .execute();
  return { ...reading, isDone: true };
}

function columnsOf({ afterId, seen, taken, differing, unreadable, failure }: Reading) {
  const after = afterId === null ? null : storable(afterId);
  return { after_id: after, seen, taken, differing, unreadable, failure };
}

function toReading(row: RevertTables['baseline_reading']): Reading {
  const { account, region, type, purpose, replaces, after_id: afterId, failure } = row;
  const counts =
    afterId === null
      ? { seen: 0, taken: 0, differing: 0, unreadable: 0 }
      : { seen: row.seen, taken: row.taken, differing: row.differing, unreadable: row.unreadable };
  return { account, region, type, purpose, replaces, afterId, failure, ...counts, isDone: false };
}
