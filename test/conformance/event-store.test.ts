/** The event store on chDB, and on a ClickHouse server when one is given: stored once, found again, never in the way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EventStore, type NewEvent, openEventStore } from '../../server/src/events/store.ts';
import { ChdbSupervisor } from '../../server/src/ground/chdb-supervisor.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { type EventEngine, openEventEngine } from '../../server/src/ground/event-engine.ts';
import { recordingLog, silentLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { compileProgram } from '../compiled.ts';
import { sampleActor, sampleFacts } from '../sample-finding.ts';

const CLICKHOUSE_URL = process.env['COUNTERSIGN_TEST_CLICKHOUSE_URL'];
const NOW = Date.now();
const START = Date.UTC(2026, 0, 5, 10);
const MINUTE_MS = 60_000;

let program = '';
const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'countersign-events-'));
  folders.push(made);
  return made;
};
beforeAll(async () => {
  program = await compileProgram('server/src/ground/chdb-process.ts');
});
afterAll(() => {
  for (const path of [...folders, program]) rmSync(path, { recursive: true, force: true });
});
const engineOn = (dataDirectory: string, log = silentLog): Promise<EventEngine> =>
  openEventEngine({ dataDirectory, clock: systemClock, random: systemRandom, log, program });

let made = 0;
const event = (id: string, facts: Partial<NewEvent['facts']> = {}, record: object = {}): NewEvent => {
  made += 1;
  return { facts: sampleFacts({ id, timeMs: START + made, ...facts }), record: { id, ...record } };
};
const everything = { fromMs: 0, toMs: NOW * 2, limit: 1_000 };

const engines: [string, () => Promise<EventEngine>][] = [['chDB', () => engineOn(folder())]];
if (CLICKHOUSE_URL !== undefined) {
  const common = { url: CLICKHOUSE_URL, dataDirectory: '', clock: systemClock, random: systemRandom, log: silentLog };
  engines.push(['ClickHouse', () => openEventEngine(common)]);
}

describe.each(engines)('the event store on %s', (_name, open) => {
  let engine: EventEngine;
  let store: EventStore;
  beforeAll(async () => {
    engine = await open();
    await engine.command('DROP TABLE IF EXISTS event');
    store = await openEventStore(engine);
  });
  afterAll(() => engine.close());
  const searched = async (search: object) =>
    (await store.searchEvents({ ...everything, ...search })).map(({ id }) => id);

  test('an event comes back whole', async () => {
    const one = event('whole', { readOnly: false, errorCode: 'AccessDenied', resources: [{ type: 'T', id: 'arn:x' }] });
    await store.insertEvents([one], NOW);
    const { facts } = one;
    expect(await store.findEvent(facts.source, 'whole')).toEqual({
      source: facts.source,
      id: 'whole',
      timeMs: facts.timeMs,
      account: facts.account,
      region: facts.region,
      service: facts.service,
      action: facts.action,
      actorKind: facts.actor.kind,
      actorId: facts.actor.id,
      actorName: facts.actor.name,
      session: facts.actor.session,
      sourceIp: facts.sourceIp,
      userAgent: facts.userAgent,
      errorCode: 'AccessDenied',
      readOnly: false,
      resources: [{ type: 'T', id: 'arn:x' }],
      raw: JSON.stringify(one.record),
    });
    expect(await store.findEvent(facts.source, 'never')).toBeNull();
  });

  test('an event that is stored again, even months later, is one event', async () => {
    const again = event('again', { action: 'Again' });
    for (const later of [0, 0, 100 * 86_400_000]) await store.insertEvents([again, again], NOW - later);
    expect(await searched({ action: 'Again' })).toEqual(['again']);
    const counts = await store.eventCounts({ fromMs: again.facts.timeMs, toMs: again.facts.timeMs });
    expect(counts).toEqual([{ minuteMs: START, source: again.facts.source, count: 1 }]);
  });

  test('hostile text is stored, found and harmless', async () => {
    const text = `'; DROP TABLE event; -- \\ \0 \t\n\r \ud800 \u2028 {x:String} "é" ' FORMAT Null`;
    const id = `id ${text}`;
    await store.insertEvents([event(id, { action: text, userAgent: text, account: null }, { text })], NOW);
    const found = await store.findEvent('aws_cloudtrail', id);
    expect(JSON.parse(found?.raw ?? '')).toMatchObject({ text });
    expect(found?.userAgent).toBe(text.replace('\ud800', '\uFFFD'));
    expect(found?.account).toBeNull();
    expect(await searched({ action: text })).toEqual([id.replace('\ud800', '\uFFFD')]);
    expect(await searched({ text: `x:String} \\"É\\" ' format` })).toHaveLength(1);
    expect(await searched({ actor: `' OR 1=1 --` })).toEqual([]);
  });

  test('times that ClickHouse cannot hold do not hold up a batch', async () => {
    const times = [-1e15, 8.64e15, Number.NaN];
    await store.insertEvents(
      times.map((timeMs, index) => event(`time ${index}`, { timeMs })),
      NOW,
    );
    for (const index of times.keys()) expect(await store.findEvent('aws_cloudtrail', `time ${index}`)).not.toBeNull();
  });

  test('a search narrows by time, source, actor, account, action and text, newest first and in pages', async () => {
    const actor = { ...sampleActor(), id: 'arn:search', name: 'searcher', session: 'sitting' };
    const events = Array.from({ length: 7 }, (_, index) =>
      event(
        `search ${index}`,
        { timeMs: START + index * MINUTE_MS, account: 'searched', actor, action: index % 2 === 0 ? 'Even' : 'Odd' },
        { note: `Needle ${index}` },
      ),
    );
    await store.insertEvents(events, NOW);
    const account = 'searched';
    expect(await searched({ account, limit: 2 })).toEqual(['search 6', 'search 5']);
    const before = { timeMs: START + 5 * MINUTE_MS, id: 'search 5' };
    expect(await searched({ account, before, limit: 2 })).toEqual(['search 4', 'search 3']);
    expect(await searched({ account, action: 'Odd' })).toEqual(['search 5', 'search 3', 'search 1']);
    for (const name of ['arn:search', 'searcher', 'sitting']) expect(await searched({ actor: name })).toHaveLength(7);
    expect(await searched({ account, text: 'needle 3' })).toEqual(['search 3']);
    expect(await searched({ account, source: 'k8s_audit' })).toEqual([]);
    expect(await searched({ account, fromMs: START + MINUTE_MS, toMs: START + 2 * MINUTE_MS })).toEqual([
      'search 2',
      'search 1',
    ]);
    const counts = await store.eventCounts({ fromMs: START + MINUTE_MS, toMs: START + 6 * MINUTE_MS });
    expect(counts.map(({ minuteMs, count }) => [minuteMs, count])).toEqual(
      [1, 2, 3, 4, 5, 6].map((minute) => [START + minute * MINUTE_MS, 1]),
    );
  });

  test('how long events are kept can be changed later', async () => {
    await openEventStore(engine, { keepDays: 7 });
    const [table] = await engine.query<{ ttl: string }>(
      "SELECT engine_full AS ttl FROM system.tables WHERE name = 'event'",
    );
    expect(table?.ttl).toContain('toIntervalDay(7)');
    await expect(openEventStore(engine, { keepDays: 0.5 })).rejects.toThrow('whole days');
  });

  test('a statement that the engine refuses says why', async () => {
    await expect(engine.query('SELECT nothing FROM nowhere')).rejects.toMatchObject({
      code: 'events-refused',
      retryable: false,
      message: expect.stringContaining('nowhere'),
    });
  });
});

describe('the chDB process', () => {
  test('nothing that was answered is lost when it is killed again and again in the middle of inserts', async () => {
    const log = recordingLog();
    const directory = folder();
    const engine = await engineOn(directory, log);
    const store = await openEventStore(engine);
    const pid = () => (engine as unknown as { pid(): number | null }).pid();
    const stored: string[] = [];
    let running = true;
    const work = async (worker: number) => {
      for (let batch = 0; running; batch += 1) {
        const events = Array.from({ length: 50 }, (_, index) =>
          event(`k-${worker}-${batch}-${index}`, { account: 'kill' }),
        );
        // What the inbox does: again and again until it was answered.
        for (;;) {
          try {
            await store.insertEvents(events, NOW);
            break;
          } catch (error) {
            expect(error).toMatchObject({ retryable: true });
            await sleep(50);
          }
        }
        stored.push(...events.map(({ facts }) => facts.id));
      }
    };
    const workers = [work(1), work(2)];
    for (let kill = 0; kill < 4; kill += 1) {
      await sleep(700 + kill * 37);
      for (let victim = pid(); ; victim = pid()) {
        if (victim !== null) {
          process.kill(victim, 'SIGKILL');
          break;
        }
        await sleep(20);
      }
    }
    await sleep(1_500);
    running = false;
    await Promise.all(workers);
    expect(engine.status()).toMatchObject({ up: true, problem: null });
    expect(engine.status().restarts).toBeGreaterThanOrEqual(4);
    const [kept] = await engine.query<{ n: number | string }>(
      "SELECT count() AS n FROM event FINAL WHERE account = 'kill'",
    );
    expect(Number(kept?.n)).toBe(stored.length);
    expect(stored.length).toBeGreaterThan(100);
    expect(log.entries.some(({ message }) => message.includes('ended unexpectedly'))).toBe(true);
    await engine.close();
    const reopened = await engineOn(directory);
    expect(
      (await reopened.query<{ n: number | string }>('SELECT count() AS n FROM event FINAL')).map(({ n }) => Number(n)),
    ).toEqual([stored.length]);
    await reopened.close();
  });

  test('nothing is answered without the secret', async () => {
    const supervisor = await ChdbSupervisor.start({
      dataDirectory: folder(),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      program,
    });
    const { port, secret } = await supervisor.address(1_000);
    const ask = (password: string | null, path = '/?query=SELECT%201') =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method: path === '/ping' ? 'GET' : 'POST',
        headers: password === null ? {} : { authorization: `Basic ${Buffer.from(`u:${password}`).toString('base64')}` },
      });
    for (const wrong of [null, '', 'x', `${secret}x`]) {
      expect((await ask(wrong)).status).toBe(403);
      expect((await ask(wrong, '/ping')).status).toBe(403);
    }
    expect(await (await ask(secret)).text()).toBe('1\n');
    expect((await ask(secret, '/?query=SELECT%201&max_threads=1')).status).toBe(400);
    expect((await ask(secret, '/other')).status).toBe(404);
    await supervisor.close();
  });

  test('a directory that another process uses is refused and says so', async () => {
    const directory = folder();
    const engine = await engineOn(directory);
    const impatient = { ...systemClock, sleep: async () => undefined };
    const second = ChdbSupervisor.start({
      dataDirectory: directory,
      clock: impatient,
      random: systemRandom,
      log: silentLog,
      program,
    });
    await expect(second).rejects.toMatchObject({ code: 'events-in-use', message: expect.stringContaining(directory) });
    await engine.close();
  });

  test('a directory that is none is refused and says so', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, 'no directory');
    await expect(engineOn(join(file, 'events'))).rejects.toMatchObject({ code: 'events-unusable' });
  });
});
