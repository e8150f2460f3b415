/**
 * Files, folders, patterns and standard input → records of a source. The one way in for recorded events.
 *
 * Readings come in batches, because waiting for each one would cost more than reading it. A small file is fetched and unpacked
 * at once, while the one before it is judged; a large one is cut as it streams by, and memory stays flat.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Failure, messageOf } from '../../ground/failure.ts';
import type { Reading, Source, SourceName } from '../source.ts';
import { Admitting, WHOLE_FILE } from './admitting.ts';
import { CHUNK_BYTES, isUtf16, packingOf, unpack } from './byte-stream.ts';
import { expandPaths, STANDARD_INPUT } from './files.ts';
import { RecordSplitter, textOf } from './record-splitter.ts';

export { expandPaths } from './files.ts';

export interface ReadOptions {
  /** Tried in order when `source` is not given; the first that claims a record has it. */
  readonly sources: readonly Source[];
  /** Every record is of this source, whatever it looks like. */
  readonly source?: Source | SourceName | undefined;
  /** What `-` reads. */
  readonly standardInput?: Readable | undefined;
  /** Told of the bytes of `readChunks` as they come, unpacked. */
  readonly onUnpacked?: ((bytes: Buffer) => void) | undefined;
  /** Told after each file. */
  readonly onFile?: ((file: string) => void) | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

export interface ReadProgress {
  readonly file: string;
  readonly filesDone: number;
  readonly filesTotal: number;
  /** Readings so far, malformed ones included. */
  readonly readings: number;
}

/** Packed or not, a file up to this size may be read at once … */
export const WHOLE_FILE_BYTES = 8 * 1024 * 1024;
/** … if it is no larger than this unpacked. */
export const WHOLE_UNPACKED_BYTES = 16 * 1024 * 1024;
/** Up to this size one value is parsed at once. More would keep so many objects alive that moving them costs more than parsing. */
const WHOLE_PARSED_BYTES = 512 * 1024;
/** A batch is handed on when it has this many readings; the last piece that was cut may add some. */
export const LARGEST_BATCH = 1_000;

const gunzipAll = promisify(gunzip);

/** A file that cannot be read becomes one malformed reading for the file, and the next file is read. */
export async function* readPaths(paths: readonly string[], options: ReadOptions): AsyncGenerator<readonly Reading[]> {
  const files = await expandPaths(paths);
  let readings = 0;
  let next = fetchSmall(files[0]);
  for (const [filesDone, file] of files.entries()) {
    const fetched = await next;
    next = fetchSmall(files[filesDone + 1]);
    try {
      for await (const batch of readFetched(file, fetched, options)) {
        readings += batch.length;
        yield batch;
        options.onProgress?.({ file, filesDone, filesTotal: files.length, readings });
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // Whoever tells of it names the file before the reason.
      const { why } = error.parameters;
      const reason = typeof why === 'string' ? `cannot be read: ${why}` : error.message;
      yield [{ type: 'malformed', reason, raw: '', origin: { file, index: WHOLE_FILE } }];
    }
    options.onFile?.(file);
  }
}

/** @throws Failure `source-unreadable` when the file cannot be opened or read; what was read before was handed on. */
export async function* readFileRecords(file: string, options: ReadOptions): AsyncGenerator<readonly Reading[]> {
  yield* readFetched(file, await fetchSmall(file), options);
}

/** The readings of bytes that come from somewhere else, packed or not; `name` stands in their origins. Memory stays bounded. */
export async function* readChunks(
  chunks: AsyncIterable<Buffer>,
  name: string,
  options: ReadOptions,
): AsyncGenerator<readonly Reading[]> {
  yield* readStreaming(chunks, new Admitting(name, options.sources, namedSource(options)), options.onUnpacked);
}

/** The readings of bytes that are in memory already, unpacked. */
export function* readUnpacked(bytes: Buffer, file: string, options: ReadOptions): Generator<readonly Reading[]> {
  yield* readSmall(bytes, new Admitting(file, options.sources, namedSource(options)));
}

/** One reading at a time, for whoever needs no speed. */
export async function* eachReading(batches: AsyncIterable<readonly Reading[]>): AsyncGenerator<Reading> {
  for await (const batch of batches) yield* batch;
}

async function* readFetched(
  file: string,
  fetched: Buffer | null,
  options: ReadOptions,
): AsyncGenerator<readonly Reading[]> {
  const admitting = new Admitting(file, options.sources, namedSource(options));
  if (fetched === null) yield* readStreaming(bytesOf(file, options), admitting);
  else yield* readSmall(fetched, admitting);
}

function namedSource({ source, sources }: ReadOptions): Source | null {
  if (source === undefined) return null;
  if (typeof source !== 'string') return source;
  const found = sources.find((candidate) => candidate.name === source);
  if (found === undefined) throw new RangeError(`there is no source called ${source}`);
  return found;
}

/** The unpacked bytes of a file that is small enough; null when it must be streamed, for whatever reason. */
async function fetchSmall(file: string | undefined): Promise<Buffer | null> {
  if (file === undefined || file === STANDARD_INPUT) return null;
  try {
    const kind = await stat(file);
    if (!kind.isFile() || kind.size > WHOLE_FILE_BYTES) return null;
    const bytes = await readFile(file);
    const packing = packingOf(bytes);
    if (packing === 'zstd' || (packing === 'gzip' && statedSize(bytes) > WHOLE_UNPACKED_BYTES)) return null;
    const text = packing === 'plain' ? bytes : await gunzipAll(bytes, { maxOutputLength: WHOLE_UNPACKED_BYTES });
    return isUtf16(text) ? null : text;
  } catch {
    // Damaged, too large unpacked, or not to be read at all: streaming finds out which, and says so.
    return null;
  }
}

/** What a gzip file's last four bytes say about its size. They may lie; this only saves unpacking in vain. */
function statedSize(gzip: Buffer): number {
  return gzip.length < 18 ? 0 : gzip.readUInt32LE(gzip.length - 4);
}

function* readSmall(bytes: Buffer, admitting: Admitting): Generator<readonly Reading[]> {
  const whole = bytes.length <= WHOLE_PARSED_BYTES ? parseWhole(bytes) : null;
  if (whole === null) {
    yield* cutInPieces(bytes, admitting);
    return;
  }
  admitting.add(whole.value);
  const readings = admitting.take();
  for (let from = 0; from < readings.length; from += LARGEST_BATCH) {
    yield readings.length <= LARGEST_BATCH ? readings : readings.slice(from, from + LARGEST_BATCH);
  }
}

function* cutInPieces(bytes: Buffer, admitting: Admitting): Generator<readonly Reading[]> {
  const splitter = new RecordSplitter();
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    for (const cut of splitter.push(bytes.subarray(from, from + CHUNK_BYTES))) admitting.addCut(cut);
    if (admitting.waiting >= LARGEST_BATCH) yield admitting.take();
  }
  for (const cut of splitter.end()) admitting.addCut(cut);
  if (admitting.waiting > 0) yield admitting.take();
}

/** Null when the bytes are not one JSON value: several, damaged, or in another encoding. */
function parseWhole(bytes: Buffer): { readonly value: unknown } | null {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  try {
    return { value: JSON.parse(textOf(bytes, hasMark ? 3 : 0)) };
  } catch {
    return null;
  }
}

async function* readStreaming(
  chunks: AsyncIterable<Buffer>,
  admitting: Admitting,
  onUnpacked?: (bytes: Buffer) => void,
): AsyncGenerator<readonly Reading[]> {
  const splitter = new RecordSplitter();
  let damage: string | null = null;
  for await (const part of unpack(chunks)) {
    if (part.type === 'damage') {
      damage = part.reason;
      break;
    }
    onUnpacked?.(part.bytes);
    for (const cut of splitter.push(part.bytes)) admitting.addCut(cut);
    if (admitting.waiting >= LARGEST_BATCH) yield admitting.take();
  }
  for (const cut of splitter.end(damage)) admitting.addCut(cut);
  if (admitting.waiting > 0) yield admitting.take();
}

async function* bytesOf(file: string, { standardInput }: ReadOptions): AsyncGenerator<Buffer> {
  if (file === STANDARD_INPUT && standardInput === undefined) {
    throw new Failure('there is no standard input to read', {
      code: 'source-unreadable',
      httpStatus: 400,
      retryable: false,
    });
  }
  const input = file === STANDARD_INPUT ? standardInput : undefined;
  try {
    for await (const chunk of input ?? createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
      yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
    }
  } catch (error) {
    // Node says the path once more at the end: `ENOENT: no such file or directory, open 'none.json'`.
    const why = messageOf(error).replace(/^(E[A-Z0-9]+: [^,]+), .*$/s, '$1');
    throw new Failure(`${file} cannot be read: ${why}`, {
      code: 'source-unreadable',
      httpStatus: 500,
      retryable: true,
      parameters: { file, why },
      cause: error,
    });
  }
}
