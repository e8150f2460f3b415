/**
 * The state database: PostgreSQL always. PGlite inside this process by default, a server when a URL is given; the same SQL
 * and the same migrations.
 *
 * A PGlite directory belongs to one process. A second one would corrupt it, so a lock file with the owner's pid guards
 * it; the lock of a process that was killed is taken over.
 */
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { lockDirectory } from './directory-lock.ts';
import { Failure } from './failure.ts';
import { journaled } from './journal.ts';
import type { Log } from './log.ts';
import { migrate } from './migrations.ts';
import { pgliteDialect } from './pglite-dialect.ts';
import { durableFiles } from './pglite-files.ts';
import type { GroundTables } from './tables.ts';

export type StateTransaction = Transaction<GroundTables>;

export interface State {
  readonly kind: 'pglite' | 'postgresql';
  /** Rooms to the right add their tables with `db.withTables<…>()`. */
  readonly db: Kysely<GroundTables>;
  transaction<T>(body: (trx: StateTransaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface StateOptions {
  /** `postgres://…`; wins over `dataDirectory`. */
  readonly url?: string | undefined;
  /** Where PGlite keeps its files; in memory when neither is given. */
  readonly dataDirectory?: string | undefined;
  /** A dump of a migrated PGlite, to start from: for tests. */
  readonly loadDump?: Blob | undefined;
  readonly log: Log;
}

const INT8 = 20;
const MOST_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens and migrates.
 *
 * @throws Failure `state-unreachable`, `state-in-use`, `schema-newer`, `schema-changed`.
 */
export async function openState(options: StateOptions): Promise<State> {
  const state = options.url === undefined ? await openPglite(options) : openPostgres(options.url, options.log);
  try {
    await migrate(state.db as unknown as Kysely<unknown>);
  } catch (error) {
    await state.close();
    if (error instanceof Failure) throw error;
    throw new Failure(`the state database cannot be used: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'state-unreachable',
      httpStatus: 503,
      retryable: true,
      cause: error,
    });
  }
  return state;
}

function openPostgres(url: string, log: Log): State {
  const pool = new pg.Pool({
    connectionString: url,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types: { getTypeParser: ((oid: number, format: 'text') => parserOf(oid, format)) as typeof pg.types.getTypeParser },
  });
  // An idle connection that breaks is replaced by the pool; the next query tells whether the server is back.
  pool.on('error', (error) => log.warn('a connection to the state database broke', { error }));
  return stateOf(
    'postgresql',
    new Kysely<GroundTables>({ dialect: new PostgresDialect({ pool }) }),
    async () => undefined,
  );
}

/** Counters and times fit 53 bits; `int8` comes as a number on both databases. */
function parserOf(oid: number, format: 'text'): (text: string) => unknown {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, format);
}

async function openPglite(options: StateOptions): Promise<State> {
  const lock = options.dataDirectory === undefined ? null : await lockDirectory(options.dataDirectory);
  try {
    const files = options.dataDirectory === undefined ? null : durableFiles(join(options.dataDirectory, 'pglite'));
    const pglite = await PGlite.create({
      ...files?.options,
      ...(options.loadDump === undefined ? {} : { loadDataDir: options.loadDump }),
      parsers: { [INT8]: Number },
    });
    files?.finish();
    return stateOf('pglite', new Kysely<GroundTables>({ dialect: pgliteDialect(pglite) }), async () => {
      await pglite.close();
      lock?.release();
    });
  } catch (error) {
    lock?.release();
    throw error;
  }
}

function stateOf(kind: State['kind'], db: Kysely<GroundTables>, closeEngine: () => Promise<void>): State {
  return {
    kind,
    db,
    transaction: (body) => db.transaction().execute((trx) => journaled(trx, body)),
    close: async () => {
      await db.destroy();
      await closeEngine();
    },
  };
}
