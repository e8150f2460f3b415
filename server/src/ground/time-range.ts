/** A range of time as addresses carry it: ISO 8601 in `from` and `to`; what is left out is the last while until now. */
import { Type } from 'typebox';
import { httpFailures } from './http-error.ts';

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const Time = Type.Optional(Type.String({ maxLength: 40 }));
/** To be spread into the schema of a query. */
export const TimeRangeQuery = { from: Time, to: Time } as const;

const DEFAULT_MS = 3_600_000;
const LONGEST_MS = 400 * 86_400_000;

/** @throws Failure `invalid-input` when these are no times, in no order, or more than 400 days apart. */
export function timeRangeOf({ from, to }: { readonly from?: string; readonly to?: string }, nowMs: number): TimeRange {
  const toMs = to === undefined ? nowMs : Date.parse(to);
  const fromMs = from === undefined ? toMs - DEFAULT_MS : Date.parse(from);
  if (Number.isNaN(fromMs) || Number.isNaN(toMs))
    throw httpFailures.invalidInput('from, to', 'no times: write ISO 8601');
  if (toMs <= fromMs || toMs - fromMs > LONGEST_MS)
    throw httpFailures.invalidInput('to', 'after from, by 400 days at most');
  return { fromMs, toMs };
}

export function timeRangeView({ fromMs, toMs }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
