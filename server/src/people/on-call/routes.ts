/** On call over HTTP; the shapes are in `contract/src/on-call.ts`. */
import {
  type EscalationView,
  NewOverride,
  NotificationSettings,
  type NotificationView,
  type NoticeView,
  type OnCallView,
  type PersonalChannel,
  type ScheduleView,
  type ShiftView,
} from '@countersign/contract';
import ical from 'ical-generator';
import { Type } from 'typebox';
import type { HttpServer } from '../../ground/http.ts';
import { httpFailures } from '../../ground/http-error.ts';
import type { Random } from '../../ground/random.ts';
import type { State } from '../../ground/state.ts';
import type { Directory } from '../person.ts';
import { type Guards, signedInOf } from '../sign-in/guard.ts';
import type { SecretBox } from '../sign-in/secret-box.ts';
import { digestOfBrowser, openBrowsers, registerBrowsers } from './browsers.ts';
import type { OnCallConfiguration } from './configuration.ts';
import { uncoveredOf, unreachableOf } from './coverage.ts';
import {
  type Escalation,
  LADDER_START,
  nextCall,
  type Notice,
  type OnCallSnapshot,
  type Target,
} from './escalation.ts';
import { isOutside } from './outside.ts';
import { gapsOf, type Override, type Schedule, type Shift, shiftsOf, type Span } from './schedule.ts';
import {
  addOverride,
  type Contact,
  endOverride,
  loadSnapshot,
  readContact,
  readContacts,
  readOverrides,
  type Rule,
  rulesOf,
  saveContact,
  type StoredOverride,
} from './store.ts';

export interface OnCallRoutesOptions {
  readonly state: State;
  readonly guards: Guards;
  readonly random: Random;
  readonly nowMs: () => number;
  readonly box: SecretBox;
  readonly onCall: OnCallConfiguration;
  /** The ladder that is climbed when nothing names another; null: the built-in one. */
  readonly defaultEscalation: Escalation;
  readonly directory: () => Promise<Directory>;
  readonly channels: readonly string[];
  readonly personal: readonly PersonalChannel[];
  readonly pushKey: string | null;
}

const DAY_MS = 86_400_000;
const LONGEST_VIEW_MS = 62 * DAY_MS;
const WARN_AHEAD_MS = 14 * DAY_MS;
const CALENDAR_MS = 90 * DAY_MS;
const LONGEST_OVERRIDE_MS = 92 * DAY_MS;
const MOST_WARNINGS = 100;
const SECRET_BYTES = 24;
const Range = Type.Object({
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
});
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const Name = Type.Object({ name: Type.String({ maxLength: 200 }) });
/** E.164. */
const PHONE = /^\+[1-9]\d{6,14}$/;

export function registerOnCallRoutes(server: HttpServer, options: OnCallRoutesOptions): void {
  registerReading(server, options);
  registerOverrides(server, options);
  registerNotifications(server, options);
}

function registerReading(server: HttpServer, options: OnCallRoutesOptions): void {
  const { guards, nowMs } = options;
  server.get('/api/on-call', { config: { access: guards.person }, schema: { querystring: Range } }, async (request) =>
    viewOnCall(options, rangeOf(request.query, nowMs())),
  );
  server.get(
    '/api/on-call/schedules/:name/calendar.ics',
    { config: { access: guards.calendar }, schema: { params: Name } },
    async (request, reply) => {
      const schedule = options.onCall.schedules.get(request.params.name);
      if (schedule === undefined) throw httpFailures.notFound();
      const directory = await options.directory();
      const overrides = await overridesOf(options, directory, schedule.name, nowMs() - DAY_MS);
      const range = { fromMs: nowMs() - DAY_MS, toMs: nowMs() + CALENDAR_MS };
      return reply.type('text/calendar; charset=utf-8').send(calendarOf(schedule, overrides, { range, directory }));
    },
  );
}

/** Names of people stand in it and nothing else: calendars are shared widely. */
function calendarOf(
  schedule: Schedule,
  overrides: readonly Override[],
  { range, directory }: { readonly range: Span; readonly directory: Directory },
): string {
  const calendar = ical({ name: `On call: ${schedule.name}`, prodId: '//countersign//on-call//EN' });
  for (const shift of shiftsOf(schedule, overrides, range)) {
    calendar.createEvent({
      id: `${schedule.name}-${shift.fromMs}@countersign`.replaceAll(' ', '-'),
      start: new Date(shift.fromMs),
      end: new Date(shift.toMs),
      summary: `${refOf(directory, shift.email).name}: on call (${schedule.name})`,
    });
  }
  return calendar.toString();
}

async function viewOnCall(options: OnCallRoutesOptions, range: Span): Promise<OnCallView> {
  const { onCall, nowMs, state } = options;
  const directory = await options.directory();
  const snapshot = await snapshotOf(options, directory);
  const overrides = await readOverrides(state.db, directory, Math.min(range.fromMs, nowMs()));
  const schedules = [...onCall.schedules.values()].map((schedule) => {
    const own = overrides.filter((override) => override.schedule === schedule.name);
    return viewSchedule(schedule, own, { range, directory, nowMs: nowMs() });
  });
  const escalations = [...onCall.escalations.values()];
  return {
    ...isoSpan(range),
    schedules,
    escalations: (escalations.length === 0 ? [options.defaultEscalation] : escalations).map((one) =>
      viewEscalation(one, snapshot),
    ),
    first: nextCall(options.defaultEscalation, LADDER_START, { turn: 0, urgency: 'high', snapshot }).notices.map(
      viewNotice,
    ),
    warnings: warningsOf(options, { directory, overrides, snapshot }).slice(0, MOST_WARNINGS),
    people: directory.people.map(({ id, name }) => ({ id, name })),
  };
}

function snapshotOf(options: OnCallRoutesOptions, directory: Directory): Promise<OnCallSnapshot> {
  const { onCall, channels, personal, nowMs, state } = options;
  return loadSnapshot(state.db, { onCall, directory, channels, personal, nowMs: nowMs() });
}

function viewSchedule(
  schedule: Schedule,
  overrides: readonly StoredOverride[],
  { range, directory, nowMs }: { readonly range: Span; readonly directory: Directory; readonly nowMs: number },
): ScheduleView {
  const [now] = shiftsOf(schedule, overrides, { fromMs: nowMs, toMs: nowMs + LONGEST_VIEW_MS });
  const current = now !== undefined && now.fromMs <= nowMs ? now : null;
  const view = (shift: Shift): ShiftView => ({
    person: refOf(directory, shift.email),
    by: shift.by,
    ...isoSpan(shift),
  });
  return {
    name: schedule.name,
    timeZone: schedule.timeZone,
    now: current === null ? null : refOf(directory, current.email),
    until: current === null ? null : iso(current.toMs),
    shifts: shiftsOf(schedule, overrides, range).map(view),
    gaps: gapsOf(schedule, overrides, range).map(isoSpan),
    layers: schedule.layers.map((layer) => ({
      name: layer.name,
      shifts: shiftsOf({ ...schedule, layers: [layer] }, [], range).map(view),
    })),
    overrides: overrides
      .filter(({ fromMs }) => fromMs < range.toMs)
      .map(({ id, email, fromMs, toMs }) => ({ id, person: refOf(directory, email), ...isoSpan({ fromMs, toMs }) })),
  };
}

function viewEscalation({ name, repeat, steps }: Escalation, snapshot: OnCallSnapshot): EscalationView {
  return {
    name,
    repeat,
    steps: steps.map((step) => {
      const alone = { name, repeat: Number.MAX_SAFE_INTEGER, acknowledgementMs: null, steps: [step] };
      const call = nextCall(alone, LADDER_START, { turn: 0, urgency: 'high', snapshot });
      return {
        targets: step.targets.map(textOf),
        waitSeconds: step.waitMs / 1_000,
        roundRobin: step.roundRobin,
        now: call.caughtAll ? [] : call.notices.map(viewNotice),
      };
    }),
  };
}

function textOf(target: Target): string {
  return target.type === 'person' ? `person:${target.email}` : `${target.type}:${target.name}`;
}

function viewNotice({ channel, personId, personName, afterMs }: Notice): NoticeView {
  const person = personId === null ? null : { id: personId, name: personName ?? personId };
  return { channel, person, afterSeconds: afterMs / 1_000 };
}

type Known = {
  readonly directory: Directory;
  readonly overrides: readonly StoredOverride[];
  readonly snapshot: OnCallSnapshot;
};

function warningsOf({ onCall, nowMs }: OnCallRoutesOptions, known: Known): OnCallView['warnings'] {
  const { overrides, snapshot } = known;
  const ahead = { fromMs: nowMs(), toMs: nowMs() + WARN_AHEAD_MS };
  const isReachable = (email: string) => {
    const person = snapshot.person(email);
    return person !== null && snapshot.rulesOf(person.id, 'high').length > 0;
  };
  const nameOf = (email: string) => snapshot.person(email)?.name ?? email;
  const nowhere = { from: null, to: null };
  const ladders = [...onCall.escalations.values()].flatMap((escalation) =>
    unreachableOf(escalation, isReachable).map((email) => {
      return { code: 'unreachable-step' as const, schedule: escalation.name, person: nameOf(email), ...nowhere };
    }),
  );
  const uncovered = uncoveredOf({ onCall, overrides, isReachable }, ahead).map(({ escalation, ...gap }) => {
    return { code: 'uncovered' as const, schedule: escalation, person: null, ...isoSpan(gap) };
  });
  const schedules = [...onCall.schedules.values()].flatMap((schedule) => warningsOfSchedule(schedule, ahead, known));
  return [...uncovered, ...ladders, ...schedules];
}

function warningsOfSchedule(schedule: Schedule, ahead: Span, { overrides, snapshot }: Known): OnCallView['warnings'] {
  const own = overrides.filter((override) => override.schedule === schedule.name);
  const gaps = gapsOf(schedule, own, ahead).map((gap) => {
    return { code: 'gap' as const, schedule: schedule.name, person: null, ...isoSpan(gap) };
  });
  const emails = new Set(shiftsOf(schedule, own, ahead).map(({ email }) => email));
  const people = [...emails].flatMap((email): OnCallView['warnings'] => {
    const person = snapshot.person(email);
    const nowhere = { schedule: schedule.name, from: null, to: null };
    if (person === null) return [{ code: 'unknown-person', person: email, ...nowhere }];
    if (snapshot.rulesOf(person.id, 'high').length > 0) return [];
    return [{ code: 'unreachable', person: person.name, ...nowhere }];
  });
  return [...people, ...gaps];
}

function registerOverrides(server: HttpServer, options: OnCallRoutesOptions): void {
  const { guards, state, nowMs, random } = options;
  server.post(
    '/api/on-call/overrides',
    { config: { access: guards.person }, schema: { body: NewOverride } },
    async (request) => {
      const { schedule, person: named } = request.body;
      const me = signedInOf(request).person;
      const directory = await options.directory();
      const wanted = named?.toLowerCase();
      const person = directory.people.find(({ id, email }) => id === (named ?? me.id) || email === wanted);
      if (!options.onCall.schedules.has(schedule))
        throw httpFailures.invalidInput('schedule', `there is no schedule '${schedule}'`);
      if (person === undefined) throw httpFailures.invalidInput('person', 'nobody has this id or address');
      // Everybody may take over; putting somebody else on duty is for those who answer pages.
      if (person.id !== me.id && me.role === 'member') throw httpFailures.forbidden();
      const span = spanOf(request.body.from, request.body.to);
      if (span.toMs - span.fromMs > LONGEST_OVERRIDE_MS)
        throw httpFailures.invalidInput('to', 'at most 92 days after from');
      const id = random.id(nowMs());
      const override = { id, schedule, personId: person.id, ...span };
      await state.transaction((trx) => addOverride(trx, override, { by: me.id, nowMs: nowMs() }));
      return { id, person: { id: person.id, name: person.name }, ...isoSpan(span) };
    },
  );
  server.delete(
    '/api/on-call/overrides/:id',
    { config: { access: guards.person }, schema: { params: Id } },
    async (request) => {
      const me = signedInOf(request).person;
      const mine = (await readOverrides(state.db, await options.directory(), nowMs())).find(
        ({ id }) => id === request.params.id,
      );
      if (mine === undefined) throw httpFailures.notFound();
      if (mine.personId !== me.id && me.role === 'member') throw httpFailures.forbidden();
      await state.transaction((trx) => endOverride(trx, mine.id, { by: me.id, nowMs: nowMs() }));
      return { ended: true };
    },
  );
}

function registerNotifications(server: HttpServer, options: OnCallRoutesOptions): void {
  const { guards, state, nowMs } = options;
  // Whoever says where a page goes could make it go nowhere: no token can.
  const config = { access: guards.human('member') };
  server.get('/api/me/notifications', { config: { access: guards.person } }, async (request) =>
    viewNotifications(options, signedInOf(request).person.id, null),
  );
  server.put('/api/me/notifications', { config, schema: { body: NotificationSettings } }, async (request) => {
    const { id } = signedInOf(request).person;
    const secret = await state.transaction(async (trx) => {
      const before = await readContact(trx, id);
      const { contact, secret: fresh } = contactOf(id, request.body, before, options);
      await saveContact(trx, contact, nowMs());
      return fresh;
    });
    return viewNotifications(options, id, secret);
  });
  registerBrowsers(server, { ...options, view: (personId) => viewNotifications(options, personId, null) });
}

/** What a sealed webhook secret is bound to. */
export function webhookPurpose(personId: string): string {
  return `webhook:${personId}`;
}

function emptyContact(personId: string): Contact {
  return { personId, phone: null, webhookUrl: null, webhookSecretSealed: null, pushSealed: null, rules: null };
}

function contactOf(
  personId: string,
  { phone, webhookUrl, rules }: NotificationSettings,
  before: Contact | null,
  { box, random }: OnCallRoutesOptions,
): { readonly contact: Contact; readonly secret: string | null } {
  if (phone !== null && !PHONE.test(phone))
    throw httpFailures.invalidInput('phone', "write it with its country: '+4915112345678'");
  if (webhookUrl !== null && !isOutside(webhookUrl)) {
    throw httpFailures.invalidInput(
      'webhookUrl',
      'must be an https address outside: no bare addresses, no inner names',
    );
  }
  const kept = webhookUrl !== null && webhookUrl === before?.webhookUrl ? before.webhookSecretSealed : null;
  const secret = webhookUrl !== null && kept === null ? random.bytes(SECRET_BYTES).toString('base64url') : null;
  const toRules = (list: readonly { readonly channel: PersonalChannel; readonly afterSeconds: number }[]): Rule[] =>
    list.map(({ channel, afterSeconds }) => ({ channel, afterMs: afterSeconds * 1_000 }));
  const contact: Contact = {
    ...emptyContact(personId),
    ...before,
    phone,
    webhookUrl,
    webhookSecretSealed: secret === null ? kept : box.seal(secret, webhookPurpose(personId)),
    rules: rules === null ? null : { high: toRules(rules.high), low: toRules(rules.low) },
  };
  return { contact, secret };
}

async function viewNotifications(
  { state, directory, personal, pushKey, box }: OnCallRoutesOptions,
  personId: string,
  webhookSecret: string | null,
): Promise<NotificationView> {
  const contact = (await readContacts(state.db)).get(personId);
  const person = (await directory()).people.find(({ id }) => id === personId);
  const seconds = (rules: readonly Rule[]) =>
    rules.map(({ channel, afterMs }) => ({ channel, afterSeconds: afterMs / 1_000 }));
  const rules = contact?.rules ?? null;
  return {
    settings: {
      phone: contact?.phone ?? null,
      webhookUrl: contact?.webhookUrl ?? null,
      rules: rules === null ? null : { high: seconds(rules.high), low: seconds(rules.low) },
    },
    channels: [...personal],
    high: seconds(rulesOf(person, contact, { urgency: 'high', personal })),
    low: seconds(rulesOf(person, contact, { urgency: 'low', personal })),
    pushKey,
    browsers: openBrowsers(box, personId, contact?.pushSealed ?? null).map(digestOfBrowser),
    webhookSecret,
  };
}

async function overridesOf({ state }: OnCallRoutesOptions, directory: Directory, schedule: string, fromMs: number) {
  return (await readOverrides(state.db, directory, fromMs)).filter((override) => override.schedule === schedule);
}

function refOf({ people }: Directory, email: string): { id: string; name: string } {
  const person = people.find((one) => one.email === email);
  return person === undefined ? { id: '', name: email } : { id: person.id, name: person.name };
}

function rangeOf({ from, to }: { readonly from?: string; readonly to?: string }, nowMs: number): Span {
  const fromMs = from === undefined ? Math.floor(nowMs / DAY_MS) * DAY_MS : Date.parse(from);
  const toMs = to === undefined ? fromMs + WARN_AHEAD_MS : Date.parse(to);
  const span = spanOf(Number.isNaN(fromMs) ? '' : iso(fromMs), Number.isNaN(toMs) ? '' : iso(toMs));
  if (span.toMs - span.fromMs > LONGEST_VIEW_MS) throw httpFailures.invalidInput('to', 'at most 62 days after from');
  return span;
}

function spanOf(from: string, to: string): Span {
  const fromMs = Date.parse(from);
  const toMs = Date.parse(to);
  if (Number.isNaN(fromMs) || Number.isNaN(toMs))
    throw httpFailures.invalidInput('from, to', 'no times: write ISO 8601');
  if (toMs <= fromMs) throw httpFailures.invalidInput('to', 'must be after from');
  return { fromMs, toMs };
}

function isoSpan({ fromMs, toMs }: Span): { from: string; to: string } {
  return { from: iso(fromMs), to: iso(toMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
