/**
 * Objects of a cluster that are put back: who may do what (roles and their bindings), and what workloads run.
 *
 * The surprise: an audit event holds the new object and never the old one, except where one is deleted. Whatever was updated needs
 * a baseline; what was created is deleted again.
 */
import type { Call, Caller } from '../../../vendors/aws/calls.ts';
import {
  type CallPlace,
  type CatalogueEntry,
  objectOf,
  orNone,
  type ResourceKind,
  type ResourceRef,
  textOf,
  type TrailEvent,
} from '../catalogue.ts';
import { changedFields, type Fields, type Json, type ResourceState, toJson } from '../state.ts';
import { CallFailure } from '../../../vendors/aws/calls.ts';

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  /** As audit events call it. */
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Paths of what is kept and compared. */
  readonly fields: readonly string[];
  /** A change of these needs a new object. */
  readonly fixed: readonly string[];
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const BINDING = { apiVersion: RBAC, fields: ['subjects', 'roleRef'], fixed: ['roleRef'] } as const;
const ROLE = { apiVersion: RBAC, fields: ['rules', 'aggregationRule'], fixed: [] } as const;
const WORKLOAD = {
  apiVersion: 'apps/v1',
  fields: ['spec.template', 'spec.replicas', 'spec.selector'],
  fixed: ['spec.selector'],
} as const;

const OBJECTS: readonly Kind[] = [
  { ...BINDING, kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', isNamespaced: false },
  { ...BINDING, kind: 'RoleBinding', plural: 'rolebindings', isNamespaced: true },
  { ...ROLE, kind: 'ClusterRole', plural: 'clusterroles', isNamespaced: false },
  { ...ROLE, kind: 'Role', plural: 'roles', isNamespaced: true },
  { ...WORKLOAD, kind: 'Deployment', plural: 'deployments', isNamespaced: true },
  { ...WORKLOAD, kind: 'StatefulSet', plural: 'statefulsets', isNamespaced: true },
  { ...WORKLOAD, kind: 'DaemonSet', plural: 'daemonsets', isNamespaced: true },
];

/** `region` of what belongs to no namespace. */
export const CLUSTER = 'cluster';

type Object_ = Readonly<Record<string, unknown>>;

export function call(operation: string, input: Call['input']): Call {
  return { service: 'kubernetes', operation, input };
}

export function headerOf({ apiVersion, kind }: Pick<Kind, 'apiVersion' | 'kind'>, { region, id }: ResourceRef): Fields {
  return { apiVersion, kind, metadata: { name: id, ...(region === CLUSTER ? {} : { namespace: region }) } };
}

function at(object: Object_, path: string): Json {
  let value: unknown = object;
  for (const part of path.split('.')) value = objectOf({ value }, 'value')[part];
  return toJson(value);
}

function stateOf({ fields }: Kind, object: Object_): Fields {
  const kept = fields.map((path) => [path, at(object, path)] as const).filter(([, value]) => value !== null);
  const labels = toJson(objectOf(object, 'metadata')['labels'] ?? null);
  return { ...Object.fromEntries(kept), '(labels)': labels };
}

function put(object: Object_, state: Fields): Object_ {
  let whole: Record<string, unknown> = { ...object };
  for (const [path, value] of Object.entries(state)) {
    if (path.startsWith('(')) continue;
    const [first = '', second] = path.split('.');
    whole =
      second === undefined
        ? { ...whole, [first]: value }
        : { ...whole, [first]: { ...objectOf(whole, first), [second]: value } };
  }
  return whole;
}

async function readObject(
  caller: Caller,
  kind: Pick<Kind, 'apiVersion' | 'kind'>,
  resource: ResourceRef,
): Promise<Object_ | null> {
  return orNone(caller.call(call('read', { object: headerOf(kind, resource) })), 'NotFound');
}

/** What an audit event of an object names: its namespace stands for the region, its cluster for the account. */
function resourceOf(kind: Kind, { request, account }: TrailEvent): readonly ResourceRef[] {
  const reference = objectOf(request, 'objectRef');
  const made = objectOf(objectOf(request, 'responseObject'), 'metadata');
  const id = textOf(reference, 'name') ?? textOf(made, 'name');
  const region = kind.isNamespaced ? (textOf(reference, 'namespace') ?? null) : CLUSTER;
  return id === null || region === null ? [] : [{ type: `Kubernetes::${kind.kind}`, account, region, id }];
}

/** The object that the event left or took away; null when the event holds none. */
function objectIn(kind: Kind, { request }: TrailEvent): Object_ | null {
  const object = objectOf(request, 'responseObject');
  return textOf(object, 'kind') === kind.kind ? object : null;
}

function lead(kind: Kind, from: ResourceState, to: ResourceState, resource: ResourceRef): readonly Call[] {
  const header = headerOf(kind, resource);
  const labels = to?.['(labels)'] ?? null;
  const whole = (state: Fields) => ({
    ...put(header, state),
    metadata: { ...objectOf(header, 'metadata'), ...(labels === null ? {} : { labels }) },
  });
  if (to === null) return from === null ? [] : [call('delete', { object: header })];
  if (from === null) return [call('create', { object: whole(to) })];
  const changed = changedFields(from, to);
  if (kind.fixed.some((field) => changed.includes(field)))
    return [call('delete', { object: header }), call('create', { object: whole(to) })];
  const wanted = Object.fromEntries(changed.map((field) => [field, to[field] ?? null]));
  return changed.length === 0 ? [] : [call('replace', { object: put(header, wanted) })];
}

/** The version that is there now, as long as what is there is still what was looked at. */
async function complete(kind: Kind, given: Call, { caller, resource, from }: CallPlace): Promise<Call> {
  if (given.operation === 'create') return given;
  const now = await readObject(caller, kind, resource);
  if (now === null || changedFields(from, stateOf(kind, now)).length > 0)
    throw new CallFailure('Conflict', 'it was changed again between looking and doing', false);
  const { resourceVersion, uid } = objectOf(now, 'metadata');
  if (given.operation === 'delete')
    return { ...given, input: { ...given.input, preconditions: { uid, resourceVersion } } };
  const wanted = objectOf(given.input, 'object');
  const { apiVersion: _a, kind: _k, metadata: _m, ...fields } = wanted;
  const flat = Object.fromEntries(
    kind.fields.flatMap((path): [string, Json][] => {
      const value = at(fields, path);
      return value === null && !(path in fields) ? [] : [[path, value]];
    }),
  );
  return { ...given, input: { object: put(now, flat) } };
}

function entriesOf(kind: Kind): readonly CatalogueEntry[] {
  const common = {
    row: 0,
    mode: 'after-answer',
    proof: 'emulator',
    resources: (event: TrailEvent) => resourceOf(kind, event),
    read: readerOf(kind),
    lead: (from: ResourceState, to: ResourceState, { resource }: { readonly resource: ResourceRef }) =>
      lead(kind, from, to, resource),
    complete: (given: Call, place: CallPlace) => complete(kind, given, place),
    fine: ['NotFound', 'AlreadyExists'],
  } as const;
  const named = (verb: string) => `kubernetes:${verb}:${kind.plural}`;
  return [
    {
      ...common,
      class: 'X',
      events: [named('create')],
      after: (event) => {
        const object = objectIn(kind, event);
        return object === null ? undefined : stateOf(kind, object);
      },
      before: () => null,
    },
    {
      ...common,
      class: 'B',
      events: [named('update'), named('patch')],
      after: (event) => {
        const object = objectIn(kind, event);
        return object === null ? undefined : stateOf(kind, object);
      },
    },
    {
      ...common,
      class: 'X',
      events: [named('delete')],
      after: () => null,
      before: (event) => {
        const object = objectIn(kind, event);
        return object === null ? undefined : stateOf(kind, object);
      },
    },
  ];
}

const READERS = new Map<string, CatalogueEntry['read']>();

/** One for each kind: entries and listing share it. */
function readerOf(kind: Kind): CatalogueEntry['read'] {
  const known = READERS.get(kind.kind);
  if (known !== undefined) return known;
  const reader: CatalogueEntry['read'] = async (caller, resource) => {
    const object = await readObject(caller, kind, resource);
    return object === null ? null : stateOf(kind, object);
  };
  READERS.set(kind.kind, reader);
  return reader;
}

export const kubernetesEntries: readonly CatalogueEntry[] = OBJECTS.flatMap(entriesOf);

/** What a cluster holds that can be put back; ids of one namespace, or of the cluster. */
export const kubernetesKinds: readonly ResourceKind[] = OBJECTS.map((kind) => ({
  type: `Kubernetes::${kind.kind}`,
  reach: kind.isNamespaced ? 'region' : 'global',
  read: readerOf(kind),
  list: async (caller, { region }) => {
    const answer = await caller.call(call('list', { object: { apiVersion: kind.apiVersion, kind: kind.kind } }));
    const items = Array.isArray(answer['items']) ? (answer['items'] as Object_[]) : [];
    return items.flatMap((item) => {
      const metadata = objectOf(item, 'metadata');
      const isHere = !kind.isNamespaced || metadata['namespace'] === region;
      return isHere ? (textOf(metadata, 'name') ?? []) : [];
    });
  },
}));

/** An audit event as the catalogue wants it; null for what failed, only read, or is not finished. */
export function toAuditEvent(record: Object_, cluster: string): TrailEvent | null {
  const { auditID, verb, stage, requestReceivedTimestamp } = record;
  const status = Number(objectOf(record, 'responseStatus')['code'] ?? 0);
  const reference = objectOf(record, 'objectRef');
  const resource = textOf(reference, 'resource');
  const timeMs = Date.parse(String(requestReceivedTimestamp));
  if (typeof auditID !== 'string' || typeof verb !== 'string' || resource === null || Number.isNaN(timeMs)) return null;
  if (stage !== 'ResponseComplete' || status < 200 || status >= 300 || textOf(reference, 'subresource') !== null)
    return null;
  const user = objectOf(record, 'user');
  return {
    ...{
      eventId: auditID,
      service: 'kubernetes',
      name: `${verb}:${resource}`,
      account: cluster,
      region: CLUSTER,
      timeMs,
    },
    request: { objectRef: reference, responseObject: record['responseObject'], requestObject: record['requestObject'] },
    response: {},
    actors: typeof user['username'] === 'string' ? [user['username']] : [],
  };
}
