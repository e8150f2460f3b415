/** What can go wrong with a row, where the table of the specification says so: left to a person, waited for, or told by its event. */
import { describe, expect, test } from 'vitest';
import type { Baseline } from '../baselines/store.ts';
import type { TrailEvent } from '../catalogue.ts';
import { makePlan, type Planned } from '../plan.ts';
import { entryOf } from '../rows.ts';
import { ARCHIVED, type Json, type ResourceState } from '../state.ts';

const KEY = '11111111-2222-3333-4444-555555555555';

const eventOf = (
  event: string,
  request: object,
  response: object = {},
  parts: Partial<TrailEvent> = {},
): TrailEvent => {
  const [service = '', name = ''] = event.split(':');
  const place = { account: '111122223333', region: 'eu-west-1', timeMs: Date.UTC(2026, 0, 2) };
  return { eventId: 'e', service, name, ...place, request: { ...request }, response: { ...response }, ...parts };
};
const plan = (event: TrailEvent, trusted: ResourceState | undefined, current: ResourceState): Planned => {
  const entry = entryOf(event.service, event.name);
  const [resource] = entry?.resources(event) ?? [];
  if (entry === null || resource === undefined) throw new Error(`${event.name} names nothing`);
  const vouched = { digest: 'd', trust: 'enrolled', because: 'a test', takenMs: 0 } as const;
  const baseline: Baseline | null = trusted === undefined ? null : { ...vouched, state: trusted };
  return makePlan({ changes: [{ entry, event }], resource, baseline, current, begun: false });
};
const planned = (made: Planned) => {
  if (made.type !== 'plan') throw new Error(`no plan: ${JSON.stringify(made)}`);
  return made.plan;
};
const allow = (Principal: Json) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal, Action: '*' }],
});

describe('left to a person', () => {
  const dead = allow({ AWS: 'AROAEXAMPLEEXAMPLE12' });
  test.each([
    [
      'a bucket whose versions need a second factor to be deleted',
      eventOf('s3:PutBucketVersioning', { bucketName: 'b', VersioningConfiguration: { Status: 'Suspended' } }),
      { status: 'Enabled', deletingNeedsMfa: true },
      { status: 'Suspended', deletingNeedsMfa: true },
      'root',
    ],
    [
      'a site that was trusted as public',
      eventOf('s3:PutBucketPublicAccessBlock', { bucketName: 'b', PublicAccessBlockConfiguration: {} }),
      { value: { BlockPublicAcls: true }, '(publicOnPurpose)': true },
      {
        value: {
          BlockPublicAcls: false,
          IgnorePublicAcls: false,
          BlockPublicPolicy: false,
          RestrictPublicBuckets: false,
        },
      },
      'public site',
    ],
    [
      'a trusted policy that names who is gone',
      eventOf('s3:PutBucketPolicy', { bucketName: 'b', bucketPolicy: allow('*') }),
      { value: dead },
      { value: allow('*') },
      'AROAEXAMPLEEXAMPLE12',
    ],
    [
      'a trust that names who is gone',
      eventOf('iam:UpdateAssumeRolePolicy', { roleName: 'r', policyDocument: JSON.stringify(allow('*')) }),
      { document: dead, sessionsDenied: null },
      { document: allow('*'), sessionsDenied: null },
      'AROAEXAMPLEEXAMPLE12',
    ],
    [
      'a role that AWS keeps for itself',
      eventOf('iam:AttachRolePolicy', { roleName: 'AWSReservedSSO_Admin_1', policyArn: 'arn:p' }),
      undefined,
      { 'arn:p': true },
      'AWS keeps this role',
    ],
    [
      'a rule that automation added anew',
      eventOf(
        'ec2:AuthorizeSecurityGroupIngress',
        { groupId: 'sg-1' },
        {
          securityGroupRuleSet: {
            items: [
              {
                securityGroupRuleId: 'sgr-1',
                isEgress: false,
                ipProtocol: 'tcp',
                fromPort: 22,
                toPort: 22,
                cidrIpv4: '0.0.0.0/0',
              },
            ],
          },
        },
      ),
      undefined,
      { 'ingress tcp 22-22 0.0.0.0/0': '', '(ids)': { 'ingress tcp 22-22 0.0.0.0/0': 'sgr-2' } },
      'anew since',
    ],
    [
      'a machine that runs where nothing isolates it',
      eventOf('ec2:ModifyInstanceAttribute', { instanceId: 'i-1', userData: '<sensitiveDataRemoved>' }),
      { userData: 'a', groups: ['sg-1'], [ARCHIVED]: 'a' },
      { userData: 'b', groups: ['sg-1'], '(state)': 'running', '(isolation)': null },
      'countersign-isolation',
    ],
    [
      'a user who was deleted and made anew',
      eventOf('iam:CreateUser', { userName: 'u' }, { user: { userId: 'AIDA1' } }),
      undefined,
      { contained: false, '(id)': 'AIDA2' },
      'made anew',
    ],
  ] as const)('%s', (_name, event, trusted, current, why) => {
    expect(plan(event, trusted, current)).toMatchObject({ type: 'conflict', why: expect.stringContaining(why) });
  });
});

test.each([
  [
    's3:PutBucketLifecycle',
    { bucketName: 'b', LifecycleConfiguration: { Rule: { Status: 'Enabled' } } },
    { '(logs)': true },
    'auto',
  ],
  [
    's3:PutBucketLifecycle',
    { bucketName: 'b', LifecycleConfiguration: { Rule: { Status: 'Enabled' } } },
    { '(logs)': false },
    'after-answer',
  ],
  [
    'ec2:ModifySnapshotAttribute',
    { snapshotId: 's', createVolumePermission: { add: { items: [{ group: 'all' }] } } },
    {},
    'auto',
  ],
  [
    'ec2:ModifySnapshotAttribute',
    { snapshotId: 's', createVolumePermission: { add: { items: [{ userId: '444455556666' }] } } },
    {},
    'after-answer',
  ],
] as const)('%s of %j, where %j, is put back by the mode %s', (name, request, notes, mode) => {
  const event = eventOf(name, request);
  const current = entryOf(event.service, event.name)?.after(
    event,
    notes,
    { type: '', account: '', region: '', id: '' },
    null,
  );
  expect(planned(plan(event, notes, { ...notes, ...current })).mode).toBe(mode);
});

test('providers that people sign in by are touched only where somebody is kept for emergencies', () => {
  const guarded = ['CreateSAMLProvider', 'UpdateSAMLProvider', 'AddClientIDToOpenIDConnectProvider'];
  expect(guarded.map((name) => entryOf('iam', name)?.needsBreakGlass)).toEqual([true, true, true]);
});

test("what contains a leaked key, and grants that AWS's services make, are left alone", () => {
  const quarantine = 'arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2';
  const attached = eventOf('iam:AttachUserPolicy', { userName: 'u', policyArn: quarantine });
  expect(entryOf('iam', 'AttachUserPolicy')?.cannot?.(attached)).toContain('leaked key');
  const request = { keyId: KEY, granteePrincipal: 'arn:aws:iam::111122223333:role/rds' };
  const grant = (parts: Partial<TrailEvent>) => eventOf('kms:CreateGrant', request, { grantId: 'g' }, parts);
  const entry = entryOf('kms', 'CreateGrant');
  expect(entry?.resources(grant({ invokedBy: 'rds.amazonaws.com' }))).toEqual([]);
  expect(entry?.resources(grant({}))).toMatchObject([{ id: `${KEY}|g` }]);
});

test('a permission is removed under the revision at which it was seen', () => {
  const event = eventOf('lambda:AddPermission20150331v2', {
    functionName: 'arn:aws:lambda:eu-west-1:111122223333:function:f:live',
    statementId: 's',
  });
  const { calls } = planned(plan(event, undefined, { s: { Statement: [{ Sid: 's' }] }, '(revision)': 'r1' }));
  expect(calls).toEqual([
    {
      service: 'lambda',
      operation: 'RemovePermission',
      input: { FunctionName: 'f', Qualifier: 'live', StatementId: 's', RevisionId: 'r1' },
    },
  ]);
});

test('of a database whose password alone was changed a person is told', () => {
  const event = eventOf('rds:ModifyDBInstance', { dBInstanceIdentifier: 'd', masterUserPassword: '****' });
  expect(entryOf('rds', 'ModifyDBInstance')?.cannot?.(event)).toContain('master password');
});

test('a setting of a trail that was not there before is taken away again', () => {
  const event = eventOf(
    'cloudtrail:UpdateTrail',
    { name: 't', kmsKeyId: 'alias/theirs' },
    { kmsKeyId: 'arn:aws:kms:key/theirs' },
  );
  const { calls } = planned(plan(event, { bucket: 'b', key: null }, { bucket: 'b', key: 'arn:aws:kms:key/theirs' }));
  expect(calls).toEqual([
    { service: 'cloudtrail', operation: 'UpdateTrail', input: { Name: 't', S3BucketName: 'b', KmsKeyId: '' } },
  ]);
});
