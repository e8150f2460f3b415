/**
 * What stands in a queue's message: where objects of a trail are, or an event itself. Pure.
 *
 * The surprise: the same notification comes in three wrappings, bare from S3, inside one of SNS, and as an event of EventBridge,
 * and AWS sends a test message that is none of them when the queue is connected.
 */
import { at, isObject, list, member, textOrNull } from '../json-value.ts';

export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string | null;
  readonly sizeBytes: number | null;
}

export type MessageReading =
  | {
      readonly type: 'objects';
      readonly objects: readonly ObjectRef[];
      /** What the trail says of its own objects. */
      readonly digests: readonly ObjectRef[];
    }
  | { readonly type: 'event'; readonly record: unknown }
  /** Nothing to do: AWS' own test message. */
  | { readonly type: 'nothing' }
  | { readonly type: 'malformed'; readonly reason: string };

const MOST_OBJECTS = 1_000;
const DEEPEST = 3;
const DIGEST = /\/CloudTrail-Digest\//;
const RECORD_TYPES = /via CloudTrail|AWS Insight/i;

/** Never throws. */
export function readMessage(body: string, depth = 0): MessageReading {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { type: 'malformed', reason: 'the message is no JSON' };
  }
  if (!isObject(value)) return { type: 'malformed', reason: 'the message is no JSON object' };
  if (value['Event'] === 's3:TestEvent') return { type: 'nothing' };
  const inner = textOrNull(value['Message']);
  if (value['Type'] === 'Notification' && inner !== null && depth < DEEPEST) return readMessage(inner, depth + 1);
  if (Array.isArray(value['Records'])) return fromNotification(list(value['Records']));
  const type = textOrNull(value['detail-type']);
  if (type === 'Object Created') return fromEventBridge(value);
  if (type !== null && RECORD_TYPES.test(type)) return { type: 'event', record: value['detail'] };
  return {
    type: 'malformed',
    reason: `neither a notification of S3 nor an event of CloudTrail${type === null ? '' : `: ${type}`}`,
  };
}

function fromNotification(records: readonly unknown[]): MessageReading {
  if (records.length > MOST_OBJECTS)
    return { type: 'malformed', reason: `more than ${MOST_OBJECTS} objects in one message` };
  const refs = records.flatMap((record) => {
    const key = textOrNull(at(record, 's3', 'object', 'key'));
    const bucket = textOrNull(at(record, 's3', 'bucket', 'name'));
    if (key === null || bucket === null) return [];
    // Keys in notifications are encoded like a form.
    return [refOf(bucket, decodeKey(key), at(record, 's3', 'object', 'eTag'), at(record, 's3', 'object', 'size'))];
  });
  if (refs.length < records.length) return { type: 'malformed', reason: 'a notification without bucket or key' };
  return wanted(refs);
}

function fromEventBridge(event: Readonly<Record<string, unknown>>): MessageReading {
  const key = textOrNull(at(event, 'detail', 'object', 'key'));
  const bucket = textOrNull(at(event, 'detail', 'bucket', 'name'));
  if (key === null || bucket === null)
    return { type: 'malformed', reason: 'an "Object Created" without bucket or key' };
  const object = at(event, 'detail', 'object');
  return wanted([refOf(bucket, key, member(object, 'etag'), member(object, 'size'))]);
}

function refOf(bucket: string, key: string, etag: unknown, size: unknown): ObjectRef {
  return { bucket, key, etag: textOrNull(etag), sizeBytes: typeof size === 'number' ? size : null };
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

function wanted(refs: readonly ObjectRef[]): MessageReading {
  const isDigest = ({ key }: ObjectRef) => DIGEST.test(key);
  return { type: 'objects', objects: refs.filter((ref) => !isDigest(ref)), digests: refs.filter(isDigest) };
}
