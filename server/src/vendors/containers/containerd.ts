/**
 * containerd's own API: containers lie in namespaces (`k8s.io`, `moby`, `default`), and the one who asks has to name it.
 *
 * Fields as in containerd's api/services/containers/v1, images/v1 and namespaces/v1.
 */
import {
  type ContainerDescription,
  type ContainerMount,
  type ContainerRuntime,
  membersOf,
  textOf,
} from './description.ts';
import { podOf } from './cri.ts';
import { callGrpc } from './grpc.ts';
import { type Message, messageIn, messagesIn, readMessage, textIn, textMapIn, writeText } from './protobuf.ts';

const MOST_NAMESPACES = 50;
/** More than a container of its own has. */
const POWERS = ['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_PTRACE'];

export function createContainerdRuntime(socketPath: string): ContainerRuntime {
  let namespaces: readonly string[] = [];
  return {
    describe: async (fullId) => {
      for (const isKnown of [true, false]) {
        if (!isKnown) namespaces = await listNamespaces(socketPath);
        for (const namespace of namespaces) {
          const answer = await callGrpc({
            socketPath,
            path: '/containerd.services.containers.v1.Containers/Get',
            message: writeText(1, fullId),
            headers: { 'containerd-namespace': namespace },
          });
          if (answer === null) continue;
          const described = describe(messageIn(readMessage(answer), 1));
          const [pod, digest] = await Promise.all([
            podOf(socketPath, described.podSandboxId),
            digestOf(socketPath, namespace, described.image),
          ]);
          const imageDigest = described.imageDigest || digest;
          return { ...described, imageDigest, ip: pod.ip, podLabels: pod.labels };
        }
      }
      return null;
    },
  };
}

async function listNamespaces(socketPath: string): Promise<readonly string[]> {
  const answer = await callGrpc({
    socketPath,
    path: '/containerd.services.namespaces.v1.Namespaces/List',
    message: Buffer.alloc(0),
  });
  if (answer === null) return [];
  return messagesIn(readMessage(answer), 1)
    .slice(0, MOST_NAMESPACES)
    .map((namespace) => textIn(namespace, 1));
}

/** What the image's name stands for here; empty when that is gone. Without it the container is still named. */
async function digestOf(socketPath: string, namespace: string, image: string): Promise<string> {
  const answer = await callGrpc({
    socketPath,
    path: '/containerd.services.images.v1.Images/Get',
    message: writeText(1, image),
    headers: { 'containerd-namespace': namespace },
  }).catch(() => null);
  return answer === null ? '' : textIn(messageIn(messageIn(readMessage(answer), 1), 3), 2);
}

function describe(container: Message): ContainerDescription {
  const labels = textMapIn(container, 2);
  const told = specOf(container);
  const spec = told ?? {};
  const process = membersOf(spec['process']);
  const linux = membersOf(spec['linux']);
  const annotations = membersOf(spec['annotations']);
  const capabilities = membersOf(process['capabilities'])['effective'];
  const { uid } = membersOf(process['user']);
  const own = namespacesOf(linux['namespaces']);
  // A specification that names no namespace shares the host's; without one nothing is known, and nothing is claimed.
  const hasOfHost = (type: string) => told !== null && !own.has(type);
  const mounts = Array.isArray(spec['mounts']) ? spec['mounts'] : [];
  const id = textIn(container, 1);
  // Of a pod's container the image is known here by whatever name it had first, perhaps only a digest; the annotation has what was asked for.
  const image = textOf(annotations['io.kubernetes.cri.image-name']) || textIn(container, 3);
  return {
    runtime: 'containerd',
    fullId: id,
    name: labels['io.kubernetes.container.name'] ?? labels['nerdctl/name'] ?? id,
    image,
    imageId: '',
    imageDigest: image.split('@')[1] ?? '',
    user: typeof uid === 'number' ? String(uid) : '',
    ip: '',
    labels,
    isPrivileged: Array.isArray(capabilities) && POWERS.every((one) => capabilities.includes(one)),
    hasHostPid: hasOfHost('pid'),
    hasHostNetwork: hasOfHost('network'),
    hasHostIpc: hasOfHost('ipc'),
    mounts: mounts.flatMap(mountOf),
    podSandboxId: textOf(annotations['io.kubernetes.cri.sandbox-id']),
    podLabels: {},
  };
}

/** The OCI specification of the container, in an `Any`; null when there is none that can be read. */
function specOf(container: Message): Readonly<Record<string, unknown>> | null {
  try {
    const members = membersOf(JSON.parse(textIn(messageIn(container, 5), 2)));
    return Object.keys(members).length === 0 ? null : members;
  } catch {
    return null;
  }
}

function namespacesOf(value: unknown): ReadonlySet<string> {
  return new Set(Array.isArray(value) ? value.map((one) => textOf(membersOf(one)['type'])) : []);
}

/** Folders of the host; what the runtime makes by itself (`proc`, `tmpfs` …) is no mount that anybody asked for. */
function mountOf(value: unknown): readonly ContainerMount[] {
  const mount = membersOf(value);
  if (mount['type'] !== 'bind') return [];
  const options = Array.isArray(mount['options']) ? mount['options'].map(textOf) : [];
  return [
    {
      source: textOf(mount['source']),
      destination: textOf(mount['destination']),
      mode: options.includes('ro') ? 'ro' : 'rw',
      isWritable: !options.includes('ro'),
      propagation: options.find((one) => /^r?(private|shared|slave)$/.test(one)) ?? '',
    },
  ];
}
