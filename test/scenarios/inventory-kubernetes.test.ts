/**
 * A cluster is followed by a running server: a small server of our own that speaks the watch protocol, and a real kube-apiserver with etcd where
 * `COUNTERSIGN_KUBE_APISERVER` names the program (docs/kubernetes.md says how to build it).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InventoryView, WorkloadCard, WorkloadView } from '@countersign/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inventoryCommand } from '../../server/src/commands/inventory.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import {
  APISERVER_PRESENT,
  type Cluster,
  type SmallCluster,
  startApiserver,
  startSmallCluster,
} from '../fakes/kubernetes-api.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const CLUSTERS = [
  { name: 'a small server of our own', present: true, start: startSmallCluster },
  { name: 'a real kube-apiserver', present: APISERVER_PRESENT, start: startApiserver },
];

test.skipIf(!APISERVER_PRESENT)('a real kube-apiserver is there (COUNTERSIGN_KUBE_APISERVER names it)', () => {
  expect(APISERVER_PRESENT).toBe(true);
});

const WAIT_MS = 15_000;
const ID = (digit: string) => digit.repeat(64);
const SHOP = '/api/v1/namespaces/shop';
const APPS = '/apis/apps/v1/namespaces/shop';

describe.skipIf(process.platform !== 'linux').each(CLUSTERS.filter(({ present }) => present))(
  'the inventory of $name',
  ({ start }) => {
    let cluster: Cluster;
    let running: RunningApp;
    let person: EnrolledPerson;
    beforeAll(async () => {
      cluster = await start();
      await makeShop(cluster);
      running = await startRunningApp(yamlOf(cluster), {});
      person = await running.enrol('mira@example.com');
    }, 120_000);
    afterAll(async () => {
      await running?.close();
      await cluster?.close();
    });

    const ask = async <T>(path: string) => (await running.call(person, 'GET', path)).body as unknown as T;
    const list = async (query: Readonly<Record<string, string>>) =>
      (await ask<InventoryView>(`/api/inventory?${new URLSearchParams(query)}`)).workloads;
    const untilListed = async (
      what: string,
      query: Readonly<Record<string, string>>,
      fits: (all: readonly WorkloadView[]) => boolean,
    ) => {
      const deadline = Date.now() + WAIT_MS;
      for (;;) {
        const found = await list(query);
        if (fits(found)) return found;
        if (Date.now() > deadline)
          throw new Error(
            `not: ${what}; ${JSON.stringify(found)}; ${JSON.stringify(await ask('/api/inventory/clusters'))}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };

    test('what was there is found, each pod and container with its application', async () => {
      const pods = await untilListed('both pods', { kind: 'pod', namespace: 'shop' }, (all) => all.length === 2);
      expect(pods.map(({ name, application, host, state }) => [name, application, host, state])).toEqual([
        ['db-0', 'shop/statefulset/db', 'node-1', 'running'],
        ['web-7d9c6b5f4-x2x8k', 'storefront', 'node-1', 'running'],
      ]);
      const [container] = await list({ kind: 'container', q: 'web' });
      expect(container).toMatchObject({
        id: ID('a'),
        application: 'storefront',
        facts: {
          image: 'registry.example.com/web:1.4',
          cpuRequestMillis: '250',
          memoryLimitBytes: String(256 * 2 ** 20),
        },
      });
      const service = await untilListed(
        'the service with its pods',
        { kind: 'service', namespace: 'shop' },
        (all) => all[0]?.application === 'storefront',
      );
      expect(service).toMatchObject([{ name: 'web', facts: { ports: '80/tcp', targets: '80/tcp:8080' } }]);
    });

    test('a card says what a container belongs to, up to the deployment and namespace, and what belongs to it', async () => {
      const card = await ask<WorkloadCard>(
        `/api/inventory/card?${new URLSearchParams({ kind: 'container', id: ID('a') })}`,
      );
      expect(card.parents.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
        'pod web-7d9c6b5f4-x2x8k',
        'replicaset web-7d9c6b5f4',
        'deployment web',
        'namespace shop',
      ]);
      const [pod] = card.parents;
      const above = await ask<WorkloadCard>(
        `/api/inventory/card?${new URLSearchParams({ kind: 'pod', id: pod?.id ?? '' })}`,
      );
      expect(above.children.map(({ id }) => id)).toEqual([ID('a')]);
    });

    test('a command line asks the same, one line each, and says when something is missing', async () => {
      const asked = { name: 'inventory', purpose: 'api', role: 'member', days: 1, code: await person.code() };
      const { token } = (await running.call(person, 'POST', '/api/tokens', asked)).body as { token: string };
      const folder = mkdtempSync(join(tmpdir(), 'countersign-token-'));
      const file = join(folder, 'token');
      writeFileSync(file, token, { mode: 0o600 });
      const ask = async (...argv: readonly string[]) => {
        const said: string[] = [];
        const printed: string[] = [];
        const at = ['--server', running.app.url, '--token-file', file];
        const code = await inventoryCommand.run([...argv, ...at], {
          ...{ clock: systemClock, random: systemRandom, environment: {}, isErrorTerminal: false, hostname: 'edge-1' },
          ...{
            interrupted: new AbortController().signal,
            say: (text) => said.push(text),
            print: (text) => void printed.push(text),
          },
        });
        return { code, lines: printed.join('').trimEnd().split('\n'), said: said.join(' ') };
      };
      const listed = await ask('list', '--kind', 'pod', '--namespace', 'shop');
      expect(listed).toMatchObject({ code: 0, said: '' });
      expect(listed.lines.map((line) => line.split('\t').slice(0, 4).join(' '))).toEqual([
        'pod db-0 shop-prod/shop/node-1 shop/statefulset/db',
        'pod web-7d9c6b5f4-x2x8k shop-prod/shop/node-1 storefront',
      ]);
      const cut = await ask('list', '--kind', 'pod', '--namespace', 'shop', '--limit', '1', '--output', 'json');
      expect(cut.code).toBe(1);
      expect(cut.lines.map((line) => (JSON.parse(line) as WorkloadView).name)).toEqual(['db-0']);
      expect((await ask('show', 'container', ID('a'))).lines.join(' ')).toContain('in deployment\tweb');
      await expect(ask('show', 'container', 'nobody')).rejects.toThrow(/refuses it: 404/);
      await expect(ask('list', '--at', 'yesterday')).rejects.toThrow(/at is not as it must be: no time/);
      rmSync(folder, { recursive: true });
    });

    test('a pod of the agents joins by the word of its cluster, for its own node alone', async () => {
      const account = (name: string) => ({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, namespace: 'shop' },
      });
      for (const name of ['countersign-agent', 'default'])
        await cluster.call('POST', `${SHOP}/serviceaccounts`, account(name));
      const agent = await cluster.call('POST', `${SHOP}/pods`, {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'agent-0', namespace: 'shop' } },
        spec: {
          ...specOf('agent'),
          nodeName: 'node-1',
          serviceAccountName: 'countersign-agent',
          terminationGracePeriodSeconds: 0,
        },
      });
      const { uid } = agent['metadata'] as Fields;
      const tokenOf = async (name: string, audiences: readonly string[], isBound = true) => {
        const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'agent-0', uid };
        const asked = await cluster.call('POST', `${SHOP}/serviceaccounts/${name}/token`, {
          ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
          spec: { audiences, ...(isBound ? { boundObjectRef } : {}) },
        });
        return (asked['status'] as Fields)['token'] as string;
      };
      const join = async (token: string, more: Fields = {}) => {
        const body = { cluster: 'shop-prod', token, host: 'node-1', version: '0.1.0', ...more };
        const { status, body: answer } = await running.call(null, 'POST', '/agent/v1/enrol/cluster', body);
        const { message = '', secret = '' } = answer as { message?: string; secret?: string };
        return { status, said: message, secret };
      };
      const good = await tokenOf('countersign-agent', ['countersign']);
      const joined = await join(good);
      expect(joined.status, joined.said).toBe(200);
      const settings = await fetch(`${running.app.url}/agent/v1/settings`, {
        headers: { authorization: `Bearer ${joined.secret}` },
      });
      expect(settings.status).toBe(200);
      const refused: [string, Awaited<ReturnType<typeof join>>, RegExp][] = [
        ['another node', await join(good, { host: 'node-2' }), /of a pod on node-1, not on node-2/],
        ['another cluster', await join(good, { cluster: 'elsewhere' }), /no agents join from a cluster elsewhere/],
        ['made up', await join('made-up'), /./],
        [
          'another account',
          await join(await tokenOf('default', ['countersign'], false)),
          /not the service account of agents/,
        ],
        ['for anybody', await join(await tokenOf('countersign-agent', ['https://kubernetes.default.svc'])), /./],
        ['of no pod', await join(await tokenOf('countersign-agent', ['countersign'], false)), /names no node/],
      ];
      for (const [what, { status, said, secret }, reason] of refused) {
        expect(status, what).toBe(403);
        expect(said, what).toMatch(reason);
        expect(secret, what).toBe('');
      }
      await cluster.call('DELETE', `${SHOP}/pods/agent-0`, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
      });
      await untilListed('the agent is gone', { kind: 'pod', namespace: 'shop' }, (all) => all.length === 2);
    });

    test('a container that is started anew is another one, and the first has an end', async () => {
      const startedAt = new Date(Date.now() - 2_000).toISOString().replace(/\.\d+Z/, 'Z');
      await setStatus(cluster, 'db-0', (status) => ({
        ...status,
        containerStatuses: [
          {
            ...containerStatus('db', ID('d'), startedAt),
            restartCount: 1,
            lastState: {
              terminated: {
                containerID: `containerd://${ID('c')}`,
                exitCode: 137,
                reason: 'OOMKilled',
                startedAt,
                finishedAt: startedAt,
              },
            },
          },
        ],
      }));
      const containers = await untilListed(
        'both containers',
        { kind: 'container', q: 'db', from: new Date(Date.now() - 60_000).toISOString() },
        (all) => all.length === 2,
      );
      const first = containers.find(({ id }) => id === ID('c'));
      expect(first).toMatchObject({ state: 'ended', facts: { exitCode: '137', reason: 'OOMKilled' } });
      expect(containers.find(({ id }) => id === ID('d'))).toMatchObject({ state: 'running', facts: { restarts: '1' } });
    });

    test('a pod that was deleted is not there now, and was there a moment ago', async () => {
      const before = new Date().toISOString();
      await cluster.call('DELETE', `${SHOP}/pods/web-7d9c6b5f4-x2x8k`, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
      });
      await untilListed('the pod is gone', { kind: 'pod', namespace: 'shop' }, (all) => all.length === 1);
      const then = await list({ kind: 'pod', namespace: 'shop', at: before });
      expect(then.map(({ name }) => name)).toEqual(['db-0', 'web-7d9c6b5f4-x2x8k']);
      const past = await list({ kind: 'container', namespace: 'shop', at: before, host: 'node-1' });
      expect(past.map(({ id }) => id)).toEqual([ID('d'), ID('a')]);
      expect(await ask('/api/inventory/clusters')).toMatchObject({
        clusters: [{ name: 'shop-prod', state: 'watching', problem: null }],
      });
    });
  },
);

describe('a cluster that is in trouble', () => {
  let cluster: SmallCluster;
  let running: RunningApp;
  let person: EnrolledPerson;
  const names = async () => {
    const { body } = await running.call(person, 'GET', '/api/inventory?kind=pod&namespace=shop');
    return (body as unknown as InventoryView).workloads.map(({ name }) => name);
  };
  const until = async (expected: readonly string[]) => {
    const deadline = Date.now() + WAIT_MS;
    while ((await names()).join() !== expected.join()) {
      if (Date.now() > deadline) throw new Error(`${expected.join()} expected, ${(await names()).join()} found`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  beforeAll(async () => {
    cluster = await startSmallCluster();
    await makeShop(cluster);
    running = await startRunningApp(yamlOf(cluster), {});
    person = await running.enrol('mira@example.com');
    await until(['db-0', 'web-7d9c6b5f4-x2x8k']);
  });
  afterAll(async () => {
    await running?.close();
    await cluster?.close();
  });

  test('a watch that is cut off goes on from the last bookmark, without a list', async () => {
    cluster.log.asked.length = 0;
    cluster.bookmark();
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Whoever came with the version of the last pod, and not of the bookmark, would have to list.
    cluster.forget();
    cluster.log.hangUp();
    await cluster.call('DELETE', `${SHOP}/pods/web-7d9c6b5f4-x2x8k`);
    await makePod(cluster, 'late-1');
    await until(['db-0', 'late-1']);
    expect(cluster.log.asked).toContain('watch /api/v1/pods');
    expect(cluster.log.asked.filter((one) => one.startsWith('list'))).toEqual([]);
  });

  test('a version that the server has forgotten leads to a list, and what vanished meanwhile has ended', async () => {
    cluster.log.deafen('/api/v1/pods');
    await cluster.call('DELETE', `${SHOP}/pods/late-1`);
    await makePod(cluster, 'last-3');
    cluster.forget();
    cluster.log.hangUp();
    await until(['db-0', 'last-3']);
    expect(cluster.log.asked).toContain('list /api/v1/pods');
  });

  test('a line that is no event is said to people and does not end the watch', async () => {
    cluster.log.babble('<html>a proxy has something to say</html>');
    await makePod(cluster, 'later-2');
    await until(['db-0', 'last-3', 'later-2']);
    const said = running.log.entries.filter(({ fields }) => fields['cluster'] === 'shop-prod');
    expect(JSON.stringify(said)).toContain('a line that is no JSON');
  });
});

function yamlOf({ kubeconfig }: Cluster): string {
  return `
people: [{ email: mira@example.com, role: admin }]
clusters: [{ name: shop-prod, kubeconfig: ${kubeconfig}, agents: shop/countersign-agent }]
applications: { storefront: ['shop/deployment/web'] }
`;
}

type Fields = Record<string, unknown>;

function metadata(name: string, owner: Fields | null = null) {
  const { metadata: of = {}, kind, apiVersion } = owner ?? {};
  const { name: ownerName, uid } = of as Fields;
  const ownerReferences =
    owner === null ? {} : { ownerReferences: [{ apiVersion, kind, name: ownerName, uid, controller: true }] };
  return { name, namespace: 'shop', labels: { app: name.split('-')[0] }, ...ownerReferences };
}

const RESOURCES = { requests: { cpu: '250m', memory: '128Mi' }, limits: { memory: '256Mi' } };
const LABELS = (app: string) => ({
  selector: { matchLabels: { app } },
  template: { metadata: { labels: { app } }, spec: specOf(app) },
});

function specOf(app: string) {
  return { containers: [{ name: app, image: `registry.example.com/${app}:1.4`, resources: RESOURCES }] };
}

function containerStatus(name: string, id: string, startedAt: string) {
  const image = `registry.example.com/${name}:1.4`;
  return {
    name,
    image,
    imageID: '',
    ready: true,
    restartCount: 0,
    containerID: `containerd://${id}`,
    state: { running: { startedAt } },
  };
}

async function makeShop(cluster: Cluster): Promise<void> {
  await cluster.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  await cluster.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  const made = (kind: string, plural: string, body: Fields) =>
    cluster
      .call('POST', `${APPS}/${plural}`, { apiVersion: 'apps/v1', kind, ...body })
      .then((found) => ({ ...found, kind, apiVersion: 'apps/v1' }));
  const deployment = await made('Deployment', 'deployments', {
    metadata: metadata('web'),
    spec: { replicas: 1, ...LABELS('web') },
  });
  const set = await made('ReplicaSet', 'replicasets', {
    metadata: metadata('web-7d9c6b5f4', deployment),
    spec: { replicas: 1, ...LABELS('web') },
  });
  const database = await made('StatefulSet', 'statefulsets', {
    metadata: metadata('db'),
    spec: { replicas: 1, serviceName: 'db', ...LABELS('db') },
  });
  const pod = await makePod(cluster, 'web-7d9c6b5f4-x2x8k', set, ID('a'), '10.244.0.7');
  await makePod(cluster, 'db-0', database, ID('c'), '10.244.0.8');
  await cluster.call('POST', `${SHOP}/services`, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: metadata('web') },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8_080, protocol: 'TCP' }] },
  });
  await cluster.call('POST', '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name: 'web-abc12', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: [
      { addresses: ['10.244.0.7'], targetRef: { kind: 'Pod', namespace: 'shop', name: pod.name, uid: pod.uid } },
    ],
    ports: [{ port: 8_080 }],
  });
}

async function makePod(
  cluster: Cluster,
  name: string,
  owner: Fields | null = null,
  container = ID(name.at(-1) ?? '0'),
  ip = '10.244.0.9',
): Promise<{ readonly name: string; readonly uid: unknown }> {
  const app = name.split('-')[0] ?? name;
  const pod = await cluster.call('POST', `${SHOP}/pods`, {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: metadata(name, owner) },
    spec: { ...specOf(app), nodeName: 'node-1', terminationGracePeriodSeconds: 0 },
  });
  const startedAt = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z/, 'Z');
  const status = {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    containerStatuses: [containerStatus(app, container, startedAt)],
  };
  await cluster.call('PUT', `${SHOP}/pods/${name}/status`, { apiVersion: 'v1', kind: 'Pod', ...pod, status });
  const { uid } = pod['metadata'] as Fields;
  pods.set(`${cluster.kubeconfig} ${name}`, { ...pod, status });
  return { name, uid };
}

/** As they were made, for whoever changes their status. */
const pods = new Map<string, Fields>();

async function setStatus(cluster: Cluster, name: string, change: (status: Fields) => Fields): Promise<void> {
  const pod = pods.get(`${cluster.kubeconfig} ${name}`) ?? {};
  const { resourceVersion: _version, ...rest } = pod['metadata'] as Fields;
  const body = { apiVersion: 'v1', kind: 'Pod', ...pod, metadata: rest, status: change(pod['status'] as Fields) };
  await cluster.call('PUT', `${SHOP}/pods/${name}/status`, body);
}
