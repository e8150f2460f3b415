/** Cases on every state database: one transaction for everything, one case a burst, work that two workers never share. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { burstKey } from '../../server/src/cases/burst.ts';
import type { CaseInput } from '../../server/src/cases/case.ts';
import { conductFindings, conductInput } from '../../server/src/cases/conduct.ts';
import { consoleChannel, type PageChannel } from '../../server/src/cases/page/page.ts';
import { lookForLeavers } from '../../server/src/cases/leavers.ts';
import { createSqlStore, unitOf } from '../../server/src/cases/sql-store.ts';
import { type WorkerOptions, workOnce } from '../../server/src/cases/worker.ts';
import type { Match } from '../../server/src/findings/enrich.ts';
import { recordMatches } from '../../server/src/findings/store.ts';
import { ManualClock } from '../../server/src/ground/clock.ts';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import { silentLog } from '../../server/src/ground/log.ts';
import { readMigrations } from '../../server/src/ground/migrations.ts';
import { seededRandom } from '../../server/src/ground/random.ts';
import type { State } from '../../server/src/ground/state.ts';
import { sampleConduct, samplePlanner } from '../sample-case.ts';
import { MONDAY_MS, sampleFacts } from '../sample-finding.ts';
import { describeStates } from '../state.ts';

const ALICE = { id: 'alice', name: 'Alice' };
const conduct = sampleConduct(ALICE);
const planner = samplePlanner({ channels: ['console', 'pager'] });
const loadPlanner = async () => planner;
const change = (nowMs: number) => ({ followers: [], nowMs });

const match = (id: string, risk: number): Match => ({
  rule: 'Trail stopped',
  priority: 'Critical',
  tags: [],
  techniques: ['T1685.002'],
  risk,
  facts: sampleFacts({ id, timeMs: MONDAY_MS }),
  output: '',
  outputFields: {},
});

/** Records and conducts in one transaction, as the pipeline does. */
async function take(state: State, one: Match, nowMs = MONDAY_MS): Promise<string | null> {
  return state.transaction(async (trx) => {
    const options = { accounts: new Map(), isKnownPerson: () => null, burstKey, nowMs };
    const findings = await recordMatches(trx, [one], options);
    const [first] = findings;
    if (first === undefined) return null;
    return (
      (
        await conductFindings(unitOf(trx, loadPlanner), burstKey(first), findings, {
          ...conduct,
          nowMs,
          receivedMs: nowMs,
        })
      )?.id ?? null
    );
  });
}

function workerOf(state: State, clock: ManualClock, pager: PageChannel, name = 'worker'): WorkerOptions {
  return {
    store: createSqlStore(state, loadPlanner),
    channels: new Map([consoleChannel, pager].map((channel) => [channel.name, channel])),
    followers: new Map(),
    ask: async () => ({ type: 'delivered' }),
    prove: async () => null,
    caseUrl: (id) => id,
    clock,
    random: seededRandom(1),
    log: silentLog,
    name,
  };
}

describeStates('the case store', (open, kind) => {
  test('what fails in the middle leaves no case, no effect and no journal entry', async () => {
    const state = await open();
    const failing = state.transaction(async (trx) => {
      const findings = await recordMatches(trx, [match('e1', 90)], {
        accounts: new Map(),
        isKnownPerson: () => null,
        burstKey,
        nowMs: MONDAY_MS,
      });
      const first = findings[0]!;
      await conductFindings(unitOf(trx, loadPlanner), burstKey(first), findings, {
        ...conduct,
        nowMs: MONDAY_MS,
        receivedMs: MONDAY_MS,
      });
      throw new Error('crash');
    });
    await expect(failing).rejects.toThrow('crash');
    expect(await verifyJournal(state)).toMatchObject({ entries: 0 });
    expect(await createSqlStore(state, loadPlanner).nextDueMs()).toBeNull();
    await state.close();
  });

  test('findings of one burst that come at the same time make one case', async () => {
    const state = await open();
    const taken = await Promise.all(Array.from({ length: 6 }, (_, index) => take(state, match(`e${index}`, 60))));
    expect(new Set(taken).size).toBe(1);
    const found = await createSqlStore(state, loadPlanner).transact((unit) => unit.loadCase(taken[0] ?? ''));
    expect(found).toMatchObject({ state: 'asked' });
    expect(found?.findingIds).toHaveLength(6);
    expect(await take(state, match('e0', 60))).toBeNull();
    await state.close();
  });

  test('a page can be acknowledged whatever was answered before, and who holds it is found when they leave', async () => {
    const state = await open();
    const caseId = (await take(state, match('e1', 60))) ?? '';
    const store = createSqlStore(state, loadPlanner);
    const no = { type: 'answered-no', by: ALICE, reason: 'half a character: \ud800' } as const;
    await store.transact((unit) => conductInput(unit, caseId, no, change(MONDAY_MS + 1)));
    const holder = { id: 'bob', name: 'Bob' };
    const held = await store.transact((unit) =>
      conductInput(unit, caseId, { type: 'acknowledged', by: holder }, change(MONDAY_MS + 2)),
    );
    expect(held).toMatchObject({ outcome: 'done', case: { state: 'acknowledged' } });
    await sql`insert into person (id, email, name, role, language, configured, disabled_ms, created_ms)
      values ('bob', 'bob@example.com', 'Bob', 'responder', 'en', false, ${MONDAY_MS}, ${MONDAY_MS})`.execute(state.db);
    const conducted: unknown[] = [];
    const look = () =>
      lookForLeavers({
        state,
        cases: { conduct: async (...given) => (conducted.push(given), null) },
        ...{ clock: new ManualClock(MONDAY_MS), log: silentLog },
      });
    await look();
    expect(conducted).toEqual([[caseId, { type: 'person-left', person: holder }]]);
    const back = { type: 'unacknowledged', by: holder } as const;
    await store.transact((unit) => conductInput(unit, caseId, back, change(MONDAY_MS + 3)));
    expect(await look()).toBe(0);
    await state.close();
  });

  test('a case that cannot go on without somebody who left is told of, and holds up none of the others', async () => {
    const state = await open();
    const actors = ['one', 'two', 'three'].map((id) => ({ ...sampleFacts({}).actor, id }));
    const ids: string[] = [];
    for (const [index, actor] of actors.entries()) {
      const { facts, ...rest } = match(`e${index}`, 60);
      ids.push((await take(state, { ...rest, facts: { ...facts, actor } }, MONDAY_MS + index)) ?? '');
    }
    expect(new Set(ids).size).toBe(3);
    await sql`insert into person (id, email, name, role, language, configured, disabled_ms, created_ms)
      values ('alice', 'alice@example.com', 'Alice', 'responder', 'en', false, ${MONDAY_MS}, ${MONDAY_MS})`.execute(
      state.db,
    );
    const [tried, told]: [string[], unknown[]] = [[], []];
    const gone = await lookForLeavers({
      state,
      cases: {
        conduct: async (caseId) => {
          tried.push(caseId);
          if (tried.length === 1) throw new Error('no way');
          return null;
        },
      },
      ...{ clock: new ManualClock(MONDAY_MS), log: { ...silentLog, error: (_text, fields) => void told.push(fields) } },
    });
    expect(tried).toEqual(ids.toSorted());
    expect(gone).toBe(2);
    expect(told).toMatchObject([{ caseId: tried[0], person: 'alice', error: { message: 'no way' } }]);
    await state.close();
  });

  test('who held a page before there was a column for it is found in its document', async () => {
    const state = await open();
    const caseId = (await take(state, match('e1', 90))) ?? '';
    const text = '"acknowledgedBy":{"id":"mallory"}';
    const held = { decoy: text, half: '\ud800', acknowledgedBy: { id: 'bob', name: 'Bob' } };
    await sql`update case_record set state = 'acknowledged', document = ${JSON.stringify(held)}`.execute(state.db);
    await sql`drop index case_by_holder`.execute(state.db);
    await sql`alter table case_record drop column holder_id`.execute(state.db);
    await sql`create index case_by_holder on case_record (id)`.execute(state.db);
    const migration = readMigrations().find(({ name }) => name.startsWith('0033'));
    for (const statement of (migration?.text ?? '').replace(/^--.*$/gm, '').split(';'))
      if (statement.trim() !== '') await sql.raw(statement).execute(state.db);
    const { rows } = await sql<{ id: string; holder_id: string }>`select id, holder_id from case_record`.execute(
      state.db,
    );
    expect(rows).toEqual([{ id: caseId, holder_id: 'bob' }]);
    await state.close();
  });

  test('a confirmed case never covers a later change', async () => {
    const state = await open();
    const first = await take(state, match('e1', 60));
    const store = createSqlStore(state, loadPlanner);
    const digest = (await store.transact((unit) => unit.loadCase(first ?? '')))?.digest ?? '';
    const answer = { type: 'answered-yes', by: ALICE, reason: 'mine', proof: { factor: 'totp', digest } } as const;
    const result = await store.transact((unit) => conductInput(unit, first ?? '', answer, change(MONDAY_MS + 1)));
    expect(result).toMatchObject({ outcome: 'done', case: { state: 'confirmed' } });
    const second = await take(state, match('e2', 60), MONDAY_MS + 2);
    expect(second).not.toBe(first);
    expect(second).not.toBeNull();
    await state.close();
  });

  test('silence pages at the deadline, on every channel, and a pager that is down gets it later', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    let down = true;
    const delivered: string[] = [];
    const pager: PageChannel = {
      name: 'pager',
      deliver: async ({ dedupKey }) => {
        if (down) return { type: 'failed', failure: 'down', afterMs: null };
        delivered.push(dedupKey);
        return { type: 'delivered' };
      },
    };
    const id = await take(state, match('e1', 60));
    const worker = workerOf(state, clock, pager);
    const work = async () => {
      while ((await workOnce(worker)) > 0);
    };
    await work();
    clock.advance(31 * 60_000);
    await work();
    expect(await worker.store.transact((unit) => unit.loadCase(id ?? ''))).toMatchObject({
      state: 'paged',
      cause: 'expired',
    });
    expect(delivered).toEqual([]);
    down = false;
    clock.advance(2 * 60_000);
    await work();
    expect(delivered).toEqual([`countersign-${id}`]);
    expect(await verifyJournal(state)).toMatchObject({ ok: true });
    await state.close();
  });

  test('an hour without a pager ends in one page, and what is true no longer is not told when it comes back', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    let down = true;
    const told: string[] = [];
    const pager: PageChannel = {
      name: 'pager',
      deliver: async ({ action, pageNumber }) => {
        if (down) return { type: 'failed', failure: 'down', afterMs: null };
        told.push(`${action}:${pageNumber}`);
        return { type: 'delivered' };
      },
    };
    const id = (await take(state, match('e1', 90))) ?? '';
    const worker = workerOf(state, clock, pager);
    const wait = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute += 1) {
        while ((await workOnce(worker)) > 0);
        clock.advance(60_000);
      }
    };
    const does = (input: CaseInput) =>
      worker.store.transact((unit) => conductInput(unit, id, input, change(clock.nowMs())));
    await wait(58);
    down = false;
    await wait(2);
    expect(told).toEqual(['trigger:12']);
    down = true;
    await does({ type: 'resolved', by: ALICE, note: '' });
    await wait(2);
    await does({ type: 'reopened', by: ALICE, why: '' });
    down = false;
    await wait(3);
    expect(told.slice(1).every((what) => what.startsWith('trigger'))).toBe(true);
    expect(told.length).toBeGreaterThan(1);
    await state.close();
  });

  test('a channel hears of one case in order: the acknowledgement waits for the page that is on its way', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    const told: string[] = [];
    let answer: (() => void) | null = null;
    const pager: PageChannel = {
      name: 'pager',
      deliver: async ({ action }) => {
        if (action === 'trigger') await new Promise<void>((resolve) => (answer = resolve));
        told.push(action);
        return { type: 'delivered' };
      },
    };
    const id = (await take(state, match('e1', 90))) ?? '';
    const [one, other] = ['one', 'other'].map((name) => workerOf(state, clock, pager, name));
    if (one === undefined || other === undefined) throw new Error('two workers');
    const slow = workOnce(one);
    while (answer === null) await new Promise((resolve) => setTimeout(resolve, 5));
    await one.store.transact((unit) =>
      conductInput(unit, id, { type: 'acknowledged', by: ALICE }, change(clock.nowMs())),
    );
    await workOnce(other);
    expect(told).toEqual([]);
    (answer as () => void)();
    await slow;
    clock.advance(2_000);
    await workOnce(other);
    expect(told).toEqual(['trigger', 'acknowledge']);
    await state.close();
  });

  test('two workers never perform the same effect', async () => {
    const state = await open();
    const clock = new ManualClock(MONDAY_MS);
    const delivered: string[] = [];
    const pager: PageChannel = {
      name: 'pager',
      deliver: async ({ dedupKey, pageNumber }) => {
        delivered.push(`${dedupKey}:${pageNumber}`);
        return { type: 'delivered' };
      },
    };
    for (let index = 0; index < 5; index += 1)
      await take(state, {
        ...match(`w${index}`, 90),
        facts: sampleFacts({ id: `w${index}`, timeMs: MONDAY_MS + index * 86_400_000 }),
      });
    const workers = ['one', 'two', 'three'].map((name) => workerOf(state, clock, pager, name));
    await Promise.all(workers.map((worker) => workOnce(worker)));
    expect(delivered).toHaveLength(new Set(delivered).size);
    expect(delivered.length, kind).toBe(5);
    await state.close();
  });
});
