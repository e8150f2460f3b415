/** Every field of CloudTrail: once there, once absent, and the corners where a wrong answer would hurt. */
import { existsSync, readFileSync } from 'node:fs';
import { findField, type FieldValue } from '@countersign/falco';
import { describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../../test/data.ts';
import type { SourceRecord } from '../source.ts';
import { cloudtrailSource } from './cloudtrail.ts';

const { catalogue } = cloudtrailSource;

function valueOf(field: string, record: SourceRecord): FieldValue {
  const [, name = '', argument] = /^([^[]+)(?:\[(.*)\])?$/.exec(field) ?? [];
  const found = findField(catalogue, name, argument ?? null);
  if (found === null) throw new Error(`there is no field ${name}`);
  return found.definition.extract(record, found.argument);
}

const RUN_INSTANCES = {
  eventVersion: '1.09',
  eventID: 'id-1',
  eventTime: '2026-01-05T14:00:00Z',
  eventSource: 'ec2.amazonaws.com',
  eventName: 'RunInstances',
  eventType: 'AwsApiCall',
  eventCategory: 'Management',
  awsRegion: 'eu-west-1',
  sourceIPAddress: '203.0.113.7',
  userAgent: 'aws-cli/2',
  errorCode: 'Client.DryRunOperation',
  errorMessage: 'would have succeeded',
  requestID: 'request-1',
  sharedEventID: 'shared-1',
  vpcEndpointId: 'vpce-1',
  apiVersion: '2016-11-15',
  managementEvent: true,
  readOnly: false,
  recipientAccountId: '111122223333',
  sessionCredentialFromConsole: 'true',
  userIdentity: {
    type: 'AssumedRole',
    principalId: 'AROAEXAMPLE:robin',
    arn: 'arn:aws:sts::111122223333:assumed-role/Deploy/robin',
    accountId: '444455556666',
    sessionContext: {
      sessionIssuer: { type: 'Role', userName: 'Deploy', arn: 'arn:aws:iam::111122223333:role/Deploy' },
    },
  },
  tlsDetails: { tlsVersion: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', clientProvidedHostHeader: 'ec2.example' },
  addendum: {
    reason: 'UPDATED_DATA',
    updatedFields: ['eventID', 'x'],
    originalRequestID: 'request-0',
    originalEventID: 'id-0',
  },
  additionalEventData: { bytesTransferredIn: 10, bytesTransferredOut: 32.0 },
  serviceEventDetails: { state: 'done' },
  edgeDeviceDetails: [{ type: 'snow' }],
  resources: [{ ARN: 'arn:aws:s3:::b' }, { ARN: 'arn:aws:s3:::c' }],
  requestParameters: {
    availabilityZone: 'eu-west-1a',
    cluster: 'main',
    functionName: 'f',
    groupName: 'admins',
    Host: 'b.s3.example',
    name: 'trail',
    policy: '{"Statement":[]}',
    reason: 'because',
    target: 'i-1',
    documentName: 'AWS-RunShellScript',
    serialNumber: 'arn:aws:iam::111122223333:mfa/robin',
    serviceName: 'web',
    subnetId: 'subnet-1',
    taskDefinition: 'web:3',
    userName: 'robin',
    bucketName: 'b',
    key: 'k/1',
    repositoryName: 'repo',
    imageTag: 'v1',
    roleName: 'r',
    policyName: 'p',
    tagSpecificationSet: {
      items: [
        { resourceType: 'volume', tags: [{ key: 'Name', value: 'disk' }] },
        {
          resourceType: 'instance',
          tags: [
            { key: 'env', value: 'prod' },
            { key: 'Name', value: 'web-1' },
          ],
        },
      ],
    },
  },
  responseElements: {
    subnetId: 'subnet-2',
    reservationId: 'r-1',
    instancesSet: { items: [{ imageId: 'ami-1' }, { instanceId: 'i-2' }, { imageId: 'ami-2' }] },
  },
};
const NS = 1_767_621_600_000_000_000n;

const EXPECTED: Readonly<Record<string, FieldValue>> = {
  'ct.id': 'id-1',
  'ct.error': 'Client.DryRunOperation',
  'ct.errormessage': 'would have succeeded',
  'ct.time': '2026-01-05T14:00:00Z',
  'ct.src': 'ec2.amazonaws.com',
  'ct.shortsrc': 'ec2',
  'ct.name': 'RunInstances',
  'ct.user': 'Deploy',
  'ct.originaluser': 'robin',
  'ct.user.accountid': '444455556666',
  'ct.user.identitytype': 'AssumedRole',
  'ct.user.principalid': 'AROAEXAMPLE:robin',
  'ct.user.arn': 'arn:aws:sts::111122223333:assumed-role/Deploy/robin',
  'ct.region': 'eu-west-1',
  'ct.response.subnetid': 'subnet-2',
  'ct.response.reservationid': 'r-1',
  'ct.response': JSON.stringify(RUN_INSTANCES.responseElements),
  'ct.request.availabilityzone': 'eu-west-1a',
  'ct.request.cluster': 'main',
  'ct.request.functionname': 'f',
  'ct.request.groupname': 'admins',
  'ct.request.host': 'b.s3.example',
  'ct.request.name': 'trail',
  'ct.request.policy': '{"Statement":[]}',
  'ct.request.reason': 'because',
  'ct.request.target': 'i-1',
  'ct.request.documentname': 'AWS-RunShellScript',
  'ct.request.serialnumber': 'arn:aws:iam::111122223333:mfa/robin',
  'ct.request.servicename': 'web',
  'ct.request.subnetid': 'subnet-1',
  'ct.request.taskdefinition': 'web:3',
  'ct.request.username': 'robin',
  'ct.request': JSON.stringify(RUN_INSTANCES.requestParameters),
  'ct.srcip': '203.0.113.7',
  'ct.useragent': 'aws-cli/2',
  'ct.info': 'Deploy via 203.0.113.7 !→ RunInstances Size=42 URI=s3://b/k/1',
  'ct.managementevent': 'true',
  'ct.readonly': 'false',
  'ct.requestid': 'request-1',
  'ct.eventtype': 'AwsApiCall',
  'ct.apiversion': '2016-11-15',
  'ct.resources': '{"ARN":"arn:aws:s3:::b"},{"ARN":"arn:aws:s3:::c"}',
  'ct.recipientaccountid': '111122223333',
  'ct.serviceeventdetails': '{"state":"done"}',
  'ct.sharedeventid': 'shared-1',
  'ct.vpcendpointid': 'vpce-1',
  'ct.eventcategory': 'Management',
  'ct.addendum.reason': 'UPDATED_DATA',
  'ct.addendum.updatedfields': '["eventID","x"]',
  'ct.addendum.originalrequestid': 'request-0',
  'ct.addendum.originaleventid': 'id-0',
  'ct.sessioncredentialfromconsole': 'true',
  'ct.edgedevicedetails': '[{"type":"snow"}]',
  'ct.tlsdetails.tlsversion': 'TLSv1.3',
  'ct.tlsdetails.ciphersuite': 'TLS_AES_128_GCM_SHA256',
  'ct.tlsdetails.clientprovidedhostheader': 'ec2.example',
  'ct.additionaleventdata': '{"bytesTransferredIn":10,"bytesTransferredOut":32}',
  's3.uri': 's3://b/k/1',
  's3.bucket': 'b',
  's3.key': 'k/1',
  's3.bytes': 42,
  's3.bytes.in': 10,
  's3.bytes.out': 32,
  's3.cnt.other': 1,
  'ec2.name': 'web-1',
  'ec2.imageid': 'ami-1',
  'ec2.imageids': ['ami-1', 'ami-2'],
  'ec2.imageids[1]': 'ami-2',
  'ecr.repository': 'repo',
  'ecr.imagetag': 'v1',
  'iam.role': 'r',
  'iam.policy': 'p',
  'json.value[/userIdentity/sessionContext/sessionIssuer/userName]': 'Deploy',
  'jevt.value[/resources/1/ARN]': 'arn:aws:s3:::c',
  'json.obj': JSON.stringify(RUN_INSTANCES, null, 2),
  'jevt.obj': JSON.stringify(RUN_INSTANCES, null, 2),
  'json.rawtime': NS,
  'jevt.rawtime': NS,
  'jevt.time': '14:00:00.000000000',
  'jevt.time.iso8601': '2026-01-05T14:00:00.000000000Z',
  'evt.num': 1,
  'evt.type': 'pluginevent',
  'evt.source': 'aws_cloudtrail',
  'evt.pluginname': 'cloudtrail',
  'evt.plugininfo': 'Deploy via 203.0.113.7 !→ RunInstances Size=42 URI=s3://b/k/1',
  'evt.is_async': false,
  'evt.asynctype': null,
  'evt.hostname': null,
  'evt.time': '14:00:00.000000000',
  'evt.time.s': '14:00:00',
  'evt.time.iso8601': '2026-01-05T14:00:00.000000000Z',
  'evt.datetime': '2026-01-05 14:00:00.000000000',
  'evt.datetime.s': '2026-01-05 14:00:00',
  'evt.rawtime': NS,
  'evt.rawtime.s': NS / 1_000_000_000n,
  'evt.rawtime.ns': 0n,
  'evt.reltime': 0,
  'evt.reltime.s': 0,
  'evt.reltime.ns': 0,
};
/** Of one call only, so not in the record above. */
const ELSEWHERE: Readonly<Record<string, readonly [SourceRecord, FieldValue]>> = {
  's3.cnt.get': [{ eventName: 'GetObject' }, 1],
  's3.cnt.put': [{ eventName: 'PutObject' }, 1],
};
/** Say the same of every record. */
const CONSTANT = /^(evt\.(num|type|source|pluginname|is_async|reltime.*)|json\.obj|jevt\.obj|s3\.cnt\.other)$/;

describe('each field', () => {
  test.each(Object.entries(EXPECTED))('%s', (field, expected) => {
    expect(valueOf(field, RUN_INSTANCES)).toEqual(expected);
  });

  test.each(Object.entries(ELSEWHERE))('%s', (field, [record, expected]) => {
    expect(valueOf(field, record)).toBe(expected);
  });

  test('is in the tables above', () => {
    const tested = [...Object.keys(EXPECTED), ...Object.keys(ELSEWHERE)].map((field) => field.replace(/\[.*/, ''));
    expect([...catalogue.fields.keys()].filter((name) => !tested.includes(name))).toEqual([]);
  });

  test.each(
    [...catalogue.fields.keys()].filter((name) => !CONSTANT.test(name)),
  )('%s is absent from an empty record', (name) => {
    expect(valueOf(name.replace(/^(json|jevt)\.value$/, '$&[/a]'), {})).toBeNull();
  });

  test('never throws, whatever stands where', () => {
    const strange = [null, 7, 'text', true, [], [[null]], {}, { items: 7 }, { type: 7, sessionContext: [] }];
    for (const value of strange) {
      const record = Object.fromEntries(Object.keys(RUN_INSTANCES).map((name) => [name, value]));
      for (const name of catalogue.fields.keys()) {
        expect(
          () => catalogue.fields.get(name)?.extract(record, '0'),
          `${name} of ${JSON.stringify(value)}`,
        ).not.toThrow();
      }
    }
  });
});

describe('corners', () => {
  test.each<[string, SourceRecord, FieldValue]>([
    ['ct.error', { errorCode: null }, null],
    ['ct.response', { responseElements: null }, null],
    ['ct.request.cluster', { requestParameters: { cluster: 7 } }, '7'],
    ['ct.request.cluster', { requestParameters: { cluster: { a: 1 } } }, '{"a":1}'],
    ['ct.shortsrc', { eventSource: 'signin.amazonaws.com' }, 'signin'],
    ['ct.shortsrc', { eventSource: 'example' }, 'example'],
    ['ct.user', { userIdentity: { type: 'Root' } }, null],
    ['ct.user', { userIdentity: { type: 'IAMUser', userName: 'robin' } }, 'robin'],
    ['ct.user', { userIdentity: { type: 'AWSService', invokedBy: 'config.amazonaws.com' } }, 'config.amazonaws.com'],
    ['ct.user', { userIdentity: { type: 'AssumedRole' } }, 'AssumedRole'],
    ['ct.user', { userIdentity: { type: 'AWSAccount', accountId: '1' } }, 'AWSAccount'],
    ['ct.user', { userIdentity: { type: 'FederatedUser' } }, 'FederatedUser'],
    ['ct.user', { userIdentity: { type: 'SAMLUser', userName: 'robin' } }, 'robin'],
    ['ct.originaluser', { userIdentity: { type: 'IAMUser', userName: 'robin' } }, 'robin'],
    ['ct.originaluser', { userIdentity: { type: 'AssumedRole', principalId: 'AROA:a:b' } }, 'a:b'],
    ['ct.user.accountid', { recipientAccountId: '1' }, '1'],
    ['ct.managementevent', { managementEvent: 'false' }, 'false'],
    ['ct.managementevent', { eventType: 'AwsApiCall' }, 'true'],
    ['ct.managementevent', { eventType: 'AwsApiCall', eventCategory: 'Data' }, 'false'],
    ['ct.readonly', { readOnly: true }, 'true'],
    ['ct.readonly', { readOnly: 'false' }, 'false'],
    ['ct.sessioncredentialfromconsole', { sessionCredentialFromConsole: true }, 'true'],
    ['s3.uri', { requestParameters: { bucketName: 'b' } }, null],
    ['s3.bytes', { additionalEventData: { bytesTransferredIn: 5 } }, 5],
    ['s3.bytes', { additionalEventData: { bytesTransferredIn: 'many' } }, null],
    ['ec2.imageids', { requestParameters: { imageId: 'ami-3' } }, ['ami-3']],
    ['ec2.imageid', { requestParameters: { launchSpecification: { imageId: 'ami-4' } } }, 'ami-4'],
    [
      'ec2.imageid',
      { requestParameters: { DescribeFastLaunchImagesRequest: { ImageId: { content: 'ami-5' } } } },
      'ami-5',
    ],
    ['ec2.imageids[1]', { requestParameters: { imageId: 'ami-3' } }, null],
    ['json.value[/a~1b/c~0d]', { 'a/b': { 'c~d': 1 } }, '1'],
    ['json.value[/a/b]', { a: null }, null],
    ['json.value[/a]', { a: null }, 'null'],
    ['json.value[/a]', { a: [1, { b: 2 }] }, '[1,{"b":2}]'],
    ['json.value[/a/1/b]', { a: [1, { b: 2 }] }, '2'],
    ['json.value[a/b]', { a: { b: true } }, 'true'],
    ['json.value[/constructor]', {}, null],
    ['json.value[/toString/name]', {}, null],
    ['ct.info', { eventName: 'GetObject', requestParameters: { bucketName: 'b' } }, '← GetObject Bucket=b'],
    [
      'ct.info',
      { eventName: 'StopLogging', sourceIPAddress: '::1', requestParameters: { Host: 'h' } },
      'via ::1 → StopLogging Host=h',
    ],
  ])('%s of %j is %j', (field, record, expected) => {
    expect(valueOf(field, record)).toEqual(expected);
  });
});

describeWithData('the list of facts about the fields', () => {
  const path = dataPath('fields-cloudtrail.json');
  const facts = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { fields: Fact[] }).fields : [];
  interface Fact {
    name: string;
    type: string;
    list: boolean;
    arg: { required: boolean; kind: string } | null;
  }
  test.each(
    facts.map((fact) => [fact.name, fact] as const),
  )('%s has the type and the argument that rules expect', (name, fact) => {
    const definition = catalogue.fields.get(name);
    expect(definition?.type).toBe(fact.type === 'uint64' ? 'number' : fact.type);
    expect(definition?.isList).toBe(fact.list);
    expect(definition?.argument ?? null).toEqual(fact.arg);
  });

  test('is complete', () => expect(facts).toHaveLength(73));
});
