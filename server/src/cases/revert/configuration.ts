/** The section `reverts` of the configuration. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import { SecretReference } from '../../ground/secret.ts';

const Text = Type.String({ minLength: 1, maxLength: 2_048 });

const Partition = Type.Union([Type.Literal('aws'), Type.Literal('aws-cn'), Type.Literal('aws-us-gov')]);
export type Partition = Static<typeof Partition>;

export const RevertsSection = Type.Object(
  {
    mode: Type.Optional(Type.Union([Type.Literal('plan'), Type.Literal('approve'), Type.Literal('auto')])),
    role: Text,
    external_id: Type.Optional(SecretReference),
    break_glass: Type.Optional(Type.Array(Text, { maxItems: 1_000 })),
    most_per_account: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    endpoint: Type.Optional(Text),
    read_role: Type.Optional(Text),
    regions: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: 100 })),
    reads_per_second: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100 })),
    drift: Type.Optional(Text),
    clusters: Type.Optional(
      Type.Record(Text, Type.Object({ kubeconfig: Text }, { additionalProperties: false }), { maxProperties: 1_000 }),
    ),
    approved_actors: Type.Optional(Type.Array(Text, { maxItems: 1_000 })),
    partitions: Type.Optional(Type.Record(Text, Partition, { maxProperties: 10_000 })),
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
  /** The name of the role that only reads, for enrolment and drift; the same as `role` where there is none. */
  readonly readRole: string;
  /** Where enrolment looks when it is not told; empty: wherever the account may be used. */
  readonly regions: readonly string[];
  readonly readsPerSecond: number;
  /** How often everything is compared with its baseline; null: never. */
  readonly driftMs: number | null;
  /** Clusters by the name that their audit events have as account → the path of a kubeconfig. */
  readonly clusters: ReadonlyMap<string, string>;
  /** Globs over ARNs and names of roles and users whose changes are trusted: infrastructure as code. */
  readonly approvedActors: readonly string[];
  /** Of accounts in China and of the government of the United States; all others are `aws`. */
  readonly partitions: ReadonlyMap<string, Partition>;
}

const DEFAULT_MOST = 10;
const DEFAULT_PACE = 5;
const DEFAULT_DRIFT = '24h';
const SHORTEST_DRIFT_MS = 60_000;
const SHORTEST_STEM = 3;

export function buildReverts(section: Static<typeof RevertsSection> | undefined): {
  readonly reverts: RevertConfiguration | null;
  readonly problems: readonly ConfigProblem[];
} {
  if (section === undefined) return { reverts: null, problems: [] };
  const problems: ConfigProblem[] = [];
  for (const name of ['role', 'read_role'] as const) {
    const role = section[name];
    if (role === undefined || (/^[\w+=,.@/-]+$/.test(role) && !role.startsWith('arn:'))) continue;
    const hint = "write the name that it has in every account: 'countersign-revert'";
    problems.push({ severity: 'error', path: ['reverts', name], message: 'this is no name of a role', hint });
  }
  const every = section.drift ?? DEFAULT_DRIFT;
  const driftMs = every === 'off' ? null : parseDurationMs(every);
  if (every !== 'off' && (driftMs === null || driftMs < SHORTEST_DRIFT_MS)) {
    const hint = "write it like '24h', a minute or more, or 'off'";
    problems.push({ severity: 'error', path: ['reverts', 'drift'], message: `'${every}' is no time`, hint });
  }
  for (const [index, pattern] of (section.approved_actors ?? []).entries()) {
    if (pattern.replaceAll(/[*?]/g, '').length >= SHORTEST_STEM) continue;
    const hint = 'name a role, or the beginning of its name';
    const path = ['reverts', 'approved_actors', index];
    problems.push({ severity: 'error', path, message: `'${pattern}' would trust nearly everybody`, hint });
  }
  const reverts = {
    mode: section.mode ?? 'plan',
    role: section.role,
    externalId: section.external_id ?? null,
    breakGlass: section.break_glass ?? [],
    mostPerAccount: section.most_per_account ?? DEFAULT_MOST,
    endpoint: section.endpoint ?? null,
    readRole: section.read_role ?? section.role,
    regions: section.regions ?? [],
    readsPerSecond: section.reads_per_second ?? DEFAULT_PACE,
    driftMs,
    clusters: new Map(Object.entries(section.clusters ?? {}).map(([name, { kubeconfig }]) => [name, kubeconfig])),
    approvedActors: section.approved_actors ?? [],
    partitions: new Map(Object.entries(section.partitions ?? {})),
  } as const;
  return { reverts, problems };
}
