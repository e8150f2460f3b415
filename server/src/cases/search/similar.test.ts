/** What a case shares with another, and what somebody had found of that one. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleConduct, samplePlanner } from '../../../../test/sample-case.ts';
import { MONDAY_MS, sampleActor, sampleFacts } from '../../../../test/sample-finding.ts';
import { openTestPglite } from '../../../../test/state.ts';
import type { Match } from '../../findings/enrich.ts';
import { recordMatches } from '../../findings/store.ts';
import type { State } from '../../ground/state.ts';
import { burstKey } from '../burst.ts';
import { conductFindings, conductInput } from '../conduct.ts';
import { createSqlStore, unitOf } from '../sql-store.ts';
import { similarCases } from './similar.ts';

const ANN = { id: 'ann', name: 'Ann' };
const loadPlanner = async () => samplePlanner({ channels: ['console'] });
const conduct = sampleConduct(null);
let state: State;
let count = 0;

beforeAll(async () => {
  state = await openTestPglite();
}, 120_000);
afterAll(() => state?.close());

/** @returns the id of a case of one finding. */
async function open(rule: string, about: { actor?: string; resource?: string; account: string }): Promise<string> {
  count += 1;
  const nowMs = MONDAY_MS + count * 86_400_000;
  const { actor = '', resource, account } = about;
  const facts = sampleFacts({
    ...{
      id: `event-${count}`,
      timeMs: nowMs,
      account,
      actor: sampleActor({ id: actor, name: actor, sessionKey: '' }),
    },
    resources: resource === undefined ? [] : [{ type: 'AWS::S3::Bucket', id: resource }],
  });
  const match: Match = {
    ...{ rule, priority: 'Critical', tags: [], techniques: [], risk: 90, facts, output: '', outputFields: {} },
  };
  return state.transaction(async (trx) => {
    const options = { accounts: new Map(), isKnownPerson: () => null, burstKey, nowMs };
    const [finding] = await recordMatches(trx, [match], options);
    if (finding === undefined) throw new Error('no finding');
    const given = { ...conduct, nowMs, receivedMs: nowMs };
    const opened = await conductFindings(unitOf(trx, loadPlanner), burstKey(finding), [finding], given);
    return opened?.id ?? '';
  });
}

const likeIt = async (id: string) => (await similarCases(state, id))?.map((one) => [one.id, one.shared]);

test('a case without actors and resources shares none with anybody, whatever they are called', async () => {
  const other = await open('Bucket opened', { actor: 'nothing-at-all', resource: 'nothing-at-all', account: '1' });
  const bare = await open('Trail stopped', { account: '2' });
  expect(await likeIt(bare)).toEqual([]);
  const same = await open('Trail stopped', { account: '2', actor: 'nothing-at-all' });
  expect(await likeIt(bare)).toEqual([[same, ['rule', 'account']]]);
  expect(await likeIt(same)).toEqual(
    expect.arrayContaining([
      [bare, ['rule', 'account']],
      [other, ['actor']],
    ]),
  );
});

test('what somebody had found of it is told, however much happened before and after', async () => {
  const old = await open('Key made', { actor: 'deployer', account: '3' });
  const store = createSqlStore(state, loadPlanner);
  const change = { followers: [], nowMs: MONDAY_MS + 1 };
  const resolve = (note: string) =>
    store.transact((unit) => conductInput(unit, old, { type: 'resolved', by: ANN, note }, change));
  await resolve('nobody knows');
  await store.transact((unit) => conductInput(unit, old, { type: 'reopened', by: ANN, why: '' }, change));
  await sql`insert into journal (sequence, time_ms, kind, case_id, actor, parameters, previous_hash, hash)
    select entries + number, 0, 'note-added', ${old}, null, '{}', '', 'made ' || number
    from journal_head, generate_series(1, 1100) as number`.execute(state.db);
  await sql`update journal_head set entries = entries + 1100`.execute(state.db);
  await resolve('a planned move');
  const again = await open('Key made', { actor: 'deployer', account: '3' });
  expect(await similarCases(state, again)).toMatchObject([
    { id: old, state: 'resolved', resolution: { by: ANN, note: 'a planned move' } },
  ]);
});
