/**
 * Duo's Auth API with version 5 signatures: who may be asked, a push to their phone, and what they said.
 *
 * ```
 *  signed text = Date \n METHOD \n host \n path \n sorted query \n hex SHA-512(body) \n hex SHA-512(X-Duo headers: none)
 *  Authorization: Basic base64( integration key : hex HMAC-SHA512(secret key, signed text) )
 * ```
 *
 * The surprise: error 40002 of `auth_status` is no refusal. The poll itself timed out, and is to be asked again.
 */
import { createHash, createHmac } from 'node:crypto';

export interface DuoSettings {
  /** `api-….duosecurity.com`. */
  readonly host: string;
  readonly integrationKey: string;
  readonly secretKey: string;
  /** For relays and fakes; left out: https on the host. */
  readonly url?: string;
}

/** Every way a call can end. Messages are for people and hold no secret. */
export type DuoResult<T> =
  | { readonly type: 'ok'; readonly value: T }
  | { readonly type: 'refused'; readonly code: number | null; readonly message: string }
  | { readonly type: 'busy'; readonly retryAfterMs: number }
  | { readonly type: 'unreachable'; readonly reason: string };

export interface DuoPreauth {
  /** `auth`: ask; `allow`: would be let in without being asked; `deny` and `enroll`: cannot be asked. */
  readonly result: 'auth' | 'allow' | 'deny' | 'enroll';
  readonly canPush: boolean;
  readonly message: string;
}

export interface DuoPush {
  readonly username: string;
  /** Shown as what kind of request it is. */
  readonly type: string;
  readonly displayUsername?: string;
  /** Shown on the phone, in this order. */
  readonly shown: readonly (readonly [string, string])[];
  readonly ipAddress?: string | null;
}

export interface DuoStatus {
  readonly result: 'waiting' | 'allow' | 'deny';
  /** `pushed`, `timeout`, `fraud`, `locked_out`, `allow`, `deny` … */
  readonly status: string;
}

export interface DuoAuthApi {
  check(): Promise<DuoResult<null>>;
  preauth(username: string): Promise<DuoResult<DuoPreauth>>;
  startPush(push: DuoPush): Promise<DuoResult<string>>;
  pushStatus(transactionId: string): Promise<DuoResult<DuoStatus>>;
}

const TIMEOUT_MS = 10_000;
/** Duo answers a status when it changes or after about a minute; we come back sooner, so that a stop is quick. */
const POLL_TIMEOUT_MS = 20_000;
const LONGEST_REPLY = 256 * 1024;
const FIRST_BUSY_MS = 1_000;
const LONGEST_BUSY_MS = 32_000;
const POLL_TIMED_OUT = 40_002;

export function createDuoAuthApi(settings: DuoSettings, nowMs: () => number): DuoAuthApi {
  let busyMs = FIRST_BUSY_MS;
  const call = async (method: 'GET' | 'POST', path: string, given: Parameters, timeoutMs = TIMEOUT_MS) => {
    const result = await request(settings, { method, path, given, timeoutMs, nowMs: nowMs() });
    if (result.type !== 'busy') {
      busyMs = FIRST_BUSY_MS;
      return result;
    }
    const retryAfterMs = busyMs;
    busyMs = Math.min(busyMs * 2, LONGEST_BUSY_MS);
    return { type: 'busy' as const, retryAfterMs };
  };
  return {
    check: async () => mapped(await call('GET', '/auth/v2/check', {}), () => null),
    preauth: async (username) => mapped(await call('POST', '/auth/v2/preauth', { username }), preauthOf),
    startPush: async (push) => mapped(await call('POST', '/auth/v2/auth', pushParameters(push)), transactionOf),
    pushStatus: async (txid) => {
      const result = await call('GET', '/auth/v2/auth_status', { txid }, POLL_TIMEOUT_MS);
      const timedOut = result.type === 'refused' && result.code === POLL_TIMED_OUT;
      // Our own time limit on a long poll is no failure either.
      if (timedOut || (result.type === 'unreachable' && result.reason === POLL_ENDED)) {
        return { type: 'ok', value: { result: 'waiting', status: 'pushed' } };
      }
      return mapped(result, statusOf);
    },
  };
}

type Parameters = Readonly<Record<string, string>>;

function pushParameters({ username, type, displayUsername, shown, ipAddress }: DuoPush): Parameters {
  return {
    username,
    factor: 'push',
    device: 'auto',
    async: '1',
    type,
    pushinfo: shown.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'),
    ...(displayUsername === undefined ? {} : { display_username: displayUsername }),
    ...(ipAddress === undefined || ipAddress === null ? {} : { ipaddr: ipAddress }),
  };
}

function preauthOf(value: unknown): DuoPreauth | null {
  const { result, devices, status_msg: message } = value as Record<string, unknown>;
  if (result !== 'auth' && result !== 'allow' && result !== 'deny' && result !== 'enroll') return null;
  const canPush = Array.isArray(devices) && devices.some((device) => capabilitiesOf(device).includes('push'));
  return { result, canPush, message: typeof message === 'string' ? message : '' };
}

function capabilitiesOf(device: unknown): readonly unknown[] {
  const { capabilities } = (device ?? {}) as Record<string, unknown>;
  return Array.isArray(capabilities) ? capabilities : [];
}

function transactionOf(value: unknown): string | null {
  const { txid } = value as Record<string, unknown>;
  return typeof txid === 'string' && txid !== '' ? txid : null;
}

function statusOf(value: unknown): DuoStatus | null {
  const { result, status } = value as Record<string, unknown>;
  if (result !== 'waiting' && result !== 'allow' && result !== 'deny') return null;
  return { result, status: typeof status === 'string' ? status : '' };
}

function mapped<T>(result: DuoResult<unknown>, read: (value: unknown) => T | null): DuoResult<T> {
  if (result.type !== 'ok') return result;
  const isObject = typeof result.value === 'object' && result.value !== null;
  const value = isObject ? read(result.value) : null;
  // `check` has nothing to read: its answer is that there is one.
  if (value === null && read.length > 0) {
    return { type: 'refused', code: null, message: 'Duo answered something that is not in its documentation' };
  }
  return { type: 'ok', value: value as T };
}

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly given: Parameters;
  readonly timeoutMs: number;
  readonly nowMs: number;
}

const POLL_ENDED = 'no answer in time';

async function request(
  settings: DuoSettings,
  { method, path, given, timeoutMs, nowMs }: Request,
): Promise<DuoResult<unknown>> {
  const body = method === 'POST' ? JSON.stringify(given) : '';
  const query = method === 'GET' ? canonicalQuery(given) : '';
  const date = new Date(nowMs).toUTCString().replace('GMT', '-0000');
  const signed = { method, path, query, body, date };
  try {
    const response = await fetch(
      `${settings.url ?? `https://${settings.host}`}${path}${query === '' ? '' : `?${query}`}`,
      {
        method,
        headers: {
          date,
          authorization: signDuo(settings, signed),
          ...(body === '' ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === '' ? {} : { body }),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      },
    );
    return readReply(response.status, (await response.text()).slice(0, LONGEST_REPLY));
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    return { type: 'unreachable', reason: timedOut ? POLL_ENDED : 'Duo cannot be reached' };
  }
}

function readReply(status: number, text: string): DuoResult<unknown> {
  if (status === 429) return { type: 'busy', retryAfterMs: FIRST_BUSY_MS };
  if (status >= 500) return { type: 'unreachable', reason: `Duo answers ${status}` };
  let reply: Record<string, unknown>;
  try {
    reply = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { type: 'unreachable', reason: `Duo answers ${status} without JSON` };
  }
  if (status === 200 && reply['stat'] === 'OK') return { type: 'ok', value: reply['response'] };
  const code = typeof reply['code'] === 'number' ? reply['code'] : null;
  return {
    type: 'refused',
    code,
    message: `Duo refuses: ${typeof reply['message'] === 'string' ? reply['message'] : status} (${code ?? status})`,
  };
}

/** The `Authorization` header. */
export function signDuo(
  { host, integrationKey, secretKey }: DuoSettings,
  { method, path, query, body, date }: Readonly<Record<'method' | 'path' | 'query' | 'body' | 'date', string>>,
): string {
  const text = [date, method, host.toLowerCase(), path, query, sha512(body), sha512('')].join('\n');
  const signature = createHmac('sha512', secretKey).update(text).digest('hex');
  return `Basic ${Buffer.from(`${integrationKey}:${signature}`).toString('base64')}`;
}

/** Sorted and encoded as RFC 3986 has it, which is also how it is sent. */
export function canonicalQuery(given: Parameters): string {
  return Object.entries(given)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha512(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
