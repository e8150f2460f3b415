/** Clusters of the configuration: opened, followed, and asked to which application a container belongs. Joins the watch with the inventory's store. */
import type { ClusterWord } from './fleet/routes.ts';
import type { Clock } from './ground/clock.ts';
import { Failure, messageOf } from './ground/failure.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import type { RollUpStores } from './host-roll-up.ts';
import type { CustomGroup } from './inventory/application.ts';
import type { ConfiguredCluster } from './inventory/configuration.ts';
import { Cluster } from './inventory/kubernetes/cluster.ts';
import { troubleOfClusters } from './inventory/kubernetes/trouble.ts';
import { type ClusterHealth, ClusterWatch } from './inventory/kubernetes/watch.ts';
import type { WorkloadStore } from './inventory/store.ts';
import type { Bounds } from './inventory/telemetry/reading.ts';
import type { Sample } from './inventory/telemetry/sample.ts';
import { workloadName } from './inventory/telemetry/sizing.ts';
import type { Trouble } from './sources/aws-live/watch.ts';
import { AGENT_AUDIENCE } from './vendors/countersign/agent-calls.ts';
import { type ClusterConnection, openCluster } from './vendors/kubernetes/cluster-connection.ts';
import { createClusterReader } from './vendors/kubernetes/cluster-reader.ts';
import { reviewToken } from './vendors/kubernetes/token-review.ts';

export interface ClustersOptions {
  readonly clusters: readonly ConfiguredCluster[];
  readonly groups: readonly CustomGroup[];
  readonly workloads: WorkloadStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const MILLIS = 1_000;

export class Clusters {
  readonly #watches: readonly ClusterWatch[];
  readonly #clusters: readonly Cluster[];
  readonly #doors: ReadonlyMap<string, { readonly agents: string | null; readonly connection: ClusterConnection }>;

  /** @throws Failure `cluster-unreadable` when the way into one of them cannot be read. */
  constructor({ clusters, groups, ...common }: ClustersOptions) {
    const opened = clusters.map(({ name, access, agents }) => {
      const cluster = new Cluster({ name, groups });
      const connection = open(name, access);
      const reader = createClusterReader(connection);
      return { name, agents, connection, cluster, watch: new ClusterWatch({ ...common, name, cluster, reader }) };
    });
    this.#doors = new Map(opened.map(({ name, agents, connection }) => [name, { agents, connection }]));
    this.#clusters = opened.map(({ cluster }) => cluster);
    this.#watches = opened.map(({ watch }) => watch);
  }

  health(): readonly ClusterHealth[] {
    return this.#watches.map((watch) => watch.health());
  }

  troubles(nowMs: number): readonly Trouble[] {
    return troubleOfClusters(this.health(), nowMs);
  }

  /** By its whole id; null when no cluster knows it. */
  applicationOf(containerId: string): string | null {
    for (const cluster of this.#clusters) {
      const place = cluster.placeOf(containerId);
      if (place !== null) return place.application;
    }
    return null;
  }

  /** On which node the pod is whose token this is, if it may speak for its node. */
  async nodeOf(name: string, token: string): Promise<ClusterWord> {
    const door = this.#doors.get(name);
    if (door === undefined || door.agents === null)
      return { type: 'refused', reason: `no agents join from a cluster ${name}: add it under clusters, with agents` };
    const reviewed = await reviewToken(door.connection, { token, audience: AGENT_AUDIENCE });
    if (reviewed.type !== 'known') return reviewed;
    const { serviceAccount, node } = reviewed;
    if (serviceAccount !== door.agents)
      return { type: 'refused', reason: `${serviceAccount} is not the service account of agents, ${door.agents}` };
    if (node === null)
      return { type: 'refused', reason: 'the token names no node: it must be of a pod, and Kubernetes 1.30 or later' };
    return { type: 'node', node, serviceAccount };
  }

  /** What the containers of each workload were promised, one instance each. */
  promised(): ReadonlyMap<string, Bounds> {
    const found = new Map<string, Bounds>();
    for (const cluster of this.#clusters)
      for (const { application, name, facts } of cluster.places())
        found.set(workloadName({ application, part: name }), boundsOf(facts));
    return found;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.run(signal)));
  }
}

function boundsOf(facts: Readonly<Record<string, string>>): Bounds {
  const amount = (name: string, unit: number) => {
    const text = facts[name];
    return text === undefined ? null : Number(text) / unit;
  };
  return {
    cpuRequest: amount('cpuRequestMillis', MILLIS),
    cpuLimit: amount('cpuLimitMillis', MILLIS),
    memoryRequest: amount('memoryRequestBytes', 1),
    memoryLimit: amount('memoryLimitBytes', 1),
  };
}

/** Where hosts' roll-ups go, with the applications of containers as the clusters know them: a host only knows the name of a pod. */
export function withApplications(stores: RollUpStores, clusters: Pick<Clusters, 'applicationOf'>): RollUpStores {
  const of = <Row extends { readonly application: string }>(row: Row, container: string): Row => {
    const application = container === '' ? null : clusters.applicationOf(container);
    return application === null ? row : { ...row, application };
  };
  const known = <Row extends { readonly container: string; readonly application: string }>(row: Row): Row =>
    of(row, row.container);
  const sampled = (sample: Sample): Sample => of(sample, sample.kind === 'container' ? sample.id : sample.container);
  const { connections, activity, telemetry } = stores;
  return {
    ...stores,
    connections: { insertLines: (lines, token) => connections.insertLines(lines.map(known), token) },
    activity: { insert: (rows, token) => activity.insert(rows.map(known), token) },
    telemetry: { insertSamples: (samples, token) => telemetry.insertSamples(samples.map(sampled), token) },
  };
}

function open(name: string, access: ConfiguredCluster['access']) {
  try {
    return openCluster(access);
  } catch (error) {
    const message = `the cluster ${name} cannot be followed: ${messageOf(error)}`;
    throw new Failure(message, { code: 'cluster-unreadable', httpStatus: 500, retryable: false });
  }
}
