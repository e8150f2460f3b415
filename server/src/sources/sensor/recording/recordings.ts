/**
 * Captures as evidence: from half a minute before a match to a minute after it, written while the stream goes on. Matches that follow
 * each other share one.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cut, Piece } from './lookback.ts';
import { hashOfFile, recordingIn, SUFFIX } from './recording-file.ts';

export interface RecordingLimits {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** One capture gets no longer or larger than this. */
  readonly longestMs: number;
  readonly largestBytes: number;
  /** All that are kept; the oldest go first. */
  readonly totalBytes: number;
  readonly keepMs: number;
}

export interface Recording {
  readonly id: string;
  readonly rule: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** `recording`: it is being written. `cut`: it ended before its time. */
  readonly state: 'recording' | 'kept' | 'cut' | 'removed';
  readonly sizeBytes: number;
  /** Of the file; empty while it is written. */
  readonly sha256: string;
}

export interface RecordingsOptions {
  readonly directory: string;
  readonly limits: RecordingLimits;
  readonly newId: () => string;
  readonly cut: (fromMs: number) => Cut | null;
  readonly nowMs: () => number;
  readonly onRecording: (recording: Recording) => void;
  /** A disk that is full must not end the watch. */
  readonly onFailure: (error: unknown) => void;
}

const FILE_MODE = 0o600;
const PART = '.part';
const ROOM_MS = 3_600_000;

interface Open {
  readonly id: string;
  readonly rule: string;
  readonly fromMs: number;
  untilMs: number;
  sizeBytes: number;
  toMs: number;
  /** When something last came. */
  touchedMs: number;
  readonly hash: ReturnType<typeof createHash>;
  /** Pieces are written one after the other. */
  writing: Promise<FileHandle | null>;
}

export class Recordings {
  readonly #options: RecordingsOptions;
  #open: Open | null = null;
  #closing: Promise<void> = Promise.resolve();
  #roomMs = 0;
  /** Before the first piece there is nothing to cut. */
  #wanted: { readonly atMs: number; readonly rule: string } | null = null;

  constructor(options: RecordingsOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  }

  /** What a former run left unfinished is closed as far as it goes. */
  async recover(): Promise<void> {
    for (const name of readdirSync(this.#options.directory)) {
      const id = recordingIn(name, SUFFIX + PART);
      if (id === null) continue;
      const file = join(this.#options.directory, name);
      const { mtimeMs, size } = statSync(file);
      const kept = join(this.#options.directory, `${id}${SUFFIX}`);
      renameSync(file, kept);
      const told = { id, rule: '', fromMs: 0, toMs: Math.trunc(mtimeMs), sizeBytes: size };
      this.#options.onRecording({ ...told, state: 'cut', sha256: await hashOfFile(kept) });
    }
  }

  /** A match happened: a capture begins, or the one that is being written goes on for longer. */
  want(atMs: number, rule: string): void {
    const { limits, cut, newId, onRecording } = this.#options;
    if (this.#open !== null) {
      this.#open.untilMs = Math.min(atMs + limits.afterMs, this.#open.fromMs + limits.longestMs);
      return;
    }
    const found = cut(atMs - limits.beforeMs);
    if (found === null) {
      this.#wanted ??= { atMs, rule };
      return;
    }
    const id = newId();
    this.#open = {
      id,
      rule,
      fromMs: found.fromMs,
      untilMs: atMs + limits.afterMs,
      toMs: atMs,
      touchedMs: this.#options.nowMs(),
      sizeBytes: 0,
      hash: createHash('sha256'),
      writing: this.#create(id),
    };
    onRecording({ id, rule, fromMs: found.fromMs, toMs: atMs, state: 'recording', sizeBytes: 0, sha256: '' });
    for (const piece of found.pieces) this.#write(this.#open, piece);
  }

  /** The next piece of the stream. */
  add(piece: Piece): void {
    const wanted = this.#wanted;
    if (wanted !== null) {
      // The cut that is made now has this piece already.
      this.#wanted = null;
      this.want(wanted.atMs, wanted.rule);
      return;
    }
    const open = this.#open;
    if (open === null) return;
    this.#write(open, piece);
    open.toMs = piece.toMs;
    open.touchedMs = this.#options.nowMs();
    if (piece.toMs >= open.untilMs || open.sizeBytes >= this.#options.limits.largestBytes) this.#finish('kept');
  }

  /** Now and then: a capture that nothing follows ends too, and what is too old goes while nothing happens. */
  look(): void {
    const { limits, nowMs, onFailure } = this.#options;
    if (this.#open !== null && nowMs() - this.#open.touchedMs > limits.afterMs) this.#finish('kept');
    if (nowMs() - this.#roomMs < ROOM_MS) return;
    this.#roomMs = nowMs();
    try {
      this.#makeRoom();
    } catch (error) {
      onFailure(error);
    }
  }

  /** The stream ended: so does what was recorded of it. */
  end(): void {
    this.#wanted = null;
    if (this.#open !== null) this.#finish('cut');
  }

  /** Resolves when everything is on disk. What is open ends now. */
  async close(): Promise<void> {
    this.end();
    await this.#closing;
  }

  async #create(id: string): Promise<FileHandle | null> {
    const file = join(this.#options.directory, `${id}${SUFFIX}${PART}`);
    return open(file, 'wx', FILE_MODE).catch((error: unknown) => {
      this.#options.onFailure(error);
      return null;
    });
  }

  #write(open: Open, piece: Piece): void {
    open.writing = open.writing.then(async (handle) => {
      const bytes = await piece.bytes;
      if (handle === null) return null;
      try {
        await handle.writeFile(bytes);
        open.hash.update(bytes);
        open.sizeBytes += bytes.length;
        return handle;
      } catch (error) {
        this.#options.onFailure(error);
        await this.#cutOff(handle, open.sizeBytes);
        return null;
      }
    });
  }

  /** Of a piece that a full disk cut off nothing stays: the file is what its size and its hash say. */
  async #cutOff(handle: FileHandle, sizeBytes: number): Promise<void> {
    try {
      await handle.truncate(sizeBytes);
      await handle.sync();
    } catch (error) {
      this.#options.onFailure(error);
    } finally {
      await handle.close();
    }
  }

  #finish(state: 'kept' | 'cut'): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    const { directory, onRecording, onFailure } = this.#options;
    this.#closing = Promise.all([this.#closing, open.writing]).then(async ([, handle]) => {
      try {
        await handle?.sync();
        await handle?.close();
        const part = join(directory, `${open.id}${SUFFIX}${PART}`);
        renameSync(part, part.slice(0, -PART.length));
        const { id, rule, fromMs, toMs, sizeBytes, hash } = open;
        const whole = handle === null ? 'cut' : state;
        onRecording({ id, rule, fromMs, toMs, state: whole, sizeBytes, sha256: hash.digest('hex') });
        this.#makeRoom();
      } catch (error) {
        onFailure(error);
      }
    });
  }

  #makeRoom(): void {
    const { directory, limits, nowMs, onRecording } = this.#options;
    const files = readdirSync(directory)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => ({ name, ...pick(statSync(join(directory, name))) }))
      .sort((one, other) => other.modifiedMs - one.modifiedMs);
    let total = 0;
    for (const { name, sizeBytes, modifiedMs } of files) {
      total += sizeBytes;
      if (total <= limits.totalBytes && nowMs() - modifiedMs <= limits.keepMs) continue;
      rmSync(join(directory, name));
      const id = name.slice(0, -SUFFIX.length);
      onRecording({ id, rule: '', fromMs: 0, toMs: 0, state: 'removed', sizeBytes, sha256: '' });
    }
  }
}

function pick({ size, mtimeMs }: { readonly size: number; readonly mtimeMs: number }) {
  return { sizeBytes: size, modifiedMs: mtimeMs };
}
