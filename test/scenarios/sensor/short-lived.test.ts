/** Fifty containers of 300 milliseconds side by side with 2,000 programs of one: all that they did is told, and in which container. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../data.ts';
import { record, SENSOR, type Told } from '../../sensor.ts';

const run = promisify(execFile);
const CONTAINERS = 50;
const PROGRAMS = 2_000;
const SHORT_ID = 12;
const RUNC = ['/usr/sbin/runc', '/usr/bin/runc'].find(existsSync);
const BUSYBOX = '/bin/busybox';

const describeWithContainers = describeWith({
  name: 'the sensor as root, with runc and busybox-static',
  present: existsSync(SENSOR) && process.getuid?.() === 0 && RUNC !== undefined && existsSync(BUSYBOX),
});

let folder = '';
const rootOf = (): string => join(folder, 'root');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-runc-'));
  for (const name of ['bin', 'dev', 'proc', 'tmp']) mkdirSync(join(rootOf(), name), { recursive: true });
  if (!existsSync(BUSYBOX)) return;
  copyFileSync(BUSYBOX, join(rootOf(), 'bin/busybox'));
  for (const name of ['sh', 'true', 'nc', 'sleep', 'echo']) symlinkSync('busybox', join(rootOf(), 'bin', name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Container {
  readonly id: string;
  readonly mark: string;
}

/** As a runtime would write it, without limits, which not every host may raise. */
function bundle({ id, mark }: Container): string {
  const place = join(folder, mark);
  mkdirSync(place);
  const script = `/bin/true ${mark}; /bin/echo ${mark} > /tmp/${mark}; /bin/nc 127.0.0.1 9; /bin/sleep 0.3`;
  writeFileSync(
    join(place, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      hostname: mark,
      process: { user: { uid: 0, gid: 0 }, args: ['/bin/sh', '-c', script], env: ['PATH=/bin'], cwd: '/' },
      root: { path: rootOf() },
      // The devices stand in each container's own memory: the root is shared by all of them.
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
      ],
      linux: {
        cgroupsPath: `/${id}`,
        namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      },
    }),
  );
  return place;
}

async function runContainer(container: Container): Promise<void> {
  const place = bundle(container);
  // The refused connection is the last but one word of the script: what counts is that it ended by itself.
  await run(RUNC ?? '', ['--root', join(folder, 'state'), 'run', '--bundle', place, container.id]);
}

describeWithContainers('containers that live for 300 milliseconds', () => {
  test('are told whole: every command, connection attempt and written file, with the right container', async () => {
    const containers = Array.from({ length: CONTAINERS }, (_, index) => ({
      id: createHash('sha256').update(`container ${index} of ${folder}`).digest('hex'),
      mark: `mark-${index}`,
    }));
    const watched = new Set(['execve', 'connect', 'write']);
    const { events, asides, damaged } = await record(
      async () => {
        const many = `seq ${PROGRAMS} | xargs -P 8 -n 1 /bin/true program-of-the-host`;
        await Promise.all([run('/bin/sh', ['-c', many]), ...containers.map(runContainer)]);
      },
      { fields: ['proc.cmdline', 'fd.name'], keep: (told) => watched.has(told['evt.type'] ?? '') },
    );
    expect(damaged).toBe(0);
    expect(asides.filter(({ name }) => name === 'gap')).toEqual([]);

    const ofHost = events.filter((told) => (told['proc.cmdline'] ?? '').startsWith('true program-of-the-host'));
    expect(new Set(ofHost.map((told) => told['proc.cmdline'])).size).toBe(PROGRAMS);
    expect(ofHost.filter((told) => told['container.id'] !== 'host')).toEqual([]);

    const incomplete = containers.filter((container) => !isWhole(container, events));
    expect(incomplete.map((container) => summary(container, events))).toEqual([]);
    const marked = events.filter((told) => /mark-\d+/.test(told['proc.cmdline'] ?? '') && told['proc.name'] === 'true');
    expect(marked).toHaveLength(CONTAINERS);
  });
});

function summary({ id, mark }: Container, events: readonly Told[]): readonly string[] {
  return events
    .filter((told) => told['container.id'] === id.slice(0, SHORT_ID))
    .map((told) => `${mark}: ${told['evt.type']} ${told['proc.cmdline']} ${told['fd.name']} ${told['evt.rawres']}`);
}

function isWhole({ id, mark }: Container, events: readonly Told[]): boolean {
  const own = events.filter((told) => told['container.id'] === id.slice(0, SHORT_ID));
  const ran = own.filter((told) => told['evt.type'] === 'execve').map((told) => told['proc.cmdline']);
  const commands = [`true ${mark}`, `echo ${mark}`, 'nc 127.0.0.1 9', 'sleep 0.3'];
  return (
    commands.every((command) => ran.includes(command)) &&
    own.some((told) => told['evt.type'] === 'connect' && told['proc.name'] === 'nc') &&
    own.some((told) => told['evt.type'] === 'write' && told['fd.name'] === `/tmp/${mark}`)
  );
}
