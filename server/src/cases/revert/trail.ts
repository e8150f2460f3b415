/** CloudTrail records as the catalogue wants them. Everything in them was written by somebody else. */
import type { TrailEvent } from './catalogue.ts';

type Record_ = Readonly<Record<string, unknown>>;

/** Null for what cannot be put back: a call that failed or only read, or a record without what names it. */
export function toTrailEvent(record: Record_): TrailEvent | null {
  const { eventID, eventSource, eventName, eventTime, awsRegion, recipientAccountId, errorCode, readOnly } = record;
  if (errorCode !== undefined && errorCode !== null) return null;
  if (readOnly === true || readOnly === 'true') return null;
  const identity = objectIn(record['userIdentity']);
  const account = recipientAccountId ?? identity['accountId'];
  if (![eventID, eventSource, eventName, eventTime, account].every((one) => typeof one === 'string')) return null;
  const timeMs = Date.parse(String(eventTime));
  if (Number.isNaN(timeMs)) return null;
  return {
    eventId: String(eventID),
    service: String(eventSource).replace(/\.amazonaws\.com$/, ''),
    name: String(eventName),
    account: String(account),
    region: typeof awsRegion === 'string' ? awsRegion : 'us-east-1',
    timeMs,
    request: unwrapped(record['requestParameters'], 'Request'),
    response: unwrapped(record['responseElements'], 'Response'),
    ...(typeof identity['invokedBy'] === 'string' ? { invokedBy: identity['invokedBy'] } : {}),
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

function objectIn(value: unknown): Record_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record_) : {};
}
