/** Attacks on what records and judges: flow logs, AWS Config, GuardDuty, Security Hub. */
import { ACCOUNT, type Attack, type Aws, fresh, type Json, leaveOut } from './attack.ts';

const SENDER = `arn:aws:iam::${ACCOUNT}:role/flow-log-sender`;

const one = (answer: Json, list: string): Json | undefined => (answer[list] as Json[])[0];

const flowLog = async (aws: Aws) => {
  const { Vpc } = await aws('ec2', 'CreateVpc', { CidrBlock: '10.20.0.0/16' });
  const vpc = String((Vpc as Json)['VpcId']);
  const group = fresh('/shop/flows');
  await aws('cloudwatch-logs', 'CreateLogGroup', { logGroupName: group });
  const { FlowLogIds } = await aws('ec2', 'CreateFlowLogs', {
    ResourceIds: [vpc],
    ResourceType: 'VPC',
    TrafficType: 'REJECT',
    LogGroupName: group,
    DeliverLogsPermissionArn: SENDER,
    MaxAggregationInterval: 60,
    TagSpecifications: [{ ResourceType: 'vpc-flow-log', Tags: [{ Key: 'owner', Value: 'payments' }] }],
  });
  return { vpc, id: String((FlowLogIds as string[])[0]) };
};

/** The recorder and its channel, running; one of each in a region. */
const recording = async (aws: Aws) => {
  const ConfigurationRecorder = {
    name: 'default',
    roleARN: `arn:aws:iam::${ACCOUNT}:role/config-recorder`,
    recordingGroup: { allSupported: true, includeGlobalResourceTypes: true },
  };
  await aws('config-service', 'PutConfigurationRecorder', { ConfigurationRecorder });
  const DeliveryChannel = { name: 'default', s3BucketName: 'shop-config', s3KeyPrefix: 'history' };
  await aws('config-service', 'PutDeliveryChannel', { DeliveryChannel });
  await aws('config-service', 'StartConfigurationRecorder', { ConfigurationRecorderName: 'default' });
  return {};
};
const recordingLook = async (aws: Aws) => {
  const status = one(
    await aws('config-service', 'DescribeConfigurationRecorderStatus'),
    'ConfigurationRecordersStatus',
  );
  const recorders = await aws('config-service', 'DescribeConfigurationRecorders');
  const channels = await aws('config-service', 'DescribeDeliveryChannels');
  return [recorders['ConfigurationRecorders'], channels['DeliveryChannels'], status?.['recording']];
};

export const DETECTION_ATTACKS: readonly Attack[] = [
  {
    row: 5,
    name: 'the flow log of a network is deleted',
    before: flowLog,
    attack: async (aws, { id }) => {
      await aws('ec2', 'DeleteFlowLogs', { FlowLogIds: [id] });
      return { event: 'ec2:DeleteFlowLogs', request: { FlowLogId: { content: id, tag: 1 } } };
    },
    names: ({ id }) => ({ event: 'ec2:DeleteFlowLogs', request: { FlowLogId: { content: id, tag: 1 } } }),
    // By the network that it watches: its own id is another one now.
    look: async (aws, { vpc }) => {
      const answer = await aws('ec2', 'DescribeFlowLogs', { Filter: [{ Name: 'resource-id', Values: [vpc] }] });
      return (answer['FlowLogs'] as Json[]).map((found) => ({
        ...leaveOut(found, 'FlowLogId', 'CreationTime'),
        Tags: (found['Tags'] as Json[]).filter(({ Key }) => Key === 'owner'),
      }));
    },
  },
  {
    row: 8,
    name: 'recording of changes is stopped',
    before: recording,
    attack: async (aws) => {
      await aws('config-service', 'StopConfigurationRecorder', { ConfigurationRecorderName: 'default' });
      return { event: 'config:StopConfigurationRecorder', request: { configurationRecorderName: 'default' } };
    },
    names: () => ({ event: 'config:StopConfigurationRecorder', request: { configurationRecorderName: 'default' } }),
    look: recordingLook,
  },
  {
    row: 8,
    name: 'the recorder of changes is deleted',
    before: recording,
    attack: async (aws) => {
      await aws('config-service', 'DeleteConfigurationRecorder', { ConfigurationRecorderName: 'default' });
      return { event: 'config:DeleteConfigurationRecorder', request: { configurationRecorderName: 'default' } };
    },
    names: () => ({ event: 'config:DeleteConfigurationRecorder', request: { configurationRecorderName: 'default' } }),
    look: recordingLook,
  },
  {
    row: 8,
    name: 'the record of changes is no longer delivered',
    before: async (aws) => {
      await recording(aws);
      // A channel goes only while the recorder stands still.
      await aws('config-service', 'StopConfigurationRecorder', { ConfigurationRecorderName: 'default' });
      return {};
    },
    attack: async (aws) => {
      await aws('config-service', 'DeleteDeliveryChannel', { DeliveryChannelName: 'default' });
      return { event: 'config:DeleteDeliveryChannel', request: { deliveryChannelName: 'default' } };
    },
    names: () => ({ event: 'config:DeleteDeliveryChannel', request: { deliveryChannelName: 'default' } }),
    look: recordingLook,
  },
  {
    row: 8,
    name: 'a rule that judges resources is deleted',
    before: async (aws) => {
      await recording(aws);
      const name = fresh('s3-bucket-public-read-prohibited');
      const ConfigRule = {
        ConfigRuleName: name,
        Description: 'no bucket is public',
        Scope: { ComplianceResourceTypes: ['AWS::S3::Bucket'] },
        Source: { Owner: 'AWS', SourceIdentifier: 'S3_BUCKET_PUBLIC_READ_PROHIBITED' },
      };
      const Tags = [{ Key: 'owner', Value: 'security' }];
      await aws('config-service', 'PutConfigRule', { ConfigRule, Tags });
      return { name };
    },
    attack: async (aws, { name }) => {
      await aws('config-service', 'DeleteConfigRule', { ConfigRuleName: name });
      return { event: 'config:DeleteConfigRule', request: { configRuleName: name } };
    },
    names: ({ name }) => ({ event: 'config:DeleteConfigRule', request: { configRuleName: name } }),
    look: async (aws, { name }) => {
      const answer = await aws('config-service', 'DescribeConfigRules', { ConfigRuleNames: [name] });
      const rule = one(answer, 'ConfigRules') ?? {};
      const tags = await aws('config-service', 'ListTagsForResource', { ResourceArn: rule['ConfigRuleArn'] });
      return [leaveOut(rule, 'ConfigRuleArn', 'ConfigRuleId'), tags['Tags']];
    },
  },
];
