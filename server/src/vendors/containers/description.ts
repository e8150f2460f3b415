/** What a runtime says of one container, whatever its protocol. */

export interface ContainerDescription {
  readonly runtime: 'docker' | 'podman' | 'containerd' | 'cri' | 'cri-o';
  readonly fullId: string;
  readonly name: string;
  /** As it was asked for: `registry.example.com/shop:1.2`. */
  readonly image: string;
  readonly imageId: string;
  readonly imageDigest: string;
  readonly user: string;
  readonly ip: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isPrivileged: boolean;
  readonly hasHostPid: boolean;
  readonly hasHostNetwork: boolean;
  readonly hasHostIpc: boolean;
  readonly mounts: readonly ContainerMount[];
  readonly podSandboxId: string;
  /** Of the pod, which containers need not share. */
  readonly podLabels: Readonly<Record<string, string>>;
}

export interface ContainerMount {
  readonly source: string;
  readonly destination: string;
  readonly mode: string;
  readonly isWritable: boolean;
  readonly propagation: string;
}

/** One runtime on this machine. */
export interface ContainerRuntime {
  /** Null: it does not know the container. Throws when it cannot be asked. */
  describe(fullId: string): Promise<ContainerDescription | null>;
}

type Members = Readonly<Record<string, unknown>>;

export function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(membersOf(value)).map(([name, text]) => [name, textOf(text)]));
}

/** `registry:5000/shop:1.2@sha256:…` → its parts. */
export function partsOfImage(image: string): {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
} {
  const [named = '', digest = ''] = image.split('@');
  const colon = named.lastIndexOf(':');
  // A colon before a slash belongs to a port.
  if (colon === -1 || named.includes('/', colon)) return { repository: named, tag: '', digest };
  return { repository: named.slice(0, colon), tag: named.slice(colon + 1), digest };
}
