/** What the specification says can go wrong, where neither moto nor the server before it does: races, refusals and what takes its time. */
import { DetectorFeature } from '@aws-sdk/client-guardduty';
import { describe, expect, test } from 'vitest';
import { type Call, type Caller, CallFailure } from '../../../vendors/aws/calls.ts';
import { type CallPlace, type CatalogueEntry, type ResourceRef, type TrailEvent, Unsettled } from '../catalogue.ts';
import { entryOf } from '../rows.ts';
import type { Fields, ResourceState } from '../state.ts';
import { FEATURES } from './guardduty.ts';

type Answers = Readonly<Record<string, unknown>>;

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';

function entryFor(claimed: string): CatalogueEntry {
  const [service = '', name = ''] = claimed.split(':');
  const entry = entryOf(service, name);
  if (entry === null) throw new Error(`there is no entry for ${claimed}`);
  return entry;
}

function eventOf(claimed: string, request: Answers, response: Answers = {}): TrailEvent {
  const [service = '', name = ''] = claimed.split(':');
  return { eventId: 'e', service, name, account: ACCOUNT, region: REGION, timeMs: 0, request, response };
}

/** Answers by operation; what is not told is a call that nobody expects. */
function answering(answers: Answers): Caller & { readonly made: Call[] } {
  const made: Call[] = [];
  return {
    made,
    call: (call) => {
      made.push(call);
      const answer = answers[call.operation];
      if (answer instanceof Error) return Promise.reject(answer);
      if (answer === undefined) return Promise.reject(new Error(`nobody expects ${call.operation}`));
      return Promise.resolve(answer as Answers);
    },
  };
}

const resourceOf = (type: string, id: string): ResourceRef => ({ type, account: ACCOUNT, region: REGION, id });

function placeOf(caller: Caller, resource: ResourceRef, from: ResourceState = null): CallPlace {
  return { caller, resource, from, nowMs: 0, archive: () => Promise.resolve(null) };
}

const isDone = (claimed: string, call: Call, answer: Answers, at: CallPlace) =>
  entryFor(claimed).isSettled?.(call, answer, at);

describe('a web ACL', () => {
  const entry = entryFor('wafv2:UpdateWebACL');
  const resource = resourceOf('AWS::WAFv2::WebACL', 'REGIONAL/shop');
  const acl = (action: string) => ({
    Name: 'shop',
    Id: 'id-1',
    ARN: 'arn',
    DefaultAction: { [action]: {} },
    Rules: [],
  });
  const having = (action: string) =>
    answering({
      ListWebACLs: { WebACLs: [{ Name: 'shop', Id: 'id-1', ARN: 'arn' }] },
      GetWebACL: { WebACL: acl(action), LockToken: 'fresh' },
      GetLoggingConfiguration: new CallFailure('WAFNonexistentItemException', 'none', false),
      ListTagsForResource: { TagInfoForResource: { TagList: [] } },
    });

  test('is changed with the lock token of that moment', async () => {
    const from = await entry.read(having('Allow'), resource);
    const [call] = entry.lead(from, { ...from, DefaultAction: { Block: {} } }, { resource, token: 't' });
    expect(call?.input).not.toHaveProperty('LockToken');
    const completed = await entry.complete?.(call as Call, placeOf(having('Allow'), resource, from));
    expect(completed?.input).toMatchObject({ Id: 'id-1', LockToken: 'fresh', DefaultAction: { Block: {} } });
  });

  test('that somebody changed at the same moment is left alone', async () => {
    const from = await entry.read(having('Allow'), resource);
    const [call] = entry.lead(from, { ...from, DefaultAction: { Block: {} } }, { resource, token: 't' });
    const late = entry.complete?.(call as Call, placeOf(having('Count'), resource, from));
    await expect(late).rejects.toMatchObject({ code: 'ChangedMeanwhile', retryable: false });
  });

  test('that is not there yet is waited for by what it stood before', async () => {
    const stood = entryFor('wafv2:DisassociateWebACL');
    const balancer = resourceOf('AWS::WAFv2::WebACLAssociation', 'arn:aws:elasticloadbalancing:…');
    const [call] = stood.lead(null, { webAcl: 'shop' }, { resource: balancer, token: 't' });
    const waiting = stood.complete?.(call as Call, placeOf(answering({ ListWebACLs: { WebACLs: [] } }), balancer));
    await expect(waiting).rejects.toThrow(Unsettled);
  });
});

describe('AWS Config', () => {
  test('starts no recorder before there is a delivery channel', async () => {
    const entry = entryFor('config:DeleteConfigurationRecorder');
    const resource = resourceOf('AWS::Config::ConfigurationRecorder', REGION);
    const to = { recorder: { name: 'default' }, channel: null, recording: true };
    const calls = entry.lead({ recorder: null, channel: null, recording: false }, to, { resource, token: 't' });
    expect(calls.map(({ operation }) => operation)).toEqual(['PutConfigurationRecorder', 'StartConfigurationRecorder']);
    const none = placeOf(answering({ DescribeDeliveryChannels: { DeliveryChannels: [] } }), resource);
    await expect(entry.complete?.(calls[1] as Call, none)).rejects.toThrow(Unsettled);
  });

  test('puts recorder, channel and start in that order', () => {
    const entry = entryFor('config:StopConfigurationRecorder');
    const resource = resourceOf('AWS::Config::ConfigurationRecorder', REGION);
    const to = { recorder: { name: 'default' }, channel: { name: 'default' }, recording: true };
    const calls = entry.lead({ recorder: null, channel: null, recording: false }, to, { resource, token: 't' });
    expect(calls.map(({ operation }) => operation)).toEqual([
      'PutConfigurationRecorder',
      'PutDeliveryChannel',
      'StartConfigurationRecorder',
    ]);
  });

  test('leaves the recorders of services alone', () => {
    const entry = entryFor('config:StopConfigurationRecorder');
    const event = eventOf('config:StopConfigurationRecorder', {
      configurationRecorderName: 'AWSConfigurationRecorderForSecurityHubAssets',
    });
    expect([entry.resources(event), entry.cannot?.(event)]).toEqual([[], expect.stringContaining('service of AWS')]);
  });
});

describe('Identity Center', () => {
  const id = `arn:aws:sso:::permissionSet/ssoins-1/ps-2/${ACCOUNT}/GROUP/g-1`;
  const resource = resourceOf('AWS::SSO::Assignment', id);

  test('is still making the assignment: what is read means nothing', async () => {
    const status = {
      Status: 'IN_PROGRESS',
      PermissionSetArn: 'arn:aws:sso:::permissionSet/ssoins-1/ps-2',
      TargetId: ACCOUNT,
      PrincipalType: 'GROUP',
      PrincipalId: 'g-1',
    };
    const making = answering({
      ListAccountAssignments: { AccountAssignments: [] },
      ListAccountAssignmentCreationStatus: { AccountAssignmentsCreationStatus: [{ RequestId: 'r-1' }] },
      DescribeAccountAssignmentCreationStatus: { AccountAssignmentCreationStatus: status },
    });
    await expect(entryFor('sso:CreateAccountAssignment').read(making, resource)).rejects.toThrow(Unsettled);
  });

  test.each([
    ['IN_PROGRESS', false],
    ['SUCCEEDED', true],
  ])('says %s of a deletion', async (Status, done) => {
    const call = { service: 'sso-admin', operation: 'DeleteAccountAssignment', input: { InstanceArn: 'i' } };
    const caller = answering({
      DescribeAccountAssignmentDeletionStatus: { AccountAssignmentDeletionStatus: { Status } },
    });
    const answer = { AccountAssignmentDeletionStatus: { RequestId: 'r-1', Status: 'IN_PROGRESS' } };
    expect(await isDone('sso:CreateAccountAssignment', call, answer, placeOf(caller, resource))).toBe(done);
    expect(caller.made[0]?.input).toEqual({ InstanceArn: 'i', AccountAssignmentDeletionRequestId: 'r-1' });
  });

  test('gives up provisioning, and says why', async () => {
    const call = { service: 'sso-admin', operation: 'ProvisionPermissionSet', input: { InstanceArn: 'i' } };
    const PermissionSetProvisioningStatus = { RequestId: 'r-1', Status: 'FAILED', FailureReason: 'no such account' };
    const caller = answering({ DescribePermissionSetProvisioningStatus: { PermissionSetProvisioningStatus } });
    const asked = isDone(
      'sso:AttachManagedPolicyToPermissionSet',
      call,
      { PermissionSetProvisioningStatus: { RequestId: 'r-1', Status: 'IN_PROGRESS' } },
      placeOf(caller, resource),
    );
    await expect(asked).rejects.toThrow('no such account');
  });
});

describe('what AWS finishes later', () => {
  test('a cluster that is being updated', async () => {
    const entry = entryFor('eks:UpdateClusterConfig');
    const resource = resourceOf('AWS::EKS::Cluster', 'shop');
    const updating = answering({ DescribeCluster: { cluster: { status: 'UPDATING' } } });
    await expect(entry.read(updating, resource)).rejects.toThrow(Unsettled);
    const call = { service: 'eks', operation: 'UpdateClusterConfig', input: { name: 'shop' } };
    const answer = { update: { id: 'u-1' } };
    const standing = (update: Answers) => placeOf(answering({ DescribeUpdate: { update } }), resource);
    expect(await entry.isSettled?.(call, answer, standing({ status: 'InProgress' }))).toBe(false);
    expect(await entry.isSettled?.(call, answer, standing({ status: 'Successful' }))).toBe(true);
    const errors = [{ errorMessage: 'subnets are full' }];
    await expect(entry.isSettled?.(call, answer, standing({ status: 'Failed', errors }))).rejects.toThrow('subnets');
  });

  test('records that not every server answers with yet', async () => {
    const call = { service: 'route-53', operation: 'ChangeResourceRecordSets', input: {} };
    const resource = resourceOf('AWS::Route53::HostedZone', 'Z1');
    const at = (Status: string) => placeOf(answering({ GetChange: { ChangeInfo: { Status } } }), resource);
    const answer = { ChangeInfo: { Id: '/change/C1', Status: 'PENDING' } };
    expect(await isDone('route53:ChangeResourceRecordSets', call, answer, at('PENDING'))).toBe(false);
    expect(await isDone('route53:ChangeResourceRecordSets', call, answer, at('INSYNC'))).toBe(true);
  });

  test('a lock that the registry is still changing', async () => {
    const entry = entryFor('route53domains:DisableDomainTransferLock');
    const running = answering({ ListOperations: { Operations: [{ DomainName: 'shop.example' }] } });
    const domain = resourceOf('AWS::Route53Domains::TransferLock', 'shop.example');
    await expect(entry.read(running, domain)).rejects.toThrow(Unsettled);
  });

  test('a type of policy that is being switched on', async () => {
    const entry = entryFor('organizations:DisablePolicyType');
    const PolicyTypes = [{ Type: 'SERVICE_CONTROL_POLICY', Status: 'PENDING_ENABLE' }];
    const pending = answering({ ListRoots: { Roots: [{ Id: 'r-1', PolicyTypes }] } });
    const resource = resourceOf('AWS::Organizations::PolicyType', 'r-1/SERVICE_CONTROL_POLICY');
    await expect(entry.read(pending, resource)).rejects.toThrow(Unsettled);
    const call = { service: 'organizations', operation: 'EnablePolicyType', input: {} };
    expect(await entry.isSettled?.(call, {}, placeOf(pending, resource))).toBe(false);
  });
});

describe('GuardDuty', () => {
  const entry = entryFor('guardduty:DeleteDetector');
  const resource = resourceOf('AWS::GuardDuty::Detector', REGION);
  const featuresOf = (to: Fields) =>
    (entry.lead(null, to, { resource, token: 't' })[0]?.input['Features'] ?? []) as { Name: string; Status: string }[];

  test('knows every feature that the SDK knows', () => {
    expect([...FEATURES].sort()).toEqual(Object.values(DetectorFeature).sort());
  });

  test('is told of every feature, so that none is on by itself, and of one that watches at run time', () => {
    const newer = featuresOf({ enabled: true, 'feature RUNTIME_MONITORING': { EKS_ADDON_MANAGEMENT: 'ENABLED' } });
    const on = newer.filter(({ Status }) => Status === 'ENABLED');
    expect(on.map(({ Name }) => Name)).toEqual(['RUNTIME_MONITORING']);
    expect(newer.map(({ Name }) => Name)).toEqual(FEATURES.filter((name) => name !== 'EKS_RUNTIME_MONITORING'));
    const older = featuresOf({ enabled: true, 'feature EKS_RUNTIME_MONITORING': {} });
    expect(older.map(({ Name }) => Name)).toEqual(FEATURES.filter((name) => name !== 'RUNTIME_MONITORING'));
  });

  test('understands the older way to switch a feature off', () => {
    const given = { dataSources: { s3Logs: { enable: false }, kubernetes: { auditLogs: { enable: true } } } };
    const event = eventOf('guardduty:UpdateDetector', given);
    const trusted = { enabled: true, 'feature S3_DATA_EVENTS': {} };
    expect(entryFor('guardduty:UpdateDetector').after(event, trusted, resource, null)).toEqual({
      enabled: true,
      'feature EKS_AUDIT_LOGS': {},
    });
  });

  test('leaves an account out, and that is a failure', async () => {
    const call = { service: 'guardduty', operation: 'StartMonitoringMembers', input: {} };
    const answer = { UnprocessedAccounts: [{ AccountId: ACCOUNT, Result: 'not your member' }] };
    const asked = isDone('guardduty:StopMonitoringMembers', call, answer, placeOf(answering({}), resource));
    await expect(asked).rejects.toThrow('not your member');
  });
});

describe('flow logs', () => {
  const entry = entryFor('ec2:DeleteFlowLogs');
  const resource = resourceOf('AWS::EC2::FlowLog', 'fl-1');
  const created = (to: Fields) => entry.lead(null, to, { resource, token: 't' })[0]?.input;

  test('of a transit gateway take all traffic; a log group of another account is called by its ARN', () => {
    expect(created({ resourceId: 'tgw-1', traffic: 'ALL', destinationType: 's3' })).toMatchObject({
      ResourceType: 'TransitGateway',
    });
    expect(created({ resourceId: 'tgw-1', traffic: 'ALL' })).not.toHaveProperty('TrafficType');
    const abroad = { logGroup: 'flows', destination: 'arn:aws:logs:…', crossAccountRole: 'arn:aws:iam::…' };
    expect(created({ resourceId: 'vpc-1', ...abroad })).toMatchObject({ LogDestination: 'arn:aws:logs:…' });
    expect(created({ resourceId: 'vpc-1', ...abroad })).not.toHaveProperty('LogGroupName');
  });

  test('that AWS did not make although it answered are a failure', async () => {
    const call = { service: 'ec2', operation: 'CreateFlowLogs', input: {} };
    const answer = { Unsuccessful: [{ Error: { Code: '400', Message: 'LogDestination: x does not exist.' } }] };
    const asked = isDone('ec2:DeleteFlowLogs', call, answer, placeOf(answering({}), resource));
    await expect(asked).rejects.toThrow('does not exist');
  });

  test('several at once are several resources', () => {
    const FlowLogId = [
      { content: 'fl-1', tag: 1 },
      { content: 'fl-2', tag: 2 },
    ];
    const found = entry.resources(eventOf('ec2:DeleteFlowLogs', { FlowLogId }));
    expect(found.map(({ id }) => id)).toEqual(['fl-1', 'fl-2']);
  });
});

test('a rule that also sees reading calls is put, since enabling would leave them out', () => {
  const entry = entryFor('events:DisableRule');
  const event = eventOf('events:DisableRule', {
    name: 'to-intake',
    eventBusName: `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/aws.partner/shop.example/orders`,
  });
  const [resource] = entry.resources(event);
  expect(resource?.id).toBe('aws.partner/shop.example/orders/to-intake');
  const state = 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';
  const rule = { EventPattern: '{}', targets: [], tags: [] };
  const at = { resource: resource as ResourceRef, token: 't' };
  expect(entry.lead({ ...rule, state: 'DISABLED' }, { ...rule, state }, at)).toEqual([
    {
      service: 'eventbridge',
      operation: 'PutRule',
      input: {
        EventBusName: 'aws.partner/shop.example/orders',
        Name: 'to-intake',
        EventPattern: '{}',
        State: state,
      },
    },
  ]);
});

describe('what cannot be put back says so', () => {
  test.each([
    ['organizations:LeaveOrganization', {}, 'invited'],
    ['secretsmanager:DeleteSecret', { secretId: 'shop', forceDeleteWithoutRecovery: true }, 'nothing brings it back'],
    ['sns:SetTopicAttributes', { topicArn: 'arn:aws:sns:a:b:c', attributeName: 'DisplayName' }, 'another attribute'],
    ['sqs:SetQueueAttributes', { queueUrl: 'https://a/b/c', attributes: { DelaySeconds: '5' } }, 'other attributes'],
    ['eks:UpdateClusterConfig', { name: 'shop', accessConfig: { authenticationMode: 'API' } }, 'neither'],
    ['rolesanywhere:CreateProfile', { name: 'partner' }, 'does not tell the id'],
  ])('%s of %j', (claimed, request, why) => {
    expect(entryFor(claimed).cannot?.(eventOf(claimed, request))).toContain(why);
  });

  test('a secret that may be recovered can', () => {
    const request = { secretId: 'shop', recoveryWindowInDays: 7 };
    expect(
      entryFor('secretsmanager:DeleteSecret').cannot?.(eventOf('secretsmanager:DeleteSecret', request)),
    ).toBeNull();
  });
});

test('a secret is one resource by its name, its ARN and half its ARN', () => {
  const entry = entryFor('secretsmanager:PutResourcePolicy');
  const arn = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:shop/payments-Ab12Cd`;
  const named = [{ secretId: 'shop/payments' }, { secretId: arn }].map((request) =>
    entry.resources(eventOf('a:b', request)),
  );
  const told = entry.resources(eventOf('a:b', { secretId: arn.slice(0, -7) }, { aRN: arn, name: 'shop/payments' }));
  expect([...named, told].map((found) => found[0]?.id)).toEqual(['shop/payments', 'shop/payments', 'shop/payments']);
});
