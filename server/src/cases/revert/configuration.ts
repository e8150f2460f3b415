/** The section `reverts` of the configuration. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { SecretReference } from '../../ground/secret.ts';

const Text = Type.String({ minLength: 1, maxLength: 2_048 });

export const RevertsSection = Type.Object(
  {
    mode: Type.Optional(Type.Union([Type.Literal('plan'), Type.Literal('approve'), Type.Literal('auto')])),
    role: Text,
    external_id: Type.Optional(SecretReference),
    break_glass: Type.Optional(Type.Array(Text, { maxItems: 1_000 })),
    most_per_account: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    endpoint: Type.Optional(Text),
  },
  { additionalProperties: false },
);

export interface RevertConfiguration {
  /** The most that may happen: only show the plan, wait for a second person, or act where the catalogue says so. */
  readonly mode: 'plan' | 'approve' | 'auto';
  /** The name of our role, the same in every account. */
  readonly role: string;
  readonly externalId: SecretReference | null;
  readonly breakGlass: readonly string[];
  readonly mostPerAccount: number;
  /** For emulators; then no role is assumed. */
  readonly endpoint: string | null;
}

const DEFAULT_MOST = 10;

export function buildReverts(section: Static<typeof RevertsSection> | undefined): {
  readonly reverts: RevertConfiguration | null;
  readonly problems: readonly ConfigProblem[];
} {
  if (section === undefined) return { reverts: null, problems: [] };
  const problems: ConfigProblem[] = [];
  if (!/^[\w+=,.@/-]+$/.test(section.role) || section.role.startsWith('arn:')) {
    const hint = "write the name that it has in every account: 'countersign-revert'";
    problems.push({ severity: 'error', path: ['reverts', 'role'], message: 'this is no name of a role', hint });
  }
  const reverts = {
    mode: section.mode ?? 'plan',
    role: section.role,
    externalId: section.external_id ?? null,
    breakGlass: section.break_glass ?? [],
    mostPerAccount: section.most_per_account ?? DEFAULT_MOST,
    endpoint: section.endpoint ?? null,
  } as const;
  return { reverts, problems };
}
