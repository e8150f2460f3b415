/** Recorded system calls become activity: every command of a real attacker's session with its words, and what it costs to keep them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Machine } from '@countersign/scap';
import { beforeAll, expect, it } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { readCaptureFile } from '../sources/captures/capture-file.ts';
import type { Activity } from './activity.ts';
import { ActivityRecorder } from './recorder.ts';

const CONTROL = /\p{Cc}/gu;

async function recorded(capture: string): Promise<readonly Activity[]> {
  const recorder = new ActivityRecorder({ host: 'node-1', applicationOf: () => 'unit:ssh.service' });
  const machine = new Machine({
    isInteresting: (code) => recorder.isInteresting(code),
    onEvent: (current) => recorder.follow(current),
  });
  await readCaptureFile(dataPath('captures', `${capture}.scap.gz`), machine, () => Promise.resolve());
  const { rows, leftOut } = recorder.take();
  expect(leftOut).toBe(0);
  return rows;
}

/** Falco's own values of single events of the capture. */
function fieldsOf(capture: string): readonly Record<string, unknown>[] {
  const lines = gunzipSync(readFileSync(dataPath('captures', `${capture}.fields.jsonl.gz`))).toString('utf8');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line.replaceAll(/:(\d{16,})/g, ':"$1"')) as Record<string, unknown>);
}

describeWithData('the activity of recorded hosts', () => {
  let attack: readonly Activity[] = [];
  let containers: readonly Activity[] = [];
  beforeAll(async () => {
    attack = await recorded('attack2');
    containers = await recorded('containers');
  });

  it.each(['attack2', 'containers'])('%s: every command that Falco saw is there, by time and words', (capture) => {
    const rows = capture === 'attack2' ? attack : containers;
    const commands = new Map(rows.filter(({ kind }) => kind === 'command').map((row) => [String(row.timeNs), row]));
    const seen = fieldsOf(capture).filter(
      (fields) => fields['evt.type'] === 'execve' && fields['evt.res'] === 'SUCCESS',
    );
    expect(seen.length).toBeGreaterThan(5);
    for (const fields of seen) {
      const row = commands.get(String(fields['evt.rawtime']));
      // Falco prints control characters as U+FFFD; we keep them.
      expect(row?.detail.replaceAll(CONTROL, '\ufffd')).toBe(fields['proc.cmdline']);
      expect(row).toMatchObject({
        name: fields['proc.name'],
        exe: fields['proc.exepath'],
        user: fields['user.name'],
        result: '',
      });
    }
  });

  it('connections, secrets that were read and files that were written are told, with who did it', () => {
    const kinds = new Set(attack.map(({ kind }) => kind));
    for (const kind of ['command', 'exit', 'file-written', 'file-read', 'connection'] as const)
      expect(kinds).toContain(kind);
    const secret = attack.find(({ kind, detail }) => kind === 'file-read' && detail === '/etc/shadow');
    expect(secret).toMatchObject({ result: '', host: 'node-1' });
  });

  it('whoever looks leaves the state of the machine as it is', async () => {
    const sizeAfter = async (onEvent: (machine: Machine) => void): Promise<number> => {
      const machine = new Machine({ onEvent });
      await readCaptureFile(dataPath('captures', 'attack2.scap.gz'), machine, () => Promise.resolve());
      return machine.threads.threads.size;
    };
    const recorder = new ActivityRecorder({ host: 'node-1', applicationOf: () => '' });
    expect(await sizeAfter((machine) => recorder.follow(machine))).toBe(await sizeAfter(() => undefined));
  });

  it('what happened in a container that lived for less than a second has its container', () => {
    const inside = new Set(containers.filter(({ container }) => container !== '').map(({ container }) => container));
    expect(inside.size).toBeGreaterThanOrEqual(20);
  });

  it('a process that another started is told with its parent, by number and beginning', () => {
    const commands = attack.filter(({ kind }) => kind === 'command');
    const known = new Set(commands.map(({ process }) => `${process.pid}@${process.startNs}`));
    expect(commands.filter(({ parent }) => known.has(`${parent.pid}@${parent.startNs}`)).length).toBeGreaterThan(20);
  });
});
