/**
 * Every field of `aws_cloudtrail`. Names are those of Falco's plugin; where its extractor has a fault we do it right, and
 * docs/sources.md lists the differences.
 *
 * The general rule: a JSON null or a missing member is absent, a text is itself, anything else is its JSON text.
 */
import type { FieldCatalogue, FieldDefinition, FieldValue } from '@countersign/falco';
import { costlyField, field, jsonFields } from '../json-fields.ts';
import { asText, at, list, member, textOrNull } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';
import { parseEventTime } from '../event-time.ts';

/** Fields that are the text at a path: name, then the path. */
const PATHS: Readonly<Record<string, string>> = {
  'ct.id': 'eventID',
  'ct.error': 'errorCode',
  'ct.errormessage': 'errorMessage',
  'ct.time': 'eventTime',
  'ct.src': 'eventSource',
  'ct.name': 'eventName',
  'ct.user.identitytype': 'userIdentity.type',
  'ct.user.principalid': 'userIdentity.principalId',
  'ct.user.arn': 'userIdentity.arn',
  'ct.region': 'awsRegion',
  'ct.response.subnetid': 'responseElements.subnetId',
  'ct.response.reservationid': 'responseElements.reservationId',
  'ct.request.availabilityzone': 'requestParameters.availabilityZone',
  'ct.request.cluster': 'requestParameters.cluster',
  'ct.request.functionname': 'requestParameters.functionName',
  'ct.request.groupname': 'requestParameters.groupName',
  'ct.request.host': 'requestParameters.Host',
  'ct.request.name': 'requestParameters.name',
  'ct.request.policy': 'requestParameters.policy',
  'ct.request.reason': 'requestParameters.reason',
  'ct.request.target': 'requestParameters.target',
  'ct.request.documentname': 'requestParameters.documentName',
  'ct.request.serialnumber': 'requestParameters.serialNumber',
  'ct.request.servicename': 'requestParameters.serviceName',
  'ct.request.subnetid': 'requestParameters.subnetId',
  'ct.request.taskdefinition': 'requestParameters.taskDefinition',
  'ct.request.username': 'requestParameters.userName',
  'ct.srcip': 'sourceIPAddress',
  'ct.useragent': 'userAgent',
  'ct.requestid': 'requestID',
  'ct.eventtype': 'eventType',
  'ct.apiversion': 'apiVersion',
  'ct.recipientaccountid': 'recipientAccountId',
  'ct.serviceeventdetails': 'serviceEventDetails',
  'ct.sharedeventid': 'sharedEventID',
  'ct.vpcendpointid': 'vpcEndpointId',
  'ct.eventcategory': 'eventCategory',
  'ct.addendum.reason': 'addendum.reason',
  'ct.addendum.updatedfields': 'addendum.updatedFields',
  'ct.addendum.originalrequestid': 'addendum.originalRequestID',
  'ct.addendum.originaleventid': 'addendum.originalEventID',
  'ct.edgedevicedetails': 'edgeDeviceDetails',
  'ct.tlsdetails.tlsversion': 'tlsDetails.tlsVersion',
  'ct.tlsdetails.ciphersuite': 'tlsDetails.cipherSuite',
  'ct.tlsdetails.clientprovidedhostheader': 'tlsDetails.clientProvidedHostHeader',
  's3.bucket': 'requestParameters.bucketName',
  's3.key': 'requestParameters.key',
  'ecr.repository': 'requestParameters.repositoryName',
  'ecr.imagetag': 'requestParameters.imageTag',
  'iam.role': 'requestParameters.roleName',
  'iam.policy': 'requestParameters.policyName',
};

const SERVICE_SUFFIX = '.amazonaws.com';
const MANAGEMENT_TYPES = new Set(['AwsApiCall', 'AwsConsoleAction', 'AwsConsoleSignIn', 'AwsServiceEvent']);

export function cloudtrailCatalogue(): FieldCatalogue<SourceRecord> {
  const definitions = [
    ...Object.entries(PATHS).map(([name, path]) => pathField(name, path.split('.'))),
    ...identityFields(),
    ...flagFields(),
    ...storageFields(),
    ...computeFields(),
    costlyField('ct.request', (record) => asText(record['requestParameters'])),
    costlyField('ct.response', (record) => asText(record['responseElements'])),
    costlyField('ct.additionaleventdata', (record) => asText(record['additionalEventData'])),
    field('ct.shortsrc', 'string', shortSource),
    costlyField('ct.info', infoOf),
    costlyField('ct.resources', (record) => {
      const resources = list(record['resources']);
      return resources.length === 0 ? null : resources.map((resource) => JSON.stringify(resource)).join(',');
    }),
    ...jsonFields({
      source: 'aws_cloudtrail',
      plugin: 'cloudtrail',
      timeMs: (record) => parseEventTime(record['eventTime']),
      info: infoOf,
    }),
  ];
  return {
    source: 'aws_cloudtrail',
    fields: new Map(definitions.map((definition) => [definition.name, definition])),
    indexFields: ['ct.name'],
  };
}

function pathField(name: string, path: readonly string[]): FieldDefinition<SourceRecord> {
  const [first = '', second, ...rest] = path;
  // The hot fields are one or two members deep; no loop for them.
  if (second === undefined) return field(name, 'string', (record) => asText(record[first]));
  if (rest.length === 0) return field(name, 'string', (record) => asText(member(record[first], second)));
  return field(name, 'string', (record) => asText(at(record, ...path)));
}

function identityFields(): readonly FieldDefinition<SourceRecord>[] {
  return [
    field('ct.user', 'string', userOf),
    field('ct.originaluser', 'string', originalUserOf),
    field(
      'ct.user.accountid',
      'string',
      (record) => asText(at(record, 'userIdentity', 'accountId')) ?? asText(record['recipientAccountId']),
    ),
  ];
}

function userOf(record: SourceRecord): string | null {
  const identity = record['userIdentity'];
  switch (member(identity, 'type')) {
    case 'AWSService':
      return asText(member(identity, 'invokedBy'));
    case 'AssumedRole':
      return asText(at(identity, 'sessionContext', 'sessionIssuer', 'userName')) ?? 'AssumedRole';
    case 'AWSAccount':
      return 'AWSAccount';
    case 'FederatedUser':
      return 'FederatedUser';
    default:
      return asText(member(identity, 'userName'));
  }
}

function originalUserOf(record: SourceRecord): string | null {
  const identity = record['userIdentity'];
  if (member(identity, 'type') !== 'AssumedRole') return asText(member(identity, 'userName'));
  const parts = textOrNull(member(identity, 'arn'))?.split('/') ?? [];
  if (parts.length >= 3) return parts.at(-1) ?? null;
  const principal = textOrNull(member(identity, 'principalId'));
  const colon = principal?.indexOf(':') ?? -1;
  return principal === null || colon === -1 ? null : principal.slice(colon + 1);
}

function flagFields(): readonly FieldDefinition<SourceRecord>[] {
  return [
    field('ct.managementevent', 'string', (record) => {
      const stated = flag(record['managementEvent']);
      if (stated !== null) return stated;
      const type = record['eventType'];
      return typeof type === 'string' ? String(MANAGEMENT_TYPES.has(type) && record['eventCategory'] !== 'Data') : null;
    }),
    field('ct.readonly', 'string', (record) => flag(record['readOnly'])),
    field('ct.sessioncredentialfromconsole', 'string', (record) => flag(record['sessionCredentialFromConsole'])),
  ];
}

/** AWS writes some flags as booleans and some as the texts "true" and "false". */
function flag(value: unknown): string | null {
  if (typeof value === 'boolean') return String(value);
  return value === 'true' || value === 'false' ? value : null;
}

function storageFields(): readonly FieldDefinition<SourceRecord>[] {
  const operations = (name: string, holds: (eventName: unknown) => boolean) =>
    field(name, 'number', (record) => (holds(record['eventName']) ? 1 : null));
  return [
    field('s3.uri', 'string', storageUri),
    field('s3.bytes.in', 'number', (record) => transferred(record, 'bytesTransferredIn')),
    field('s3.bytes.out', 'number', (record) => transferred(record, 'bytesTransferredOut')),
    field('s3.bytes', 'number', bytesOf),
    operations('s3.cnt.get', (name) => name === 'GetObject'),
    operations('s3.cnt.put', (name) => name === 'PutObject'),
    operations('s3.cnt.other', (name) => name !== 'GetObject' && name !== 'PutObject'),
  ];
}

function transferred(record: SourceRecord, name: string): number | null {
  return count(at(record, 'additionalEventData', name));
}

function bytesOf(record: SourceRecord): number | null {
  const received = transferred(record, 'bytesTransferredIn');
  const sent = transferred(record, 'bytesTransferredOut');
  return received === null && sent === null ? null : (received ?? 0) + (sent ?? 0);
}

function storageUri(record: SourceRecord): string | null {
  const bucket = textOrNull(at(record, 'requestParameters', 'bucketName'));
  const key = textOrNull(at(record, 'requestParameters', 'key'));
  return bucket === null || key === null ? null : `s3://${bucket}/${key}`;
}

function count(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? Math.trunc(number) : null;
}

function computeFields(): readonly FieldDefinition<SourceRecord>[] {
  return [
    field('ec2.name', 'string', (record) => {
      for (const item of list(at(record, 'requestParameters', 'tagSpecificationSet', 'items'))) {
        if (member(item, 'resourceType') !== 'instance') continue;
        const named = list(member(item, 'tags')).find((tag) => member(tag, 'key') === 'Name');
        if (named !== undefined) return asText(member(named, 'value'));
      }
      return null;
    }),
    field('ec2.imageid', 'string', (record) => imageIds(record)[0] ?? null),
    {
      name: 'ec2.imageids',
      type: 'string',
      isList: true,
      argument: { required: false, kind: 'index' },
      description: '',
      extract: (record, argument): FieldValue => {
        const ids = imageIds(record);
        if (argument !== null) return ids[Number(argument)] ?? null;
        return ids.length === 0 ? null : ids;
      },
    },
  ];
}

function imageIds(record: SourceRecord): readonly string[] {
  const launched = list(at(record, 'responseElements', 'instancesSet', 'items')).flatMap(
    (item) => textOrNull(member(item, 'imageId')) ?? [],
  );
  if (launched.length > 0) return launched;
  const request = record['requestParameters'];
  const asked =
    textOrNull(member(request, 'imageId')) ??
    textOrNull(at(request, 'DescribeFastLaunchImagesRequest', 'ImageId', 'content')) ??
    textOrNull(at(request, 'launchSpecification', 'imageId'));
  return asked === null ? [] : [asked];
}

function shortSource(record: SourceRecord): string | null {
  const source = asText(record['eventSource']);
  return source?.endsWith(SERVICE_SUFFIX) ? source.slice(0, -SERVICE_SUFFIX.length) : source;
}

const READING = /^(Get|List|Describe|Head|Lookup|Search|Select|Query|Scan|BatchGet)/;

/** One line about an event, in the shape of Falco's `ct.info`. */
function infoOf(record: SourceRecord): string | null {
  const name = asText(record['eventName']);
  if (name === null) return null;
  const user = userOf(record);
  const address = asText(record['sourceIPAddress']);
  const isReading = flag(record['readOnly']) ?? String(READING.test(name));
  const failed = asText(record['errorCode']) === null ? '' : '!';
  const parts = [
    user,
    address === null ? null : `via ${address}`,
    `${failed}${isReading === 'true' ? '←' : '→'}`,
    name,
  ];
  const bytes = bytesOf(record);
  if (bytes !== null) parts.push(`Size=${bytes}`);
  const request = record['requestParameters'];
  const about = (label: string, value: string | null) => (value === null ? null : `${label}=${value}`);
  parts.push(
    about('URI', storageUri(record)) ??
      about('Bucket', textOrNull(member(request, 'bucketName'))) ??
      about('Key', textOrNull(member(request, 'key'))) ??
      about('Host', textOrNull(member(request, 'Host'))),
  );
  return parts.filter((part) => part !== null).join(' ');
}
