/**
 * Schedules and ladders as `countersign.yaml` has them. Everything that could leave nobody on call is an error at start: a
 * person, a schedule, a channel or a time zone that does not exist.
 */
import { Temporal } from 'temporal-polyfill';
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import type { Escalation, EscalationStep, Target } from './escalation.ts';
import type { Layer, Restriction, Schedule, Weekday } from './schedule.ts';

const strict = { additionalProperties: false } as const;
const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '^[\\w .-]+$' });
const Text = Type.String({ minLength: 1, maxLength: 300 });

export const SchedulesSection = Type.Record(
  Name,
  Type.Object(
    {
      time_zone: Text,
      layers: Type.Array(
        Type.Object(
          {
            name: Type.Optional(Name),
            people: Type.Array(Text, { minItems: 1, maxItems: 200 }),
            start: Text,
            rotate: Type.Optional(Text),
            restrict: Type.Optional(
              Type.Array(
                Type.Object({ days: Type.Optional(Type.Array(Text, { minItems: 1 })), from: Text, to: Text }, strict),
                { maxItems: 50 },
              ),
            ),
          },
          strict,
        ),
        { minItems: 1, maxItems: 20 },
      ),
    },
    strict,
  ),
);

export const EscalationsSection = Type.Record(
  Name,
  Type.Object(
    {
      repeat: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      acknowledge_within: Type.Optional(Text),
      steps: Type.Array(
        Type.Object(
          {
            to: Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: 50 })]),
            wait: Type.Optional(Text),
            round_robin: Type.Optional(Type.Boolean()),
          },
          strict,
        ),
        { minItems: 1, maxItems: 50 },
      ),
    },
    strict,
  ),
);

export const CatchAllSection = Type.Array(Text, { minItems: 1, maxItems: 50 });

export interface OnCallConfiguration {
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly escalations: ReadonlyMap<string, Escalation>;
  /** Called when nobody on a ladder can be reached. */
  readonly catchAll: readonly Target[];
}

export interface OnCallSections {
  readonly schedules?: Static<typeof SchedulesSection>;
  readonly escalations?: Static<typeof EscalationsSection>;
  readonly catch_all?: Static<typeof CatchAllSection>;
}

export interface Known {
  /** Lower case. */
  /** Whether somebody is, or may be, known by this address. */
  isPerson(email: string): boolean;
  /** Names of page channels. */
  readonly channels: readonly string[];
}

const DEFAULT_WAIT_MS = 5 * 60_000;
const SHORTEST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;
const DEFAULT_REPEAT = 2;
const MOST_EVERY = 1_000;
const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

type Complain = (path: readonly (string | number)[], message: string, hint: string) => void;

/** Every problem at once; what has one is left out. */
export function buildOnCall(
  sections: OnCallSections,
  known: Known,
): { readonly onCall: OnCallConfiguration; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const complain: Complain = (path, message, hint) => problems.push({ severity: 'error', path, message, hint });
  const schedules = new Map<string, Schedule>();
  for (const [name, section] of Object.entries(sections.schedules ?? {})) {
    schedules.set(name, buildSchedule(name, section, known, complain));
  }
  const targetOf = (text: string, path: readonly (string | number)[]) =>
    parseTarget(text, path, { known, schedules: [...schedules.keys()], complain });
  const escalations = new Map<string, Escalation>();
  for (const [name, { repeat, acknowledge_within: hold, steps }] of Object.entries(sections.escalations ?? {})) {
    const built = steps.map(({ to, wait, round_robin: roundRobin }, index): EscalationStep => {
      const path = ['escalations', name, 'steps', index];
      const targets = [to]
        .flat()
        .flatMap((text, at) => targetOf(text, [...path, 'to', ...(Array.isArray(to) ? [at] : [])]) ?? []);
      const waitMs = wait === undefined ? DEFAULT_WAIT_MS : parseDurationMs(wait);
      if (waitMs === null || waitMs < SHORTEST_WAIT_MS || waitMs > LONGEST_WAIT_MS) {
        complain([...path, 'wait'], `'${wait}' is no time to wait`, "write it like '5m', from 1m to 24h");
      }
      return { targets, waitMs: waitMs ?? DEFAULT_WAIT_MS, roundRobin: roundRobin === true };
    });
    const acknowledgementMs = hold === undefined ? null : holdOf(hold, ['escalations', name], complain);
    escalations.set(name, { name, steps: built, repeat: repeat ?? DEFAULT_REPEAT, acknowledgementMs });
  }
  const catchAll = (sections.catch_all ?? []).flatMap((text, index) => targetOf(text, ['catch_all', index]) ?? []);
  return { onCall: { schedules, escalations, catchAll }, problems };
}

function holdOf(text: string, path: readonly string[], complain: Complain): number | null {
  const ms = parseDurationMs(text);
  if (ms !== null && ms >= SHORTEST_WAIT_MS && ms <= LONGEST_WAIT_MS) return ms;
  complain([...path, 'acknowledge_within'], `'${text}' is no time to wait`, "write it like '30m', from 1m to 24h");
  return null;
}

function buildSchedule(
  name: string,
  section: Static<typeof SchedulesSection>[string],
  known: Known,
  complain: Complain,
): Schedule {
  const path = ['schedules', name];
  const { time_zone: timeZone } = section;
  const zoneOk = isTimeZone(timeZone);
  if (!zoneOk) {
    complain(
      [...path, 'time_zone'],
      `'${timeZone}' is no time zone`,
      "use an IANA name such as 'Europe/Berlin' or 'Asia/Tokyo'",
    );
  }
  const layers = section.layers.map((layer, index): Layer => {
    const at = [...path, 'layers', index];
    const people = layer.people.map((email) => email.toLowerCase());
    people.forEach((email, place) => {
      if (!known.isPerson(email)) {
        complain(
          [...at, 'people', place],
          `nobody has the address ${email}`,
          'add the person under people, or correct the address',
        );
      }
    });
    const start = wallOf(layer.start);
    if (start === null)
      complain([...at, 'start'], `'${layer.start}' is no date and time`, "write it like '2026-01-05 09:00'");
    const rotation = parseRotation(layer.rotate ?? 'weekly');
    if (rotation === null) {
      complain(
        [...at, 'rotate'],
        `'${layer.rotate}' is no rotation`,
        "use daily, weekly, or a number with a unit: '12 hours', '3 days', '2 weeks'",
      );
    }
    const restrictions = (layer.restrict ?? []).flatMap(
      (given, place) => buildRestriction(given, [...at, 'restrict', place], complain) ?? [],
    );
    const { every, unit } = rotation ?? { every: 1, unit: 'weeks' as const };
    return {
      name: layer.name ?? `layer ${index + 1}`,
      people,
      start: start ?? '2026-01-05T09:00',
      every,
      unit,
      restrictions,
    };
  });
  return { name, timeZone: zoneOk ? timeZone : 'UTC', layers };
}

function isTimeZone(text: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text);
    // An offset is no zone: it knows nothing of when clocks change.
    return !/^[+-]/.test(text);
  } catch {
    return false;
  }
}

function wallOf(text: string): string | null {
  try {
    return Temporal.PlainDateTime.from(text.trim().replace(' ', 'T')).toString({ smallestUnit: 'minute' });
  } catch {
    return null;
  }
}

function parseRotation(text: string): { readonly every: number; readonly unit: Layer['unit'] } | null {
  const word = text.trim().toLowerCase();
  if (word === 'daily') return { every: 1, unit: 'days' };
  if (word === 'weekly') return { every: 1, unit: 'weeks' };
  const match = /^(\d{1,4})\s*(h|hours?|d|days?|w|weeks?)$/.exec(word);
  const every = Number(match?.[1]);
  if (match === null || every < 1 || every > MOST_EVERY) return null;
  const letter = match[2]?.[0];
  return { every, unit: letter === 'h' ? 'hours' : letter === 'd' ? 'days' : 'weeks' };
}

function buildRestriction(
  { days, from, to }: { readonly days?: readonly string[]; readonly from: string; readonly to: string },
  path: readonly (string | number)[],
  complain: Complain,
): Restriction | null {
  const fromMinute = minuteOf(from);
  const toMinute = minuteOf(to);
  if (fromMinute === null) complain([...path, 'from'], `'${from}' is no time of day`, "write it like '09:00'");
  if (toMinute === null)
    complain([...path, 'to'], `'${to}' is no time of day`, "write it like '17:00'; '00:00' is midnight");
  const numbers = (days ?? DAYS).map((day) => DAYS.indexOf(day.toLowerCase().slice(0, 3)) + 1);
  numbers.forEach((number, index) => {
    if (number === 0)
      complain([...path, 'days', index], `'${days?.[index]}' is no day of the week`, `use one of: ${DAYS.join(', ')}`);
  });
  if (fromMinute === null || toMinute === null || numbers.includes(0)) return null;
  return { days: numbers as Weekday[], fromMinute, toMinute };
}

function minuteOf(text: string): number | null {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text.trim());
  const hour = Number(match?.[1]);
  const minute = Number(match?.[2]);
  return match === null || hour > 23 || minute > 59 ? null : hour * 60 + minute;
}

function parseTarget(
  text: string,
  path: readonly (string | number)[],
  {
    known,
    schedules,
    complain,
  }: { readonly known: Known; readonly schedules: readonly string[]; readonly complain: Complain },
): Target | null {
  const [kind = '', ...rest] = text.split(':');
  const name = rest.join(':');
  if (kind === 'schedule') {
    if (schedules.includes(name)) return { type: 'schedule', name };
    complain(path, `there is no schedule '${name}'`, `known here: ${schedules.join(', ') || 'none'}`);
    return null;
  }
  if (kind === 'channel') {
    if (known.channels.includes(name)) return { type: 'channel', name };
    complain(
      path,
      `there is no page channel '${name}'`,
      `known here: ${known.channels.join(', ') || 'none; add one under pages'}`,
    );
    return null;
  }
  const email = (kind === 'person' ? name : text).toLowerCase();
  if (known.isPerson(email)) return { type: 'person', email };
  complain(path, `'${text}' is no person, schedule or channel`, "write an address, 'schedule:NAME' or 'channel:NAME'");
  return null;
}
