/** The watch over intake: silence, lag, backlog, queues and objects that cannot be read, digests that stopped. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import type { State } from '../../server/src/ground/state.ts';
import { noteFailing, noteQueue, noteTaken } from '../../server/src/sources/aws-live/ledger.ts';
import { lookAtIntake, noteAccountsHeard, type WatchOptions } from '../../server/src/sources/aws-live/watch.ts';
import { acceptBatch } from '../../server/src/sources/inbox.ts';
import { emptyIntake, openTestPglite } from '../state.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 2, 10);
const SHOP = '111122223333';

let state: State;
beforeAll(async () => {
  state = await openTestPglite();
});
afterAll(() => state.close());

async function watching(parts: Partial<WatchOptions> = {}) {
  await emptyIntake(state);
  const clock = new ManualClock(START);
  const raised: string[] = [];
  const options: WatchOptions = {
    state,
    clock,
    log: recordingLog(),
    limits: { silenceMs: 15 * MINUTE, lagMs: 30 * MINUTE, backlogBatches: 10 },
    accounts: new Map([[SHOP, 'shop-prod']]),
    queues: [],
    raise: async (_trx, { action, dedupKey, summary }) => void raised.push(`${action} ${dedupKey} ${summary}`),
    ...parts,
  };
  return {
    clock,
    look: (startedMs = START) => lookAtIntake(options, startedMs),
    heard: (account: string, eventMs = clock.nowMs()) =>
      state.transaction((trx) => noteAccountsHeard(trx, [{ account, eventMs }], clock.nowMs())),
    /** What was raised since, without its words. */
    told: () => raised.splice(0).map((line) => line.split(' ').slice(0, 2).join(' ')),
    words: () => raised.splice(0).map((line) => line.split(' ').slice(2).join(' ')),
  };
}

test('an account that falls silent raises one alert and resolves it when it is heard again', async () => {
  const { clock, look, heard, told } = await watching();
  await look();
  expect(told()).toEqual([]);
  await heard(SHOP);
  await heard('444455556666');
  clock.advance(14 * MINUTE);
  await heard('444455556666');
  await look();
  expect(told()).toEqual([]);
  clock.advance(2 * MINUTE);
  await look();
  await look();
  expect(told()).toEqual([`trigger intake:silence:${SHOP}`]);
  await heard(SHOP);
  clock.advance(2 * MINUTE);
  await look();
  expect(told()).toEqual([`resolve intake:silence:${SHOP}`]);
});

test('a restart neither tells of a silence that was our own nor ends one that is not', async () => {
  const { clock, look, heard, told } = await watching();
  await heard(SHOP);
  clock.advance(60 * MINUTE);
  await look(clock.nowMs());
  expect(told()).toEqual([]);
  clock.advance(16 * MINUTE);
  await look(clock.nowMs() - 16 * MINUTE);
  expect(told()).toEqual([`trigger intake:silence:${SHOP}`]);
  clock.advance(5 * MINUTE);
  await look(clock.nowMs());
  clock.advance(5 * MINUTE);
  await look(clock.nowMs());
  expect(told()).toEqual([]);
});

test('where a queue is configured, an account that was never heard is missed', async () => {
  const { clock, look, words } = await watching({ queues: ['trail'] });
  await noteQueue(state, 'trail', { nowMs: START + 16 * MINUTE, failure: null });
  clock.advance(16 * MINUTE);
  await look();
  expect(words()).toEqual(['Nothing has been heard from shop-prod since it was configured']);
});

test('events that come late are told, also after one whose clock ran ahead', async () => {
  const { look, heard, words } = await watching();
  await heard(SHOP, START + 365 * 86_400_000);
  await look();
  expect(words()).toEqual([]);
  await heard('late', START - 45 * MINUTE);
  await look();
  expect(words()).toEqual(['Events of late come 45 minutes late']);
});

test('a time of an event that lies ahead never hides that the next ones come late', async () => {
  const { clock, look, heard, words } = await watching();
  await heard(SHOP, START + 365 * 86_400_000);
  clock.advance(45 * MINUTE);
  await heard(SHOP, START);
  await look();
  expect(words()).toEqual(['Events of shop-prod come 45 minutes late']);
});

test('work that piles up is told', async () => {
  const { look, words } = await watching();
  for (let index = 0; index < 11; index += 1) {
    const records = [{ id: `e${index}`, timeMs: START, json: '{}' }];
    await acceptBatch(state, { source: 'aws_cloudtrail', origin: 'test', records }, START);
  }
  await look();
  expect(words()).toEqual(['11 batches wait in the inbox, the oldest for 0 minutes']);
});

test('a queue that cannot be read is told, with why, and that it can again', async () => {
  const { clock, look, heard, told, words } = await watching({ queues: ['trail'] });
  await noteQueue(state, 'trail', { nowMs: START, failure: null });
  clock.advance(9 * MINUTE);
  await noteQueue(state, 'trail', { nowMs: clock.nowMs(), failure: 'AccessDenied' });
  await look();
  expect(told()).toEqual([]);
  clock.advance(2 * MINUTE);
  await heard(SHOP);
  await look();
  expect(words()).toEqual(['The queue trail could not be read for 11 minutes: AccessDenied']);
  await noteQueue(state, 'trail', { nowMs: clock.nowMs(), failure: null });
  clock.advance(2 * MINUTE);
  await look();
  expect(told()).toEqual(['resolve intake:queue:trail']);
});

test('objects that cannot be read are told until they can be', async () => {
  const { clock, look, heard, told, words } = await watching({ queues: ['trail'] });
  const names = ['one', 'two'].map((key) => ({ bucket: 'sample', key }));
  const failing = () =>
    Promise.all(
      names.map((name) => noteFailing(state, name, { queue: 'trail', failure: 'AccessDenied', nowMs: clock.nowMs() })),
    );
  await failing();
  clock.advance(11 * MINUTE);
  await noteQueue(state, 'trail', { nowMs: clock.nowMs(), failure: null });
  await heard(SHOP);
  await failing();
  await look();
  expect(words()).toEqual(['2 objects of the queue trail cannot be read: AccessDenied']);
  for (const name of names) await noteTaken(state, name, { queue: 'trail', sha256: '0', nowMs: clock.nowMs() });
  clock.advance(2 * MINUTE);
  await look();
  expect(told()).toEqual(['resolve intake:objects:trail']);
});
