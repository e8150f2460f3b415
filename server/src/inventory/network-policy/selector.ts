/**
 * The labels by which Kubernetes finds the pods of an application, and no others: what all of them have in common, without what is of one pod
 * or one roll-out alone.
 */
import type { KnownWorkload } from '../store.ts';

export type Pod = Pick<
  KnownWorkload,
  'id' | 'name' | 'cluster' | 'namespace' | 'application' | 'labels' | 'facts' | 'addresses'
>;

/** The pods of one application in one namespace. */
export interface Target {
  readonly cluster: string;
  readonly namespace: string;
  readonly application: string;
  readonly pods: readonly Pod[];
  /** Null when labels cannot tell them. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** Why not; empty when they can. */
  readonly problem: string;
}

const OF_ONE_POD: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
  'controller-uid',
  'job-name',
]);

/** By cluster, namespace and application. */
export function targetsOf(pods: readonly Pod[]): readonly Target[] {
  const byTarget = grouped(pods, targetKey);
  const byNamespace = grouped(pods, ({ cluster, namespace }) => `${cluster}\n${namespace}`);
  return [...byTarget.values()].flatMap((own): Target[] => {
    const [first] = own;
    if (first === undefined) return [];
    const { cluster, namespace, application } = first;
    const others = (byNamespace.get(`${cluster}\n${namespace}`) ?? []).filter((pod) => pod.application !== application);
    return [{ cluster, namespace, application, pods: own, ...labelsOf(own, others) }];
  });
}

export function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const known = groups.get(keyOf(item));
    if (known === undefined) groups.set(keyOf(item), [item]);
    else known.push(item);
  }
  return groups;
}

export function targetKey({ cluster, namespace, application }: Omit<Target, 'pods' | 'labels' | 'problem'>): string {
  return `${cluster}\n${namespace}\n${application}`;
}

function labelsOf(own: readonly Pod[], others: readonly Pod[]): Pick<Target, 'labels' | 'problem'> {
  const [first, ...rest] = own;
  const common = Object.entries(first?.labels ?? {})
    .filter(([name, value]) => !OF_ONE_POD.has(name) && rest.every(({ labels }) => labels[name] === value))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  if (common.length === 0) return { labels: null, problem: 'its pods have no label in common' };
  const taken = others.find(({ labels }) => common.every(([name, value]) => labels[name] === value));
  if (taken !== undefined)
    return { labels: null, problem: `its labels are also those of ${taken.application || taken.name}` };
  return { labels: Object.fromEntries(common), problem: '' };
}
