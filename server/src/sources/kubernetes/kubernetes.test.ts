/** Every field of Kubernetes audit events, which values are events, and who acted. */
import { existsSync, readFileSync } from 'node:fs';
import { findField, type FieldValue } from '@countersign/falco';
import { describe, expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../../test/data.ts';
import type { Actor, SourceRecord } from '../source.ts';
import { kubernetesSource } from './kubernetes.ts';

const { catalogue } = kubernetesSource;

function valueOf(field: string, record: SourceRecord): FieldValue {
  const [, name = '', argument] = /^([^[]+)(?:\[(.*)\])?$/.exec(field) ?? [];
  const found = findField(catalogue, name, argument ?? null);
  if (found === null) throw new Error(`there is no field ${name}`);
  return found.definition.extract(record, found.argument);
}

const container = (name: string) => ({
  name,
  image: `registry.example:5000/shop/${name}:1.2@sha256:abc`,
  command: ['sh', '-c'],
  args: ['echo', name],
  ports: [{ containerPort: 80 }, { containerPort: 443, hostPort: 8443 }],
  securityContext: {
    privileged: true,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsUser: 1000,
    runAsGroup: 2000,
    procMount: 'Default',
    capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] },
  },
});
const EVENT = {
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: 'audit-1',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/shop/pods?container=web&command=ls+-l&command=x',
  verb: 'create',
  user: { username: 'robin', groups: ['dev', 'system:authenticated'] },
  impersonatedUser: { username: 'admin', groups: ['system:masters'] },
  sourceIPs: ['203.0.113.7', '10.0.0.1'],
  userAgent: 'kubectl/1.31',
  objectRef: { resource: 'pods', namespace: 'shop', name: 'web-1', apiVersion: 'v1' },
  responseStatus: { code: 403, reason: 'Forbidden' },
  requestReceivedTimestamp: '2026-01-05T13:59:59.999999Z',
  stageTimestamp: '2026-01-05T14:00:00.123456Z',
  annotations: {
    'authorization.k8s.io/decision': 'forbid',
    'authorization.k8s.io/reason': 'no',
    'authentication.openshift.io/decision': 'allow',
    'authentication.openshift.io/username': 'robin-os',
    'validation.policy.admission.k8s.io/validation_failure': 'failed',
    'pod-security.kubernetes.io/audit-violations': 'would violate',
    cluster_name: 'shop-prod',
  },
  requestObject: {
    metadata: { name: 'web-1' },
    data: { password: 'x' },
    roleRef: { name: 'cluster-admin' },
    subjects: [
      { kind: 'User', name: 'robin' },
      { kind: 'Group', name: 'dev' },
      { kind: 'ServiceAccount', name: 'bot', namespace: 'ci' },
    ],
    rules: [
      { apiGroups: [''], resources: ['pods', 'pods/exec'], verbs: ['create'] },
      { nonResourceURLs: ['/healthz'], verbs: ['get', '*'] },
    ],
    spec: {
      type: 'NodePort',
      ports: [{ port: 80, nodePort: 30080 }],
      hostIPC: true,
      hostNetwork: true,
      hostPID: true,
      securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4, 5] },
      containers: [container('web'), { name: 'side', image: 'busybox' }],
      initContainers: [container('init')],
      ephemeralContainers: [container('debug')],
      volumes: [
        { name: 'a', hostPath: { path: '/etc' } },
        { name: 'b', flexVolume: { driver: 'lvm' } },
        { name: 'c', secret: {} },
      ],
    },
  },
  responseObject: { metadata: { name: 'web-1-made' } },
};
const NS = 1_767_621_600_123_000_000n;

const PER_CONTAINER: Readonly<Record<string, FieldValue>> = {
  args: ['echo NAME'],
  command: ['sh -c'],
  name: ['NAME'],
  image: ['registry.example:5000/shop/NAME:1.2@sha256:abc'],
  'image.repository': ['registry.example:5000/shop/NAME'],
  host_port: ['80', '8443'],
  privileged: ['true'],
  allow_privilege_escalation: ['false'],
  read_only_fs: ['true'],
  run_as_user: ['1000'],
  eff_run_as_user: ['1000'],
  run_as_group: ['2000'],
  eff_run_as_group: ['2000'],
  proc_mount: ['Default'],
  add_capabilities: ['NET_ADMIN', 'SYS_TIME'],
};
const perContainer = (group: string, name: string, argument: string) =>
  Object.entries(PER_CONTAINER).map(([field, value]) => [
    `ka.req.pod.${group}.${field}${argument}`,
    (value as readonly string[]).map((text) => text.replace('NAME', name)),
  ]);

const EXPECTED: Readonly<Record<string, FieldValue>> = {
  'ka.auditid': 'audit-1',
  'ka.stage': 'ResponseComplete',
  'ka.auth.decision': 'forbid',
  'ka.auth.reason': 'no',
  'ka.auth.openshift.decision': 'allow',
  'ka.auth.openshift.username': 'robin-os',
  'ka.validations.admission.policy.failure': 'failed',
  'ka.security.pod.violations': 'would violate',
  'ka.cluster.name': 'shop-prod',
  'ka.user.name': 'robin',
  'ka.user.groups': ['dev', 'system:authenticated'],
  'ka.impuser.name': 'admin',
  'ka.verb': 'create',
  'ka.uri': EVENT.requestURI,
  'ka.uri.param[command]': 'ls -l',
  'ka.target.name': 'web-1',
  'ka.target.namespace': 'shop',
  'ka.target.resource': 'pods',
  'ka.target.pod.name': 'web-1-made',
  'ka.req.binding.subjects': EVENT.requestObject.subjects.map((subject) => JSON.stringify(subject)),
  'ka.req.binding.subjects.user_names': ['robin'],
  'ka.req.binding.subjects.group_names': ['dev'],
  'ka.req.binding.subjects.serviceaccount_names': ['bot'],
  'ka.req.binding.subjects.serviceaccount_ns_names': ['ci:bot'],
  'ka.req.binding.subject.has_name[bot]': 'true',
  'ka.req.binding.role': 'cluster-admin',
  'ka.req.configmap.name': 'web-1',
  'ka.req.configmap.obj': '{"password":"x"}',
  ...Object.fromEntries(perContainer('containers', 'web', '[0]')),
  ...Object.fromEntries(perContainer('initContainers', 'init', '')),
  ...Object.fromEntries(
    perContainer('ephemeralContainers', 'debug', '').filter(([name]) => !String(name).includes('host_port')),
  ),
  'ka.req.pod.containers.name': ['web', 'side'],
  'ka.req.pod.containers.eff_run_as_user[1]': ['1'],
  'ka.req.pod.containers.privileged': ['true'],
  'ka.req.container.image': 'registry.example:5000/shop/web:1.2@sha256:abc',
  'ka.req.container.image.repository': 'registry.example:5000/shop/web',
  'ka.req.container.host_network': 'true',
  'ka.req.container.privileged': 'true',
  'ka.req.pod.host_ipc': 'true',
  'ka.req.pod.host_network': 'true',
  'ka.req.pod.host_pid': 'true',
  'ka.req.pod.run_as_user': '1',
  'ka.req.pod.run_as_group': '2',
  'ka.req.pod.fs_group': '3',
  'ka.req.pod.supplemental_groups': ['4', '5'],
  'ka.req.role.rules': EVENT.requestObject.rules.map((rule) => JSON.stringify(rule)),
  'ka.req.role.rules.apiGroups': [''],
  'ka.req.role.rules.nonResourceURLs': ['/healthz'],
  'ka.req.role.rules.verbs': ['create', 'get', '*'],
  'ka.req.role.rules.verbs[1]': ['get', '*'],
  'ka.req.role.rules.resources': ['pods', 'pods/exec'],
  'ka.req.service.type': 'NodePort',
  'ka.req.service.ports': ['{"port":80,"nodePort":30080}'],
  'ka.req.pod.volumes.hostpath': ['/etc'],
  'ka.req.volume.hostpath[/etc]': 'true',
  'ka.req.pod.volumes.flexvolume_driver': ['lvm'],
  'ka.req.pod.volumes.volume_type': ['hostPath', 'flexVolume', 'secret'],
  'ka.resp.name': 'web-1-made',
  'ka.response.code': '403',
  'ka.response.reason': 'Forbidden',
  'ka.useragent': 'kubectl/1.31',
  'ka.sourceips': ['203.0.113.7', '10.0.0.1'],
  'ka.sourceips[0]': ['203.0.113.7'],
  'jevt.value[/responseStatus/code]': '403',
  'json.value[/annotations/authorization.k8s.io~1decision]': 'forbid',
  'jevt.rawtime': NS,
  'jevt.time': '14:00:00.123000000',
  'evt.source': 'k8s_audit',
  'evt.pluginname': 'k8saudit',
};

describe('each field', () => {
  test.each(Object.entries(EXPECTED))('%s', (field, expected) => {
    expect(valueOf(field, EVENT)).toEqual(expected);
  });

  test('ka.target.subresource, and then no pod’s name', () => {
    const exec = { ...EVENT, objectRef: { ...EVENT.objectRef, subresource: 'exec' } };
    expect(valueOf('ka.target.subresource', exec)).toBe('exec');
    expect(valueOf('ka.target.pod.name', exec)).toBeNull();
  });

  test('is in the table above', () => {
    const tested = new Set(Object.keys(EXPECTED).map((field) => field.replace(/\[.*/, '')));
    const own = [...catalogue.fields.keys()].filter(
      (name) => name.startsWith('ka.') && name !== 'ka.target.subresource',
    );
    expect(own.filter((name) => !tested.has(name))).toEqual([]);
  });

  test.each(
    [...catalogue.fields.keys()].filter((name) => name.startsWith('ka.')),
  )('%s is absent from an empty event', (name) => {
    const expected = /has_name$|volume\.hostpath$/.test(name) ? 'false' : null;
    expect(valueOf(catalogue.fields.get(name)?.argument?.required === true ? `${name}[x]` : name, {})).toBe(expected);
  });

  test('never throws, whatever stands where', () => {
    const strange = [null, 7, 'text', true, [], [[null]], [7], {}, { spec: { containers: [null, 7, { ports: 7 }] } }];
    for (const value of strange) {
      const record = Object.fromEntries(Object.keys(EVENT).map((name) => [name, value]));
      for (const [name, field] of catalogue.fields) {
        expect(() => field.extract(record, '0'), `${name} of ${JSON.stringify(value)}`).not.toThrow();
      }
      expect(() => kubernetesSource.describe(record)).not.toThrow();
    }
  });
});

describe('corners', () => {
  const pod = (spec: unknown): SourceRecord => ({ requestObject: { spec } });
  test.each<[string, SourceRecord, FieldValue]>([
    ['ka.req.container.privileged', pod({ containers: [{ name: 'a' }] }), 'false'],
    [
      'ka.req.pod.containers.privileged',
      pod({ containers: [{ name: 'a' }, { securityContext: { privileged: true } }] }),
      ['true'],
    ],
    [
      'ka.req.pod.containers.image.repository',
      pod({ containers: [{ image: 'nginx' }, { image: 'nginx:1' }, { image: 'n@sha256:1' }] }),
      ['nginx', 'nginx', 'n'],
    ],
    ['ka.req.pod.containers.eff_run_as_user', pod({ containers: [{ name: 'a' }] }), ['0']],
    ['ka.req.volume.hostpath[/etc/*]', pod({ volumes: [{ hostPath: { path: '/etc/ssh' } }] }), 'true'],
    ['ka.req.volume.hostpath[/etc]', pod({ volumes: [{ hostPath: { path: '/etc/ssh' } }] }), 'false'],
    ['ka.req.binding.subject.has_name[eve]', { requestObject: { subjects: [{ name: 'bob' }] } }, 'false'],
    ['ka.uri.param[a]', { requestURI: '/x?b=1' }, null],
    ['ka.uri.param[a]', { requestURI: '/x?a=%zz&a=2' }, '%zz'],
    ['ka.req.pod.containers.image[7]', pod({ containers: [{ image: 'a' }] }), null],
  ])('%s of %j is %j', (field, record, expected) => {
    expect(valueOf(field, record)).toEqual(expected);
  });
});

describe('an event', () => {
  test('is known by its audit id and stage, at the time of the stage', () => {
    expect(kubernetesSource.claims(EVENT)).toBe(true);
    expect(kubernetesSource.admit(EVENT)).toMatchObject({
      type: 'record',
      id: 'audit-1/ResponseComplete',
      timeMs: Date.parse('2026-01-05T14:00:00.123Z'),
    });
    expect(kubernetesSource.describe(EVENT)).toMatchObject({
      source: 'k8s_audit',
      id: 'audit-1/ResponseComplete',
      account: 'shop-prod',
      action: 'create pods',
      service: 'core',
      resources: [{ type: 'pods', id: 'shop/web-1' }],
      sourceIp: '203.0.113.7',
      errorCode: 'Forbidden',
      readOnly: false,
    });
  });

  test('of the first beta, with a time of its own kind', () => {
    const beta = {
      apiVersion: 'audit.k8s.io/v1beta1',
      kind: 'Event',
      auditID: 'a',
      verb: 'get',
      metadata: { creationTimestamp: '2018-10-26T13:12:04Z' },
    };
    expect(kubernetesSource.admit(beta)).toMatchObject({ type: 'record', id: 'a/ResponseComplete' });
  });

  test.each([
    [7, 'not a JSON object'],
    [{ auditID: 7, verb: 'get' }, 'auditID is not a text, or too long'],
    [{ auditID: 'a' }, 'verb and requestURI are missing: it says of no request'],
    [
      { auditID: 'a', verb: 'get', stageTimestamp: '1' },
      'none of stageTimestamp, requestReceivedTimestamp and timestamp is a time',
    ],
    [
      { ...EVENT, requestObject: JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`) },
      'it nests deeper than 1000 levels',
    ],
    [{ ...EVENT, stage: { a: 1 } }, 'stage is not a text, or too long'],
  ])('what is no event is refused: %#', (value, reason) => {
    expect(kubernetesSource.admit(value)).toEqual({ type: 'malformed', reason });
  });

  test('without an audit id, as in cut-down examples, gets a stable one', () => {
    const { auditID: _, ...without } = EVENT;
    expect(kubernetesSource.claims(without)).toBe(true);
    const admission = kubernetesSource.admit(without);
    expect(admission).toMatchObject({ id: expect.stringMatching(/^sha256:[0-9a-f]{40}\/ResponseComplete$/) });
    expect(kubernetesSource.admit({ ...without })).toMatchObject({ id: kubernetesSource.describe(without).id });
  });

  const by = (username: string, more: SourceRecord = {}) =>
    kubernetesSource.describe({ ...EVENT, impersonatedUser: undefined, user: { username, groups: [] }, ...more }).actor;
  test.each<[string, Actor, Partial<Actor>]>([
    ['a person', by('robin'), { kind: 'person', id: 'robin', isProvider: false }],
    [
      'a person who borrows a name',
      by('robin', { impersonatedUser: { username: 'admin' } }),
      { kind: 'person', id: 'robin', session: 'admin', sessionKey: 'robin as admin' },
    ],
    ['nobody', by('system:anonymous'), { kind: 'anonymous' }],
    ['a program', by('system:serviceaccount:ci:bot'), { kind: 'service-account', isProvider: false }],
    [
      'a controller',
      by('system:serviceaccount:kube-system:replicaset-controller'),
      { kind: 'service', isProvider: true },
    ],
    [
      'an add-on in the same namespace',
      by('system:serviceaccount:kube-system:tiller'),
      { kind: 'service-account', isProvider: false },
    ],
    ['the scheduler', by('system:kube-scheduler'), { kind: 'service', isProvider: true }],
    [
      'the scheduler’s name, borrowing another',
      by('system:kube-scheduler', { impersonatedUser: { username: 'x' } }),
      { isProvider: false },
    ],
    ['a node', by('system:node:n1'), { kind: 'service', isProvider: true }],
    ['a name that begins like the scheduler’s', by('system:kube-scheduler-x'), { isProvider: false }],
  ])('by %s', (_title, actor, expected) => {
    expect(actor).toMatchObject(expected);
  });
});

describeWithData('the list of facts about the fields', () => {
  interface Fact {
    name: string;
    list: boolean;
    arg: { required: boolean; kind: string } | null;
  }
  const path = dataPath('fields-k8saudit.json');
  const facts = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { fields: Fact[] }).fields : [];
  test.each(
    facts.map((fact) => [fact.name, fact] as const),
  )('%s has the type and the argument that rules expect', (name, fact) => {
    const definition = catalogue.fields.get(name);
    expect(definition?.type).toBe('string');
    expect(definition?.isList).toBe(fact.list);
    expect(definition?.argument ?? null).toEqual(fact.arg);
  });

  test('is complete', () => expect(facts).toHaveLength(100));
});
