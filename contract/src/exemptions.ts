/** Exemptions: findings that are known and wanted, for a while. */
import { type Static, Type } from 'typebox';

const Part = Type.String({ minLength: 1, maxLength: 300 });

export const ExemptionParts = Type.Object({
  /** The rule's exact name. */
  rule: Part,
  /** The actor's id, a user's name, or `ROLE/SESSION`; `*` may stand at its beginning or end. */
  actor: Part,
  /** A resource's id; `*` may stand at its beginning or end. */
  resource: Part,
  /** The account's number or the cluster's name, exactly. */
  account: Part,
});
export type ExemptionParts = Static<typeof ExemptionParts>;

export const NewExemption = Type.Object({
  ...ExemptionParts.properties,
  reason: Type.String({ minLength: 3, maxLength: 1_000 }),
  /** ISO 8601, at most 90 days ahead. */
  expires: Type.String({ maxLength: 40 }),
  /** A fresh code of the maker's authenticator. */
  code: Type.String({ maxLength: 16 }),
});
export type NewExemption = Static<typeof NewExemption>;

/** What it would have hidden in the last 30 days. */
export const ExemptionPreview = Type.Object({
  findings: Type.Integer(),
  denied: Type.Integer(),
  paged: Type.Integer(),
  expired: Type.Integer(),
  confirmed: Type.Integer(),
  /** More findings than were looked at. */
  cut: Type.Boolean(),
  samples: Type.Array(
    Type.Object({ findingId: Type.String(), time: Type.String(), actor: Type.String(), action: Type.String() }),
  ),
});
export type ExemptionPreview = Static<typeof ExemptionPreview>;

export const ExemptionView = Type.Object({
  id: Type.String(),
  ...ExemptionParts.properties,
  reason: Type.String(),
  createdBy: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.String(),
  active: Type.Boolean(),
  hidden: Type.Integer(),
  lastHiddenAt: Type.Union([Type.String(), Type.Null()]),
});
export type ExemptionView = Static<typeof ExemptionView>;
