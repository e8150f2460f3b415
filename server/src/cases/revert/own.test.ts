/** Our own calls are recognised when their events come back, trial runs and all; nobody else's are. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openTestPglite } from '../../../../test/state.ts';
import { isTrial, judgeOwn, noteCall } from './own.ts';
import type { Revert } from './store.ts';
import { readTrailEvent } from './trail.ts';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/countersign`;
const NOW = Date.parse('2026-01-01T00:00:00Z');

/** As AWS tells it: most requests as they are, some whole in a part of their own, with other letters. */
const eventOf = (requestParameters: object) => {
  const event = readTrailEvent({
    ...{ eventID: 'own', eventSource: 'ec2.amazonaws.com', eventName: 'DeleteFlowLogs', recipientAccountId: ACCOUNT },
    ...{ eventTime: '2026-01-01T00:00:00Z', awsRegion: 'eu-west-1', requestParameters },
  });
  if (event === null) throw new Error('no event of a trail');
  return event;
};

test.each([
  ['most', 'dryRun', (request: object) => request],
  ['flow logs', 'DryRun', (request: object) => ({ DeleteFlowLogsRequest: request })],
])('the trial run of a call and the call itself are both ours, as EC2 tells %s', async (_name, key, told) => {
  const state = await openTestPglite();
  await sql`insert into revert (id, event_id, resource_key, account, row_number, state, mode, plan, digest, created_ms, updated_ms)
    values ('r1', 'e1', 'key', ${ACCOUNT}, 1, 'running', 'auto', '{}', '', 0, 0)`.execute(state.db);
  const call = { service: 'ec2', operation: 'DeleteFlowLogs', input: { FlowLogIds: ['fl-1'] } };
  const resource = { type: 'AWS::EC2::FlowLog', account: ACCOUNT, region: 'eu-west-1', id: 'fl-1' };
  const revert = { id: 'r1', account: ACCOUNT } as Revert;
  await state.transaction((trx) => noteCall(trx, { revert, call, resource, nowMs: NOW }));
  const judge = (request: object) =>
    judgeOwn(state, { ownRoles: [ROLE], event: eventOf(told(request)), issuerArn: ROLE });
  expect(await judge({ flowLogId: 'fl-1', [key]: true })).toBe('own');
  expect(await judge({ flowLogId: 'fl-1' })).toBe('own');
  expect(await judge({ flowLogId: 'fl-1', [key]: false })).toBe('own');
  expect(await judge({ flowLogId: 'fl-2', [key]: true })).toBe('stolen');
  await state.close();
});

test.each([
  [{ dryRun: true }, true],
  [{ dryRun: 'true' }, true],
  [{ DeleteFlowLogsRequest: { DryRun: true } }, true],
  [{ dryRun: false }, false],
  [{ flowLogId: 'dryRun' }, false],
  // A name of a caller's own choice.
  [{ tags: { dryRun: 'true' }, flowLogId: 'fl-1' }, false],
])('%j is a trial run: %s', (request, expected) => {
  expect(isTrial(eventOf(request))).toBe(expected);
});
