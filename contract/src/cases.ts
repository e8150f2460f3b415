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
]);
export type PageCause = Static<typeof PageCause>;

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
});
export type CaseSummary = Static<typeof CaseSummary>;

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
  pages: Type.Array(
    Type.Object({
      channel: Type.String(),
      state: Type.Union([Type.Literal('pending'), Type.Literal('sent'), Type.Literal('failing')]),
      attempts: Type.Integer(),
      at: Nullable(Type.String()),
      /** The last failure, in English, without secrets. */
      failure: Nullable(Type.String()),
    }),
  ),
  timeline: Type.Array(TimelineEntry),
  /** What the signed-in person may do now. */
  actions: Type.Array(Type.Union([Type.Literal('acknowledge'), Type.Literal('resolve'), Type.Literal('answer')])),
});
export type CaseDetail = Static<typeof CaseDetail>;

export const CaseList = Type.Object({
  cases: Type.Array(CaseSummary),
  /** Opaque; pass as `?after=` for the next page. */
  next: Nullable(Type.String()),
  counts: Type.Record(Type.String(), Type.Integer()),
});
export type CaseList = Static<typeof CaseList>;
