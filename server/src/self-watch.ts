/**
 * The watcher that would notice its own death: while every queue is moving it beats at an address outside, and when it does not,
 * somebody else's clock calls for help.
 *
 * The surprise: it also looks for cases that nobody would move any more (a question past its deadline, a page without its next
 * step) and puts them back to work. There should never be one; that is what an auditor is for.
 */
import { sql } from 'kysely';
import { parseCase, putCaseEffect } from './cases/sql-store.ts';
import type { Clock } from './ground/clock.ts';
import type { Log } from './ground/log.ts';
import type { State } from './ground/state.ts';
import { beatAt } from './vendors/dead-man.ts';

export interface SelfWatchOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
  /** The secret address that must hear from us; null: nobody listens, and we only audit. */
  readonly url: string | null;
  readonly everyMs: number;
}

export interface Audit {
  /** Effects that are due and that nobody takes: what a stuck worker leaves behind. */
  readonly overdue: number;
  /** Batches that wait for longer than they may. */
  readonly waiting: number;
  /** Cases that have paged for long, and whose pages reached nobody: every vendor is down, or every way is wrong. */
  readonly unheard: number;
  /** Cases that nothing would have moved, put back to work. */
  readonly revived: number;
}

/** Work that is this late is not being done. Retries of what fails have a later time of their own. */
const LATE_MS = 2 * 60_000;
const WAITING_MS = 10 * 60_000;
const UNHEARD_MS = 10 * 60_000;
const MOST_REVIVED = 100;

/** Audits and beats until `signal` aborts. */
export async function watchSelf(options: SelfWatchOptions, signal: AbortSignal): Promise<void> {
  const { state, clock, log, url, everyMs } = options;
  while (!signal.aborted) {
    try {
      const audit = await auditOnce(state, clock.nowMs());
      const well = Object.values(audit).every((count) => count === 0);
      if (!well) log.error('the engine is not well; the dead-man is not told', { ...audit });
      else if (url !== null && !(await beatAt(url))) log.warn('the dead-man could not be told that all is well', {});
    } catch (error) {
      log.error('the engine could not be audited; the dead-man is not told', { error });
    }
    await clock.sleep(everyMs, signal);
  }
}

/** One look over everything that should be moving. */
export async function auditOnce(state: State, nowMs: number): Promise<Audit> {
  const { rows } = await sql<{ overdue: number; waiting: number; unheard: number }>`
    select
      (select count(*) from outbox where finished_ms is null and due_ms < ${nowMs - LATE_MS}
        and (lease_until_ms is null or lease_until_ms < ${nowMs - LATE_MS}))::int as overdue,
      (select count(*) from inbox where finished_ms is null and received_ms < ${nowMs - WAITING_MS})::int as waiting,
      (select count(distinct o.case_id) from outbox o join case_record c on c.id = o.case_id and c.state = 'paged'
        where o.finished_ms is null and o.kind = 'page' and o.failure is not null and o.created_ms < ${nowMs - UNHEARD_MS}
          and not exists (
            select 1 from outbox d where d.case_id = o.case_id and d.kind = 'page' and d.outcome = 'done'
              and d.key like 'case:%:page:trigger:%' and d.key not like '%:console:%'))::int as unheard`.execute(
    state.db,
  );
  const { overdue = 0, waiting = 0, unheard = 0 } = rows[0] ?? {};
  return { overdue, waiting, unheard, revived: await revive(state, nowMs) };
}

/** Open cases without anything to come: each gets what it lacks. */
async function revive(state: State, nowMs: number): Promise<number> {
  return state.transaction(async (trx) => {
    const { rows } = await sql<{ document: string }>`
      select document from case_record c
      where c.state in ('asked', 'paged', 'acknowledged') and c.updated_ms < ${nowMs - LATE_MS} and not exists (
        select 1 from outbox o where o.case_id = c.id and o.finished_ms is null
          and o.kind in ('challenge-deadline', 'page-repeat', 'acknowledgement-deadline'))
      limit ${MOST_REVIVED} for update of c skip locked`.execute(trx);
    for (const { document } of rows) {
      const found = parseCase(document);
      const effect =
        found.state === 'asked'
          ? ({ type: 'challenge-deadline', dueMs: found.deadlineMs } as const)
          : found.state === 'acknowledged'
            ? ({ type: 'acknowledgement-deadline', dueMs: found.deadlineMs } as const)
            : found.state === 'paged'
              ? ({ type: 'page-repeat', dueMs: nowMs, pageNumber: found.pageNumber } as const)
              : null;
      // Another version's key: what was finished by mistake must not stand in the way.
      const revived = { id: found.id, version: -found.version };
      if (effect !== null) await putCaseEffect(trx, revived, { effect, dueMs: effect.dueMs }, nowMs);
    }
    return rows.length;
  });
}
