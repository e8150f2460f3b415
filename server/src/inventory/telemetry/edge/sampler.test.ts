/** The sampler over a machine that was made for it: control groups of version 2, systemd and Kubernetes, with numbers that can be added up. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProcessPlace } from '../../application.ts';
import { parseStat } from './kernel/processes.ts';
import { nearest, placeOf } from './kernel/place.ts';
import { Meter } from './meter.ts';
import { NO_TOTALS } from '../reading.ts';
import type { WireSample } from '../sample.ts';
import { Sampler } from './sampler.ts';
import { createNamer } from './tell.ts';

const ID = 'b'.repeat(64);
const POD = '0a1b2c3d-0000-4000-8000-123456789abc';
const CONTAINER = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`;
const UNIT = '/system.slice/nginx.service';
const MIB = 1024 * 1024;

let root = '';
const at = (...parts: string[]) => join(root, ...parts);
function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'countersign-sampler-'));
  write('proc/self/mountinfo', `30 1 0:26 / ${at('cg')} rw,nosuid - cgroup2 cgroup2 rw\n`);
  write('proc/self/smaps', 'KernelPageSize:        4 kB\n');
  write('proc/meminfo', 'MemTotal:       8000 kB\nMemFree: 1 kB\nMemAvailable:   5000 kB\nAnonPages:  2000 kB\n');
  write('proc/net/dev', 'Inter-|\n face |\n    lo: 900 1 0 0 0 0 0 0 900 1\n  eth0: 500 1 0 0 0 0 0 0 70 1\n');
  write('proc/1/net/dev', 'Inter-|\n face |\n    lo: 900 1 0 0 0 0 0 0 900 1\n  eth0: 500 1 0 0 0 0 0 0 70 1\n');
  write('cg/cgroup.controllers', 'cpuset cpu io memory pids\n');
  write('kmsg', '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface GroupState {
  readonly usedMs: number;
  readonly throttled?: number;
  readonly memory: number;
  readonly kills?: number;
  readonly written?: number;
}

function group(path: string, { usedMs, throttled = 0, memory, kills = 0, written = 0 }: GroupState): void {
  const folder = `cg${path}`;
  write(
    `${folder}/cpu.stat`,
    `usage_usec ${usedMs * 1000}\nuser_usec 0\nsystem_usec 0\nnr_periods ${usedMs}\nnr_throttled ${throttled}\nthrottled_usec ${throttled * 2000}\n`,
  );
  write(`${folder}/memory.current`, `${memory + 5 * MIB}\n`);
  write(`${folder}/memory.stat`, `anon ${memory - MIB}\nfile 1\ninactive_file ${5 * MIB}\n`);
  write(`${folder}/memory.events`, `low 0\nhigh 0\nmax 3\noom ${kills}\noom_kill ${kills}\n`);
  write(`${folder}/memory.max`, '104857600\n');
  write(`${folder}/cpu.max`, '150000 100000\n');
  // 512 shares, as runtimes turn them into a weight.
  write(`${folder}/cpu.weight`, '20\n');
  write(`${folder}/io.stat`, `8:0 rbytes=0 wbytes=${written} rios=0 wios=7 dbytes=0 dios=0\n`);
}

function process(
  pid: number,
  name: string,
  { path, ticks = 0, start = 100, net = 'net:[1]' }: { path: string; ticks?: number; start?: number; net?: string },
) {
  const stat = `${pid} (${name}) S 1 1 1 0 -1 4194560 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 1000 256 0 0\n`;
  write(`proc/${pid}/stat`, stat);
  write(`proc/${pid}/cgroup`, `0::${path}\n`);
  write(`proc/${pid}/io`, 'rchar: 1\nwchar: 1\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 0\n');
  rmSync(at(`proc/${pid}/ns`), { recursive: true, force: true });
  mkdirSync(at(`proc/${pid}/ns`), { recursive: true });
  symlinkSync(net, at(`proc/${pid}/ns/net`));
}

function hostBusy(ticks: number): void {
  write(
    'proc/stat',
    `cpu  ${ticks} 0 0 5000 10 0 0 3 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\ncpu1 1 0 0 1 0 0 0 0 0 0\nintr 5\n`,
  );
}

const named = (describe: (id: string) => ProcessPlace['container'] = () => null) =>
  new Sampler({ proc: at('proc'), sys: at('sys'), namer: createNamer(describe), kernelLog: at('kmsg') });
const only = (samples: readonly WireSample[], kind: WireSample['kind']) => {
  const found = samples.filter((one) => one.kind === kind);
  expect(found).toHaveLength(1);
  return found[0];
};

describe('a machine with control groups of version 2', () => {
  test('a pod and a unit are told with what they used between two looks, and what they may', () => {
    hostBusy(100);
    process(1, 'systemd', { path: '/init.scope' });
    group(CONTAINER, { usedMs: 1_000, memory: 20 * MIB });
    group(UNIT, { usedMs: 50, memory: 9 * MIB });
    process(70, 'web (1)', { path: CONTAINER, ticks: 100, net: 'net:[2]' });
    write('proc/70/net/dev', 'Inter-|\n face |\n    lo: 5 1 0 0 0 0 0 0 5 1\n  eth0: 1000 1 0 0 0 0 0 0 2000 1\n');
    process(80, 'nginx', { path: `${UNIT}/worker` });
    const sampler = named((id) => ({
      id,
      name: 'web',
      image: 'shop/web',
      labels: new Map(),
      namespace: 'shop',
      pod: 'web-7d9c6b5f4-x2x8k',
    }));
    sampler.look(0);
    hostBusy(250);
    group(CONTAINER, { usedMs: 1_500, throttled: 40, memory: 30 * MIB, kills: 1, written: 8192 });
    group(UNIT, { usedMs: 60, memory: 9 * MIB });
    process(70, 'web (1)', { path: CONTAINER, ticks: 150, net: 'net:[2]' });
    write('proc/70/net/dev', 'Inter-|\n face |\n    lo: 9 1 0 0 0 0 0 0 9 1\n  eth0: 1600 1 0 0 0 0 0 0 2900 1\n');
    sampler.look(1_000);
    const samples = sampler.take(10_000);
    expect(only(samples, 'container')).toEqual({
      windowMs: 10_000,
      kind: 'container',
      id: ID,
      name: 'web',
      application: 'shop/deployment/web',
      part: 'web',
      container: '',
      pod: POD,
      coveredMs: 1_000,
      cpuMs: 500,
      cpuMin: 0.5,
      cpuMax: 0.5,
      memoryBytes: 25 * MIB,
      memoryMaxBytes: 30 * MIB,
      memoryLastBytes: 30 * MIB,
      rssBytes: 29 * MIB,
      readBytes: 0,
      writtenBytes: 8192,
      readOps: 0,
      writeOps: 0,
      receivedBytes: 600,
      sentBytes: 900,
      periods: 500,
      throttled: 40,
      throttledMs: 80,
      oomKills: 1,
      restarts: 0,
      processes: 1,
      cpuLimit: 1.5,
      cpuRequest: expect.closeTo(0.488, 3),
      memoryLimit: 104_857_600,
      memoryRequest: null,
    });
    expect(only(samples, 'unit')).toMatchObject({
      id: 'nginx.service',
      application: 'unit:nginx.service',
      cpuMs: 10,
      processes: 1,
      receivedBytes: null,
    });
    expect(only(samples, 'host')).toMatchObject({
      cpuMs: 1_500,
      cpuLimit: 2,
      memoryBytes: 3_000 * 1024,
      memoryLimit: 8_000 * 1024,
      processes: 3,
      receivedBytes: 0,
    });
    const processes = samples.filter(({ kind }) => kind === 'process');
    expect(processes.find(({ name }) => name === 'web (1)')).toMatchObject({ cpuMs: 500, container: ID });
    expect(only(samples, 'program')).toMatchObject({ application: 'program:systemd' });
  });

  test('who came between two looks counts with all that it used; who went is told once more, and counts as begun again if it returns', () => {
    hostBusy(0);
    const sampler = named();
    sampler.look(0);
    group(CONTAINER, { usedMs: 300, memory: MIB });
    process(70, 'job', { path: CONTAINER, ticks: 30 });
    sampler.look(1_000);
    rmSync(at(`cg${CONTAINER}`), { recursive: true });
    rmSync(at('proc/70'), { recursive: true });
    sampler.look(2_000);
    expect(only(sampler.take(0), 'container')).toMatchObject({ cpuMs: 300, coveredMs: 1_000, restarts: 0 });
    sampler.look(3_000);
    expect(sampler.take(0).some(({ kind }) => kind === 'container')).toBe(false);
    group(CONTAINER, { usedMs: 10, memory: MIB });
    sampler.look(4_000);
    expect(only(sampler.take(0), 'container')).toMatchObject({ cpuMs: 10, restarts: 1 });
  });

  test('a unit whose processes are all new was started again; one that only lost some was not', () => {
    hostBusy(0);
    group(UNIT, { usedMs: 5, memory: MIB });
    process(80, 'main', { path: UNIT, start: 100 });
    process(81, 'child', { path: UNIT, start: 200 });
    const sampler = named();
    sampler.look(0);
    rmSync(at('proc/80'), { recursive: true });
    sampler.look(1_000);
    expect(only(sampler.take(0), 'unit')?.restarts).toBe(0);
    rmSync(at('proc/81'), { recursive: true });
    process(90, 'main', { path: UNIT, start: 900 });
    sampler.look(2_000);
    expect(only(sampler.take(0), 'unit')?.restarts).toBe(1);
  });

  test('a unit with containers in it is told by them alone, and nothing is told twice', () => {
    hostBusy(0);
    const inside = `${UNIT}/libpod-payload-${ID}`;
    group(UNIT, { usedMs: 5, memory: MIB });
    group(inside, { usedMs: 5, memory: MIB });
    process(80, 'conmon', { path: UNIT });
    process(81, 'inside', { path: inside });
    const sampler = named();
    sampler.look(0);
    sampler.look(1_000);
    const samples = sampler.take(0);
    expect(samples.some(({ kind }) => kind === 'unit')).toBe(false);
    expect(only(samples, 'container')?.id).toBe(ID);
    expect(only(samples, 'program')?.application).toBe('unit:nginx.service');
  });

  test('seen from a container, as an agent of a cluster is, everything is where it is', () => {
    hostBusy(0);
    const own = CONTAINER.replace(ID, 'a'.repeat(64));
    for (const path of [own, CONTAINER, UNIT]) group(path, { usedMs: 5, memory: MIB });
    write(`cg${own}/cgroup.procs`, `${globalThis.process.pid}\n`);
    process(1, 'systemd', { path: '/../../../../init.scope' });
    process(70, 'agent', { path: '/' });
    process(71, 'web', { path: `/../cri-containerd-${ID}.scope` });
    process(72, 'nginx', { path: `/../../../..${UNIT}` });
    const sampler = named();
    sampler.look(0);
    sampler.look(1_000);
    const samples = sampler.take(0);
    const processes = samples
      .filter(({ kind }) => kind !== 'process')
      .map(({ id, processes: count }) => [id.slice(0, 13), count]);
    expect(processes).toEqual(
      expect.arrayContaining([
        ['aaaaaaaaaaaaa', 1],
        ['bbbbbbbbbbbbb', 1],
        ['nginx.service', 1],
        ['program:syste', 1],
      ]),
    );
  });

  test('containers of one network are told its bytes once', () => {
    hostBusy(0);
    const second = CONTAINER.replace(ID, 'c'.repeat(64));
    group(CONTAINER, { usedMs: 5, memory: MIB });
    group(second, { usedMs: 5, memory: MIB });
    process(1, 'systemd', { path: '/init.scope' });
    for (const [pid, path, start] of [
      [70, CONTAINER, 300],
      [71, second, 200],
    ] as const) {
      process(pid, 'x', { path, start, net: 'net:[7]' });
      write(`proc/${pid}/net/dev`, 'a\nb\n  eth0: 50 1 0 0 0 0 0 0 60 1\n');
    }
    const sampler = named();
    sampler.look(0);
    sampler.look(1_000);
    const told = sampler.take(0).filter(({ kind }) => kind === 'container');
    expect(told.map(({ id, sentBytes }) => [id[0], sentBytes])).toEqual(
      expect.arrayContaining([
        ['b', null],
        ['c', 0],
      ]),
    );
  });
});

test.each([
  [`/docker/${ID}`, { kind: 'container', id: ID, shortId: 'bbbbbbbbbbbb', pod: '' }],
  [CONTAINER, { kind: 'container', id: ID, shortId: 'bbbbbbbbbbbb', pod: POD }],
  [`/kubepods/besteffort/pod${POD}/${ID}`, { kind: 'container', id: ID, shortId: 'bbbbbbbbbbbb', pod: POD }],
  [UNIT, { kind: 'unit', name: 'nginx.service' }],
  ['/user.slice/user-1000.slice/user@1000.service', null],
  ['/user.slice/user-1000.slice/session-3.scope', null],
  [`/libpod_parent/libpod-conmon-${ID}`, null],
])('%s is %j', (path, place) => {
  expect(placeOf(path)).toEqual(place);
});

test('what runs below a group belongs to it', () => {
  const known = new Set([UNIT]);
  expect(nearest(`${UNIT}/a/b`, (path) => known.has(path))).toBe(UNIT);
  expect(nearest('/system.slice', (path) => known.has(path))).toBeNull();
});

test('a process is named by itself, whatever it calls itself', () => {
  expect(parseStat('7 (a) b (c)) R 3 7 7 0 -1 0 0 0 0 0 11 22 0 0 20 0 1 0 99 1 5 0')).toEqual({
    name: 'a) b (c)',
    parentPid: 3,
    startTicks: 99,
    isKernel: false,
    ticks: 33,
    pages: 5,
  });
  expect(parseStat('nonsense')).toBeNull();
});

describe('a meter', () => {
  const reading = (cpuMs: number, memoryBytes = 10) => ({
    totals: { ...NO_TOTALS, cpuMs },
    memoryBytes,
    rssBytes: 5,
    processes: 1,
  });

  test('what was there before anybody looked counts from the first look on', () => {
    const meter = new Meter(null);
    meter.look(reading(50_000), 7_000);
    expect(meter.take()).toMatchObject({ coveredMs: 0, cpuMs: 0, memoryBytes: 10 });
    meter.look(reading(50_400, 30), 8_000);
    meter.look(reading(50_500, 20), 9_000);
    expect(meter.take()).toMatchObject({
      coveredMs: 2_000,
      cpuMs: 500,
      cpuMin: 0.1,
      cpuMax: 0.4,
      memoryBytes: 25,
      memoryMaxBytes: 30,
      memoryLastBytes: 20,
    });
    expect(meter.take()).toBeNull();
  });

  test('totals that begin anew count from nothing', () => {
    const meter = new Meter(0);
    meter.look(reading(900), 1_000);
    meter.look(reading(100), 2_000);
    expect(meter.take()).toMatchObject({ cpuMs: 1_000 });
  });

  test('two looks that follow at once make no peak', () => {
    const meter = new Meter(0);
    meter.look(reading(1_000), 1_990);
    meter.look(reading(1_010), 2_000);
    meter.look(reading(1_510), 3_000);
    expect(meter.take()?.cpuMax).toBeLessThan(0.52);
  });
});
