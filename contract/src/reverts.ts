/** Reverts: what would be or was put back, and the proof of whoever lets it happen. */
import { type Static, Type } from 'typebox';

const RevertStateName = Type.Union([
  Type.Literal('planned'),
  Type.Literal('approved'),
  Type.Literal('running'),
  Type.Literal('reverted'),
  Type.Literal('already-done'),
  Type.Literal('conflict'),
  Type.Literal('failed'),
  Type.Literal('held'),
  Type.Literal('undoing'),
  Type.Literal('undone'),
]);

const RevertModeName = Type.Union([
  Type.Literal('plan'),
  Type.Literal('approve'),
  Type.Literal('auto'),
  Type.Literal('page'),
]);

export const RevertView = Type.Object({
  id: Type.String(),
  /** Of the catalogue. */
  row: Type.Integer(),
  state: RevertStateName,
  mode: RevertModeName,
  /** Of the plan: an approval names it. */
  digest: Type.String(),
  failure: Type.Union([Type.String(), Type.Null()]),
  resource: Type.String(),
  action: Type.String(),
  /** Field by field: as trusted, as the change made it, as it is put back. */
  lines: Type.Array(
    Type.Object({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown(), reverted: Type.Unknown() }),
  ),
  calls: Type.Array(Type.Object({ service: Type.String(), operation: Type.String(), input: Type.Unknown() })),
  /** What no revert can bring back, as a word of the word lists. */
  remains: Type.Union([Type.String(), Type.Null()]),
  /** Who vouches for what it is put back to; null: the change alone tells what was before. */
  trusted: Type.Union([
    Type.Object({
      trust: Type.Union([
        Type.Literal('enrolled'),
        Type.Literal('confirmed'),
        Type.Literal('infrastructure-as-code'),
        Type.Literal('config-history'),
      ]),
      because: Type.String(),
      since: Type.String(),
    }),
    Type.Null(),
  ]),
});
export type RevertView = Static<typeof RevertView>;

export const RevertList = Type.Object({ reverts: Type.Array(RevertView) });
export type RevertList = Static<typeof RevertList>;

export const RevertProof = Type.Object({
  /** Of the plan that was shown. */
  digest: Type.String({ maxLength: 64 }),
  /** A fresh code of the approver's authenticator. */
  code: Type.String({ maxLength: 16 }),
});
export type RevertProof = Static<typeof RevertProof>;

const Name = Type.String({ minLength: 1, maxLength: 253 });
const Path = Type.String({ minLength: 2, maxLength: 4_000 });
const strict = { additionalProperties: false } as const;
const OfCluster = <A extends string>(action: A) =>
  Type.Object({ action: Type.Literal(action), account: Name, namespace: Type.Optional(Name), name: Name }, strict);
/** The process that had this id at that moment; one that took the id over since is let be. */
const AtMoment = { pid: Type.Integer({ minimum: 2, maximum: 4_194_304 }), at: Type.String({ maxLength: 40 }) };

/**
 * What a person wants done to keep damage small; a second person lets it happen. `account` is the cluster, as its audit events name it, or the
 * host, as its agent does.
 */
export const Containment = Type.Union([
  OfCluster('CordonNode'),
  OfCluster('QuarantinePod'),
  OfCluster('DeletePod'),
  Type.Object({ action: Type.Literal('StopProcess'), account: Name, ...AtMoment }, strict),
  Type.Object({ action: Type.Literal('PauseContainer'), account: Name, ...AtMoment }, strict),
  Type.Object({ action: Type.Literal('PauseContainer'), account: Name, cgroup: Path }, strict),
  Type.Object({ action: Type.Literal('BlockPeer'), account: Name, address: Type.String({ maxLength: 45 }) }, strict),
]);
export type Containment = Static<typeof Containment>;

/** What can be contained of a case, as far as we reach; `about` fills the sentence of the word lists. */
export const ContainmentChoices = Type.Object({
  choices: Type.Array(Type.Object({ wish: Containment, about: Type.Record(Type.String(), Type.String()) })),
});
export type ContainmentChoices = Static<typeof ContainmentChoices>;
