/** CloudTrail records as the catalogue wants them. Everything in them was written by somebody else. */
import type { TrailEvent } from './catalogue.ts';

type Record_ = Readonly<Record<string, unknown>>;

/** Null for what cannot be put back: a call that failed or only read, or a record without what names it. */
export function toTrailEvent(record: Record_): TrailEvent | null {
  const { eventID, eventSource, eventName, eventTime, awsRegion, recipientAccountId, errorCode, readOnly } = record;
  if (errorCode !== undefined && errorCode !== null) return null;
  if (readOnly === true || readOnly === 'true') return null;
  const account = recipientAccountId ?? objectIn(record['userIdentity'])['accountId'];
  if (![eventID, eventSource, eventName, eventTime, account].every((one) => typeof one === 'string')) return null;
  const timeMs = Date.parse(String(eventTime));
  if (Number.isNaN(timeMs)) return null;
  const request = objectIn(record['requestParameters']);
  const [only] = Object.keys(request);
  // Some services wrap what they were asked: `{ ModifySecurityGroupRulesRequest: { … } }`.
  const inner =
    Object.keys(request).length === 1 && only?.endsWith('Request') === true ? objectIn(request[only]) : request;
  return {
    eventId: String(eventID),
    service: String(eventSource).replace(/\.amazonaws\.com$/, ''),
    name: String(eventName),
    account: String(account),
    region: typeof awsRegion === 'string' ? awsRegion : 'us-east-1',
    timeMs,
    request: inner,
    response: objectIn(record['responseElements']),
  };
}

/** The role whose session acted; null for anybody else. The session's own name, which a caller chooses, is not looked at. */
export function issuerOf(record: Record_): string | null {
  const identity = objectIn(record['userIdentity']);
  const issuer = objectIn(objectIn(identity['sessionContext'])['sessionIssuer']);
  const arn = issuer['arn'];
  return identity['type'] === 'AssumedRole' && typeof arn === 'string' ? arn : null;
}

function objectIn(value: unknown): Record_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record_) : {};
}
