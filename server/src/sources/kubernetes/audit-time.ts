/** The time of an audit event: when its stage was reached, or when the request came. Older versions have `timestamp`. */
import { parseEventTime } from '../event-time.ts';
import { at } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';

/** Milliseconds since 1970, or null. */
export function parseAuditTime(record: SourceRecord): number | null {
  return (
    parseEventTime(record['stageTimestamp']) ??
    parseEventTime(record['requestReceivedTimestamp']) ??
    parseEventTime(record['timestamp']) ??
    parseEventTime(at(record, 'metadata', 'creationTimestamp'))
  );
}
