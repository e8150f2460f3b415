/**
 * What does the sensor cost the host, and does it keep up? Time of the processor for loops of one call, and a compile, with the sensor on and off in turns;
 * then 100,000 events a second for some seconds, and how many of them arrive.
 *
 * The limit would be an empty program at the end of every call: about 75 ns, of which the kernel's slow path for traced calls is
 * half. Every event has its time (10 ns), names (0.1 µs a piece of path) and a copy into the ring on top. Needs root, cc and the
 * sensor; the machine should do nothing else.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE, CaptureReader, Machine as CaptureMachine } from '@countersign/scap';
import { type Machine, thisMachine } from './machine.ts';

const ROOT = process.cwd();
const SENSOR = join(ROOT, 'sensor/build/countersign-sensor');
const ROUNDS = 9;
const READY_MS = 60_000;
const STEP_MS = 200;
const ALONE_MS = 300_000;
const LOOPS = { unwatched: 3_000_000, open: 200_000, write: 300_000, connect: 10_000, exec: 1_000 } as const;
const COMPILE_TURNS = 3;
const FLOOD_SECONDS = 5;
/** Each open is followed by a close, which is told too. */
const OPENS_PER_SECOND = 50_000;

interface Slowdown {
  readonly offNs: number;
  readonly onNs: number;
  /** Median over the rounds, each of which has both. */
  readonly percent: number;
  readonly spread: readonly [least: number, most: number];
}

interface Report {
  readonly bench: 'sensor';
  readonly machine: Machine;
  readonly figures: {
    readonly slowdown: Readonly<Record<string, Slowdown>>;
    readonly flood: Readonly<Record<string, number>>;
    readonly peakRssMiB: number;
  };
}

export async function run(): Promise<Report> {
  if (!existsSync(SENSOR) || process.getuid?.() !== 0) throw new Error('needs the sensor (npm run build) and root');
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  try {
    const load = join(folder, 'load');
    const sensor = join(folder, 'sensor');
    // What is measured stays as it is when somebody builds meanwhile.
    cpSync(join(ROOT, 'sensor'), sensor, { recursive: true });
    execFileSync('cc', ['-O2', '-o', load, join(sensor, 'bench/load.c')]);
    const work: Record<string, () => number> = { compile: () => compile(load, sensor) };
    for (const [kind, count] of Object.entries(LOOPS))
      work[kind] = () => Number(execFileSync(load, [kind, String(count)]));
    const program = join(sensor, 'build/countersign-sensor');
    const { slowdown, peakRssMiB } = await compare(program, join(folder, 'on.scap'), work);
    return {
      bench: 'sensor',
      machine: thisMachine(),
      figures: { slowdown, flood: await flood(program, load, folder), peakRssMiB },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The sensor's own sources, optimised, some times over. Nanoseconds of processor. */
function compile(load: string, sensor: string): number {
  const sources = readdirSync(sensor)
    .filter((file) => file.endsWith('.c') && !file.endsWith('.bpf.c'))
    .map((file) => join(sensor, file));
  const list = Array.from({ length: COMPILE_TURNS }, () => sources).flat();
  const compiler = ['cc', '-O2', '-D_GNU_SOURCE', '-I', join(sensor, 'build'), '-c', '-o', '/dev/null', '{}'];
  return Number(execFileSync(load, ['run', 'xargs', '-P', '2', '-I', '{}', ...compiler], { input: list.join('\n') }));
}

async function compare(
  program: string,
  output: string,
  work: Readonly<Record<string, () => number>>,
): Promise<{ slowdown: Record<string, Slowdown>; peakRssMiB: number }> {
  const times = new Map(Object.keys(work).map((name) => [name, { off: [] as number[], on: [] as number[] }]));
  let peakRssMiB = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const state of round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
      await untilAlone();
      const sensor = state === 'on' ? await startSensor(program, output) : null;
      for (const [name, measure] of Object.entries(work)) times.get(name)?.[state].push(measure());
      if (sensor !== null) {
        peakRssMiB = Math.max(peakRssMiB, peakRssOf(sensor));
        await stopSensor(sensor);
      }
    }
  }
  const slowdown = Object.fromEntries(
    [...times].map(([name, { off, on }]) => {
      const ratios = on.map((ns, round) => ns / (off[round] ?? Number.NaN) - 1);
      const [offNs, onNs] = [median(off), median(on)];
      const spread = [Math.min(...ratios), Math.max(...ratios)].map(percent) as [number, number];
      return [name, { offNs, onNs, percent: percent(medianOf(ratios)), spread }];
    }),
  );
  return { slowdown, peakRssMiB };
}

/** Another sensor costs everybody: with one running, "off" would not be off. */
async function untilAlone(): Promise<void> {
  for (let waitedMs = 0; waitedMs < ALONE_MS; waitedMs += STEP_MS) {
    if (!readdirSync('/proc').some(isSensor)) return;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new Error('another sensor is running on this machine');
}

function isSensor(entry: string): boolean {
  try {
    return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/comm`, 'utf8').startsWith('countersign-sen');
  } catch {
    return false;
  }
}

async function flood(program: string, load: string, folder: string): Promise<Record<string, number>> {
  const file = join(folder, 'flood.scap');
  await untilAlone();
  const sensor = await startSensor(program, file);
  const [opens = 0, tookNs = 1] = String(execFileSync(load, ['flood', String(FLOOD_SECONDS), String(OPENS_PER_SECOND)]))
    .split(' ')
    .map(Number);
  const cpuMs = cpuMsOf(sensor);
  const peakRssMiB = peakRssOf(sensor);
  await stopSensor(sensor);
  let [toldOpens, toldCloses, lost] = [0, 0, 0];
  const reader = new CaptureReader(
    new CaptureMachine({
      onEvent: ({ current, currentThread }) => {
        if (current.code === CODE.async && current.text(1) === 'gap') {
          lost += Number((JSON.parse(current.text(2)) as { lost: number }).lost);
        }
        if (currentThread?.comm !== 'load') return;
        if (current.code === CODE.openat) toldOpens += 1;
        if (current.code === CODE.close) toldCloses += 1;
      },
    }),
  );
  const bytes = readFileSync(file);
  reader.write(bytes);
  reader.end();
  return {
    eventsPerSecond: Math.round((2 * opens * 1e9) / tookNs),
    opens,
    toldOpens,
    toldCloses,
    lost,
    bytesPerEvent: Math.round(bytes.length / reader.counts.events),
    sensorCpuPercent: Math.round((cpuMs * 1e8) / tookNs),
    peakRssMiB,
  };
}

/** Ready when its stream says so, which it does after the lists. */
async function startSensor(program: string, output: string): Promise<ChildProcess> {
  rmSync(output, { force: true });
  const sensor = spawn(program, ['--output', output], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let waitedMs = 0; waitedMs < READY_MS; waitedMs += STEP_MS) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    if (sensor.exitCode !== null) throw new Error('the sensor did not start');
    if (existsSync(output) && readFileSync(output).includes('{"version":')) return sensor;
  }
  throw new Error('the sensor is not ready');
}

async function stopSensor(sensor: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => sensor.once('close', resolve));
  sensor.kill('SIGTERM');
  await ended;
}

function peakRssOf({ pid }: ChildProcess): number {
  const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 102.4) / 10;
}

const TICK_MS = 10;

function cpuMsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function median(values: readonly number[]): number {
  return Math.round(medianOf(values) * 10) / 10;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10;
}
