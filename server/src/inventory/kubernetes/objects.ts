/**
 * What a cluster's objects say, read out of JSON that nobody promised anything about: names, owners, addresses, life, what was asked for.
 *
 * The surprise: a container that was started anew is another container. Its pod tells both, the one that runs and the one before, each with an
 * id and times of its own.
 */
import { at, isObject, list, member, textOrNull } from '../../sources/json-value.ts';
import type { KubernetesObject } from '../../vendors/kubernetes/cluster-reader.ts';
import { keptLabels } from '../workload.ts';
import { bytesOf, millisOf } from './quantity.ts';

/** What is watched, in the order in which it is listed: owners before what they own. */
export const WATCHED = [
  { kind: 'node', path: '/api/v1/nodes' },
  { kind: 'namespace', path: '/api/v1/namespaces' },
  { kind: 'cronjob', path: '/apis/batch/v1/cronjobs' },
  { kind: 'job', path: '/apis/batch/v1/jobs' },
  { kind: 'deployment', path: '/apis/apps/v1/deployments' },
  { kind: 'statefulset', path: '/apis/apps/v1/statefulsets' },
  { kind: 'daemonset', path: '/apis/apps/v1/daemonsets' },
  { kind: 'replicaset', path: '/apis/apps/v1/replicasets' },
  { kind: 'pod', path: '/api/v1/pods' },
  { kind: 'service', path: '/api/v1/services' },
  { kind: 'endpoints', path: '/apis/discovery.k8s.io/v1/endpointslices' },
] as const;
export type ObjectKind = (typeof WATCHED)[number]['kind'];

export interface OwnerRef {
  /** In lower case: `replicaset`. */
  readonly kind: string;
  readonly uid: string;
  readonly name: string;
}

export interface ContainerFacts {
  /** The runtime's whole id. */
  readonly id: string;
  readonly name: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

export interface PortFacts {
  /** Of a service that has one port only: often empty. */
  readonly name: string;
  readonly protocol: string;
  /** The service's own. */
  readonly port: number | null;
  /** A number, or the name that the pods give it. */
  readonly target: string;
}

export interface ObjectFacts {
  readonly kind: ObjectKind;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly createdMs: number;
  /** It has done what it was made for, though it is still kept: pods and jobs that are through. */
  readonly endedMs: number | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The one that steers it. */
  readonly owner: OwnerRef | null;
  readonly host: string;
  readonly addresses: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerFacts[];
  /** Of a service: what it takes and where that goes; of endpoints: where the port of that name goes. */
  readonly ports: readonly PortFacts[];
  /** Of endpoints: the service, and the pods behind it. */
  readonly service: string;
  readonly podUids: readonly string[];
}

const MOST_CONTAINERS = 200;
const MOST_ENDPOINTS = 1_000;

/** Null when it is no object of a cluster: without an id, a name or a time. */
export function readObject(kind: ObjectKind, object: KubernetesObject): ObjectFacts | null {
  const metadata = member(object, 'metadata');
  const uid = textAt(metadata, 'uid');
  const name = textAt(metadata, 'name');
  const createdMs = timeAt(metadata, 'creationTimestamp');
  if (uid === '' || name === '' || createdMs === null) return null;
  const told = member(metadata, 'labels');
  const labels = Object.entries(isObject(told) ? told : {});
  const common: ObjectFacts = {
    ...{ kind, uid, name, createdMs },
    namespace: textAt(metadata, 'namespace'),
    endedMs: null,
    labels: keptLabels(labels.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : []))),
    owner: ownerOf(metadata),
    host: '',
    addresses: [],
    facts: {},
    containers: [],
    ports: [],
    service: '',
    podUids: [],
  };
  return { ...common, ...READERS[kind](object, common) };
}

type Reader = (object: KubernetesObject, common: ObjectFacts) => Partial<ObjectFacts>;

const READERS: Readonly<Record<ObjectKind, Reader>> = {
  node: readNode,
  namespace: (object) => ({ facts: known({ phase: textAt(object, 'status', 'phase') }) }),
  cronjob: (object) => ({ facts: known({ schedule: textAt(object, 'spec', 'schedule') }) }),
  job: readJob,
  deployment: (object) => ({ facts: replicasOf(object, 'replicas') }),
  statefulset: (object) => ({ facts: replicasOf(object, 'replicas') }),
  daemonset: (object) => ({
    facts: known({
      replicas: numberAt(object, 'status', 'desiredNumberScheduled'),
      ready: numberAt(object, 'status', 'numberReady'),
    }),
  }),
  replicaset: (object) => ({ facts: replicasOf(object, 'replicas') }),
  pod: readPod,
  service: readService,
  endpoints: (object) => ({
    ports: list(member(object, 'ports')).map((one) => portFacts(one, member(one, 'port'))),
    service: textAt(object, 'metadata', 'labels', 'kubernetes.io/service-name'),
    podUids: list(member(object, 'endpoints'))
      .slice(0, MOST_ENDPOINTS)
      .flatMap((one) => (textAt(one, 'targetRef', 'kind') === 'Pod' ? [textAt(one, 'targetRef', 'uid')] : [])),
  }),
};

function readNode(object: KubernetesObject, { name }: ObjectFacts): Partial<ObjectFacts> {
  const info = at(object, 'status', 'nodeInfo');
  return {
    host: name,
    addresses: list(at(object, 'status', 'addresses'))
      .filter((one) => textAt(one, 'type').endsWith('IP'))
      .map((one) => textAt(one, 'address')),
    facts: known({
      kernel: textAt(info, 'kernelVersion'),
      os: textAt(info, 'osImage'),
      runtime: textAt(info, 'containerRuntimeVersion'),
      kubelet: textAt(info, 'kubeletVersion'),
      machineId: textAt(info, 'machineID'),
      providerId: textAt(object, 'spec', 'providerID'),
      cpuMillis: millisOf(at(object, 'status', 'allocatable', 'cpu')),
      memoryBytes: bytesOf(at(object, 'status', 'allocatable', 'memory')),
      ready: conditionOf(object, 'Ready'),
    }),
  };
}

function readJob(object: KubernetesObject): Partial<ObjectFacts> {
  const failed = list(at(object, 'status', 'conditions')).find(
    (one) => textAt(one, 'type') === 'Failed' && textAt(one, 'status') === 'True',
  );
  return {
    endedMs:
      timeAt(object, 'status', 'completionTime') ??
      (failed === undefined ? null : timeAt(failed, 'lastTransitionTime')),
    facts: known({
      succeeded: numberAt(object, 'status', 'succeeded'),
      failed: numberAt(object, 'status', 'failed'),
    }),
  };
}

function readService(object: KubernetesObject): Partial<ObjectFacts> {
  const ports = list(at(object, 'spec', 'ports')).map((one) =>
    portFacts(one, member(one, 'targetPort') ?? member(one, 'port')),
  );
  const clusterIps = list(at(object, 'spec', 'clusterIPs')).map((one) => textOrNull(one) ?? '');
  const outside = list(at(object, 'status', 'loadBalancer', 'ingress')).map((one) => textAt(one, 'ip'));
  return {
    addresses: [...clusterIps, ...outside].filter((one) => one !== '' && one !== 'None'),
    ports,
    facts: known({
      type: textAt(object, 'spec', 'type'),
      ports: ports.map(({ port, protocol }) => `${port}/${protocol}`).join(' '),
    }),
  };
}

function portFacts(one: unknown, target: unknown): PortFacts {
  return {
    name: textAt(one, 'name'),
    protocol: textAt(one, 'protocol').toLowerCase() || 'tcp',
    port: numberAt(one, 'port'),
    target: typeof target === 'number' ? String(target) : (textOrNull(target) ?? ''),
  };
}

function readPod(object: KubernetesObject): Partial<ObjectFacts> {
  const phase = textAt(object, 'status', 'phase');
  const containers = containersOf(object);
  const isThrough = phase === 'Succeeded' || phase === 'Failed';
  const ends = containers.flatMap(({ endedMs }) => endedMs ?? []);
  // A pod on the network of its node has the node's address, which is nobody's in particular.
  const isOnHost = at(object, 'spec', 'hostNetwork') === true;
  const ips = list(at(object, 'status', 'podIPs')).map((one) => textAt(one, 'ip'));
  return {
    host: textAt(object, 'spec', 'nodeName'),
    addresses: isOnHost ? [] : ips.filter((ip) => ip !== ''),
    endedMs: isThrough && ends.length > 0 ? Math.max(...ends) : null,
    facts: known({
      phase,
      reason: textAt(object, 'status', 'reason'),
      qosClass: textAt(object, 'status', 'qosClass'),
      serviceAccount: textAt(object, 'spec', 'serviceAccountName'),
      hostNetwork: isOnHost ? 'true' : '',
    }),
    containers,
  };
}

/** Those that run or ran, with what was asked for them. */
function containersOf(pod: KubernetesObject): readonly ContainerFacts[] {
  const specs = new Map<string, unknown>();
  for (const place of ['initContainers', 'containers', 'ephemeralContainers'])
    for (const spec of list(at(pod, 'spec', place))) specs.set(textAt(spec, 'name'), spec);
  const statuses = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'].flatMap((place) =>
    list(at(pod, 'status', place)),
  );
  const lives = statuses.slice(0, MOST_CONTAINERS).flatMap((status) => {
    const facts = containerFacts(specs.get(textAt(status, 'name')), status);
    return [livesOf(status, 'state', facts), livesOf(status, 'lastState', facts)].flat();
  });
  return [...new Map(lives.toReversed().map((one) => [one.id, one])).values()].toReversed();
}

function containerFacts(spec: unknown, status: unknown): Readonly<Record<string, string>> {
  const resource = (kind: string, name: string) => at(spec, 'resources', kind, name);
  return known({
    image: textAt(status, 'image') || textAt(spec, 'image'),
    imageId: textAt(status, 'imageID'),
    restarts: numberAt(status, 'restartCount'),
    cpuRequestMillis: millisOf(resource('requests', 'cpu')),
    cpuLimitMillis: millisOf(resource('limits', 'cpu')),
    memoryRequestBytes: bytesOf(resource('requests', 'memory')),
    memoryLimitBytes: bytesOf(resource('limits', 'memory')),
  });
}

function livesOf(status: unknown, place: string, facts: Readonly<Record<string, string>>): readonly ContainerFacts[] {
  const terminated = at(status, place, 'terminated');
  const isRunning = at(status, place, 'running') !== undefined;
  const told = textAt(terminated, 'containerID') || (isRunning ? textAt(status, 'containerID') : '');
  const id = told.replace(/^[a-z0-9.+-]+:\/\//, '');
  if (id === '') return [];
  const end = known({ exitCode: numberAt(terminated, 'exitCode'), reason: textAt(terminated, 'reason') });
  return [
    {
      id,
      name: textAt(status, 'name'),
      facts: { ...facts, ...end },
      startedMs: timeAt(status, place, 'running', 'startedAt') ?? timeAt(terminated, 'startedAt'),
      endedMs: timeAt(terminated, 'finishedAt'),
    },
  ];
}

function ownerOf(metadata: unknown): OwnerRef | null {
  const owners = list(member(metadata, 'ownerReferences'));
  const owner = owners.find((one) => member(one, 'controller') === true);
  const uid = textAt(owner, 'uid');
  return uid === '' ? null : { kind: textAt(owner, 'kind').toLowerCase(), uid, name: textAt(owner, 'name') };
}

function replicasOf(object: KubernetesObject, name: string): Readonly<Record<string, string>> {
  return known({ replicas: numberAt(object, 'spec', name), ready: numberAt(object, 'status', 'readyReplicas') });
}

function conditionOf(object: KubernetesObject, type: string): string {
  const found = list(at(object, 'status', 'conditions')).find((one) => textAt(one, 'type') === type);
  return textAt(found, 'status').toLowerCase();
}

/** Only what is known. */
function known(facts: Readonly<Record<string, string | number | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === '' || value === null ? [] : [[name, String(value)]])),
  );
}

const LONGEST_TEXT = 2_000;

function textAt(value: unknown, ...path: readonly string[]): string {
  return (textOrNull(at(value, ...path)) ?? '').slice(0, LONGEST_TEXT);
}

function numberAt(value: unknown, ...path: readonly string[]): number | null {
  const found = at(value, ...path);
  return typeof found === 'number' && Number.isFinite(found) ? found : null;
}

function timeAt(value: unknown, ...path: readonly string[]): number | null {
  const ms = Date.parse(textAt(value, ...path));
  return Number.isNaN(ms) ? null : ms;
}
