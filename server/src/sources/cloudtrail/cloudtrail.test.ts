/** Which values are records, who acted, and on what. */
import { describe, expect, test } from 'vitest';
import type { Actor, SourceRecord } from '../source.ts';
import { cloudtrailSource } from './cloudtrail.ts';

const BASE = {
  eventVersion: '1.09',
  eventID: 'id-1',
  eventTime: '2026-01-05T14:00:00Z',
  eventSource: 'iam.amazonaws.com',
  eventName: 'CreateUser',
  awsRegion: 'us-east-1',
  recipientAccountId: '111122223333',
};
const NOON_MS = Date.parse('2026-01-05T14:00:00Z');

describe('a record is admitted', () => {
  test.each([
    ['2026-01-05T14:00:00Z', NOON_MS],
    ['2026-01-05T14:00:00.250Z', NOON_MS + 250],
    ['2026-01-05 14:00:00.000000000', NOON_MS],
    ['2026-01-05 14:00:00 UTC', NOON_MS],
    ['2026-01-05T15:00:00+01:00', NOON_MS],
    ['2026-01-05T14:00:00+0000', NOON_MS],
    ['2026-01-31T14:00:00Z', NOON_MS + 26 * 86_400_000],
    [NOON_MS, NOON_MS],
    [NOON_MS / 1000, NOON_MS],
  ])('with eventTime %j', (eventTime, timeMs) => {
    expect(cloudtrailSource.admit({ ...BASE, eventTime })).toMatchObject({ type: 'record', id: 'id-1', timeMs });
  });

  test('without an id it gets a stable one, and another record another', () => {
    const { eventID: _, ...without } = BASE;
    const ids = [without, { ...without }, { ...without, eventName: 'DeleteUser' }, { ...without, eventID: null }].map(
      (value) => {
        const admission = cloudtrailSource.admit(value);
        return admission.type === 'record' ? admission.id : admission.reason;
      },
    );
    expect(ids[0]).toMatch(/^sha256:[0-9a-f]{40}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(cloudtrailSource.describe(without).id).toBe(ids[0]);
  });

  test('an insight, which names the unusual call one level down', () => {
    const insight = {
      eventVersion: '1.08',
      eventTime: '2026-01-05T14:00:00Z',
      eventID: 'insight-1',
      eventType: 'AwsCloudTrailInsight',
      recipientAccountId: '111122223333',
      insightDetails: { state: 'Start', eventSource: 'ssm.amazonaws.com', eventName: 'UpdateInstanceInformation' },
    };
    expect(cloudtrailSource.claims(insight)).toBe(true);
    expect(cloudtrailSource.admit(insight)).toMatchObject({ type: 'record', id: 'insight-1' });
    expect(cloudtrailSource.describe(insight)).toMatchObject({
      action: 'UpdateInstanceInformation',
      service: 'ssm',
      actor: { kind: 'service', isProvider: true },
    });
  });
});

describe('a value is refused with a reason', () => {
  test.each([
    [7, 'not a JSON object'],
    [{ ...BASE, eventTime: undefined }, 'eventTime is not a time: undefined'],
    [{ ...BASE, eventTime: 'soon' }, 'eventTime is not a time: "soon"'],
    [{ ...BASE, eventTime: '2026-02-30T00:00:00Z' }, 'eventTime is not a time: "2026-02-30T00:00:00Z"'],
    [{ ...BASE, eventTime: '2026-01-05T24:61:00Z' }, 'eventTime is not a time: "2026-01-05T24:61:00Z"'],
    [{ ...BASE, eventTime: `2026-01-05T14:00:00.${'0'.repeat(100_000)}Z` }, /^eventTime is not a time: .{1,70}$/],
    [{ ...BASE, eventName: 7 }, 'eventName is missing or not a text'],
    [{ ...BASE, eventSource: null }, 'eventSource is missing or not a text'],
    [{ ...BASE, eventID: 'x'.repeat(1_000) }, 'eventID is longer than 200 characters'],
    [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        eventTime: '2026-01-05T14:00:00Z',
        eventName: 'ObjectCreated:Put',
        s3: {},
      },
      /a notification of S3/,
    ],
  ])('%j', (value, reason) => {
    const admission = cloudtrailSource.admit(value);
    expect(admission.type === 'malformed' ? admission.reason : '').toMatch(
      typeof reason === 'string' ? new RegExp(`^${reason.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) : reason,
    );
  });
});

describe('who acted', () => {
  const ROLE = 'arn:aws:iam::111122223333:role/ops/Deploy';
  const session = (role: string, name: string, sessionName: string) => ({
    type: 'AssumedRole',
    principalId: `AROAEXAMPLE:${sessionName}`,
    arn: `arn:aws:sts::111122223333:assumed-role/${name}/${sessionName}`,
    accountId: '111122223333',
    accessKeyId: 'ASIAEXAMPLE',
    sessionContext: { sessionIssuer: { type: 'Role', arn: role, userName: name } },
  });
  const USER = 'arn:aws:iam::111122223333:user/robin';
  test.each<[string, unknown, Partial<Actor>, SourceRecord?]>([
    [
      'the root user',
      { type: 'Root', arn: 'arn:aws:iam::111122223333:root', accountId: '111122223333', accessKeyId: '' },
      { kind: 'root', id: 'arn:aws:iam::111122223333:root', sessionKey: 'arn:aws:iam::111122223333:root' },
    ],
    [
      'a user with a key',
      { type: 'IAMUser', arn: USER, userName: 'robin', accessKeyId: 'AKIAEXAMPLE' },
      { kind: 'person', id: USER, name: 'robin', sessionKey: 'AKIAEXAMPLE' },
    ],
    [
      'a user without an ARN',
      { type: 'IAMUser', userName: 'robin', accountId: '111122223333' },
      { kind: 'person', id: USER },
    ],
    ['an old record without a type', { userName: 'robin', arn: USER }, { kind: 'person', id: USER, name: 'robin' }],
    [
      'a role',
      session(ROLE, 'Deploy', 'build-17'),
      {
        kind: 'role',
        id: ROLE,
        name: 'Deploy',
        session: 'build-17',
        sessionKey: `${ROLE}/build-17`,
        isProvider: false,
      },
    ],
    [
      'a role whose session names a person',
      session(ROLE, 'Deploy', 'robin@example.com'),
      { kind: 'person', session: 'robin@example.com' },
    ],
    [
      'a role without its issuer',
      { type: 'AssumedRole', arn: 'arn:aws:sts::111122223333:assumed-role/Deploy/a/b', accountId: '1' },
      { kind: 'role', id: 'arn:aws:iam::111122223333:role/Deploy', name: 'Deploy', session: 'a/b' },
    ],
    [
      'a type that is not known, of a role',
      { type: 'Unknown', arn: 'arn:aws:sts::111122223333:assumed-role/Deploy/x', principalId: 'AROA:x' },
      { kind: 'role', session: 'x' },
    ],
    [
      'Identity Center’s roles',
      session(
        'arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123',
        'AWSReservedSSO_Admin_0123',
        'robin',
      ),
      { kind: 'person', session: 'robin' },
    ],
    [
      'a service-linked role',
      session(
        'arn:aws:iam::111122223333:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig',
        'AWSServiceRoleForConfig',
        'x',
      ),
      { kind: 'service', isProvider: true },
    ],
    [
      'a role that only calls itself one',
      session('arn:aws:iam::111122223333:role/AWSServiceRoleForConfig', 'AWSServiceRoleForConfig', 'x'),
      { kind: 'role', isProvider: false },
    ],
    [
      'a service',
      { type: 'AWSService', invokedBy: 'config.amazonaws.com' },
      { kind: 'service', id: 'config.amazonaws.com', isProvider: true },
    ],
    [
      'a person’s call that CloudFormation forwards',
      { type: 'IAMUser', arn: USER, userName: 'robin', invokedBy: 'cloudformation.amazonaws.com' },
      { kind: 'person', id: USER, isProvider: false },
    ],
    [
      'somebody of a SAML directory',
      { type: 'SAMLUser', principalId: 'x:robin', userName: 'robin', identityProvider: 'idp' },
      { kind: 'federated', id: 'robin', name: 'robin' },
    ],
    [
      'a workflow with a web identity',
      { type: 'WebIdentityUser', principalId: 'token.actions.example:aud:repo:a/b', userName: 'repo:a/b' },
      { kind: 'federated', name: 'repo:a/b' },
    ],
    [
      'somebody of Identity Center',
      {
        type: 'IdentityCenterUser',
        accountId: '1',
        onBehalfOf: { userId: 'user-1', identityStoreArn: 'a' },
        credentialId: 'credential-1',
      },
      { kind: 'federated', id: 'user-1', sessionKey: 'credential-1' },
    ],
    [
      'a federated user',
      { type: 'FederatedUser', arn: 'arn:aws:sts::1:federated-user/robin', accessKeyId: 'ASIA' },
      { kind: 'federated', name: 'robin', sessionKey: 'ASIA' },
    ],
    [
      'another account',
      { type: 'AWSAccount', principalId: 'AROAEXAMPLE:s', accountId: '999900001111' },
      { kind: 'role', id: 'AROAEXAMPLE:s', session: 's' },
    ],
    [
      'nobody',
      { type: 'AWSAccount', principalId: '', accountId: 'ANONYMOUS_PRINCIPAL' },
      { kind: 'anonymous', id: 'anonymous' },
    ],
    ['a directory', { type: 'Directory', userName: 'robin' }, { kind: 'federated', name: 'robin' }],
    [
      'a type of tomorrow',
      { type: 'Starship', principalId: 'P', userName: 'robin' },
      { kind: 'unknown', id: 'P', name: 'robin' },
    ],
    [
      'AWS itself, by a service event',
      { accountId: '1', invokedBy: 'ec2.amazonaws.com' },
      { kind: 'service', id: 'ec2.amazonaws.com', isProvider: true },
      { eventType: 'AwsServiceEvent' },
    ],
    [
      'a person in a service event',
      { type: 'Unknown', userName: 'robin', principalId: 'P' },
      { kind: 'unknown', name: 'robin', isProvider: false },
      { eventType: 'AwsServiceEvent' },
    ],
    ['no identity at all', undefined, { kind: 'unknown', id: 'unknown', isProvider: false }],
  ])('%s', (_title, userIdentity, expected, more = {}) => {
    expect(cloudtrailSource.describe({ ...BASE, ...more, userIdentity }).actor).toMatchObject(expected);
  });
});

describe('what it was about', () => {
  test.each<[string, SourceRecord, readonly string[]]>([
    [
      'a bucket, named twice',
      {
        eventSource: 's3.amazonaws.com',
        eventName: 'PutBucketPolicy',
        requestParameters: { bucketName: 'b' },
        resources: [{ type: 'AWS::S3::Bucket', ARN: 'arn:aws:s3:::b' }],
      },
      ['bucket b'],
    ],
    [
      'a user and a policy',
      {
        eventName: 'AttachUserPolicy',
        requestParameters: { userName: 'robin', policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' },
      },
      ['user robin', 'policy arn:aws:iam::aws:policy/AdministratorAccess'],
    ],
    [
      'a key that was made',
      {
        eventName: 'CreateAccessKey',
        requestParameters: { userName: 'robin' },
        responseElements: { accessKey: { accessKeyId: 'AKIAEXAMPLE', userName: 'robin' } },
      },
      ['user robin', 'access-key AKIAEXAMPLE'],
    ],
    [
      'a trail by its name',
      { eventSource: 'cloudtrail.amazonaws.com', eventName: 'StopLogging', requestParameters: { name: 'main' } },
      ['trail main'],
    ],
    [
      'flow logs as EC2 writes them',
      {
        eventSource: 'ec2.amazonaws.com',
        eventName: 'DeleteFlowLogs',
        requestParameters: { DeleteFlowLogsRequest: { FlowLogId: { tag: 1, content: 'fl-1' } } },
      },
      ['flow-log fl-1'],
    ],
    [
      'several instances',
      {
        eventSource: 'ec2.amazonaws.com',
        eventName: 'TerminateInstances',
        requestParameters: { instancesSet: { items: [{ instanceId: 'i-1' }, { instanceId: 'i-2' }] } },
      },
      ['instance i-1', 'instance i-2'],
    ],
    [
      'targets of a command',
      {
        eventSource: 'ssm.amazonaws.com',
        eventName: 'SendCommand',
        requestParameters: { instanceIds: ['i-1', 'i-2'], documentName: 'D' },
      },
      ['instance i-1', 'instance i-2', 'document D'],
    ],
    [
      'a security group',
      {
        eventSource: 'ec2.amazonaws.com',
        eventName: 'AuthorizeSecurityGroupIngress',
        requestParameters: { groupId: 'sg-1', ipPermissions: {} },
      },
      ['security-group sg-1'],
    ],
    [
      'a group of people',
      { eventName: 'AddUserToGroup', requestParameters: { userName: 'robin', groupName: 'admins' } },
      ['user robin', 'group admins'],
    ],
    [
      'a snapshot',
      {
        eventSource: 'rds.amazonaws.com',
        eventName: 'ModifyDBSnapshotAttribute',
        requestParameters: { dBSnapshotIdentifier: 's', valuesToAdd: ['all'] },
      },
      ['db-snapshot s'],
    ],
    [
      'a detector',
      { eventSource: 'guardduty.amazonaws.com', eventName: 'DeleteDetector', requestParameters: { detectorId: 'd' } },
      ['detector d'],
    ],
    [
      'a function',
      {
        eventSource: 'lambda.amazonaws.com',
        eventName: 'UpdateFunctionCode20150331v2',
        requestParameters: { functionName: 'f' },
        responseElements: { functionName: 'f' },
      },
      ['function f'],
    ],
    [
      'a rule by its name',
      { eventSource: 'events.amazonaws.com', eventName: 'DisableRule', requestParameters: { name: 'nightly' } },
      ['rule nightly'],
    ],
    [
      'something that no table knows',
      {
        eventSource: 'new.amazonaws.com',
        eventName: 'MoveWidget',
        requestParameters: { widgetId: 'w', clientToken: 't' },
      },
      ['widget w'],
    ],
    [
      'a search',
      {
        eventSource: 'ec2.amazonaws.com',
        eventName: 'DescribeVpcs',
        requestParameters: { filterSet: { items: [{ name: 'vpc-id' }] } },
      },
      [],
    ],
    [
      'names that lie in wait',
      { eventName: 'X', requestParameters: { constructor: 'a', toString: 'b', __proto__: { bucketName: 'no' } } },
      [],
    ],
  ])('%s', (_title, record, expected) => {
    const { resources } = cloudtrailSource.describe({ ...BASE, ...record });
    expect(resources.map(({ type, id }) => `${type} ${id}`)).toEqual(expected);
  });

  test('before is told only where the event tells it', () => {
    const state = { instanceId: 'i-1', previousState: { name: 'running' }, currentState: { name: 'stopped' } };
    const stopped = { ...BASE, eventName: 'StopInstances', responseElements: { instancesSet: { items: [state] } } };
    expect(cloudtrailSource.describe(stopped).change.before).toEqual({
      instanceId: 'i-1',
      previousState: { name: 'running' },
    });
    const made = { ...BASE, requestParameters: { userName: 'robin' }, responseElements: { user: { userId: 'AIDA' } } };
    expect(cloudtrailSource.describe(made).change).toEqual({
      before: null,
      after: { user: { userId: 'AIDA' } },
      request: { userName: 'robin' },
    });
  });

  test('what nests without end is let go, and nothing throws', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    const record = { ...BASE, requestParameters: deep, responseElements: deep, userIdentity: deep };
    expect(cloudtrailSource.describe(record).change).toEqual({ before: null, after: null, request: null });
    for (const field of cloudtrailSource.catalogue.fields.values())
      expect(() => field.extract(record, '/requestParameters')).not.toThrow();
    const { eventID: _, ...without } = record;
    expect(cloudtrailSource.admit(without).type).toBe('record');
  });
});
