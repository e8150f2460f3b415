/**
 * One parsed JSON value → the records in it: CloudTrail's `Records`, Kubernetes' `items`, `lookup-events` output, EventBridge
 * envelopes, and what SNS and SQS wrap around them.
 */
import { isObject, textOrNull } from '../json-value.ts';

const DEEPEST_WRAPPING = 4;

export type Unwrapped =
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'damaged'; readonly reason: string; readonly raw: string };

export function unwrap(value: unknown, depth = 0): readonly Unwrapped[] {
  if (Array.isArray(value))
    return value.flatMap((item) =>
      depth < DEEPEST_WRAPPING ? unwrap(item, depth + 1) : [{ type: 'value', value: item } as const],
    );
  if (!isObject(value) || depth >= DEEPEST_WRAPPING) return [{ type: 'value', value }];
  if (typeof value['eventName'] === 'string' || 'auditID' in value) return [{ type: 'value', value }];
  const deeper = (inner: unknown) => unwrap(inner, depth + 1);
  for (const name of ['Records', 'Events', 'items']) {
    const inner = value[name];
    if (Array.isArray(inner)) return inner.flatMap(deeper);
  }
  const event = value['CloudTrailEvent'];
  if (typeof event === 'string') return parsed(event, deeper);
  if (isObject(event)) return deeper(event);
  if (isObject(value['detail']) && ('detail-type' in value || 'source' in value)) return deeper(value['detail']);
  const message = textOrNull(value['Message']) ?? textOrNull(value['body']) ?? textOrNull(value['Body']);
  if (message !== null && /^\s*[{[]/.test(message)) return parsed(message, deeper);
  return [{ type: 'value', value }];
}

function parsed(text: string, deeper: (inner: unknown) => readonly Unwrapped[]): readonly Unwrapped[] {
  try {
    return deeper(JSON.parse(text));
  } catch (error) {
    return [
      {
        type: 'damaged',
        reason: `an embedded event is not JSON: ${error instanceof Error ? error.message : String(error)}`,
        raw: text,
      },
    ];
  }
}
