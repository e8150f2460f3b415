/**
 * The part of ClickHouse's HTTP protocol that a client needs, over chDB: `POST /?query=…` with the rest of the statement as
 * the body, `param_name` for parameters, `GET /ping`, errors as ClickHouse words them.
 *
 * Whoever can connect to loopback can reach it, so each request must carry the secret; nothing is answered without.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ChdbLanes, LanesFull } from './chdb-lanes.ts';

/** A batch of the inbox, its records escaped once more, and room. */
export const MOST_BODY_BYTES = 64 * 1024 * 1024;
const MOST_HEADER_BYTES = 256 * 1024;
const IDLE_MS = 60_000;
const MOST_CONNECTIONS = 64;

export function createChdbServer(lanes: Pick<ChdbLanes, 'run'>, secret: string): Server {
  const server = createServer({ maxHeaderSize: MOST_HEADER_BYTES, keepAliveTimeout: IDLE_MS }, (request, response) => {
    answer(lanes, secret, request, response).catch((error: unknown) => sendError(response, error));
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}

async function answer(
  lanes: Pick<ChdbLanes, 'run'>,
  secret: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAuthorized(request.headers.authorization, secret)) {
    throw new Rejection(403, 516, 'AUTHENTICATION_FAILED', 'the secret is missing or wrong');
  }
  const url = new URL(request.url ?? '/', 'http://loopback');
  if (request.method === 'GET' && url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  if (request.method !== 'POST' || url.pathname !== '/') {
    throw new Rejection(404, 73, 'NO_SUCH_PATH', 'only POST / and GET /ping are served');
  }
  const { statementStart, parameters } = readSearch(url.searchParams);
  const body = await readBody(request);
  const statement = statementStart === '' ? body : `${statementStart}\n${body}`;
  const result = await lanes.run(statement, parameters);
  response.writeHead(200, {
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': result.length,
    'x-clickhouse-query-id': url.searchParams.get('query_id') ?? '',
  });
  response.end(result);
}

/** Compares digests, so that neither the length nor the first difference shows in the time. */
function isAuthorized(header: string | undefined, secret: string): boolean {
  const [scheme, encoded = ''] = (header ?? '').split(' ');
  const [, password = ''] = /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(password), digest(secret)) && scheme?.toLowerCase() === 'basic';
}

/** What the client adds by itself and chDB needs not. Anything else would be a setting that is silently lost. */
const IGNORED = new Set(['query_id', 'enable_http_compression', 'wait_end_of_query', 'send_progress_in_http_headers']);

function readSearch(search: URLSearchParams) {
  let statementStart = '';
  const parameters: Record<string, string | null> = {};
  for (const [name, value] of search) {
    if (name === 'query') statementStart = value;
    else if (name.startsWith('param_')) parameters[name.slice('param_'.length)] = unescapeParameter(value);
    else if (!IGNORED.has(name)) {
      throw new Rejection(400, 115, 'UNKNOWN_SETTING', `put the setting ${name} into the statement's SETTINGS`);
    }
  }
  return { statementStart, parameters };
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', '0': '\0' };

/** Parameters travel in ClickHouse's escaped form; chDB's binding escapes them itself. */
function unescapeParameter(value: string): string | null {
  if (value === '\\N') return null;
  return value.replaceAll(/\\(.)/gs, (_all, character: string) => ESCAPES[character] ?? character);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MOST_BODY_BYTES) {
      throw new Rejection(413, 307, 'TOO_MANY_BYTES', `a request may have ${MOST_BODY_BYTES} bytes`);
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

class Rejection extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, name: string, message: string) {
    super(`Code: ${code}. DB::Exception: ${message}. (${name})`);
    this.status = status;
    this.code = code;
  }
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const [status, code, message] = describe(error);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': code,
    // The rest of a refused body is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(message);
}

function describe(error: unknown): readonly [number, number, string] {
  if (error instanceof Rejection) return [error.status, error.code, error.message];
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof LanesFull) {
    return [503, 202, `Code: 202. DB::Exception: ${message}. (TOO_MANY_SIMULTANEOUS_QUERIES)`];
  }
  const code = (error as { clickhouseCode?: unknown } | null)?.clickhouseCode;
  return [500, typeof code === 'number' ? code : 1002, message];
}
