/**
 * A push service and the browsers behind it: takes a push as RFC 8030 says, wants it signed by the key that the browser subscribed
 * with (RFC 8292), opens it with the browser's own keys (RFC 8291, 8188) and keeps what the browser would be handed.
 *
 * Browsers are known by addresses of `push.example.com`; the service stands behind the `url` of the `push` section.
 */
import { createDecipheriv, createECDH, createPublicKey, type ECDH, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedPush {
  /** What the page's worker is handed. */
  readonly text: string;
  readonly urgency: string;
  readonly topic: string;
}

export interface FakeBrowser {
  /** As `PushSubscription.toJSON()` has it. */
  readonly subscription: {
    readonly endpoint: string;
    readonly keys: { readonly p256dh: string; readonly auth: string };
  };
  readonly received: readonly ReceivedPush[];
  /** From now on the service answers this: it no longer knows the browser. */
  leave(status: 404 | 410): void;
}

export interface FakePush {
  readonly url: string;
  /** A browser that subscribes with the key of a server. */
  subscribe(applicationServerKey: string): FakeBrowser;
  /** How the next pushes are answered; 429 comes with a Retry-After of two seconds. */
  fail(...statuses: number[]): void;
  /** Why pushes were refused; empty when the sender keeps to the standards. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

interface Subscriber {
  readonly keys: SubscriberKeys;
  readonly applicationServerKey: string;
  readonly received: ReceivedPush[];
  gone: 404 | 410 | null;
}

export interface SubscriberKeys {
  readonly ecdh: ECDH;
  readonly auth: Buffer;
}

interface Refusal {
  readonly status: number;
  readonly why: string;
}

const HOST = 'push.example.com';
const LARGEST_BODY = 4_096;
const LONGEST_LIFE_S = 86_400;
const HEADER_BYTES = 21;
const POINT_BYTES = 65;
const TAG_BYTES = 16;

export async function startPush(): Promise<FakePush> {
  const subscribers = new Map<string, Subscriber>();
  const failures: number[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const subscriber = subscribers.get(request.url ?? '');
      const failure = failures.shift();
      if (failure === 429) return void response.writeHead(429, { 'retry-after': '2' }).end('too many');
      if (failure !== undefined) return void response.writeHead(failure).end('told to');
      if (subscriber === undefined) return void response.writeHead(404).end('no such subscription');
      if (subscriber.gone !== null) return void response.writeHead(subscriber.gone).end('gone');
      const taken = take(request.method ?? '', request.headers, Buffer.concat(chunks), subscriber);
      if ('why' in taken) {
        refused.push(taken.why);
        return void response.writeHead(taken.status).end(taken.why);
      }
      subscriber.received.push(taken);
      return void response.writeHead(201, { location: `https://${HOST}/message/1` }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subscribe: (applicationServerKey) => {
      const path = `/send/${randomBytes(12).toString('base64url')}`;
      const subscriber = { keys: createKeys(), applicationServerKey, received: [], gone: null } as Subscriber;
      subscribers.set(`/${HOST}${path}`, subscriber);
      const { ecdh, auth } = subscriber.keys;
      const keys = { p256dh: ecdh.getPublicKey('base64url'), auth: auth.toString('base64url') };
      return {
        subscription: { endpoint: `https://${HOST}${path}`, keys },
        received: subscriber.received,
        leave: (status) => {
          subscriber.gone = status;
        },
      };
    },
    fail: (...statuses) => void failures.push(...statuses),
    refused,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

function createKeys(): SubscriberKeys {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  return { ecdh, auth: randomBytes(16) };
}

function take(
  method: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
  { keys, applicationServerKey }: Subscriber,
): ReceivedPush | Refusal {
  const { ttl, topic = '', urgency = '' } = headers as Record<string, string | undefined>;
  if (method !== 'POST') return { status: 405, why: `${method} is no push` };
  if (!/^\d+$/.test(ttl ?? '')) return { status: 400, why: 'no TTL' };
  if (!['very-low', 'low', 'normal', 'high'].includes(urgency)) return { status: 400, why: `urgency '${urgency}'` };
  if (!/^[\w-]{0,32}$/.test(topic)) return { status: 400, why: `topic '${topic}'` };
  if (headers['content-encoding'] !== 'aes128gcm') return { status: 415, why: 'not aes128gcm' };
  if (body.length > LARGEST_BODY) return { status: 413, why: `${body.length} bytes` };
  const complaint = complaintAboutVapid(headers.authorization ?? '', applicationServerKey);
  if (complaint !== null) return { status: 403, why: complaint };
  try {
    return { text: openPush(body, keys).toString('utf8'), urgency, topic };
  } catch (error) {
    return { status: 400, why: String(error) };
  }
}

/** RFC 8292: `vapid t=JWT, k=KEY`, signed with ES256 for this service, for a day at most, saying whom to ask. */
function complaintAboutVapid(authorization: string, applicationServerKey: string): string | null {
  const [, token = '', key = ''] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/i.exec(authorization) ?? [];
  const [head = '', claims = '', signature = ''] = token.split('.');
  if (key === '' || signature === '') return 'no VAPID';
  if (key !== applicationServerKey) return 'not the key that the browser subscribed with';
  const { alg } = parse(head);
  if (alg !== 'ES256') return `signed with ${String(alg)}`;
  const point = Buffer.from(key, 'base64url');
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const signed = Buffer.from(`${head}.${claims}`);
  const genuine = verify(
    'sha256',
    signed,
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
  if (!genuine) return 'the signature is not of this key';
  const { aud, exp, sub } = parse(claims);
  const leftS = Number(exp) - Date.now() / 1_000;
  if (aud !== `https://${HOST}`) return `for ${String(aud)}`;
  if (!(leftS > 0 && leftS <= LONGEST_LIFE_S)) return `valid for ${leftS} s`;
  return /^(?:mailto:.+@|https:\/\/)/.test(String(sub)) ? null : `asks to write to ${String(sub)}`;
}

function parse(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
}

/** @throws Error when it was not sealed for these keys, or is more than the one record that RFC 8291 allows. */
export function openPush(body: Buffer, { ecdh, auth }: SubscriberKeys): Buffer {
  const salt = body.subarray(0, 16);
  const recordBytes = body.readUInt32BE(16);
  const idBytes = body.readUInt8(20);
  const theirs = body.subarray(HEADER_BYTES, HEADER_BYTES + idBytes);
  const record = body.subarray(HEADER_BYTES + idBytes);
  if (idBytes !== POINT_BYTES) throw new Error(`a key of ${idBytes} bytes`);
  if (record.length > recordBytes) throw new Error('more than one record');
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), theirs]);
  const secret = hkdfSync('sha256', ecdh.computeSecret(theirs), auth, info, 32);
  const derive = (what: string, length: number) =>
    Buffer.from(hkdfSync('sha256', Buffer.from(secret), salt, `Content-Encoding: ${what}\0`, length));
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  decipher.setAuthTag(record.subarray(-TAG_BYTES));
  const padded = Buffer.concat([decipher.update(record.subarray(0, -TAG_BYTES)), decipher.final()]);
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== 2) throw new Error('the last record does not say that it is the last');
  return padded.subarray(0, end);
}
