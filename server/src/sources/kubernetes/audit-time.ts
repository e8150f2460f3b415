/** The time of an audit event: when its stage was reached, or when the request came. Older versions have `timestamp`. */
import { at } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';

const LONGEST_TIME = 64;

/** Milliseconds since 1970, or null. */
export function parseAuditTime(record: SourceRecord): number | null {
  const candidates = [
    record['stageTimestamp'],
    record['requestReceivedTimestamp'],
    record['timestamp'],
    at(record, 'metadata', 'creationTimestamp'),
  ];
  for (const value of candidates) {
    if (typeof value !== 'string' || value.length > LONGEST_TIME) continue;
    const ms = Date.parse(value.replace(/(\.\d{3})\d+/, '$1'));
    if (!Number.isNaN(ms)) return ms;
  }
  return null;
}
