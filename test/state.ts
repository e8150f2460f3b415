/**
 * Runs one body of tests against every state database: PGlite, and a real PostgreSQL where it is installed.
 *
 * Starting and migrating PGlite costs a second, so a migrated directory is dumped once a process and loaded for each test.
 */
import { describe } from 'vitest';
import { PGlite } from '@electric-sql/pglite';
import { type Log, silentLog } from '../server/src/ground/log.ts';
import { openState, type State } from '../server/src/ground/state.ts';
import { readMigrations } from '../server/src/ground/migrations.ts';
import { describeWith } from './data.ts';
import { freshDatabase, POSTGRES_PRESENT } from './postgres.ts';

export type OpenTestState = (log?: Log) => Promise<State>;

/** `open` gives a fresh, migrated database each time; the body closes it. */
export function describeStates(title: string, body: (open: OpenTestState, kind: State['kind']) => void): void {
  describe(`${title} (PGlite)`, () => body(openTestPglite, 'pglite'));
  describeWith({ name: 'PostgreSQL', present: POSTGRES_PRESENT })(`${title} (PostgreSQL)`, () =>
    body(openTestPostgres, 'postgresql'),
  );
}

export async function openTestPostgres(log: Log = silentLog): Promise<State> {
  return openState({ url: await freshDatabase(), log });
}

let dump: Promise<Blob> | null = null;

export async function openTestPglite(log: Log = silentLog): Promise<State> {
  dump ??= dumpMigrated();
  return openState({ loadDump: await dump, log });
}

async function dumpMigrated(): Promise<Blob> {
  const pglite = await PGlite.create();
  await pglite.exec(`create table migration (
    name text primary key, checksum text not null, applied_at timestamptz not null default now()
  )`);
  for (const { name, text, checksum } of readMigrations()) {
    await pglite.exec(text);
    await pglite.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum]);
  }
  const blob = await pglite.dumpDataDir('none');
  await pglite.close();
  return blob;
}
