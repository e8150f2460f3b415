/** Hosts, their gaps and captures in the state database. */
import { sql } from 'kysely';
import { appendJournal } from '../../ground/journal.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { storable } from '../../ground/storable.ts';
import type { Recording } from './recording/recordings.ts';
import type { WatchHealth, WatchState } from './reports.ts';
import type { Gap } from './stream.ts';
import type { HostTables } from './tables.ts';

const MOST_LISTED = 500;
const MOST_OF_AGENTS = 100_000;
const LONGEST_PROBLEM = 1_000;
/** Of a name in DNS, which agents have. */
const LONGEST_HOST = 253;
/** Longer than any case: gaps are small, but a sensor that always loses would never end. */
const KEEP_GAPS_MS = 400 * 86_400_000;

export type HostRow = HostTables['host'];
export type GapRow = HostTables['host_gap'];
export type CaptureRow = HostTables['capture'];

export async function saveHostState(
  state: State,
  host: string,
  told: { readonly state: WatchState; readonly problem: string | null },
  nowMs: number,
): Promise<void> {
  const problem = told.problem === null ? null : storable(told.problem).slice(0, LONGEST_PROBLEM);
  await state.db
    .withTables<HostTables>()
    .insertInto('host')
    .values({ ...newHost(host, nowMs), state: told.state, problem, last_heard_ms: nowMs })
    .onConflict((conflict) =>
      conflict.column('host').doUpdateSet((eb) => ({
        state: told.state,
        problem,
        since_ms: sql<number>`case when host.state = ${told.state} then host.since_ms else ${nowMs} end`,
        last_heard_ms: eb.ref('excluded.last_heard_ms'),
      })),
    )
    .execute();
}

/** Somebody wants this host to be watched, or no longer. */
export async function saveWanted(state: State, host: string, wanted: boolean, nowMs: number): Promise<void> {
  await state.db
    .withTables<HostTables>()
    .insertInto('host')
    .values({ ...newHost(host, nowMs), wanted })
    .onConflict((conflict) => conflict.column('host').doUpdateSet({ wanted }))
    .execute();
}

export async function saveHealth(state: State, host: string, health: WatchHealth, nowMs: number): Promise<void> {
  const columns = {
    last_heard_ms: nowMs,
    last_event_ms: health.lastEventMs,
    events: health.events,
    events_per_second: health.eventsPerSecond,
    lost: health.lost,
    repeats: health.repeats,
    look_back_ms: Math.trunc(health.lookBackMs),
    look_back_bytes: Math.trunc(health.lookBackBytes),
    containers: health.containers,
  };
  await state.db.withTables<HostTables>().updateTable('host').set(columns).where('host', '=', key(host)).execute();
}

/** Told again it is the same gap. */
export async function saveGap(state: State, host: string, gap: Gap): Promise<void> {
  const row = { host: key(host), class: storable(gap.class), from_ms: gap.fromMs, to_ms: gap.toMs, lost: gap.lost };
  await state.transaction(async (trx) => {
    const db = trx.withTables<HostTables>();
    await db
      .insertInto('host_gap')
      .values(row)
      .onConflict((conflict) => conflict.columns(['host', 'to_ms', 'from_ms', 'class']).doNothing())
      .execute();
    await db
      .deleteFrom('host_gap')
      .where('to_ms', '<', gap.toMs - KEEP_GAPS_MS)
      .execute();
  });
}

export interface RecordingOf {
  readonly host: string;
  readonly recording: Recording;
  /** The file lies with an agent, and comes piece by piece. */
  readonly isOfAgent: boolean;
}

/**
 * A capture that begins, ends or was removed; nobody says anything of another host's. How it ended goes into the journal, so that whoever reads
 * the file later can tell that it still is what it was.
 */
export async function saveRecording(trx: StateTransaction, of: RecordingOf, nowMs: number): Promise<void> {
  const { host, recording } = of;
  const isNews = recording.state === 'removed' ? await noteRemoved(trx, of) : await noteRecording(trx, of, nowMs);
  // An agent tells a batch again until it knows that it was taken.
  if (!isNews || recording.state === 'recording') return;
  const { id, rule, fromMs, toMs, state, sizeBytes, sha256 } = recording;
  const parameters = { host, id, rule, fromMs, toMs, sizeBytes, sha256 };
  await appendJournal(trx, { kind: `capture-${state}`, caseId: null, actor: null, timeMs: nowMs, parameters });
}

async function noteRemoved(
  trx: StateTransaction,
  { host, recording: { id }, isOfAgent }: RecordingOf,
): Promise<boolean> {
  const gone = trx
    .withTables<HostTables>()
    .updateTable('capture')
    .set({ state: 'removed' })
    .where('id', '=', id)
    .where('state', '!=', 'removed')
    .returning('id');
  const ofThem = isOfAgent
    ? // What has come here whole stays when its agent makes room.
      gone.where('host', '=', key(host)).whereRef('received_bytes', '<', 'size_bytes')
    : // The hosts that this server watches itself have their room in common.
      gone.where('received_bytes', 'is', null);
  return (await ofThem.executeTakeFirst()) !== undefined;
}

async function noteRecording(
  trx: StateTransaction,
  { host, recording, isOfAgent }: RecordingOf,
  nowMs: number,
): Promise<boolean> {
  const { id, rule, fromMs, toMs, state, sizeBytes, sha256 } = recording;
  const end = { state, size_bytes: sizeBytes, sha256 };
  const changed = await trx
    .withTables<HostTables>()
    .insertInto('capture')
    .values({
      id,
      host: key(host),
      rule: storable(rule),
      from_ms: fromMs,
      to_ms: toMs,
      created_ms: nowMs,
      received_bytes: isOfAgent ? 0 : null,
      ...end,
    })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet({ ...end, to_ms: toMs })
        .where('capture.host', '=', key(host))
        // Told again late it changes nothing: a file that has come whole is what it is.
        .where('capture.state', '=', 'recording'),
    )
    .returning('id')
    .executeTakeFirst();
  return changed !== undefined;
}

/** All, or those of these names; those with trouble first. */
export async function listHosts(state: State, hosts?: readonly string[]): Promise<readonly HostRow[]> {
  if (hosts?.length === 0) return [];
  const all = state.db.withTables<HostTables>().selectFrom('host').selectAll();
  const wanted = hosts === undefined ? all : all.where('host', 'in', hosts.slice(0, MOST_LISTED).map(key));
  return wanted.orderBy(sql`state = 'watching'`).orderBy('host').limit(MOST_LISTED).execute();
}

export interface LostOfHost {
  readonly host: string;
  readonly class: string;
  readonly count: number;
}

export async function lostSince(
  state: State,
  hosts: readonly string[],
  sinceMs: number,
): Promise<readonly LostOfHost[]> {
  const rows = await state.db
    .withTables<HostTables>()
    .selectFrom('host_gap')
    .select(['host', 'class', sql<number>`sum(lost)`.as('count')])
    .where('host', 'in', hosts.map(key))
    .where('to_ms', '>=', sinceMs)
    .where('lost', '>', 0)
    .groupBy(['host', 'class'])
    .orderBy('class')
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Nobody watches it any more, and nobody is to be told so; unless this server itself is to. */
export async function forgetHost(trx: StateTransaction, host: string): Promise<void> {
  await trx
    .withTables<HostTables>()
    .deleteFrom('host')
    .where('host', '=', key(host))
    .where('wanted', '=', false)
    .execute();
}

/** The time of the newest event that anybody heard of; null: of none yet. */
export async function lastEventMs(state: State, host: string): Promise<number | null> {
  const row = await state.db
    .withTables<HostTables>()
    .selectFrom('host')
    .select('last_event_ms')
    .where('host', '=', key(host))
    .executeTakeFirst();
  return row?.last_event_ms ?? null;
}

export async function isWanted(state: State, host: string): Promise<boolean> {
  const row = await state.db
    .withTables<HostTables>()
    .selectFrom('host')
    .select('wanted')
    .where('host', '=', key(host))
    .executeTakeFirst();
  return row?.wanted === true;
}

export interface HostSpan {
  readonly host: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is kept of the hosts within these times. */
export async function capturesWithin(state: State, { host, fromMs, toMs }: HostSpan): Promise<readonly CaptureRow[]> {
  return state.db
    .withTables<HostTables>()
    .selectFrom('capture')
    .selectAll()
    .where('host', '=', key(host))
    .where('to_ms', '>=', fromMs)
    .where('from_ms', '<=', toMs)
    .orderBy('from_ms')
    .limit(MOST_LISTED)
    .execute();
}

export async function captureById(state: State, id: string): Promise<CaptureRow | null> {
  const row = await state.db
    .withTables<HostTables>()
    .selectFrom('capture')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Of agents, those that are here whole; the oldest first. */
export async function agentCapturesHere(state: State): Promise<readonly CaptureRow[]> {
  return state.db
    .withTables<HostTables>()
    .selectFrom('capture')
    .selectAll()
    .where('state', 'in', ['kept', 'cut'])
    .whereRef('received_bytes', '=', 'size_bytes')
    .orderBy('created_ms')
    .limit(MOST_OF_AGENTS)
    .execute();
}

/** An agent's capture is here, whole. */
export async function noteReceived(
  trx: StateTransaction,
  { id, size_bytes: received_bytes }: CaptureRow,
): Promise<void> {
  await trx.withTables<HostTables>().updateTable('capture').set({ received_bytes }).where('id', '=', id).execute();
}

export async function removeCapture(trx: StateTransaction, id: string): Promise<void> {
  await trx.withTables<HostTables>().updateTable('capture').set({ state: 'removed' }).where('id', '=', id).execute();
}

/** What the sensor could not tell within these times. */
export async function gapsWithin(state: State, { host, fromMs, toMs }: HostSpan): Promise<readonly GapRow[]> {
  return state.db
    .withTables<HostTables>()
    .selectFrom('host_gap')
    .selectAll()
    .where('host', '=', key(host))
    .where('to_ms', '>=', fromMs)
    .where('from_ms', '<=', toMs)
    .orderBy('from_ms')
    .limit(MOST_LISTED)
    .execute();
}

/** The same of all hosts, oldest first. */
export async function gapsOfAllHosts(
  state: State,
  { fromMs, toMs }: Omit<HostSpan, 'host'>,
  limit: number,
): Promise<readonly GapRow[]> {
  return state.db
    .withTables<HostTables>()
    .selectFrom('host_gap')
    .selectAll()
    .where('to_ms', '>=', fromMs)
    .where('from_ms', '<=', toMs)
    .orderBy('to_ms')
    .limit(limit)
    .execute();
}

function key(host: string): string {
  return storable(host).slice(0, LONGEST_HOST);
}

function newHost(host: string, nowMs: number): HostRow {
  return {
    host: key(host),
    state: 'starting',
    problem: null,
    since_ms: nowMs,
    last_heard_ms: null,
    last_event_ms: null,
    events: 0,
    events_per_second: 0,
    lost: 0,
    repeats: 0,
    look_back_ms: 0,
    look_back_bytes: 0,
    containers: 0,
    wanted: false,
  };
}
