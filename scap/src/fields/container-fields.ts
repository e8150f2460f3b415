/** Fields of the container that an event happened in: `container.*`, `k8s.*`. On the host most are empty, not absent. */
import type { Container } from '../state/containers.ts';
import type { FieldReader, FieldResult } from './fields.ts';
import type { Machine } from '../state/machine.ts';

const SHORT_ID = 12;

function containerOf(machine: Machine): Container | null {
  if (machine.announced !== null) return machine.announced;
  return machine.currentThread === null ? null : (machine.containers.get(machine.currentThread.containerId) ?? null);
}

const known =
  (read: (container: Container, argument: string | null) => FieldResult): FieldReader =>
  (machine, argument) => {
    const container = containerOf(machine);
    return container === null ? null : read(container, argument);
  };

const label = (name: string): FieldReader => known(({ labels }) => labels.get(name) ?? null);

/** Who tells about the pod: the container itself when it knows the network, else the one that holds the pod. */
function podOf(machine: Machine): Container | null {
  const container = containerOf(machine);
  if (container === null || container.cni !== '') return container;
  return machine.containers.get(container.podSandboxId.slice(0, SHORT_ID)) ?? null;
}

/** Parts of paths are patterns; what cannot be one is plain text. */
const PATTERNS = new Map<string, RegExp | null>();
const MOST_PATTERNS = 256;

function matches(text: string, part: string): boolean {
  let pattern = PATTERNS.get(part);
  if (pattern === undefined) {
    pattern = patternOf(part);
    if (PATTERNS.size >= MOST_PATTERNS) PATTERNS.clear();
    PATTERNS.set(part, pattern);
  }
  return pattern === null ? text.includes(part) : pattern.test(text);
}

function patternOf(part: string): RegExp | null {
  // Groups that repeat could take for ever; paths need none.
  if (/[(){}]/.test(part)) return null;
  try {
    return new RegExp(part, 'm');
  } catch {
    return null;
  }
}

function mountOf({ mounts }: Container, argument: string | null, by: 'source' | 'destination') {
  if (argument === null) return undefined;
  if (/^\d+$/.test(argument)) return mounts[Number(argument)];
  return mounts.find((mount) => matches(mount[by], argument));
}

function labelsText(labels: ReadonlyMap<string, string>): string {
  return [...labels]
    .filter(([name]) => !name.startsWith('annotation.') && !name.startsWith('io.kubernetes.'))
    .map(([name, value]) => (value === '' ? name : `${name}:${value}`))
    .join(', ');
}

export const CONTAINER_FIELDS: Readonly<Record<string, FieldReader>> = {
  'container.id': (machine) => containerOf(machine)?.id ?? machine.currentThread?.containerId ?? null,
  'container.full_id': known(({ fullId }) => fullId),
  'container.name': known(({ name }) => name),
  'container.image': known(({ image }) => image),
  'container.image.id': known(({ imageId }) => imageId),
  'container.type': known(({ type }) => type),
  'container.privileged': known(({ isPrivileged }) => isPrivileged),
  'container.mounts': known(({ mounts }) =>
    mounts.map((one) => [one.source, one.destination, one.mode, one.isWritable, one.propagation].join(':')).join(','),
  ),
  'container.mount': known((container, argument) => {
    const one = mountOf(container, argument, 'source');
    return one === undefined
      ? null
      : [one.source, one.destination, one.mode, one.isWritable, one.propagation].join(':');
  }),
  'container.mount.source': known((one, argument) => mountOf(one, argument, 'destination')?.source ?? null),
  'container.mount.dest': known((one, argument) => mountOf(one, argument, 'source')?.destination ?? null),
  'container.mount.mode': known((one, argument) => mountOf(one, argument, 'source')?.mode ?? null),
  'container.mount.rdwr': known((one, argument) => {
    const mount = mountOf(one, argument, 'source');
    return mount === undefined ? null : String(mount.isWritable);
  }),
  'container.mount.propagation': known((one, argument) => mountOf(one, argument, 'source')?.propagation ?? null),
  'container.image.repository': known(({ imageRepository }) => imageRepository),
  'container.image.tag': known(({ imageTag }) => imageTag),
  'container.image.digest': known(({ imageDigest }) => imageDigest),
  'container.start_ts': ({ currentThread }) => currentThread?.pidNamespaceStartNs || null,
  'container.duration': ({ current, currentThread }) => {
    const start = currentThread?.pidNamespaceStartNs ?? 0n;
    return start === 0n ? null : current.timeNs - start;
  },
  'container.ip': known(({ ip }) => ip),
  'container.cni.json': known(({ cni }) => cni),
  'container.host_pid': known(({ hasHostPid }) => hasHostPid),
  'container.host_network': known(({ hasHostNetwork }) => hasHostNetwork),
  'container.host_ipc': known(({ hasHostIpc }) => hasHostIpc),
  'container.label': known(({ labels }, argument) => labels.get(argument ?? '') ?? null),
  'container.labels': known(({ labels }) => labelsText(labels)),
  'k8s.pod.name': label('io.kubernetes.pod.name'),
  'k8s.ns.name': label('io.kubernetes.pod.namespace'),
  'k8s.pod.id': label('io.kubernetes.pod.uid'),
  'k8s.pod.uid': label('io.kubernetes.pod.uid'),
  'k8s.pod.ip': (machine) => podOf(machine)?.ip ?? null,
  'k8s.pod.cni.json': (machine) => podOf(machine)?.cni ?? null,
  'k8s.pod.sandbox_id': known(({ podSandboxId }) => podSandboxId.slice(0, SHORT_ID)),
  'k8s.pod.full_sandbox_id': known(({ podSandboxId }) => podSandboxId),
  'k8s.pod.label': (machine, argument) =>
    podOf(machine)?.podLabels.get(argument ?? '') ?? containerOf(machine)?.podLabels.get(argument ?? '') ?? null,
  'k8s.pod.labels': (machine) => {
    const container = podOf(machine) ?? containerOf(machine);
    return container === null ? null : labelsText(container.podLabels);
  },
};
