/**
 * What exists: hosts, containers, pods and everything else that runs or holds what runs, with the life of each, so that the past can be asked.
 *
 * The surprise: an id is one life. What comes back under an old name (a pod, a process number, a unit that was started anew) has another id,
 * and the same thing may be told by several tellers (its host's agent, the cluster), who each know a part of it.
 */

/** In the order in which people look for them. */
export const WORKLOAD_KINDS = [
  'host',
  'node',
  'namespace',
  'deployment',
  'statefulset',
  'daemonset',
  'replicaset',
  'job',
  'cronjob',
  'service',
  'pod',
  'container',
  'unit',
  'process',
  'account',
  'resource',
] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

export interface WorkloadRef {
  readonly kind: WorkloadKind;
  readonly id: string;
}

export interface Workload extends WorkloadRef {
  /** Who tells it: `agent HOST`, `cluster NAME`. Each teller has a row of its own. */
  readonly teller: string;
  readonly name: string;
  /** Empty where there is none: a host stands in no namespace. */
  readonly cluster: string;
  readonly namespace: string;
  readonly host: string;
  readonly application: string;
  /** What it belongs to: the pod of a container, the deployment of a pod. Null at the top. */
  readonly parent: WorkloadRef | null;
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** What else is known, by names of ours: `image`, `kernel`, `cpuRequestMillis`. */
  readonly facts: Readonly<Record<string, string>>;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Null: it was there when it was last seen. */
  readonly endedMs: number | null;
  /** When this was told; a later telling replaces an earlier one. */
  readonly toldMs: number;
}

/** What is there is told again so often, and counts as gone when nobody told it for so long. */
export const RETELL_MS = 5 * 60_000;
export const SILENT_MS = 3 * RETELL_MS;

export type LifeState = 'running' | 'ended' | 'silent';

/** At a moment: `silent` is what had no end that anybody saw, and of which nobody tells any more. */
export function lifeStateAt(
  { lastMs, endedMs, kind }: Pick<Workload, 'lastMs' | 'endedMs' | 'kind'>,
  atMs: number,
): LifeState {
  if (endedMs !== null && endedMs <= atMs) return 'ended';
  // Accounts and resources are known by what is done with them, which may be nothing for months.
  if (kind === 'account' || kind === 'resource') return 'running';
  return lastMs + SILENT_MS < atMs ? 'silent' : 'running';
}

const MOST_LABELS = 100;
const LONGEST_LABEL = 1_000;

/** Labels as they are kept: not more than anybody reads. */
export function keptLabels(labels: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  let count = 0;
  for (const [name, value] of labels) {
    if (count >= MOST_LABELS) break;
    kept[name.slice(0, LONGEST_LABEL)] = value.slice(0, LONGEST_LABEL);
    count += 1;
  }
  return kept;
}
