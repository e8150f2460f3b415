/**
 * Every field of `k8s_audit`. Numbers and booleans are text, as rules expect them; where upstream's extractor has a fault we do
 * it right, and docs/sources.md lists the differences.
 */
import type { FieldCatalogue, FieldDefinition, FieldValue } from '@countersign/falco';
import { field, jsonFields } from '../json-fields.ts';
import { asText, at, isObject, jsonText, list, member, textList, textOrNull } from '../json-value.ts';
import type { SourceRecord } from '../source.ts';
import { parseAuditTime } from './audit-time.ts';

/** Fields that are the value at a path: name, then the path. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  'ka.auditid': ['auditID'],
  'ka.stage': ['stage'],
  'ka.auth.decision': ['annotations', 'authorization.k8s.io/decision'],
  'ka.auth.reason': ['annotations', 'authorization.k8s.io/reason'],
  'ka.auth.openshift.decision': ['annotations', 'authentication.openshift.io/decision'],
  'ka.auth.openshift.username': ['annotations', 'authentication.openshift.io/username'],
  'ka.validations.admission.policy.failure': ['annotations', 'validation.policy.admission.k8s.io/validation_failure'],
  'ka.security.pod.violations': ['annotations', 'pod-security.kubernetes.io/audit-violations'],
  'ka.cluster.name': ['annotations', 'cluster_name'],
  'ka.user.name': ['user', 'username'],
  'ka.impuser.name': ['impersonatedUser', 'username'],
  'ka.verb': ['verb'],
  'ka.uri': ['requestURI'],
  'ka.target.name': ['objectRef', 'name'],
  'ka.target.namespace': ['objectRef', 'namespace'],
  'ka.target.resource': ['objectRef', 'resource'],
  'ka.target.subresource': ['objectRef', 'subresource'],
  'ka.req.binding.role': ['requestObject', 'roleRef', 'name'],
  'ka.req.configmap.name': ['objectRef', 'name'],
  'ka.req.configmap.obj': ['requestObject', 'data'],
  'ka.req.pod.host_ipc': ['requestObject', 'spec', 'hostIPC'],
  'ka.req.pod.host_network': ['requestObject', 'spec', 'hostNetwork'],
  'ka.req.container.host_network': ['requestObject', 'spec', 'hostNetwork'],
  'ka.req.pod.host_pid': ['requestObject', 'spec', 'hostPID'],
  'ka.req.pod.run_as_user': ['requestObject', 'spec', 'securityContext', 'runAsUser'],
  'ka.req.pod.run_as_group': ['requestObject', 'spec', 'securityContext', 'runAsGroup'],
  'ka.req.pod.fs_group': ['requestObject', 'spec', 'securityContext', 'fsGroup'],
  'ka.req.service.type': ['requestObject', 'spec', 'type'],
  'ka.resp.name': ['responseObject', 'metadata', 'name'],
  'ka.response.code': ['responseStatus', 'code'],
  'ka.response.reason': ['responseStatus', 'reason'],
  'ka.useragent': ['userAgent'],
};

type Pick = (container: unknown, pod: unknown) => FieldValue;

/** Fields of each container of a pod, under `containers`, `initContainers` and `ephemeralContainers`. */
const CONTAINER_FIELDS: Readonly<Record<string, Pick>> = {
  args: (container) => joined(member(container, 'args')),
  command: (container) => joined(member(container, 'command')),
  name: (container) => asText(member(container, 'name')),
  image: (container) => asText(member(container, 'image')),
  'image.repository': (container) => repositoryOf(asText(member(container, 'image'))),
  host_port: hostPorts,
  privileged: (container) => asText(at(container, 'securityContext', 'privileged')),
  allow_privilege_escalation: (container) => asText(at(container, 'securityContext', 'allowPrivilegeEscalation')),
  read_only_fs: (container) => asText(at(container, 'securityContext', 'readOnlyRootFilesystem')),
  run_as_user: (container) => asText(at(container, 'securityContext', 'runAsUser')),
  eff_run_as_user: (container, pod) => effective(container, pod, 'runAsUser'),
  run_as_group: (container) => asText(at(container, 'securityContext', 'runAsGroup')),
  eff_run_as_group: (container, pod) => effective(container, pod, 'runAsGroup'),
  proc_mount: (container) => asText(at(container, 'securityContext', 'procMount')),
  add_capabilities: (container) => textList(at(container, 'securityContext', 'capabilities', 'add')),
};

/** Members that hold a pod's containers; host ports make no sense for ephemeral ones. */
const CONTAINER_GROUPS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

export function kubernetesCatalogue(): FieldCatalogue<SourceRecord> {
  const definitions = [
    ...Object.entries(PATHS).map(([name, path]) => field(name, 'string', (record) => asText(at(record, ...path)))),
    ...identityFields(),
    ...bindingFields(),
    ...containerFields(),
    ...firstContainerFields(),
    ...roleFields(),
    ...volumeFields(),
    ...jsonFields({
      source: 'k8s_audit',
      plugin: 'k8saudit',
      timeMs: parseAuditTime,
      info: (record) => jsonText(record),
    }),
  ];
  return {
    source: 'k8s_audit',
    fields: new Map(definitions.map((definition) => [definition.name, definition])),
    indexFields: ['ka.target.resource', 'ka.verb'],
  };
}

function identityFields(): readonly FieldDefinition<SourceRecord>[] {
  return [
    listField('ka.user.groups', (record) => textList(at(record, 'user', 'groups'))),
    indexedField('ka.sourceips', (record) => list(record['sourceIPs']).map(asText)),
    keyedField('ka.uri.param', (record, key) => queryParameter(textOrNull(record['requestURI']), key)),
    field('ka.target.pod.name', 'string', podName),
  ];
}

function podName(record: SourceRecord): string | null {
  const target = record['objectRef'];
  if (member(target, 'resource') !== 'pods' || asText(member(target, 'subresource')) !== null) return null;
  return asText(at(record, 'responseObject', 'metadata', 'name'));
}

function queryParameter(uri: string | null, key: string): string | null {
  const query = uri?.indexOf('?') ?? -1;
  return uri === null || query === -1 ? null : new URLSearchParams(uri.slice(query + 1)).get(key);
}

function bindingFields(): readonly FieldDefinition<SourceRecord>[] {
  const subjects = (record: SourceRecord) => list(at(record, 'requestObject', 'subjects'));
  const named = (name: string, kind: string, show: (subject: unknown) => string | null) =>
    listField(name, (record) => {
      if (!Array.isArray(at(record, 'requestObject', 'subjects'))) return null;
      return subjects(record).flatMap((subject) => (member(subject, 'kind') === kind ? (show(subject) ?? []) : []));
    });
  const nameOf = (subject: unknown) => asText(member(subject, 'name'));
  return [
    listField('ka.req.binding.subjects', (record) => textList(at(record, 'requestObject', 'subjects'))),
    named('ka.req.binding.subjects.user_names', 'User', nameOf),
    named('ka.req.binding.subjects.serviceaccount_names', 'ServiceAccount', nameOf),
    named(
      'ka.req.binding.subjects.serviceaccount_ns_names',
      'ServiceAccount',
      (subject) => `${asText(member(subject, 'namespace')) ?? ''}:${nameOf(subject) ?? ''}`,
    ),
    named('ka.req.binding.subjects.group_names', 'Group', nameOf),
    keyedField('ka.req.binding.subject.has_name', (record, key) =>
      String(subjects(record).some((subject) => nameOf(subject) === key)),
    ),
  ];
}

function containerFields(): readonly FieldDefinition<SourceRecord>[] {
  return CONTAINER_GROUPS.flatMap((group) =>
    Object.entries(CONTAINER_FIELDS)
      .filter(([name]) => group !== 'ephemeralContainers' || name !== 'host_port')
      .map(([name, pick]) =>
        indexedField(`ka.req.pod.${group}.${name}`, (record) => {
          const pod = podSpec(record);
          return list(member(pod, group)).map((container) => pick(container, pod));
        }),
      ),
  );
}

/** The pod that is asked for. What a deployment describes lies deeper, and is seen when its pods are made. */
function podSpec(record: SourceRecord): unknown {
  return at(record, 'requestObject', 'spec');
}

function firstContainerFields(): readonly FieldDefinition<SourceRecord>[] {
  const containers = (record: SourceRecord) => list(member(podSpec(record), 'containers'));
  const first = (record: SourceRecord) => asText(member(containers(record)[0], 'image'));
  return [
    field('ka.req.container.image', 'string', first),
    field('ka.req.container.image.repository', 'string', (record) => repositoryOf(first(record))),
    field('ka.req.container.privileged', 'string', (record) => {
      if (!isObject(record['requestObject'])) return null;
      return String(containers(record).some((container) => at(container, 'securityContext', 'privileged') === true));
    }),
  ];
}

function roleFields(): readonly FieldDefinition<SourceRecord>[] {
  const rules = (record: SourceRecord) => list(at(record, 'requestObject', 'rules'));
  const ofRules = (name: string) =>
    indexedField(`ka.req.role.rules.${name}`, (record) => rules(record).map((rule) => textList(member(rule, name))));
  return [
    listField('ka.req.role.rules', (record) => textList(at(record, 'requestObject', 'rules'))),
    ...['apiGroups', 'nonResourceURLs', 'verbs', 'resources'].map(ofRules),
  ];
}

function volumeFields(): readonly FieldDefinition<SourceRecord>[] {
  const volumes = (record: SourceRecord) => list(member(podSpec(record), 'volumes'));
  return [
    listField('ka.req.pod.supplemental_groups', (record) =>
      textList(at(podSpec(record), 'securityContext', 'supplementalGroups')),
    ),
    indexedField('ka.req.service.ports', (record) => list(at(record, 'requestObject', 'spec', 'ports')).map(asText)),
    indexedField('ka.req.pod.volumes.hostpath', (record) =>
      volumes(record).map((volume) => asText(at(volume, 'hostPath', 'path'))),
    ),
    indexedField('ka.req.pod.volumes.flexvolume_driver', (record) =>
      volumes(record).map((volume) => asText(at(volume, 'flexVolume', 'driver'))),
    ),
    indexedField('ka.req.pod.volumes.volume_type', (record) =>
      volumes(record).map((volume) =>
        isObject(volume) ? Object.keys(volume).filter((name) => name !== 'name') : null,
      ),
    ),
    keyedField('ka.req.volume.hostpath', (record, key) =>
      String(volumes(record).some((volume) => coversPath(asText(at(volume, 'hostPath', 'path')), key))),
    ),
  ];
}

function coversPath(path: string | null, wanted: string): boolean {
  if (path === null) return false;
  return wanted.endsWith('*') ? path.startsWith(wanted.slice(0, -1)) : path === wanted;
}

function listField(name: string, extract: (record: SourceRecord) => FieldValue): FieldDefinition<SourceRecord> {
  return { name, type: 'string', isList: true, argument: null, description: '', extract };
}

/** A list with one or more values for each of several things; `[n]` takes those of the n-th thing. */
function indexedField(
  name: string,
  values: (record: SourceRecord) => readonly FieldValue[],
): FieldDefinition<SourceRecord> {
  return {
    name,
    type: 'string',
    isList: true,
    argument: { required: false, kind: 'index' },
    description: '',
    extract: (record, argument) => {
      const all = values(record);
      const chosen = argument === null ? all : [all[Number(argument)] ?? null];
      const flat = chosen.flatMap((value) => (value === null ? [] : value)) as readonly string[];
      return flat.length === 0 ? null : flat;
    },
  };
}

function keyedField(
  name: string,
  extract: (record: SourceRecord, key: string) => FieldValue,
): FieldDefinition<SourceRecord> {
  return {
    name,
    type: 'string',
    isList: false,
    argument: { required: true, kind: 'key' },
    description: '',
    extract: (record, argument) => extract(record, argument ?? ''),
  };
}

function joined(value: unknown): string | null {
  return Array.isArray(value) ? value.map((item) => asText(item) ?? '').join(' ') : asText(value);
}

function hostPorts(container: unknown): FieldValue {
  const ports = list(member(container, 'ports')).flatMap(
    (port) => asText(member(port, 'hostPort')) ?? asText(member(port, 'containerPort')) ?? [],
  );
  return ports.length === 0 ? null : ports;
}

/** The container's own setting, else the pod's, else root. */
function effective(container: unknown, pod: unknown, name: 'runAsUser' | 'runAsGroup'): string {
  return asText(at(container, 'securityContext', name)) ?? asText(at(pod, 'securityContext', name)) ?? '0';
}

/** An image without digest and tag; the colon of a registry's port is not a tag's. */
function repositoryOf(image: string | null): string | null {
  if (image === null) return null;
  const name = image.split('@')[0] ?? image;
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}
