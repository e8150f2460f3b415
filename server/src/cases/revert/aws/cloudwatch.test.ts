/** Composite alarms, which moto does not make: their order, and the shape of the call. */
import { expect, test } from 'vitest';
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import { Unsettled } from '../catalogue.ts';
import { alarmsOfRule, cloudwatchEntries } from './cloudwatch.ts';

const [deleted] = cloudwatchEntries;
if (deleted?.complete === undefined) throw new Error('there is no entry for deleted alarms');
const resource = { type: 'AWS::CloudWatch::Alarm', account: '111122223333', region: 'eu-west-1', id: 'anything' };

test.each([
  ['ALARM("cpu") AND NOT OK("disk full")', ['cpu', 'disk full']],
  ["INSUFFICIENT_DATA('a') OR ALARM(b)", ['a', 'b']],
  ['ALARM(arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu)', ['cpu']],
  ['TRUE', []],
  ['ALARM("twice") OR OK("twice")', ['twice']],
])('the rule %s names %j', (rule, names) => {
  expect(alarmsOfRule(rule)).toEqual(names);
});

test('a composite alarm waits for the alarms that it refers to', async () => {
  const trusted = { AlarmRule: 'ALARM("cpu")', ActionsEnabled: true, tags: [{ Key: 'owner', Value: 'security' }] };
  const calls = deleted.lead(null, trusted, { resource, token: 't' });
  expect(calls).toEqual([
    {
      service: 'cloudwatch',
      operation: 'PutCompositeAlarm',
      input: { AlarmName: 'anything', AlarmRule: 'ALARM("cpu")', ActionsEnabled: true, Tags: trusted.tags },
    },
  ]);
  const having = (names: readonly string[]): Caller => ({
    call: ({ operation }: Call) =>
      operation === 'DescribeAlarms'
        ? Promise.resolve({ MetricAlarms: names.map((AlarmName) => ({ AlarmName })), CompositeAlarms: [] })
        : Promise.reject(new Error(`nobody expects ${operation}`)),
  });
  const [call] = calls as [Call];
  const complete = (names: readonly string[]) =>
    deleted.complete?.(call, {
      caller: having(names),
      resource,
      from: null,
      nowMs: 0,
      archive: () => Promise.resolve(null),
    });
  await expect(complete([])).rejects.toThrow(Unsettled);
  expect(await complete(['cpu'])).toEqual(call);
});
