/**
 * A case as the console sees it, in the list and on its own page.
 */
import { type Static, Type } from 'typebox';
import { FindingView, RiskReason } from './findings.ts';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** The states of `server/src/cases/case.ts`, and no others. */
export const CaseState = Type.Union([
  Type.Literal('asked'),
  Type.Literal('confirmed'),
  Type.Literal('paged'),
  Type.Literal('acknowledged'),
  Type.Literal('resolved'),
]);
export type CaseState = Static<typeof CaseState>;

/** Why a case was paged. */
export const PageCause = Type.Union([
  Type.Literal('policy'), // risk above the threshold: at once
  Type.Literal('denied'), // "not me"
  Type.Literal('expired'), // silence at the deadline
  Type.Literal('cannot-ask'), // nobody to ask, or the question could not be delivered
  Type.Literal('cannot-verify'), // the second factor failed too often or cannot be checked
  Type.Literal('acknowledgement-expired'), // acknowledged, then silence
  Type.Literal('revert-failed'), // what was done could not be put back
  Type.Literal('fraud'), // the person asked reported the second factor itself as forged
]);
export type PageCause = Static<typeof PageCause>;

/** How a yes is proven. A bypassed second factor is none of these. */
export const Factor = Type.Union([
  Type.Literal('totp'),
  Type.Literal('passkey'),
  Type.Literal('duo-push'),
  Type.Literal('duo-prompt'),
]);
export type Factor = Static<typeof Factor>;

export const Priority = Type.Union([
  Type.Literal('P1'),
  Type.Literal('P2'),
  Type.Literal('P3'),
  Type.Literal('P4'),
  Type.Literal('P5'),
]);
export type Priority = Static<typeof Priority>;

export const PersonRef = Type.Object({ id: Type.String(), name: Type.String() });

export const CaseSummary = Type.Object({
  id: Type.String(),
  state: CaseState,
  /** Grows by one with every change; live lists compare it. */
  version: Type.Integer(),
  risk: Type.Integer(),
  reasons: Type.Array(RiskReason),
  /** The case in one line: the newest and riskiest finding speaks for it. */
  headline: FindingView,
  findingCount: Type.Integer(),
  person: Nullable(PersonRef),
  pageCause: Nullable(PageCause),
  openedAt: Type.String(),
  updatedAt: Type.String(),
  /** While asked: when silence pages. While acknowledged: when silence pages again. */
  deadlineAt: Nullable(Type.String()),
  priority: Nullable(Priority),
  /** An exercise. */
  drill: Type.Boolean(),
  team: Nullable(Type.String()),
});
export type CaseSummary = Static<typeof CaseSummary>;

/** T0…T7, ISO 8601, null while it has not happened. docs/numbers.md has the formulas over them. */
export const CaseTimesView = Type.Object({
  event: Type.String(),
  received: Type.String(),
  asked: Nullable(Type.String()),
  answered: Nullable(Type.String()),
  paged: Nullable(Type.String()),
  acknowledged: Nullable(Type.String()),
  contained: Nullable(Type.String()),
  resolved: Nullable(Type.String()),
});
export type CaseTimesView = Static<typeof CaseTimesView>;

/** What a person may do with a case. */
export const CaseAction = Type.Union([
  Type.Literal('answer'),
  Type.Literal('acknowledge'),
  Type.Literal('unacknowledge'),
  Type.Literal('snooze'),
  Type.Literal('escalate'),
  Type.Literal('reassign'),
  Type.Literal('add-responders'),
  Type.Literal('merge'),
  Type.Literal('note'),
  Type.Literal('prioritise'),
  Type.Literal('resolve'),
  Type.Literal('reopen'),
]);
export type CaseAction = Static<typeof CaseAction>;

/** One journal entry of the case. `kind` is worded by the console with `parameters`. */
export const TimelineEntry = Type.Object({
  sequence: Type.Integer(),
  time: Type.String(),
  kind: Type.String(),
  actor: Nullable(PersonRef),
  parameters: Type.Record(Type.String(), Type.Unknown()),
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const CaseDetail = Type.Object({
  summary: CaseSummary,
  findings: Type.Array(FindingView),
  answer: Nullable(
    Type.Object({
      answer: Type.Union([Type.Literal('yes'), Type.Literal('no')]),
      reason: Type.String(),
      by: PersonRef,
      factor: Nullable(Type.String()),
      at: Type.String(),
    }),
  ),
  times: CaseTimesView,
  /** Who acknowledged, who was handed the case, who was called in besides. */
  acknowledgedBy: Nullable(PersonRef),
  assigned: Type.Array(PersonRef),
  responders: Type.Array(PersonRef),
  mergedInto: Nullable(Type.String()),
  escalation: Nullable(Type.String()),
  pages: Type.Array(
    Type.Object({
      channel: Type.String(),
      person: Nullable(PersonRef),
      number: Type.Integer(),
      /** `not-needed`: answered before it went out, given way to the next page of the same way, or the way was lost. */
      state: Type.Union([
        Type.Literal('pending'),
        Type.Literal('sent'),
        Type.Literal('failing'),
        Type.Literal('not-needed'),
      ]),
      attempts: Type.Integer(),
      at: Nullable(Type.String()),
      /** The last failure, in English, without secrets. */
      failure: Nullable(Type.String()),
    }),
  ),
  timeline: Type.Array(TimelineEntry),
  /** What the signed-in person may do now. */
  actions: Type.Array(CaseAction),
});
export type CaseDetail = Static<typeof CaseDetail>;

/** Whom a case can be handed to: a person, a team, whoever is on call, a ladder. */
export const HandOverTarget = Type.Object({
  /** For `targets` of `reassign` and `responders`. */
  key: Type.String(),
  group: Type.Union([
    Type.Literal('people'),
    Type.Literal('teams'),
    Type.Literal('schedules'),
    Type.Literal('escalations'),
  ]),
  name: Type.String(),
});
export type HandOverTarget = Static<typeof HandOverTarget>;

export const CaseList = Type.Object({
  cases: Type.Array(CaseSummary),
  /** Opaque; pass as `?after=` for the next page. */
  next: Nullable(Type.String()),
  counts: Type.Record(Type.String(), Type.Integer()),
});
export type CaseList = Static<typeof CaseList>;
