/** Who and what a program is, as the kernel knows it at the moment of the exec: nothing is asked of /proc afterwards. */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { describeWithSensor, record, type Told } from '../../sensor.ts';

const run = promisify(execFile);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-identity-')));
afterAll(() => {
  try {
    execFileSync('umount', [join(folder, 'merged')], { stdio: 'ignore' });
  } catch {
    // It was not mounted.
  }
  rmSync(folder, { recursive: true, force: true });
});

const FIELDS = [
  'proc.args',
  'proc.exepath',
  'proc.cwd',
  'proc.env',
  'proc.vpid',
  'proc.is_exe_from_memfd',
  'proc.is_exe_upper_layer',
  'proc.is_exe_writable',
  'proc.exe_ino',
  'proc.sid',
  'user.uid',
  'group.gid',
  'user.loginuid',
  'thread.cap_permitted',
];

/** The exec of the program whose first argument is `mark`. */
async function execOf(mark: string, start: () => Promise<unknown>): Promise<Told> {
  const { events } = await record(
    async () => {
      await start();
    },
    {
      fields: FIELDS,
      keep: (told) => told['evt.type'] === 'execve' && told['evt.rawres'] === '0' && told['proc.args'] === mark,
    },
  );
  const last = events.at(-1);
  if (last === undefined) throw new Error(`the exec of ${mark} was not told`);
  return last;
}

describeWithSensor('the identity of a program', () => {
  test('another user without rights', async () => {
    const told = await execOf('as-nobody', () =>
      run('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', '/bin/true', 'as-nobody'], {
        cwd: '/usr/bin',
        env: { PATH: '/usr/bin:/bin', SECRET: 'kept' },
      }),
    );
    expect(told).toMatchObject({
      'user.uid': '65534',
      'group.gid': '65534',
      'thread.cap_permitted': '',
      'proc.cwd': '/usr/bin/',
      'proc.exepath': realpathSync('/bin/true'),
      'proc.is_exe_writable': 'false',
    });
    expect(told['proc.env']).toContain('SECRET=kept');
  });

  test('a program that was never on a disk', async () => {
    const told = await execOf('from-memory', () =>
      run('/usr/bin/python3', [
        '-c',
        `import os
f = os.memfd_create('innocent')
os.write(f, open('/bin/true', 'rb').read())
os.execve(f, ['true', 'from-memory'], {})`,
      ]),
    );
    expect(told).toMatchObject({ 'proc.is_exe_from_memfd': 'true', 'proc.exepath': 'memfd:innocent' });
  });

  test('a program that was put into a container after it started', async () => {
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(folder, name));
    copyFileSync('/bin/true', join(folder, 'lower/shipped'));
    const merged = join(folder, 'merged');
    const layers = `lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work`;
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, merged]);
    copyFileSync('/bin/true', join(merged, 'dropped'));
    const shipped = await execOf('shipped-mark', () => run(join(merged, 'shipped'), ['shipped-mark']));
    const dropped = await execOf('dropped-mark', () => run(join(merged, 'dropped'), ['dropped-mark']));
    expect(shipped).toMatchObject({ 'proc.is_exe_upper_layer': 'false' });
    expect(dropped).toMatchObject({ 'proc.is_exe_upper_layer': 'true', 'proc.exepath': join(merged, 'dropped') });
  });

  test('the first process of a namespace of its own', async () => {
    const told = await execOf('first-inside', () =>
      run('unshare', ['--pid', '--fork', '--mount-proc', '/bin/true', 'first-inside']),
    );
    expect(told['proc.vpid']).toBe('1');
    expect(Number(told['proc.pid'])).toBeGreaterThan(1);
  });

  test('a script is told as the program that runs it', async () => {
    const script = join(folder, 'script.sh');
    writeFileSync(script, '#!/bin/sh\ntrue\n', { mode: 0o755 });
    const { events } = await record(
      async () => {
        await run(script, ['an-argument']);
      },
      {
        fields: ['proc.cmdline', 'proc.exepath', 'evt.arg.filename'],
        keep: (told) => told['evt.arg.filename'] === script,
      },
    );
    expect(events).toHaveLength(1);
    expect(events[0]?.['proc.cmdline']).toBe(`script.sh ${script} an-argument`);
    expect(events[0]?.['proc.exepath']).toBe(realpathSync('/bin/sh'));
  });
});

describeWithSensor('a 32-bit call', () => {
  test('of a 64-bit program is told like any other', async () => {
    const program = join(folder, 'int80');
    execFileSync('cc', ['-O2', '-o', program, fileURLToPath(new URL('../../../sensor/test/int80.c', import.meta.url))]);
    let printed = '';
    const { events } = await record(
      async () => {
        printed = (await run(program, [join(folder, 'hidden')])).stdout.trim();
      },
      { fields: ['fd.name', 'evt.arg.mode'], keep: (told) => told['fd.name'] === join(folder, 'hidden') },
    );
    const opened = events.find((told) => told['evt.type'] === 'open');
    expect(opened).toMatchObject({ 'proc.name': 'int80', 'evt.rawres': printed, 'evt.arg.mode': '0600' });
  });
});
