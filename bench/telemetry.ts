/**
 * What does it cost to look at a host every second? A machine of 200 processes in 50 containers is made as files and sampled as a real one is:
 * processor time per second of watching, and memory.
 *
 * The limit: about twelve files a container and one a process are opened, read and closed each second, some 900 calls of a few microseconds. Real
 * kernels take longer to write what they are asked for than a disk's cache does, so that the files of this machine itself are timed as well.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Sampler } from '../server/src/inventory/telemetry/edge/sampler.ts';
import { createNamer } from '../server/src/inventory/telemetry/edge/tell.ts';
import { type Machine, thisMachine } from './machine.ts';

const GROUPS = 50;
const PROCESSES = 200;
const SECONDS = 60;
const WINDOW = 10;

export async function run(): Promise<{
  readonly bench: string;
  readonly machine: Machine;
  readonly figures: Readonly<Record<string, number>>;
}> {
  const root = mkdtempSync(join(tmpdir(), 'countersign-bench-telemetry-'));
  try {
    makeMachine(root);
    const made = cost({ proc: join(root, 'proc'), sys: join(root, 'sys'), kernelLog: join(root, 'kmsg') });
    const here = cost({ proc: '/proc', sys: '/sys' });
    const figures = {
      groups: GROUPS,
      processes: PROCESSES,
      cpu_ms_per_second: made.cpuMs,
      samples_per_window: made.samples,
      this_machine_cpu_ms_per_second: here.cpuMs,
      this_machine_samples_per_window: here.samples,
    };
    return { bench: 'telemetry', machine: thisMachine(), figures };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function cost(paths: { readonly proc: string; readonly sys: string; readonly kernelLog?: string }) {
  const sampler = new Sampler({ ...paths, namer: createNamer(() => null) });
  // Compiled code and known files: what runs for weeks.
  for (let second = 0; second < WINDOW; second += 1) sampler.look(second * 1_000);
  sampler.take(0);
  const before = process.cpuUsage();
  let samples = 0;
  for (let second = WINDOW; second < WINDOW + SECONDS; second += 1) {
    sampler.look(second * 1_000);
    if (second % WINDOW === WINDOW - 1) samples = sampler.take(second * 1_000).length;
  }
  const { user, system } = process.cpuUsage(before);
  sampler.close();
  return { cpuMs: Math.round((user + system) / SECONDS / 10) / 100, samples };
}

function makeMachine(root: string): void {
  const write = (path: string, text: string) => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('proc/self/mountinfo', `30 1 0:26 / ${join(root, 'cg')} rw - cgroup2 cgroup2 rw\n`);
  write('proc/stat', `cpu  100 0 0 5000 10 0 0 3 0 0\n${'cpu0 1 0 0 1 0 0 0 0 0 0\n'.repeat(4)}`);
  write('proc/meminfo', 'MemTotal: 8000 kB\nMemAvailable: 5000 kB\nAnonPages: 2000 kB\n');
  write('cg/cgroup.controllers', 'cpu io memory\n');
  write('kmsg', '');
  for (let index = 0; index < GROUPS; index += 1) {
    const group = `cg/system.slice/docker-${String(index).padStart(64, '0')}.scope`;
    write(
      `${group}/cpu.stat`,
      'usage_usec 1000\nuser_usec 1\nsystem_usec 1\nnr_periods 5\nnr_throttled 0\nthrottled_usec 0\n',
    );
    write(`${group}/memory.current`, '123456789\n');
    write(`${group}/memory.stat`, `anon 1000\nfile 2000\n${'filler 1234567\n'.repeat(45)}inactive_file 500\n`);
    write(`${group}/memory.events`, 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n');
    write(`${group}/memory.max`, 'max\n');
    write(`${group}/cpu.max`, 'max 100000\n');
    write(`${group}/cpu.weight`, '100\n');
    write(`${group}/io.stat`, '8:0 rbytes=1 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n');
  }
  for (let pid = 1; pid <= PROCESSES; pid += 1) {
    const group = String(pid % GROUPS).padStart(64, '0');
    write(
      `proc/${pid}/stat`,
      `${pid} (program-${pid}) S 1 1 1 0 -1 4194560 0 0 0 0 7 9 0 0 20 0 1 0 ${pid} 1000 256 0 0\n`,
    );
    write(`proc/${pid}/cgroup`, `0::/system.slice/docker-${group}.scope\n`);
    write(`proc/${pid}/io`, 'rchar: 1\nread_bytes: 4096\nwrite_bytes: 0\n');
    write(`proc/${pid}/net/dev`, 'a\nb\n  eth0: 50 1 0 0 0 0 0 0 60 1\n');
    mkdirSync(join(root, `proc/${pid}/ns`));
    symlinkSync(`net:[${pid % GROUPS}]`, join(root, `proc/${pid}/ns/net`));
  }
}
