/** How far an enrolment is: of what was asked for, and nothing else that was read meanwhile. */
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../../../test/state.ts';
import type { RevertTables } from '../tables.ts';
import { readingsOf } from './readings.ts';

const SINCE = 1_000;
const ACCOUNT = '111122223333';

const row = (region: string, parts: Partial<RevertTables['baseline_reading']>) => ({
  ...{ account: ACCOUNT, region, type: 'AWS::S3::Bucket', purpose: 'enrol' as const, replaces: false, due_ms: 0 },
  ...{ after_id: null, seen: 3, taken: 2, differing: 1, unreadable: 0, failure: null, holder: null },
  ...{ lease_until_ms: null, started_ms: null, finished_ms: null, enrolled_ms: null },
  ...parts,
});

test('an enrolment is told of until it is done, and what was only compared is not', async () => {
  const state = await openTestPglite();
  const rows = [
    row('waiting', {}),
    row('under-way', { after_id: 'a', started_ms: SINCE }),
    row('taken', { purpose: 'drift', finished_ms: SINCE + 1, enrolled_ms: SINCE + 1 }),
    row('refused', { finished_ms: SINCE + 1, failure: 'AccessDenied' }),
    row('compared', { purpose: 'drift', finished_ms: SINCE + 1, enrolled_ms: SINCE - 1 }),
    row('not-comparable', { purpose: 'drift', finished_ms: SINCE + 1, failure: 'AccessDenied' }),
    row('long-done', { purpose: 'drift', finished_ms: SINCE - 1, enrolled_ms: SINCE - 1 }),
    row('elsewhere', { account: '444455556666' }),
  ];
  await state.db.withTables<RevertTables>().insertInto('baseline_reading').values(rows).execute();
  const readings = await readingsOf(state, { account: ACCOUNT, sinceMs: SINCE });
  expect(readings.map(({ region, isDone }) => [region, isDone])).toEqual([
    ['refused', true],
    ['taken', true],
    ['under-way', false],
    ['waiting', false],
  ]);
  expect(readings[0]).toMatchObject({ failure: 'AccessDenied', seen: 3, taken: 2, differing: 1 });
  await state.close();
});
