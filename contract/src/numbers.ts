/** How fast questions are answered and pages acknowledged; docs/numbers.md has the formulas. Durations in seconds. */
import { type Static, Type } from 'typebox';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

/** Median first; the mean is there for those who must report one. */
export const Distribution = Type.Object({
  n: Type.Integer(),
  median: Nullable(Type.Number()),
  p90: Nullable(Type.Number()),
  mean: Nullable(Type.Number()),
});
export type Distribution = Static<typeof Distribution>;

export const Numbers = Type.Object({
  cases: Type.Integer(),
  /** T1 − T0: from the event to us. */
  detect: Distribution,
  /** T3 − T2: from the question to a proven or denying answer. */
  verify: Distribution,
  /** T5 − T4 over all pages; those nobody acknowledged count as "longer than they have waited". */
  acknowledge: Type.Object({ ...Distribution.properties, pages: Type.Integer(), never: Type.Integer() }),
  /** T6 − T0. */
  contain: Distribution,
  /** T7 − T0. */
  resolve: Distribution,
  /** (window − time with an open page) ÷ pages; null without pages. */
  betweenFailures: Nullable(Type.Number()),
  answers: Type.Object({
    confirmed: Type.Integer(),
    denied: Type.Integer(),
    expired: Type.Integer(),
    pagedAtOnce: Type.Integer(),
  }),
  /** Events whose clock is ahead of ours: counted as detected at once. */
  skewed: Type.Integer(),
});
export type Numbers = Static<typeof Numbers>;

export const NumbersBy = Type.Union([
  Type.Literal('all'),
  Type.Literal('team'),
  Type.Literal('account'),
  Type.Literal('rule'),
  Type.Literal('week'),
]);
export type NumbersBy = Static<typeof NumbersBy>;

export const NumbersView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  by: NumbersBy,
  drills: Type.Boolean(),
  groups: Type.Array(Type.Object({ name: Type.String(), numbers: Numbers })),
  /** More cases than are looked at lie in the window. */
  cut: Type.Boolean(),
});
export type NumbersView = Static<typeof NumbersView>;
