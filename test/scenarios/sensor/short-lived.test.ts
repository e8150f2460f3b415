/** Fifty containers of 300 milliseconds side by side with 2,000 programs of one: all that they did is told, and in which container. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { type Container, Containers, describeWithContainers } from '../../runc.ts';
import { record, type Told } from '../../sensor.ts';

const run = promisify(execFile);
const CONTAINERS = 50;
const PROGRAMS = 2_000;
const SHORT_ID = 12;
const made = new Containers();

afterAll(() => made.remove());

describeWithContainers('containers that live for 300 milliseconds', () => {
  test('are told whole: every command, connection attempt and written file, with the right container', async () => {
    const containers = Array.from({ length: CONTAINERS }, (_, index) => containerOf(`mark-${index}`));
    const watched = new Set(['execve', 'connect', 'write']);
    const { events, asides, damaged } = await record(
      async () => {
        const many = `seq ${PROGRAMS} | xargs -P 8 -n 1 /bin/true program-of-the-host`;
        await Promise.all([run('/bin/sh', ['-c', many]), ...containers.map((one) => made.run(one))]);
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

/** The refused connection is the last but one word of its script: what counts is that it ended by itself. */
function containerOf(mark: string): Container {
  const id = createHash('sha256').update(`${mark} of ${process.pid}`).digest('hex');
  const script = `/bin/true ${mark}; /bin/echo ${mark} > /tmp/${mark}; /bin/nc 127.0.0.1 9; /bin/sleep 0.3`;
  return { id, mark, script };
}

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
