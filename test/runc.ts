/** Containers of plain runc for tests: a root folder with busybox, and a bundle a container, as a runtime would write it. */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWith } from './data.ts';
import { SENSOR } from './sensor.ts';

const run = promisify(execFile);
const RUNC = ['/usr/sbin/runc', '/usr/bin/runc'].find(existsSync);
const BUSYBOX = '/bin/busybox';
const TOOLS = ['sh', 'true', 'nc', 'sleep', 'echo', 'id', 'cat', 'dd'] as const;
const HAS_RUNC = process.getuid?.() === 0 && RUNC !== undefined && existsSync(BUSYBOX);

export const describeWithContainers = describeWith({
  name: 'the sensor as root, with runc and busybox-static',
  present: existsSync(SENSOR) && HAS_RUNC,
});
export const describeWithRunc = describeWith({ name: 'root, with runc and busybox-static', present: HAS_RUNC });

export interface Container {
  readonly id: string;
  /** Its name inside, and of its bundle. */
  readonly mark: string;
  /** For a shell. */
  readonly script: string;
  /** The host's network instead of none. */
  readonly onHostNetwork?: boolean;
  /** The network namespace that it joins. */
  readonly network?: string;
  /** A command before runc, for whoever starts it. */
  readonly startedBy?: readonly string[];
  /** `linux.resources` of the runtime's specification; none when not given, which not every host may raise. */
  readonly resources?: Readonly<Record<string, unknown>>;
}

export class Containers {
  readonly #folder = mkdtempSync(join(tmpdir(), 'countersign-runc-'));

  constructor() {
    const root = join(this.#folder, 'root');
    for (const name of ['bin', 'dev', 'proc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
    if (!existsSync(BUSYBOX)) return;
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of TOOLS) symlinkSync('busybox', join(root, 'bin', name));
  }

  /** Resolves when the container has ended. */
  async run(container: Container): Promise<void> {
    const { id, startedBy = [] } = container;
    const bundle = this.#bundle(container);
    const line = [...startedBy, RUNC ?? '', '--root', join(this.#folder, 'state'), 'run', '--bundle', bundle, id];
    await run(line[0] ?? '', line.slice(1));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #bundle({ id, mark, script, onHostNetwork = false, network, resources = {} }: Container): string {
    const place = join(this.#folder, mark);
    mkdirSync(place, { recursive: true });
    const kinds = ['pid', 'ipc', 'uts', 'mount', ...(onHostNetwork || network !== undefined ? [] : ['network'])];
    const joined = network === undefined ? [] : [{ type: 'network', path: network }];
    writeFileSync(
      join(place, 'config.json'),
      JSON.stringify({
        ociVersion: '1.0.2',
        hostname: mark,
        process: { user: { uid: 0, gid: 0 }, args: ['/bin/sh', '-c', script], env: ['PATH=/bin'], cwd: '/' },
        root: { path: join(this.#folder, 'root') },
        // The devices stand in each container's own memory: the root is shared by all of them.
        mounts: [
          { destination: '/proc', type: 'proc', source: 'proc' },
          { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
        ],
        linux: { cgroupsPath: `/${id}`, resources, namespaces: [...kinds.map((type) => ({ type })), ...joined] },
      }),
    );
    return place;
  }
}
