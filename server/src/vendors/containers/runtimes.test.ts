/** Docker, Podman, containerd and the Kubernetes runtime interface, each spoken to at a fake that writes its bytes by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  entry,
  type FakeRuntime,
  field,
  type GrpcAnswer,
  message,
  startDocker,
  startGrpc,
} from '../../../../test/fakes/container-runtimes.ts';
import { partsOfImage } from './description.ts';
import { createRuntime } from './runtimes.ts';

const ID = 'f'.repeat(64);
const DIGEST = `sha256:${'a'.repeat(64)}`;

const OTHER_DIGEST = `sha256:${'b'.repeat(64)}`;
/** The status of a pod's sandbox. */
const POD = field(1, message(field(5, field(1, '10.1.2.3')), entry(7, 'tier', 'front')));

let fake: FakeRuntime | null = null;
let folder = '';

afterEach(async () => {
  await fake?.close();
  fake = null;
  rmSync(folder, { recursive: true, force: true });
});

function socket(name: string): string {
  folder = mkdtempSync(join(tmpdir(), 'countersign-runtimes-'));
  return join(folder, name);
}

describe('Docker and Podman', () => {
  const told = {
    Id: ID,
    Name: '/shop',
    Image: DIGEST,
    Config: { Image: 'registry.example.com:5000/shop:1.2', User: 'app', Labels: { team: 'shop' } },
    HostConfig: { Privileged: true, PidMode: 'host', NetworkMode: 'bridge', IpcMode: 'private' },
    NetworkSettings: { IPAddress: '172.17.0.2' },
    Mounts: [{ Source: '/', Destination: '/host', Mode: 'rw', RW: true, Propagation: 'rprivate' }],
  };

  test.each([
    ['docker.sock', 'docker'],
    ['podman.sock', 'podman'],
  ])('at %s the container is described', async (name, runtime) => {
    const path = socket(name);
    fake = await startDocker(path, { [ID]: told });
    expect(await createRuntime(path).describe(ID)).toEqual({
      runtime,
      fullId: ID,
      name: 'shop',
      image: 'registry.example.com:5000/shop:1.2',
      imageId: 'a'.repeat(64),
      imageDigest: '',
      user: 'app',
      ip: '172.17.0.2',
      labels: { team: 'shop' },
      isPrivileged: true,
      hasHostPid: true,
      hasHostNetwork: false,
      hasHostIpc: false,
      mounts: [{ source: '/', destination: '/host', mode: 'rw', isWritable: true, propagation: 'rprivate' }],
      podSandboxId: '',
      podLabels: {},
    });
  });

  test('a container that it does not know is no failure; nobody at the socket is one', async () => {
    const path = socket('docker.sock');
    fake = await startDocker(path, {});
    expect(await createRuntime(path).describe(ID)).toBeNull();
    await expect(createRuntime(`${path}.absent`).describe(ID)).rejects.toThrow('ENOENT');
  });
});

describe('containerd', () => {
  const spec = {
    process: { user: { uid: 1000 }, capabilities: { effective: ['CAP_KILL'] } },
    linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'ipc' }] },
    annotations: { 'io.kubernetes.cri.sandbox-id': 'cafe' },
    mounts: [
      { type: 'proc', source: 'proc', destination: '/proc' },
      { type: 'bind', source: '/srv', destination: '/data', options: ['rbind', 'rprivate', 'ro'] },
    ],
  };
  const container = message(
    field(1, ID),
    entry(2, 'io.kubernetes.container.name', 'shop'),
    entry(2, 'io.kubernetes.pod.namespace', 'store'),
    field(3, `registry.example.com/shop@${DIGEST}`),
    field(5, message(field(1, 'types.containerd.io/…/Spec'), field(2, JSON.stringify(spec)))),
  );
  const answer = (path: string, asked: Buffer, namespace: string): GrpcAnswer => {
    if (path.endsWith('Namespaces/List')) {
      return message(field(1, message(field(1, 'default'))), field(1, message(field(1, 'k8s.io'))));
    }
    if (path.endsWith('PodSandboxStatus')) return POD;
    if (path.endsWith('Images/Get')) return field(1, field(3, field(2, OTHER_DIGEST)));
    return namespace === 'k8s.io' && asked.equals(field(1, ID)) ? field(1, container) : null;
  };

  test('the namespaces are learned, and the container is described from its specification', async () => {
    const path = socket('containerd.sock');
    fake = await startGrpc(path, answer);
    expect(await createRuntime(path).describe(ID)).toMatchObject({
      runtime: 'containerd',
      fullId: ID,
      name: 'shop',
      image: `registry.example.com/shop@${DIGEST}`,
      imageDigest: DIGEST,
      user: '1000',
      labels: { 'io.kubernetes.pod.namespace': 'store' },
      isPrivileged: false,
      hasHostPid: false,
      hasHostNetwork: true,
      hasHostIpc: false,
      mounts: [{ source: '/srv', destination: '/data', mode: 'ro', isWritable: false, propagation: 'rprivate' }],
      podSandboxId: 'cafe',
      podLabels: { tier: 'front' },
      ip: '10.1.2.3',
    });
    expect(fake.asked.slice(0, 3)).toEqual([
      '/containerd.services.namespaces.v1.Namespaces/List',
      '/containerd.services.containers.v1.Containers/Get default',
      '/containerd.services.containers.v1.Containers/Get k8s.io',
    ]);
    expect(fake.asked.slice(3).toSorted()).toEqual([
      '/containerd.services.images.v1.Images/Get k8s.io',
      '/runtime.v1.RuntimeService/PodSandboxStatus',
    ]);
  });

  test.each([
    ['the digest', 'Images/Get', { imageDigest: '', podLabels: { tier: 'front' } }],
    ['the pod', 'PodSandboxStatus', { imageDigest: OTHER_DIGEST, podLabels: {}, ip: '' }],
  ])('a container of which %s cannot be had is named all the same', async (_what, refused, expected) => {
    const path = socket('containerd.sock');
    const tagged = message(
      field(1, ID),
      field(3, 'registry.example.com/shop:1.2'),
      field(5, message(field(2, JSON.stringify(spec)))),
    );
    fake = await startGrpc(path, (asked, bytes, namespace) => {
      if (asked.endsWith(refused)) return 'unknown service';
      return asked.endsWith('Containers/Get') ? field(1, tagged) : answer(asked, bytes, namespace);
    });
    expect(await createRuntime(path).describe(ID)).toMatchObject({
      image: 'registry.example.com/shop:1.2',
      ...expected,
    });
  });

  test('a container that no namespace has is no failure', async () => {
    const path = socket('containerd.sock');
    fake = await startGrpc(path, answer);
    expect(await createRuntime(path).describe('0'.repeat(64))).toBeNull();
  });

  test('a call that fails says why', async () => {
    const path = socket('containerd.sock');
    fake = await startGrpc(path, () => 'the store is locked');
    await expect(createRuntime(path).describe(ID)).rejects.toThrow('the store is locked');
  });

  test.each([
    'ended',
    'reset',
    'gone',
  ] as const)('a call that is broken off (%s) tells nothing of a container', async (broken) => {
    const path = socket('containerd.sock');
    fake = await startGrpc(path, (asked, bytes, namespace) =>
      asked.endsWith('Containers/Get') ? { broken } : answer(asked, bytes, namespace),
    );
    await expect(createRuntime(path).describe(ID)).rejects.toThrow();
  });

  test('a container without a specification is not said to share what the host has', async () => {
    const path = socket('containerd.sock');
    const bare = message(field(1, ID), field(3, 'registry.example.com/shop'));
    fake = await startGrpc(path, (asked, bytes, namespace) =>
      asked.endsWith('Containers/Get') ? field(1, bare) : answer(asked, bytes, namespace),
    );
    expect(await createRuntime(path).describe(ID)).toMatchObject({
      fullId: ID,
      hasHostPid: false,
      hasHostNetwork: false,
      hasHostIpc: false,
    });
  });

  test('an answer that is no message is a failure and nothing worse', async () => {
    const path = socket('containerd.sock');
    fake = await startGrpc(path, () => Buffer.from([0x0a, 0xff, 0xff, 0xff]));
    await expect(createRuntime(path).describe(ID)).rejects.toThrow('cut off');
  });
});

test('CRI-O is asked through the Kubernetes runtime interface', async () => {
  const path = socket('crio.sock');
  const status = message(
    field(1, ID),
    field(2, message(field(1, 'shop'))),
    field(8, message(field(1, 'registry.example.com/shop:1.2'))),
    field(9, `registry.example.com/shop@${DIGEST}`),
    entry(12, 'io.kubernetes.pod.name', 'shop-1'),
    field(14, message(field(1, '/data'), field(2, '/srv'), field(3, 1))),
  );
  const info = JSON.stringify({ sandboxID: 'cafe', privileged: true });
  fake = await startGrpc(path, (asked) =>
    asked.endsWith('PodSandboxStatus') ? POD : message(field(1, status), entry(2, 'info', info)),
  );
  expect(await createRuntime(path).describe(ID)).toMatchObject({
    runtime: 'cri-o',
    name: 'shop',
    image: 'registry.example.com/shop:1.2',
    imageDigest: DIGEST,
    labels: { 'io.kubernetes.pod.name': 'shop-1' },
    isPrivileged: true,
    mounts: [{ source: '/srv', destination: '/data', mode: 'ro', isWritable: false }],
    podSandboxId: 'cafe',
    podLabels: { tier: 'front' },
    ip: '10.1.2.3',
  });
  expect(fake.asked).toEqual([
    '/runtime.v1.RuntimeService/ContainerStatus',
    '/runtime.v1.RuntimeService/PodSandboxStatus',
  ]);
});

test('an image falls into repository, tag and digest', () => {
  expect(partsOfImage('shop')).toEqual({ repository: 'shop', tag: '', digest: '' });
  expect(partsOfImage('shop:1.2')).toEqual({ repository: 'shop', tag: '1.2', digest: '' });
  expect(partsOfImage('registry:5000/shop')).toEqual({ repository: 'registry:5000/shop', tag: '', digest: '' });
  const whole = `registry:5000/team/shop:1.2@${DIGEST}`;
  expect(partsOfImage(whole)).toEqual({ repository: 'registry:5000/team/shop', tag: '1.2', digest: DIGEST });
});
