/** What became of our own outgoing webhooks: the log that a person reads. */
import { type Static, Type } from 'typebox';

const Nullable = Type.Union([Type.String(), Type.Null()]);

export const WebhookDelivery = Type.Object({
  /** The name in the configuration. */
  webhook: Type.String(),
  /** Sent along as `X-Countersign-Id`; the same for every try. */
  id: Type.String(),
  caseId: Nullable,
  /** Kinds of the journal entries that it tells. */
  kinds: Type.Array(Type.String()),
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('delivered'),
    Type.Literal('failing'), // tried again
    Type.Literal('given-up'), // after about a day
  ]),
  attempts: Type.Integer(),
  /** Why the last try failed. */
  failure: Nullable,
  createdAt: Type.String(),
  finishedAt: Nullable,
  /** When it is tried again; null when it is over. */
  nextAt: Nullable,
});
export type WebhookDelivery = Static<typeof WebhookDelivery>;

export const WebhookDeliveries = Type.Object({
  /** Those of the configuration. */
  webhooks: Type.Array(Type.String()),
  /** Newest first. */
  deliveries: Type.Array(WebhookDelivery),
});
export type WebhookDeliveries = Static<typeof WebhookDeliveries>;
