/** The calls of an agent to its server. Knows the wire and nothing else; answers are told by what to do next. */

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

/** Something to do on the host. */
export interface Order {
  readonly id: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export type OrdersOutcome =
  | { readonly type: 'orders'; readonly orders: readonly Order[] }
  | { readonly type: 'failed'; readonly reason: string };

/** What came of an order. */
export type OrderOutcome =
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly code: string; readonly message: string };

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
  join(asked: { readonly token: string; readonly host: string; readonly version: string }): Promise<JoinOutcome>;
  sendBatch(gzipped: Uint8Array): Promise<SendOutcome>;
  /** @param etag of the settings that are known; empty: none. */
  settings(etag: string): Promise<SettingsOutcome>;
  orders(): Promise<OrdersOutcome>;
  /** Told once: who waits for it gives the order again. */
  answerOrder(id: string, outcome: OrderOutcome): Promise<void>;
  captureProgress(id: string): Promise<CaptureOutcome>;
  /** @param fromBytes where the piece begins in the file. */
  sendPiece(id: string, fromBytes: number, piece: Uint8Array): Promise<CaptureOutcome>;
}

const TIMEOUT_MS = 30_000;
const LONGEST_REASON = 300;
export const BATCH_TYPE = 'application/vnd.countersign.batch';
export const PIECE_TYPE = 'application/vnd.countersign.piece';
/** The batch will not get better: malformed, too large, of a version that the server does not know. */
const FOR_GOOD: ReadonlySet<number> = new Set([400, 413, 415, 422]);

export function createAgentCalls(options: { readonly server: URL; readonly secret: () => string }): AgentCalls {
  const call = async (path: string, request: RequestInit): Promise<Response | string> => {
    try {
      return await fetch(new URL(path, options.server), {
        ...request,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      return error instanceof Error
        ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`.trim()
        : 'no connection';
    }
  };
  const authorization = () => `Bearer ${options.secret()}`;
  return {
    join: async (asked) => {
      const headers = { 'content-type': 'application/json' };
      const response = await call('/agent/v1/enrol', { method: 'POST', headers, body: JSON.stringify(asked) });
      if (typeof response === 'string') return { type: 'failed', reason: response };
      if (!response.ok) return { type: 'failed', reason: await reasonOf(response) };
      const { agent, secret } = (await response.json()) as { agent: string; secret: string };
      return { type: 'joined', agent, secret };
    },
    sendBatch: async (gzipped) => {
      const headers = { 'content-type': BATCH_TYPE, authorization: authorization() };
      const response = await call('/agent/v1/batches', { method: 'POST', headers, body: Buffer.from(gzipped) });
      if (typeof response === 'string') return { type: 'later', reason: response };
      if (response.ok) {
        await response.arrayBuffer();
        return { type: 'taken' };
      }
      return { type: FOR_GOOD.has(response.status) ? 'refused' : 'later', reason: await reasonOf(response) };
    },
    captureProgress: async (id) =>
      progressOf(await call(`/agent/v1/captures/${id}`, { headers: { authorization: authorization() } })),
    sendPiece: async (id, fromBytes, piece) => {
      const headers = { 'content-type': PIECE_TYPE, authorization: authorization() };
      const path = `/agent/v1/captures/${id}/${fromBytes}`;
      return progressOf(await call(path, { method: 'PUT', headers, body: Buffer.from(piece) }));
    },
    settings: async (etag) => {
      const headers = { authorization: authorization(), ...(etag === '' ? {} : { 'if-none-match': etag }) };
      const response = await call('/agent/v1/settings', { headers });
      if (typeof response === 'string') return { type: 'failed', reason: response };
      if (response.status === 304) return { type: 'same' };
      if (!response.ok) return { type: 'failed', reason: await reasonOf(response) };
      return { type: 'new', etag: response.headers.get('etag') ?? '', content: await response.json() };
    },
    orders: async () => {
      const headers = { authorization: authorization() };
      const response = await call('/agent/v1/orders', { method: 'POST', headers });
      if (typeof response === 'string') return { type: 'failed', reason: response };
      if (!response.ok) return { type: 'failed', reason: await reasonOf(response) };
      const { orders } = (await response.json()) as { orders: readonly Order[] };
      return { type: 'orders', orders };
    },
    answerOrder: async (id, outcome) => {
      const headers = { 'content-type': 'application/json', authorization: authorization() };
      const body = JSON.stringify(outcome);
      const response = await call(`/agent/v1/orders/${encodeURIComponent(id)}`, { method: 'POST', headers, body });
      if (typeof response !== 'string') await response.arrayBuffer();
    },
  };
}

async function progressOf(response: Response | string): Promise<CaptureOutcome> {
  if (typeof response === 'string') return { type: 'later', reason: response };
  if (response.status === 404) return { type: 'unknown' };
  if (!response.ok)
    return { type: FOR_GOOD.has(response.status) ? 'refused' : 'later', reason: await reasonOf(response) };
  const { receivedBytes, isWhole } = (await response.json()) as { receivedBytes: number; isWhole: boolean };
  return { type: 'has', receivedBytes, isWhole };
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  return `${response.status} ${text.slice(0, LONGEST_REASON)}`;
}
