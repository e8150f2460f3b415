/** Docker's API over its Unix socket; Podman's service speaks it as well. */
import { request } from 'node:http';
import {
  type ContainerDescription,
  type ContainerMount,
  type ContainerRuntime,
  membersOf,
  textOf,
  textsOf,
} from './description.ts';

const TIMEOUT_MS = 3_000;
const LARGEST_BYTES = 4 * 1024 * 1024;
const FOUND = 200;
const NOT_FOUND = 404;

export function createDockerRuntime(socketPath: string): ContainerRuntime {
  const runtime = socketPath.includes('podman') ? 'podman' : 'docker';
  return {
    describe: async (fullId) => {
      const { status, body } = await get(socketPath, `/containers/${encodeURIComponent(fullId)}/json`);
      if (status === NOT_FOUND) return null;
      if (status !== FOUND) throw new Error(`${socketPath} answered ${status}`);
      return describe(JSON.parse(body), runtime);
    },
  };
}

function get(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS, headers: { host: 'localhost' } }, (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      response.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > LARGEST_BYTES) asked.destroy(new Error(`an answer of more than ${LARGEST_BYTES} bytes`));
        else pieces.push(piece);
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }),
      );
      response.on('error', reject);
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}

function describe(value: unknown, runtime: 'docker' | 'podman'): ContainerDescription {
  const told = membersOf(value);
  const config = membersOf(told['Config']);
  const host = membersOf(told['HostConfig']);
  const network = membersOf(told['NetworkSettings']);
  const mounts = Array.isArray(told['Mounts']) ? told['Mounts'] : [];
  const image = textOf(config['Image']);
  return {
    runtime,
    fullId: textOf(told['Id']),
    name: textOf(told['Name']).replace(/^\//, ''),
    image,
    imageId: textOf(told['Image']).replace(/^sha256:/, ''),
    imageDigest: image.split('@')[1] ?? '',
    user: textOf(config['User']),
    ip: textOf(network['IPAddress']),
    labels: textsOf(config['Labels']),
    isPrivileged: host['Privileged'] === true,
    hasHostPid: host['PidMode'] === 'host',
    hasHostNetwork: host['NetworkMode'] === 'host',
    hasHostIpc: host['IpcMode'] === 'host',
    mounts: mounts.map(mountOf),
    podSandboxId: '',
    podLabels: {},
  };
}

function mountOf(value: unknown): ContainerMount {
  const mount = membersOf(value);
  return {
    source: textOf(mount['Source']),
    destination: textOf(mount['Destination']),
    mode: textOf(mount['Mode']),
    isWritable: mount['RW'] === true,
    propagation: textOf(mount['Propagation']),
  };
}
