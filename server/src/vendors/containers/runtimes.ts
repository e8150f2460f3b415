/** Runtimes by the socket at which they listen. */
import { createContainerdRuntime } from './containerd.ts';
import { createCriRuntime } from './cri.ts';
import type { ContainerRuntime } from './description.ts';
import { createDockerRuntime } from './docker.ts';

/** The name of the socket tells what speaks there: containerd and CRI-O gRPC, the rest Docker's HTTP. */
export function createRuntime(socketPath: string): ContainerRuntime {
  if (socketPath.includes('containerd')) return createContainerdRuntime(socketPath);
  if (/cri-?o|cri\./.test(socketPath)) return createCriRuntime(socketPath);
  return createDockerRuntime(socketPath);
}
