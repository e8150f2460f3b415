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

const TIMEOUT_MS = 10_000;
const LARGEST_REPLY = 64 * 1024;

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
    const reply = (await response.text()).slice(0, LARGEST_REPLY);
    if (response.status >= 200 && response.status < 300) return { type: 'accepted' };
    const retryAfter = Number(response.headers.get('retry-after'));
    return {
      type: 'refused',
      status: response.status,
      reason: `${response.status} ${reply.slice(0, 300)}`.trim(),
      retryAfterMs: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter * 1_000 : null,
      retryable: response.status === 429 || response.status >= 500,
    };
  } catch (error) {
    return { type: 'unreachable', reason: describeFailure(error) };
  }
}

/** fetch hides the reason in `cause`. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return `${error.message}${code}`;
}
