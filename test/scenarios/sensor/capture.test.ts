/** `countersign capture` records a file that our own replay, Debian's tshark and its sysdig open. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { captureCommand } from '../../../server/src/commands/capture.ts';
import { replayCommand } from '../../../server/src/commands/replay.ts';
import type { Command, Terminal } from '../../../server/src/commands/command-line.ts';
import { systemClock } from '../../../server/src/ground/clock.ts';
import { systemRandom } from '../../../server/src/ground/random.ts';
import { describeWith } from '../../data.ts';
import { describeWithSensor, SENSOR } from '../../sensor.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-capture-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'now.scap');

const RULES = `
- rule: A program that the test names
  desc: is found in what was recorded
  condition: evt.type = execve and proc.args contains "recorded-by-the-test"
  output: "%proc.cmdline ran"
  priority: NOTICE
`;

async function command(
  of: Command,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; printed: string; said: string }> {
  let [printed, said] = ['', ''];
  const terminal: Terminal = {
    clock: systemClock,
    random: systemRandom,
    environment,
    isErrorTerminal: false,
    hostname: 'host',
    interrupted: new AbortController().signal,
    print: (text) => {
      printed += text;
    },
    say: (text) => {
      said += `${text}\n`;
    },
  };
  const code = await of.run(argv, terminal).catch((error: unknown) => {
    said += String(error);
    return -1;
  });
  return { code, printed, said };
}

/** A host on which something happens; to be killed. */
const somebodyWorks = () =>
  spawn('/bin/sh', ['-c', 'while :; do /bin/true recorded-by-the-test; sleep 0.1; done'], { stdio: 'ignore' });

const tools = ['/usr/bin/tshark', '/usr/bin/sysdig'];
const describeWithTools = describeWith({
  name: 'the sensor as root, with tshark and sysdig',
  present: tools.every(existsSync) && existsSync(SENSOR) && process.getuid?.() === 0,
});

describeWithSensor('countersign capture', () => {
  test('records for some seconds what replay then judges', async () => {
    const again = somebodyWorks();
    const { code, said } = await command(captureCommand, ['--seconds', '2', '-o', file], {
      COUNTERSIGN_SENSOR: SENSOR,
    });
    again.kill('SIGKILL');
    expect(said).toMatch(/now\.scap: \d+ bytes/);
    expect(code).toBe(0);
    const rules = join(folder, 'rules.yaml');
    writeFileSync(rules, RULES);
    const replayed = await command(replayCommand, ['--rules', rules, file]);
    expect(replayed.code).toBe(0);
    expect(replayed.printed).toContain('true recorded-by-the-test ran');
  });
});

describeWithTools('a capture of ours', () => {
  test('opens in tshark and sysdig', () => {
    const again = somebodyWorks();
    execFileSync(SENSOR, ['--seconds', '1', '--output', file]);
    again.kill('SIGKILL');
    const frames = execFileSync('tshark', ['-r', file, '-c', '200'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(frames).toContain('Sysdig Event');
    const events = execFileSync('sysdig', ['-r', file], { encoding: 'utf8', maxBuffer: 1 << 28 });
    expect(events).toMatch(/\(\d+\) < close res=0/);
  }, 120_000);
});

describe('countersign capture, called wrongly', () => {
  test('says what is missing and how to mend it', async () => {
    const absent = await command(captureCommand, ['--seconds', '1', '-o', file], {
      COUNTERSIGN_SENSOR: '/nowhere/sensor',
    });
    expect(absent.said).toContain('there is no sensor at /nowhere/sensor: install clang, llvm, libbpf-dev and bpftool');
    expect((await command(captureCommand, ['--seconds', '1'])).said).toContain('say where to with -o FILE');
    expect((await command(captureCommand, ['--seconds', 'x', '-o', file])).said).toContain('--seconds is x');
  });
});
