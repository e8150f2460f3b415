/** The time of a record. CloudTrail writes ISO 8601 with seconds; stores and exports write it in a few other ways. */

const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?$/;
const LATEST_MS = 8.64e15;

/** Milliseconds since 1970, or null. A time without a zone is UTC; a number is seconds, or milliseconds when that large. */
export function parseEventTime(value: unknown): number | null {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) {
    const ms = value < 1e11 ? value * 1_000 : value;
    return ms <= LATEST_MS ? Math.trunc(ms) : null;
  }
  if (typeof value !== 'string') return null;
  const match = ISO.exec(value.trim());
  if (match === null) return null;
  const [, day = '', clock = '', fraction = '', zone = 'Z'] = match;
  const offset = zone === 'Z' || zone === '' ? 'Z' : zone.replace(/^(.\d{2}):?(\d{2})$/, '$1:$2');
  const ms = Date.parse(`${day}T${clock}${fraction.slice(0, 4)}${offset}`);
  return Number.isNaN(ms) ? null : ms;
}
