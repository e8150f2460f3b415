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

/** The detector of the region, watching S3 and nothing else that costs. */
const detector = async (aws: Aws) => {
  const { DetectorIds } = await aws('guardduty', 'ListDetectors');
  for (const DetectorId of DetectorIds as string[]) await aws('guardduty', 'DeleteDetector', { DetectorId });
  const made = await aws('guardduty', 'CreateDetector', {
    Enable: true,
    FindingPublishingFrequency: 'FIFTEEN_MINUTES',
    Features: [{ Name: 'S3_DATA_EVENTS', Status: 'ENABLED' }],
    Tags: { owner: 'security' },
  });
  return { id: String(made['DetectorId']) };
};
const theDetector = async (aws: Aws) => ({
  DetectorId: ((await aws('guardduty', 'ListDetectors'))['DetectorIds'] as string[])[0],
});
const detectorLook = async (aws: Aws) => {
  const found = await aws('guardduty', 'GetDetector', await theDetector(aws));
  const features = (found['Features'] as Json[]).filter(({ Status }) => Status === 'ENABLED');
  return [found['Status'], found['FindingPublishingFrequency'], features, found['Tags']];
};
const criteria = (type: string) => ({ Criterion: { type: { Equals: [type] }, severity: { LessThan: 4 } } });
const filterLook = async (aws: Aws, { name }: Record<string, string>) =>
  leaveOut(await aws('guardduty', 'GetFilter', { ...(await theDetector(aws)), FilterName: name }), 'Tags');
const ipSet = async (aws: Aws, DetectorId: string | undefined, name: string) =>
  aws('guardduty', 'CreateIPSet', {
    DetectorId,
    Name: name,
    Format: 'TXT',
    Location: 'https://s3.amazonaws.com/shop-lists/offices.txt',
    Activate: true,
  });
const member = async (aws: Aws) => {
  const { id } = await detector(aws);
  const AccountDetails = [{ AccountId: '111122223333', Email: 'shop@example.com' }];
  await aws('guardduty', 'CreateMembers', { DetectorId: id, AccountDetails });
  return { id };
};
const memberLook = async (aws: Aws, { id }: Record<string, string>) => {
  const { Members } = await aws('guardduty', 'GetMembers', { DetectorId: id, AccountIds: ['111122223333'] });
  return (Members as Json[]).map(({ AccountId, Email, RelationshipStatus }) => [AccountId, Email, RelationshipStatus]);
};
const memberAttack = (event: string, name: string): Attack => ({
  row: 7,
  name,
  before: member,
  names: ({ id }) => ({ event: `guardduty:${event}`, request: { detectorId: id, accountIds: ['111122223333'] } }),
  attack: async (aws, { id }) => {
    await aws('guardduty', event, { DetectorId: id, AccountIds: ['111122223333'] });
    return { event: `guardduty:${event}`, request: { detectorId: id, accountIds: ['111122223333'] } };
  },
  look: memberLook,
});

const CIS = 'arn:aws:securityhub:us-east-1::standards/cis-aws-foundations-benchmark/v/1.4.0';
const PCI = 'arn:aws:securityhub:us-east-1::standards/pci-dss/v/3.2.1';
const subscription = (standard: string) =>
  standard.replace('us-east-1::standards/', `us-east-1:${ACCOUNT}:subscription/`);
const hub = async (aws: Aws) => {
  await aws('securityhub', 'DisableSecurityHub').catch(() => null);
  await aws('securityhub', 'EnableSecurityHub', { EnableDefaultStandards: false, Tags: { owner: 'security' } });
  const StandardsSubscriptionRequests = [CIS, PCI].map((StandardsArn) => ({ StandardsArn }));
  await aws('securityhub', 'BatchEnableStandards', { StandardsSubscriptionRequests });
  return {};
};
const hubLook = async (aws: Aws) => {
  const { HubArn } = await aws('securityhub', 'DescribeHub');
  const { StandardsSubscriptions } = await aws('securityhub', 'GetEnabledStandards');
  const { Tags } = await aws('securityhub', 'ListTagsForResource', { ResourceArn: HubArn });
  return [(StandardsSubscriptions as Json[]).map(({ StandardsArn }) => String(StandardsArn)).sort(), Tags];
};

export const DETECTION_ATTACKS: readonly Attack[] = [
  {
    row: 6,
    name: 'the detector is suspended, and no longer looks at S3',
    before: detector,
    names: ({ id }) => ({ event: 'guardduty:UpdateDetector', request: { detectorId: id } }),
    attack: async (aws, { id }) => {
      const Features = [{ Name: 'S3_DATA_EVENTS', Status: 'DISABLED' }];
      await aws('guardduty', 'UpdateDetector', { DetectorId: id, Enable: false, Features });
      const features = [{ name: 'S3_DATA_EVENTS', status: 'DISABLED' }];
      return { event: 'guardduty:UpdateDetector', request: { detectorId: id, enable: false, features } };
    },
    look: detectorLook,
  },
  {
    row: 6,
    name: 'the detector is deleted with all that hangs on it',
    before: async (aws) => {
      const { id } = await member(aws);
      const FindingCriteria = criteria('Recon:EC2/Portscan');
      await aws('guardduty', 'CreateFilter', { DetectorId: id, Name: 'scans', Action: 'NOOP', FindingCriteria });
      await ipSet(aws, id, 'offices');
      await aws('guardduty', 'CreatePublishingDestination', {
        DetectorId: id,
        DestinationType: 'S3',
        DestinationProperties: { DestinationArn: 'arn:aws:s3:::shop-findings', KmsKeyArn: 'arn:aws:kms:::key/1' },
      });
      return { id };
    },
    names: ({ id }) => ({ event: 'guardduty:DeleteDetector', request: { detectorId: id } }),
    attack: async (aws, { id }) => {
      await aws('guardduty', 'DeleteDetector', { DetectorId: id });
      return { event: 'guardduty:DeleteDetector', request: { detectorId: id } };
    },
    look: async (aws) => {
      const of = await theDetector(aws);
      const { IpSetIds } = await aws('guardduty', 'ListIPSets', of);
      const sets = await Promise.all(
        (IpSetIds as string[]).map((IpSetId) => aws('guardduty', 'GetIPSet', { ...of, IpSetId })),
      );
      const { Destinations } = await aws('guardduty', 'ListPublishingDestinations', of);
      const filter = await aws('guardduty', 'GetFilter', { ...of, FilterName: 'scans' });
      const { Members } = await aws('guardduty', 'ListMembers', of);
      return [
        await detectorLook(aws),
        sets,
        leaveOut(filter, 'Tags'),
        (Destinations as Json[]).map(({ DestinationType }) => DestinationType),
        (Members as Json[]).map(({ AccountId }) => AccountId),
      ];
    },
  },
  {
    row: 7,
    name: 'findings about credentials are archived unseen',
    before: async (aws) => ({ ...(await detector(aws)), name: fresh('quiet') }),
    attack: async (aws, { id, name }) => {
      const type = 'UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS';
      const FindingCriteria = criteria(type);
      await aws('guardduty', 'CreateFilter', { DetectorId: id, Name: name, Action: 'ARCHIVE', FindingCriteria });
      const findingCriteria = { criterion: { type: { equals: [type] }, severity: { lessThan: 4 } } };
      return {
        event: 'guardduty:CreateFilter',
        request: { detectorId: id, name, action: 'ARCHIVE', findingCriteria },
        response: { name },
      };
    },
    look: (aws, made) => filterLook(aws, made).catch(() => 'no filter'),
  },
  {
    row: 7,
    name: 'a filter that marked findings archives them',
    before: async (aws) => {
      const made = { ...(await detector(aws)), name: fresh('marked') };
      const FindingCriteria = criteria('Recon:EC2/Portscan');
      const given = { Name: made.name, Action: 'NOOP', Rank: 1, Description: 'scans', FindingCriteria };
      await aws('guardduty', 'CreateFilter', { DetectorId: made.id, ...given });
      return made;
    },
    names: ({ id, name }) => ({ event: 'guardduty:UpdateFilter', request: { detectorId: id, filterName: name } }),
    attack: async (aws, { id, name }) => {
      await aws('guardduty', 'UpdateFilter', { DetectorId: id, FilterName: name, Action: 'ARCHIVE' });
      return {
        event: 'guardduty:UpdateFilter',
        request: { detectorId: id, filterName: name, action: 'ARCHIVE' },
      };
    },
    look: filterLook,
  },
  {
    row: 7,
    name: "an attacker's addresses become trusted",
    before: detector,
    attack: async (aws, { id }) => {
      const { IpSetId } = await ipSet(aws, id, 'partners');
      return {
        event: 'guardduty:CreateIPSet',
        request: { detectorId: id, name: 'partners', format: 'TXT', activate: true },
        response: { ipSetId: IpSetId },
      };
    },
    look: async (aws, { id }) => {
      const { IpSetIds } = await aws('guardduty', 'ListIPSets', { DetectorId: id });
      const ids = IpSetIds as string[];
      const sets = await Promise.all(ids.map((IpSetId) => aws('guardduty', 'GetIPSet', { DetectorId: id, IpSetId })));
      return sets.map((set) => leaveOut(set, 'Tags'));
    },
  },
  {
    row: 7,
    name: 'the list of trusted addresses is read from elsewhere',
    before: async (aws) => {
      const { id } = await detector(aws);
      return { id, set: String((await ipSet(aws, id, 'offices'))['IpSetId']) };
    },
    names: ({ id, set }) => ({ event: 'guardduty:UpdateIPSet', request: { detectorId: id, ipSetId: set } }),
    attack: async (aws, { id, set }) => {
      const location = 'https://s3.amazonaws.com/elsewhere/list.txt';
      await aws('guardduty', 'UpdateIPSet', { DetectorId: id, IpSetId: set, Location: location, Activate: true });
      return {
        event: 'guardduty:UpdateIPSet',
        request: { detectorId: id, ipSetId: set, location, activate: true },
      };
    },
    look: (aws, { id, set }) => aws('guardduty', 'GetIPSet', { DetectorId: id, IpSetId: set }),
  },
  memberAttack('StopMonitoringMembers', 'an account is no longer watched'),
  memberAttack('DisassociateMembers', 'an account is let go'),
  memberAttack('DeleteMembers', 'an account is forgotten'),
  {
    row: 7,
    name: 'Security Hub is switched off',
    before: hub,
    names: () => ({ event: 'securityhub:DisableSecurityHub', request: {} }),
    attack: async (aws) => {
      await aws('securityhub', 'DisableSecurityHub');
      return { event: 'securityhub:DisableSecurityHub', request: {} };
    },
    look: hubLook,
  },
  {
    row: 7,
    name: 'a standard is no longer checked',
    before: hub,
    names: () => ({ event: 'securityhub:BatchDisableStandards', request: {} }),
    attack: async (aws) => {
      const StandardsSubscriptionArns = [subscription(CIS)];
      await aws('securityhub', 'BatchDisableStandards', { StandardsSubscriptionArns });
      return { event: 'securityhub:BatchDisableStandards', request: { StandardsSubscriptionArns } };
    },
    look: hubLook,
  },
  {
    row: 5,
    name: 'the flow log of a network is deleted',
    before: flowLog,
    attack: async (aws, { id = '' }) => {
      await aws('ec2', 'DeleteFlowLogs', { FlowLogIds: [id] });
      return {
        event: 'ec2:DeleteFlowLogs',
        request: { DeleteFlowLogsRequest: { FlowLogId: { content: id, tag: 1 } } },
        recorded: { of: 'aws.defense-evasion.vpc-remove-flow-logs', names: { 'fl-0e17aa62a21d4bbfe': id } },
      };
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
