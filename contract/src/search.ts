/** What the console's search finds, and the cases that are like one. */
import { type Static, Type } from 'typebox';
import { CaseState, PageCause, PersonRef } from './cases.ts';
import { FindingView } from './findings.ts';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** A few of each kind, the newest cases first. */
export const SearchView = Type.Object({
  cases: Type.Array(
    Type.Object({
      id: Type.String(),
      state: CaseState,
      risk: Type.Integer(),
      headline: FindingView,
      openedAt: Type.String(),
    }),
  ),
  /** For responders. */
  people: Type.Array(PersonRef),
  rules: Type.Array(Type.String()),
  /** Of the cases that were found. */
  resources: Type.Array(Type.Object({ type: Type.String(), id: Type.String(), account: Nullable(Type.String()) })),
});
export type SearchView = Static<typeof SearchView>;

export const SimilarCase = Type.Object({
  id: Type.String(),
  state: CaseState,
  headline: FindingView,
  openedAt: Type.String(),
  cause: Nullable(PageCause),
  /** What it has in common with the case, the most telling first. */
  shared: Type.Array(
    Type.Union([Type.Literal('resource'), Type.Literal('actor'), Type.Literal('rule'), Type.Literal('account')]),
  ),
  answer: Nullable(
    Type.Object({
      answer: Type.Union([Type.Literal('yes'), Type.Literal('no')]),
      reason: Type.String(),
      by: PersonRef,
    }),
  ),
  /** Who ended it, and what they had found. */
  resolution: Nullable(Type.Object({ by: PersonRef, note: Type.String() })),
});
export type SimilarCase = Static<typeof SimilarCase>;

/** At most five. */
export const SimilarCases = Type.Object({ cases: Type.Array(SimilarCase) });
export type SimilarCases = Static<typeof SimilarCases>;
