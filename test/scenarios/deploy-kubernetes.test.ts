/**
 * What is deployed into a cluster: no more rights than it needs; the manifests are what the chart makes (where helm is: COUNTERSIGN_HELM or
 * PATH), and a real kube-apiserver takes them (where COUNTERSIGN_KUBE_APISERVER names one).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { USUAL_RUNTIMES } from '../../server/src/sources/sensor/configuration.ts';
import { WATCHED } from '../../server/src/inventory/kubernetes/objects.ts';
import { APISERVER_PRESENT, startApiserver } from '../fakes/kubernetes-api.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const HELM = process.env['COUNTERSIGN_HELM'] ?? 'helm';
const HELM_PRESENT = spawnSync(HELM, ['version'], { stdio: 'ignore' }).status === 0;
const CHART = join(DEPLOY, 'helm/countersign');
const AGENT = ['--set', 'cluster=sample-cluster,agent.serverUrl=https://countersign.example.com'];
const SERVER = ['--set', 'cluster=sample-cluster,server.enabled=true,server.tlsSecret=countersign-tls'];

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
  readonly spec?: { readonly template?: { readonly spec: Pod } };
}

interface Pod {
  readonly automountServiceAccountToken?: boolean;
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly volumeMounts: readonly {
      readonly name: string;
      readonly mountPath: string;
      readonly readOnly?: boolean;
    }[];
  }[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
}

const manifests = (text: string) => parseAllDocuments(text).flatMap((one) => (one.toJS() as Manifest | null) ?? []);
const written = (name: string) => manifests(readFileSync(join(DEPLOY, 'kubernetes', name), 'utf8'));
const helm = (...argv: readonly string[]) =>
  execFileSync(HELM, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const render = (...argv: readonly string[]) =>
  helm('template', 'countersign', CHART, '--namespace', 'countersign', '--kube-version', '1.34.0', ...argv);

test('whoever follows a cluster may list and watch what the inventory has, ask whose a token is, and nothing else', () => {
  const role = written('watch.yaml').find(({ kind }) => kind === 'ClusterRole');
  const allowed = (role?.rules ?? []).flatMap(({ apiGroups: [group], resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group === '' ? '' : `${group}/`}${resource}`)),
  );
  const needed = WATCHED.flatMap(({ path }) => {
    const [, group = '', resource] = /^\/apis?\/(?:([^/]+)\/)?v1\/(.+)$/.exec(path) ?? [];
    return ['list', 'watch'].map((verb) => `${verb} ${group === '' ? '' : `${group}/`}${resource}`);
  });
  expect(allowed.toSorted()).toEqual([...needed, 'create authentication.k8s.io/tokenreviews'].toSorted());
});

test('the agent has the four rights of its sensor, no token of the cluster, and writes to its own folder alone', () => {
  const pod = written('agent.yaml').find(({ kind }) => kind === 'DaemonSet')?.spec?.template?.spec;
  const [container] = pod?.containers ?? [];
  expect(pod?.automountServiceAccountToken).toBe(false);
  expect(container?.securityContext).toMatchObject({
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON', 'SYS_PTRACE', 'DAC_READ_SEARCH'] },
  });
  const sensor = readFileSync(join(DEPLOY, '../docs/sensor.md'), 'utf8');
  for (const right of ['CAP_BPF', 'CAP_PERFMON', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'])
    expect(sensor).toContain(right);
  const onHost = new Map(
    pod?.volumes.flatMap(({ name, hostPath }) => (hostPath === undefined ? [] : [[name, hostPath.path]])),
  );
  const writable = container?.volumeMounts.filter(({ name, readOnly }) => onHost.has(name) && readOnly !== true) ?? [];
  const sockets = USUAL_RUNTIMES as readonly string[];
  expect(writable.map(({ name }) => onHost.get(name)).filter((path) => !sockets.includes(path ?? ''))).toEqual([
    '/var/lib/countersign-agent',
  ]);
});

describe.skipIf(!HELM_PRESENT)('with helm (COUNTERSIGN_HELM or PATH)', () => {
  test('the chart passes lint, and the manifests beside it are what it makes', () => {
    expect(helm('lint', CHART, '--strict', ...AGENT)).toContain('0 chart(s) failed');
    expect(helm('lint', CHART, '--strict', ...SERVER)).toContain('0 chart(s) failed');
    for (const [name, values] of [
      ['agent', AGENT] as const,
      ['watch', ['--set', 'cluster=sample-cluster,agent.enabled=false']] as const,
    ])
      expect(manifests(render('--show-only', `templates/${name}.yaml`, ...values))).toEqual(written(`${name}.yaml`));
  });

  test('what is missing is said in words', () => {
    expect(() => render('--set', 'agent.serverUrl=https://countersign.example.com')).toThrow(
      /cluster: say under which name/,
    );
    expect(() => render('--set', 'cluster=sample-cluster,server.enabled=true')).toThrow(
      /server.tlsSecret: agents need https/,
    );
    expect(() => render('--set', 'cluster=sample-cluster')).toThrow(/agent.serverUrl: say where the server is/);
  });
});

describe.skipIf(!APISERVER_PRESENT)('with a real kube-apiserver (COUNTERSIGN_KUBE_APISERVER)', () => {
  test('every manifest is one that the API server takes', { timeout: 180_000 }, async () => {
    const cluster = await startApiserver();
    try {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'countersign' } };
      await cluster.call('POST', '/api/v1/namespaces', namespace);
      const all = [
        ...written('agent.yaml'),
        ...written('watch.yaml'),
        ...(HELM_PRESENT ? manifests(render(...SERVER)) : []),
      ];
      for (const manifest of all) {
        const path = PATHS[manifest.kind];
        if (path === undefined) throw new Error(`no path for ${manifest.kind}`);
        const made = await cluster.call('POST', `${path}?dryRun=All&fieldValidation=Strict`, manifest);
        expect(made['kind']).toBe(manifest.kind);
      }
    } finally {
      await cluster.close();
    }
  });
});

const PATHS: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/countersign/serviceaccounts',
  ConfigMap: '/api/v1/namespaces/countersign/configmaps',
  Service: '/api/v1/namespaces/countersign/services',
  DaemonSet: '/apis/apps/v1/namespaces/countersign/daemonsets',
  StatefulSet: '/apis/apps/v1/namespaces/countersign/statefulsets',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
};
