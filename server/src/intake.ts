/**
 * Takes files into the inbox: what was dropped into watched folders, and the sample attack. A file counts as taken only with
 * the checkpoint that its last batch commits, so a crash in the middle reads it again and accepts nothing twice.
 */
import { stat } from 'node:fs/promises';
import { watch } from 'chokidar';
import type { Clock } from './ground/clock.ts';
import type { Log } from './ground/log.ts';
import type { State } from './ground/state.ts';
import { SOURCES, sourceNamed } from './sources/catalogue.ts';
import { batchesOf } from './sources/inbox-batches.ts';
import { isFileTaken } from './sources/inbox-health.ts';
import { acceptBatch } from './sources/inbox.ts';
import { eachReading, readFileRecords } from './sources/reading/read-paths.ts';
import type { SourceName } from './sources/source.ts';

export interface IntakeOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
}

export interface WatchedFolder {
  readonly path: string;
  /** Null: each record's shape tells. */
  readonly source: SourceName | null;
}

/** A file must keep its size this long before it is read: senders write in place. */
const STABLE_MS = 500;
const POLL_MS = 100;
const RETRY_MS = 5_000;

/** Watches until `signal` aborts; files that are there already are taken first. */
export async function watchFolders(
  folders: readonly WatchedFolder[],
  options: IntakeOptions,
  signal: AbortSignal,
): Promise<void> {
  const queue: { readonly file: string; readonly source: SourceName | null }[] = [];
  const watchers = folders.map(({ path, source }) =>
    watch(path, { awaitWriteFinish: { stabilityThreshold: STABLE_MS, pollInterval: POLL_MS } })
      .on('add', (file) => queue.push({ file, source }))
      .on('change', (file) => queue.push({ file, source }))
      .on('error', (error) => options.log.error('a watched folder cannot be watched', { path, error })),
  );
  while (!signal.aborted) {
    const next = queue.shift();
    if (next === undefined) {
      await options.clock.sleep(POLL_MS, signal);
      continue;
    }
    try {
      await takeFile(next.file, next.source, options);
    } catch (error) {
      options.log.warn('a file could not be taken and is tried again', { file: next.file, error });
      await options.clock.sleep(RETRY_MS, signal);
      queue.push(next);
    }
  }
  await Promise.all(watchers.map((watcher) => watcher.close()));
}

/** Reads a file into the inbox unless exactly it was taken before. Returns whether it was read. */
export async function takeFile(file: string, source: SourceName | null, options: IntakeOptions): Promise<boolean> {
  const { size, mtimeMs } = await stat(file);
  const checkpoint = { path: file, sizeBytes: size, modifiedMs: Math.trunc(mtimeMs) };
  if (await isFileTaken(options.state, checkpoint)) return false;
  const named = source === null ? null : sourceNamed(source);
  const readings = readFileRecords(file, { sources: SOURCES, ...(named === null ? {} : { source: named }) });
  for await (const batch of batchesOf(eachReading(readings), { origin: file, source, checkpoint: () => checkpoint })) {
    await acceptBatch(options.state, batch, options.clock.nowMs());
  }
  options.log.info('took a file', { file, sizeBytes: size });
  return true;
}
