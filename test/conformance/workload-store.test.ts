/** The inventory in chDB, and in a ClickHouse server when one is given: one thing of many tellers, and the past of each. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openEventStore } from '../../server/src/events/store.ts';
import type { EventEngine } from '../../server/src/ground/event-engine.ts';
import { openWorkloadStore, type WorkloadStore } from '../../server/src/inventory/store.ts';
import { RETELL_MS, SILENT_MS, type Workload } from '../../server/src/inventory/workload.ts';
import { describeEngines } from '../event-engines.ts';
import { sampleWorkload } from '../sample-workload.ts';

/** Lives age, so they are of now. */
const NOON = Math.trunc(Date.now() / 3_600_000) * 3_600_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const life = (changes: Partial<Workload>) => sampleWorkload(NOON, changes);
const at = (ms: number) => ({ fromMs: ms, toMs: ms });

describeEngines('the inventory', (open) => {
  let engine: EventEngine;
  let store: WorkloadStore;
  let told = 0;
  const tell = (...lives: readonly Workload[]) => store.insert(lives, `test-${(told += 1)}`);
  const ids = async (search: Parameters<WorkloadStore['search']>[0]) =>
    (await store.search(search, 100)).workloads.map(({ id }) => id);
  beforeAll(async () => {
    engine = await open();
    await openEventStore(engine);
    store = await openWorkloadStore(engine);
  });
  beforeEach(async () => {
    await engine.command('TRUNCATE TABLE workload');
    await engine.command('TRUNCATE TABLE seen_resource');
  });
  afterAll(() => engine.close());

  test('what ran on a host at a moment is what had begun and had not ended, down to 300 ms', async () => {
    const short = NOON + 10 * MINUTE_MS;
    await tell(
      life({ id: 'long', firstMs: NOON - HOUR_MS, lastMs: NOON + HOUR_MS }),
      life({ id: 'short', firstMs: short, lastMs: short + 300, endedMs: short + 300 }),
      life({ id: 'elsewhere', host: 'node-2', firstMs: NOON - HOUR_MS, lastMs: NOON + HOUR_MS }),
    );
    const host = 'node-1';
    expect(await ids({ ...at(short + 100), host })).toEqual(['long', 'short']);
    expect(await ids({ ...at(short - 1), host })).toEqual(['long']);
    expect(await ids({ ...at(short + 301), host })).toEqual(['long']);
    expect(await ids({ fromMs: NOON, toMs: NOON + HOUR_MS, host })).toEqual(['long', 'short']);
  });

  test('what is told again while it lives is one life, and its end replaces that it lived', async () => {
    await tell(life({}));
    await tell(life({ lastMs: NOON + RETELL_MS, toldMs: NOON + RETELL_MS }));
    const endedMs = NOON + RETELL_MS + 1;
    await tell(life({ lastMs: endedMs, endedMs, toldMs: endedMs }));
    // One that comes late changes nothing.
    await tell(life({ lastMs: NOON + 1, toldMs: NOON + 1 }));
    expect(await store.find({ kind: 'container', id: 'c1' })).toMatchObject({
      firstMs: NOON,
      lastMs: endedMs,
      endedMs,
    });
    expect(await store.livingOf('agent node-1')).toEqual([]);
  });

  test('host and cluster each tell a part of a container, and the cluster knows its application', async () => {
    await tell(
      life({
        labels: { image: 'told by the runtime' },
        facts: { runtime: 'containerd', image: 'shop:1' },
        toldMs: NOON + 9,
      }),
      life({
        teller: 'cluster shop',
        name: '',
        host: 'node-1',
        cluster: 'shop',
        namespace: 'shop',
        application: 'shop/deployment/web',
        parent: { kind: 'pod', id: 'p1' },
        facts: { cpuRequestMillis: '250' },
        firstMs: NOON - 5,
      }),
    );
    const found = await store.find({ kind: 'container', id: 'c1' });
    expect(found).toMatchObject({
      name: 'web',
      cluster: 'shop',
      application: 'shop/deployment/web',
      parent: { kind: 'pod', id: 'p1' },
      labels: { image: 'told by the runtime' },
      facts: { runtime: 'containerd', image: 'shop:1', cpuRequestMillis: '250' },
      firstMs: NOON - 5,
    });
    expect(await ids({ ...at(NOON), parent: { kind: 'pod', id: 'p1' } })).toEqual(['c1']);
  });

  test('whatever nobody tells of any more is not there later, and was there before', async () => {
    await tell(life({ lastMs: NOON + MINUTE_MS, toldMs: NOON + MINUTE_MS }));
    expect(await ids(at(NOON + MINUTE_MS + SILENT_MS))).toEqual(['c1']);
    expect(await ids(at(NOON + MINUTE_MS + SILENT_MS + 1))).toEqual([]);
    expect(await store.livingOf('agent node-1')).toMatchObject([{ id: 'c1', lastMs: NOON + MINUTE_MS }]);
  });

  test('names, ids, addresses and labels are searched, and kinds are counted', async () => {
    await tell(
      life({
        id: 'p1',
        kind: 'pod',
        name: 'web-1',
        namespace: 'shop',
        addresses: ['10.1.0.7'],
        labels: { tier: 'front' },
      }),
      life({
        id: 'p2',
        kind: 'pod',
        name: 'db-0',
        application: 'shop/statefulset/db',
        namespace: 'shop',
        addresses: ['10.1.0.8'],
      }),
      life({ id: 'c1', name: 'web' }),
    );
    const found = async (text: string) => (await ids({ ...at(NOON), text })).join(' ');
    expect(await found('WEB')).toBe('p1 c1');
    expect(await found('tier=front')).toBe('p1');
    expect(await found('10.1.0.8')).toBe('p2');
    expect(await found("'; DROP TABLE workload")).toBe('');
    expect(Object.fromEntries(await store.counts(at(NOON)))).toEqual({ container: 1, pod: 2 });
    expect((await store.addressed(at(NOON))).map(({ id }) => id).sort()).toEqual(['p1', 'p2']);
    expect((await store.search(at(NOON), 2)).isCut).toBe(true);
  });

  test('accounts and resources are known by the events that name them', async () => {
    const event = (id: string, time: number) => ({
      ...{
        source: 'aws_cloudtrail',
        id,
        time,
        stored: NOON,
        account: '111122223333',
        region: 'eu-west-1',
        service: 's3',
      },
      ...{ action: 'PutObject', resource_types: ['bucket'], resource_ids: ['shop-data'], raw: '{}' },
    });
    await engine.insert('event', [event('e1', NOON), event('e2', NOON + HOUR_MS), event('e1', NOON)]);
    const [account, bucket] = (await store.search({ fromMs: NOON, toMs: NOON + 2 * HOUR_MS }, 10)).workloads;
    expect(account).toMatchObject({ kind: 'account', id: '111122223333', firstMs: NOON, lastMs: NOON + HOUR_MS });
    expect(bucket).toMatchObject({
      kind: 'resource',
      id: '111122223333/eu-west-1/bucket/shop-data',
      name: 'shop-data',
      parent: { kind: 'account', id: '111122223333' },
      facts: { type: 'bucket' },
    });
    expect(await ids(at(NOON - 1))).toEqual([]);
  });
});
