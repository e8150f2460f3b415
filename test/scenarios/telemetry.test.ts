/**
 * Telemetry from an agent's batch to everywhere it is read: capacity and right-sizing, a series, processes, hosts, what is scraped, and a real
 * Prometheus that takes it by remote write.
 */
import { gzipSync } from 'node:zlib';
import type {
  AgentInvitation,
  CapacityProcesses,
  CapacitySeries,
  CapacityView,
  HostsCapacity,
} from '@countersign/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentBatch } from '../../server/src/fleet/batch.ts';
import { SAMPLE_WINDOW_MS, type WireSample } from '../../server/src/inventory/telemetry/sample.ts';
import { createAgentCalls } from '../../server/src/vendors/countersign/agent-calls.ts';
import { startFakeReceiver } from '../fakes/remote-write.ts';
import { describeWithPrometheus, type RealPrometheus, startPrometheus } from '../prometheus.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { sampleTelemetry } from '../sample-telemetry.ts';

const WINDOWS = 90;
/** The last window has just ended, when the server has begun. */
const lastWindow = () => Math.trunc(Date.now() / SAMPLE_WINDOW_MS - 1) * SAMPLE_WINDOW_MS;

function wire(windowMs: number, changes: Partial<WireSample> = {}): WireSample {
  const { host: _host, ...sample } = sampleTelemetry(windowMs, changes);
  return sample;
}

/** A web server that idles, a worker that is held back and killed, the host of both. */
function samplesOf(last: number): WireSample[] {
  const first = last - (WINDOWS - 1) * SAMPLE_WINDOW_MS;
  return Array.from({ length: WINDOWS }, (_, index) => first + index * SAMPLE_WINDOW_MS).flatMap((windowMs) => [
    wire(windowMs, { cpuMs: 200, cpuMax: 0.3 }),
    wire(windowMs, {
      id: 'worker',
      application: 'shop/deployment/worker',
      name: 'worker',
      throttled: 40,
      throttledMs: 3_000,
      cpuRequest: null,
      cpuLimit: 0.5,
      oomKills: windowMs === last ? 1 : 0,
    }),
    wire(windowMs, { kind: 'host', id: '', name: '', application: '', cpuMs: 6_000, cpuLimit: 4, periods: null }),
    wire(windowMs, { kind: 'process', id: '77.5', name: 'nginx' }),
  ]);
}

async function send(running: RunningApp, ann: EnrolledPerson, host: string, samples: readonly WireSample[], times = 1) {
  const { token } = (await running.call(ann, 'POST', '/api/agents/invitations', {})).body as unknown as AgentInvitation;
  const server = new URL(running.app.url);
  const joined = await createAgentCalls({ server, secret: () => '' }).join({ token, host, version: '1' });
  if (joined.type !== 'joined') throw new Error(joined.reason);
  const batch: AgentBatch = {
    ...{ version: 1, lane: 'may', sequence: 1, sentAtMs: Date.now(), dropped: 0 },
    ...{ lines: [], activity: [], findings: [], gaps: [], samples: [...samples] },
  };
  const calls = createAgentCalls({ server, secret: () => joined.secret });
  for (let time = 0; time < times; time += 1)
    expect(await calls.sendBatch(gzipSync(JSON.stringify(batch)))).toEqual({ type: 'taken' });
}

const YAML = (receiver: string) => `
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
policy: [{ when: {}, then: record }]
telemetry:
  remote_write: [{ name: here, url: "${receiver}", labels: { site: test } }]
`;

describe('telemetry of an agent', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;
  let receiver: Awaited<ReturnType<typeof startFakeReceiver>>;
  let last = 0;
  const get = async <T>(path: string) => (await running.call(ann, 'GET', path)).body as unknown as T;

  beforeAll(async () => {
    receiver = await startFakeReceiver();
    running = await startRunningApp(YAML(receiver.url), {});
    ann = await running.enrol('ann@example.com');
    last = lastWindow();
    const old = wire(last - 20 * 86_400_000, { application: 'too old' });
    await send(running, ann, 'node-1', [...samplesOf(last), old], 2);
  });
  afterAll(async () => {
    await running?.close();
    await receiver?.close();
  });

  test('says what is promised and used, and who has too much or too little', async () => {
    const { workloads, cut } = await get<CapacityView>('/api/capacity');
    expect(cut).toBe(false);
    expect(workloads.map(({ application }) => application)).toEqual(['shop/deployment/worker', 'shop/deployment/web']);
    const [worker, web] = workloads;
    expect(web).toMatchObject({ instances: 1, hosts: 1, watchedSeconds: 900, oomKills: 0 });
    expect(web?.cpu).toMatchObject({
      request: 1,
      limit: 2,
      max: expect.closeTo(0.3, 5),
      verdict: 'under-used',
      reasons: ['mostly-idle'],
    });
    expect(Math.abs((web?.cpu.p95 ?? 0) - 0.02) / 0.02).toBeLessThan(0.03);
    expect(worker?.cpu).toMatchObject({ verdict: 'over-used', reasons: ['throttled', 'near-limit'] });
    expect(worker?.memory).toMatchObject({ verdict: 'over-used', reasons: ['killed'] });
    expect(worker?.throttledShare).toBeCloseTo(0.4, 5);
  });

  test('is a series, hosts and processes', async () => {
    const { points, stepSeconds } = await get<CapacitySeries>(
      '/api/capacity/series?application=shop/deployment/worker',
    );
    expect([stepSeconds, points.length]).toEqual([10, WINDOWS]);
    expect(points.at(-1)).toMatchObject({ at: new Date(last).toISOString(), cpu: 0.5, cpuLimit: 0.5, oomKills: 1 });
    const { hosts } = await get<HostsCapacity>('/api/capacity/hosts');
    expect(hosts).toMatchObject([{ host: 'node-1', processors: 4, cpu: expect.closeTo(0.6, 5), cpuRequested: 1 }]);
    const asked = '/api/capacity/processes?application=shop/deployment/web';
    expect((await get<CapacityProcesses>(asked)).processes).toMatchObject([{ pid: 77, name: 'nginx', cpu: 0.5 }]);
  });

  test('is sent on once, though the batch came twice', async () => {
    const deadline = Date.now() + 10_000;
    while (receiver.samples.length < WINDOWS * 30 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const cores = receiver.samples.filter(({ labels }) => labels['__name__'] === 'countersign_cpu_cores');
    expect(cores).toHaveLength(3 * WINDOWS);
    expect(receiver.faults).toEqual([]);
  });

  test('is scraped: the newest window of hosts and applications, and what was sent on', async () => {
    const answer = await fetch(`${running.app.url}/metrics`, { headers: { cookie: ann.cookie } });
    const text = await answer.text();
    const value = (name: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')
          .at(-1),
      );
    expect(value('countersign_cpu_cores{host="node-1",application=""}')).toBeCloseTo(0.6, 5);
    expect(value('countersign_cpu_cores{host="node-1",application="shop/deployment/worker"}')).toBeCloseTo(0.5, 5);
    expect(value('countersign_oom_kills{host="node-1",application="shop/deployment/worker"}')).toBe(1);
    expect(value('countersign_event_engine_up')).toBe(1);
    expect(text).toMatch(/^countersign_agent_last_heard_timestamp_seconds\{host="node-1",agent="[^"]+"\} \d+/m);
    expect(value('countersign_remote_write_sent_samples_total{receiver="here"}')).toBe(receiver.samples.length);
  });

  test.each([
    ['/api/capacity?from=yesterday', 400],
    ['/api/capacity/series?kind=process', 400],
    ['/api/capacity/processes', 400],
  ])('%s is refused', async (path, status) => {
    expect((await running.call(ann, 'GET', path)).status).toBe(status);
    expect((await running.call(null, 'GET', '/api/capacity')).status).toBe(401);
  });
});

test('a machine that is watched measures itself, also where no sensor can be had', async () => {
  const running = await startRunningApp(
    `
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
policy: [{ when: {}, then: record }]
sources: [{ sensor: { program: /nowhere/countersign-sensor } }]
`,
    {},
  );
  try {
    const deadline = Date.now() + 60_000;
    const usage = () => running.app.telemetry.usage({ fromMs: Date.now() - 600_000, toMs: Date.now() + 60_000 }, 100);
    while ((await usage()).workloads.length === 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 250));
    const { workloads } = await usage();
    expect(workloads.find(({ application }) => application.startsWith('program:'))?.memory?.max).toBeGreaterThan(1e6);
    const [host] = await running.app.telemetry.latest(Date.now(), 1);
    expect(host).toMatchObject({ host: 'web-1', application: '' });
    expect(host?.memoryBytes).toBeGreaterThan(1e7);
  } finally {
    await running.close();
  }
}, 120_000);

describeWithPrometheus('a real Prometheus', () => {
  let prometheus: RealPrometheus;
  let running: RunningApp;
  let last = 0;
  beforeAll(async () => {
    prometheus = await startPrometheus();
    running = await startRunningApp(YAML(`${prometheus.url}/api/v1/write`), {});
    const ann = await running.enrol('ann@example.com');
    last = lastWindow();
    await send(running, ann, 'node-1', samplesOf(last));
  });
  afterAll(async () => {
    await running?.close();
    await prometheus?.close();
  });

  test('has every window, under names and labels that it can add up', async () => {
    const at = last + SAMPLE_WINDOW_MS;
    const count = `count_over_time(countersign_cpu_cores{kind="host"}[1h])`;
    const deadline = Date.now() + 20_000;
    while ((await prometheus.query(count, at))[0]?.value !== WINDOWS && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await prometheus.query(count, at)).toEqual([
      { labels: { host: 'node-1', kind: 'host', site: 'test' }, value: WINDOWS },
    ]);
    const worker = '{application="shop/deployment/worker"}';
    expect((await prometheus.query(`countersign_cpu_throttled_ratio${worker}`, at))[0]?.value).toBeCloseTo(0.4);
    expect((await prometheus.query(`sum_over_time(countersign_oom_kills${worker}[1h])`, at))[0]?.value).toBe(1);
    const sum = await prometheus.query('sum by (site) (countersign_cpu_cores{kind="container"})', at);
    expect(sum).toEqual([{ labels: { site: 'test' }, value: expect.closeTo(0.52, 5) }]);
    expect(running.log.entries.filter(({ message }) => message.includes('receiver of telemetry'))).toEqual([]);
  });
});
