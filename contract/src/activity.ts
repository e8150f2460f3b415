/** The activity audit: what was done, on hosts and in containers, in clouds and clusters, as one stream. */
import { type Static, Type } from 'typebox';
import { HostGap } from './hosts.ts';

export const ActivityKind = Type.Union([
  Type.Literal('command'),
  Type.Literal('exit'),
  Type.Literal('file-written'),
  Type.Literal('file-read'),
  Type.Literal('file-removed'),
  Type.Literal('file-mode'),
  Type.Literal('connection'),
  Type.Literal('listen'),
  Type.Literal('login'),
  Type.Literal('privilege'),
  Type.Literal('module'),
  Type.Literal('signal'),
  Type.Literal('cloud-call'),
  Type.Literal('cluster-call'),
]);
export type ActivityKind = Static<typeof ActivityKind>;

export const ActivityField = Type.Union([
  Type.Literal('kind'),
  Type.Literal('host'),
  Type.Literal('container'),
  Type.Literal('application'),
  Type.Literal('name'),
  Type.Literal('exe'),
  Type.Literal('login_user'),
  Type.Literal('user'),
  Type.Literal('detail'),
  Type.Literal('result'),
  Type.Literal('pid'),
]);
export type ActivityField = Static<typeof ActivityField>;

export const ActivityRowView = Type.Object({
  /** To the nanosecond, as digits: it goes on from here. */
  timeNs: Type.String(),
  at: Type.String(),
  kind: ActivityKind,
  /** The account or cluster, for calls. */
  host: Type.String(),
  container: Type.String(),
  application: Type.String(),
  pid: Type.Integer(),
  name: Type.String(),
  exe: Type.String(),
  loginUser: Type.String(),
  user: Type.String(),
  detail: Type.String(),
  result: Type.String(),
  count: Type.Integer(),
  bytes: Type.Number(),
});
export type ActivityRowView = Static<typeof ActivityRowView>;

export const ActivityView = Type.Object({
  from: Type.String(),
  to: Type.String(),
  rows: Type.Array(ActivityRowView),
  /** Ask again with `before`; null: that was all. */
  next: Type.Union([Type.String(), Type.Null()]),
});
export type ActivityView = Static<typeof ActivityView>;

export const ActivityHistogram = Type.Object({
  from: Type.String(),
  to: Type.String(),
  stepMs: Type.Integer(),
  bars: Type.Array(Type.Object({ at: Type.String(), kind: ActivityKind, count: Type.Integer() })),
});
export type ActivityHistogram = Static<typeof ActivityHistogram>;

/** Where an empty stretch does not say that nothing was done. */
export const ActivityGaps = Type.Object({
  from: Type.String(),
  to: Type.String(),
  gaps: Type.Array(HostGap),
  /** There are more than are told. */
  cut: Type.Boolean(),
});
export type ActivityGaps = Static<typeof ActivityGaps>;

/** A search that somebody keeps under a name; whoever has its address may open it. */
export const SavedSearch = Type.Object({
  id: Type.String(),
  name: Type.String(),
  /** As it stands in the console's address, `with=user:root&q=curl&minutes=60`. */
  query: Type.String(),
  savedAt: Type.String(),
  /** Whoever asks may change it. */
  mine: Type.Boolean(),
});
export type SavedSearch = Static<typeof SavedSearch>;

export const SavedSearches = Type.Object({ searches: Type.Array(SavedSearch) });
export type SavedSearches = Static<typeof SavedSearches>;

/** Under a name that is taken it takes the place of that one, which keeps its address. */
export const NewSavedSearch = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 80, pattern: '\\S' }),
  query: Type.String({ maxLength: 8_000 }),
});
export type NewSavedSearch = Static<typeof NewSavedSearch>;

/** Rows that stay beyond their age, until an admin lets them go. */
export const ActivityHold = Type.Object({
  id: Type.String(),
  reason: Type.String(),
  /** As it stands in the console's address, with its times. */
  query: Type.String(),
  /** The id of a person. */
  placedBy: Type.String(),
  placedAt: Type.String(),
  state: Type.Union([
    Type.Literal('copying'),
    Type.Literal('kept'),
    Type.Literal('releasing'),
    Type.Literal('released'),
    Type.Literal('failed'),
  ]),
  /** Null until they are copied. */
  rows: Type.Union([Type.Integer(), Type.Null()]),
  problem: Type.Union([Type.String(), Type.Null()]),
});
export type ActivityHold = Static<typeof ActivityHold>;

export const ActivityHolds = Type.Object({ holds: Type.Array(ActivityHold) });
export type ActivityHolds = Static<typeof ActivityHolds>;

/** Of what the address asks for, as `GET /api/activity` does. */
export const NewActivityHold = Type.Object({
  reason: Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' }),
});
export type NewActivityHold = Static<typeof NewActivityHold>;

export const ActivityValues = Type.Object({
  field: ActivityField,
  values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
});
export type ActivityValues = Static<typeof ActivityValues>;

/** A process of the tree, and the ones that it started, in the order of a reader; `depth` tells the nesting. */
export const TreeRow = Type.Object({
  depth: Type.Integer(),
  pid: Type.Integer(),
  name: Type.String(),
  commandLine: Type.String(),
  container: Type.String(),
  user: Type.String(),
  startedAt: Type.String(),
  endedAt: Type.Union([Type.String(), Type.Null()]),
  alive: Type.Boolean(),
  before: Type.Array(Type.String()),
});
export type TreeRow = Static<typeof TreeRow>;

/** Who stands behind a process; null when nobody signed in for it, or it cannot be told who. */
export const ProcessSessionView = Type.Object({
  session: Type.Union([
    Type.Null(),
    Type.Object({
      how: Type.Union([Type.Literal('sign-in'), Type.Literal('cluster')]),
      who: Type.String(),
      at: Type.String(),
      from: Type.String(),
      detail: Type.String(),
      event: Type.Union([Type.Null(), Type.Object({ source: Type.String(), id: Type.String() })]),
    }),
  ]),
});
export type ProcessSessionView = Static<typeof ProcessSessionView>;

export const TreeView = Type.Object({
  host: Type.String(),
  at: Type.String(),
  rows: Type.Array(TreeRow),
  cut: Type.Boolean(),
});
export type TreeView = Static<typeof TreeView>;
