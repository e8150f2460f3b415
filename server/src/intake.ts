/**
 * Takes files into the inbox: what comes into watched folders. A file counts as taken only with the checkpoint that its last
 * batch commits, so a crash in the middle reads it again and accepts nothing twice.
 */
import type { WatchedSource } from './configuration.ts';
import type { Clock } from './ground/clock.ts';
import type { Log } from './ground/log.ts';
import type { State } from './ground/state.ts';
import { SOURCES, sourceNamed } from './sources/catalogue.ts';
import { acceptBatch } from './sources/inbox.ts';
import { batchesOf } from './sources/inbox-batches.ts';
import { isFileTaken } from './sources/inbox-health.ts';
import { eachReading, readFileRecords } from './sources/reading/read-paths.ts';
import { type SettledFile, watchDirectory } from './sources/reading/watch-directory.ts';

export interface IntakeOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Watches every source until `signal` aborts; files that are there already are taken first. A folder that is gone is waited for. */
export async function watchSources(
  sources: readonly WatchedSource[],
  options: IntakeOptions,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(sources.map((source) => watchSource(source, options, signal)));
}

async function watchSource(source: WatchedSource, options: IntakeOptions, signal: AbortSignal): Promise<void> {
  for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
    try {
      for await (const file of watchDirectory(source.path, { clock: options.clock, signal })) {
        await takeFile(file, source, options);
        waitMs = FIRST_RETRY_MS;
      }
    } catch (error) {
      options.log.warn('a source cannot be read and is tried again', { path: source.path, error, waitMs });
      await options.clock.sleep(waitMs, signal);
    }
  }
}

/** Reads a file into the inbox unless exactly it was taken before. */
async function takeFile(file: SettledFile, source: WatchedSource, options: IntakeOptions): Promise<void> {
  const checkpoint = { ...file, modifiedMs: Math.trunc(file.modifiedMs) };
  if (await isFileTaken(options.state, checkpoint)) return;
  const named = source.source === null ? null : sourceNamed(source.source);
  const readings = readFileRecords(file.path, { sources: SOURCES, ...(named === null ? {} : { source: named }) });
  const batches = batchesOf(eachReading(readings), {
    origin: file.path,
    source: source.source,
    checkpoint: () => checkpoint,
  });
  for await (const batch of batches) await acceptBatch(options.state, batch, options.clock.nowMs());
  options.log.info('took a file', { file: file.path, sizeBytes: file.sizeBytes });
}
