/** What is old is forgotten, and nothing else is. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../test/state.ts';
import { forgetOld } from './housekeeping.ts';
import { acceptBatch, finishBatch, takeBatches } from './sources/inbox.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

test('finished batches, what was put aside, links and proofs are kept for a month; what waits is kept', async () => {
  const state = await openTestPglite();
  const accept = async (name: string, nowMs: number, finished: boolean) => {
    const malformed = [{ origin: { file: name, index: 0 }, reason: 'sample', raw: name }];
    const records = [{ id: name, timeMs: nowMs, json: '{}' }];
    await acceptBatch(state, { source: 'aws_cloudtrail', origin: name, records, malformed }, nowMs);
    if (!finished) return;
    const [batch] = await takeBatches(state, { limit: 1, leaseMs: DAY, nowMs, worker: name });
    if (batch !== undefined) await state.transaction((trx) => finishBatch(trx, batch, nowMs));
  };
  await accept('old', NOW - 31 * DAY, true);
  await accept('new', NOW - 29 * DAY, true);
  await accept('waits', NOW - 60 * DAY, false);
  const count = async (table: string) => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${sql.table(table)}`.execute(
      state.db,
    );
    return rows[0]?.count;
  };
  expect(await forgetOld(state, NOW, 100)).toBe(3);
  expect([await count('inbox'), await count('malformed')]).toEqual([2, 1]);
  expect(await forgetOld(state, NOW, 100)).toBe(0);
  await state.close();
});
