/**
 * Real containerd and Podman for tests, each with a folder and a socket of its own, and an image of busybox. Nothing is fetched, no limit is
 * raised and no network is made: that works where neither is allowed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { callGrpc } from '../server/src/vendors/containers/grpc.ts';
import { readMessage, textIn } from '../server/src/vendors/containers/protobuf.ts';
import { createRuntime } from '../server/src/vendors/containers/runtimes.ts';
import { describeWith } from './data.ts';
import { entry, field, message } from './fakes/container-runtimes.ts';
import { SENSOR } from './sensor.ts';

const run = promisify(execFile);
const BUSYBOX = '/bin/busybox';
const TOOLS = ['sh', 'true', 'sleep', 'echo', 'cat'] as const;
const READY_MS = 30_000;
const PROGRAMS = ['/usr/bin/containerd', '/usr/bin/ctr', '/usr/bin/podman', BUSYBOX];
export const IMAGE = { repository: 'registry.example.com/tools/busybox', tag: '1.35' } as const;
const REFERENCE = `${IMAGE.repository}:${IMAGE.tag}`;

export const describeWithRuntimes = describeWith({
  name: 'the sensor as root, with containerd, podman and busybox-static',
  present: existsSync(SENSOR) && process.getuid?.() === 0 && PROGRAMS.every(existsSync),
});

export interface Runtimes {
  readonly podmanSocket: string;
  readonly containerdSocket: string;
  /** @returns the id of the container, which runs or has run. */
  podman(...args: readonly string[]): Promise<string>;
  ctr(...args: readonly string[]): Promise<string>;
  /** Through the interface that Kubernetes uses: the pod of one container, on the host's network. Resolves when it has started. */
  pod(pod: NewPod): Promise<{ readonly sandbox: string; readonly container: string }>;
  close(): Promise<void>;
}

export interface NewPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly container: string;
  readonly script: string;
}

export interface NewContainer {
  readonly name: string;
  readonly script: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly isPrivileged?: boolean;
}

/** Arguments of `podman run`: limits that every host allows. */
export function podmanRun({ name, script, labels = {}, isPrivileged = false }: NewContainer): readonly string[] {
  const own = [...labelled(labels), ...(isPrivileged ? ['--privileged'] : [])];
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
  return ['run', '--network', 'host', ...limits, '--name', name, ...own, REFERENCE, '/bin/sh', '-c', script];
}

/** Arguments of `ctr run`. */
export function ctrRun({ name, script, labels = {}, isPrivileged = false }: NewContainer): readonly string[] {
  const own = [...labelled(labels), ...(isPrivileged ? ['--privileged'] : [])];
  return ['run', '--rm', '--snapshotter', 'native', ...own, REFERENCE, name, '/bin/sh', '-c', script];
}

function labelled(labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
}

export async function startRuntimes(): Promise<Runtimes> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-runtimes-'));
  const podmanSocket = join(folder, 'podman.sock');
  const containerdSocket = join(folder, 'containerd.sock');
  const store = ['--root', join(folder, 'podman'), '--runroot', join(folder, 'podman-run')];
  const ways = ['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'];
  const podmanOptions = [...store, ...ways, '--events-backend', 'file'];
  const podman = async (...args: readonly string[]) => (await run('podman', [...podmanOptions, ...args])).stdout.trim();
  const ctr = async (...args: readonly string[]) =>
    (await run('ctr', ['--address', containerdSocket, ...args])).stdout.trim();
  const started: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]) =>
    started.push(spawn(program, args, { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '' } }));
  const sandboxes: string[] = [];
  const close = async () => {
    for (const sandbox of sandboxes) await callCri(containerdSocket, 'StopPodSandbox', field(1, sandbox));
    await podman('rm', '--force', '--all', '--time', '0').catch(() => '');
    await Promise.all(started.map(endOf));
    for (const place of mountsBelow(folder)) await run('umount', [place]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const image = join(folder, 'busybox.tar');
    await run('tar', ['-C', rootFolder(folder), '-cf', image, '.']);
    await podman('import', '--change', 'CMD ["/bin/sleep","600"]', image, REFERENCE);
    await podman('save', '--format', 'oci-archive', '--output', join(folder, 'busybox.oci'), REFERENCE);
    start('podman', [...podmanOptions, 'system', 'service', '--time', '0', `unix://${podmanSocket}`]);
    start('containerd', ['--config', containerdConfiguration(folder, containerdSocket)]);
    await ready(() => createRuntime(podmanSocket).describe('nobody'));
    await ready(() => ctr('version'));
    for (const namespace of ['default', 'k8s.io']) {
      await ctr('--namespace', namespace, 'image', 'import', '--snapshotter', 'native', join(folder, 'busybox.oci'));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const pod = async (wanted: NewPod) => {
    const made = await startPod(containerdSocket, wanted);
    sandboxes.push(made.sandbox);
    return made;
  };
  return { podmanSocket, containerdSocket, podman, ctr, pod, close };
}

const ON_HOST = field(1, 2);

/** Fields as in k8s.io/cri-api runtime/v1. */
async function startPod(
  socketPath: string,
  pod: NewPod,
): Promise<{ readonly sandbox: string; readonly container: string }> {
  const metadata = message(field(1, pod.name), field(2, pod.uid), field(3, pod.namespace));
  const config = message(
    field(1, metadata),
    ...Object.entries(pod.labels).map(([name, value]) => entry(6, name, value)),
    field(8, message(field(1, `/kubepods/besteffort/pod${pod.uid}`), field(2, field(1, ON_HOST)))),
  );
  const sandbox = await callCri(socketPath, 'RunPodSandbox', field(1, config));
  const container = message(
    field(1, field(1, pod.container)),
    field(2, field(1, REFERENCE)),
    ...['/bin/sh', '-c', pod.script].map((word) => field(3, word)),
    entry(9, 'io.kubernetes.container.name', pod.container),
    entry(9, 'io.kubernetes.pod.name', pod.name),
    entry(9, 'io.kubernetes.pod.namespace', pod.namespace),
    entry(9, 'io.kubernetes.pod.uid', pod.uid),
    field(15, field(2, field(3, ON_HOST))),
  );
  const wanted = message(field(1, sandbox), field(2, container), field(3, config));
  const made = await callCri(socketPath, 'CreateContainer', wanted);
  await callCri(socketPath, 'StartContainer', field(1, made));
  return { sandbox, container: made };
}

/** The first field of the answer. */
async function callCri(socketPath: string, method: string, body: Buffer): Promise<string> {
  const answer = await callGrpc({ socketPath, path: `/runtime.v1.RuntimeService/${method}`, message: body });
  return answer === null ? '' : textIn(readMessage(answer), 1);
}

/** The innermost first. */
function mountsBelow(folder: string): readonly string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(`${folder}/`))
    .toReversed();
}

function rootFolder(folder: string): string {
  const root = join(folder, 'root');
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
  for (const name of TOOLS) symlinkSync('busybox', join(root, 'bin', name));
  return root;
}

function containerdConfiguration(folder: string, socket: string): string {
  const file = join(folder, 'containerd.toml');
  writeFileSync(
    file,
    `version = 2
root = "${join(folder, 'containerd')}"
state = "${join(folder, 'containerd-run')}"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${REFERENCE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[ttrpc]
  address = "${socket}.ttrpc"
`,
  );
  return file;
}

async function ready(answers: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      await answers();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
