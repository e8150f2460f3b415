/** A client of our own API, for commands that talk to a running server. The session stays in memory. */

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
export function createApiClient(url: string): ApiClient {
  let cookie = '';
  const send = async (method: string, path: string, body?: unknown): Promise<ApiAnswer> => {
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          origin: new URL(url).origin,
          ...(cookie === '' ? {} : { cookie }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const [set] = response.headers.getSetCookie();
      if (set !== undefined) cookie = set.split(';')[0] ?? '';
      return { ok: response.ok, body: await response.json() };
    } catch {
      return { ok: false, body: { message: `no server answers at ${url}: start it, or name another with --url` } };
    }
  };
  return { get: (path) => send('GET', path), post: (path, body) => send('POST', path, body) };
}
