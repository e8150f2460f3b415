/** Makes the words of cases from before there were words, little by little. */
import type { Clock } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { State } from '../../ground/state.ts';
import { parseCase } from '../sql-store.ts';
import type { CaseTables } from '../tables.ts';
import { indexWhole } from './index-case.ts';

const AT_ONCE = 50;
const PAUSE_MS = 100;
const AGAIN_MS = 60_000;

/** Until every case has its words, or `signal` aborts. */
export async function indexOldCases(
  { state, clock, log }: { readonly state: State; readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if ((await indexSome(state, AT_ONCE)) === 0) return;
      await clock.sleep(PAUSE_MS, signal);
    } catch (error) {
      log.error('cases from before could not be made findable; it is tried again', { error });
      await clock.sleep(AGAIN_MS, signal);
    }
  }
}

/** At most `limit`; returns how many there were. */
export async function indexSome(state: State, limit: number): Promise<number> {
  return state.transaction(async (trx) => {
    const rows = await trx
      .withTables<CaseTables>()
      .selectFrom('case_record')
      .select('document')
      .where('words', 'is', null)
      .orderBy('id')
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    for (const { document } of rows) await indexWhole(trx, parseCase(document));
    return rows.length;
  });
}
