/** The journal on every state database: what it refuses, and what `verify` finds when somebody got around it. */
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { appendJournal, journalOfCase, verifyJournal } from '../../server/src/ground/journal.ts';
import type { State } from '../../server/src/ground/state.ts';
import { describeStates } from '../state.ts';

async function write(state: State, count: number): Promise<void> {
  for (let index = 1; index <= count; index += 1) {
    await state.transaction((trx) =>
      appendJournal(trx, {
        kind: 'test',
        caseId: index % 2 === 0 ? 'even' : null,
        actor: null,
        parameters: { z: index, a: { text: 'é "quoted"', list: [1, 2.5, null, true] } },
        timeMs: 1_700_000_000_000 + index,
      }),
    );
  }
}

/** Changes rows as somebody with full rights on the database would. */
async function tamper(state: State, statement: string): Promise<void> {
  await sql`alter table journal disable trigger user`.execute(state.db);
  await sql.raw(statement).execute(state.db);
  await sql`alter table journal enable trigger user`.execute(state.db);
}

describeStates('the journal', (open) => {
  test('an untouched journal verifies and tells its length and head', async () => {
    const state = await open();
    expect(await verifyJournal(state)).toEqual({ ok: true, entries: 0, head: '0'.repeat(64), faults: [] });
    await write(state, 5);
    const verification = await verifyJournal(state);
    expect(verification).toMatchObject({ ok: true, entries: 5 });
    expect(verification.head).toMatch(/^[0-9a-f]{64}$/);
    await state.close();
  });

  test('an entry that was rolled back leaves no hole', async () => {
    const state = await open();
    await write(state, 2);
    const failing = state.transaction(async (trx) => {
      await appendJournal(trx, { kind: 'lost', caseId: null, actor: null, parameters: {}, timeMs: 1 });
      throw new Error('crash');
    });
    await expect(failing).rejects.toThrow('crash');
    await write(state, 1);
    expect(await verifyJournal(state)).toMatchObject({ ok: true, entries: 3 });
    await state.close();
  });

  test('entries can be neither changed, deleted nor truncated', async () => {
    const state = await open();
    await write(state, 1);
    for (const statement of [`update journal set kind = 'x'`, 'delete from journal', 'truncate journal']) {
      await expect(sql.raw(statement).execute(state.db)).rejects.toThrow('append-only');
    }
    await state.close();
  });

  test.each([
    ['an altered parameter', `update journal set parameters = '{"z":99}' where sequence = 3`, 3, 'altered'],
    ['another actor', `update journal set actor = 'p2' where sequence = 4`, 4, 'altered'],
    ['a head that was set back', 'update journal_head set entries = 4', 5, 'beyond-head'],
    ['a head that is gone', 'delete from journal_head', 0, 'head-missing'],
    ['an altered time', 'update journal set time_ms = time_ms + 1 where sequence = 2', 2, 'altered'],
    ['an entry taken out of the middle', 'delete from journal where sequence = 3', 3, 'missing'],
    ['the first entry taken out', 'delete from journal where sequence = 1', 1, 'missing'],
    ['the tail cut off', 'delete from journal where sequence >= 4', 4, 'missing'],
    [
      'two entries swapped',
      'update journal set sequence = case sequence when 2 then -3 when 3 then -2 end where sequence in (2, 3)',
      2,
      'missing',
    ],
    [
      'an entry put in again',
      'insert into journal select 6, time_ms, kind, case_id, actor, parameters, previous_hash, hash from journal where sequence = 5',
      6,
      'broken-chain',
    ],
  ])('verify finds %s', async (_what, statement, sequence, fault) => {
    const state = await open();
    await write(state, 5);
    await tamper(state, statement);
    if (statement.includes('then -3'))
      await tamper(state, 'update journal set sequence = -sequence where sequence < 0');
    const verification = await verifyJournal(state);
    expect(verification.ok).toBe(false);
    const expected = statement.includes('then -3') ? { sequence: 2, fault: 'broken-chain' } : { sequence, fault };
    expect(verification.faults[0]).toEqual(expected);
    await state.close();
  });

  test('a journal that was cut and given a fitting head is found by its anchor alone', async () => {
    const state = await open();
    await write(state, 5);
    const { entries, head } = await verifyJournal(state);
    await tamper(state, 'delete from journal where sequence = 5');
    await tamper(state, 'update journal_head set entries = 4, hash = (select hash from journal where sequence = 4)');
    expect(await verifyJournal(state)).toMatchObject({ ok: true, entries: 4 });
    expect(await verifyJournal(state, { entries, hash: head })).toMatchObject({
      ok: false,
      faults: [{ sequence: 5, fault: 'missing' }],
    });
    await write(state, 2);
    const grown = await verifyJournal(state, { entries, hash: head });
    expect(grown.faults).toEqual([{ sequence: 5, fault: 'anchor-differs' }]);
    await state.close();
  });

  test('text that a log may contain is kept as it is', async () => {
    const state = await open();
    const parameters = {
      text: 'a\0b \ud800 \u2028 "\\',
      big: 1e21,
      nothing: null,
      nested: { b: 1, a: [{ d: 1, c: 2 }] },
    };
    await state.transaction((trx) =>
      appendJournal(trx, { kind: 'test', caseId: 'c', actor: null, parameters, timeMs: 1 }),
    );
    expect((await journalOfCase(state, 'c', 10))[0]?.parameters).toEqual(parameters);
    expect(await verifyJournal(state)).toMatchObject({ ok: true });
    await state.close();
  });

  test('writers at the same time make one chain', async () => {
    const state = await open();
    await Promise.all(Array.from({ length: 8 }, () => write(state, 5)));
    expect(await verifyJournal(state)).toMatchObject({ ok: true, entries: 40 });
    await state.close();
  });
});
