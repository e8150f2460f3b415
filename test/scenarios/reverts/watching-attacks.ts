/** Attacks on what watches and tells: alarms, filters of logs, rules that carry events. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, leaveOut } from './attack.ts';

const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:on-call`;

const alarm = async (aws: Aws) => {
  const name = fresh('root-signs-in');
  await aws('cloudwatch', 'PutMetricAlarm', {
    AlarmName: name,
    AlarmDescription: 'the root user signed in',
    ActionsEnabled: true,
    AlarmActions: [TOPIC],
    Namespace: 'Audit',
    MetricName: 'RootSignIns',
    Dimensions: [{ Name: 'account', Value: 'shop' }],
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'notBreaching',
    Tags: [{ Key: 'owner', Value: 'security' }],
  });
  return { name };
};
const alarmLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { MetricAlarms } = await aws('cloudwatch', 'DescribeAlarms', { AlarmNames: [name] });
  const [found] = MetricAlarms as Json[];
  const { Tags } = await aws('cloudwatch', 'ListTagsForResource', { ResourceARN: found?.['AlarmArn'] });
  const settings = Object.entries(found ?? {}).filter(([key]) => !/Timestamp|^State/.test(key));
  return [Object.fromEntries(settings), Tags];
};

/** A log group from which a metric and a stream are made. */
const filtered = async (aws: Aws) => {
  const name = fresh('/shop/trail');
  await aws('cloudwatch-logs', 'CreateLogGroup', { logGroupName: name, tags: { owner: 'security' } });
  await aws('cloudwatch-logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: 365 });
  await aws('cloudwatch-logs', 'PutMetricFilter', {
    logGroupName: name,
    filterName: 'root',
    filterPattern: '{ $.userIdentity.type = "Root" }',
    metricTransformations: [{ metricName: 'RootSignIns', metricNamespace: 'Audit', metricValue: '1' }],
  });
  const archive = fresh('/archive/trail');
  await aws('cloudwatch-logs', 'CreateLogGroup', { logGroupName: archive });
  await aws('cloudwatch-logs', 'PutSubscriptionFilter', {
    logGroupName: name,
    filterName: 'all',
    filterPattern: '',
    // moto takes a log group for a destination.
    destinationArn: `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:${archive}:*`,
  });
  return { name };
};
const filteredLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { logGroups } = await aws('cloudwatch-logs', 'DescribeLogGroups', { logGroupNamePrefix: name });
  const own = (logGroups as Json[]).filter(({ logGroupName }) => logGroupName === name);
  const metric = await aws('cloudwatch-logs', 'DescribeMetricFilters', { logGroupName: name });
  const subscription = await aws('cloudwatch-logs', 'DescribeSubscriptionFilters', { logGroupName: name });
  const without = (filters: unknown) => (filters as Json[]).map((filter) => leaveOut(filter, 'creationTime'));
  return [
    own.map(({ retentionInDays }) => retentionInDays),
    without(metric['metricFilters']),
    without(subscription['subscriptionFilters']),
  ];
};

export const WATCHING_ATTACKS: readonly Attack[] = [
  {
    row: 10,
    name: 'an alarm is deleted',
    before: alarm,
    attack: async (aws, { name }) => {
      await aws('cloudwatch', 'DeleteAlarms', { AlarmNames: [name] });
      return { event: 'monitoring:DeleteAlarms', request: { alarmNames: [name] } };
    },
    names: ({ name }) => ({ event: 'monitoring:DeleteAlarms', request: { alarmNames: [name] } }),
    look: alarmLook,
  },
  {
    row: 10,
    name: 'an alarm no longer tells anybody',
    before: alarm,
    attack: async (aws, { name }) => {
      await aws('cloudwatch', 'DisableAlarmActions', { AlarmNames: [name] });
      return { event: 'monitoring:DisableAlarmActions', request: { alarmNames: [name] } };
    },
    names: ({ name }) => ({ event: 'monitoring:DisableAlarmActions', request: { alarmNames: [name] } }),
    look: alarmLook,
  },
  {
    row: 9,
    name: 'a log group is deleted with its filters',
    before: filtered,
    attack: async (aws, { name }) => {
      // AWS deletes the filters with the group, moto keeps this one.
      await aws('cloudwatch-logs', 'DeleteMetricFilter', { logGroupName: name, filterName: 'root' });
      await aws('cloudwatch-logs', 'DeleteLogGroup', { logGroupName: name });
      return { event: 'logs:DeleteLogGroup', request: { logGroupName: name } };
    },
    names: ({ name }) => ({ event: 'logs:DeleteLogGroup', request: { logGroupName: name } }),
    look: filteredLook,
  },
  {
    row: 9,
    name: 'logs are no longer carried away',
    before: filtered,
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'DeleteSubscriptionFilter', { logGroupName: name, filterName: 'all' });
      return { event: 'logs:DeleteSubscriptionFilter', request: { logGroupName: name, filterName: 'all' } };
    },
    names: ({ name }) => ({
      event: 'logs:DeleteSubscriptionFilter',
      request: { logGroupName: name, filterName: 'all' },
    }),
    look: filteredLook,
  },
  {
    row: 9,
    name: 'what counts sign-ins of root is deleted',
    before: filtered,
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'DeleteMetricFilter', { logGroupName: name, filterName: 'root' });
      return { event: 'logs:DeleteMetricFilter', request: { logGroupName: name, filterName: 'root' } };
    },
    names: ({ name }) => ({ event: 'logs:DeleteMetricFilter', request: { logGroupName: name, filterName: 'root' } }),
    look: filteredLook,
  },
];
