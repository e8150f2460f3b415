/** The interface between Kubernetes and runtimes (CRI v1), which CRI-O speaks alone. Fields as in k8s.io/cri-api runtime/v1. */
import { type ContainerDescription, type ContainerRuntime, membersOf, textOf } from './description.ts';
import { callGrpc } from './grpc.ts';
import { messageIn, messagesIn, readMessage, textIn, textMapIn, writeText } from './protobuf.ts';

const VERBOSE = Buffer.from([2 << 3, 1]);

export function createCriRuntime(socketPath: string): ContainerRuntime {
  return {
    describe: async (fullId) => {
      const answer = await callGrpc({
        socketPath,
        path: '/runtime.v1.RuntimeService/ContainerStatus',
        message: Buffer.concat([writeText(1, fullId), VERBOSE]),
      });
      if (answer === null) return null;
      const described = describe(answer, socketPath.includes('crio') ? 'cri-o' : 'cri');
      const pod = await podOf(socketPath, described.podSandboxId);
      return { ...described, ip: pod.ip, podLabels: pod.labels };
    },
  };
}

export interface Pod {
  readonly labels: Readonly<Record<string, string>>;
  /** Empty on the host's network. */
  readonly ip: string;
}

/** Of the pod whose sandbox this is; what cannot be asked is empty: containerd may be without this interface. */
export async function podOf(socketPath: string, sandboxId: string): Promise<Pod> {
  const unknown = { labels: {}, ip: '' };
  if (sandboxId === '') return unknown;
  const answer = await callGrpc({
    socketPath,
    path: '/runtime.v1.RuntimeService/PodSandboxStatus',
    message: writeText(1, sandboxId),
  }).catch(() => null);
  if (answer === null) return unknown;
  const status = messageIn(readMessage(answer), 1);
  return { labels: textMapIn(status, 7), ip: textIn(messageIn(status, 5), 1) };
}

function describe(answer: Buffer, runtime: 'cri' | 'cri-o'): ContainerDescription {
  const told = readMessage(answer);
  const status = messageIn(told, 1);
  const info = infoOf(textMapIn(told, 2)['info'] ?? '');
  const labels = textMapIn(status, 12);
  const reference = textIn(status, 9);
  return {
    runtime,
    fullId: textIn(status, 1),
    name: textIn(messageIn(status, 2), 1),
    image: textIn(messageIn(status, 8), 1),
    imageId: '',
    imageDigest: reference.includes('@') ? (reference.split('@')[1] ?? '') : '',
    user: '',
    ip: '',
    labels,
    isPrivileged: info['privileged'] === true,
    hasHostPid: false,
    hasHostNetwork: false,
    hasHostIpc: false,
    mounts: messagesIn(status, 14).map((mount) => ({
      destination: textIn(mount, 1),
      source: textIn(mount, 2),
      mode: isSet(mount.get(3)) ? 'ro' : 'rw',
      isWritable: !isSet(mount.get(3)),
      propagation: '',
    })),
    podSandboxId: textOf(info['sandboxID']),
    podLabels: {},
  };
}

function isSet(values: readonly (Buffer | number)[] | undefined): boolean {
  return values?.at(-1) === 1;
}

/** JSON, of which every runtime has its own form. */
function infoOf(json: string): Readonly<Record<string, unknown>> {
  try {
    return membersOf(JSON.parse(json));
  } catch {
    return {};
  }
}
