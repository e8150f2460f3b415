/** Rotations across clock changes in several zones, by tables and by properties. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { gapsOf, type Layer, type Override, onCallAt, type Schedule, shiftsOf } from './schedule.ts';

const ANN = 'ann@example.com';
const BEN = 'ben@example.com';
const CARA = 'cara@example.com';
const HOUR = 3_600_000;

const layer = (parts: Partial<Layer> = {}): Layer => ({
  name: 'primary',
  people: [ANN, BEN],
  start: '2026-01-05T09:00',
  every: 1,
  unit: 'days',
  restrictions: [],
  ...parts,
});
const schedule = (timeZone: string, ...layers: Layer[]): Schedule => ({ name: 'security', timeZone, layers });
const at = (zone: string, wall: string) => Temporal.PlainDateTime.from(wall).toZonedDateTime(zone).epochMilliseconds;
const utc = (ms: number) => new Date(ms).toISOString().slice(0, 16);
const told = (found: Schedule, fromMs: number, toMs: number) =>
  shiftsOf(found, [], { fromMs, toMs }).map((shift) => `${utc(shift.fromMs)} ${shift.email.slice(0, 3)}`);

describe('a daily hand-off at nine stays at nine', () => {
  test.each([
    // zone, day before the change, hours of the day of duty over the change
    ['Europe/Berlin', '2026-03-28T09:00', 23],
    ['Europe/Berlin', '2026-10-24T09:00', 25],
    ['America/New_York', '2026-03-07T09:00', 23],
    ['America/New_York', '2026-10-31T09:00', 25],
    ['Australia/Lord_Howe', '2026-10-03T09:00', 23.5],
    ['Australia/Lord_Howe', '2026-04-04T09:00', 24.5],
    ['Asia/Tokyo', '2026-03-28T09:00', 24],
    ['America/Sao_Paulo', '2026-10-17T09:00', 24],
    ['Europe/Berlin', '2026-12-31T09:00', 24],
  ])('%s, duty beginning %s lasts %d hours', (zone, day, hours) => {
    const fromMs = at(zone, day);
    const [shift, next] = shiftsOf(schedule(zone, layer()), [], { fromMs, toMs: fromMs + 48 * HOUR });
    expect((shift!.toMs - shift!.fromMs) / HOUR).toBe(hours);
    expect(shift!.fromMs).toBe(fromMs);
    expect(next!.fromMs).toBe(shift!.toMs);
    expect(new Set([shift!.email, next!.email])).toEqual(new Set([ANN, BEN]));
  });
});

describe('a hand-off at half past two', () => {
  const night = schedule('Europe/Berlin', layer({ start: '2026-01-05T02:30' }));

  test('in the hour that does not exist happens right after it', () => {
    const shifts = told(night, Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 2, 29, 12));
    // 02:30 does not exist on 29 March; 03:30 summer time is 01:30 UTC.
    expect(shifts.map((text) => text.slice(0, 16))).toEqual(['2026-03-28T12:00', '2026-03-29T01:30']);
  });

  test('in the hour that happens twice happens the first time, once', () => {
    const shifts = told(night, Date.UTC(2026, 9, 24, 12), Date.UTC(2026, 9, 25, 12));
    expect(shifts.map((text) => text.slice(0, 16))).toEqual(['2026-10-24T12:00', '2026-10-25T00:30']);
  });
});

describe('over a change of clocks', () => {
  const nights = [{ days: [1, 2, 3, 4, 5, 6, 7] as const, fromMinute: 22 * 60, toMinute: 6 * 60 }];

  test.each([
    ['Europe/Berlin', '2026-03-28T22:00', 7],
    ['Europe/Berlin', '2026-10-24T22:00', 9],
    ['America/New_York', '2026-03-07T22:00', 7],
    ['America/New_York', '2026-10-31T22:00', 9],
    ['Pacific/Auckland', '2026-09-26T22:00', 7],
    ['Pacific/Auckland', '2026-04-04T22:00', 9],
    ['Africa/Casablanca', '2026-02-14T22:00', 9],
    ['Africa/Casablanca', '2026-03-21T22:00', 7],
    ['Asia/Tokyo', '2026-12-31T22:00', 8],
  ])('%s: a night from ten to six that begins %s lasts %d hours', (zone, evening, hours) => {
    const night = schedule(zone, layer({ people: [ANN], restrictions: nights }));
    const fromMs = at(zone, evening) - HOUR;
    const [shift] = shiftsOf(night, [], { fromMs, toMs: fromMs + 20 * HOUR });
    expect([shift!.fromMs - fromMs, (shift!.toMs - shift!.fromMs) / HOUR]).toEqual([HOUR, hours]);
  });

  test.each([
    ['Europe/Berlin', '2026-03-23T09:00', 167],
    ['Europe/Berlin', '2026-10-19T09:00', 169],
    ['America/New_York', '2026-03-02T09:00', 167],
    ['America/New_York', '2026-10-26T09:00', 169],
    ['Australia/Sydney', '2026-09-28T09:00', 167],
    ['Australia/Sydney', '2027-03-29T09:00', 169],
    ['Europe/London', '2026-12-28T09:00', 168],
  ])('%s: the week from %s lasts %d hours', (zone, monday, hours) => {
    const weekly = schedule(zone, layer({ unit: 'weeks' }));
    const fromMs = at(zone, monday);
    const [shift] = shiftsOf(weekly, [], { fromMs, toMs: fromMs + 200 * HOUR });
    expect((shift!.toMs - shift!.fromMs) / HOUR).toBe(hours);
  });
});

test('every hand-off of three years stands on the wall where it was written, by another calendar than ours', () => {
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'Asia/Tehran',
  ];
  for (const zone of zones) {
    const wall = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    const found = schedule(zone, layer({ start: '2025-12-30T17:45', every: 3, people: [ANN, BEN, CARA] }));
    for (const year of [2026, 2027, 2028]) {
      const range = { fromMs: Date.UTC(year, 0, 1), toMs: Date.UTC(year + 1, 0, 1) };
      const shifts = shiftsOf(found, [], range).slice(1);
      expect(shifts.length).toBeGreaterThan(119);
      expect(new Set(shifts.map(({ fromMs }) => wall.format(fromMs)))).toEqual(new Set(['17:45']));
    }
  }
});

test('a rotation by the hour counts real hours across a clock change', () => {
  const hours = schedule('Europe/Berlin', layer({ unit: 'hours', every: 12, start: '2026-03-28T00:00' }));
  const fromMs = at('Europe/Berlin', '2026-03-28T00:00');
  const shifts = shiftsOf(hours, [], { fromMs, toMs: fromMs + 72 * HOUR });
  expect(shifts.map(({ fromMs: from, toMs: to }) => (to - from) / HOUR)).toEqual([12, 12, 12, 12, 12, 12]);
});

test('weeks go round over the turn of the year and the leap day', () => {
  const weekly = schedule('UTC', layer({ unit: 'weeks', start: '2027-12-27T09:00', people: [ANN, BEN, CARA] }));
  expect(onCallAt(weekly, [], Date.UTC(2027, 11, 31, 23, 59))).toBe(ANN);
  expect(onCallAt(weekly, [], Date.UTC(2028, 0, 3, 9))).toBe(BEN);
  expect(onCallAt(weekly, [], Date.UTC(2028, 1, 29, 12))).toBe(ANN);
  expect(onCallAt(weekly, [], Date.UTC(2027, 11, 27, 8, 59))).toBeNull();
});

describe('layers, restrictions and overrides', () => {
  const office = { days: [1, 2, 3, 4, 5] as const, fromMinute: 9 * 60, toMinute: 17 * 60 };
  const night = { days: [1, 2, 3, 4, 5, 6, 7] as const, fromMinute: 22 * 60, toMinute: 6 * 60 };

  test('a restricted layer leaves gaps, and they are told', () => {
    const only = schedule('Europe/Berlin', layer({ people: [ANN], restrictions: [office] }));
    const fromMs = at('Europe/Berlin', '2026-03-02T00:00');
    const gaps = gapsOf(only, [], { fromMs, toMs: fromMs + 24 * HOUR });
    expect(gaps.map((gap) => `${utc(gap.fromMs)} ${utc(gap.toMs)}`)).toEqual([
      '2026-03-01T23:00 2026-03-02T08:00',
      '2026-03-02T16:00 2026-03-02T23:00',
    ]);
  });

  test('a later layer wins where it has somebody, also over midnight', () => {
    const both = schedule(
      'UTC',
      layer({ people: [ANN] }),
      layer({ name: 'nights', people: [BEN], restrictions: [night] }),
    );
    expect(onCallAt(both, [], Date.UTC(2026, 2, 2, 23))).toBe(BEN);
    expect(onCallAt(both, [], Date.UTC(2026, 2, 3, 5, 59))).toBe(BEN);
    expect(onCallAt(both, [], Date.UTC(2026, 2, 3, 6))).toBe(ANN);
  });

  test('an override wins over everything and ends exactly', () => {
    const override: Override = {
      id: 'o',
      email: CARA,
      fromMs: Date.UTC(2026, 2, 2, 12),
      toMs: Date.UTC(2026, 2, 2, 13),
    };
    const plain = schedule('UTC', layer({ people: [ANN] }));
    expect(onCallAt(plain, [override], Date.UTC(2026, 2, 2, 12))).toBe(CARA);
    expect(onCallAt(plain, [override], Date.UTC(2026, 2, 2, 13))).toBe(ANN);
  });
});

test('whatever the schedule, shifts never overlap, and asking for an instant agrees with them', () => {
  const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Tokyo', 'UTC');
  const layers = fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b'),
      people: fc.constantFrom([ANN], [ANN, BEN], [CARA, BEN, ANN]),
      start: fc.constantFrom('2025-12-30T02:30', '2026-02-28T00:00', '2026-03-01T23:45'),
      every: fc.integer({ min: 1, max: 9 }),
      unit: fc.constantFrom('hours' as const, 'days' as const, 'weeks' as const),
      restrictions: fc.constantFrom([], [{ days: [1, 3, 7] as const, fromMinute: 1_320, toMinute: 150 }]),
    }),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(
      zones,
      layers,
      fc.integer({ min: 0, max: 330 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (zone, all, day, share) => {
        const found = schedule(zone, ...all);
        const fromMs = Date.UTC(2026, 0, 1) + day * 24 * HOUR;
        const toMs = fromMs + 10 * 24 * HOUR;
        const shifts = shiftsOf(found, [], { fromMs, toMs });
        for (const [index, shift] of shifts.entries()) {
          expect(shift.fromMs).toBeLessThan(shift.toMs);
          if (index > 0) expect(shift.fromMs).toBeGreaterThanOrEqual(shifts[index - 1]!.toMs);
        }
        const instant = Math.floor(fromMs + share * (toMs - fromMs - 1));
        const expected = shifts.find((shift) => shift.fromMs <= instant && instant < shift.toMs)?.email ?? null;
        expect(onCallAt(found, [], instant)).toBe(expected);
      },
    ),
    { numRuns: 150 },
  );
});
