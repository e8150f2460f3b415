/**
 * The part of a small cluster that remembers what changed: lists in pages, watches from a version, bookmarks, and `410 Gone` once it has
 * forgotten. As the protocol is told in Kubernetes' own pages on its API's concepts.
 */
import type { ServerResponse } from 'node:http';

export type Stored = Record<string, unknown> & { metadata: Record<string, unknown> };

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly path: string;
  readonly version: number;
  readonly object: Stored;
}

export class WatchLog {
  #changes: Change[] = [];
  /** Versions up to here are forgotten. */
  #forgotten = 0;
  readonly #watchers = new Set<{ path: string; readonly response: ServerResponse }>();
  /** How often each path was listed and watched. */
  readonly asked: string[] = [];

  record(change: Change): void {
    this.#changes.push(change);
    for (const { path, response } of this.#watchers)
      if (isOf(path, change.path)) send(response, change.type, change.object);
  }

  /** Everything that happened before is forgotten: who comes with an older version must list again. */
  forget(version: number): void {
    this.#forgotten = version;
    this.#changes = [];
  }

  /** Ends every open watch, as a server does that stops. */
  hangUp(): void {
    for (const { response } of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  /** Whoever watches this path is told nothing more, and keeps waiting: a connection that died unseen. */
  deafen(path: string): void {
    for (const watcher of this.#watchers) if (watcher.path === path) watcher.path = '/nothing';
  }

  bookmark(version: number): void {
    const object = { kind: 'Bookmark', metadata: { resourceVersion: String(version) } };
    for (const { response } of this.#watchers) send(response, 'BOOKMARK', object);
  }

  /** Something that is no event. */
  babble(line: string): void {
    for (const { response } of this.#watchers) response.write(`${line}\n`);
  }

  watch(path: string, from: number, response: ServerResponse): void {
    this.asked.push(`watch ${path}`);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#forgotten) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` };
      send(response, 'ERROR', object);
      response.end();
      return;
    }
    for (const change of this.#changes)
      if (change.version > from && isOf(path, change.path)) send(response, change.type, change.object);
    const watcher = { path, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  list(path: string, objects: ReadonlyMap<string, Stored>, page: { version: number; limit: number; token: string }) {
    this.asked.push(`list ${path}`);
    const all = [...objects].filter(([key]) => isOf(path, key)).map(([, object]) => object);
    const start = Number(page.token || 0);
    const items = all.slice(start, start + page.limit);
    const next = start + items.length;
    const metadata = {
      resourceVersion: String(page.version),
      ...(next < all.length ? { continue: String(next) } : {}),
    };
    return { kind: 'List', apiVersion: 'v1', metadata, items };
  }
}

/** `/api/v1/pods` holds `/api/v1/namespaces/shop/pods/web-1`. */
function isOf(path: string, key: string): boolean {
  const [group, plural] = [path.slice(0, path.lastIndexOf('/')), path.split('/').at(-1)];
  return key.startsWith(`${group}/`) && key.split('/').at(-2) === plural;
}

function send(response: ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}
