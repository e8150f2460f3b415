/**
 * Where events are kept: ClickHouse, always. A server by URL, or chDB in a child process that speaks the same protocol.
 *
 * On a machine where chDB cannot run at all the engine is `off`: events are still judged by the rules, but not kept for
 * search. That is said at the start and by `status()`; it is never chosen for an engine that merely fails.
 */
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { ChdbSupervisor } from './chdb-supervisor.ts';
import type { Clock } from './clock.ts';
import { Failure, messageOf } from './failure.ts';
import type { Log } from './log.ts';
import type { Random } from './random.ts';

export type EventParameters = Readonly<Record<string, string | number | readonly string[]>>;

export interface EventEngine {
  readonly kind: 'clickhouse' | 'chdb' | 'off';
  /** Rows of a reading statement; parameters fill `{name:Type}` places. Settings belong into the statement. */
  query<Row>(statement: string, parameters?: EventParameters): Promise<readonly Row[]>;
  /**
   * Resolves when the rows are stored.
   *
   * @param options.token rows of the same token are stored once, in tables that remember tokens (`non_replicated_deduplication_window`), and
   * counted once in what is summed from them.
   */
  insert(
    table: string,
    rows: readonly Readonly<Record<string, unknown>>[],
    options?: { readonly token?: string },
  ): Promise<void>;
  command(statement: string): Promise<void>;
  status(): EventEngineStatus;
  close(): Promise<void>;
}

export interface EventEngineStatus {
  readonly up: boolean;
  /** For people; null while all is well. */
  readonly problem: string | null;
  /** How often chDB had to be started again. */
  readonly restarts: number;
}

export interface EventEngineOptions {
  /** `COUNTERSIGN_EVENTS_URL`: `https://user:password@host:8443/database`; wins over `dataDirectory`. */
  readonly url?: string | undefined;
  /** Where chDB keeps its files. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The compiled child program; known by itself. */
  readonly program?: string | undefined;
}

const REQUEST_TIMEOUT_MS = 60_000;
/** How long a call waits for a chDB that is just being started again. */
const RESTART_PATIENCE_MS = 15_000;
const MOST_CONNECTIONS = 8;
const CLIENT_OPTIONS = {
  request_timeout: REQUEST_TIMEOUT_MS,
  max_open_connections: MOST_CONNECTIONS,
  // Its own log goes to the console past ours; what matters comes as an error.
  log: { level: ClickHouseLogLevel.OFF },
} as const;
/** Too many queries, parts or bytes at once, time-outs, a full disk, a replica that is away: later it may go well. */
const PASSING_CODES = new Set(['159', '202', '209', '210', '225', '241', '242', '243', '252', '319', '394', '999']);

/**
 * Opens the engine; chDB has answered once when this resolves.
 *
 * @throws Failure `events-in-use`, `events-unusable`, `events-url-invalid`.
 */
export async function openEventEngine(options: EventEngineOptions): Promise<EventEngine> {
  if (options.url !== undefined) return serverEngine(options.url);
  try {
    return chdbEngine(await ChdbSupervisor.start(options));
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'events-unsupported')) throw error;
    options.log.error('events are judged but not kept for search', { reason: error.message });
    return offEngine(error.message);
  }
}

function serverEngine(url: string): EventEngine {
  let client: ClickHouseClient;
  try {
    client = createClient({ url, ...CLIENT_OPTIONS });
  } catch (error) {
    throw new Failure(
      `COUNTERSIGN_EVENTS_URL is no address of a ClickHouse server: ${withoutPassword(messageOf(error))}`,
      {
        code: 'events-url-invalid',
        httpStatus: 500,
        retryable: false,
      },
    );
  }
  let problem: string | null = null;
  const engine = clientEngine(
    async () => client,
    (found) => {
      problem = found;
    },
  );
  return {
    ...engine,
    kind: 'clickhouse',
    status: () => ({ up: problem === null, problem, restarts: 0 }),
    close: () => client.close(),
  };
}

function chdbEngine(supervisor: ChdbSupervisor): EventEngine & { readonly pid: () => number | null } {
  let current: { readonly client: ClickHouseClient; readonly secret: string } | null = null;
  const connect = async (): Promise<ClickHouseClient> => {
    const { port, secret } = await supervisor.address(RESTART_PATIENCE_MS);
    if (current?.secret === secret) return current.client;
    const former = current?.client;
    const client = createClient({
      url: `http://127.0.0.1:${port}`,
      username: 'countersign',
      password: secret,
      ...CLIENT_OPTIONS,
    });
    current = { client, secret };
    await former?.close();
    return client;
  };
  return {
    ...clientEngine(connect, () => undefined),
    kind: 'chdb',
    pid: () => supervisor.pid,
    status: () => ({ up: supervisor.problem === null, problem: supervisor.problem, restarts: supervisor.restarts }),
    close: async () => {
      await current?.client.close();
      await supervisor.close();
    },
  };
}

function clientEngine(
  connect: () => Promise<ClickHouseClient>,
  note: (problem: string | null) => void,
): Pick<EventEngine, 'query' | 'insert' | 'command'> {
  const call = async <T>(body: (client: ClickHouseClient) => Promise<T>): Promise<T> => {
    const client = await connect();
    try {
      const result = await body(client);
      note(null);
      return result;
    } catch (error) {
      const failure = failureOf(error);
      note(failure.code === 'events-unavailable' ? failure.message : null);
      throw failure;
    }
  };
  return {
    query: <Row>(statement: string, parameters: EventParameters = {}) =>
      call(async (client) => {
        const result = await client.query({ query: statement, query_params: { ...parameters }, format: 'JSONEachRow' });
        return result.json<Row>();
      }),
    insert: (table, rows, { token } = {}) =>
      call(async (client) => {
        if (rows.length === 0) return;
        await client.command({ query: insertStatement(table, rows, token) });
      }),
    command: (statement) =>
      call(async (client) => {
        await client.command({ query: statement });
      }),
  };
}

/** chDB takes settings only in the statement, so the rows stand there, too. */
function insertStatement(
  table: string,
  rows: readonly Readonly<Record<string, unknown>>[],
  token: string | undefined,
): string {
  const settings =
    token === undefined
      ? ''
      : `SETTINGS insert_deduplication_token = '${token.replaceAll(/[^\w.:-]/g, '_')}', deduplicate_blocks_in_dependent_materialized_views = 1`;
  return `INSERT INTO ${table} ${settings} FORMAT JSONEachRow\n${rows.map(rowText).join('\n')}`;
}

/** Whoever cuts a text may cut a character in half, and a name may hold half of one. JSON can say it, and the store refuses all rows for it. */
function rowText(row: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(row);
  if (!text.includes('\\ud')) return text;
  return text.replaceAll(HALF_CHARACTER, (found) => (found === ESCAPED_BACKSLASH ? found : '\ufffd'));
}

/** As `JSON.stringify` writes halves, and no others; what stands behind a backslash of the text itself is none. */
const HALF_CHARACTER = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;
const ESCAPED_BACKSLASH = '\\\\';

function failureOf(error: unknown): Failure {
  if (error instanceof ClickHouseError) {
    return new Failure(`the events store refused: ${error.message}`, {
      code: 'events-refused',
      httpStatus: 503,
      retryable: PASSING_CODES.has(error.code),
      cause: error,
    });
  }
  return new Failure(`the events store does not answer: ${withoutPassword(messageOf(error))}`, {
    code: 'events-unavailable',
    httpStatus: 503,
    retryable: true,
    cause: error,
  });
}

function withoutPassword(message: string): string {
  return message.replaceAll(/\/\/[^/@\s]*@/g, '//…@');
}

function offEngine(problem: string): EventEngine {
  return {
    kind: 'off',
    query: async () => [],
    insert: async () => undefined,
    command: async () => undefined,
    status: () => ({ up: false, problem, restarts: 0 }),
    close: async () => undefined,
  };
}
