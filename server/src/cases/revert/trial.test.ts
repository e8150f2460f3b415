/** What is asked before anything is done, and what is not believed too soon. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestPglite } from '../../../../test/state.ts';
import { systemClock } from '../../ground/clock.ts';
import { systemRandom } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import { type Call, CallFailure } from '../../vendors/aws/calls.ts';
import type { TrailEvent } from './catalogue.ts';
import { createReverts } from './engine.ts';
import { createLedger } from './ledger.ts';
import { canBeTried } from './trial.ts';

let state: State;
let events = 0;
beforeAll(async () => {
  state = await openTestPglite();
}, 120_000);
afterAll(() => state?.close());

/** AWS with one group, or one state of images; what it answers to a trial is the test's. */
const awsWith = (answer: (call: Call) => Record<string, unknown> | null) => {
  const made: Call[] = [];
  const caller = {
    call: (call: Call) => {
      made.push(call);
      const told = answer(call);
      return told === null
        ? Promise.reject(new CallFailure('UnauthorizedOperation', 'not you', false))
        : Promise.resolve(told);
    },
  };
  const reverts = createReverts({
    ...{ state, clock: systemClock, random: systemRandom, ledger: createLedger(null), callerOf: () => caller },
    ...{ ownRoles: [], breakGlass: [], mostPerAccount: 100, tries: true },
  });
  return { made, reverts };
};
const eventOf = (name: string, request: object, timeMs = Date.now()): TrailEvent => {
  events += 1;
  const place = { account: '111122223333', region: 'eu-west-1' };
  return { eventId: `trial-${events}`, service: 'ec2', name, ...place, timeMs, request: { ...request }, response: {} };
};
const isWrite = ({ operation }: Call) => !/^(Describe|Get|List)/.test(operation);

test('a call that a trial refuses is not made, and the resource stays as it is', async () => {
  const open = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIpv4: '0.0.0.0/0', SecurityGroupRuleId: 'sgr-1' };
  const { made, reverts } = awsWith(({ operation, input }) => {
    if (operation === 'DescribeSecurityGroups') return { SecurityGroups: [{ GroupId: 'sg-1' }] };
    if (operation === 'DescribeSecurityGroupRules') return { SecurityGroupRules: [open] };
    return input['DryRun'] === true ? null : {};
  });
  const request = { groupId: 'sg-1', cidrIp: '0.0.0.0/0', ipProtocol: 'tcp', fromPort: 22, toPort: 22 };
  const [planned] = await reverts.plan(eventOf('AuthorizeSecurityGroupIngress', request), {
    caseId: null,
    mode: 'auto',
  });
  expect(await reverts.run(planned?.id ?? '')).toMatchObject({
    ...{ state: 'failed', failure: expect.stringContaining('a trial run of RevokeSecurityGroupIngress was refused') },
  });
  expect(made.filter(isWrite).map(({ input }) => input['DryRun'])).toEqual([true]);
});

test('what an event alone tells how to put back is put back, also when the same resource lost what nobody vouched for', async () => {
  const rule = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIpv4: '0.0.0.0/0', SecurityGroupRuleId: 'sgr-1' };
  let rules: readonly object[] = [rule];
  const { made, reverts } = awsWith((call) => {
    if (call.operation === 'DescribeSecurityGroups') return { SecurityGroups: [{ GroupId: 'sg-2' }] };
    if (call.operation === 'DescribeSecurityGroupRules') return { SecurityGroupRules: rules };
    if (isWrite(call) && call.input['DryRun'] !== true) rules = [];
    return {};
  });
  const of = (cidrIp: string) => ({ groupId: 'sg-2', cidrIp, ipProtocol: 'tcp', fromPort: 22, toPort: 22 });
  const changes = [
    eventOf('AuthorizeSecurityGroupIngress', of('0.0.0.0/0'), Date.now() - 2_000),
    eventOf('RevokeSecurityGroupIngress', of('10.0.0.0/8'), Date.now() - 1_000),
  ];
  const planned = await reverts.plan(changes, { caseId: null, mode: 'auto' });
  expect(planned).toMatchObject([
    { row: 32, state: 'planned' },
    { row: 33, state: 'conflict', failure: expect.stringContaining('nobody vouched') },
  ]);
  expect(await reverts.run(planned[0]?.id ?? '')).toMatchObject({ state: 'reverted' });
  expect(made.filter(isWrite).at(-1)).toMatchObject({ input: { GroupId: 'sg-2', SecurityGroupRuleIds: ['sgr-1'] } });
  // Asked again, nothing is planned twice.
  expect((await reverts.plan(changes, { caseId: null, mode: 'auto' })).map(({ id }) => id).sort()).toEqual(
    planned.map(({ id }) => id).sort(),
  );
});

test('public images look as trusted for minutes after they were allowed: that is not believed', async () => {
  const { reverts } = awsWith(() => ({ ImageBlockPublicAccessState: 'block-new-sharing' }));
  const plan = (timeMs: number) =>
    reverts.plan(eventOf('DisableImageBlockPublicAccess', {}, timeMs), { caseId: null, mode: 'auto' });
  await expect(plan(Date.now() - 60_000)).rejects.toThrow('what was before the change');
  expect(await plan(Date.now() - 11 * 60_000)).toMatchObject([{ state: 'already-done' }]);
});

test('only calls that know the word are tried: one that did not would be made', async () => {
  const ec2 = (operation: string) => canBeTried({ service: 'ec2', operation, input: {} });
  for (const name of ['AssociateIamInstanceProfile', 'DisassociateIamInstanceProfile', 'StopInstances'])
    expect(ec2(name)).toBe(false);
  const declared = await import('@aws-sdk/client-ec2');
  for (const name of ['RevokeSecurityGroupEgress', 'CreateFlowLogs', 'EnableImageBlockPublicAccess', 'DeleteRoute']) {
    expect(ec2(name)).toBe(true);
    expect(declared).toHaveProperty(`${name}Command`);
  }
});
