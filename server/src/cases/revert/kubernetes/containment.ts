/**
 * What a person does to a cluster to keep damage small: no more pods on a node, a pod cut off from the network, a pod taken away. Each is led
 * back by undoing, as far as there is a way back.
 */
import type { Caller } from '../../../vendors/aws/calls.ts';
import { type CatalogueEntry, objectOf, orNone, type ResourceRef, textOf, type TrailEvent } from '../catalogue.ts';
import { type Fields, type ResourceState, toJson } from '../state.ts';
import { call, CLUSTER, headerOf } from './objects.ts';

const NODE = { apiVersion: 'v1', kind: 'Node' } as const;
const POD = { apiVersion: 'v1', kind: 'Pod' } as const;
const NETWORK = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' } as const;
/** Pods with this label are in quarantine; its value names the pod, whose policy lets nothing in or out. */
const LABEL = 'countersign.dev/quarantine';
/** What the API server adds by itself, and does not take back. */
const SERVER_FIELDS = [
  'status',
  'creationTimestamp',
  'resourceVersion',
  'uid',
  'generation',
  'managedFields',
  'selfLink',
];

type Object_ = Readonly<Record<string, unknown>>;

const contained = { row: 0, class: 'C', mode: 'approve', proof: 'emulator' } as const;

/** `{ namespace, name }` of a wish of ours: nobody else makes events of the service `countersign`. */
function named(type: string, { request, account }: TrailEvent): readonly ResourceRef[] {
  const id = textOf(request, 'name');
  return id === null ? [] : [{ type, account, region: textOf(request, 'namespace') ?? CLUSTER, id }];
}

async function find(
  caller: Caller,
  kind: { apiVersion: string; kind: string },
  resource: ResourceRef,
): Promise<Object_ | null> {
  return orNone(caller.call(call('read', { object: headerOf(kind, resource) })), 'NotFound');
}

const cordon: CatalogueEntry = {
  ...contained,
  events: ['countersign:CordonNode'],
  resources: (event) => named('Kubernetes::Node', event),
  read: async (caller, resource) => {
    const node = await find(caller, NODE, resource);
    return node === null ? null : { unschedulable: objectOf(node, 'spec')['unschedulable'] === true };
  },
  before: (_event, current) => (current === null ? null : { unschedulable: true }),
  after: (_event, baseline) => (baseline === null ? null : { unschedulable: false }),
  lead: (_from, to, { resource }) =>
    to === null
      ? []
      : [
          call('replace', {
            object: { ...headerOf(NODE, resource), spec: { unschedulable: to['unschedulable'] ?? false } },
          }),
        ],
  complete: async (given, { caller, resource }) => {
    const node = await find(caller, NODE, resource);
    const wanted = objectOf(objectOf(given.input, 'object'), 'spec')['unschedulable'];
    return node === null
      ? given
      : { ...given, input: { object: { ...node, spec: { ...objectOf(node, 'spec'), unschedulable: wanted } } } };
  },
  remains: 'pods-run-on',
};

function policyName({ id }: ResourceRef): string {
  return `countersign-quarantine-${id}`.slice(0, 253);
}

function policyOf(resource: ResourceRef): Fields {
  const { apiVersion, kind } = NETWORK;
  return {
    ...{ apiVersion, kind, metadata: { name: policyName(resource), namespace: resource.region } },
    spec: { podSelector: { matchLabels: { [LABEL]: resource.id.slice(0, 63) } }, policyTypes: ['Ingress', 'Egress'] },
  };
}

const quarantine: CatalogueEntry = {
  ...contained,
  events: ['countersign:QuarantinePod'],
  resources: (event) => named('Kubernetes::Pod', event),
  read: async (caller, resource) => {
    const pod = await find(caller, POD, resource);
    if (pod === null) return null;
    const labels = objectOf(objectOf(pod, 'metadata'), 'labels');
    const policy = await orNone(caller.call(call('read', { object: policyOf(resource) })), 'NotFound');
    return { quarantined: labels[LABEL] === resource.id.slice(0, 63) && policy !== null };
  },
  before: (_event, current) => (current === null ? null : { quarantined: true }),
  after: (_event, baseline) => (baseline === null ? null : { quarantined: false }),
  lead: (_from, to, { resource }) => {
    if (to === null) return [];
    const label = to['quarantined'] === true ? resource.id.slice(0, 63) : null;
    const pod = call('replace', { object: { ...headerOf(POD, resource), label } });
    // The wall before what it is for; and away again only when nothing stands behind it.
    return label === null
      ? [pod, call('delete', { object: policyOf(resource) })]
      : [call('create', { object: policyOf(resource) }), pod];
  },
  complete: async (given, { caller, resource }) => {
    if (given.operation !== 'replace') return given;
    const pod = await find(caller, POD, resource);
    if (pod === null) return given;
    const metadata = objectOf(pod, 'metadata');
    const { [LABEL]: _old, ...others } = objectOf(metadata, 'labels');
    const label = objectOf(given.input, 'object')['label'];
    const labels = typeof label === 'string' ? { ...others, [LABEL]: label } : others;
    return { ...given, input: { object: { ...pod, metadata: { ...metadata, labels } } } };
  },
  fine: ['AlreadyExists', 'NotFound', 'Conflict'],
  remains: 'open-connections',
};

const remove: CatalogueEntry = {
  ...contained,
  events: ['countersign:DeletePod'],
  resources: (event) => named('Kubernetes::RunningPod', event),
  read: async (caller, resource) => {
    const pod = await find(caller, POD, resource);
    if (pod === null) return null;
    const metadata = objectOf(pod, 'metadata');
    const kept = Object.entries(metadata).filter(([name]) => !SERVER_FIELDS.includes(name));
    return {
      running: true,
      '(uid)': toJson(metadata['uid']),
      '(metadata)': toJson(Object.fromEntries(kept)),
      '(spec)': toJson(pod['spec']),
    };
  },
  before: () => null,
  // Exactly the pod that was looked at: one of the same name that came later has another uid, and another plan.
  after: (_event, _baseline, _resource, current) => current,
  lead: (from, to, { resource }) => {
    if (to === null)
      return from === null
        ? []
        : [call('delete', { object: headerOf(POD, resource), preconditions: { uid: from['(uid)'] ?? null } })];
    if (from !== null || isOwned(to)) return [];
    const { nodeName: _node, ...spec } = objectOf(to, '(spec)');
    return [call('create', { object: { ...POD, metadata: to['(metadata)'] ?? {}, spec } })];
  },
  fine: ['NotFound', 'AlreadyExists'],
  remains: 'pod-comes-back',
};

/** Whoever made it makes it again. */
function isOwned(state: ResourceState): boolean {
  const owners = objectOf(state ?? {}, '(metadata)')['ownerReferences'];
  return Array.isArray(owners) && owners.length > 0;
}

export const kubernetesContainments: readonly CatalogueEntry[] = [cordon, quarantine, remove];
