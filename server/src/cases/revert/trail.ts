/** CloudTrail records as the catalogue wants them. Everything in them was written by somebody else. */
import type { TrailEvent } from './catalogue.ts';

type Record_ = Readonly<Record<string, unknown>>;

/** What CloudTrail has been seen to write for one service. */
const SAME_SERVICE: Readonly<Record<string, string>> = { 's3-control': 's3' };

/** Null for what cannot be put back: a call that failed or only read, or a record without what names it. */
export function toTrailEvent(record: Record_): TrailEvent | null {
  return hasFailed(record) || onlyReads(record) ? null : readTrailEvent(record);
}

export function hasFailed({ errorCode }: Record_): boolean {
  return errorCode !== undefined && errorCode !== null;
}

export function onlyReads({ readOnly }: Record_): boolean {
  return readOnly === true || readOnly === 'true';
}

/** Any record, also of a call that failed; null for one without what names it. */
export function readTrailEvent(record: Record_): TrailEvent | null {
  const { eventID, eventSource, eventName, eventTime, awsRegion, recipientAccountId } = record;
  const identity = objectIn(record['userIdentity']);
  const account = recipientAccountId ?? identity['accountId'];
  if (![eventID, eventSource, eventName, eventTime, account].every((one) => typeof one === 'string')) return null;
  const timeMs = Date.parse(String(eventTime));
  if (Number.isNaN(timeMs)) return null;
  const source = String(eventSource).replace(/\.amazonaws\.com(?:\.cn)?$/, '');
  return {
    eventId: String(eventID),
    service: SAME_SERVICE[source] ?? source,
    name: String(eventName),
    account: String(account),
    region: typeof awsRegion === 'string' ? awsRegion : 'us-east-1',
    timeMs,
    request: unwrapped(record['requestParameters'], 'Request'),
    response: unwrapped(record['responseElements'], 'Response'),
    ...(typeof identity['invokedBy'] === 'string' ? { invokedBy: identity['invokedBy'] } : {}),
    actors: actorsOf(record),
  };
}

/** The role whose session acted; null for anybody else. The session's own name, which a caller chooses, is not looked at. */
export function issuerOf(record: Record_): string | null {
  const identity = objectIn(record['userIdentity']);
  const issuer = objectIn(objectIn(identity['sessionContext'])['sessionIssuer']);
  const arn = issuer['arn'];
  return identity['type'] === 'AssumedRole' && typeof arn === 'string' ? arn : null;
}

/** Some services wrap what they were asked and what they answered: `{ ModifySecurityGroupRulesRequest: { … } }`. */
function unwrapped(value: unknown, suffix: 'Request' | 'Response'): Record_ {
  const members = objectIn(value);
  const [only] = Object.keys(members);
  return Object.keys(members).length === 1 && only?.endsWith(suffix) === true ? objectIn(members[only]) : members;
}

/** A session is known by its issuer alone: its own ARN ends in a name that the caller chose. */
function actorsOf(record: Record_): readonly string[] {
  const identity = objectIn(record['userIdentity']);
  const issuer = objectIn(objectIn(identity['sessionContext'])['sessionIssuer']);
  const names =
    identity['type'] === 'AssumedRole' ? [issuer['arn'], issuer['userName']] : [identity['arn'], identity['userName']];
  return names.filter((name): name is string => typeof name === 'string' && name !== '');
}

function objectIn(value: unknown): Record_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record_) : {};
}
