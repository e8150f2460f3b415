/**
 * Reading a Kubernetes API server: lists in pages, and the watch that goes on from where a list ended. Lists and streams have bounds.
 *
 * The surprise: a watch that ends is no failure. The server closes it after some minutes, and the next begins at the version of the last
 * event or bookmark. Only `gone` (410) means that the server no longer knows that version, and that all must be listed anew.
 */
import type { IncomingMessage } from 'node:http';
import { type ClusterConnection, textOf } from './cluster-connection.ts';

export type KubernetesObject = Readonly<Record<string, unknown>>;

/** What did not go well, by what to do next. */
export type Trouble =
  /** The version is too old: list again. */
  | { readonly type: 'gone' }
  /** The server has no such resource; it may get one with its next version. */
  | { readonly type: 'unknown' }
  | { readonly type: 'failed'; readonly reason: string; readonly retryAfterMs: number };

export type ListOutcome =
  | {
      readonly type: 'page';
      readonly items: readonly KubernetesObject[];
      readonly resourceVersion: string;
      /** Empty on the last page. */
      readonly continue: string;
    }
  | Trouble;

export type WatchEnd = { readonly type: 'ended' } | Trouble;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubernetesObject;
  readonly resourceVersion: string;
}

export interface ClusterReader {
  /** @param path `/api/v1/pods`; a page goes on where the last one's `continue` says. Never rejects. */
  list(path: string, page: { readonly continue: string }, signal: AbortSignal): Promise<ListOutcome>;
  /** Calls `onEvent` for each event after the version until the stream ends. Never rejects. */
  watch(
    path: string,
    from: { readonly resourceVersion: string; readonly onEvent: (event: WatchEvent) => void },
    signal: AbortSignal,
  ): Promise<WatchEnd>;
}

const PAGE = 500;
const LARGEST_PAGE_BYTES = 256 * 1024 * 1024;
/** etcd takes objects of 1.5 MB. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024;
const LARGEST_ERROR_BYTES = 64 * 1024;
const WATCH_SECONDS = 300;
/** Bookmarks come about every minute; a connection without a word for so long is dead. */
const QUIET_MS = 150_000;
const EVENT_TYPES: ReadonlySet<string> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

export function createClusterReader(connection: ClusterConnection): ClusterReader {
  return {
    list: async (path, { continue: token }, signal) => {
      const query = { limit: String(PAGE), ...(token === '' ? {} : { continue: token }) };
      try {
        const response = await connection.send(path, { query, signal });
        if (response.statusCode !== 200) return await troubleOf(response, path);
        return pageOf(JSON.parse(await textOf(response, LARGEST_PAGE_BYTES)));
      } catch (error) {
        return unreachable(error);
      }
    },
    watch: async (path, { resourceVersion, onEvent }, signal) => {
      const query = {
        ...{ watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS) },
        resourceVersion,
      };
      try {
        const response = await connection.send(path, { query, signal });
        if (response.statusCode !== 200) return await troubleOf(response, path);
        return await readEvents(response, onEvent);
      } catch (error) {
        return signal.aborted ? { type: 'ended' } : unreachable(error);
      }
    },
  };
}

function pageOf(body: unknown): ListOutcome {
  const { items, metadata } = membersOf(body);
  const { resourceVersion, continue: token } = membersOf(metadata);
  if (!Array.isArray(items) || typeof resourceVersion !== 'string')
    return { type: 'failed', reason: 'the answer is no list of Kubernetes', retryAfterMs: 0 };
  return {
    type: 'page',
    items: items.filter((item): item is KubernetesObject => typeof item === 'object' && item !== null),
    resourceVersion,
    continue: typeof token === 'string' ? token : '',
  };
}

/** Line by line until the server ends the stream. */
async function readEvents(response: IncomingMessage, onEvent: (event: WatchEvent) => void): Promise<WatchEnd> {
  response.setTimeout(QUIET_MS, () => response.destroy(new Error('the API server fell silent')));
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    let rest = chunk as Buffer;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]).toString('utf8');
      const trouble = takeLine(line, onEvent);
      if (trouble !== null) {
        response.destroy();
        return trouble;
      }
      [parts, size, rest] = [[], 0, rest.subarray(end + 1)];
    }
    size += rest.length;
    if (size > LONGEST_LINE_BYTES)
      throw new Error(`the API server sent a line of more than ${LONGEST_LINE_BYTES} bytes`);
    if (rest.length > 0) parts.push(rest);
  }
  return { type: 'ended' };
}

/** Null when the line was an event. */
function takeLine(line: string, onEvent: (event: WatchEvent) => void): Trouble | null {
  if (line.trim() === '') return null;
  let told: Readonly<Record<string, unknown>>;
  try {
    told = membersOf(JSON.parse(line));
  } catch {
    return { type: 'failed', reason: 'the API server sent a line that is no JSON', retryAfterMs: 0 };
  }
  const { type } = told;
  const object = membersOf(told['object']);
  if (type === 'ERROR') return statusTrouble(Number(object['code']), wordOf(object['message'], ''), 0);
  const { resourceVersion } = membersOf(object['metadata']);
  if (typeof type !== 'string' || !EVENT_TYPES.has(type) || typeof resourceVersion !== 'string')
    return { type: 'failed', reason: 'the API server sent a line that is no event', retryAfterMs: 0 };
  onEvent({ type: type as WatchEvent['type'], object, resourceVersion });
  return null;
}

function wordOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

async function troubleOf(response: IncomingMessage, path: string): Promise<Trouble> {
  const text = await textOf(response, LARGEST_ERROR_BYTES).catch(() => '');
  let message = text.slice(0, 300);
  try {
    message = wordOf(membersOf(JSON.parse(text))['message'], message);
  } catch {
    // A proxy answers in words of its own.
  }
  const retryAfter = Number(response.headers['retry-after'] ?? 0);
  const status = response.statusCode ?? 0;
  return statusTrouble(status, `${path}: ${message}`, Number.isFinite(retryAfter) ? retryAfter * 1_000 : 0);
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'the cluster does not know who we are; renew the credentials of the kubeconfig',
  403: 'we may not list and watch this; apply deploy/kubernetes/watch.yaml',
};

function statusTrouble(status: number, message: string, retryAfterMs: number): Trouble {
  if (status === 410) return { type: 'gone' };
  if (status === 404) return { type: 'unknown' };
  const hint = HINTS[status];
  const reason = `${status} ${message.slice(0, 300)}${hint === undefined ? '' : ` (${hint})`}`;
  return { type: 'failed', reason, retryAfterMs };
}

function unreachable(error: unknown): Trouble {
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
  const told = typeof message === 'string' && message !== '' ? message : String(code ?? error);
  return { type: 'failed', reason: `the API server cannot be reached: ${told.slice(0, 300)}`, retryAfterMs: 0 };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
