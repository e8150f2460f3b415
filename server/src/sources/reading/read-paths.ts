/**
 * Files, folders and patterns → records of a source, in batches. The one way in for recorded events.
 *
 * Nothing here stops at a bad record: what cannot be admitted is handed on as `malformed` with its place and its text. An
 * index of -1 means the file as a whole.
 */
import { stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { glob } from 'tinyglobby';
import type { Reading, Source } from '../source.ts';
import { readBytes, reasonOf } from './byte-stream.ts';
import { type Cut, LOOK_AHEAD_BYTES, type Splitter, splitterFor } from './record-splitter.ts';
import { type Unwrapped, unwrap } from './unwrapping.ts';

export interface ReadOptions {
  /** Tried in order when `source` is not given; the first that claims a record has it. */
  readonly sources: readonly Source[];
  readonly source?: Source | undefined;
  readonly standardInput?: Readable | undefined;
  /** Told after each file. */
  readonly onFile?: (file: string) => void;
}

/** A smaller file is unpacked and parsed whole, which is several times faster than cutting it. */
const WHOLE_FILE_BYTES = 8 * 1024 * 1024;
const WHOLE_UNPACKED_BYTES = 64 * 1024 * 1024;
const LARGEST_BATCH = 2_000;
const STANDARD_INPUT = '-';
/** How much of a malformed text is kept. */
export const KEPT_RAW_CHARACTERS = 1_000_000;

/** Expands folders (all files below, by name) and patterns. A path that is nothing is kept, so that reading it complains. */
export async function expandPaths(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (path === STANDARD_INPUT) {
      files.push(path);
      continue;
    }
    const kind = await stat(path).catch(() => null);
    if (kind?.isDirectory() === true) {
      files.push(...(await glob('**/*', { cwd: path, absolute: true, onlyFiles: true, dot: false })).sort());
    } else if (kind !== null || !/[*?[{]/.test(path)) {
      files.push(path);
    } else {
      const found = (await glob(path, { absolute: path.startsWith('/'), onlyFiles: true })).sort();
      files.push(...(found.length === 0 ? [path] : found));
    }
  }
  return files;
}

export async function* readPaths(paths: readonly string[], options: ReadOptions): AsyncGenerator<readonly Reading[]> {
  for (const file of await expandPaths(paths)) {
    yield* readFileRecords(file, options);
    options.onFile?.(file);
  }
}

export async function* readFileRecords(file: string, options: ReadOptions): AsyncGenerator<readonly Reading[]> {
  const admitting = new Admitting(file, options);
  const whole = file === STANDARD_INPUT ? null : await readWhole(file);
  if (whole !== null) {
    for (let start = 0; start < whole.length; start += LARGEST_BATCH) {
      yield admitting.admitAll(whole.slice(start, start + LARGEST_BATCH));
    }
    return;
  }
  yield* readStreaming(file, options, admitting);
}

/** The values of a small file that is one JSON value; null when it must be cut instead. */
async function readWhole(file: string): Promise<readonly Unwrapped[] | null> {
  try {
    const { size } = await stat(file);
    if (size > WHOLE_FILE_BYTES) return null;
    const bytes = await readFile(file);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const text = (isGzip ? gunzipSync(bytes, { maxOutputLength: WHOLE_UNPACKED_BYTES }) : bytes).toString('utf8');
    return unwrap(JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text));
  } catch {
    return null;
  }
}

async function* readStreaming(
  file: string,
  options: ReadOptions,
  admitting: Admitting,
): AsyncGenerator<readonly Reading[]> {
  const input = file === STANDARD_INPUT ? (options.standardInput ?? null) : null;
  let splitter: Splitter | null = null;
  let head = Buffer.alloc(0);
  let batch: Unwrapped[] = [];
  for await (const part of readBytes(file, input)) {
    if (part.type === 'damage') {
      if (splitter === null && head.length > 0) splitter = splitterFor(head);
      const rest = splitter === null ? [] : [...(head.length > 0 ? splitter.push(head) : []), ...splitter.end()];
      batch.push(...rest.flatMap(valuesOf));
      if (batch.length > 0) yield admitting.admitAll(batch);
      yield [admitting.malformedFile(part.reason)];
      return;
    }
    let chunk = part.bytes;
    if (splitter === null) {
      head = Buffer.concat([head, chunk]);
      if (head.length < LOOK_AHEAD_BYTES) continue;
      splitter = splitterFor(head);
      chunk = head;
      head = Buffer.alloc(0);
    }
    batch.push(...splitter.push(chunk).flatMap(valuesOf));
    if (batch.length >= LARGEST_BATCH) {
      yield admitting.admitAll(batch);
      batch = [];
    }
  }
  splitter ??= splitterFor(head);
  batch.push(...[...splitter.push(head), ...splitter.end()].flatMap(valuesOf));
  if (batch.length > 0) yield admitting.admitAll(batch);
}

function valuesOf(cut: Cut): readonly Unwrapped[] {
  if (cut.type === 'oversized') {
    const reason = `the record has ${cut.sizeBytes} bytes, which is more than is read; its beginning is kept`;
    return [{ type: 'damaged', reason, raw: cut.start.toString('utf8') }];
  }
  const text = cut.bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  try {
    return unwrap(JSON.parse(text));
  } catch (error) {
    return [{ type: 'damaged', reason: `not JSON: ${reasonOf(error)}`, raw: text }];
  }
}

class Admitting {
  readonly #file: string;
  readonly #options: ReadOptions;
  #index = 0;

  constructor(file: string, options: ReadOptions) {
    this.#file = file;
    this.#options = options;
  }

  admitAll(values: readonly Unwrapped[]): readonly Reading[] {
    return values.map((value) => this.#admit(value));
  }

  malformedFile(reason: string): Reading {
    return { type: 'malformed', reason, raw: '', origin: { file: this.#file, index: -1 } };
  }

  #admit(unwrapped: Unwrapped): Reading {
    const origin = { file: this.#file, index: this.#index };
    this.#index += 1;
    if (unwrapped.type === 'damaged') {
      return { type: 'malformed', reason: unwrapped.reason, raw: unwrapped.raw.slice(0, KEPT_RAW_CHARACTERS), origin };
    }
    const { value } = unwrapped;
    const source = this.#options.source ?? this.#options.sources.find((candidate) => candidate.claims(value));
    const malformed = (reason: string): Reading => ({
      type: 'malformed',
      reason,
      raw: (JSON.stringify(value) ?? 'undefined').slice(0, KEPT_RAW_CHARACTERS),
      origin,
    });
    if (source === undefined) return malformed('no source knows a record of this shape');
    const admission = source.admit(value);
    if (admission.type === 'malformed') return malformed(admission.reason);
    const { record, id, timeMs } = admission;
    return { type: 'record', source, record, id, timeMs, origin };
  }
}
