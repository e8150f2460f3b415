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
      return answer === null ? null : describe(answer, socketPath.includes('crio') ? 'cri-o' : 'cri');
    },
  };
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
