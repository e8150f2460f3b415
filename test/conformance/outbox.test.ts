/** The outbox on every state database: an effect is put once, taken by one, and never forgotten. */
import { afterEach, expect, test } from 'vitest';
import {
  cancelEffects,
  effectsOfCase,
  finishEffect,
  type NewEffect,
  nextDueMs,
  putEffect,
  retryEffect,
  takeEffects,
  type TakenEffect,
} from '../../server/src/ground/outbox.ts';
import type { State } from '../../server/src/ground/state.ts';
import { describeStates } from '../state.ts';

const NOW = 1_790_000_000_000;
const LEASE_MS = 30_000;
const KINDS = ['page', 'deadline'];

const put = (state: State, effect: Partial<NewEffect> & { key: string }) =>
  state.transaction((trx) =>
    putEffect(trx, { kind: 'page', caseId: 'case', payload: { to: effect.key }, dueMs: NOW, ...effect }, NOW),
  );
const take = (state: State, worker: string, nowMs = NOW, limit = 10) =>
  takeEffects(state, { kinds: KINDS, limit, leaseMs: LEASE_MS, nowMs, worker });
const finish = (state: State, effect: TakenEffect) => state.transaction((trx) => finishEffect(trx, effect, NOW));

describeStates('the outbox', (open) => {
  const opened: State[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((state) => state.close()));
  });
  const start = async () => {
    const state = await open();
    opened.push(state);
    return state;
  };

  test('the same key puts one effect, for ever', async () => {
    const state = await start();
    expect(await put(state, { key: 'a' })).toBe(true);
    expect(await put(state, { key: 'a' })).toBe(false);
    const [taken] = await take(state, 'w');
    expect(await finish(state, taken!)).toBe(true);
    expect(await put(state, { key: 'a' })).toBe(false);
    expect(await take(state, 'w')).toEqual([]);
  });

  test('an effect of a decision that was rolled back does not exist', async () => {
    const state = await start();
    const failing = state.transaction(async (trx) => {
      await putEffect(trx, { kind: 'page', key: 'a', caseId: null, payload: {}, dueMs: NOW }, NOW);
      throw new Error('crash');
    });
    await expect(failing).rejects.toThrow('crash');
    expect(await take(state, 'w')).toEqual([]);
  });

  test('effects are taken when they are due, the earliest first, only of the kinds asked for', async () => {
    const state = await start();
    await put(state, { key: 'later', dueMs: NOW + 1 });
    await put(state, { key: 'now' });
    await put(state, { key: 'before', kind: 'deadline', dueMs: NOW - 1, payload: { text: 'NUL \0 half \ud800' } });
    await put(state, { key: 'foreign', kind: 'mail' });
    expect(await nextDueMs(state, KINDS)).toBe(NOW - 1);
    const taken = await take(state, 'w');
    expect(taken.map(({ key }) => key)).toEqual(['before', 'now']);
    expect(taken[0]).toMatchObject({ kind: 'deadline', attempt: 1, payload: { text: 'NUL \0 half \ud800' } });
    expect(await nextDueMs(state, KINDS)).toBe(NOW + 1);
    expect(await nextDueMs(state, ['nothing'])).toBeNull();
  });

  test('the effect of a worker that died is taken again when its lease runs out, and the dead cannot finish it', async () => {
    const state = await start();
    await put(state, { key: 'a' });
    const [held] = await take(state, 'dead');
    expect(await take(state, 'other', NOW + LEASE_MS - 1)).toEqual([]);
    expect(await nextDueMs(state, KINDS)).toBe(NOW + LEASE_MS);
    const [again] = await take(state, 'other', NOW + LEASE_MS);
    expect(again).toMatchObject({ id: held?.id, attempt: 2 });
    expect(await finish(state, held!)).toBe(false);
    const retry = state.transaction((trx) => retryEffect(trx, held!, { dueMs: NOW, failure: 'late' }));
    expect(await retry).toBe(false);
    expect(await finish(state, again!)).toBe(true);
  });

  test('an effect that failed is tried again at its time, with the reason kept, as often as it takes', async () => {
    const state = await start();
    await put(state, { key: 'a' });
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      const nowMs = NOW + attempt * 1_000;
      const [taken] = await take(state, 'w', nowMs);
      expect(taken?.attempt).toBe(attempt);
      await state.transaction((trx) => retryEffect(trx, taken!, { dueMs: nowMs + 1_000, failure: 'refused\0' }));
      expect(await take(state, 'w', nowMs + 999)).toEqual([]);
    }
    expect(await effectsOfCase(state.db, 'case', KINDS)).toMatchObject([
      { key: 'a', payload: { to: 'a' }, attempts: 20, failure: 'refused\uFFFD', outcome: null },
    ]);
  });

  test('what a case no longer needs is cancelled, even while somebody holds it', async () => {
    const state = await start();
    await put(state, { key: 'held' });
    const [held] = await take(state, 'w');
    await put(state, { key: 'waiting', dueMs: NOW + 5 });
    await put(state, { key: 'other kind', kind: 'deadline', dueMs: NOW + 5 });
    await put(state, { key: 'other case', caseId: 'b', dueMs: NOW + 5 });
    const cancel = () =>
      state.transaction((trx) => cancelEffects(trx, { caseId: 'case', kinds: ['page'], nowMs: NOW }));
    expect(await cancel()).toBe(2);
    expect(await cancel()).toBe(0);
    expect(await finish(state, held!)).toBe(false);
    expect((await take(state, 'w', NOW + 10 * LEASE_MS)).map(({ key }) => key)).toEqual(['other kind', 'other case']);
  });

  test('many workers at once perform every effect exactly once', async () => {
    const state = await start();
    const keys = Array.from({ length: 150 }, (_, index) => `effect-${index}`);
    await Promise.all(keys.map((key) => put(state, { key })));
    const performed: string[] = [];
    const work = async (worker: string) => {
      for (;;) {
        const taken = await take(state, worker, NOW, 4);
        if (taken.length === 0) return;
        for (const effect of taken) {
          performed.push(effect.key);
          expect(await finish(state, effect)).toBe(true);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => work(`worker-${index}`)));
    expect(performed.toSorted()).toEqual(keys.toSorted());
  });
});
