/**
 * Which container a control group belongs to, as the container plugin of Falco sees it: every runtime has its forms of paths.
 *
 * The surprise: `ctr` lets people name containers freely, so that any path of two parts looks like one of them. Unless asked for
 * ("containerd"), a free name is taken for a container only in the namespaces that containerd's own tools use.
 */

/** In the order in which they are asked. */
export const CONTAINER_ENGINES = ['podman', 'docker', 'cri', 'containerd', 'lxc', 'libvirt_lxc', 'bpm'] as const;
export type ContainerEngine = (typeof CONTAINER_ENGINES)[number];

/** What a control group told. `type` is set when nobody else will tell about the container. */
export interface FoundContainer {
  readonly id: string;
  readonly type: 'lxc' | 'libvirt-lxc' | 'bpm' | null;
}

const ID_CHARACTERS = 64;
const SHORT_ID_CHARACTERS = 12;

interface Form {
  readonly prefix: string;
  readonly suffix: string;
}

const form = (prefix: string, suffix = ''): Form => ({ prefix, suffix });
const PODMAN = [
  form('/libpod-', '.scope'),
  form('/libpod-', '.scope/container'),
  form('/libpod-'),
  form('/libpod-payload-', '.scope'),
  form('/libpod-payload-', '.scope/container'),
  form('/libpod-payload-'),
];
const DOCKER = [form('/'), form('/docker-', '.scope')];
const CRI = [
  form('/'),
  form('/crio-'),
  form('/cri-containerd-', '.scope'),
  form('/crio-', '.scope'),
  form(':cri-containerd:'),
  form('/docker-', '.scope'),
  form('/nerdctl-', '.scope'),
];
const NAMESPACE = /\/([A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)\//;
const CONTAINERD_NAMESPACES = new Set(['default', 'k8s.io', 'moby', 'buildkit']);
const HOST_GROUP = /\.(?:service|slice|scope)$/;
const LXC = /\/lxc(?:\/|\.payload[/.])([^/]*)/;
const BPM_ID = /^[A-Za-z0-9._-]+$/;

/** Null on the host. Without `engines` all are asked, and of containerd only what is surely a container. */
export function findContainer(path: string, engines: ReadonlySet<ContainerEngine> | null): FoundContainer | null {
  for (const engine of CONTAINER_ENGINES) {
    if (engines !== null && !engines.has(engine)) continue;
    const found = MATCHERS[engine](path, engines !== null);
    if (found !== null) return found;
  }
  return null;
}

const MATCHERS: Readonly<Record<ContainerEngine, (path: string, isAskedFor: boolean) => FoundContainer | null>> = {
  podman: (path) => byForms(path, PODMAN),
  docker: (path) => byForms(path, DOCKER),
  cri: (path) => byForms(path, CRI),
  containerd(path, isAskedFor) {
    const namespace = NAMESPACE.exec(path);
    if (namespace === null || (!isAskedFor && !CONTAINERD_NAMESPACES.has(namespace[1] ?? ''))) return null;
    const name = path.slice(path.lastIndexOf(namespace[0]) + namespace[0].length);
    if (name === '' || name.length > ID_CHARACTERS) return null;
    const isId = name.length === ID_CHARACTERS && isHexadecimal(name);
    return isId || !HOST_GROUP.test(path) ? { id: name.slice(0, SHORT_ID_CHARACTERS), type: null } : null;
  },
  lxc(path) {
    const id = LXC.exec(path)?.[1];
    return id === undefined ? null : { id, type: 'lxc' };
  },
  libvirt_lxc(path) {
    const id = libvirtId(path);
    return id === null ? null : { id, type: 'libvirt-lxc' };
  },
  bpm(path) {
    const at = path.indexOf('bpm-');
    if (at === -1) return null;
    const start = at + 'bpm-'.length;
    const end = path.indexOf('.scope', start);
    const id = path.slice(start, end === -1 ? path.length : end);
    return BPM_ID.test(id) ? { id, type: 'bpm' } : null;
  },
};

/** The path ends, or has its last suffix, after an id of 64 digits that follows the last prefix. */
function byForms(path: string, forms: readonly Form[]): FoundContainer | null {
  for (const { prefix, suffix } of forms) {
    const at = path.lastIndexOf(prefix);
    if (at === -1) continue;
    const start = at + prefix.length;
    const end = suffix === '' ? path.length : path.lastIndexOf(suffix);
    if (end - start !== ID_CHARACTERS) continue;
    if (isHexadecimal(path.slice(start, end)))
      return { id: path.slice(start, start + SHORT_ID_CHARACTERS), type: null };
  }
  return null;
}

function isHexadecimal(text: string): boolean {
  return /^[0-9a-fA-F]+$/.test(text);
}

function libvirtId(path: string): string | null {
  const plain = /([^/]*)\.libvirt-lxc$/.exec(path);
  if (plain?.[1] !== undefined) return plain[1];
  const systemd = /-lxc\\x2d(.*?)\.scope(?:\/libvirt)?$/.exec(path);
  if (systemd?.[1] !== undefined) return systemd[1];
  const legacy = path.indexOf('/libvirt/lxc/');
  return legacy === -1 ? null : path.slice(legacy + '/libvirt/lxc/'.length);
}
