/**
 * Integrations: who may send us alerts, each with a key of its own.
 *
 * The surprise: a key is looked up by its digest, so that how long the look-up takes says nothing about the key.
 */
import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { SecretReference } from '../../ground/secret.ts';

const strict = { additionalProperties: false } as const;

export const IntegrationType = Type.Union([
  Type.Literal('events'),
  Type.Literal('alertmanager'),
  Type.Literal('falco'),
  Type.Literal('kubernetes_audit'),
]);

export const IntegrationsSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[\\w.-]+$' }),
      type: IntegrationType,
      key: SecretReference,
      account: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
      escalation: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    },
    strict,
  ),
  { maxItems: 500 },
);

export interface ConfiguredIntegration {
  readonly name: string;
  readonly type: Static<typeof IntegrationType>;
  readonly key: SecretReference;
  /** What its alerts are about, where they do not say: an account number or a cluster. */
  readonly account: string | null;
  readonly escalation: string | null;
}

export interface Integration extends ConfiguredIntegration {
  readonly keyHash: string;
}

export const SHORTEST_KEY = 16;
/** What PagerDuty's senders insist on. */
export const ROUTING_KEY_LENGTH = 32;

export function buildIntegrations(section: Static<typeof IntegrationsSection>): {
  readonly integrations: readonly ConfiguredIntegration[];
  readonly problems: readonly ConfigProblem[];
} {
  const problems = section.flatMap(({ name }, index): ConfigProblem[] =>
    section.findIndex((other) => other.name === name) === index
      ? []
      : [
          {
            severity: 'error',
            path: ['integrations', index, 'name'],
            message: `the name '${name}' is used twice`,
            hint: 'give each integration a name of its own: it is part of the address and of what alerts are known by',
          },
        ],
  );
  const integrations = section.map(({ name, type, key, account, escalation }) => {
    return { name, type, key, account: account ?? null, escalation: escalation ?? null };
  });
  return { integrations, problems };
}

export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
