/** The real sensor for tests: starts it, does something, and gives what was told, by the names that rules use. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type CaptureEvent,
  CaptureReader,
  EVENT_FLAG,
  type FieldScalar,
  Machine,
  SIZES,
  SYSCALL_FIELDS,
} from '@countersign/scap';
import { vi } from 'vitest';
import { describeWith } from './data.ts';

export const SENSOR = fileURLToPath(new URL('../sensor/build/countersign-sensor', import.meta.url));
const READY_MS = 45_000;
/** Loading is 0.7 seconds of processor, which a busy machine takes its time for. */
vi.setConfig({ testTimeout: 180_000 });
/** Longer than the sensor holds back a record, and than it waits between two looks. */
const SETTLE_MS = 150;

export const describeWithSensor = describeWith({
  name: 'the sensor (built by npm run build, needs root)',
  present: existsSync(SENSOR) && process.getuid?.() === 0,
});

/** One event with the fields that were asked for. */
export type Told = Readonly<Record<string, string>>;

export interface Recording {
  readonly events: readonly Told[];
  /** JSON of the events that the sensor tells of itself, by name. */
  readonly asides: readonly { readonly name: string; readonly data: Readonly<Record<string, unknown>> }[];
  readonly damaged: number;
  /** Parameters that are not as the table of the format has them. */
  readonly misfits: readonly string[];
  readonly complaints: string;
}

const ALWAYS = ['evt.type', 'evt.args', 'evt.rawres', 'proc.name', 'proc.pid', 'container.id'];

export interface RecordOptions {
  readonly args?: readonly string[];
  /** More fields that the test looks at. */
  readonly fields?: readonly string[];
  /** Keeps only what the test is about; all when not given. */
  readonly keep?: (told: Told) => boolean;
  /** Sees every event with the machine's state. */
  readonly follow?: (machine: Machine) => void;
  /** The program to start, for another with other rights. */
  readonly command?: readonly string[];
}

/** Runs `action` while the sensor watches. */
export async function record(action: () => Promise<void> | void, options: RecordOptions = {}): Promise<Recording> {
  const events: Told[] = [];
  const asides: { name: string; data: Record<string, unknown> }[] = [];
  const misfits = new Set<string>();
  const fields = [...ALWAYS, ...(options.fields ?? [])];
  const reader = new CaptureReader(
    new Machine({ onEvent: (machine) => take(machine, { fields, events, asides, misfits, options }) }),
  );
  const line = [...(options.command ?? []), SENSOR, ...(options.args ?? [])];
  const child = spawn(line[0] ?? SENSOR, line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (piece: Buffer) => {
    complaints += piece.toString();
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (piece: Buffer) => {
      reader.write(piece);
      if (asides.length > 0) resolve();
    });
    child.once('close', () => reject(new Error(`the sensor ended: ${complaints}`)));
    setTimeout(() => reject(new Error(`the sensor is not ready: ${complaints}`)), READY_MS).unref();
  });
  try {
    await ready;
    await action();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  const { damagedEvents, unknownBlocks, unknownEvents } = reader.counts;
  const damaged = damagedEvents + unknownBlocks + unknownEvents;
  return { events, asides, damaged, misfits: [...misfits], complaints };
}

interface Taking {
  readonly fields: readonly string[];
  readonly events: Told[];
  readonly asides: { name: string; data: Record<string, unknown> }[];
  readonly misfits: Set<string>;
  readonly options: RecordOptions;
}

function take(machine: Machine, { fields, events, asides, misfits, options }: Taking): void {
  const { current } = machine;
  for (const misfit of misfitsOf(current)) misfits.add(misfit);
  if (current.info.name === 'asyncevent') {
    asides.push({ name: current.text(1), data: JSON.parse(current.text(2)) as Record<string, unknown> });
    return;
  }
  options.follow?.(machine);
  const told: Record<string, string> = {};
  for (const field of fields) told[field] = textOf(machine, field);
  if (options.keep?.(told) ?? true) events.push(told);
}

/** The number of parameters, and the size of each that has one; what could not be read is empty. */
function* misfitsOf(event: CaptureEvent): Generator<string> {
  const { name, parameters, flags } = event.info;
  if (event.count !== parameters.length) yield `${name} has ${event.count} parameters, not ${parameters.length}`;
  if ((flags & EVENT_FLAG.old) !== 0) yield `${name} (${event.code}) is an old event`;
  for (const [place, parameter] of parameters.entries()) {
    const size = SIZES[parameter.type];
    const length = place < event.count ? event.length(place) : 0;
    if (size !== undefined && length !== size) yield `${name}.${parameter.name} has ${length} bytes, not ${size}`;
    if (parameter.type === 'text' && length > 0 && event.bytes[event.offset(place) + length - 1] !== 0) {
      yield `${name}.${parameter.name} does not end`;
    }
  }
}

function textOf(machine: Machine, name: string): string {
  const [, plain = name, argument = null] = /^([a-z0-9_.]+)\[(.*)\]$/.exec(name) ?? [];
  const dotted = /^(evt\.arg)\.(.+)$/.exec(name);
  const field = SYSCALL_FIELDS.get(dotted?.[1] ?? plain);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  const value = (field.print ?? field.read)(machine, dotted?.[2] ?? argument);
  return Array.isArray(value) ? value.map(scalar).join(',') : value === null ? '' : scalar(value as FieldScalar);
}

function scalar(value: FieldScalar): string {
  return String(value);
}
