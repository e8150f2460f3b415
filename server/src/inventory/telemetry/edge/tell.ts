/**
 * Meters → samples, at the end of a window, when most things have got their names. Of programs and processes those that use most are told; the
 * rest of the programs is one row, so that nothing is missing in the sums.
 */
import { applicationOf, type CustomGroup, type ProcessPlace } from '../../application.ts';
import type { Process } from './kernel/processes.ts';
import type { Meter, Usage } from './meter.ts';
import { type Bounds, NO_BOUNDS } from '../reading.ts';
import type { WireSample } from '../sample.ts';
import type { WatchedGroup, WatchedProcess, WatchedProgram } from './things.ts';

export interface Namer {
  /** The application of a process that is in no container and no unit. */
  program(process: Process): string;
  container(id: string, shortId: string): { readonly application: string; readonly name: string };
  unit(name: string, path: string): string;
}

/** @param describe what a runtime told of a container, by its short id; null: nothing yet. */
export function createNamer(
  describe: (shortId: string) => ProcessPlace['container'],
  groups: readonly CustomGroup[] = [],
): Namer {
  const nobody = { exe: '', name: '', groups: '' };
  return {
    program: ({ exe, name, groups: place }) =>
      applicationOf({ exe, name, groups: place.replaceAll('\n', ' '), container: null }, groups),
    container: (id, shortId) => {
      const found = describe(shortId) ?? { id, name: '', image: '', labels: new Map(), namespace: '', pod: '' };
      return { application: applicationOf({ ...nobody, container: found }, groups), name: found.name };
    },
    unit: (_name, path) => applicationOf({ ...nobody, groups: `systemd=${path}`, container: null }, groups),
  };
}

export interface Watched {
  readonly host: { readonly meter: Meter; readonly bounds: Bounds };
  readonly groups: readonly WatchedGroup[];
  readonly programs: ReadonlyMap<string, WatchedProgram>;
  readonly processes: readonly WatchedProcess[];
}

const MOST_PROGRAMS = 50;
const MOST_PROCESSES = 15;
export const REST = 'program:(rest)';
const NOTHING = { id: '', name: '', application: '', part: '', container: '', pod: '', restarts: 0, ...NO_BOUNDS };

export function tell(
  windowMs: number,
  namer: Namer,
  { host, groups, programs, processes }: Watched,
): readonly WireSample[] {
  const samples: WireSample[] = [];
  const hostUsage = host.meter.take();
  if (hostUsage !== null) samples.push(sampleOf(hostUsage, { ...NOTHING, windowMs, kind: 'host', ...host.bounds }));
  const names = new Map<WatchedGroup, string>();
  for (const watched of groups) {
    const named = nameOf(watched, namer);
    names.set(watched, named.application);
    const { restarts, oomLogged } = watched.takeEvents();
    const usage = watched.meter.take();
    if (usage === null && restarts === 0 && oomLogged === 0) continue;
    const sample = sampleOf(usage ?? UNSEEN, { ...NOTHING, windowMs, ...named, ...watched.bounds, restarts });
    samples.push({ ...sample, oomKills: Math.max(sample.oomKills, oomLogged) });
  }
  samples.push(...programSamples(windowMs, programs));
  const used = processes.flatMap((watched) => {
    const usage = watched.meter.take();
    return usage === null ? [] : [{ watched, usage }];
  });
  for (const { watched, usage } of mostOf(used, MOST_PROCESSES)) {
    const { owner, program, process } = watched;
    const application = owner === null ? program : (names.get(owner) ?? '');
    const container = owner?.group.place.kind === 'container' ? owner.group.place.id : '';
    const id = `${process.pid}.${process.startTicks}`;
    samples.push(
      sampleOf(usage, { ...NOTHING, windowMs, kind: 'process', id, name: process.name, application, container }),
    );
  }
  return samples;
}

type Head = Pick<
  WireSample,
  'windowMs' | 'kind' | 'id' | 'name' | 'application' | 'part' | 'container' | 'pod' | 'restarts' | keyof Bounds
>;

const UNSEEN: Usage = {
  coveredMs: 0,
  cpuMs: 0,
  cpuMin: 0,
  cpuMax: 0,
  memoryBytes: null,
  memoryMaxBytes: null,
  memoryLastBytes: null,
  rssBytes: null,
  processes: 0,
  sums: {
    cpuMs: null,
    readBytes: null,
    writtenBytes: null,
    readOps: null,
    writeOps: null,
    receivedBytes: null,
    sentBytes: null,
    periods: null,
    throttled: null,
    throttledMs: null,
    oomKills: null,
  },
};

function sampleOf({ sums, ...usage }: Usage, head: Head): WireSample {
  const { cpuMs: _counted, oomKills, throttledMs, ...rest } = sums;
  return {
    ...head,
    ...usage,
    ...rest,
    cpuMs: rounded(usage.cpuMs),
    cpuMin: rounded(usage.cpuMin),
    cpuMax: rounded(usage.cpuMax),
    throttledMs: throttledMs === null ? null : rounded(throttledMs),
    oomKills: oomKills ?? 0,
  };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function nameOf({ group: { place, path } }: WatchedGroup, namer: Namer) {
  if (place.kind === 'unit') {
    return { kind: 'unit', id: place.name, name: place.name, application: namer.unit(place.name, path) } as const;
  }
  const { id, shortId, pod } = place;
  const { application, name } = namer.container(id, shortId);
  return { kind: 'container', id, pod, application, name, part: pod === '' ? '' : name } as const;
}

function programSamples(windowMs: number, programs: ReadonlyMap<string, WatchedProgram>): readonly WireSample[] {
  const used = [...programs].flatMap(([name, { meter }]) => {
    const usage = meter.take();
    return usage === null ? [] : [{ name, usage }];
  });
  const told = mostOf(used, MOST_PROGRAMS);
  const rest = used.filter((one) => !told.includes(one)).map(({ usage }) => usage);
  const all = rest.length === 0 ? told : [...told, { name: REST, usage: rest.reduce(sumOf) }];
  return all.map(({ name, usage }) =>
    sampleOf(usage, { ...NOTHING, windowMs, kind: 'program', id: name, name, application: name }),
  );
}

/** Those that use most processor, and those that use most memory. */
function mostOf<One extends { readonly usage: Usage }>(all: readonly One[], most: number): readonly One[] {
  if (all.length <= most) return all;
  const by = (value: (usage: Usage) => number) =>
    all.toSorted((one, other) => value(other.usage) - value(one.usage)).slice(0, most);
  return [...new Set([...by(({ cpuMs }) => cpuMs), ...by(({ memoryMaxBytes }) => memoryMaxBytes ?? 0)])];
}

function sumOf(one: Usage, other: Usage): Usage {
  const plus = (a: number | null, b: number | null) => (a === null && b === null ? null : (a ?? 0) + (b ?? 0));
  return {
    coveredMs: Math.max(one.coveredMs, other.coveredMs),
    cpuMs: one.cpuMs + other.cpuMs,
    cpuMin: one.cpuMin + other.cpuMin,
    cpuMax: one.cpuMax + other.cpuMax,
    memoryBytes: plus(one.memoryBytes, other.memoryBytes),
    memoryMaxBytes: plus(one.memoryMaxBytes, other.memoryMaxBytes),
    memoryLastBytes: plus(one.memoryLastBytes, other.memoryLastBytes),
    rssBytes: plus(one.rssBytes, other.rssBytes),
    processes: one.processes + other.processes,
    sums: {
      ...one.sums,
      readBytes: plus(one.sums.readBytes, other.sums.readBytes),
      writtenBytes: plus(one.sums.writtenBytes, other.sums.writtenBytes),
    },
  };
}
