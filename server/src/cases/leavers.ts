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
const MOST_PARTS = 1_000;

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

/** One look at every case that waits for somebody who left; how many go on without them. One that cannot is told of, and holds up no other. */
export async function lookForLeavers({ state, cases, log }: LeaversOptions): Promise<number> {
  let gone = 0;
  let after = '';
  for (let parts = 0; parts < MOST_PARTS; parts += 1) {
    const rows = await leftCases(state, after);
    for (const { case_id: caseId, id, name } of rows) {
      try {
        await cases.conduct(caseId, { type: 'person-left', person: { id, name } });
        gone += 1;
      } catch (error) {
        log.error('a case does not go on without somebody who left; trying again', { caseId, person: id, error });
      }
    }
    if (rows.length < MOST_AT_ONCE) break;
    after = rows.at(-1)?.case_id ?? '';
  }
  return gone;
}

/** By their ids. Who holds a page is asked of the index `case_by_holder` for each who left: a join would read every document. */
async function leftCases(state: State, after: string): Promise<readonly ({ readonly case_id: string } & PersonRef)[]> {
  const { rows } = await sql<{ case_id: string } & PersonRef>`
    select c.id as case_id, p.id, p.name
    from case_record c join person p on p.id = c.person_id
    where c.state = 'asked' and p.disabled_ms is not null and c.id > ${after}
    union all
    select c.id as case_id, p.id, p.name
    from person p cross join lateral (
      select id from case_record
      where state = 'acknowledged' and holder_id = p.id and id > ${after}
      order by id
      limit ${MOST_AT_ONCE}
    ) c
    where p.disabled_ms is not null
    order by case_id
    limit ${MOST_AT_ONCE}`.execute(state.db);
  return rows;
}
