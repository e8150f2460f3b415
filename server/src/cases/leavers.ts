/**
 * Whoever goes out of service holds nothing up: a question to them pages at once, and a page that they had acknowledged, or put off,
 * begins again.
 *
 * The surprise: nobody tells us. Rows are looked at, so that it is the same whether an identity provider, the configuration or an admin
 * put them out of service, and whether this server ran meanwhile.
 */
import { sql } from 'kysely';
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { State } from '../ground/state.ts';
import type { PersonRef } from './case.ts';
import type { Cases } from './cases.ts';

export interface LeaversOptions {
  readonly state: State;
  readonly cases: Pick<Cases, 'conduct'>;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_MS = 5_000;
const MOST_AT_ONCE = 200;

/** Looks until `signal` aborts. Any number of servers may. */
export async function watchLeavers(options: LeaversOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    try {
      await lookForLeavers(options);
    } catch (error) {
      log.error('it could not be looked at whether somebody left with a question or a page; trying again', { error });
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

/**
 * One look; how many cases go on without them. Who holds a page is asked of the index `case_by_holder` for each who left: a join would read
 * every document.
 */
export async function lookForLeavers({ state, cases }: LeaversOptions): Promise<number> {
  const { rows } = await sql<{ case_id: string } & PersonRef>`
    select c.id as case_id, p.id, p.name
    from case_record c join person p on p.id = c.person_id
    where c.state = 'asked' and p.disabled_ms is not null
    union all
    select c.id as case_id, p.id, p.name
    from person p cross join lateral (
      select id from case_record
      where state = 'acknowledged' and holder_id = p.id
      limit ${MOST_AT_ONCE}
    ) c
    where p.disabled_ms is not null
    limit ${MOST_AT_ONCE}`.execute(state.db);
  for (const { case_id: caseId, id, name } of rows)
    await cases.conduct(caseId, { type: 'person-left', person: { id, name } });
  return rows.length;
}
