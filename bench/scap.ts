/**
 * How many events of a capture are decoded, followed and judged in a second of processor?
 *
 * Two views of the same capture. `command` is what a user pays: `countersign replay` from start to end, with its memory. `rates` are
 * warm rounds within one process: the headers alone, the state of the machine, then with the public rules. The limit would be the walk over the
 * headers. Beside them stand the figures of Falco 0.44.1 on the same capture, recorded on a machine of the same kind (2 vCPU).
 *
 * Needs the shared test data, or a capture and folder of rules of one's own: COUNTERSIGN_BENCH_CAPTURE, COUNTERSIGN_BENCH_RULES.
 */
import { spawn } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CaptureReader, Machine, type MachineOptions } from '@countersign/scap';
import { createCaptureAlerts } from '../server/src/rules/capture-alerts.ts';
import { loadPack } from '../server/src/rules/pack.ts';
import { thisMachine } from './machine.ts';

const ROOT = process.cwd();
const DATA = process.env['COUNTERSIGN_TEST_DATA'] ?? join(ROOT, '..', 'shared', 'data');
const CAPTURE = process.env['COUNTERSIGN_BENCH_CAPTURE'] ?? join(DATA, 'captures', 'network.scap.gz');
const RULES = process.env['COUNTERSIGN_BENCH_RULES'] ?? join(DATA, 'falco-rules');
const PROGRAM = join(ROOT, 'server', 'bin', 'countersign.js');
const COMMAND_ROUNDS = 3;
const ROUNDS = 5;
const CHUNK_BYTES = 1024 * 1024;

const STABLE = ['falco_rules.yaml'];
const ALL = [...STABLE, 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'];
/** Seconds of processor that Falco takes for `network`, fastest and slowest of its runs. */
const FALCO_NETWORK_SECONDS = { never: [0.4, 0.4], stable: [0.64, 0.83], all: [1.3, 1.7] } as const;

const NEVER = `
- rule: Nothing is like this
  desc: state is followed, no rule matches
  condition: evt.type = userfaultfd and proc.name = nothing-is-like-this
  output: never
  priority: NOTICE
`;

type Rules = keyof typeof FALCO_NETWORK_SECONDS;

interface Cost {
  readonly seconds: number;
  readonly rssMiB: number;
}

/** Written at the end of a run by the program itself, since nobody else is told what a child has used. */
const TELL_USAGE = `data:text/javascript,process.on('exit',()=>process.stderr.write('\\nusage '+JSON.stringify(process.resourceUsage())))`;

export async function run() {
  for (const path of [CAPTURE, RULES]) if (!existsSync(path)) throw new Error(`there is no ${path}`);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  try {
    const capture = await unpacked(folder);
    const never = join(folder, 'never.yaml');
    writeFileSync(never, NEVER);
    const files: Readonly<Record<Rules, readonly string[]>> = {
      never: [never],
      stable: STABLE.map((file) => join(RULES, file)),
      all: ALL.map((file) => join(RULES, file)),
    };
    const bytes = readFileSync(capture);
    const { events, rates } = ratesOf(bytes, files);
    return {
      bench: 'scap',
      machine: thisMachine(),
      figures: { events, bytes: bytes.length, rates, command: await commandCosts(capture, files, events) },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function unpacked(folder: string): Promise<string> {
  if (!CAPTURE.endsWith('.gz')) return CAPTURE;
  const file = join(folder, 'capture.scap');
  await pipeline(createReadStream(CAPTURE), createGunzip(), createWriteStream(file));
  return file;
}

/** Millions of events a second of processor, the best of some rounds: others on the machine only ever make it slower. */
function ratesOf(bytes: Buffer, files: Readonly<Record<Rules, readonly string[]>>) {
  const nobody: MachineOptions = { onEvent: () => undefined, isInteresting: () => false };
  const work: Readonly<Record<string, () => Machine>> = {
    state: () => new Machine(nobody),
    stable: () => judging(files.stable),
    all: () => judging(files.all),
  };
  const best = new Map<string, number>();
  let events = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, make] of Object.entries(work)) {
      const machine = make();
      const before = process.cpuUsage();
      events = readAll(bytes, machine);
      const { user, system } = process.cpuUsage(before);
      best.set(name, Math.min(best.get(name) ?? Infinity, (user + system) / 1e6));
    }
  }
  const rates = Object.fromEntries([...best].map(([name, seconds]) => [name, rounded(events / seconds / 1e6)]));
  return { events, rates };
}

function judging(files: readonly string[]): Machine {
  const { rules } = loadPack(files).ruleset;
  return createCaptureAlerts({ rules, match: 'first', hostname: '', onAlert: () => undefined });
}

function readAll(bytes: Buffer, machine: Machine): number {
  const reader = new CaptureReader(machine);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) reader.write(bytes.subarray(at, at + CHUNK_BYTES));
  reader.end();
  return reader.counts.events;
}

async function commandCosts(capture: string, files: Readonly<Record<Rules, readonly string[]>>, events: number) {
  const costs: Record<Rules, Cost[]> = { never: [], stable: [], all: [] };
  for (let round = 0; round < COMMAND_ROUNDS; round += 1) {
    for (const name of Object.keys(costs) as Rules[]) costs[name].push(await replay(capture, files[name]));
  }
  const isRecorded = process.env['COUNTERSIGN_BENCH_CAPTURE'] === undefined;
  return Object.fromEntries(
    (Object.keys(costs) as Rules[]).map((name) => {
      const sorted = costs[name].sort((one, other) => one.seconds - other.seconds);
      const { seconds = 0, rssMiB = 0 } = sorted[Math.floor(sorted.length / 2)] ?? {};
      const figures = { seconds, spread: sorted.map((cost) => cost.seconds), rssMiB };
      const rate = { millionEventsASecond: rounded(events / seconds / 1e6) };
      if (!isRecorded) return [name, { ...figures, ...rate }];
      const [fastest, slowest] = FALCO_NETWORK_SECONDS[name];
      const falco = {
        seconds: [fastest, slowest],
        timesOurs: [rounded(fastest / seconds), rounded(slowest / seconds)],
      };
      return [name, { ...figures, ...rate, falco }];
    }),
  );
}

function replay(capture: string, files: readonly string[]): Promise<Cost> {
  const rules = files.flatMap((file) => ['--rules', file]);
  const argv = ['--import', TELL_USAGE, PROGRAM, 'replay', '--match', 'first', ...rules, '--output', 'json', capture];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const told = /\nusage (\{.*\})$/.exec(said)?.[1];
      if (code !== 0 || told === undefined) reject(new Error(`replay ended with ${code}: ${said}`));
      else resolve(costOf(JSON.parse(told) as NodeJS.ResourceUsage));
    });
  });
}

function costOf({ userCPUTime, systemCPUTime, maxRSS }: NodeJS.ResourceUsage): Cost {
  return { seconds: rounded((userCPUTime + systemCPUTime) / 1e6), rssMiB: Math.round(maxRSS / 1024) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
