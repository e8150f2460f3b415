/** The words of a case stay within what the database takes, and an old case gets all of its words once. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { MONDAY_MS, sampleFacts } from '../../../../test/sample-finding.ts';
import { openTestPglite } from '../../../../test/state.ts';
import { recordMatches } from '../../findings/store.ts';
import type { State } from '../../ground/state.ts';
import { indexCase } from './index-case.ts';
import { indexSome } from './indexing.ts';

const options = { accounts: new Map(), isKnownPerson: () => null, burstKey: () => 'burst', nowMs: MONDAY_MS };

/** @returns the ids of new findings, with resources of these names. */
async function record(state: State, names: readonly (readonly string[])[]): Promise<readonly string[]> {
  const matches = names.map((ids, index) => ({
    ...{
      rule: 'Trail stopped',
      priority: 'Critical',
      tags: [],
      techniques: [],
      risk: 50,
      output: '',
      outputFields: {},
    },
    facts: sampleFacts({
      id: `event-${index}`,
      timeMs: MONDAY_MS + index,
      resources: ids.map((id) => ({ type: 'AWS::CloudTrail::Trail', id })),
    }),
  }));
  const found = await state.transaction((trx) => recordMatches(trx, matches as never, options));
  return found.map(({ id }) => id);
}

async function keep(state: State, findingIds: readonly string[]) {
  const found = { id: 'case-1', person: null, findingIds, times: {} };
  await sql`insert into case_record (id, burst_key, state, version, risk, first_ms, last_ms, opened_ms, updated_ms, drill, document)
    values ('case-1', 'burst', 'paged', 1, 1, 0, 0, 0, 0, false, ${JSON.stringify(found)})
    on conflict (id) do update set document = excluded.document`.execute(state.db);
  return found;
}

async function wordsOf(state: State): Promise<readonly string[] | null> {
  const { rows } = await sql<{ words: string[] | null }>`
    select case when words is null then null else tsvector_to_array(words) end as words from case_record`.execute(
    state.db,
  );
  return rows[0]?.words ?? null;
}

test('a burst of the longest names can be taken to its end', async () => {
  const state = await openTestPglite();
  const name = (finding: number, index: number) => `${'界'.repeat(190)}${finding}x${index}`;
  const names = Array.from({ length: 200 }, (_, finding) =>
    Array.from({ length: 20 }, (_, index) => name(finding, index)),
  );
  const ids = await record(state, names);
  expect(ids).toHaveLength(200);
  for (let count = 1; count <= ids.length; count += 1) {
    const found = await keep(state, ids.slice(0, count));
    const added = ids.slice(count - 1, count);
    await state.transaction((trx) => indexCase(trx, found, { added, isNew: count === 1 }));
  }
  const words = await wordsOf(state);
  expect(words).toContain(name(0, 0));
  expect(words).toContain(name(50, 0));
  await state.close();
}, 60_000);

test.each([
  [0],
  [150],
  [300],
  [450],
])('an old case with %d findings gets its words once, and all of them', async (count) => {
  const state = await openTestPglite();
  const ids = await record(
    state,
    Array.from({ length: count }, (_, index) => [`trail-${index}`]),
  );
  await keep(state, ids);
  expect(await indexSome(state, 50)).toBe(1);
  expect(await indexSome(state, 50)).toBe(0);
  const words = await wordsOf(state);
  for (let index = 0; index < Math.min(count, 60); index += 1) expect(words).toContain(`trail-${index}`);
  await state.close();
});

test('an old case that takes a finding is still found by its older ones', async () => {
  const state = await openTestPglite();
  const ids = await record(state, [['trail-old'], ['trail-new']]);
  const found = await keep(state, ids);
  await state.transaction((trx) => indexCase(trx, found, { added: ids.slice(1), isNew: false }));
  expect(await wordsOf(state)).toBeNull();
  expect(await indexSome(state, 50)).toBe(1);
  expect(await wordsOf(state)).toEqual(expect.arrayContaining(['trail-old', 'trail-new']));
  await state.close();
});
