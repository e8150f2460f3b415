/** A cluster that cannot be followed: what happens there is not seen, and somebody should know. */
import type { Trouble } from '../../sources/aws-live/watch.ts';
import type { ClusterHealth } from './watch.ts';

/** An API server that is renewed, a network that is away for a while. */
export const CLUSTER_PATIENCE_MS = 10 * 60_000;

export function troubleOfClusters(clusters: readonly ClusterHealth[], nowMs: number): readonly Trouble[] {
  return clusters.flatMap(({ name, problem, problemSinceMs }) => {
    if (problem === null || problemSinceMs === null || nowMs - problemSinceMs < CLUSTER_PATIENCE_MS) return [];
    const summary = `the cluster ${name} cannot be followed since ${new Date(problemSinceMs).toISOString()}: ${problem}`;
    return [{ key: `cluster:${name}`, summary, class: 'Cluster no longer followed', account: name }];
  });
}
