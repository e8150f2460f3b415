/**
 * Cases in the state database: case, findings, journal and outbox change in one transaction.
 *
 * The surprise: a burst is locked by an advisory lock, not by a row, because the first finding of a burst finds no row to lock.
 */
import { sql } from 'kysely';
import { findingsById, findingsOfBurst } from '../findings/store.ts';
import { appendJournal } from '../ground/journal.ts';
import {
  finishEffect,
  type NewEffect,
  nextDueMs,
  putEffect,
  putEffects,
  retryEffect,
  type TakenEffect,
  takeEffects,
  unfinishedOfCase,
} from '../ground/outbox.ts';
import type { State, StateTransaction } from '../ground/state.ts';
import { storable } from '../ground/storable.ts';
import { LADDER_START } from '../people/on-call/escalation.ts';
import type { Case, CaseEffect, PagedCase } from './case.ts';
import type { Planner } from './page/planner.ts';
import { indexCase } from './search/index-case.ts';
import { type CaseChange, type CaseStore, type CaseUnit, type DueEffect, effectKey } from './store.ts';
import type { CaseTables } from './tables.ts';

const EFFECT_KINDS: readonly CaseEffect['type'][] = [
  'ask',
  'prove',
  'page',
  'challenge-deadline',
  'page-repeat',
  'acknowledgement-deadline',
  'follow',
];
/** Tells our advisory locks on bursts from all others. */
const BURST_LOCK = 0x62757273;
const OPEN_STATES = ['asked', 'paged', 'acknowledged'];

/** Reads whom pages would reach, in the caller's transaction. */
export type LoadPlanner = (
  trx: StateTransaction,
  options: { readonly nowMs: number; readonly turnOf: string | null },
) => Promise<Planner>;

export function createSqlStore(state: State, loadPlanner: LoadPlanner): CaseStore {
  return {
    transact: (body) => state.transaction((trx) => body(unitOf(trx, loadPlanner))),
    takeDue: async ({ nowMs, leaseMs, limit, worker }) => {
      const taken = await takeEffects(state, { kinds: EFFECT_KINDS, limit, leaseMs, nowMs, worker });
      return taken.map(dueOf);
    },
    nextDueMs: () => nextDueMs(state, EFFECT_KINDS),
  };
}

interface StoredPayload {
  readonly effect: CaseEffect;
}

function dueOf(taken: TakenEffect): DueEffect {
  const { effect } = taken.payload as StoredPayload;
  return {
    caseId: taken.caseId ?? '',
    effect,
    key: taken.key,
    dueMs: taken.dueMs,
    attempt: taken.attempt,
    handle: taken,
  };
}

/** The store's view of a transaction that somebody else opened: for routes that also verify a code in it. */
export function unitOf(trx: StateTransaction, loadPlanner: LoadPlanner): CaseUnit {
  const db = trx.withTables<CaseTables>();
  return {
    loadPlanner: (options) => loadPlanner(trx, options),
    lockBurst: async (burstKey) => {
      await sql`select pg_advisory_xact_lock(${BURST_LOCK}, hashtext(${burstKey}))`.execute(trx);
    },
    openCaseOfBurst: async (burstKey, fromMs, toMs) => {
      const row = await db
        .selectFrom('case_record')
        .select('document')
        .where('burst_key', '=', burstKey)
        .where('state', 'in', OPEN_STATES)
        .where('last_ms', '>=', fromMs)
        .where('first_ms', '<=', toMs)
        .orderBy('opened_ms', 'desc')
        .limit(1)
        .forUpdate()
        .executeTakeFirst();
      return row === undefined ? null : parseCase(row.document);
    },
    loadCase: async (caseId) => {
      const row = await db
        .selectFrom('case_record')
        .select('document')
        .where('id', '=', caseId)
        .forUpdate()
        .executeTakeFirst();
      return row === undefined ? null : parseCase(row.document);
    },
    looseFindings: async (burstKey, fromMs, toMs) => {
      const all = await findingsOfBurst(trx, burstKey, { fromMs, toMs });
      if (all.length === 0) return [];
      const taken = await db
        .selectFrom('case_finding')
        .select('finding_id')
        .where(
          'finding_id',
          'in',
          all.map(({ id }) => id),
        )
        .execute();
      const ids = new Set(taken.map(({ finding_id }) => finding_id));
      return all.filter(({ id }) => !ids.has(id));
    },
    findingsOfCase: async (caseId) => {
      const rows = await db.selectFrom('case_finding').select('finding_id').where('case_id', '=', caseId).execute();
      return findingsById(
        trx,
        rows.map(({ finding_id }) => finding_id),
      );
    },
    save: (change) => save(trx, change),
    finish: (effect, nowMs, outcome) => finishEffect(trx, effect.handle as TakenEffect, nowMs, outcome),
    waitingPages: async (caseId) => {
      const waiting = await unfinishedOfCase(trx, caseId, ['page']);
      return waiting.flatMap(({ key, payload, leaseUntilMs }) => {
        const { effect } = payload as StoredPayload;
        return effect.type === 'page' ? [{ key, effect, takenUntilMs: leaseUntilMs }] : [];
      });
    },
    retry: (effect, options) => retryEffect(trx, effect.handle as TakenEffect, options),
  };
}

async function save(trx: StateTransaction, change: CaseChange): Promise<void> {
  const db = trx.withTables<CaseTables>();
  const { case: next, previous, nowMs } = change;
  const row = {
    id: next.id,
    burst_key: next.burstKey,
    state: next.state,
    version: next.version,
    risk: next.risk,
    person_id: next.person?.id ?? null,
    first_ms: next.firstMs,
    last_ms: next.lastMs,
    opened_ms: next.openedMs,
    updated_ms: next.updatedMs,
    document: JSON.stringify(next),
    ...columnsOf(next),
  };
  if (previous === null) await db.insertInto('case_record').values(row).execute();
  else await db.updateTable('case_record').set(row).where('id', '=', next.id).execute();
  const known = new Set(previous?.findingIds ?? []);
  const added = next.findingIds.filter((id) => !known.has(id));
  if (added.length > 0) {
    await db
      .insertInto('case_finding')
      .values(added.map((id) => ({ finding_id: id, case_id: next.id })))
      .onConflict((conflict) => conflict.column('finding_id').doNothing())
      .execute();
    await indexCase(trx, next, { added, isNew: previous === null });
  }
  for (const entry of change.entries) await appendJournal(trx, { ...entry, caseId: next.id, timeMs: nowMs });
  await putEffects(
    trx,
    change.effects.map((planned) => newEffectOf(next, planned)),
    nowMs,
  );
}

/** For effects that no decision makes: a second factor that takes its time. */
export async function putCaseEffect(
  trx: StateTransaction,
  of: Pick<Case, 'id' | 'version'>,
  planned: Planned,
  nowMs: number,
): Promise<void> {
  await putEffect(trx, newEffectOf(of, planned), nowMs);
}

type Planned = CaseChange['effects'][number];

function newEffectOf({ id, version }: Pick<Case, 'id' | 'version'>, { effect, dueMs }: Planned): NewEffect {
  const payload: StoredPayload = { effect };
  return { kind: effect.type, key: effectKey(id, version, effect), caseId: id, payload, dueMs };
}

/** What numbers are made of (`cases/numbers`), and who holds the page. */
function columnsOf(found: Case) {
  const { times, drill, team, account, rule } = found;
  return {
    t0_ms: times.eventMs,
    t1_ms: times.receivedMs,
    t2_ms: times.askedMs,
    t3_ms: times.answeredMs,
    t4_ms: times.pagedMs,
    t5_ms: times.acknowledgedMs,
    t6_ms: times.containedMs,
    t7_ms: times.resolvedMs,
    drill,
    team,
    account: account === null ? null : storable(account),
    rule: storable(rule),
    holder_id: found.state === 'acknowledged' ? found.acknowledgedBy.id : null,
  };
}

/** Documents are written by `save` alone; what it wrote is a case. One written before paging knew ladders lacks some parts. */
export function parseCase(document: string): Case {
  const stored = JSON.parse(document) as Case;
  if (stored.times === undefined) return completed(stored);
  return 'called' in stored && (stored as Partial<PagedCase>).hushed === undefined ? { ...stored, hushed: [] } : stored;
}

function completed(stored: Case): Case {
  const times = {
    eventMs: stored.firstMs,
    receivedMs: stored.openedMs,
    askedMs: null,
    answeredMs: stored.answer?.atMs ?? null,
    pagedMs: 'pagedMs' in stored ? stored.pagedMs : null,
    acknowledgedMs: null,
    containedMs: null,
    resolvedMs: stored.state === 'resolved' ? stored.updatedMs : null,
  };
  const facts = { times, drill: false, team: null, account: null, rule: '', escalation: null, priority: null };
  const paging = { position: LADDER_START, turn: 0, called: [], hushed: [] };
  const people = { assigned: [], responders: [], mergedInto: null };
  return { ...facts, ...paging, ...people, ...stored };
}
