/** The doors: what the server refuses before any room hears of it. */
import { afterEach, describe, expect, test } from 'vitest';
import type { InjectOptions } from 'fastify';
import { Type } from 'typebox';
import { createHttp, type HttpOptions, MAXIMUM_BODY_BYTES, publicRoute } from './http.ts';
import { Failure } from './failure.ts';
import { httpFailures } from './http-error.ts';

type House = Awaited<ReturnType<typeof createHttp>>;
const open: House[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ server }) => server.close()));
});

async function house(options: Partial<HttpOptions> = {}): Promise<{ house: House; errors: unknown[] }> {
  const errors: unknown[] = [];
  let requests = 0;
  const made = await createHttp({
    publicUrl: null,
    trustedProxies: [],
    createRequestId: () => `request-${(requests += 1)}`,
    onError: (error, request) => errors.push([error, request]),
    ...options,
  });
  open.push(made);
  const access = publicRoute('for the test');
  made.server.post(
    '/api/echo',
    { config: { access }, schema: { body: Type.Object({ word: Type.String({ maxLength: 9 }) }) } },
    async (request) => ({ word: request.body.word }),
  );
  made.server.get(
    '/api/number',
    { config: { access }, schema: { querystring: Type.Object({ limit: Type.Integer({ maximum: 50 }) }) } },
    async (request) => ({ limit: request.query.limit }),
  );
  made.server.get('/api/bug', { config: { access } }, async () => {
    throw new Error('password=hunter2');
  });
  made.server.get('/api/gone', { config: { access } }, async () => {
    throw new Failure('no such case', { code: 'case-not-found', httpStatus: 404, retryable: false });
  });
  made.server.get('/api/down', { config: { access } }, async () => {
    throw new Failure('no database at 10.0.0.5', { code: 'state-unreachable', httpStatus: 503, retryable: true });
  });
  const guard = async () => {
    throw httpFailures.signInRequired();
  };
  made.server.get('/api/private', { config: { access: { type: 'guarded', by: 'test', guard } } }, async () => 'secret');
  return { house: made, errors };
}
const post = (headers: Record<string, string> = {}, payload: object | string = { word: 'hi' }) => ({
  method: 'POST' as const,
  url: '/api/echo',
  headers: { host: 'countersign.example.com', 'content-type': 'application/json', ...headers },
  payload,
});

test('a route that does not say who may call it cannot be registered', async () => {
  const { house: made } = await house();
  expect(() => made.server.get('/api/forgotten', async () => 'open')).toThrow('does not say who may call it');
});

test('half a character comes in as a mark in its place, and nothing that no database takes comes in at all', async () => {
  const { house: made } = await house();
  const half = await made.server.inject(post({}, '{"word":"a\\ud800b"}'));
  expect(half.json()).toEqual({ word: 'a\ufffdb' });
  const whole = await made.server.inject(post({}, '{"word":"\\ud83d\\ude00"}'));
  expect(whole.json()).toEqual({ word: '😀' });
  expect((await made.server.inject(post({}, '{"word":"\\u0000"}'))).statusCode).toBe(400);
});

test('every route is listed with its guard or its reason', async () => {
  const { house: made } = await house();
  expect(made.routes.map(({ method, url }) => `${method} ${url}`)).toContain('GET /api/private');
  expect(made.routes.every(({ access }) => access.type === 'guarded' || access.reason.length > 5)).toBe(true);
});

test('a guarded route is not reached without passing its guard', async () => {
  const { house: made } = await house();
  const reply = await made.server.inject('/api/private');
  expect(reply.statusCode).toBe(401);
  expect(reply.json()).toMatchObject({ code: 'sign-in-required', retryable: false });
});

describe('errors have one shape', () => {
  const rows: readonly [sentence: string, request: string | InjectOptions, status: number, code: string][] = [
    ['for a catalogued failure', '/api/gone', 404, 'case-not-found'],
    ['for an address that does not exist', '/api/nowhere', 404, 'not-found'],
    ['for a body that is no JSON', post({}, '{"word":'), 400, 'invalid-input'],
    ['for a body of the wrong shape', post({}, { word: 7 }), 400, 'invalid-input'],
    ['for a body that is too long for its field', post({}, { word: 'too many words' }), 400, 'invalid-input'],
    ['for a body that is too large', post({}, { word: 'x'.repeat(MAXIMUM_BODY_BYTES) }), 413, 'too-large'],
    [
      'for a form',
      post({ 'content-type': 'application/x-www-form-urlencoded' }, 'word=hi'),
      415,
      'unsupported-media-type',
    ],
    ['for plain text', post({ 'content-type': 'text/plain' }, '{"word":"hi"}'), 415, 'unsupported-media-type'],
    ['for a query out of range', '/api/number?limit=51', 400, 'invalid-input'],
    ['for a bug', '/api/bug', 500, 'internal'],
  ];
  test.each(rows)('%s', async (_sentence, request, status, code) => {
    const { house: made } = await house();
    const reply = await made.server.inject(request);
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
    expect(Object.keys(reply.json()).sort()).toEqual(['code', 'message', 'parameters', 'retryable']);
  });
});

test('a bug is told to the log with its request, and nothing of it to the caller', async () => {
  const { house: made, errors } = await house();
  const reply = await made.server.inject('/api/bug?token=abc');
  expect(reply.body).not.toContain('hunter2');
  expect(errors).toMatchObject([
    [new Error('password=hunter2'), { id: reply.headers['x-request-id'], route: '/api/bug' }],
  ]);
  expect(JSON.stringify(errors)).not.toContain('abc');
});

test('a failure of our own is told by its code, without hosts and files', async () => {
  const { house: made, errors } = await house();
  const reply = await made.server.inject('/api/down');
  expect([reply.statusCode, reply.json()]).toMatchObject([503, { code: 'state-unreachable', retryable: true }]);
  expect(reply.body).not.toContain('10.0.0.5');
  expect(errors).toHaveLength(1);
});

test('numbers in a query are read, and kept out of bodies', async () => {
  const { house: made } = await house();
  expect((await made.server.inject('/api/number?limit=7')).json()).toEqual({ limit: 7 });
});

describe('a change is refused when it comes from', () => {
  const cookie = 'session=x';
  const rows: readonly [sentence: string, headers: Record<string, string>, status: number][] = [
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling site', { 'sec-fetch-site': 'same-site' }, 403],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['an origin that only begins like ours', { origin: 'https://countersign.example.com.evil.example' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['nowhere in particular, with a cookie', { cookie }, 403],
    [
      'nowhere: our own page passes',
      { 'sec-fetch-site': 'same-origin', origin: 'https://countersign.example.com', cookie },
      200,
    ],
    ['nowhere: a tool with our origin passes', { origin: 'http://countersign.example.com', cookie }, 200],
    ['nowhere: a tool without a cookie passes to the guard', {}, 200],
  ];
  test.each(rows)('%s', async (_sentence, headers, status) => {
    const { house: made } = await house();
    expect((await made.server.inject(post(headers))).statusCode).toBe(status);
  });
});

test('pages may run no inline script and be framed by nobody, and answers of the API are not kept', async () => {
  const { house: made } = await house({ publicUrl: 'https://countersign.example.com' });
  const { headers } = await made.server.inject('/api/number?limit=1');
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000',
  });
});

test('a caller who hammers is told to wait', async () => {
  const { house: made } = await house({ requestsPerMinute: 3 });
  const replies = [];
  for (let request = 0; request < 4; request += 1) {
    replies.push(await made.server.inject('/api/number?limit=1'));
  }
  expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429]);
  expect(replies[3]?.json()).toMatchObject({ code: 'rate-limited', retryable: true });
});
