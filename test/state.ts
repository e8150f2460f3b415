/**
 * Runs one body of tests against every state database: PGlite, and a real PostgreSQL where it is installed.
 *
 * Starting and migrating PGlite costs a second, so a migrated directory is dumped once a process and loaded for each test.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { describe } from 'vitest';
import { PGlite } from '@electric-sql/pglite';
import { type Log, silentLog } from '../server/src/ground/log.ts';
import { openState, type State } from '../server/src/ground/state.ts';
import { type Migration, readMigrations } from '../server/src/ground/migrations.ts';
import { describeWith } from './data.ts';
import { freshDatabase, POSTGRES_PRESENT } from './postgres.ts';

const PGLITE_PACKAGE = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'));
const CACHE = fileURLToPath(new URL('../.build/test/', import.meta.url));

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

/** For tests of intake that share one database: as if nothing had ever come. */
export async function emptyIntake(state: State): Promise<void> {
  await sql`truncate inbox, malformed, intake, account_heard, intake_trouble, trail_object, trail_digest, trail_queue`.execute(
    state.db,
  );
}

let dump: Promise<Blob> | null = null;

export async function openTestPglite(log: Log = silentLog): Promise<State> {
  dump ??= dumpMigrated();
  return openState({ loadDump: await dump, log });
}

/** Kept on disk between test files, by what it was made from. */
async function dumpMigrated(): Promise<Blob> {
  const migrations = readMigrations();
  const key = createHash('sha256');
  for (const { name, checksum } of migrations) key.update(`${name} ${checksum}\n`);
  const { version } = JSON.parse(readFileSync(PGLITE_PACKAGE, 'utf8')) as { version: string };
  const file = join(CACHE, `pglite-${version}-${key.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(file)) return new Blob([readFileSync(file)]);
  const blob = await makeDump(migrations);
  mkdirSync(CACHE, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, Buffer.from(await blob.arrayBuffer()));
  renameSync(draft, file);
  return blob;
}

async function makeDump(migrations: readonly Migration[]): Promise<Blob> {
  const pglite = await PGlite.create();
  await pglite.exec(`create table migration (
    name text primary key, checksum text not null, applied_at timestamptz not null default now()
  )`);
  for (const { name, text, checksum } of migrations) {
    await pglite.exec(text);
    await pglite.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum]);
  }
  const blob = await pglite.dumpDataDir('none');
  await pglite.close();
  return blob;
}
