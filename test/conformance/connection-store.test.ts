/** Connections in chDB, and in a ClickHouse server when one is given: counted once, found for ever. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionLine } from '../../server/src/inventory/connections/line.ts';
import { type ConnectionStore, openConnectionStore } from '../../server/src/inventory/connections/store.ts';
import type { EventEngine } from '../../server/src/ground/event-engine.ts';
import { describeEngines } from '../event-engines.ts';
import { sampleLine } from '../sample-line.ts';

/** Lines age, so they are of now. */
const NOON = Math.trunc(Date.now() / 3_600_000) * 3_600_000;
const MINUTE_MS = 60_000;
const hour = { fromMs: NOON, toMs: NOON + 60 * MINUTE_MS };

const line = (changes: Partial<ConnectionLine>) => sampleLine(NOON, changes);

describeEngines('connections', (open) => {
  let engine: EventEngine;
  let store: ConnectionStore;
  beforeAll(async () => {
    engine = await open();
    store = await openConnectionStore(engine);
  });
  afterAll(() => engine.close());

  test('lines that are sent twice are counted once, also in what is summed', async () => {
    const lines = [line({}), line({ remoteIp: '2001:db8::7', sentBytes: 5 })];
    await store.insertLines(lines, 'agent-1.7');
    await store.insertLines(lines, 'agent-1.7');
    expect(await store.topTalkers(hour, 'application', 10)).toEqual([
      { name: 'shop/deployment/web', remoteName: '', sentBytes: 105, receivedBytes: 2_000, opened: 2, failed: 0 },
    ]);
    expect(await store.pairsOf('10.0.0.2', 10)).toMatchObject([{ sentBytes: 100, opened: 1, firstMs: NOON + 1 }]);
    expect(await store.pairsOf('2001:db8::7', 10)).toMatchObject([{ remoteIp: '2001:db8::7', sentBytes: 5 }]);
  });

  test('a second time does not make a pair new, and says when it was last', async () => {
    const later = { windowMs: NOON + 10 * MINUTE_MS, firstMs: NOON + 10 * MINUTE_MS, lastMs: NOON + 11 * MINUTE_MS };
    await store.insertLines([line(later), line({ ...later, port: 22, process: 'ssh' })], 'agent-1.8');
    const found = await store.newPairs({ fromMs: NOON + 5 * MINUTE_MS, toMs: NOON + 20 * MINUTE_MS }, 10);
    expect(found.map(({ process, port }) => `${process} ${port}`)).toEqual(['ssh 22']);
    const [, web] = await store.pairsOf('10.0.0.2', 10);
    expect(web ?? found[0]).toMatchObject({ lastMs: NOON + 11 * MINUTE_MS });
  });

  test('talkers are added up by any level, the largest first', async () => {
    const remoteName = 'api.example.com';
    const lines = [
      line({ remoteIp: '192.0.2.9', remoteName, sentBytes: 9_000_000, process: 'curl' }),
      line({ remoteIp: '192.0.2.9', process: 'curl' }),
    ];
    await store.insertLines(lines, 'agent-2.1');
    const names = async (by: Parameters<ConnectionStore['topTalkers']>[1]) =>
      (await store.topTalkers(hour, by, 10)).map(({ name }) => name);
    expect((await names('process'))[0]).toBe('curl');
    expect((await store.topTalkers(hour, 'remote_ip', 10))[0]).toMatchObject({ name: '192.0.2.9', remoteName });
    expect(await names('host')).toEqual(['node-1']);
    expect(await store.topTalkers(hour, 'process', 1)).toHaveLength(1);
  });

  test('both ends of a range are read for the map, also from the sums of the hours', async () => {
    const detail = { process: true, container: false };
    const { ends, isCut } = await store.lineEnds(hour, detail);
    expect(isCut).toBe(false);
    expect(ends[0]).toMatchObject({ process: 'curl', remoteIp: '192.0.2.9', container: '', sentBytes: 9_000_100 });
    const days = { fromMs: NOON - 3 * 86_400_000, toMs: NOON + 60 * MINUTE_MS };
    const summed = await store.lineEnds(days, detail);
    expect(summed.ends.map(({ sentBytes }) => sentBytes)).toEqual(ends.map(({ sentBytes }) => sentBytes));
  });

  test('half a character in a name is no reason to refuse everybody’s lines, and what only looks like one stays', async () => {
    const range = { fromMs: NOON + 2 * 60 * MINUTE_MS, toMs: NOON + 3 * 60 * MINUTE_MS };
    const windowMs = range.fromMs + MINUTE_MS;
    const names = ['cut \ud83d', '\udfff\ud83d\ude00', 'a \\ud83d in a path'];
    await store.insertLines(
      names.map((application) =>
        line({ application, remoteIp: '192.0.2.77', windowMs, firstMs: windowMs, lastMs: windowMs }),
      ),
      'halves',
    );
    const { ends } = await store.lineEnds(range, { process: false, container: false });
    expect(ends.map(({ application }) => application).toSorted()).toEqual(
      ['cut \ufffd', '\ufffd\ud83d\ude00', 'a \\ud83d in a path'].toSorted(),
    );
  });
});
