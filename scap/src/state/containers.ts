/** What the runtimes told about containers. Which container a thread is in say its control groups (container-engines.ts). */

export interface ContainerMount {
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  readonly isWritable: boolean;
  readonly propagation: string;
}

export interface Container {
  /** As the runtime's listener wrote it; empty when nobody did. */
  readonly json: string;
  readonly id: string;
  readonly fullId: string;
  readonly type: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly imageRepository: string;
  readonly imageTag: string;
  readonly imageDigest: string;
  readonly ip: string;
  readonly cni: string;
  /** Whom the image runs as. */
  readonly user: string;
  readonly isPrivileged: boolean;
  readonly hasHostPid: boolean;
  readonly hasHostNetwork: boolean;
  readonly hasHostIpc: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly podLabels: ReadonlyMap<string, string>;
  readonly podSandboxId: string;
  readonly mounts: readonly ContainerMount[];
}

const TYPES: Readonly<Record<number, string>> = {
  0: 'docker',
  1: 'lxc',
  2: 'libvirt-lxc',
  3: 'mesos',
  4: 'rkt',
  6: 'cri',
  7: 'containerd',
  8: 'cri-o',
  9: 'bpm',
  11: 'podman',
  65534: 'host',
};

type Members = Readonly<Record<string, unknown>>;

/** Null when the text is not what a runtime's listener writes. */
export function parseContainer(json: string): Container | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return null;
  }
  const container = membersOf(membersOf(parsed)['container']);
  const text = (name: string): string => (typeof container[name] === 'string' ? container[name] : '');
  const flag = (name: string): boolean => container[name] === true;
  if (text('id') === '') return null;
  return {
    json,
    id: text('id'),
    fullId: text('full_id'),
    type: TYPES[Number(container['type'])] ?? '',
    name: text('name'),
    image: text('image'),
    imageId: text('imageid'),
    imageRepository: text('imagerepo'),
    imageTag: text('imagetag'),
    imageDigest: text('imagedigest'),
    ip: text('ip'),
    cni: text('cni_json'),
    user: text('User'),
    isPrivileged: flag('privileged'),
    hasHostPid: flag('host_pid'),
    hasHostNetwork: flag('host_network'),
    hasHostIpc: flag('host_ipc'),
    labels: textMap(container['labels']),
    podLabels: textMap(container['pod_sandbox_labels']),
    podSandboxId: text('pod_sandbox_id'),
    mounts: Array.isArray(container['Mounts']) ? container['Mounts'].map(mountOf) : [],
  };
}

/** A container of which no more than this is known. */
export function bareContainer(id: string, type: string): Container {
  return { ...HOST, id, fullId: '', name: '', type };
}

export const HOST: Container = {
  json: '',
  id: 'host',
  fullId: 'host',
  type: 'host',
  name: 'host',
  image: '',
  imageId: '',
  imageRepository: '',
  imageTag: '',
  imageDigest: '',
  ip: '',
  cni: '',
  user: '',
  isPrivileged: false,
  hasHostPid: false,
  hasHostNetwork: false,
  hasHostIpc: false,
  labels: new Map(),
  podLabels: new Map(),
  podSandboxId: '',
  mounts: [],
};

function mountOf(value: unknown): ContainerMount {
  const mount = membersOf(value);
  const text = (name: string): string => (typeof mount[name] === 'string' ? mount[name] : '');
  return {
    source: text('Source'),
    destination: text('Destination'),
    mode: text('Mode'),
    isWritable: mount['RW'] === true,
    propagation: text('Propagation'),
  };
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

function textMap(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(membersOf(value)).sort(([one], [other]) => (one < other ? -1 : 1));
  return new Map(entries.map(([name, text]) => [name, typeof text === 'string' ? text : String(text)]));
}
