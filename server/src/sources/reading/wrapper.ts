/**
 * What records come wrapped in: CloudTrail's `Records`, Kubernetes' `items`, `lookup-events` output, EventBridge, SNS, SQS,
 * CloudWatch Logs, container log lines. One layer at a time; whoever calls asks its sources first.
 *
 * The surprise: no record of any source may have a member of its own that is called like one of `WRAPPER_LISTS`, because a
 * large file is cut at these lists before anybody could look at the whole value.
 */
import { isObject, type JsonObject } from '../json-value.ts';

/** Members of a top-level object that hold records, one an element. */
export const WRAPPER_LISTS: ReadonlySet<string> = new Set([
  'Records',
  'items',
  'Events',
  'events',
  'logEvents',
  'Messages',
]);

/** Members that hold one wrapped record, as an object or as JSON text. The order is the order of trying. */
const WRAPPER_MEMBERS = ['CloudTrailEvent', 'detail', 'Sns', 'Message', 'Body', 'body', 'message', 'log'] as const;

/** Layers within layers: an SQS message of an SNS notification of a CloudTrail file is three. */
export const DEEPEST_WRAPPING = 6;

export type Layer =
  | { readonly type: 'list'; readonly values: readonly unknown[] }
  | { readonly type: 'envelope'; readonly value: unknown }
  | { readonly type: 'damaged'; readonly reason: string; readonly raw: string };

/** The values directly inside a wrapper; null when the value is none. */
export function openWrapper(value: unknown): Layer | null {
  if (Array.isArray(value)) return { type: 'list', values: value };
  if (!isObject(value)) return null;
  const lists = Object.keys(value).filter((name) => WRAPPER_LISTS.has(name) && Array.isArray(value[name]));
  if (lists.length > 0) return { type: 'list', values: lists.flatMap((name) => value[name] as readonly unknown[]) };
  for (const name of WRAPPER_MEMBERS) {
    if (!Object.hasOwn(value, name)) continue;
    const inner = value[name];
    if (isObject(inner)) return { type: 'envelope', value: name === 'detail' ? timed(inner, value['time']) : inner };
    if (typeof inner === 'string' && /^\s*[[{]/.test(inner)) return parseInner(name, inner);
  }
  return null;
}

/** Some services leave the time to EventBridge. */
function timed(detail: JsonObject, time: unknown): JsonObject {
  const isTimeless = 'eventName' in detail && detail['eventTime'] === undefined;
  return isTimeless && typeof time === 'string' ? { ...detail, eventTime: time } : detail;
}

function parseInner(name: string, text: string): Layer {
  try {
    return { type: 'envelope', value: JSON.parse(text) };
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    return { type: 'damaged', reason: `the text in ${name} is not JSON: ${why}`, raw: text };
  }
}

/** For a value that no source knows: what it looks like, so that a person can tell why. */
export function strangerReason(value: unknown): string {
  if (!isObject(value)) return `not a JSON object but ${value === null ? 'null' : typeof value}`;
  const kind = value['detail-type'];
  if (typeof kind === 'string')
    return `an EventBridge event that carries no record of a known source: ${kind.slice(0, 100)}`;
  const members = Object.keys(value).slice(0, 5).join(', ');
  return `no source knows a record of this shape (its members: ${members === '' ? 'none' : members.slice(0, 200)})`;
}
