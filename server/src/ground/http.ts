/**
 * The HTTP server that every room hangs its routes on: limits, headers, errors, and no route without a guard.
 *
 * The surprise: a route must say who may call it (`config: { access }`), a guard or `publicRoute('why')`. Registering one
 * that does not say throws, so that forgetting is a failed start and not an open door.
 */
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { Server as SecureServer } from 'node:https';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Convert, Errors } from 'typebox/value';
import { Failure } from './failure.ts';
import { failureBody, httpFailures } from './http-error.ts';

/** Who may call a route. A guard throws a `Failure` to refuse. */
export type Access =
  | { readonly type: 'public'; readonly reason: string }
  | { readonly type: 'guarded'; readonly by: string; readonly guard: (request: FastifyRequest) => Promise<void> };

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** Marks a route that needs no sign-in. The reason is for the reader and the test that lists all public routes. */
export function publicRoute(reason: string): Access {
  return { type: 'public', reason };
}

export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RouteListing {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface HttpOptions {
  /** Where people reach the console; https turns on HSTS. */
  readonly publicUrl: string | null;
  /** Addresses or CIDRs of reverse proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Certificate and key, PEM; null or left out: plain HTTP. */
  readonly tls?: TlsFiles | null;
  /** Unique per request: it names the request in answers and in the log. */
  readonly createRequestId: () => string;
  /** Called once for each request that failed with a bug; never gets bodies, cookies or query strings. */
  readonly onError: (
    error: unknown,
    request: { readonly id: string; readonly method: string; readonly route: string },
  ) => void;
  /** Requests a minute from one address; a console with live lists needs a few dozen. */
  readonly requestsPerMinute?: number;
}

export const MAXIMUM_BODY_BYTES = 256 * 1024;
const MAXIMUM_PARAMETER_LENGTH = 256;
const REQUESTS_PER_MINUTE = 1_200;
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 0; // live lists stay open
const ONE_YEAR_SECONDS = 31_536_000;

export interface HttpHouse {
  readonly server: HttpServer;
  /** All routes registered so far, for the test that looks at every door. */
  readonly routes: readonly RouteListing[];
  /** New connections get these; without TLS from the start it does nothing. */
  renewTls(tls: TlsFiles): void;
}

/** Makes the server with its defences; rooms then register routes on `server`, and the caller listens. */
export async function createHttp(options: HttpOptions): Promise<HttpHouse> {
  const settings = {
    logger: false,
    bodyLimit: MAXIMUM_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAXIMUM_PARAMETER_LENGTH },
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    requestIdHeader: false,
    genReqId: () => options.createRequestId(),
    forceCloseConnections: true,
  } as const;
  const { tls = null } = options;
  // The same server to everybody who registers routes: what the socket beneath it speaks is nobody else's business.
  const bare =
    tls === null ? Fastify(settings) : (Fastify({ ...settings, https: { ...tls } }) as unknown as FastifyInstance);
  const server: HttpServer = bare.withTypeProvider<TypeBoxTypeProvider>();
  const routes: RouteListing[] = [];
  watchRoutes(server, routes);
  installSchemas(server);
  installErrors(server, options);
  server.removeContentTypeParser('text/plain');
  await server.register(cookie);
  await installHeaders(server, options);
  await server.register(rateLimit, {
    max: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    cache: 10_000,
    errorResponseBuilder: (_request, context) => httpFailures.rateLimited(Math.ceil(context.ttl / 1_000)),
  });
  server.addHook('onRequest', refuseCrossSite);
  server.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access;
    if (access?.type === 'guarded') {
      await access.guard(request);
    }
  });
  return {
    server,
    routes,
    renewTls: (renewed) => {
      if (tls !== null) (server.server as unknown as SecureServer).setSecureContext({ ...renewed });
    },
  };
}

function watchRoutes(server: HttpServer, routes: RouteListing[]): void {
  server.addHook('onRoute', (route) => {
    const access = route.config?.access;
    for (const method of [route.method].flat()) {
      if (access === undefined) {
        throw new Error(`${method} ${route.url} does not say who may call it: give it config.access`);
      }
      routes.push({ method, url: route.url, access });
    }
  });
}

/** Bodies are taken as they are; path and query are text, so numbers in them are read from text. */
function installSchemas(server: HttpServer): void {
  server.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
    const validator = Compile(schema);
    return (data: unknown) => {
      const value = wellFormed(httpPart === 'body' ? data : Convert(schema, data));
      if (holdsNul(value))
        return { error: httpFailures.invalidInput(httpPart ?? 'request', 'it holds a NUL character') };
      if (validator.Check(value)) {
        return { value };
      }
      const [first] = Errors(schema, value);
      const where = `${httpPart ?? 'request'}${first?.instancePath ?? ''}`;
      return { error: httpFailures.invalidInput(where, first?.message ?? 'unexpected') };
    };
  });
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

/**
 * Halves of characters, which no database takes as JSON, become U+FFFD, in place. They are not refused: whoever cuts a text at a length
 * makes them, and an agent would send the same batch for ever.
 */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null) continue;
    const parts = next as Record<string, unknown>;
    for (const [key, part] of Object.entries(parts)) {
      const name = key.toWellFormed();
      if (name !== key) delete parts[key];
      if (typeof part !== 'string') rest.push(part);
      if (name !== key || (typeof part === 'string' && !part.isWellFormed()))
        parts[name] = typeof part === 'string' ? part.toWellFormed() : part;
    }
  }
  return value;
}

/** No text of ours has one, and no database keeps it. */
function holdsNul(value: unknown): boolean {
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string' && next.includes('\u0000')) return true;
    if (typeof next === 'object' && next !== null) for (const part of Object.values(next)) rest.push(part);
  }
  return false;
}

function installErrors(server: HttpServer, options: HttpOptions): void {
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const failure = toFailure(error);
    if (failure.httpStatus >= 500) {
      const route = request.routeOptions.url ?? 'none';
      options.onError(error, { id: request.id, method: request.method, route });
    }
    return sendFailure(failure, reply);
  });
  server.setNotFoundHandler((_request, reply) => sendFailure(httpFailures.notFound(), reply));
}

function sendFailure(failure: Failure, reply: FastifyReply): FastifyReply {
  return reply
    .code(failure.httpStatus)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(failureBody(failure)));
}

function toFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error;
  }
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return httpFailures.tooLarge();
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return httpFailures.unsupportedMediaType();
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return httpFailures.invalidInput('body', 'no JSON');
    case 'Z_DATA_ERROR':
    case 'Z_BUF_ERROR':
      return httpFailures.invalidInput('body', 'damaged gzip');
    default:
      return httpFailures.internal();
  }
}

/** Nothing inline, nothing from elsewhere; a style element needs the nonce that the page was served with. */
async function installHeaders(server: HttpServer, options: HttpOptions): Promise<void> {
  await server.register(helmet, {
    enableCSPNonces: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        workerSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity:
      options.publicUrl?.startsWith('https:') === true ? { maxAge: ONE_YEAR_SECONDS, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
  });
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.url.startsWith('/api/')) {
      reply.header('cache-control', 'no-store');
    }
  });
}

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Another site's page can make a browser send our cookie; it cannot make it lie about where the request came from.
 * A tool that sends neither header and no cookie has nothing to abuse and passes on to the guard.
 */
async function refuseCrossSite(request: FastifyRequest): Promise<void> {
  if (SAFE_METHODS.includes(request.method)) {
    return;
  }
  const { origin, host, cookie: cookies } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') {
    throw httpFailures.crossSite();
  }
  if (origin !== undefined) {
    const sameHost = URL.canParse(origin) && new URL(origin).host === (request.host || host);
    if (!sameHost) {
      throw httpFailures.crossSite();
    }
  } else if (site === undefined && cookies !== undefined) {
    throw httpFailures.crossSite();
  }
}
