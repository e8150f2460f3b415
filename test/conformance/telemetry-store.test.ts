/** Telemetry in chDB, and in a ClickHouse server when one is given: counted once, in every tier, with the spread that was there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventEngine } from '../../server/src/ground/event-engine.ts';
import type { Sample } from '../../server/src/inventory/telemetry/sample.ts';
import { openTelemetryStore, type TelemetryStore, tierFor } from '../../server/src/inventory/telemetry/store.ts';
import { DEFAULT_KEPT } from '../../server/src/inventory/telemetry/tables.ts';
import { describeEngines } from '../event-engines.ts';
import { sampleTelemetry } from '../sample-telemetry.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Samples age, so they are of now: the hour before last. */
const BEGIN = Math.trunc(Date.now() / HOUR_MS) * HOUR_MS - 2 * HOUR_MS;
const hour = { fromMs: BEGIN, toMs: BEGIN + HOUR_MS };
/** So long that hours are asked. */
const days = { fromMs: BEGIN - 3 * DAY_MS, toMs: BEGIN + HOUR_MS };
const NOW = BEGIN + 2 * HOUR_MS;

/** Samples of an hour, of which the nth uses n thousandths of what `most` would be. */
function anHour(changes: Partial<Sample>, most: number): Sample[] {
  return Array.from({ length: 360 }, (_, index) =>
    sampleTelemetry(BEGIN + index * 10_000, {
      cpuMs: (most * 10_000 * (index + 1)) / 360,
      cpuMax: (most * (index + 1)) / 360 + 0.1,
      memoryBytes: 1_000_000 * (index + 1),
      memoryMaxBytes: 1_000_000 * (index + 1) + 500_000,
      ...changes,
    }),
  );
}

describeEngines('telemetry', (open) => {
  let engine: EventEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await open();
    store = await openTelemetryStore(engine);
    const web = ['a', 'b'].flatMap((id) => anHour({ id, host: `node-${id}` }, 2));
    for (let time = 0; time < 2; time += 1) await store.insertSamples(web, 'agent.1');
    await store.insertSamples(anHour({ kind: 'host', id: '', application: '', cpuLimit: 4 }, 3), 'agent.2');
    await store.insertSamples(
      anHour({ kind: 'unit', id: 'ssh.service', application: 'unit:ssh.service', receivedBytes: null }, 0.1),
      'agent.3',
    );
    const worker = { application: 'shop/deployment/worker', id: 'w', periods: 100, throttled: 40, cpuRequest: null };
    await store.insertSamples([sampleTelemetry(BEGIN, { ...worker, oomKills: 1, restarts: 2 })], 'agent.4');
    const process = { kind: 'process', id: '77.123', name: 'nginx', container: 'a' } as const;
    await store.insertSamples([sampleTelemetry(BEGIN, process)], 'agent.5');
  });
  afterAll(() => engine.close());

  test.each([
    ['the ten seconds', hour],
    ['the hours', days],
  ])('what was sent twice is counted once, and the spread is as it was: by %s', async (_tier, range) => {
    const { workloads, isCut } = await store.usage(range, 10);
    expect(isCut).toBe(false);
    const web = workloads.find(({ application }) => application === 'shop/deployment/web');
    expect(web).toMatchObject({
      kind: 'container',
      hosts: 2,
      instances: 2,
      coveredMs: 2 * HOUR_MS,
      cpuRequest: 1,
      cpuLimit: 2,
      memoryLimit: 500_000_000,
      memoryRequest: null,
      throttledShare: 0,
    });
    // Evenly spread from 0 to 2 processors, and to 360 MB.
    expect(web?.cpu.p50).toBeGreaterThan(0.96);
    expect(web?.cpu.p50).toBeLessThan(1.04);
    expect(web?.cpu.p95).toBeGreaterThan(1.86);
    expect(web?.cpu.p95).toBeLessThan(1.94);
    expect(web?.cpu.max).toBeCloseTo(2.1, 5);
    expect(web?.memory?.p95).toBeGreaterThan(335e6);
    expect(web?.memory?.p95).toBeLessThan(349e6);
    expect(web?.memory?.max).toBe(360_500_000);
    const worker = workloads.find(({ application }) => application === 'shop/deployment/worker');
    expect(worker).toMatchObject({ throttledShare: 0.4, oomKills: 1, restarts: 2, cpuRequest: null });
    expect(workloads.map(({ kind }) => kind)).not.toContain('process');
  });

  test('the busiest come first, and it is said when some are missing', async () => {
    const { workloads, isCut } = await store.usage(hour, 2);
    expect([workloads.map(({ application }) => application), isCut]).toEqual([
      ['shop/deployment/web', 'unit:ssh.service'],
      true,
    ]);
  });

  test('a series adds up instances, tells rates, and no step that has not ended', async () => {
    const filter = { kind: 'container', application: 'shop/deployment/web' } as const;
    const { stepMs, points } = await store.series(hour, filter, NOW);
    expect([stepMs, points.length]).toEqual([10_000, 360]);
    expect(points[359]).toMatchObject({ atMs: BEGIN + 3_590_000, cpu: 4, memory: 720e6, cpuRequest: 2, cpuLimit: 4 });
    expect(points[359]).toMatchObject({ memoryRequest: null, sentBytes: 400, throttledShare: 0 });
    const early = await store.series(hour, filter, BEGIN + 25_000);
    expect(early.points).toHaveLength(2);
    const [one] = (await store.series(hour, { ...filter, host: 'node-a' }, NOW)).points;
    expect(one?.sentBytes).toBe(200);
    const [unit] = (await store.series(hour, { kind: 'unit', application: 'unit:ssh.service' }, NOW)).points;
    expect([unit?.receivedBytes, unit?.sentBytes]).toEqual([null, 200]);
  });

  test('every tier tells the same mean', async () => {
    const filter = { kind: 'container', application: 'shop/deployment/web' } as const;
    for (const [back, table] of [
      [0, 'sample'],
      [10, 'sample_minute'],
      [40, 'sample_hour'],
    ] as const) {
      // As if it were later: what is old is asked of coarser tiers.
      const now = NOW + back * DAY_MS;
      expect(tierFor(hour, DEFAULT_KEPT, now).table).toBe(table);
      const { stepMs, points } = await store.series(hour, filter, now);
      const used = points.reduce((sum, { cpu }) => sum + cpu * stepMs, 0);
      expect(used / HOUR_MS, table).toBeCloseTo(2 * (361 / 360), 4);
    }
  });

  test('hosts, and who used most inside of an application', async () => {
    expect(await store.hosts(hour, 10)).toMatchObject([
      { host: 'node-1', processors: 4, cpuMax: expect.closeTo(3.1, 4), memoryMax: 360_500_000 },
    ]);
    expect(await store.topProcesses(hour, 'shop/deployment/web', 5)).toEqual([
      {
        host: 'node-1',
        id: '77.123',
        name: 'nginx',
        container: 'a',
        cpu: 0.5,
        memoryMaxBytes: 120_000_000,
        lastMs: BEGIN,
      },
    ]);
  });

  test('the newest window of each host, whole, for whoever scrapes', async () => {
    const at = BEGIN + HOUR_MS - 5_000;
    const found = await store.latest(at, 10);
    expect(found[0]).toMatchObject({ host: 'node-1', application: '', cpu: 3, memoryBytes: 360_000_000 });
    expect(found.find(({ host }) => host === 'node-a')).toMatchObject({
      application: 'shop/deployment/web',
      cpu: 2,
      sentBytes: 200,
    });
    expect(await store.latest(at + 180_000, 10)).toEqual([]);
  });

  test('how long each is kept can be changed later', async () => {
    const ages = async () => {
      const rows = await engine.query<{ name: string; engine_full: string }>(
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name LIKE 'sample%' ORDER BY name",
      );
      return rows.flatMap(({ name, engine_full: full }) => {
        const found = /toIntervalDay\((\d+)\)/.exec(full)?.[1];
        return found === undefined ? [] : [[name, Number(found)]];
      });
    };
    expect(await ages()).toEqual([
      ['sample', 7],
      ['sample_hour', 400],
      ['sample_minute', 30],
    ]);
    await openTelemetryStore(engine, { samples: 3, minutes: 30, hours: 800 });
    expect(await ages()).toEqual([
      ['sample', 3],
      ['sample_hour', 800],
      ['sample_minute', 30],
    ]);
  });
});
