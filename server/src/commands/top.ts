/** `countersign top`: what this machine's workloads use, looked at for some seconds. Needs no server, no sensor and no right but to read. */
import { Sampler } from '../inventory/telemetry/edge/sampler.ts';
import { createNamer } from '../inventory/telemetry/edge/tell.ts';
import type { WireSample } from '../inventory/telemetry/sample.ts';
import { type Command, EXIT_FINE, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign top [--seconds N] [--json]

Looks at this machine once a second, five times unless told otherwise, and prints what containers, systemd units and programs used: the busiest first,
with what they may use. --json prints everything that was measured, the busiest processes too, as one JSON object a line.`;

const DEFAULT_SECONDS = 5;
const MOST_SECONDS = 600;
const LOOK_MS = 1_000;
const ROWS = 40;

export const topCommand: Command = {
  name: 'top',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { seconds: 'text', json: 'present' });
    if (given.positionals.length > 0) throw new UsageError(`'${given.positionals[0]}' is too much`);
    const seconds = Number(given.text('seconds') ?? DEFAULT_SECONDS);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MOST_SECONDS)
      throw new UsageError(`--seconds must be a whole number from 1 to ${MOST_SECONDS}`);
    const { clock, interrupted } = terminal;
    const sampler = new Sampler({ proc: '/proc', sys: '/sys', namer: createNamer(() => null) });
    sampler.look(clock.steadyMs());
    for (let second = 0; second < seconds && !interrupted.aborted; second += 1) {
      await clock.sleep(LOOK_MS, interrupted);
      sampler.look(clock.steadyMs());
    }
    const samples = sampler.take(clock.nowMs());
    sampler.close();
    await terminal.print(given.has('json') ? jsonLines(samples) : table(samples));
    return EXIT_FINE;
  },
};

function jsonLines(samples: readonly WireSample[]): string {
  return samples.map((sample) => `${JSON.stringify(sample)}\n`).join('');
}

const COLUMNS: readonly (readonly [title: string, read: (sample: WireSample) => string])[] = [
  ['WORKLOAD', ({ kind, application }) => (kind === 'host' ? '(this machine)' : application)],
  ['KIND', ({ kind }) => kind],
  ['CPU', ({ cpuMs, coveredMs }) => cores(cpuMs / Math.max(coveredMs, 1))],
  ['MAX', ({ cpuMax }) => cores(cpuMax)],
  ['REQUEST', ({ cpuRequest }) => cores(cpuRequest)],
  ['LIMIT', ({ cpuLimit }) => cores(cpuLimit)],
  ['HELD BACK', ({ throttledMs }) => (throttledMs === null ? '-' : `${Math.round(throttledMs)} ms`)],
  ['MEMORY', ({ memoryLastBytes }) => mebibytes(memoryLastBytes)],
  ['LIMIT', ({ memoryLimit }) => mebibytes(memoryLimit)],
  ['KILLS', ({ oomKills }) => String(oomKills)],
];

function table(samples: readonly WireSample[]): string {
  const shown = samples
    .filter(({ kind }) => kind !== 'process')
    .toSorted((one, other) => Number(other.kind === 'host') - Number(one.kind === 'host') || other.cpuMs - one.cpuMs)
    .slice(0, ROWS);
  const rows = [COLUMNS.map(([title]) => title), ...shown.map((sample) => COLUMNS.map(([, read]) => read(sample)))];
  const widths = COLUMNS.map((_, place) => Math.max(...rows.map((row) => row[place]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((text, place) => pad(text, widths[place] ?? 0, place))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Names to the left, numbers to the right. */
function pad(text: string, width: number, place: number): string {
  return place < 2 ? text.padEnd(width) : text.padStart(width);
}

function cores(value: number | null): string {
  return value === null ? '-' : value.toFixed(2);
}

function mebibytes(bytes: number | null): string {
  return bytes === null ? '-' : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
