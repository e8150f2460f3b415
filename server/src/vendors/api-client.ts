/** A client of our own API, for commands that talk to a running server. */

export interface ApiAnswer {
  readonly ok: boolean;
  readonly body: unknown;
}

export interface ApiClient {
  get(path: string): Promise<ApiAnswer>;
  post(path: string, body: unknown): Promise<ApiAnswer>;
}

const TIMEOUT_MS = 20_000;

/** Rejects never: a server that is not there answers `ok: false` with a message. */
export function createApiClient(url: string, token: string): ApiClient {
  const send = async (method: string, path: string, body?: unknown): Promise<ApiAnswer> => {
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { ok: response.ok, body: await response.json() };
    } catch {
      return { ok: false, body: { message: `no server answers at ${url}: start it, or name another with --url` } };
    }
  };
  return { get: (path) => send('GET', path), post: (path, body) => send('POST', path, body) };
}
