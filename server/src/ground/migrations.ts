/**
 * Brings a state database to the newest schema: the `.sql` files of `migrations/`, in the order of their numbers, each in a
 * transaction of its own, under one advisory lock so that servers that start together do not race.
 *
 * Forward only. A migration that was applied may never change: its checksum is kept and compared.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type Kysely, sql } from 'kysely';
import { Failure } from './failure.ts';

export interface Migration {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

const FOLDER = new URL('../migrations/', import.meta.url);
const FILE_NAME = /^\d{4}-[a-z0-9-]+\.sql$/;
/** Any number that no other program uses for its advisory lock. */
const LOCK = 0x636f756e;

/** The migrations that this version brings, in order. */
export function readMigrations(): readonly Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, FOLDER), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

/**
 * Applies what is missing. `execute` runs a whole file of statements.
 *
 * @throws Failure `schema-newer` (a newer version was here) or `schema-changed` (an applied file differs).
 */
export async function migrate(
  db: Kysely<unknown>,
  migrations: readonly Migration[] = readMigrations(),
): Promise<{ readonly applied: readonly string[] }> {
  const applied: string[] = [];
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx);
    await sql`create table if not exists migration (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`.execute(trx);
    const done = await sql<{ name: string; checksum: string }>`select name, checksum from migration`.execute(trx);
    const known = new Map(done.rows.map((row) => [row.name, row.checksum]));
    refuseUnknown(known, migrations);
    for (const migration of migrations) {
      if (known.has(migration.name)) continue;
      for (const statement of splitStatements(migration.text)) await sql.raw(statement).execute(trx);
      await sql`insert into migration (name, checksum) values (${migration.name}, ${migration.checksum})`.execute(trx);
      applied.push(migration.name);
    }
  });
  return { applied };
}

function refuseUnknown(known: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const ours = new Map(migrations.map((migration) => [migration.name, migration.checksum]));
  for (const [name, checksum] of known) {
    const expected = ours.get(name);
    if (expected === undefined) {
      throw new Failure(
        `the state database has the migration ${name}, which this version does not know: start the newer version again`,
        { code: 'schema-newer', httpStatus: 500, retryable: false, parameters: { name } },
      );
    }
    if (expected !== checksum) {
      throw new Failure(`the migration ${name} was changed after it had been applied: restore the original file`, {
        code: 'schema-changed',
        httpStatus: 500,
        retryable: false,
        parameters: { name },
      });
    }
  }
}

/** Statements end with `;` at the end of a line; bodies of functions are kept whole between `$$`. */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let current: string[] = [];
  let inBody = false;
  for (const line of text.split('\n')) {
    if (!inBody && line.trim().startsWith('--')) continue;
    current.push(line);
    if ((line.match(/\$\$/g)?.length ?? 0) % 2 === 1) inBody = !inBody;
    if (!inBody && line.trimEnd().endsWith(';')) {
      statements.push(current.join('\n').trim());
      current = [];
    }
  }
  const rest = current.join('\n').trim();
  return rest === '' ? statements : [...statements, rest];
}
