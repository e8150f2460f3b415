/** What people do on a host besides running programs: sign in through a real SSH server, listen, end what belongs to others. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Activity } from '../../../server/src/activity/activity.ts';
import { ActivityRecorder } from '../../../server/src/activity/recorder.ts';
import { describeWith } from '../../data.ts';
import { record, SENSOR } from '../../sensor.ts';

const run = promisify(execFile);
const SERVER = '/usr/sbin/sshd';
const PORT = 20_222;

const describeWithSsh = describeWith({
  name: 'the sensor as root, with openssh-server and openssh-client',
  present: existsSync(SENSOR) && process.getuid?.() === 0 && existsSync(SERVER) && existsSync('/usr/bin/ssh'),
});

async function deedsOf(action: () => Promise<void>): Promise<readonly Activity[]> {
  const recorder = new ActivityRecorder({ host: 'node-1', applicationOf: () => '' });
  await record(action, {
    keep: () => false,
    follow: (machine) => {
      if (recorder.isInteresting(machine.current.code)) recorder.follow(machine);
    },
  });
  return recorder.take().rows;
}

describeWithSsh('deeds on a host', () => {
  test('a session over SSH is told once, from where and as whom, with what was done in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-ssh-'));
    let server: ChildProcess | null = null;
    try {
      const deeds = await deedsOf(async () => {
        for (const key of ['host', 'user'])
          await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
        const lines = [`Port ${PORT}`, 'ListenAddress 127.0.0.1', `HostKey ${join(folder, 'host')}`];
        lines.push(`AuthorizedKeysFile ${join(folder, 'user.pub')}`, 'StrictModes no', 'UsePAM yes', 'PidFile none');
        writeFileSync(join(folder, 'config'), lines.join('\n'));
        mkdirSync('/run/sshd', { recursive: true });
        chmodSync('/run/sshd', 0o755);
        server = spawn(SERVER, ['-D', '-e', '-f', join(folder, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] });
        await new Promise<void>((resolve) => server?.stderr?.once('data', () => resolve()));
        const options = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
        const line = ['-p', String(PORT), '-i', join(folder, 'user'), ...options, 'root@127.0.0.1'];
        await run('ssh', [...line, '/bin/echo first; /bin/echo second; /bin/true']);
        await run('ssh', [...line, '/bin/echo third']);
      });
      const signIns = deeds.filter(({ kind }) => kind === 'login');
      expect(signIns.map(({ loginUser }) => loginUser)).toEqual(['root', 'root']);
      for (const { detail } of signIns) expect(detail).toMatch(/^sshd ← 127\.0\.0\.1:\d+$/);
      expect(new Set(signIns.map(({ detail }) => detail)).size).toBe(2);
      const typed = deeds.filter(({ kind, loginUser }) => kind === 'command' && loginUser === 'root');
      for (const word of ['first', 'second', 'third'])
        expect(typed.map(({ detail }) => detail)).toContain(`echo ${word}`);
      expect(deeds.filter(({ kind }) => kind === 'listen').map(({ detail }) => detail)).toContain(`127.0.0.1:${PORT}`);
    } finally {
      (server as ChildProcess | null)?.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('ending what another process began is a deed; of its own children it is none', async () => {
    const deeds = await deedsOf(async () => {
      const other = spawn('/bin/sleep', ['30.125'], { stdio: 'ignore' });
      await run('/bin/sh', ['-c', `/bin/sleep 30.25 & kill $!; kill -KILL ${other.pid}`]);
    });
    const told = deeds.filter(({ kind, detail }) => kind === 'signal' && detail.includes('sleep'));
    expect(told.map(({ name, detail }) => `${name}: ${detail.replace(/\d+\)/, 'pid)')}`)).toEqual([
      'sh: SIGKILL → sleep (pid)',
    ]);
  });
});
