/**
 * What the sampler says of real containers, against what the kernel and the containers say themselves: processor, memory, quota, disk, network,
 * kills, a second life.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WireSample } from '../../server/src/inventory/telemetry/sample.ts';
import { Sampler } from '../../server/src/inventory/telemetry/edge/sampler.ts';
import { createNamer } from '../../server/src/inventory/telemetry/edge/tell.ts';
import { Containers, describeWithRunc } from '../runc.ts';

const MIB = 1024 * 1024;
const LOOK_MS = 250;
const PORT = 7_777;
const SENT_BYTES = 1_000_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const newId = () => randomBytes(32).toString('hex');

describeWithRunc('the sampler and real containers', () => {
  const containers = new Containers();
  const ids = {
    burner: newId(),
    throttled: newId(),
    holder: newId(),
    killed: newId(),
    parent: newId(),
    writer: newId(),
    twice: newId(),
    talker: newId(),
  };
  let samples: readonly WireSample[] = [];
  /** Nanoseconds that the kernel counted for the burner, when it was last there: it had stopped spinning then. */
  let burnt = 0;
  const of = (id: string) => samples.find((one) => one.kind === 'container' && one.id === id);

  beforeAll(async () => {
    const sampler = new Sampler({ proc: '/proc', sys: '/sys', namer: createNamer(() => null) });
    sampler.look(performance.now());
    let isDone = false;
    const looking = (async () => {
      while (!isDone) {
        await sleep(LOOK_MS);
        sampler.look(performance.now());
        burnt = usedNs(ids.burner) ?? burnt;
      }
    })();
    const spin = 'while :; do :; done & p=$!; sleep 2; kill $p';
    const hold = 'dd if=/dev/zero bs=30M count=1 2>/dev/null | (sleep 2; cat > /dev/null)';
    const kill = 'dd if=/dev/zero of=/dev/null bs=120M count=1';
    const small = { memory: { limit: 40 * MIB, swap: 40 * MIB } };
    await Promise.all([
      containers.run({
        id: ids.burner,
        mark: 'burner',
        script: `${spin}; sleep 1`,
        resources: { cpu: { shares: 512 } },
      }),
      containers.run({
        id: ids.throttled,
        mark: 'throttled',
        script: spin,
        resources: { cpu: { quota: 20_000, period: 100_000 } },
      }),
      containers.run({ id: ids.holder, mark: 'holder', script: hold, resources: { memory: { limit: 64 * MIB } } }),
      containers
        .run({ id: ids.killed, mark: 'killed', script: `sleep 0.6; exec ${kill}`, resources: small })
        .catch(() => null),
      containers
        .run({ id: ids.parent, mark: 'parent', script: `${kill}; sleep 1`, resources: small })
        .catch(() => null),
      containers.run({
        id: ids.writer,
        mark: 'writer',
        script: 'dd if=/dev/zero of=/tmp/written bs=1M count=8 oflag=direct 2>/dev/null; sleep 1.2',
      }),
      (async () => {
        for (let time = 0; time < 2; time += 1)
          await containers.run({ id: ids.twice, mark: 'twice', script: 'sleep 0.8' });
      })(),
      containers.run({ id: ids.talker, mark: 'talker', script: `nc -l -p ${PORT} -w 5 > /dev/null; sleep 1` }),
      talk(ids.talker),
    ]);
    await sleep(LOOK_MS * 2);
    isDone = true;
    await looking;
    samples = sampler.take(1_790_000_000_000);
    sampler.close();
  }, 60_000);
  afterAll(() => containers.remove());

  test('processor time is what the kernel counted, and the request is read back from its shares', () => {
    const sample = of(ids.burner);
    expect(burnt).toBeGreaterThan(1e8);
    expect(Math.abs((sample?.cpuMs ?? 0) - burnt / 1e6) / (burnt / 1e6)).toBeLessThan(0.02);
    expect(sample?.cpuMax).toBeGreaterThan(sample?.cpuMin ?? 9);
    expect([sample?.cpuLimit, sample?.periods ?? 0]).toEqual([null, 0]);
    expect(sample?.cpuRequest).toBeCloseTo(0.5, 1);
  });

  test('whoever has a quota is held to it, and it is told for how long', () => {
    const sample = of(ids.throttled);
    expect(sample?.cpuLimit).toBeCloseTo(0.2);
    expect(sample?.throttled).toBeGreaterThan(0);
    expect(sample?.periods).toBeGreaterThanOrEqual(sample?.throttled ?? 1e9);
    expect(sample?.throttledMs).toBeGreaterThan(100);
    expect((sample?.cpuMs ?? 0) / (sample?.coveredMs ?? 1)).toBeLessThan(0.25);
  });

  test('memory that is held is seen, below its limit', () => {
    const sample = of(ids.holder);
    expect(sample?.memoryLimit).toBe(64 * MIB);
    expect(sample?.memoryMaxBytes).toBeGreaterThan(29 * MIB);
    expect(sample?.memoryMaxBytes).toBeLessThanOrEqual(64 * MIB);
    expect(sample?.rssBytes).not.toBeNull();
  });

  test('a kill for want of memory is counted, also of a container that died of it', () => {
    expect(of(ids.parent)?.oomKills).toBe(1);
    // Whose container is gone before anybody looks is known by the log alone, which root may not read everywhere.
    if (hasKernelLog()) expect(of(ids.killed)?.oomKills).toBe(1);
    expect(samples.find(({ kind }) => kind === 'host')?.oomKills).toBeGreaterThanOrEqual(2);
  });

  test('bytes on disks, and a second life under the same id', () => {
    expect(of(ids.writer)?.writtenBytes).toBeGreaterThanOrEqual(8 * MIB);
    expect(of(ids.writer)?.restarts).toBe(0);
    const both = samples.filter((one) => one.id === ids.twice);
    expect(both.reduce((sum, { restarts }) => sum + restarts, 0)).toBe(1);
  });

  test('bytes over the interfaces of a container are its own', () => {
    const { receivedBytes, sentBytes } = of(ids.talker) ?? {};
    // With the headers of its packets, and without what loopback carried.
    expect(receivedBytes).toBeGreaterThanOrEqual(SENT_BYTES);
    expect(receivedBytes).toBeLessThan(SENT_BYTES * 1.06);
    expect(sentBytes).toBeGreaterThan(0);
    expect(of(ids.burner)?.sentBytes).toBe(0);
  });

  test('the busiest processes are told with the application of their container', () => {
    const spinning = samples.filter(({ kind, container }) => kind === 'process' && container === ids.burner);
    expect(spinning.some(({ name, cpuMs }) => name === 'sh' && cpuMs > 100)).toBe(true);
    expect(new Set(spinning.map(({ application }) => application))).toEqual(
      new Set([`container/${ids.burner.slice(0, 12)}`]),
    );
  });
});

/** In the hierarchy of a controller where there are several, else in the one. */
function groupOf(id: string, controller: string): string {
  const old = `/sys/fs/cgroup/${controller}`;
  return existsSync(old) ? `${old}/${id}` : `/sys/fs/cgroup/${id}`;
}

function usedNs(id: string): number | null {
  const folder = groupOf(id, 'cpuacct');
  const [file, scale] = existsSync('/sys/fs/cgroup/cpuacct') ? ['cpuacct.usage', 1] : ['cpu.stat', 1_000];
  if (!existsSync(`${folder}/${file}`)) return null;
  try {
    return Number(/\d+/.exec(readFileSync(`${folder}/${file}`, 'utf8'))?.[0]) * scale;
  } catch {
    return null;
  }
}

function hasKernelLog(): boolean {
  try {
    closeSync(openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

/** A wire between this machine and the container, and so many bytes over it. */
async function talk(id: string): Promise<void> {
  await sleep(700);
  const pid = readFileSync(`${groupOf(id, 'memory')}/cgroup.procs`, 'utf8').split('\n')[0] ?? '';
  const [here, there] = [`cs${pid}a`, `cs${pid}b`];
  const ip = (...line: string[]) => execFileSync('ip', line);
  const inside = (...line: string[]) => execFileSync('nsenter', ['-t', pid, '-n', 'ip', ...line]);
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', pid);
  ip('addr', 'add', '10.213.7.1/30', 'dev', here);
  ip('link', 'set', here, 'up');
  inside('addr', 'add', '10.213.7.2/30', 'dev', there);
  inside('link', 'set', there, 'up');
  const socket = connect({ host: '10.213.7.2', port: PORT });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => resolve());
    socket.end(Buffer.alloc(SENT_BYTES));
  });
}

describe('without any right', () => {
  test('everything but what only root may know is told', () => {
    const program = new URL('../../server/dist/inventory/telemetry/edge/sampler.js', import.meta.url).href;
    const names = new URL('../../server/dist/inventory/telemetry/edge/tell.js', import.meta.url).href;
    const script = `const { Sampler } = await import('${program}'); const { createNamer } = await import('${names}');
      const sampler = new Sampler({ proc: '/proc', sys: '/sys', namer: createNamer(() => null) });
      sampler.look(0); sampler.look(1000); process.stdout.write(JSON.stringify(sampler.take(0)));`;
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', script], { ...nobody, cwd: '/' });
    const samples = JSON.parse(told.toString()) as WireSample[];
    const host = samples.find(({ kind }) => kind === 'host');
    expect(host?.memoryBytes).toBeGreaterThan(0);
    expect(host?.cpuLimit).toBeGreaterThan(0);
    const programs = samples.filter(({ kind }) => kind === 'program');
    expect(programs.length).toBeGreaterThan(0);
    expect(programs.every(({ cpuMs, rssBytes }) => cpuMs >= 0 && rssBytes !== null)).toBe(true);
  });
});
