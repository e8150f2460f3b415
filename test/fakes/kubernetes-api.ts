/**
 * A cluster for tests: a real kube-apiserver with etcd where `COUNTERSIGN_KUBE_APISERVER` names the program, and a small server that speaks the
 * same protocol (versions, conflicts, preconditions, discovery) everywhere.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tokens } from './kubernetes-tokens.ts';
import { type Stored, WatchLog } from './kubernetes-watch.ts';

const PROGRAM = process.env['COUNTERSIGN_KUBE_APISERVER'] ?? '';
export const APISERVER_PRESENT =
  existsSync(PROGRAM) && spawnSync('etcd', ['--version'], { stdio: 'ignore' }).status === 0;

export interface Cluster {
  readonly kubeconfig: string;
  /** Makes, replaces or deletes an object, as its admin. */
  call(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

function kubeconfig(folder: string, server: string, user: object): string {
  const file = join(folder, 'kubeconfig');
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

export async function startApiserver(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-apiserver-'));
  const [client, peer, port] = await Promise.all([freePort(), freePort(), freePort()]);
  const etcdUrl = `http://127.0.0.1:${client}`;
  const children: ChildProcess[] = [];
  const run = (program: string, argv: readonly string[]) => {
    children.push(spawn(program, [...argv], { cwd: folder, stdio: 'ignore' }));
  };
  run('etcd', [
    ...['--data-dir', join(folder, 'etcd'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
  ]);
  execFileSync('openssl', ['genrsa', '-out', join(folder, 'sa.key'), '2048'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'tokens.csv'), 'sample-token,admin,1,system:masters\n');
  run(PROGRAM, [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${folder}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'sa.key')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    '--disable-admission-plugins=ServiceAccount',
  ]);
  const server = `https://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const ready = spawnSync('curl', ['-sk', '-H', 'Authorization: Bearer sample-token', `${server}/readyz`], {
      encoding: 'utf8',
    });
    if (ready.stdout === 'ok') break;
    if (tries > 600) throw new Error('kube-apiserver did not start');
    await sleep(200);
  }
  return {
    kubeconfig: kubeconfig(folder, server, { token: 'sample-token' }),
    call: async (method, path, body) => callApiserver(`${server}${path}`, method, body),
    close: async () => {
      for (const child of children.toReversed()) child.kill('SIGKILL');
      await sleep(200);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const KINDS: Readonly<Record<string, readonly (readonly [kind: string, plural: string, namespaced: boolean])[]>> = {
  v1: [
    ['Node', 'nodes', false],
    ['Pod', 'pods', true],
    ['Namespace', 'namespaces', false],
    ['Service', 'services', true],
    ['ServiceAccount', 'serviceaccounts', true],
  ],
  'apps/v1': [
    ['Deployment', 'deployments', true],
    ['StatefulSet', 'statefulsets', true],
    ['DaemonSet', 'daemonsets', true],
    ['ReplicaSet', 'replicasets', true],
  ],
  'batch/v1': [
    ['Job', 'jobs', true],
    ['CronJob', 'cronjobs', true],
  ],
  'discovery.k8s.io/v1': [['EndpointSlice', 'endpointslices', true]],
  'networking.k8s.io/v1': [['NetworkPolicy', 'networkpolicies', true]],
  'rbac.authorization.k8s.io/v1': [
    ['ClusterRoleBinding', 'clusterrolebindings', false],
    ['RoleBinding', 'rolebindings', true],
    ['ClusterRole', 'clusterroles', false],
    ['Role', 'roles', true],
  ],
};

/** Its certificate is of its own making. */
async function callApiserver(url: string, method: string, body?: object): Promise<Record<string, unknown>> {
  const payload = body === undefined ? '' : JSON.stringify(body);
  // Node sends the body of a DELETE without its length, and the server reads it as the next request.
  const length = { 'content-length': Buffer.byteLength(payload) };
  const answer = await new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        rejectUnauthorized: false,
        headers: { authorization: 'Bearer sample-token', 'content-type': 'application/json', ...length },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    sent.on('error', reject);
    sent.end(payload);
  });
  if (answer.status >= 300) throw new Error(`${method} ${url}: ${answer.text}`);
  return JSON.parse(answer.text) as Record<string, unknown>;
}

const PLURALS: ReadonlySet<string> = new Set(
  Object.values(KINDS).flatMap((kinds) => kinds.map(([, plural]) => plural)),
);

interface Answer {
  readonly status: number;
  readonly answer: unknown;
}

const failed = (code: number, reason: string, message: string): Answer => ({
  status: code,
  answer: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message },
});

/** Objects by their path, each with a version that grows. */
class Store {
  readonly log = new WatchLog();
  readonly #tokens = new Tokens();
  readonly #objects = new Map<string, Stored>();
  #version = 1;

  get version(): number {
    return this.#version;
  }

  respond(method: string, path: string, body: Stored | null, query = new URLSearchParams()): Answer {
    if (method === 'GET' && PLURALS.has(path.split('/').at(-1) ?? '') && query.has('limit')) {
      const page = { version: this.#version, limit: Number(query.get('limit')), token: query.get('continue') ?? '' };
      return { status: 200, answer: this.log.list(path, this.#objects, page) };
    }
    const listed = KINDS[path.replace(/^\/apis?\//, '')];
    if (listed !== undefined && method === 'GET') return discovery(path, listed);
    switch (method) {
      case 'GET':
        return this.#read(path);
      case 'POST': {
        const told = body === null ? null : this.#tokens.respond(path, body, (...pod) => this.#nodeOf(...pod));
        if (told !== null) return { status: 201, answer: told };
        return body === null ? failed(400, 'BadRequest', 'no body') : this.#create(path, body);
      }
      case 'PUT':
        return body === null ? failed(400, 'BadRequest', 'no body') : this.#replace(path, body);
      case 'DELETE':
        return this.#delete(path, (body?.['preconditions'] ?? {}) as Record<string, unknown>);
      default:
        return failed(405, 'MethodNotAllowed', method);
    }
  }

  #nodeOf(namespace: string, pod: string): string | null {
    const spec = this.#objects.get(`/api/v1/namespaces/${namespace}/pods/${pod}`)?.['spec'] as { nodeName?: string };
    return spec?.nodeName ?? null;
  }

  #keep(path: string, object: Stored, uid: unknown): Stored {
    this.#version += 1;
    const resourceVersion = String(this.#version);
    const known = this.#objects.get(path);
    const creationTimestamp = known?.metadata['creationTimestamp'] ?? new Date().toISOString();
    const metadata = { ...object.metadata, uid: uid ?? `uid-${resourceVersion}`, resourceVersion, creationTimestamp };
    const kept = { ...object, metadata };
    this.#objects.set(path, kept);
    this.log.record({ type: known === undefined ? 'ADDED' : 'MODIFIED', path, version: this.#version, object: kept });
    return kept;
  }

  #read(path: string): Answer {
    const known = this.#objects.get(path);
    if (known !== undefined) return { status: 200, answer: known };
    const plural = path.split('/').at(-1) ?? '';
    const items = [...this.#objects].filter(([key]) => key.split('/').at(-2) === plural).map(([, object]) => object);
    return items.length > 0
      ? { status: 200, answer: { kind: 'List', items } }
      : failed(404, 'NotFound', `${path} not found`);
  }

  #create(path: string, body: Stored): Answer {
    const key = `${path}/${String(body.metadata['name'])}`;
    if (this.#objects.has(key)) return failed(409, 'AlreadyExists', `${key} already exists`);
    if (body.metadata['resourceVersion'] !== undefined)
      return failed(500, 'InternalError', 'resourceVersion should not be set on objects to be created');
    return { status: 201, answer: this.#keep(key, body, null) };
  }

  #replace(place: string, body: Stored): Answer {
    const path = place.replace(/\/status$/, '');
    const known = this.#objects.get(path);
    if (known === undefined) return failed(404, 'NotFound', `${path} not found`);
    // Whoever names no version replaces whatever is there.
    if ((body.metadata['resourceVersion'] ?? known.metadata['resourceVersion']) !== known.metadata['resourceVersion'])
      return failed(409, 'Conflict', 'the object has been modified');
    if (JSON.stringify(body['roleRef']) !== JSON.stringify(known['roleRef']))
      return failed(422, 'Invalid', 'cannot change roleRef');
    return { status: 200, answer: this.#keep(path, body, known.metadata['uid']) };
  }

  #delete(path: string, preconditions: Record<string, unknown>): Answer {
    const known = this.#objects.get(path);
    if (known === undefined) return failed(404, 'NotFound', `${path} not found`);
    const differs = Object.entries(preconditions).some(([name, value]) => value !== known.metadata[name]);
    if (differs) return failed(409, 'Conflict', 'the precondition failed');
    this.#objects.delete(path);
    this.#version += 1;
    const object = { ...known, metadata: { ...known.metadata, resourceVersion: String(this.#version) } };
    this.log.record({ type: 'DELETED', path, version: this.#version, object });
    return { status: 200, answer: { kind: 'Status', status: 'Success' } };
  }
}

function discovery(path: string, listed: NonNullable<(typeof KINDS)[string]>): Answer {
  const resources = listed.map(([kind, name, namespaced]) => {
    return { kind, name, namespaced, singularName: '', verbs: ['get', 'list'] };
  });
  const groupVersion = path.replace(/^\/apis?\//, '');
  return { status: 200, answer: { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources } };
}

export interface SmallCluster extends Cluster {
  readonly log: WatchLog;
  /** All that was done so far is forgotten. */
  forget(): void;
  /** Tells every watcher how far it has come. */
  bookmark(): void;
}

export async function startSmallCluster(): Promise<SmallCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-cluster-'));
  const store = new Store();
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method = 'GET' } = request;
      const url = new URL(request.url ?? '', 'http://cluster');
      const { pathname: path, searchParams: query } = url;
      if (query.has('watch')) return store.log.watch(path, Number(query.get('resourceVersion')), response);
      const { status, answer } = store.respond(method, path, body, query);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    kubeconfig: kubeconfig(folder, `http://127.0.0.1:${port}`, {}),
    call: async (method, path, body) => {
      const { status, answer } = store.respond(method, path, (body ?? null) as Stored | null);
      if (status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
      return answer as Record<string, unknown>;
    },
    log: store.log,
    forget: () => store.log.forget(store.version),
    bookmark: () => store.log.bookmark(store.version),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
        rmSync(folder, { recursive: true, force: true });
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Stored | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? null : (JSON.parse(text) as Stored);
}

async function freePort(): Promise<number> {
  const server = createSocket();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
