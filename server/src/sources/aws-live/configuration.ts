/** The `aws` section: which queues are read, and when silence, lag and backlog are too much. */
import { type Static, Type } from 'typebox';
import type { ConfigProblem } from '../../ground/config.ts';
import { parseDurationMs } from '../../ground/duration.ts';
import { SecretReference } from '../../ground/secret.ts';

const strict = { additionalProperties: false } as const;
const Text = Type.String({ minLength: 1, maxLength: 1_000 });

export const AwsSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 100, pattern: '^[\\w.-]+$' }),
      region: Text,
      queue: Text,
      role_arn: Type.Optional(Text),
      external_id: Type.Optional(SecretReference),
      endpoint: Type.Optional(Text),
    },
    strict,
  ),
  { maxItems: 100 },
);

export const WatchSection = Type.Object(
  {
    silence: Type.Optional(Text),
    lag: Type.Optional(Text),
    backlog: Type.Optional(Type.Integer({ minimum: 1 })),
    learn_connections: Type.Optional(Text),
  },
  strict,
);

export interface ConfiguredQueue {
  readonly name: string;
  readonly region: string;
  readonly queueUrl: string;
  readonly roleArn: string | null;
  readonly externalId: SecretReference | null;
  readonly endpoint: string | null;
}

/** When intake itself is a case. */
export interface WatchLimits {
  /** An account that was heard and then is not, for so long. */
  readonly silenceMs: number;
  /** The newest event of an account that still sends is older than this. */
  readonly lagMs: number;
  /** Batches that wait, or how long the oldest has. */
  readonly backlogBatches: number;
}

const DEFAULT_SILENCE = '1h';
const DEFAULT_LAG = '1h';
const DEFAULT_BACKLOG = 1_000;
const DEFAULT_LEARNING = '3d';
const NO_LEARNING = 'off';
const SHORTEST_MS = 1_000;

export function buildAws(section: Static<typeof AwsSection>): {
  readonly queues: readonly ConfiguredQueue[];
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const queues = section.map(({ name, region, queue, role_arn, external_id, endpoint }, index): ConfiguredQueue => {
    const complain = (part: string, message: string, hint: string) =>
      problems.push({ severity: 'error', path: ['aws', index, part], message, hint });
    if (!URL.canParse(queue))
      complain('queue', 'this is no address of a queue', 'copy its URL: https://sqs.eu-west-1.amazonaws.com/…');
    if (role_arn !== undefined && !/^arn:aws[\w-]*:iam::\d{12}:role\/.+$/.test(role_arn))
      complain('role_arn', 'this is no ARN of a role', 'arn:aws:iam::111122223333:role/countersign-reader');
    if (section.findIndex((other) => other.name === name) !== index)
      complain('name', `the name '${name}' is used twice`, 'give each queue a name of its own');
    return {
      name,
      region,
      queueUrl: queue,
      roleArn: role_arn ?? null,
      externalId: external_id ?? null,
      endpoint: endpoint ?? null,
    };
  });
  return { queues, problems };
}

export function buildWatch(section: Static<typeof WatchSection>): {
  readonly limits: WatchLimits;
  /** How long an application must be known before a connection it never had is a surprise; null: nobody is asked about any. */
  readonly learnConnectionsMs: number | null;
  readonly problems: readonly ConfigProblem[];
} {
  const problems: ConfigProblem[] = [];
  const duration = (part: 'silence' | 'lag' | 'learn_connections', otherwise: string) => {
    const given = section[part] ?? otherwise;
    const ms = parseDurationMs(given);
    if (ms === null || ms < SHORTEST_MS) {
      const message = `'${given}' is no time`;
      problems.push({ severity: 'error', path: ['watch', part], message, hint: "write it like '30m'" });
    }
    return ms ?? 0;
  };
  const silenceMs = duration('silence', DEFAULT_SILENCE);
  const lagMs = duration('lag', DEFAULT_LAG);
  const learnConnectionsMs =
    section.learn_connections === NO_LEARNING ? null : duration('learn_connections', DEFAULT_LEARNING);
  const backlogBatches = section.backlog ?? DEFAULT_BACKLOG;
  return { limits: { silenceMs, lagMs, backlogBatches }, learnConnectionsMs, problems };
}
