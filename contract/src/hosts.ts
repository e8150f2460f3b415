/** Hosts whose system calls are watched, and what is kept of them. */
import { type Static, Type } from 'typebox';

const IsoOrNull = Type.Union([Type.String(), Type.Null()]);

export const HostState = Type.Union([
  Type.Literal('starting'),
  Type.Literal('watching'),
  /** For a sensor that runs by itself to connect. */
  Type.Literal('waiting'),
  Type.Literal('not-allowed'),
  /** There is no sensor at its place. */
  Type.Literal('absent'),
  Type.Literal('failed'),
  Type.Literal('stopped'),
  /** It was watched when it was last heard, and it was not heard since. */
  Type.Literal('silent'),
]);
export type HostState = Static<typeof HostState>;

export const HostHealth = Type.Object({
  host: Type.String(),
  state: HostState,
  /** What the sensor or the system said; for people who know Linux. */
  problem: Type.Union([Type.String(), Type.Null()]),
  /** Of the state. */
  since: Type.String(),
  lastHeardAt: IsoOrNull,
  /** Of the agent that watches it; null: this server does itself. */
  agentVersion: Type.Union([Type.String(), Type.Null()]),
  eventsPerSecond: Type.Number(),
  /** Events since the sensor began, and how many it could not tell. */
  eventCount: Type.Integer(),
  lostCount: Type.Integer(),
  /** Of them those of the last hour, by class: `process`, `file`, `network`, `privilege`. */
  lostLastHour: Type.Array(Type.Object({ class: Type.String(), count: Type.Integer() })),
  /** How far back a capture can begin. */
  lookBackSeconds: Type.Integer(),
  containerCount: Type.Integer(),
});
export type HostHealth = Static<typeof HostHealth>;

/** This machine, for whoever has nothing connected yet. */
export const ThisMachine = Type.Object({
  host: Type.String(),
  /** Commands that let it be watched, one a line. */
  howToAllow: Type.String(),
});
export type ThisMachine = Static<typeof ThisMachine>;

export const CaptureView = Type.Object({
  id: Type.String(),
  host: Type.String(),
  rule: Type.String(),
  /** `arriving`: it lies with the host's agent, and is coming here. */
  state: Type.Union([
    Type.Literal('recording'),
    Type.Literal('arriving'),
    Type.Literal('kept'),
    Type.Literal('cut'),
    Type.Literal('removed'),
  ]),
  from: Type.String(),
  to: Type.String(),
  sizeBytes: Type.Integer(),
  sha256: Type.String(),
});
export type CaptureView = Static<typeof CaptureView>;

/** What a sensor could not tell. */
export const HostGap = Type.Object({
  host: Type.String(),
  class: Type.String(),
  lost: Type.Integer(),
  from: Type.String(),
  to: Type.String(),
});
export type HostGap = Static<typeof HostGap>;

/** What is kept of the hosts of a case, around its findings. */
export const HostEvidence = Type.Object({ captures: Type.Array(CaptureView), gaps: Type.Array(HostGap) });
export type HostEvidence = Static<typeof HostEvidence>;
