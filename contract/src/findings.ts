/**
 * A finding as the console sees it: one rule that matched one event, with its risk explained.
 */
import { type Static, Type } from 'typebox';

/** One reason for a risk: `code` is worded by the console, `points` may be negative, `parameters` fill the sentence. */
export const RiskReason = Type.Object({
  code: Type.Union([
    Type.Literal('rule'), // what the matched rule adds by itself
    Type.Literal('account'), // prod weighs more than sandbox
    Type.Literal('actor'), // root, an unknown person, a service acting for AWS
    Type.Literal('first-time'), // this actor has not done this before
    Type.Literal('hour'), // outside the actor's usual hours
    Type.Literal('failed'), // the call was refused: lower, never nothing
    Type.Literal('breadth'), // many techniques, regions or resources in one burst
  ]),
  points: Type.Integer(),
  parameters: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
});
export type RiskReason = Static<typeof RiskReason>;

export const ActorKind = Type.Union([
  Type.Literal('person'),
  Type.Literal('role'),
  Type.Literal('service'),
  Type.Literal('root'),
  Type.Literal('federated'),
  Type.Literal('service-account'),
  Type.Literal('anonymous'),
  Type.Literal('unknown'),
]);
export type ActorKind = Static<typeof ActorKind>;

export const FindingView = Type.Object({
  id: Type.String(),
  rule: Type.String(),
  priority: Type.String(),
  source: Type.String(),
  tags: Type.Array(Type.String()),
  /** ATT&CK technique ids, current version. */
  techniques: Type.Array(Type.String()),
  eventId: Type.String(),
  /** ISO 8601, UTC. */
  time: Type.String(),
  account: Type.Union([Type.Object({ id: Type.String(), name: Type.String(), label: Type.String() }), Type.Null()]),
  region: Type.Union([Type.String(), Type.Null()]),
  /** What was called: `AuthorizeSecurityGroupIngress`, `create pods`. */
  action: Type.String(),
  service: Type.String(),
  actor: Type.Object({
    kind: ActorKind,
    id: Type.String(),
    name: Type.String(),
    session: Type.Union([Type.String(), Type.Null()]),
  }),
  resources: Type.Array(Type.Object({ type: Type.String(), id: Type.String() })),
  sourceIp: Type.Union([Type.String(), Type.Null()]),
  userAgent: Type.Union([Type.String(), Type.Null()]),
  errorCode: Type.Union([Type.String(), Type.Null()]),
  output: Type.String(),
  outputFields: Type.Record(Type.String(), Type.Unknown()),
  /** 0–100. */
  risk: Type.Integer({ minimum: 0, maximum: 100 }),
  reasons: Type.Array(RiskReason),
  /** What the event says of the change: the request, and the state before and after where the event tells. */
  change: Type.Object({
    before: Type.Union([Type.Unknown(), Type.Null()]),
    after: Type.Union([Type.Unknown(), Type.Null()]),
    request: Type.Union([Type.Unknown(), Type.Null()]),
  }),
});
export type FindingView = Static<typeof FindingView>;
