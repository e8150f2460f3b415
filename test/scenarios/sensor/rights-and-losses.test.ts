/** The sensor takes no more rights than it needs, tells what it lost, and leaves nothing behind. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { CaptureReader, Machine } from '@countersign/scap';
import { describeWith } from '../../data.ts';
import { describeWithSensor, record, SENSOR } from '../../sensor.ts';

const run = promisify(execFile);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-rights-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const RIGHTS = '-all,+bpf,+perfmon,+sys_ptrace,+dac_read_search';
const WITH_RIGHTS = [...NOBODY, `--inh-caps=${RIGHTS}`, `--ambient-caps=${RIGHTS}`];
const COMMANDS = fileURLToPath(new URL('../../../server/bin/countersign.js', import.meta.url));
const CAP_BPF = (1n << 39n).toString(16).padStart(16, '0');

const WITH_FILE_RIGHTS = describeWith({
  name: `setcap, and a ${tmpdir()} whose files keep their rights`,
  present: keepsRights(),
});

function keepsRights(): boolean {
  const file = join(folder, 'keeps-rights');
  copyFileSync('/bin/true', file);
  return spawnSync('setcap', ['cap_bpf=ep', file]).status === 0 && spawnSync(file).status === 0;
}

/** Gives the number of the process: others on the machine run the same program. */
async function python(script: string): Promise<string> {
  const running = run('/usr/bin/python3', ['-c', script]);
  await running;
  return String(running.child.pid);
}

function countEvents(file: string): number {
  const reader = new CaptureReader(new Machine({ onEvent: () => undefined }));
  reader.write(readFileSync(file));
  reader.end();
  expect(reader.counts.damagedEvents).toBe(0);
  return reader.counts.events;
}

describeWithSensor('rights', () => {
  test('without them it ends at once, writes nothing and says how to allow it', () => {
    const ended = spawnSync(NOBODY[0] ?? '', [...NOBODY.slice(1), SENSOR], { encoding: 'utf8' });
    expect(ended.status).toBe(3);
    expect(ended.stdout).toBe('');
    expect(ended.stderr).toContain('missing CAP_BPF CAP_PERFMON');
    expect(ended.stderr).toContain(`setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep ${SENSOR}`);
  });

  test('four of them and no root are enough, also when no limit may be raised', async () => {
    const { events, complaints } = await record(
      async () => {
        await run('/bin/true', ['told-to-nobody']);
      },
      {
        command: ['prlimit', '--memlock=65536:65536', ...WITH_RIGHTS],
        fields: ['proc.cmdline'],
        keep: (told) => told['evt.type'] === 'execve' && told['proc.cmdline'] === 'true told-to-nobody',
      },
    );
    expect(complaints).toBe('');
    expect(events).toHaveLength(1);
  });

  WITH_FILE_RIGHTS('of files', () => {
    test('of the program itself, given once, are enough for any user; where nobody may have them that is said', async () => {
      // Below a folder that everybody may enter.
      const program = join(folder, 'sensor');
      copyFileSync(SENSOR, program);
      chmodSync(program, 0o755);
      chmodSync(folder, 0o755);
      await run('setcap', ['cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep', program]);
      const [command = '', ...user] = NOBODY;
      const { stdout } = await run(command, [...user, program, '--seconds', '1'], {
        encoding: 'buffer',
        maxBuffer: 1e9,
      });
      expect(stdout.length).toBeGreaterThan(10_000);
      // As in a container, where the kernel does not even start it.
      const inContainer = [...NOBODY.slice(1), '--bounding-set=-all', process.execPath, COMMANDS, 'capture'];
      const refused = spawnSync(NOBODY[0] ?? '', [...inContainer, '--seconds', '1', '-o', join(folder, 'none')], {
        encoding: 'utf8',
        env: { ...process.env, COUNTERSIGN_SENSOR: program },
      });
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(`${program} has rights that nobody here may have`);
      expect(refused.stderr).toContain('--cap-add BPF');
    });
  });

  test('all but one are gone while it runs, and none can come back', async () => {
    const child = spawn(SENSOR, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    await expect
      .poll(() => /^CapEff:\t(\w+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1], { timeout: 45_000 })
      .toBe(CAP_BPF);
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    child.kill('SIGTERM');
    expect(status).toContain(`CapPrm:\t${CAP_BPF}`);
    expect(status).toContain('CapBnd:\t0000000000000000');
    expect(status).toContain('NoNewPrivs:\t1');
  });
});

describeWithSensor('losses', () => {
  test('a flood of files is told as a gap and pushes out no process', async () => {
    const { events, asides } = await record(
      async () => {
        await python(`
import os
for turn in range(20):
    for _ in range(2000): os.close(os.open('/dev/null', os.O_RDONLY))
    os.spawnv(os.P_WAIT, '/bin/true', ['true', f'turn-{turn}'])`);
      },
      {
        args: ['--ring-bytes', '4096'],
        fields: ['proc.cmdline'],
        keep: (told) => told['evt.type'] === 'execve' && (told['proc.cmdline'] ?? '').startsWith('true turn-'),
      },
    );
    const gaps = asides.filter(({ name }) => name === 'gap');
    expect(gaps.length).toBeGreaterThan(0);
    expect(gaps.filter(({ data }) => data['class'] === 'process')).toEqual([]);
    expect(gaps.reduce((sum, { data }) => sum + Number(data['lost']), 0)).toBeGreaterThan(1_000);
    expect(events).toHaveLength(20);
  });
});

describeWithSensor('what is told', () => {
  test('is what the list of events names, besides processes, and reads below the given paths', async () => {
    let pid = '';
    const { events, asides } = await record(
      async () => {
        pid = await python(
          `import socket; open('/etc/hostname'); open('/proc/self/maps'); socket.socket().connect_ex(('127.0.0.1', 9))`,
        );
      },
      {
        args: ['--events', 'openat', '--read-below', '/etc/host'],
        fields: ['fd.name'],
        keep: (told) => told['proc.name'] === 'python3',
      },
    );
    const own = events.filter((told) => told['proc.pid'] === pid);
    expect(asides[0]?.data['events']).toEqual(expect.arrayContaining(['openat', 'execve', 'close']));
    expect(asides[0]?.data['events']).not.toContain('connect');
    expect(own.filter((told) => told['evt.type'] === 'connect')).toEqual([]);
    const opened = own.filter((told) => told['evt.type'] === 'openat').map((told) => told['fd.name']);
    expect(opened).toEqual(['/etc/hostname']);
  });

  test('is what whoever reads the stream wrote into a file, as far as this sensor knows it', async () => {
    const wishes = join(folder, 'sensor.sock.tell');
    writeFileSync(wishes, 'events openat,a_call_of_tomorrow\nread-below /etc/host\n');
    const { events, asides } = await record(
      async () => {
        await python(`open('/etc/hostname'); open('/proc/self/maps')`);
      },
      {
        args: ['--tell', wishes],
        fields: ['fd.name'],
        keep: (told) => told['proc.name'] === 'python3' && told['evt.type'] === 'openat',
      },
    );
    expect(asides[0]?.data['events']).not.toContain('connect');
    expect(events.map((told) => told['fd.name'])).toEqual(['/etc/hostname']);
  });

  test.each([
    ['output /etc/passwd\n', 'it must begin with events or read-below'],
    ['read-below etc\n', 'it must be an absolute path'],
    [`events ${'a'.repeat(70_000)}\n`, 'shorter than 65536 bytes'],
    [null, 'it must be a file that can be read'],
  ])('and nothing else is taken from that file: %j', (text, complaint) => {
    const wishes = join(folder, 'wrong.tell');
    rmSync(wishes, { force: true });
    if (text === null) symlinkSync('/etc/passwd', wishes);
    else writeFileSync(wishes, text);
    const ended = spawnSync(SENSOR, ['--tell', wishes, '--seconds', '1'], { encoding: 'utf8' });
    expect([ended.status, ended.stdout]).toEqual([2, '']);
    expect(ended.stderr).toContain(complaint);
  });

  test('of a socket is enough to name it, whatever is listed', async () => {
    let pid = '';
    const { events } = await record(
      async () => {
        pid = await python(
          `import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())`,
        );
      },
      {
        args: ['--events', 'connect'],
        fields: ['fd.name', 'fd.l4proto'],
        keep: (told) => told['evt.type'] === 'connect',
      },
    );
    const own = events.filter((told) => told['proc.pid'] === pid);
    expect(own).toHaveLength(1);
    expect(own[0]).toMatchObject({ 'fd.l4proto': 'tcp' });
    expect(own[0]?.['fd.name']).toMatch(/^127\.0\.0\.1:\d+->127\.0\.0\.1:\d+$/);
  });

  test('a name below a directory that a link leads to is found by where it lies', async () => {
    let pid = '';
    const { events } = await record(
      async () => {
        pid = await python(`import os; os.symlink('/etc', '${folder}/innocent'); open('${folder}/innocent/hostname')`);
      },
      {
        args: ['--read-below', '/etc/hostname'],
        fields: ['evt.arg.name'],
        keep: (told) => told['evt.type'] === 'openat' && told['proc.name'] === 'python3',
      },
    );
    const own = events.filter((told) => told['proc.pid'] === pid);
    expect(own.map((told) => told['evt.arg.name'])).toEqual([expect.stringContaining('innocent/hostname')]);
  });
});

describeWithSensor('the program', () => {
  test('can be killed at any moment and starts again', async () => {
    const child = spawn(SENSOR, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const { events } = await record(
      async () => {
        await run('/bin/true', ['after-the-kill']);
      },
      { fields: ['proc.cmdline'], keep: (told) => told['proc.cmdline'] === 'true after-the-kill' },
    );
    expect(events.map((told) => told['evt.type'])).toContain('execve');
  });

  test('ends when nobody reads any more', async () => {
    const child = spawn(SENSOR, [], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });

  test('writes to a file that only its owner reads, and to a socket', async () => {
    const file = join(folder, 'one.scap');
    expect(spawnSync(SENSOR, ['--seconds', '1', '--output', file]).status).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(countEvents(file)).toBeGreaterThan(0);

    const path = join(folder, 'sensor.sock');
    let received = 0;
    const server = createServer((socket) => socket.on('data', (piece) => (received += piece.length)));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await run(SENSOR, ['--seconds', '1', '--output', `unix:${path}`]);
    server.close();
    expect(received).toBeGreaterThan(10_000);
  });

  test.each([
    [['--events', 'openat,nonsense'], "there is no event 'nonsense'"],
    [['--ring-bytes', '5000'], 'it must be a power of two'],
    [['--seconds', 'many'], "--seconds is 'many'"],
    [['--read-below', 'etc'], 'it must be an absolute path'],
    [['--failed-opens', 'some'], 'it must be none, denied or all'],
    [['stray'], "'stray' is too much"],
  ])('says what is wrong with %j', (args, complaint) => {
    const ended = spawnSync(SENSOR, args, { encoding: 'utf8' });
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain(complaint);
    expect(ended.stdout).toBe('');
  });
});
