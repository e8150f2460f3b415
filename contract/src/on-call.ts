/** On call: schedules with their shifts and gaps, ladders, who would be paged now, and how each person is reached. */
import { type Static, Type } from 'typebox';
import { PersonRef } from './cases.ts';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const ShiftView = Type.Object({
  person: PersonRef,
  from: Type.String(),
  to: Type.String(),
  /** The layer, or `override`. */
  by: Type.String(),
});
export type ShiftView = Static<typeof ShiftView>;

export const GapView = Type.Object({ from: Type.String(), to: Type.String() });

export const ScheduleView = Type.Object({
  name: Type.String(),
  timeZone: Type.String(),
  now: Nullable(PersonRef),
  /** When the present shift ends; null in a gap. */
  until: Nullable(Type.String()),
  shifts: Type.Array(ShiftView),
  gaps: Type.Array(GapView),
  layers: Type.Array(Type.Object({ name: Type.String(), shifts: Type.Array(ShiftView) })),
  overrides: Type.Array(Type.Object({ id: Type.String(), person: PersonRef, from: Type.String(), to: Type.String() })),
});
export type ScheduleView = Static<typeof ScheduleView>;

export const NoticeView = Type.Object({
  channel: Type.String(),
  person: Nullable(PersonRef),
  afterSeconds: Type.Number(),
});
export type NoticeView = Static<typeof NoticeView>;

export const EscalationView = Type.Object({
  name: Type.String(),
  repeat: Type.Integer(),
  steps: Type.Array(
    Type.Object({
      /** As configured: `schedule:security`, `person:ann@example.com`, `channel:pagerduty-1`. */
      targets: Type.Array(Type.String()),
      waitSeconds: Type.Number(),
      roundRobin: Type.Boolean(),
      /** Whom it would reach now; empty: the step is passed at once. */
      now: Type.Array(NoticeView),
    }),
  ),
});
export type EscalationView = Static<typeof EscalationView>;

export const OnCallView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  schedules: Type.Array(ScheduleView),
  escalations: Type.Array(EscalationView),
  /** Who would be called first right now, and how. */
  first: Type.Array(NoticeView),
  warnings: Type.Array(
    Type.Object({
      code: Type.Union([
        Type.Literal('gap'), // nobody is on call in the schedule
        Type.Literal('uncovered'), // no step of the ladder reaches anybody
        Type.Literal('unreachable'), // on call, and nothing reaches them
        Type.Literal('unreachable-step'), // on a ladder, and nothing reaches them
        Type.Literal('unknown-person'),
      ]),
      /** Its name; of the ladder where the warning is about one. */
      schedule: Type.String(),
      person: Nullable(Type.String()),
      from: Nullable(Type.String()),
      to: Nullable(Type.String()),
    }),
  ),
  /** People who can stand in. */
  people: Type.Array(PersonRef),
});
export type OnCallView = Static<typeof OnCallView>;

export const NewOverride = Type.Object({
  schedule: Type.String({ minLength: 1, maxLength: 200 }),
  /** Id or e-mail address; left out: me. */
  person: Type.Optional(Type.String({ minLength: 1, maxLength: 254 })),
  from: Type.String({ maxLength: 40 }),
  to: Type.String({ maxLength: 40 }),
});
export type NewOverride = Static<typeof NewOverride>;

export const PersonalChannel = Type.Union([
  Type.Literal('slack'),
  Type.Literal('email'),
  Type.Literal('sms'),
  Type.Literal('voice'),
  Type.Literal('push'),
  Type.Literal('webhook'),
]);
export type PersonalChannel = Static<typeof PersonalChannel>;

const Rules = Type.Array(
  Type.Object({ channel: PersonalChannel, afterSeconds: Type.Integer({ minimum: 0, maximum: 86_400 }) }),
  { maxItems: 20 },
);

export const NotificationSettings = Type.Object({
  phone: Nullable(Type.String({ maxLength: 20 })),
  webhookUrl: Nullable(Type.String({ maxLength: 2_000 })),
  /** Null: every channel at once when it is urgent, Slack and e-mail when it is not. */
  rules: Nullable(Type.Object({ high: Rules, low: Rules })),
});
export type NotificationSettings = Static<typeof NotificationSettings>;

export const NotificationView = Type.Object({
  settings: NotificationSettings,
  /** What this server can send at all. */
  channels: Type.Array(PersonalChannel),
  /** How I would be reached now. */
  high: Rules,
  low: Rules,
  /** The key with which browsers subscribe to pushes; null where pushes are off. */
  pushKey: Nullable(Type.String()),
  /** SHA-256 (hex) of the address of each browser that is notified: a browser knows itself by it. */
  browsers: Type.Array(Type.String()),
  /** Shown once, when the address of the webhook was just set. */
  webhookSecret: Nullable(Type.String()),
});
export type NotificationView = Static<typeof NotificationView>;

/** What a browser says of itself when it is to be notified; the rest of its `PushSubscription.toJSON()` is left aside. */
export const PushStart = Type.Object({
  endpoint: Type.String({ maxLength: 2_000 }),
  keys: Type.Object({ p256dh: Type.String({ maxLength: 200 }), auth: Type.String({ maxLength: 100 }) }),
});
export type PushStart = Static<typeof PushStart>;

/** The address of the browser that is to be left alone; null: all of mine. */
export const PushEnd = Type.Object({ endpoint: Nullable(Type.String({ maxLength: 2_000 })) });
export type PushEnd = Static<typeof PushEnd>;
