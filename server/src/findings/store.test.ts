/** Findings are stored once, keep the risk they had when new, and survive hostile text. */
import { afterEach, expect, test } from 'vitest';
import { MONDAY_MS, sampleActor, sampleFacts } from '../../../test/sample-finding.ts';
import { describeStates } from '../../../test/state.ts';
import type { State } from '../ground/state.ts';
import type { EventFacts } from '../sources/source.ts';
import type { Match } from './enrich.ts';
import {
  countFindingsPerMinute,
  findingsById,
  findingsOfBurst,
  MAXIMUM_BATCH,
  newestFindings,
  type RecordOptions,
  recordMatches,
} from './store.ts';

const DAY_MS = 86_400_000;
const OPTIONS: RecordOptions = {
  accounts: new Map(),
  isKnownPerson: () => null,
  burstKey: ({ facts }) => facts.actor.name,
  nowMs: MONDAY_MS + 5_000,
};
const match = (id: string, facts: Partial<EventFacts> = {}, parts: Partial<Match> = {}): Match => ({
  rule: 'Trail stopped',
  priority: 'Critical',
  tags: [],
  techniques: ['T1562.008'],
  risk: 50,
  facts: sampleFacts({ id, ...facts }),
  output: 'a trail was stopped',
  outputFields: {},
  ...parts,
});

describeStates('findings', (open) => {
  const opened: State[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((state) => state.close()));
  });
  async function start() {
    const state = await open();
    opened.push(state);
    const record = (matches: readonly Match[], options: Partial<RecordOptions> = {}) =>
      state.transaction((trx) => recordMatches(trx, matches, { ...OPTIONS, ...options }));
    return { state, record };
  }

  test('a match delivered again, in the same batch or later, is the same finding', async () => {
    const { state, record } = await start();
    expect(await record([match('a'), match('a'), match('b')])).toHaveLength(2);
    expect((await record([match('b'), match('c')])).map(({ facts }) => facts.id)).toEqual(['c']);
    expect(await newestFindings(state.db, { limit: 10 })).toHaveLength(3);
  });

  test('the first time counts for the earliest finding of a batch and for no later one', async () => {
    const { record } = await start();
    const first = await record([match('late', { timeMs: MONDAY_MS + 9 }), match('early')]);
    const codes = first.map(({ facts, reasons }) => [facts.id, reasons.some(({ code }) => code === 'first-time')]);
    expect(codes).toEqual([
      ['early', true],
      ['late', false],
    ]);
    const [next] = await record([match('other', { timeMs: MONDAY_MS + DAY_MS, action: 'DeleteTrail' })]);
    expect(next?.reasons).toContainEqual({
      code: 'first-time',
      points: 4,
      parameters: { what: 'action', action: 'DeleteTrail', actor: 'alice' },
    });
  });

  test('usual hours are learned over many batches', async () => {
    const { record } = await start();
    for (let day = 0; day < 10; day += 1) {
      const at = MONDAY_MS + day * DAY_MS;
      await record([
        match(`${day}-1`, { timeMs: at }),
        match(`${day}-2`, { timeMs: at }),
        match(`${day}-3`, { timeMs: at }),
      ]);
    }
    const [night] = await record([match('night', { timeMs: MONDAY_MS + 10 * DAY_MS + 12 * 3_600_000 })]);
    expect(night?.reasons.map(({ code }) => code)).toContain('hour');
  });

  test('a finding is read back as it was made, large numbers as text', async () => {
    const { state, record } = await start();
    const [made] = await record([match('a', {}, { outputFields: { small: 7n, large: 2n ** 60n, none: null } })]);
    const [read] = await findingsById(state.db, [made?.id ?? '', 'unknown']);
    expect(read).toEqual({ ...made, outputFields: { small: 7, large: '1152921504606846976', none: null } });
  });

  test('text that a database refuses does not stop a batch', async () => {
    const { state, record } = await start();
    const name = 'eve\u0000\ud800';
    const hostile = (id: string) =>
      match(id, {
        account: name,
        actor: sampleActor({ id: name, name }),
        userAgent: name,
        change: { before: null, after: null, request: { name } },
      });
    await record([hostile('a')], { burstKey: () => 'key' });
    const [second] = await record([hostile('b')], { burstKey: () => 'key' });
    expect(second?.reasons.map(({ code }) => code)).not.toContain('first-time');
    expect((await newestFindings(state.db, { limit: 9 }))[0]?.facts.actor.name).toBe(name);
  });

  test('a burst is found by its key and time, oldest first', async () => {
    const { state, record } = await start();
    const bob = sampleActor({ id: 'bob', name: 'bob' });
    const at = (minute: number) => ({ timeMs: MONDAY_MS + minute * 60_000 });
    await record([match('c', at(20)), match('a', at(0)), match('b', at(10)), match('x', { ...at(5), actor: bob })]);
    const found = await findingsOfBurst(state.db, 'alice', { fromMs: MONDAY_MS, toMs: MONDAY_MS + 10 * 60_000 });
    expect(found.map(({ facts }) => facts.id)).toEqual(['a', 'b']);
  });

  test('the list of all goes from newest to oldest, page by page', async () => {
    const { state, record } = await start();
    await record(['a', 'b', 'c', 'd'].map((id) => match(id, { timeMs: MONDAY_MS + (id === 'a' ? 0 : 1) })));
    const first = await newestFindings(state.db, { limit: 2 });
    const last = first.at(-1)!;
    const rest = await newestFindings(state.db, { limit: 9, before: { timeMs: last.facts.timeMs, id: last.id } });
    const ids = [...first, ...rest].map(({ facts }) => facts.id);
    expect(ids.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(ids.at(-1)).toBe('a');
  });

  test('findings are counted by the minute in which they were recorded', async () => {
    const { state, record } = await start();
    const nowMs = MONDAY_MS + 3_600_000;
    await record([match('a'), match('b')], { nowMs: nowMs - 30_000 });
    await record([match('c')], { nowMs: nowMs - 90_000 });
    expect(await countFindingsPerMinute(state.db, nowMs, 3)).toEqual([0, 1, 2]);
  });

  test('batches that overlap and are stored at once store each finding once', async () => {
    const { state, record } = await start();
    const actors = ['ann', 'ben', 'cleo'].map((name) => sampleActor({ id: name, name }));
    const all = Array.from({ length: 60 }, (_, index) => match(`${index}`, { actor: actors[index % 3]! }));
    const batches = [all.slice(0, 40), all.slice(20).reverse(), all.slice(10, 50), all.toReversed()];
    const fresh = await Promise.all(batches.map((batch) => record(batch)));
    expect(
      fresh
        .flat()
        .map(({ facts }) => facts.id)
        .sort(),
    ).toEqual(all.map(({ facts }) => facts.id).sort());
    expect(await newestFindings(state.db, { limit: 99 })).toHaveLength(60);
  });

  test('a batch that is too large is refused', async () => {
    const { record } = await start();
    await expect(record(Array.from({ length: MAXIMUM_BATCH + 1 }, () => match('a')))).rejects.toThrow('at most');
  });
});
