/** Events in the spellings that CloudTrail has of them: several rules at once, other partitions, other accounts, names for numbers. */
import { describe, expect, test } from 'vitest';
import type { TrailEvent } from '../catalogue.ts';
import { makePlan } from '../plan.ts';
import { entryOf } from '../rows.ts';
import { meaningOf } from '../policy-document.ts';
import { canonical, type ResourceState } from '../state.ts';
import { toTrailEvent } from '../trail.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', timeMs: Date.UTC(2026, 0, 2) };
const eventOf = (event: string, request: object, response: object = {}): TrailEvent => {
  const [service = '', name = ''] = event.split(':');
  return { eventId: 'e', service, name, ...PLACE, request: { ...request }, response: { ...response } };
};
const entryFor = (event: TrailEvent) => {
  const entry = entryOf(event.service, event.name);
  if (entry === null) throw new Error(`the catalogue has no ${event.name}`);
  return entry;
};
const resourceOf = (event: TrailEvent) => entryFor(event).resources(event)[0];
const record = (parts: object) => ({
  ...{ eventID: 'e', eventSource: 'ec2.amazonaws.com', eventName: 'StopLogging', eventTime: '2026-01-02T00:00:00Z' },
  ...{ awsRegion: 'eu-west-1', recipientAccountId: '111122223333', requestParameters: { name: 'org' } },
  ...parts,
});

describe('what is looked at', () => {
  test.each([
    ['a call that failed', { errorCode: 'AccessDenied' }],
    ['a call that failed without a message', { errorCode: 'Client.DryRunOperation', errorMessage: null }],
    ['a call that only reads', { readOnly: true }],
    ['a call that only reads, as a text', { readOnly: 'true' }],
    ['a record without a time', { eventTime: 'yesterday' }],
  ])('not %s', (_what, parts) => {
    expect(toTrailEvent(record(parts))).toBeNull();
  });

  test('the service, however its partition ends its name', () => {
    for (const suffix of ['amazonaws.com', 'amazonaws.com.cn'])
      expect(toTrailEvent(record({ eventSource: `ec2.${suffix}` }))?.service).toBe('ec2');
    expect(toTrailEvent(record({ eventSource: 's3-control.amazonaws.com' }))?.service).toBe('s3');
  });

  test('an event without parameters names nothing', () => {
    const event = toTrailEvent(record({ eventSource: 'cloudtrail.amazonaws.com', requestParameters: null }));
    expect(event === null ? null : resourceOf(event)).toBeUndefined();
  });
});

describe('a security group', () => {
  const permissions = [
    { ipProtocol: 'tcp', fromPort: 22, toPort: 22, ipRanges: { items: [{ cidrIp: '0.0.0.0/0' }] } },
    { ipProtocol: 'tcp', fromPort: 22, toPort: 22, ipv6Ranges: { items: [{ cidrIpv6: '::/0' }] } },
    { ipProtocol: '-1', prefixListIds: { items: [{ prefixListId: 'pl-1' }] } },
    { ipProtocol: 'udp', fromPort: 53, toPort: 53, groups: { items: [{ groupId: 'sg-9', userId: '444455556666' }] } },
  ];
  const names = [
    'ingress tcp 22-22 0.0.0.0/0',
    'ingress tcp 22-22 ::/0',
    'ingress -1 all pl-1',
    'ingress udp 53-53 444455556666/sg-9',
  ];
  const kept = { 'ingress tcp 443-443 0.0.0.0/0': 'web' };
  const there = { ...kept, ...Object.fromEntries(names.map((name) => [name, ''])) };

  test.each([
    ['their ids, where they are known', Object.fromEntries(names.map((name, index) => [name, `sgr-${index}`]))],
    ['what they let through, where they are not', {}],
  ])('loses all that was let in at once, and nothing else, by %s', (_how, ids) => {
    const event = eventOf('ec2:AuthorizeSecurityGroupIngress', {
      groupId: 'sg-1',
      ipPermissions: { items: permissions },
    });
    const resource = resourceOf(event);
    if (resource === undefined) throw new Error('the event names its group');
    const current: ResourceState = { ...there, '(ids)': ids };
    const made = makePlan({
      changes: [{ entry: entryFor(event), event }],
      resource,
      baseline: null,
      current,
      begun: false,
    });
    if (made.type !== 'plan') throw new Error(JSON.stringify(made));
    expect(made.plan.calls).toHaveLength(1);
    expect(made.plan.calls[0]?.input).toEqual(
      Object.keys(ids).length > 0
        ? { GroupId: 'sg-1', SecurityGroupRuleIds: expect.arrayContaining(['sgr-0', 'sgr-1', 'sgr-2', 'sgr-3']) }
        : {
            GroupId: 'sg-1',
            IpPermissions: expect.arrayContaining([
              { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
              { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
              { IpProtocol: '-1', PrefixListIds: [{ PrefixListId: 'pl-1' }] },
              {
                ...{ IpProtocol: 'udp', FromPort: 53, ToPort: 53 },
                UserIdGroupPairs: [{ GroupId: 'sg-9', UserId: '444455556666' }],
              },
            ]),
          },
    );
    expect(Object.keys(made.plan.to ?? {}).filter((name) => !name.startsWith('('))).toEqual(Object.keys(kept));
  });

  test('that is called by its name is told by the answer, when it gains rules and when it loses them', () => {
    for (const [event, member] of [
      ['AuthorizeSecurityGroupIngress', 'securityGroupRuleSet'],
      ['RevokeSecurityGroupIngress', 'revokedSecurityGroupRuleSet'],
    ] as const) {
      const answer = { [member]: { items: [{ groupId: 'sg-1', ipProtocol: 'tcp', cidrIpv4: '0.0.0.0/0' }] } };
      expect(resourceOf(eventOf(`ec2:${event}`, { groupName: 'default' }, answer))?.id).toBe('sg-1');
    }
  });
});

test("a key that is called by another account's ARN is that account's, in its region", () => {
  const keyId = 'arn:aws-us-gov:kms:us-gov-west-1:444455556666:key/mrk-1';
  for (const name of ['PutKeyPolicy', 'DisableKey', 'ScheduleKeyDeletion'])
    expect(resourceOf(eventOf(`kms:${name}`, { keyId }))).toEqual({
      ...{ type: 'AWS::KMS::Key', account: '444455556666', region: 'us-gov-west-1', id: 'mrk-1' },
    });
});

test('a setting of a function that is not kept is not told to be put back', () => {
  const event = eventOf('lambda:UpdateFunctionConfiguration20150331v2', { functionName: 'f', vpcConfig: {} });
  expect(entryFor(event).cannot?.(event)).toContain('set none of them');
  expect(entryFor(event).cannot?.({ ...event, request: { functionName: 'f', timeout: 3 } })).toBeNull();
  expect(entryFor(event).cannot?.({ ...event, request: { functionName: 'f', environment: {} } })).toBeNull();
});

test('an entry of an access list that was asked for by the name of its protocol is the one that is there by number', () => {
  const request = {
    ...{ networkAclId: 'acl-1', ruleNumber: 100, egress: false, ruleAction: 'allow', cidrBlock: '0.0.0.0/0' },
    ...{ aclProtocol: 'tcp', portRange: { from: 22, to: 22 } },
  };
  const event = eventOf('ec2:CreateNetworkAclEntry', request);
  const resource = resourceOf(event);
  if (resource === undefined) throw new Error('the event names its list');
  const there = { protocol: '6', action: 'allow', range: '0.0.0.0/0', ports: '22-22', icmp: null };
  expect(entryFor(event).after(event, {}, resource, null)).toEqual({ 'ingress 100': there });
});

test('grants of a bucket are understood wherever the event has the headers', () => {
  const owner = { 'FULL_CONTROL owner': true, '(owner)': 'owner' };
  for (const parts of [{ 'x-amz-acl': 'public-read' }, { accessControlList: { 'x-amz-acl': 'public-read' } }]) {
    const event = eventOf('s3:PutBucketAcl', { bucketName: 'b', ...parts });
    const resource = resourceOf(event);
    if (resource === undefined) throw new Error('the event names its bucket');
    expect(entryFor(event).after(event, owner, resource, null)).toMatchObject({
      'READ http://acs.amazonaws.com/groups/global/AllUsers': true,
    });
  }
});

test('an account is the same by its number and by the ARN of its root, in every partition', () => {
  const said = (AWS: string) =>
    canonical(meaningOf({ Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: '*' }] }));
  for (const partition of ['aws', 'aws-cn', 'aws-us-gov'])
    expect(said(`arn:${partition}:iam::111122223333:root`)).toBe(said('111122223333'));
  expect(said('arn:aws:iam::111122223333:user/root')).not.toBe(said('111122223333'));
});
