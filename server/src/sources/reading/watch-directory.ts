/**
 * Files as they come: those that are there already, then every new or changed one, each when it has stopped changing.
 *
 * The surprise: what is handed on is only a file's path, size and time. Whoever takes it remembers those three, asks whether
 * they were taken before, and reads; so a crash or a restart neither loses a file nor reads one for nothing.
 */
import { stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { watch } from 'chokidar';
import type { Clock } from '../../ground/clock.ts';
import { Failure, messageOf } from '../../ground/failure.ts';
import { matchesGlob } from '../../ground/glob.ts';

/** A file that stopped changing. The same three values again mean the same content. */
export interface SettledFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long a file must stay as it is. */
  readonly settleMs?: number;
  readonly lookEveryMs?: number;
}

const SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 250;
/** More changing files at once than this are not watched but complained about. */
export const MOST_PENDING = 1_000_000;

/** Names of files that somebody still writes: editors, browsers, and the eight random digits of the AWS tools. */
const UNFINISHED = /(^\.|~$|\.(tmp|temp|part|partial|filepart|crdownload|swp)$|\.(?=\d*[a-f])[0-9a-f]{8}$)/i;
const NO_EVENTS = 'CloudTrail-Digest';

/**
 * Watches a folder with all below it, a single file, or a pattern in which `*` stands for any run of characters. Ends when the
 * signal aborts.
 *
 * @throws Failure `source-unreadable` when the folder is not there or can no longer be watched.
 */
export async function* watchDirectory(path: string, options: WatchOptions): AsyncGenerator<SettledFile> {
  const { clock, signal, settleMs = SETTLE_MS, lookEveryMs = LOOK_EVERY_MS } = options;
  const { folder, pattern } = await watchable(path);
  const pending = new PendingFiles(settleMs);
  let failure: unknown = null;
  const watcher = watch(folder, {
    alwaysStat: true,
    atomic: false,
    ignored: (file: string) => file !== folder && isPassedOver(file),
  });
  const note = (file: string, stats?: { size: number; mtimeMs: number }) => {
    if (stats === undefined || (pattern !== null && !matchesGlob(pattern, file))) return;
    const isNoted = pending.note({ path: file, sizeBytes: stats.size, modifiedMs: stats.mtimeMs }, clock.nowMs());
    if (!isNoted) failure = new Error(`more than ${MOST_PENDING} files changed at once`);
  };
  watcher.on('add', note);
  watcher.on('change', note);
  watcher.on('unlink', (file) => pending.forget(file));
  watcher.on('error', (error) => {
    failure = error;
  });
  try {
    while (!signal.aborted) {
      for (const file of await pending.settled(() => clock.nowMs())) {
        if (signal.aborted) return;
        yield file;
      }
      if (failure !== null) throw unreadable(path, failure);
      await clock.sleep(lookEveryMs, signal);
    }
  } finally {
    await watcher.close();
  }
}

class PendingFiles {
  readonly #files = new Map<string, { readonly file: SettledFile; readonly sinceMs: number }>();
  readonly #settleMs: number;

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  note(file: SettledFile, nowMs: number): boolean {
    if (this.#files.size >= MOST_PENDING && !this.#files.has(file.path)) return false;
    // One that was last changed long ago, as those found at the start, need not prove it again.
    const sinceMs = nowMs - file.modifiedMs >= this.#settleMs ? file.modifiedMs : nowMs;
    this.#files.set(file.path, { file, sinceMs });
    return true;
  }

  forget(path: string): void {
    this.#files.delete(path);
  }

  /** Takes those that are as they were for long enough, in the order of their names. */
  async settled(now: () => number): Promise<readonly SettledFile[]> {
    const settled: SettledFile[] = [];
    for (const [path, { file, sinceMs }] of this.#files) {
      if (now() - sinceMs < this.#settleMs) continue;
      const stats = await stat(path).catch(() => null);
      if (stats === null) {
        this.#files.delete(path);
      } else if (stats.size === file.sizeBytes && stats.mtimeMs === file.modifiedMs) {
        this.#files.delete(path);
        settled.push(file);
      } else {
        this.#files.set(path, { file: { path, sizeBytes: stats.size, modifiedMs: stats.mtimeMs }, sinceMs: now() });
      }
    }
    return settled.sort((one, other) => (one.path < other.path ? -1 : 1));
  }
}

async function watchable(path: string): Promise<{ readonly folder: string; readonly pattern: string | null }> {
  const whole = resolve(path);
  const star = whole.search(/[*?]/);
  const exists = await stat(whole).catch((error: unknown) => error);
  if (star === -1 || !(exists instanceof Error)) {
    if (exists instanceof Error) throw unreadable(path, exists);
    return { folder: whole, pattern: null };
  }
  const folder = dirname(`${whole.slice(0, star)}x`);
  const above = await stat(folder).catch((error: unknown) => error);
  if (above instanceof Error) throw unreadable(path, above);
  return { folder, pattern: whole.replaceAll('**/', '*') };
}

function isPassedOver(file: string): boolean {
  const name = file.slice(file.lastIndexOf(sep) + 1);
  return name === NO_EVENTS || UNFINISHED.test(name);
}

function unreadable(path: string, error: unknown): Failure {
  return new Failure(`${path} cannot be watched: ${messageOf(error)}`, {
    code: 'source-unreadable',
    httpStatus: 500,
    retryable: true,
    parameters: { file: path },
    cause: error,
  });
}
