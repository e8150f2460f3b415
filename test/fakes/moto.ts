/** AWS on loopback: moto's server, from `COUNTERSIGN_MOTO`, where `.ci/run` puts it, /opt/moto or the PATH, whose may be an older one. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../.build/moto/bin/moto_server', import.meta.url));
const PROGRAMS = [process.env['COUNTERSIGN_MOTO'] ?? BUILT, BUILT, '/opt/moto/bin/moto_server', 'moto_server'];
const PROGRAM = PROGRAMS.find((program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).status === 0);
export const MOTO_PRESENT = PROGRAM !== undefined;

export interface Moto {
  readonly endpoint: string;
  close(): void;
}

export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const child: ChildProcess = spawn(PROGRAM ?? '', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    const ready = await fetch(`${endpoint}/moto-api/`).catch(() => null);
    if (ready !== null) return { endpoint, close: () => child.kill('SIGKILL') };
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error('moto did not start');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
