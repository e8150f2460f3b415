/** The state database: migrations go forward only, transactions are whole, a directory has one owner, and a kill loses nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, fsyncSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PGlite } from '@electric-sql/pglite';
import { type Kysely, sql } from 'kysely';
import { afterAll, afterEach, expect, test } from 'vitest';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import { silentLog } from '../../server/src/ground/log.ts';
import { migrate, readMigrations, splitStatements } from '../../server/src/ground/migrations.ts';
import { durableFiles } from '../../server/src/ground/pglite-files.ts';
import { openState, type State } from '../../server/src/ground/state.ts';
import { lockDirectory } from '../../server/src/ground/directory-lock.ts';
import { compileProgram } from '../compiled.ts';
import { describeWith } from '../data.ts';
import type { Answer } from '../journal-writer.ts';
import { freshDatabase, POSTGRES_PRESENT } from '../postgres.ts';
import { describeStates } from '../state.ts';

const opened: State[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((state) => state.close()));
});
const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'countersign-state-'));
  folders.push(made);
  return made;
};
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});
const untyped = (state: State) => state.db as unknown as Kysely<unknown>;
const openHere = async (dataDirectory: string) => {
  const state = await openState({ dataDirectory, log: silentLog });
  opened.push(state);
  return state;
};

describeStates('the state database', (open, kind) => {
  const start = async () => {
    const state = await open();
    opened.push(state);
    return state;
  };

  test('every migration is applied once and in order', async () => {
    const state = await start();
    const { rows } = await sql<{ name: string }>`select name from migration order by name`.execute(state.db);
    expect(rows.map(({ name }) => name)).toEqual(readMigrations().map(({ name }) => name));
    expect(await migrate(untyped(state))).toEqual({ applied: [] });
  });

  test('a newer schema, or a migration that was changed afterwards, is refused', async () => {
    const state = await start();
    const known = readMigrations();
    const newer = { name: '9999-newer.sql', text: 'create table newer (id int);', checksum: 'x' };
    expect(await migrate(untyped(state), [...known, newer])).toEqual({ applied: ['9999-newer.sql'] });
    await expect(migrate(untyped(state))).rejects.toMatchObject({ code: 'schema-newer' });
    const changed = [...known, { ...newer, checksum: 'y' }];
    await expect(migrate(untyped(state), changed)).rejects.toMatchObject({ code: 'schema-changed' });
  });

  test('a migration that fails leaves nothing behind', async () => {
    const state = await start();
    const broken = { name: '9998-broken.sql', text: 'create table half (id int);\nselect nothing;', checksum: 'x' };
    await expect(migrate(untyped(state), [...readMigrations(), broken])).rejects.toThrow('nothing');
    const { rows } = await sql`select 1 from pg_tables where tablename = 'half'`.execute(state.db);
    expect(rows).toEqual([]);
    expect(await migrate(untyped(state))).toEqual({ applied: [] });
  });

  test('a transaction is seen by others only when it is whole, and a failed one leaves the connection usable', async () => {
    const state = await start();
    const write = (value: string, fail: boolean) =>
      state.transaction(async (trx) => {
        await sql`insert into file_checkpoint values (${value}, 1, 1, 1)`.execute(trx);
        await sql`insert into file_checkpoint values (${`${value}-2`}, 1, 1, 1)`.execute(trx);
        if (fail) await sql`select nothing`.execute(trx);
      });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => write(`file-${index}`, index % 3 === 0)),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(4);
    const { rows } = await sql<{ n: number }>`select count(*) as n from file_checkpoint`.execute(state.db);
    expect(rows).toEqual([{ n: 16 }]);
    expect(state.kind).toBe(kind);
  });
});

describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })('servers that start together', () => {
  test('apply each migration once', async () => {
    const url = await freshDatabase();
    const states = await Promise.all(Array.from({ length: 4 }, () => openState({ url, log: silentLog })));
    opened.push(...states);
    const { rows } = await sql<{ n: number }>`select count(*) as n from migration`.execute(states[0]!.db);
    expect(rows).toEqual([{ n: readMigrations().length }]);
  });
});

test('a migration that was published is what it was: no database that has it would start with another', () => {
  const folder = new URL('../../server/src/migrations/', import.meta.url);
  const known = readFileSync(new URL('checksums.txt', folder), 'utf8');
  // New ones are added with `sha256sum`; a line that is there never changes.
  expect(
    readMigrations()
      .map(({ name, checksum }) => `${checksum}  ${name}\n`)
      .join(''),
  ).toBe(known);
});

test('a server that cannot be reached is said so, without its password', async () => {
  const opening = openState({ url: 'postgres://user:hidden-word@127.0.0.1:1/x', log: silentLog });
  await expect(opening).rejects.toMatchObject({ code: 'state-unreachable', retryable: true });
  await expect(opening).rejects.not.toThrow('hidden-word');
});

test('a directory that another process uses is refused, and so is a second opening in this one', async () => {
  const directory = folder();
  const file = join(directory, 'state.lock');
  const lock = await lockDirectory(directory);
  const refused = { code: 'state-in-use', message: expect.stringContaining(directory) };
  await expect(openState({ dataDirectory: directory, log: silentLog })).rejects.toMatchObject(refused);
  lock.release();
  expect(existsSync(file)).toBe(false);
  writeFileSync(file, String(process.ppid));
  await expect(openState({ dataDirectory: directory, log: silentLog })).rejects.toMatchObject(refused);
});

test.each([
  '',
  'garbage',
  '999999999',
  '-1',
  `${process.pid} former`,
  `${process.ppid} former-boot:1`,
])('a lock that says %j belongs to nobody and is taken over', async (text) => {
  const directory = folder();
  const file = join(directory, 'state.lock');
  writeFileSync(file, text);
  const lock = await lockDirectory(directory);
  expect(readFileSync(file, 'utf8').startsWith(`${process.pid} `)).toBe(true);
  lock.release();
});

test('a commit on PGlite waits for the disk, and nobody else can read the files', async () => {
  const directory = join(folder(), 'pglite');
  let synced = 0;
  const files = durableFiles(directory, (descriptor) => {
    synced += 1;
    fsyncSync(descriptor);
  });
  const pglite = await PGlite.create(files.options);
  files.finish();
  await pglite.exec('create table one (x int)');
  const before = synced;
  for (let index = 0; index < 3; index += 1) await pglite.query('insert into one values (1)');
  expect(synced).toBeGreaterThanOrEqual(before + 3);
  await pglite.close();
  expect(statSync(directory).mode & 0o077).toBe(0);
});

test('what was committed is there after kill -9, again and again, and the journal verifies', async () => {
  const program = await compileProgram('test/journal-writer.ts');
  folders.push(program);
  const directory = folder();
  let answered = 0;
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    answered = await readUntilKilled(child, 5 + round * 7);
  }
  const state = await openHere(directory);
  const verification = await verifyJournal(state);
  expect(verification).toMatchObject({ ok: true, faults: [] });
  // The last commit may have been killed before it was answered.
  expect(verification.entries).toBeGreaterThanOrEqual(answered);
  expect(verification.entries).toBeLessThanOrEqual(answered + 1);
}, 120_000);

/** Kills the child after `count` answers; the last sequence that it answered. */
async function readUntilKilled(child: ChildProcess, count: number): Promise<Answer> {
  let last: Answer = 0;
  let seen = 0;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    last = Number(line);
    seen += 1;
    if (seen === count) child.kill('SIGKILL');
  });
  await once(child, 'close');
  expect(seen).toBeGreaterThanOrEqual(count);
  return last;
}

test('statements are cut at their ends, never inside the body of a function', () => {
  const text =
    '-- comment;\ncreate table a (\n  -- why\n  x int\n);\ncreate function f() as $$\nbegin\n  x;\nend\n$$;\nselect 1';
  expect(splitStatements(text)).toEqual([
    'create table a (\n  x int\n);',
    'create function f() as $$\nbegin\n  x;\nend\n$$;',
    'select 1',
  ]);
});
