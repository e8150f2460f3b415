/**
 * Who is on call, and when: layers of rotations in a time zone, restrictions within the week, overrides on top. Pure.
 *
 * The surprise: a hand-off is a time on the wall. Where clocks change, a day of duty is 23 or 25 hours long and nobody is on
 * call twice or not at all; a hand-off in the hour that does not exist happens right after it, one in the hour that happens
 * twice the first time. Only rotations by the hour count real hours.
 */
import { Temporal } from 'temporal-polyfill';

export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** A part of the week in which the layer is on duty. `to` at or before `from` runs into the next day. */
export interface Restriction {
  /** Monday is 1; the days on which it begins. */
  readonly days: readonly Weekday[];
  /** Minutes after midnight, 0–1439. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface Layer {
  readonly name: string;
  /** E-mail addresses, lower case, in turn. */
  readonly people: readonly string[];
  /** The first hand-off, as the clock on the wall shows it: `2026-01-05T09:00`. Before it the layer has nobody. */
  readonly start: string;
  readonly every: number;
  readonly unit: 'hours' | 'days' | 'weeks';
  /** Empty: always. */
  readonly restrictions: readonly Restriction[];
}

export interface Schedule {
  readonly name: string;
  /** IANA: `Europe/Berlin`. */
  readonly timeZone: string;
  /** Later ones win where they have somebody. */
  readonly layers: readonly Layer[];
}

export interface Override {
  readonly id: string;
  readonly email: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Shift {
  readonly email: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** The layer, or `override`. */
  readonly by: string;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** No question is answered over more than this. */
export const LONGEST_RANGE_MS = 400 * 86_400_000;
/** A layer that would hand over more often in a range is cut there. */
const MOST_SHIFTS = 20_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const OVERRIDE = 'override';

/** Shifts that touch the range, cut to it, in order, never two at once. */
export function shiftsOf(schedule: Schedule, overrides: readonly Override[], range: Span): readonly Shift[] {
  const { fromMs, toMs } = bounded(range);
  if (toMs <= fromMs) return [];
  const within = { fromMs, toMs };
  const layers = schedule.layers.map((layer) => shiftsOfLayer(layer, schedule.timeZone, within));
  const over = overrides.map(({ email, fromMs: from, toMs: to }) => ({ email, fromMs: from, toMs: to, by: OVERRIDE }));
  return merge(stack([...layers, over], within));
}

/** The address of who is on call at an instant; null in a gap. */
export function onCallAt(schedule: Schedule, overrides: readonly Override[], atMs: number): string | null {
  const [shift] = shiftsOf(schedule, overrides, { fromMs: atMs, toMs: atMs + 1 });
  return shift?.email ?? null;
}

/** Where nobody is on call. */
export function gapsOf(schedule: Schedule, overrides: readonly Override[], range: Span): readonly Span[] {
  const { fromMs, toMs } = bounded(range);
  const gaps: Span[] = [];
  let covered = fromMs;
  for (const shift of shiftsOf(schedule, overrides, { fromMs, toMs })) {
    if (shift.fromMs > covered) gaps.push({ fromMs: covered, toMs: shift.fromMs });
    covered = Math.max(covered, shift.toMs);
  }
  if (covered < toMs) gaps.push({ fromMs: covered, toMs });
  return gaps;
}

function bounded({ fromMs, toMs }: Span): Span {
  return { fromMs, toMs: Math.min(toMs, fromMs + LONGEST_RANGE_MS) };
}

function shiftsOfLayer(layer: Layer, timeZone: string, range: Span): readonly Shift[] {
  if (layer.people.length === 0) return [];
  const turns = layer.unit === 'hours' ? hourTurns(layer, timeZone, range) : dayTurns(layer, timeZone, range);
  if (layer.restrictions.length === 0) return turns;
  const windows = windowsOf(layer.restrictions, timeZone, range);
  return turns.flatMap((turn) => windows.flatMap((window) => overlap(turn, window)));
}

function hourTurns(layer: Layer, timeZone: string, { fromMs, toMs }: Span): readonly Shift[] {
  const startMs = instantOf(Temporal.PlainDateTime.from(layer.start), timeZone);
  const lengthMs = layer.every * HOUR_MS;
  const turns: Shift[] = [];
  let index = Math.max(0, Math.floor((fromMs - startMs) / lengthMs));
  for (; turns.length < MOST_SHIFTS; index += 1) {
    const begins = startMs + index * lengthMs;
    if (begins >= toMs) break;
    turns.push(turnOf(layer, index, begins, begins + lengthMs));
  }
  return turns;
}

function dayTurns(layer: Layer, timeZone: string, { fromMs, toMs }: Span): readonly Shift[] {
  const start = Temporal.PlainDateTime.from(layer.start);
  const days = layer.unit === 'weeks' ? layer.every * 7 : layer.every;
  const at = (index: number) => instantOf(start.add({ days: index * days }), timeZone);
  const turns: Shift[] = [];
  // A little before the range, since days are not all as long.
  let index = Math.max(0, Math.floor((fromMs - at(0)) / (days * DAY_MS)) - 2);
  let begins = at(index);
  for (; turns.length < MOST_SHIFTS && begins < toMs; index += 1) {
    const ends = at(index + 1);
    if (ends > fromMs) turns.push(turnOf(layer, index, begins, ends));
    begins = ends;
  }
  return turns;
}

function turnOf({ people, name }: Layer, index: number, fromMs: number, toMs: number): Shift {
  return { email: people[index % people.length] ?? '', fromMs, toMs, by: name };
}

function instantOf(wall: Temporal.PlainDateTime, timeZone: string): number {
  return wall.toZonedDateTime(timeZone, { disambiguation: 'compatible' }).epochMilliseconds;
}

function windowsOf(restrictions: readonly Restriction[], timeZone: string, { fromMs, toMs }: Span): readonly Span[] {
  const windows: Span[] = [];
  const last = Temporal.Instant.fromEpochMilliseconds(toMs).toZonedDateTimeISO(timeZone).toPlainDate();
  let day = Temporal.Instant.fromEpochMilliseconds(fromMs)
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .subtract({ days: 1 });
  while (Temporal.PlainDate.compare(day, last) <= 0) {
    for (const { days, fromMinute, toMinute } of restrictions) {
      if (!days.some((weekday) => weekday === day.dayOfWeek)) continue;
      const endDay = toMinute <= fromMinute ? day.add({ days: 1 }) : day;
      windows.push({ fromMs: minuteOf(day, fromMinute, timeZone), toMs: minuteOf(endDay, toMinute, timeZone) });
    }
    day = day.add({ days: 1 });
  }
  return windows;
}

function minuteOf(day: Temporal.PlainDate, minute: number, timeZone: string): number {
  const time = { hour: Math.floor(minute / 60), minute: minute % 60 };
  return instantOf(day.toPlainDateTime(time), timeZone);
}

function overlap(turn: Shift, window: Span): readonly Shift[] {
  const fromMs = Math.max(turn.fromMs, window.fromMs);
  const toMs = Math.min(turn.toMs, window.toMs);
  return fromMs < toMs ? [{ ...turn, fromMs, toMs }] : [];
}

/** Of everything that covers an instant the last list wins, and in it the last entry. */
function stack(lists: readonly (readonly Shift[])[], { fromMs, toMs }: Span): readonly Shift[] {
  let result: readonly Shift[] = [];
  for (const upper of lists) {
    for (const shift of upper) {
      const cut = { ...shift, fromMs: Math.max(shift.fromMs, fromMs), toMs: Math.min(shift.toMs, toMs) };
      if (cut.fromMs < cut.toMs) result = lay(result, cut);
    }
  }
  return result;
}

/** Lays a shift over sorted, non-overlapping ones. */
function lay(below: readonly Shift[], above: Shift): readonly Shift[] {
  const before: Shift[] = [];
  const after: Shift[] = [];
  for (const shift of below) {
    if (shift.fromMs < above.fromMs) before.push({ ...shift, toMs: Math.min(shift.toMs, above.fromMs) });
    if (shift.toMs > above.toMs) after.push({ ...shift, fromMs: Math.max(shift.fromMs, above.toMs) });
  }
  return [...before, above, ...after];
}

function merge(shifts: readonly Shift[]): readonly Shift[] {
  const merged: Shift[] = [];
  for (const shift of shifts) {
    const last = merged.at(-1);
    if (last !== undefined && last.toMs === shift.fromMs && last.email === shift.email && last.by === shift.by) {
      merged[merged.length - 1] = { ...last, toMs: shift.toMs };
    } else merged.push(shift);
  }
  return merged;
}
