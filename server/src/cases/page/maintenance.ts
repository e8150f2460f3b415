/**
 * Maintenance windows: planned work during which pages about some things wait. The case opens all the same, and when the window
 * ends and nobody resolved it, it pages.
 *
 * The surprise: a window never holds back what is as risky as an attack. Whoever could silence that with a window would begin
 * with a window.
 */
import { type MaintenanceView, NewMaintenance } from '@countersign/contract';
import { Type } from 'typebox';
import { Check } from 'typebox/value';
import type { Finding } from '../../findings/finding.ts';
import { findingsById } from '../../findings/store.ts';
import { Failure } from '../../ground/failure.ts';
import { matchesGlob } from '../../ground/glob.ts';
import type { HttpServer } from '../../ground/http.ts';
import { appendJournal } from '../../ground/journal.ts';
import { moveEffect } from '../../ground/outbox.ts';
import type { Random } from '../../ground/random.ts';
import type { State, StateTransaction } from '../../ground/state.ts';
import { type Guards, signedInOf } from '../../people/sign-in/guard.ts';
import { CALL_FOR_HELP } from '../../sources/alerts/raise.ts';
import { parseCase } from '../sql-store.ts';
import type { CaseTables } from '../tables.ts';

export interface MaintenanceWindow {
  readonly id: string;
  /** Globs; null means any. At least one of the three is given. */
  readonly source: string | null;
  readonly account: string | null;
  readonly rule: string | null;
  readonly reason: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** From here on nothing is held back. */
export const NEVER_HELD_RISK = 85;
const LONGEST_WINDOW_MS = 7 * 86_400_000;
const MOST_WINDOWS = 200;
const MOST_HELD = 10_000;
/** The first page of a case, put off: `effectKey` of `cases/store.ts`. */
const HELD_KEYS = 'case:%:page-repeat:0:%';

/** Pure. Until when a page about the finding waits; null when it does not. */
export function heldUntil(
  finding: Finding,
  risk: number,
  { windows, nowMs }: { readonly windows: readonly MaintenanceWindow[]; readonly nowMs: number },
): number | null {
  if (finding.rule === CALL_FOR_HELP) return null;
  // An alert of another system has no actor whom a window could hide: its own severity is all that its risk says.
  if (risk >= NEVER_HELD_RISK && finding.facts.source !== 'alert') return null;
  const covering = windows.filter((window) => window.fromMs <= nowMs && nowMs < window.toMs && covers(window, finding));
  return covering.length === 0 ? null : Math.max(...covering.map(({ toMs }) => toMs));
}

function covers({ source, account, rule }: MaintenanceWindow, { facts, rule: name }: Finding): boolean {
  const sourceName = facts.source === 'alert' ? facts.actor.id : facts.source;
  return (
    (source === null || matchesGlob(source, sourceName)) &&
    (account === null || (facts.account !== null && matchesGlob(account, facts.account))) &&
    (rule === null || matchesGlob(rule, name))
  );
}

/** Those that hold now or later. */
export async function maintenanceWindows(
  reader: Pick<State['db'], 'withTables'>,
  nowMs: number,
): Promise<readonly MaintenanceWindow[]> {
  const rows = await reader
    .withTables<CaseTables>()
    .selectFrom('maintenance_window')
    .selectAll()
    .where('to_ms', '>', nowMs)
    .where('ended_ms', 'is', null)
    .orderBy('from_ms')
    .limit(MOST_WINDOWS)
    .execute();
  return rows.map(({ id, source, account, rule, reason, from_ms: fromMs, to_ms: toMs }) => {
    return { id, source, account, rule, reason, fromMs, toMs };
  });
}

const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });

export interface MaintenanceOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly nowMs: () => number;
}

export function registerMaintenanceRoutes(server: HttpServer, options: MaintenanceOptions): void {
  const { state, guards, nowMs } = options;
  server.get('/api/maintenance', { config: { access: guards.person } }, async () => ({
    windows: (await maintenanceWindows(state.db, nowMs())).map(viewWindow),
  }));
  server.post(
    '/api/maintenance',
    { config: { access: guards.role('responder') }, schema: { body: NewMaintenance } },
    async (request) => {
      const by = signedInOf(request).person.id;
      return viewWindow(await state.transaction((trx) => planMaintenance(trx, request.body, { ...options, by })));
    },
  );
  server.delete(
    '/api/maintenance/:id',
    { config: { access: guards.role('responder') }, schema: { params: Params } },
    async (request) => {
      const by = signedInOf(request).person.id;
      const ended = await state.transaction((trx) => endMaintenance(trx, request.params.id, { by, nowMs: nowMs() }));
      if (!ended) throw invalid('id', 'there is no such window, or it has ended', 404);
      return { ended: true };
    },
  );
}

/** @throws Failure that says what is wrong with the window. */
export async function planMaintenance(
  trx: StateTransaction,
  body: NewMaintenance,
  options: Pick<MaintenanceOptions, 'random' | 'nowMs'> & { readonly by: string },
): Promise<MaintenanceWindow> {
  const window = windowOf(body, options);
  await save(trx, window, options.by, options.nowMs());
  return window;
}

/** False when there is no such window, or it has ended. */
export async function endMaintenance(
  trx: StateTransaction,
  id: string,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Promise<boolean> {
  const ended = await trx
    .withTables<CaseTables>()
    .updateTable('maintenance_window')
    .set({ ended_ms: nowMs })
    .where('id', '=', id)
    .where('ended_ms', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (ended === undefined) return false;
  const parameters = { id, released: await releaseHeld(trx, nowMs) };
  await appendJournal(trx, { kind: 'maintenance-ended', caseId: null, actor: by, parameters, timeMs: nowMs });
  return true;
}

/** Pages that no window holds any more go out now; those that another one holds wait for its end. Returns how many go out. */
async function releaseHeld(trx: StateTransaction, nowMs: number): Promise<number> {
  const windows = await maintenanceWindows(trx, nowMs);
  const held = await trx
    .selectFrom('outbox')
    .select(['id', 'case_id', 'due_ms'])
    .where('kind', '=', 'page-repeat')
    .where('key', 'like', HELD_KEYS)
    .where('finished_ms', 'is', null)
    .limit(MOST_HELD)
    .execute();
  let released = 0;
  for (const { id, case_id: caseId, due_ms: dueMs } of held) {
    const until = await stillHeldUntil(trx, caseId ?? '', { windows, nowMs });
    if (until !== dueMs) await moveEffect(trx, id, until);
    if (until <= nowMs) released += 1;
  }
  return released;
}

async function stillHeldUntil(
  trx: StateTransaction,
  caseId: string,
  at: { readonly windows: readonly MaintenanceWindow[]; readonly nowMs: number },
): Promise<number> {
  const row = await trx
    .withTables<CaseTables>()
    .selectFrom('case_record')
    .select('document')
    .where('id', '=', caseId)
    .executeTakeFirst();
  if (row === undefined) return at.nowMs;
  const { headlineId, risk } = parseCase(row.document);
  const [headline] = await findingsById(trx, [headlineId]);
  return (headline === undefined ? null : heldUntil(headline, risk, at)) ?? at.nowMs;
}

function windowOf(
  body: NewMaintenance,
  { random, nowMs }: Pick<MaintenanceOptions, 'random' | 'nowMs'>,
): MaintenanceWindow {
  const { source = null, account = null, rule = null, reason } = body;
  if (!Check(NewMaintenance, body)) throw invalid('reason', 'say in at least three letters what is done');
  const fromMs = Date.parse(body.from);
  const toMs = Date.parse(body.to);
  if (!Number.isFinite(fromMs) || !Number.isFinite(toMs)) throw invalid('from, to', 'no times: write ISO 8601');
  if (toMs <= fromMs || toMs <= nowMs()) throw invalid('to', 'must be after from, and in the future');
  if (toMs - fromMs > LONGEST_WINDOW_MS) throw invalid('to', 'a window lasts a week at most');
  if ([source, account, rule].every((part) => part === null || !/[^*?]/.test(part))) {
    throw invalid('source, account, rule', 'a window for everything holds everything back: narrow it');
  }
  return { id: random.id(nowMs()), source, account, rule, reason, fromMs, toMs };
}

async function save(trx: StateTransaction, window: MaintenanceWindow, by: string, nowMs: number): Promise<void> {
  const { id, source, account, rule, reason, fromMs, toMs } = window;
  await trx
    .withTables<CaseTables>()
    .insertInto('maintenance_window')
    .values({ id, source, account, rule, reason, from_ms: fromMs, to_ms: toMs, created_by: by, created_ms: nowMs })
    .execute();
  await appendJournal(trx, {
    kind: 'maintenance-planned',
    caseId: null,
    actor: by,
    parameters: { id, source, account, rule, reason, fromMs, toMs },
    timeMs: nowMs,
  });
}

function viewWindow({ fromMs, toMs, ...window }: MaintenanceWindow): MaintenanceView {
  return { ...window, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function invalid(where: string, what: string, httpStatus = 400): Failure {
  const code = httpStatus === 404 ? 'not-found' : 'invalid-input';
  return new Failure(`${where}: ${what}`, { code, httpStatus, retryable: false, parameters: { where, what } });
}
