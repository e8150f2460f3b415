/** A cluster as it was recorded, and as it may come: who belongs to whom, what began and ended, what nobody should trip over. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import type { Workload } from '../workload.ts';
import { Cluster } from './cluster.ts';
import { type ObjectKind, readObject, WATCHED } from './objects.ts';
import { bytesOf, millisOf, quantityOf } from './quantity.ts';

type Told =
  | { readonly kind: ObjectKind; readonly list: readonly Record<string, unknown>[] }
  | { readonly kind: ObjectKind; readonly type: string; readonly object: Record<string, unknown> };

const RECORDED = readFileSync(new URL('../../../../test/recordings/kubernetes-shop.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Told);
const START = Date.parse('2026-11-26T07:07:45Z');

/** Tells it all, a second apart; what was told of each life last. */
function play(cluster: Cluster, told: readonly Told[] = RECORDED): ReadonlyMap<string, Workload> {
  const rows = new Map<string, Workload>();
  let nowMs = START;
  for (const one of told) {
    nowMs += 1_000;
    if ('list' in one)
      cluster.replace(
        one.kind,
        one.list.flatMap((object) => readObject(one.kind, object) ?? []),
        nowMs,
      );
    else {
      const object = readObject(one.kind, one.object);
      if (object === null) throw new Error(JSON.stringify(one));
      if (one.type === 'DELETED') cluster.remove(object, nowMs);
      else cluster.put(object, nowMs);
    }
    for (const row of cluster.take()) rows.set(`${row.kind} ${row.id}`, row);
  }
  return rows;
}

const shop = () => new Cluster({ name: 'shop-prod', groups: [] });
const of = (rows: ReadonlyMap<string, Workload>, kind: string) => [...rows.values()].filter((row) => row.kind === kind);

describe('a recorded cluster', () => {
  const cluster = shop();
  const rows = play(cluster);

  it('every pod that ever was belongs to what steers it in the end', () => {
    const applications = of(rows, 'pod').map(({ name, application }) => `${name.split('-')[0]} ${application}`);
    expect(of(rows, 'pod')).toHaveLength(5);
    expect([...new Set(applications)].toSorted()).toEqual([
      'db shop/statefulset/db',
      'report shop/cronjob/report',
      'web shop/deployment/web',
    ]);
    // By way of the endpoints that its controller wrote.
    expect(of(rows, 'service').map(({ name, application }) => [name, application])).toEqual([
      ['web', 'shop/deployment/web'],
    ]);
  });

  it('every pod that the API server deleted, or that was through, has an end after its beginning', () => {
    const gone = new Set(
      RECORDED.flatMap((one) =>
        'object' in one && one.kind === 'pod' && one.type === 'DELETED' ? [uidOf(one.object)] : [],
      ),
    );
    const failed = new Map(
      RECORDED.flatMap((one) =>
        'object' in one && one.kind === 'pod' ? [[uidOf(one.object), phaseOf(one.object)] as const] : [],
      ),
    );
    expect(gone.size).toBe(3);
    for (const { id, endedMs, firstMs, facts } of of(rows, 'pod')) {
      expect(facts['phase'] ?? '').toBe(gone.has(id) ? (facts['phase'] ?? '') : failed.get(id));
      if (gone.has(id)) expect(endedMs, id).not.toBeNull();
      if (endedMs !== null) expect(endedMs).toBeGreaterThanOrEqual(firstMs);
    }
    expect(of(rows, 'statefulset').map(({ name, endedMs }) => [name, endedMs !== null])).toEqual([['db', true]]);
    expect(of(rows, 'deployment').map(({ name, endedMs }) => [name, endedMs])).toEqual([['web', null]]);
  });

  it('containers have their pod, their image of that time and what was asked for them', () => {
    const containers = of(rows, 'container');
    expect(containers).toHaveLength(5);
    for (const { parent, id, facts, application } of containers) {
      expect(parent?.kind).toBe('pod');
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      if (application === 'shop/deployment/web')
        expect(facts).toMatchObject({
          cpuRequestMillis: '250',
          memoryRequestBytes: String(2 ** 27),
          memoryLimitBytes: String(2 ** 28),
        });
    }
    expect(new Set(containers.map(({ facts }) => facts['image']))).toContain('registry.example.com/shop/report:1.4');
  });

  it('nodes are known by what they say of themselves', () => {
    expect(of(rows, 'node')[0]).toMatchObject({
      name: 'node-1',
      addresses: ['192.0.2.11'],
      facts: { cpuMillis: '3920', memoryBytes: String(15 * 2 ** 30), kernel: '6.1.0-28-cloud-amd64', ready: 'true' },
    });
  });

  it('told twice, as after a new list, it is the same', () => {
    const again = shop();
    play(again);
    const lists = WATCHED.map(({ kind }): Told => ({ kind, list: lastOf(kind) }));
    const before = again.objectCount;
    const changed = [...play(again, lists).values()].filter(({ endedMs, toldMs }) => endedMs === toldMs);
    expect(changed).toEqual([]);
    expect(again.objectCount).toBe(before);
  });

  it('what an earlier life told and is not there any more has ended, after it was last seen', () => {
    const later = shop();
    const ghost: Workload = {
      ...(of(rows, 'pod')[0] as Workload),
      id: 'ghost',
      name: 'ghost',
      lastMs: START - 60_000,
      endedMs: null,
    };
    const alive: Workload = { ...(of(rows, 'deployment')[0] as Workload) };
    later.remember([ghost, alive]);
    const told = play(later);
    expect(told.get('pod ghost')).toMatchObject({ facts: { endedAfter: new Date(START - 60_000).toISOString() } });
    expect(told.get('pod ghost')?.endedMs).not.toBeNull();
    expect(told.get(`deployment ${alive.id}`)?.endedMs).toBeNull();
  });

  it('nothing is told before every kind was listed once', () => {
    const partly = shop();
    const lists = RECORDED.filter((one) => 'list' in one);
    expect(play(partly, lists.slice(0, -1)).size).toBe(0);
    expect(partly.isListed).toBe(false);
    expect(play(partly, lists.slice(-1)).size).toBeGreaterThan(4);
  });
});

it('an owner that comes late brings its own home', () => {
  const cluster = shop();
  play(
    cluster,
    WATCHED.map(({ kind }) => ({ kind, list: [] })),
  );
  const pod = made('Pod', 'tidy-29927942-wbvdc', 'p1', { kind: 'Job', uid: 'j1', name: 'tidy-29927942' });
  const job = made('Job', 'tidy-29927942', 'j1', { kind: 'CronJob', uid: 'c1', name: 'tidy' });
  expect([...play(cluster, [{ kind: 'pod', type: 'ADDED', object: pod }]).values()][0]?.application).toBe(
    'shop/job/tidy-29927942',
  );
  const rows = play(cluster, [{ kind: 'job', type: 'ADDED', object: job }]);
  expect(rows.get('pod p1')?.application).toBe('shop/cronjob/tidy');
});

it('a service is of what answers behind it, and of itself when several do', () => {
  const cluster = shop();
  play(
    cluster,
    WATCHED.map(({ kind }) => ({ kind, list: [] })),
  );
  const slice = (uids: readonly string[]) => ({
    ...made('EndpointSlice', 'web-abc', 'e1'),
    metadata: { ...meta('web-abc', 'e1'), labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: uids.map((uid) => ({ targetRef: { kind: 'Pod', uid } })),
  });
  const service = {
    ...made('Service', 'web', 's1'),
    spec: { clusterIPs: ['10.0.0.7', 'None'], ports: [{ port: 80 }] },
  };
  const told = (...all: readonly Told[]) => play(cluster, all).get('service s1');
  const added = (kind: ObjectKind, object: Record<string, unknown>): Told => ({ kind, type: 'ADDED', object });
  expect(told(added('service', service))).toMatchObject({ application: 'shop/service/web', addresses: ['10.0.0.7'] });
  told(added('pod', made('Pod', 'web-0', 'p1')), added('pod', made('Pod', 'other-0', 'p2')));
  expect(told(added('endpoints', slice(['p1'])))?.application).toBe('shop/pod/web-0');
  expect(told(added('endpoints', slice(['p1', 'p2'])))?.application).toBe('shop/service/web');
  expect(told({ kind: 'endpoints', type: 'DELETED', object: slice([]) })?.application).toBe('shop/service/web');
});

it("applications of one's own take whatever their globs fit", () => {
  const cluster = new Cluster({ name: 'shop-prod', groups: [{ name: 'storefront', globs: ['shop/deployment/*'] }] });
  const rows = play(cluster);
  expect(new Set(of(rows, 'container').map(({ application }) => application))).toContain('storefront');
  const [running] = of(rows, 'container').filter(({ endedMs }) => endedMs === null);
  expect(cluster.placeOf(running?.id ?? '')).toMatchObject({ application: running?.application });
});

test.each([
  ['no object', null],
  ['a list', []],
  ['no names', { metadata: { uid: 'u' } }],
  ['no time', { metadata: { uid: 'u', name: 'n', creationTimestamp: 'yesterday' } }],
])('%s is no object of a cluster', (_name, object) => {
  for (const { kind } of WATCHED) expect(readObject(kind, object as never)).toBeNull();
});

test('members of any other type than they should be are as if they were not there', () => {
  const wrong = ['', 7, null, [], {}, 'x', true, [null], [{ name: 7 }]];
  for (const { kind } of WATCHED)
    for (const value of wrong) {
      const object = {
        metadata: { ...meta('n', 'u'), labels: value, ownerReferences: value },
        spec: value,
        status: value,
        endpoints: value,
      };
      expect(readObject(kind, object as never)).toMatchObject({ uid: 'u', name: 'n' });
      const inside = {
        spec: { containers: value, ports: value, resources: value },
        status: { containerStatuses: value, conditions: value, podIPs: value },
      };
      expect(readObject(kind, { ...object, ...inside })).toMatchObject({ uid: 'u' });
    }
});

test.each([
  ['250m', 250],
  ['1', 1_000],
  ['1.5', 1_500],
  ['0.1', 100],
  ['100n', 1],
  ['2k', 2_000_000],
  ['1e2', 100_000],
  [2, 2_000],
])('%s of a processor is %d thousandths', (text, millis) => {
  expect(millisOf(text)).toBe(millis);
});

test.each([
  ['128Mi', 134_217_728],
  ['1G', 1_000_000_000],
  ['129e6', 129_000_000],
  ['123456', 123_456],
  ['1.5Gi', 1_610_612_736],
])('%s of memory is %d bytes', (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});

test.each(['', 'lots', '1X', '1 Mi', 'm', '1e9999', null, undefined, {}])('%s is no amount', (text) => {
  expect(quantityOf(text)).toBeNull();
});

function meta(name: string, uid: string) {
  return { name, uid, namespace: 'shop', creationTimestamp: '2026-11-26T07:01:30Z' };
}

function made(kind: string, name: string, uid: string, owner?: { kind: string; uid: string; name: string }) {
  const ownerReferences = owner === undefined ? [] : [{ ...owner, controller: true }];
  return { kind, metadata: { ...meta(name, uid), ownerReferences } };
}

function uidOf(object: Record<string, unknown>): string {
  return (object['metadata'] as { uid: string }).uid;
}

function phaseOf(object: Record<string, unknown>): string {
  return (object['status'] as { phase: string }).phase;
}

/** Every object of a kind as it was told last, unless it was deleted. */
function lastOf(kind: ObjectKind): readonly Record<string, unknown>[] {
  const known = new Map<string, Record<string, unknown>>();
  for (const one of RECORDED) {
    if (one.kind !== kind) continue;
    if ('list' in one) for (const object of one.list) known.set(uidOf(object), object);
    else if (one.type === 'DELETED') known.delete(uidOf(one.object));
    else known.set(uidOf(one.object), one.object);
  }
  return [...known.values()];
}
