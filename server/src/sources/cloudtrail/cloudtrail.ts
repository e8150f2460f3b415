/** The source `aws_cloudtrail`: which JSON values are records of CloudTrail, and what they say. */
import { derivedId, isObject, member, textOrNull } from '../json-value.ts';
import type { Admission, EventFacts, Source, SourceRecord } from '../source.ts';
import { actorOf } from './actor.ts';
import { parseEventTime } from '../event-time.ts';
import { cloudtrailCatalogue } from './fields.ts';
import { changeOf, resourcesOf } from './resources.ts';

const LONGEST_ID = 200;
const SERVICE_SUFFIX = /\.amazonaws\.com(\.cn)?$/;

export const cloudtrailSource: Source = {
  name: 'aws_cloudtrail',
  catalogue: cloudtrailCatalogue(),
  claims: (value) =>
    isObject(value) &&
    (('eventName' in value && ('eventSource' in value || 'eventType' in value || 'eventTime' in value)) ||
      'insightDetails' in value ||
      ('eventVersion' in value && 'eventTime' in value)),
  admit,
  describe,
};

function admit(value: unknown): Admission {
  if (!isObject(value)) return { type: 'malformed', reason: 'not a JSON object' };
  if (isObject(value['s3']) && value['eventSource'] === 'aws:s3') {
    return {
      type: 'malformed',
      reason: 'a notification of S3, which says that a file is there, and no record of a call',
    };
  }
  const timeMs = parseEventTime(value['eventTime']);
  if (timeMs === null) {
    const reason =
      'eventTime' in value ? `eventTime is not a time: ${shorten(value['eventTime'])}` : 'eventTime is missing';
    return { type: 'malformed', reason };
  }
  const insight = value['insightDetails'];
  const name = nameOf(value);
  if (name === null || name === '') return { type: 'malformed', reason: 'eventName is missing or not a text' };
  if (textOrNull(value['eventSource']) === null && !isObject(insight)) {
    return { type: 'malformed', reason: 'eventSource is missing or not a text' };
  }
  const id = textOrNull(value['eventID']);
  if (id !== null && id.length > LONGEST_ID)
    return { type: 'malformed', reason: `eventID is longer than ${LONGEST_ID} characters` };
  return { type: 'record', record: value, id: id === null || id === '' ? derivedId(value) : id, timeMs };
}

/** Insights name the call that was unusual one level down. */
function nameOf(record: SourceRecord): string | null {
  return textOrNull(record['eventName']) ?? textOrNull(member(record['insightDetails'], 'eventName'));
}

function describe(record: SourceRecord): EventFacts {
  const source = textOrNull(record['eventSource']) ?? textOrNull(member(record['insightDetails'], 'eventSource')) ?? '';
  const id = textOrNull(record['eventID']);
  const readOnly = record['readOnly'];
  return {
    source: 'aws_cloudtrail',
    id: id === null || id === '' ? derivedId(record) : id,
    timeMs: parseEventTime(record['eventTime']) ?? 0,
    account: textOrNull(record['recipientAccountId']) ?? textOrNull(member(record['userIdentity'], 'accountId')),
    region: textOrNull(record['awsRegion']),
    action: nameOf(record) ?? '',
    service: source.replace(SERVICE_SUFFIX, ''),
    actor: actorOf(record),
    resources: resourcesOf(record),
    sourceIp: textOrNull(record['sourceIPAddress']),
    userAgent: textOrNull(record['userAgent']),
    errorCode: textOrNull(record['errorCode']),
    readOnly:
      typeof readOnly === 'boolean' ? readOnly : readOnly === 'true' ? true : readOnly === 'false' ? false : null,
    change: changeOf(record),
  };
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
