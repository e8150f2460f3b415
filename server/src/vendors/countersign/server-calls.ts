/** The API of a Countersign server, for a command beside it: JSON in, JSON out, with a token of a person. */

export type ServerAnswer =
  | { readonly type: 'answer'; readonly body: Readonly<Record<string, unknown>> }
  /** @param status null: no server answered. */
  | { readonly type: 'failed'; readonly status: number | null; readonly reason: string };

export interface ServerCalls {
  get(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<ServerAnswer>;
  post(path: string, body: unknown): Promise<ServerAnswer>;
}

const TIMEOUT_MS = 60_000;
const LONGEST_REASON = 500;

export function createServerCalls({ server, token }: { readonly server: URL; readonly token: string }): ServerCalls {
  const call = async (url: URL, request: RequestInit): Promise<ServerAnswer> => {
    const headers = { authorization: `Bearer ${token}`, ...request.headers };
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { ...request, headers, redirect: 'error', signal });
      const text = await response.text();
      const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
      if (response.ok) return { type: 'answer', body };
      const said = body['message'];
      const reason = typeof said === 'string' ? said : text;
      return { type: 'failed', status: response.status, reason: reason.slice(0, LONGEST_REASON) };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
      const reason = `${error instanceof Error ? error.message : 'no answer'} ${cause}`.trim();
      return { type: 'failed', status: null, reason };
    }
  };
  return {
    get: (path, query = {}) => {
      const url = new URL(path, server);
      for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
      return call(url, {});
    },
    post: (path, body) =>
      call(new URL(path, server), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  };
}
