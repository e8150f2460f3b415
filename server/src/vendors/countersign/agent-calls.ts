/**
 * The calls of an agent to its server. Knows the wire and nothing else; answers are told by what to do next.
 *
 * The surprise: none rejects. Whatever stands between may cut an answer off, hold it back or put a page of its own in its place, and the host is
 * watched all the same.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

export type SendOutcome =
  | { readonly type: 'taken' }
  /** Never: the batch itself is wrong. */
  | { readonly type: 'refused'; readonly reason: string }
  /** Not now: the server is away, busy, or does not know us. */
  | { readonly type: 'later'; readonly reason: string };

export type JoinOutcome =
  | { readonly type: 'joined'; readonly agent: string; readonly secret: string }
  | { readonly type: 'failed'; readonly reason: string };

export type SettingsOutcome =
  | { readonly type: 'new'; readonly etag: string; readonly content: unknown }
  | { readonly type: 'same' }
  | { readonly type: 'failed'; readonly reason: string };

const Order = Type.Object({
  id: Type.String(),
  operation: Type.String(),
  input: Type.Record(Type.String(), Type.Unknown()),
});
/** Something to do on the host. */
export type Order = Readonly<Static<typeof Order>>;

export type OrdersOutcome =
  | { readonly type: 'orders'; readonly orders: readonly Order[] }
  | { readonly type: 'failed'; readonly reason: string };

/** What came of an order. */
export type OrderOutcome =
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly code: string; readonly message: string };

export type AnswerOutcome = { readonly type: 'told' } | { readonly type: 'failed'; readonly reason: string };

/** How much of a capture the server has. */
export type CaptureOutcome =
  | { readonly type: 'has'; readonly receivedBytes: number; readonly isWhole: boolean }
  /** The whole of it is not what was said, or will never be taken. */
  | { readonly type: 'refused'; readonly reason: string }
  /** It was not told of yet, or is no longer wanted. */
  | { readonly type: 'unknown' }
  /** Not now; a piece that was sent may have come all the same. */
  | { readonly type: 'later'; readonly reason: string };

export interface AgentCalls {
  /** @param asked.cluster the token is of a service account of it; left out: of an invitation. */
  join(asked: {
    readonly token: string;
    readonly cluster?: string;
    readonly host: string;
    readonly version: string;
  }): Promise<JoinOutcome>;
  sendBatch(gzipped: Uint8Array): Promise<SendOutcome>;
  /** How the host is watched, as the server reads it. Told again soon, so that nothing is made of a failure. */
  tellWatch(told: object): Promise<AnswerOutcome>;
  /** @param etag of the settings that are known; empty: none. */
  settings(etag: string): Promise<SettingsOutcome>;
  orders(): Promise<OrdersOutcome>;
  /** Told once: who waits for it gives the order again. */
  answerOrder(id: string, outcome: OrderOutcome): Promise<AnswerOutcome>;
  captureProgress(id: string): Promise<CaptureOutcome>;
  /** @param fromBytes where the piece begins in the file. */
  sendPiece(id: string, fromBytes: number, piece: Uint8Array): Promise<CaptureOutcome>;
}

const TIMEOUT_MS = 30_000;
/** Tokens of a cluster's service accounts must be made for this. */
export const AGENT_AUDIENCE = 'countersign';
const LONGEST_REASON = 300;
export const BATCH_TYPE = 'application/vnd.countersign.batch';
export const PIECE_TYPE = 'application/vnd.countersign.piece';
/** The batch will not get better: malformed, too large, of a version that the server does not know. */
const FOR_GOOD: ReadonlySet<number> = new Set([400, 413, 415, 422]);

const Joined = Type.Object({ agent: Type.String(), secret: Type.String() });
const Orders = Type.Object({ orders: Type.Array(Order) });
const Progress = Type.Object({ receivedBytes: Type.Integer({ minimum: 0 }), isWhole: Type.Boolean() });

type Request = RequestInit & { readonly path: string };

export function createAgentCalls(options: { readonly server: URL; readonly secret: () => string }): AgentCalls {
  /** What `read` makes of the answer, or `otherwise` of why there is none. The body is part of the answer. */
  const call = async <T>(
    { path, ...request }: Request,
    read: (response: Response) => Promise<T>,
    otherwise: (reason: string) => T,
  ): Promise<T> => {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return await read(await fetch(new URL(path, options.server), { ...request, redirect: 'error', signal }));
    } catch (error) {
      return otherwise(reasonOf(error));
    }
  };
  const authorization = () => `Bearer ${options.secret()}`;
  const tell = (path: string, body: object): Promise<AnswerOutcome> => {
    const headers = { 'content-type': 'application/json', authorization: authorization() };
    return call({ path, method: 'POST', headers, body: JSON.stringify(body) }, toldOf, failed);
  };
  return {
    join: (asked) => {
      const headers = { 'content-type': 'application/json' };
      const path = asked.cluster === undefined ? '/agent/v1/enrol' : '/agent/v1/enrol/cluster';
      const request = { path, method: 'POST', headers, body: JSON.stringify(asked) };
      const joined = async (response: Response): Promise<JoinOutcome> =>
        response.ok ? { ...(await jsonOf(response, Joined)), type: 'joined' } : failed(await refusalOf(response));
      return call(request, joined, failed);
    },
    sendBatch: (gzipped) => {
      const headers = { 'content-type': BATCH_TYPE, authorization: authorization() };
      const request = { path: '/agent/v1/batches', method: 'POST', headers, body: Buffer.from(gzipped) };
      return call(request, sentOf, later);
    },
    captureProgress: (id) => {
      const headers = { authorization: authorization() };
      return call<CaptureOutcome>({ path: `/agent/v1/captures/${id}`, headers }, progressOf, later);
    },
    sendPiece: (id, fromBytes, piece) => {
      const headers = { 'content-type': PIECE_TYPE, authorization: authorization() };
      const path = `/agent/v1/captures/${id}/${fromBytes}`;
      return call<CaptureOutcome>({ path, method: 'PUT', headers, body: Buffer.from(piece) }, progressOf, later);
    },
    settings: (etag) => {
      const headers = { authorization: authorization(), ...(etag === '' ? {} : { 'if-none-match': etag }) };
      return call({ path: '/agent/v1/settings', headers }, settingsOf, failed);
    },
    orders: () => {
      const headers = { authorization: authorization() };
      const ordered = async (response: Response): Promise<OrdersOutcome> =>
        response.ok ? { ...(await jsonOf(response, Orders)), type: 'orders' } : failed(await refusalOf(response));
      return call({ path: '/agent/v1/orders', method: 'POST', headers }, ordered, failed);
    },
    answerOrder: (id, outcome) => tell(`/agent/v1/orders/${encodeURIComponent(id)}`, outcome),
    tellWatch: (told) => tell('/agent/v1/watch', told),
  };
}

function failed(reason: string) {
  return { type: 'failed', reason } as const;
}

function later(reason: string) {
  return { type: 'later', reason } as const;
}

async function sentOf(response: Response): Promise<SendOutcome> {
  if (!response.ok) return refusedOrLater(response);
  await response.arrayBuffer();
  return { type: 'taken' };
}

async function progressOf(response: Response): Promise<CaptureOutcome> {
  if (response.status === 404) return { type: 'unknown' };
  return response.ok ? { ...(await jsonOf(response, Progress)), type: 'has' } : refusedOrLater(response);
}

async function refusedOrLater(response: Response): Promise<{ type: 'refused' | 'later'; reason: string }> {
  return { type: FOR_GOOD.has(response.status) ? 'refused' : 'later', reason: await refusalOf(response) };
}

/** What it holds is for who asked to judge. */
async function settingsOf(response: Response): Promise<SettingsOutcome> {
  if (response.status === 304) return { type: 'same' };
  if (!response.ok) return failed(await refusalOf(response));
  return { type: 'new', etag: response.headers.get('etag') ?? '', content: await response.json() };
}

async function toldOf(response: Response): Promise<AnswerOutcome> {
  if (!response.ok) return failed(await refusalOf(response));
  await response.arrayBuffer();
  return { type: 'told' };
}

/** @throws Error when it is not what this server answers: a page of something that stands between. */
async function jsonOf<T extends TSchema>(response: Response, schema: T): Promise<Static<T>> {
  const body: unknown = await response.json();
  if (Value.Check(schema, body)) return body;
  throw new Error(`${response.status} with an answer that this agent cannot read`);
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  return `${response.status} ${text.slice(0, LONGEST_REASON)}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no connection';
  const { message, cause } = error;
  return `${message} ${cause instanceof Error ? cause.message : ''}`.trim().slice(0, LONGEST_REASON);
}
