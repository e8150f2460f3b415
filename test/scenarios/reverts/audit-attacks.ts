/** Attacks on what is recorded and what carries it to us: trails, log groups, rules. */
import { ACCOUNT, type Attack, type Aws, bucket, fresh, type Json } from './attack.ts';

const trail = async (aws: Aws) => {
  const name = fresh('org-trail');
  const store = await bucket(aws);
  await aws('cloudtrail', 'CreateTrail', {
    Name: name,
    S3BucketName: store,
    IsMultiRegionTrail: true,
    EnableLogFileValidation: true,
  });
  await aws('cloudtrail', 'StartLogging', { Name: name });
  return name;
};

const trailLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { Trail } = await aws('cloudtrail', 'GetTrail', { Name: name });
  const { IsLogging } = await aws('cloudtrail', 'GetTrailStatus', { Name: name });
  const { EventSelectors } = await aws('cloudtrail', 'GetEventSelectors', { TrailName: name });
  const { S3BucketName, IsMultiRegionTrail, LogFileValidationEnabled } = Trail as Json;
  return { S3BucketName, IsMultiRegionTrail, LogFileValidationEnabled, IsLogging, EventSelectors };
};

/** As AWS reads a selector back, with nothing left out. */
const SELECTORS = [
  { ReadWriteType: 'All', IncludeManagementEvents: true, DataResources: [], ExcludeManagementEventSources: [] },
];

const rule = async (aws: Aws) => {
  const name = fresh('to-intake');
  await aws('eventbridge', 'PutRule', {
    Name: name,
    EventPattern: JSON.stringify({ source: ['aws.iam'] }),
    State: 'ENABLED',
  });
  const Targets = [{ Id: 'intake', Arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:intake` }];
  await aws('eventbridge', 'PutTargets', { Rule: name, Targets });
  return name;
};

const ruleLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { State, EventPattern } = await aws('eventbridge', 'DescribeRule', { Name: name });
  const { Targets } = await aws('eventbridge', 'ListTargetsByRule', { Rule: name });
  return { State, EventPattern, Targets };
};

const logGroup = async (aws: Aws) => {
  const name = fresh('/shop/audit');
  await aws('cloudwatch-logs', 'CreateLogGroup', { logGroupName: name });
  await aws('cloudwatch-logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: 365 });
  return name;
};

const logLook = async (aws: Aws, { name }: Record<string, string>) => {
  const { logGroups } = await aws('cloudwatch-logs', 'DescribeLogGroups', { logGroupNamePrefix: name });
  const own = (logGroups as Json[]).filter(({ logGroupName }) => logGroupName === name);
  return own.map(({ retentionInDays }) => retentionInDays);
};

export const AUDIT_ATTACKS: readonly Attack[] = [
  {
    row: 1,
    name: 'the trail is stopped',
    before: async (aws) => ({ name: await trail(aws) }),
    names: ({ name }) => ({ event: 'cloudtrail:StopLogging', request: { name } }),
    attack: async (aws, { name }) => {
      await aws('cloudtrail', 'StopLogging', { Name: name });
      return { event: 'cloudtrail:StopLogging', request: { name } };
    },
    look: trailLook,
  },
  {
    row: 2,
    name: 'the trail is deleted',
    before: async (aws) => {
      const name = await trail(aws);
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: SELECTORS });
      return { name };
    },
    names: ({ name }) => ({ event: 'cloudtrail:DeleteTrail', request: { name } }),
    attack: async (aws, { name }) => {
      await aws('cloudtrail', 'DeleteTrail', { Name: name });
      return { event: 'cloudtrail:DeleteTrail', request: { name } };
    },
    look: trailLook,
  },
  {
    row: 3,
    name: "the trail's logs are sent elsewhere and no longer validated",
    before: async (aws) => ({ name: await trail(aws) }),
    names: ({ name }) => ({ event: 'cloudtrail:UpdateTrail', request: { name } }),
    attack: async (aws, { name }) => {
      const thief = await bucket(aws);
      await aws('cloudtrail', 'UpdateTrail', { Name: name, S3BucketName: thief, EnableLogFileValidation: false });
      return {
        event: 'cloudtrail:UpdateTrail',
        request: { name, s3BucketName: thief, enableLogFileValidation: false },
      };
    },
    look: trailLook,
  },
  {
    row: 4,
    name: 'the trail no longer records management events',
    before: async (aws) => {
      const name = await trail(aws);
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: SELECTORS });
      return { name };
    },
    names: ({ name }) => ({ event: 'cloudtrail:PutEventSelectors', request: { trailName: name } }),
    attack: async (aws, { name }) => {
      const quiet = [{ ReadWriteType: 'ReadOnly', IncludeManagementEvents: false, DataResources: [] }];
      await aws('cloudtrail', 'PutEventSelectors', { TrailName: name, EventSelectors: quiet });
      const eventSelectors = [{ readWriteType: 'ReadOnly', includeManagementEvents: false, dataResources: [] }];
      return { event: 'cloudtrail:PutEventSelectors', request: { trailName: name, eventSelectors } };
    },
    look: trailLook,
  },
  {
    row: 9,
    name: 'logs are kept for a day only',
    before: async (aws) => ({ name: await logGroup(aws) }),
    names: ({ name }) => ({ event: 'logs:PutRetentionPolicy', request: { logGroupName: name } }),
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays: 1 });
      return { event: 'logs:PutRetentionPolicy', request: { logGroupName: name, retentionInDays: 1 } };
    },
    look: logLook,
  },
  {
    row: 9,
    name: 'a log group is deleted',
    before: async (aws) => ({ name: await logGroup(aws) }),
    names: ({ name }) => ({ event: 'logs:PutRetentionPolicy', request: { logGroupName: name } }),
    attack: async (aws, { name }) => {
      await aws('cloudwatch-logs', 'DeleteLogGroup', { logGroupName: name });
      return { event: 'logs:DeleteLogGroup', request: { logGroupName: name } };
    },
    look: logLook,
  },
  {
    row: 12,
    name: 'the rule that carries events to us is switched off',
    before: async (aws) => ({ name: await rule(aws) }),
    names: ({ name }) => ({ event: 'events:DisableRule', request: { name } }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'DisableRule', { Name: name });
      return { event: 'events:DisableRule', request: { name } };
    },
    look: ruleLook,
  },
  {
    row: 12,
    name: 'its targets are taken away',
    before: async (aws) => ({ name: await rule(aws) }),
    names: ({ name }) => ({ event: 'events:DisableRule', request: { name } }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'RemoveTargets', { Rule: name, Ids: ['intake'] });
      return { event: 'events:RemoveTargets', request: { rule: name, ids: ['intake'] } };
    },
    look: ruleLook,
  },
  {
    row: 12,
    name: 'it is deleted',
    before: async (aws) => ({ name: await rule(aws) }),
    names: ({ name }) => ({ event: 'events:DisableRule', request: { name } }),
    attack: async (aws, { name }) => {
      await aws('eventbridge', 'RemoveTargets', { Rule: name, Ids: ['intake'] });
      await aws('eventbridge', 'DeleteRule', { Name: name });
      return { event: 'events:DeleteRule', request: { name } };
    },
    look: ruleLook,
  },
];
