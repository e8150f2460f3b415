/**
 * Our two roles in each account of AWS, one that puts back and one that only reads, at a steady pace; and our way into each cluster. The server
 * and the command line share them.
 */
import type { ReadingOptions } from './cases/revert/baselines/readings.ts';
import { createPace, type Pace } from './cases/revert/baselines/pace.ts';
import type { Partition } from './cases/revert/configuration.ts';
import { kubernetesKinds } from './cases/revert/kubernetes/objects.ts';
import { CATALOGUE, KINDS } from './cases/revert/rows.ts';
import type { Configuration } from './configuration.ts';
import type { Clock } from './ground/clock.ts';
import type { Random } from './ground/random.ts';
import { type Environment, readSecret } from './ground/secret.ts';
import type { State } from './ground/state.ts';
import { type Caller, createCaller } from './vendors/aws/calls.ts';
import { createKubernetesCaller } from './vendors/kubernetes/calls.ts';

export type CallerOf = (account: string, region: string) => Caller | null;

export interface AwsRoles {
  readonly acting: CallerOf;
  readonly reading: CallerOf;
}

const ACTING_SESSION = 'countersign-revert';
const READING_SESSION = 'countersign-baseline';

/** Where IAM and what else is global answers in each partition. */
const HEARTS: Readonly<Record<Partition, string>> = {
  aws: 'us-east-1',
  'aws-cn': 'cn-north-1',
  'aws-us-gov': 'us-gov-west-1',
};

export function roleArnOf(of: {
  readonly partition: Partition;
  readonly account: string;
  readonly role: string;
}): string {
  return `arn:${of.partition}:iam::${of.account}:role/${of.role}`;
}

export async function openAwsRoles(configuration: Configuration, environment: Environment): Promise<AwsRoles> {
  const settings = configuration.reverts;
  if (settings === null) return { acting: () => null, reading: () => null };
  const externalId = settings.externalId === null ? null : await readSecret(settings.externalId, environment);
  const { endpoint, role, readRole } = settings;
  const as = (name: string, sessionName: string): CallerOf => {
    const callers = new Map<string, Caller>();
    return (account, region) => {
      const kubeconfig = settings.clusters.get(account);
      if (kubeconfig !== undefined) {
        const cluster = callers.get(account) ?? createKubernetesCaller({ kubeconfig });
        callers.set(account, cluster);
        return cluster;
      }
      if (!configuration.accounts.has(account)) return null;
      const key = `${account} ${region}`;
      const partition = settings.partitions.get(account) ?? 'aws';
      const roleArn = endpoint === null ? roleArnOf({ partition, account, role: name }) : null;
      const at = region === 'us-east-1' ? HEARTS[partition] : region;
      const made = callers.get(key) ?? createCaller({ region: at, roleArn, externalId, sessionName, endpoint });
      callers.set(key, made);
      return made;
    };
  };
  return { acting: as(role, ACTING_SESSION), reading: as(readRole, READING_SESSION) };
}

export interface ReadingParts {
  readonly configuration: Configuration;
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly aws: AwsRoles;
  readonly holder: string;
}

/** Each account has a pace of its own. */
export function readingOptions({ configuration, state, clock, random, aws, holder }: ReadingParts): ReadingOptions {
  const perSecond = configuration.reverts?.readsPerSecond ?? 1;
  const paces = new Map<string, Pace>();
  const callerOf: CallerOf = (account, region) => {
    const pace = paces.get(account) ?? createPace(clock, perSecond);
    paces.set(account, pace);
    const caller = aws.reading(account, region);
    return caller === null ? null : pace(caller);
  };
  return {
    state,
    clock,
    random,
    kinds: [...KINDS, ...kubernetesKinds],
    callerOf,
    urgentTypes: urgentTypes(),
    everyMs: configuration.reverts?.driftMs ?? null,
    holder,
  };
}

/** Types of which the catalogue puts something back at once; a type is known by how it is read. */
function urgentTypes(): ReadonlySet<string> {
  const urgent = CATALOGUE.filter((entry) => entry.mode === 'auto' || entry.urgent?.mode === 'auto');
  const reads = new Set(urgent.map((entry) => entry.read));
  return new Set(KINDS.filter((kind) => reads.has(kind.read)).map(({ type }) => type));
}

/** Where an account may be used, as AWS says. @throws CallFailure. */
export async function regionsOf(caller: Caller): Promise<readonly string[]> {
  const answer = await caller.call({ service: 'ec2', operation: 'DescribeRegions', input: {} });
  const regions = Array.isArray(answer['Regions']) ? (answer['Regions'] as { readonly RegionName?: unknown }[]) : [];
  return regions.flatMap(({ RegionName }) => (typeof RegionName === 'string' ? [RegionName] : [])).sort();
}

/** The namespaces of a cluster. @throws CallFailure. */
export async function namespacesOf(caller: Caller): Promise<readonly string[]> {
  const object = { apiVersion: 'v1', kind: 'Namespace' };
  const answer = await caller.call({ service: 'kubernetes', operation: 'list', input: { object } });
  const items = Array.isArray(answer['items']) ? (answer['items'] as { metadata?: { name?: unknown } }[]) : [];
  return items.flatMap(({ metadata }) => (typeof metadata?.name === 'string' ? [metadata.name] : [])).sort();
}
