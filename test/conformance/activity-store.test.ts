/** Activity in chDB, and in a ClickHouse server when one is given: stored once, found by any field, one stream with the calls of clouds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Activity } from '../../server/src/activity/activity.ts';
import { type ActivityFilter, type Place, placeAfter } from '../../server/src/activity/search.ts';
import { type ActivityStore, openActivityStore } from '../../server/src/activity/store.ts';
import { type EventStore, openEventStore } from '../../server/src/events/store.ts';
import type { EventEngine } from '../../server/src/ground/event-engine.ts';
import { describeEngines } from '../event-engines.ts';
import { sampleActor, sampleFacts } from '../sample-finding.ts';

/** Rows age, so they are of now. */
const NOON = Math.trunc(Date.now() / 3_600_000) * 3_600_000;
const BYTES_A_ROW = 25;
/** Of no other test. */
const LATER = NOON + 2 * 3_600_000;

function done(second: number, changes: Partial<Activity>): Activity {
  return {
    timeNs: BigInt(NOON + second * 1_000) * 1_000_000n + 7n,
    kind: 'command',
    host: 'node-1',
    container: '',
    application: 'unit:ssh.service',
    process: { pid: 100 + second, startNs: BigInt(NOON) * 1_000_000n },
    parent: { pid: 1, startNs: 1n },
    name: 'bash',
    exe: '/usr/bin/bash',
    loginUser: 'ann',
    user: 'root',
    tty: 34_816,
    detail: `bash -c step-${second}`,
    result: '',
    count: 1,
    bytes: 0,
    ...changes,
  };
}

const byTime = (one: bigint, other: bigint): number => Number(one - other);

describeEngines('activity', (open) => {
  let engine: EventEngine;
  let store: ActivityStore;
  let events: EventStore;
  beforeAll(async () => {
    engine = await open();
    events = await openEventStore(engine);
    store = await openActivityStore(engine);
    const rows = [
      done(1, {}),
      done(2, { kind: 'file-written', name: 'tee', detail: '/etc/cron.d/job', bytes: 40 }),
      done(3, { kind: 'connection', name: 'curl', detail: '10.0.0.1:4242 → 203.0.113.7:443', container: 'c0ffee' }),
      done(4, { name: 'sudo', user: "o'brien\\%", detail: 'sudo id', result: 'EPERM' }),
    ];
    await store.insert(rows, 'agent-1.1');
    await store.insert(rows, 'agent-1.1');
    const actor = sampleActor({ id: 'arn:aws:iam::111122223333:user/ann', name: 'ann' });
    const facts = sampleFacts({ id: 'call-1', timeMs: NOON + 2_500, actor, action: 'StopLogging' });
    await events.insertEvents([{ facts, record: {} }], NOON);
  });
  afterAll(() => engine.close());

  test.each([
    0n,
    5_000_000_000n,
    8_999_999_999_999_999_999n,
  ])('a host whose clock says %i ns since 1970 keeps no other from being stored', (timeNs) =>
    expect(store.insert([done(1, { timeNs, host: 'node-9' })], `clock-${timeNs}`)).resolves.toBeUndefined());

  const range = { fromMs: NOON, toMs: NOON + 3_600_000 };
  const found = async (filters: readonly ActivityFilter[], text = '') =>
    (await store.search({ ...range, filters, text }, { limit: 100 })).map(({ name }) => name);
  const is = (field: ActivityFilter['field'], value: string): ActivityFilter => ({ field, value, include: true });
  const not = (field: ActivityFilter['field'], value: string): ActivityFilter => ({ field, value, include: false });

  test('one stream, newest first, a call of the cloud in its place; sent twice, stored once', async () => {
    expect(await found([])).toEqual(['sudo', 'curl', 'StopLogging', 'tee', 'bash']);
  });

  test('any field includes or excludes; several values of one field are alternatives; a star matches', async () => {
    expect(await found([is('kind', 'command')])).toEqual(['sudo', 'bash']);
    expect(await found([is('name', 'tee'), is('name', 'curl')])).toEqual(['curl', 'tee']);
    expect(await found([not('host', 'node-1')])).toEqual(['StopLogging']);
    expect(await found([is('detail', '/etc/*')])).toEqual(['tee']);
    expect(await found([is('user', "o'brien\\%")])).toEqual(['sudo']);
    expect(await found([is('kind', 'cloud-call')])).toEqual(['StopLogging']);
    expect(await found([], 'CRON.D')).toEqual(['tee']);
  });

  test('it goes on where the last page ended', async () => {
    const search = { ...range, filters: [], text: '' };
    const first = await store.search(search, { limit: 2 });
    const from = placeAfter(first, { limit: 2 });
    if (from === null) throw new Error('nothing follows');
    expect((await store.search(search, { limit: 2, from })).map(({ name }) => name)).toEqual(['StopLogging', 'tee']);
    expect(first[0]?.timeNs).toBe(BigInt(NOON + 4_000) * 1_000_000n + 7n);
  });

  test('pages of any size are together everything, also where many share a moment', async () => {
    const search = { fromMs: LATER - 1, toMs: LATER + 1, filters: [], text: '' };
    const at = BigInt(LATER) * 1_000_000n;
    const alike = Array.from({ length: 11 }, (_, index) =>
      done(0, { timeNs: at, name: `n${index}`, process: { pid: index % 3, startNs: at } }),
    );
    await store.insert(alike, 'one-moment');
    const whole = (await store.search(search, { limit: 100 })).map(({ name }) => name);
    expect(whole.toSorted()).toEqual(alike.map(({ name }) => name).toSorted());
    for (const limit of [1, 2, 3, 11, 12]) {
      const paged: string[] = [];
      let from: Place | undefined;
      do {
        const page = { limit, ...(from === undefined ? {} : { from }) };
        const rows = await store.search(search, page);
        paged.push(...rows.map(({ name }) => name));
        from = placeAfter(rows, page) ?? undefined;
      } while (from !== undefined);
      expect(paged, `by ${limit}`).toEqual(whole);
    }
  });

  test('counts by time and kind, and the values of a field', async () => {
    const search = { ...range, filters: [not('kind', 'cloud-call')], text: '' };
    const bars = await store.histogram(search, 60_000);
    expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    expect(await store.values(search, 'kind', 10)).toEqual([
      { value: 'command', count: 2 },
      { value: 'connection', count: 1 },
      { value: 'file-written', count: 1 },
    ]);
  });

  test('what is held is found once while the rest is there, and still when it has aged away, until it is let go', async () => {
    const everything = await found([]);
    const search = { ...range, filters: [not('name', 'sudo')], text: '' };
    // Twice by one hold, and once more by another: still one row each.
    expect(await store.hold('hold-1', search)).toBe(4);
    expect(await store.hold('hold-1', search)).toBe(4);
    expect(await store.hold('hold-2', { ...range, filters: [is('name', 'tee')], text: '' })).toBe(1);
    expect(await found([])).toEqual(everything);
    await engine.command('ALTER TABLE activity DELETE WHERE 1 SETTINGS mutations_sync = 2');
    await engine.command('ALTER TABLE event DELETE WHERE 1 SETTINGS mutations_sync = 2');
    expect(await found([])).toEqual(everything.filter((name) => name !== 'sudo'));
    expect(await found([is('kind', 'cloud-call')])).toEqual(['StopLogging']);
    await store.releaseHold('hold-1');
    await expect.poll(() => found([]), { timeout: 10_000 }).toEqual(['tee']);
    await store.releaseHold('hold-2');
    await expect.poll(() => found([]), { timeout: 10_000 }).toEqual([]);
  });

  test('what is held of one who did something hides nobody else who did the same in the same second', async () => {
    const [timeMs, to] = [LATER + 3_600_000, LATER + 3_601_000];
    const calls = ['eve', 'bob'].map((name) => {
      const actor = sampleActor({ id: `arn:aws:iam::111122223333:user/${name}`, name });
      return { facts: sampleFacts({ id: `same-${name}`, timeMs, actor, action: 'DeleteTrail' }), record: {} };
    });
    await events.insertEvents(calls, LATER);
    const search = { fromMs: timeMs - 1_000, toMs: to, filters: [], text: '' };
    const who = async () => (await store.search(search, { limit: 10 })).map(({ user }) => user).toSorted();
    expect(await who()).toEqual(['bob', 'eve']);
    expect(await store.hold('hold-3', { ...search, filters: [is('user', 'eve')] })).toBe(1);
    expect(await who()).toEqual(['bob', 'eve']);
  });

  test('of a host where very much begins and ends, the newest lives are known', async () => {
    const began = LATER + 2 * 3_600_000;
    const rows = Array.from({ length: 20_100 }, (_, index) =>
      done(index, { timeNs: BigInt(began + index) * 1_000_000n, host: 'busy' }),
    );
    await store.insert(rows, 'busy-1');
    const lives = await store.lives({ host: 'busy', fromMs: began, toMs: began + 3_600_000 });
    expect(lives.at(-1)?.detail).toBe('bash -c step-20099');
    expect(lives.map(({ timeNs }) => timeNs)).toEqual(lives.map(({ timeNs }) => timeNs).toSorted(byTime));
  });

  test(`a row of everyday work costs ${BYTES_A_ROW} bytes at most`, async () => {
    const rows = Array.from({ length: 60_000 }, (_, index) =>
      done(0, {
        timeNs: BigInt(NOON) * 1_000_000n + BigInt(index) * 3_000_017n,
        host: 'node-9',
        kind: index % 3 === 0 ? 'command' : index % 3 === 1 ? 'file-written' : 'exit',
        process: { pid: 1_000 + (index >> 1), startNs: BigInt(NOON) * 1_000_000n + BigInt(index >> 1) * 6_000_034n },
        parent: { pid: 900 + (index >> 8), startNs: BigInt(NOON) * 1_000_000n + BigInt(index >> 8) },
        name: ['gcc', 'cc1', 'as', 'sh'][index % 4] ?? '',
        detail: `/usr/lib/gcc/cc1 -quiet file-${(index * 7_919) % 20_011}.c -o /tmp/cc${(index * 104_729) % 65_521}.s`,
      }),
    );
    await store.insert(rows, 'agent-9.1');
    await engine.command('OPTIMIZE TABLE activity FINAL');
    const [size] = await engine.query<{ bytes: string; rows: string }>(
      "SELECT sum(data_compressed_bytes) AS bytes, sum(rows) AS rows FROM system.parts WHERE active AND table = 'activity'",
    );
    expect(Number(size?.bytes) / Number(size?.rows)).toBeLessThan(BYTES_A_ROW);
  });
});
