/** One POST of JSON, with every way it can end as a value: callers decide what is worth trying again. */

export type PostResult =
  | { readonly type: 'accepted' }
  | {
      readonly type: 'refused';
      readonly status: number;
      readonly reason: string;
      readonly retryAfterMs: number | null;
      readonly retryable: boolean;
    }
  | { readonly type: 'unreachable'; readonly reason: string };

export const TIMEOUT_MS = 10_000;
/** What a receiver says beyond this is not read. */
export const LARGEST_REPLY = 64 * 1024;

/** POSTs JSON with a time limit; redirects are not followed. Rejects never. */
export async function postJson(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<PostResult> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'countersign', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return resultOf(response.status, await readReply(response), response.headers.get('retry-after'));
  } catch (error) {
    return { type: 'unreachable', reason: describeFailure(error) };
  }
}

export function resultOf(status: number, reply: string, retryAfter: string | null): PostResult {
  if (status >= 200 && status < 300) return { type: 'accepted' };
  const seconds = Number(retryAfter);
  return {
    type: 'refused',
    status,
    reason: `${status} ${reply.slice(0, 300)}`.trim(),
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null,
    retryable: status === 429 || status >= 500,
  };
}

/** As much of it as anybody wants. */
export async function readReply({ body }: Response): Promise<string> {
  if (body === null) return '';
  const decoder = new TextDecoder();
  let reply = '';
  for await (const chunk of body) {
    reply += decoder.decode(chunk, { stream: true });
    // Leaving the loop ends the connection.
    if (reply.length >= LARGEST_REPLY) break;
  }
  return reply;
}

/** fetch hides the reason in `cause`. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return `${error.message}${code}`;
}
