/**
 * A small Duo: Auth API with version 5 signatures, users and pushes that a test answers, and the Universal Prompt's endpoints. It
 * checks what Duo checks and remembers what it would have refused.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakePush {
  readonly txid: string;
  readonly username: string;
  /** What the phone shows, by name. */
  readonly shown: Readonly<Record<string, string>>;
  approve(): void;
  deny(): void;
  fraud(): void;
  timeout(): void;
  lockedOut(): void;
}

export interface FakeDuo {
  readonly url: string;
  readonly settings: { host: string; integrationKey: string; secretKey: string; url: string };
  readonly client: { clientId: string; clientSecret: string };
  /** What preauth says of a user; `auth` with a phone unless told otherwise. */
  setUser(username: string, result: 'auth' | 'allow' | 'deny' | 'enroll', devices?: readonly string[]): void;
  readonly pushes: readonly FakePush[];
  /** The next push that nobody answered yet. */
  nextPush(): Promise<FakePush>;
  /** Answers with these statuses first; 0 cuts the connection. */
  fail(...statuses: number[]): void;
  /** How the next visits of the prompt end; the factor that Duo names. */
  decide(decision: {
    result: 'allow' | 'deny';
    factor: string;
    status?: string;
    username?: string;
    reason?: string;
  }): void;
  readonly refused: readonly string[];
  close(): Promise<void>;
}

interface Push {
  readonly txid: string;
  readonly username: string;
  readonly shown: Record<string, string>;
  status: { result: string; status: string };
  changed: () => void;
}

const HOST = 'api-sample.duosecurity.com';
const IKEY = 'DISAMPLEXXXXXXXXXXXX';
const SKEY = 'sampleskey'.repeat(4);
const CLIENT_ID = 'DISAMPLECLIENTXXXXXX';
const CLIENT_SECRET = 'sampleclientsecret'.repeat(3).slice(0, 40);
const SKEW_MS = 5 * 60_000;
const POLL_MS = 2_000;

export async function startDuo(): Promise<FakeDuo> {
  const duo = new Fake();
  await duo.start();
  return duo;
}

class Fake implements FakeDuo {
  readonly client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
  readonly refused: string[] = [];
  url = '';
  readonly #pushes: Push[] = [];
  readonly #users = new Map<string, { result: string; devices: readonly string[] }>();
  readonly #failures: number[] = [];
  readonly #codes = new Map<string, string>();
  #decision: Parameters<FakeDuo['decide']>[0] = { result: 'allow', factor: 'duo_push' };
  readonly #server = createServer((request, response) => this.#take(request, response));

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()).closeAllConnections());
  }

  get settings() {
    return { host: HOST, integrationKey: IKEY, secretKey: SKEY, url: this.url };
  }

  get pushes(): readonly FakePush[] {
    return this.#pushes.map(viewPush);
  }

  setUser(username: string, result: string, devices: readonly string[] = ['push']): void {
    this.#users.set(username, { result, devices });
  }

  fail(...statuses: number[]): void {
    this.#failures.push(...statuses);
  }

  decide(next: Parameters<FakeDuo['decide']>[0]): void {
    this.#decision = next;
  }

  async nextPush(): Promise<FakePush> {
    for (let tries = 0; tries < 200; tries += 1) {
      const open = this.#pushes.find(({ status }) => status.result === 'waiting');
      if (open !== undefined) return viewPush(open);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('no push came');
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const failure = this.#failures.shift();
      if (failure === 0) return void request.socket.destroy();
      if (failure !== undefined)
        return answer(response, failure, { stat: 'FAIL', code: failure * 100, message: 'told to' });
      const body = Buffer.concat(chunks).toString('utf8');
      const url = new URL(request.url ?? '/', 'http://duo');
      if (url.pathname === '/oauth/v1/authorize') return this.#authorize(url, response);
      if (url.pathname.startsWith('/oauth/')) return this.#token(url, new URLSearchParams(body), response);
      return void this.#authApi(request, response, body);
    });
  }

  #refuse(response: ServerResponse, code: number, message: string): void {
    this.refused.push(message);
    answer(response, Math.floor(code / 100), { stat: 'FAIL', code, message });
  }

  async #authApi(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://duo');
    const complaint = complaintAbout(request, url, body);
    if (complaint !== null) return this.#refuse(response, 40_103, complaint);
    const given = body === '' ? Object.fromEntries(url.searchParams) : (JSON.parse(body) as Record<string, string>);
    switch (url.pathname) {
      case '/auth/v2/check':
        return answer(response, 200, { stat: 'OK', response: { time: Math.floor(Date.now() / 1_000) } });
      case '/auth/v2/preauth': {
        const user = this.#users.get(given['username'] ?? '') ?? { result: 'auth', devices: ['push'] };
        const devices = [{ device: 'DPSAMPLE', type: 'phone', capabilities: user.devices }];
        return answer(response, 200, {
          stat: 'OK',
          response: { result: user.result, status_msg: user.result, devices },
        });
      }
      case '/auth/v2/auth':
        return this.#push(given, response);
      case '/auth/v2/auth_status':
        return this.#status(given['txid'] ?? '', response);
      default:
        return this.#refuse(response, 40_401, `no such path: ${url.pathname}`);
    }
  }

  #push(given: Readonly<Record<string, string>>, response: ServerResponse): void {
    if (given['async'] !== '1' || given['factor'] !== 'push')
      return this.#refuse(response, 40_002, 'only async pushes here');
    const txid = `tx-${this.#pushes.length + 1}`;
    this.#pushes.push({
      txid,
      username: given['username'] ?? '',
      shown: Object.fromEntries(new URLSearchParams(given['pushinfo'] ?? '')),
      status: { result: 'waiting', status: 'pushed' },
      changed: () => undefined,
    });
    return answer(response, 200, { stat: 'OK', response: { txid } });
  }

  async #status(txid: string, response: ServerResponse): Promise<void> {
    const push = this.#pushes.find((one) => one.txid === txid);
    if (push === undefined) return this.#refuse(response, 40_002, 'Invalid request parameters: txid');
    if (push.status.result === 'waiting') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        push.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return answer(response, 200, { stat: 'OK', response: { ...push.status, status_msg: push.status.status } });
  }

  /** The page that a browser visits: it decides as it was told and sends the browser back. */
  #authorize(url: URL, response: ServerResponse): void {
    const asked = readJwt(url.searchParams.get('request') ?? '');
    if (asked === null) return this.#refuse(response, 40_003, 'the request is not signed by the client');
    const state = textOf(asked['state']);
    const code = createHash('sha256').update(state).digest('hex').slice(0, 32);
    this.#codes.set(code, this.#decision.username ?? textOf(asked['duo_uname']));
    const back = new URL(textOf(asked['redirect_uri']));
    back.searchParams.set('state', state);
    back.searchParams.set('duo_code', code);
    response.writeHead(302, { location: back.toString() }).end();
  }

  #token(url: URL, form: URLSearchParams, response: ServerResponse): void {
    const assertion = readJwt(form.get('client_assertion') ?? '');
    if (assertion === null || assertion['iss'] !== CLIENT_ID)
      return this.#refuse(response, 40_003, 'client_assertion is wrong');
    const now = Math.floor(Date.now() / 1_000);
    if (url.pathname === '/oauth/v1/health_check')
      return answer(response, 200, { stat: 'OK', response: { timestamp: now } });
    const username = this.#codes.get(form.get('code') ?? '');
    if (username === undefined)
      return answer(response, 400, { error: 'invalid_grant', error_description: 'no such code' });
    this.#codes.delete(form.get('code') ?? '');
    const { result, factor, status, reason = 'user_approved' } = this.#decision;
    const token = signJwt({
      iss: `https://${HOST}/oauth/v1/token`,
      aud: CLIENT_ID,
      sub: username,
      preferred_username: username,
      exp: now + 300,
      iat: now,
      auth_time: now,
      auth_result: { result, status: status ?? result, status_msg: result },
      auth_context: { factor, result, reason },
    });
    return answer(response, 200, { id_token: token, access_token: 'sample', expires_in: 300, token_type: 'Bearer' });
  }
}

function viewPush(push: Push): FakePush {
  const end = (result: string, status: string) => () => {
    push.status = { result, status };
    push.changed();
  };
  return {
    txid: push.txid,
    username: push.username,
    shown: push.shown,
    approve: end('allow', 'allow'),
    deny: end('deny', 'deny'),
    fraud: end('deny', 'fraud'),
    timeout: end('deny', 'timeout'),
    lockedOut: end('deny', 'locked_out'),
  };
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** As Duo: the date within five minutes, and the signature over exactly what was sent. */
function complaintAbout(request: IncomingMessage, url: URL, body: string): string | null {
  const date = String(request.headers.date);
  if (Math.abs(Date.parse(date) - Date.now()) > SKEW_MS) return 'Bad request timestamp';
  const [, encoded = ''] = (request.headers.authorization ?? '').split(' ');
  const [ikey, given = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  if (ikey !== IKEY) return 'Invalid integration key in request credentials';
  const sha = (text: string) => createHash('sha512').update(text).digest('hex');
  const query = (request.url ?? '').split('?')[1] ?? '';
  const text = [date, request.method, HOST, url.pathname, query, sha(body), sha('')].join('\n');
  const expected = createHmac('sha512', SKEY).update(text).digest();
  const signature = Buffer.from(given, 'hex');
  const same = signature.length === expected.length && timingSafeEqual(signature, expected);
  return same ? null : 'Invalid signature in request credentials';
}

function signJwt(payload: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS512', typ: 'JWT' })}.${part(payload)}`;
  return `${text}.${createHmac('sha512', CLIENT_SECRET).update(text).digest('base64url')}`;
}

function readJwt(token: string): Record<string, unknown> | null {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const expected = createHmac('sha512', CLIENT_SECRET).update(`${head}.${payload}`).digest('base64url');
  return signature === expected
    ? (JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>)
    : null;
}
