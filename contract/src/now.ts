/** The Now page: what needs a person, and whether intake is alive. */
import { type Static, Type } from 'typebox';
import { CaseSummary } from './cases.ts';
import { HostHealth, ThisMachine } from './hosts.ts';

export const IntakeHealth = Type.Object({
  source: Type.String(),
  /** ISO 8601 of the newest event processed, null before the first. */
  lastEventAt: Type.Union([Type.String(), Type.Null()]),
  /** ISO 8601 of when we last processed anything of this source. */
  lastHeardAt: Type.Union([Type.String(), Type.Null()]),
  /** Batches accepted and not yet processed. */
  backlog: Type.Integer(),
  eventCount: Type.Integer(),
  malformedCount: Type.Integer(),
});
export type IntakeHealth = Static<typeof IntakeHealth>;

/** An account or cluster as intake hears it. */
export const AccountHealth = Type.Object({
  account: Type.String(),
  name: Type.String(),
  /** ISO 8601; null while nothing was heard of a configured account. */
  lastHeardAt: Type.Union([Type.String(), Type.Null()]),
  lastEventAt: Type.Union([Type.String(), Type.Null()]),
  /** What is wrong; each has a case of its own. */
  trouble: Type.Union([Type.Literal('silence'), Type.Literal('lag'), Type.Null()]),
});
export type AccountHealth = Static<typeof AccountHealth>;

/** A job that must tell us regularly that it lives. */
export const HeartbeatHealth = Type.Object({
  name: Type.String(),
  everySeconds: Type.Number(),
  lastBeatAt: Type.Union([Type.String(), Type.Null()]),
  /** Null while it is on time. */
  lateSince: Type.Union([Type.String(), Type.Null()]),
});
export type HeartbeatHealth = Static<typeof HeartbeatHealth>;

export const NowView = Type.Object({
  waiting: Type.Array(CaseSummary),
  paged: Type.Array(CaseSummary),
  intake: Type.Array(IntakeHealth),
  /** Those with trouble first, then the longest unheard. */
  accounts: Type.Array(AccountHealth),
  heartbeats: Type.Array(HeartbeatHealth),
  /** Those that are not watched first. */
  hosts: Type.Array(HostHealth),
  /** Null while it is watched. */
  thisMachine: Type.Union([ThisMachine, Type.Null()]),
  /** Findings per minute over the last hour, oldest first, 60 numbers. */
  findingsPerMinute: Type.Array(Type.Integer()),
  /** True until the first event was taken: the console shows its first-run doors. */
  firstRun: Type.Boolean(),
});
export type NowView = Static<typeof NowView>;

export const SampleView = Type.Object({
  id: Type.String(),
  eventCount: Type.Integer(),
});
export type SampleView = Static<typeof SampleView>;

export const SampleStarted = Type.Object({ eventCount: Type.Integer() });
export type SampleStarted = Static<typeof SampleStarted>;

export const JournalCheck = Type.Object({
  ok: Type.Boolean(),
  entries: Type.Integer(),
  head: Type.String(),
  faults: Type.Array(Type.Object({ sequence: Type.Integer(), fault: Type.String() })),
});
export type JournalCheck = Static<typeof JournalCheck>;

/** One message of `GET /api/live` (server-sent events, event name `case`). */
export const LiveCase = Type.Object({ id: Type.String(), version: Type.Integer(), state: Type.String() });
export type LiveCase = Static<typeof LiveCase>;
