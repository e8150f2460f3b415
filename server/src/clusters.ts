/** Clusters of the configuration: opened, followed, and asked to which application a container belongs. Joins the watch with the inventory's store. */
import type { Clock } from './ground/clock.ts';
import { Failure, messageOf } from './ground/failure.ts';
import type { Log } from './ground/log.ts';
import type { Random } from './ground/random.ts';
import type { RollUpStores } from './host-roll-up.ts';
import type { CustomGroup } from './inventory/application.ts';
import type { ConfiguredCluster } from './inventory/configuration.ts';
import { Cluster } from './inventory/kubernetes/cluster.ts';
import { type ClusterHealth, ClusterWatch } from './inventory/kubernetes/watch.ts';
import type { WorkloadStore } from './inventory/store.ts';
import type { Bounds } from './inventory/telemetry/reading.ts';
import type { Sample } from './inventory/telemetry/sample.ts';
import { workloadName } from './inventory/telemetry/sizing.ts';
import { openCluster } from './vendors/kubernetes/cluster-reader.ts';

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

  /** @throws Failure `cluster-unreadable` when the way into one of them cannot be read. */
  constructor({ clusters, groups, ...common }: ClustersOptions) {
    const opened = clusters.map(({ name, access }) => {
      const cluster = new Cluster({ name, groups });
      return { cluster, watch: new ClusterWatch({ ...common, name, cluster, reader: open(name, access) }) };
    });
    this.#clusters = opened.map(({ cluster }) => cluster);
    this.#watches = opened.map(({ watch }) => watch);
  }

  health(): readonly ClusterHealth[] {
    return this.#watches.map((watch) => watch.health());
  }

  /** By its whole id; null when no cluster knows it. */
  applicationOf(containerId: string): string | null {
    for (const cluster of this.#clusters) {
      const place = cluster.placeOf(containerId);
      if (place !== null) return place.application;
    }
    return null;
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
