/**
 * Captures of agents, as they come here: piece by piece, from where the last piece ended, until the file is what its agent said it is. Evidence
 * on the disk of a machine that was broken into is worth little.
 *
 * ```
 *  captures/agents/ID.part          what has come of it
 *  captures/agents/ID.scap.gz       whole: its size and SHA-256 are those that the journal has
 * ```
 *
 * The surprise: the file itself says how far it has come, not the database. A piece that was written before a crash is not sent again; a file
 * that was complete before one is checked, put in its place and journaled when its agent next asks.
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../ground/clock.ts';
import { Failure } from '../ground/failure.ts';
import { appendJournal } from '../ground/journal.ts';
import type { State } from '../ground/state.ts';
import { hashOfFile, recordingFile } from '../sources/sensor/recording/recording-file.ts';
import {
  agentCapturesHere,
  captureById,
  type CaptureRow,
  noteReceived,
  removeCapture,
} from '../sources/sensor/store.ts';
import type { Agent } from './store.ts';

/** One piece, as it travels. */
export const LARGEST_PIECE_BYTES = 4 * 1024 * 1024;
const LARGEST_CAPTURE_BYTES = 600_000_000;
/** All that are kept or coming of all agents; what is too much goes from the host that has most, its oldest first. */
const TOTAL_BYTES = 10_000_000_000;
const KEEP_MS = 90 * 86_400_000;
const STALE_PART_MS = 7 * 86_400_000;
const PART = '.part';

export interface CaptureIntakeOptions {
  readonly state: State;
  readonly clock: Clock;
  readonly directory: string;
  readonly totalBytes?: number;
}

export interface CaptureProgress {
  readonly receivedBytes: number;
  readonly isWhole: boolean;
}

export class CaptureIntake {
  readonly #options: CaptureIntakeOptions;
  /** Hosts of which something is being written or checked: one thing at a time. */
  readonly #busy = new Set<string>();

  constructor(options: CaptureIntakeOptions) {
    this.#options = options;
  }

  /** @throws Failure when the agent has not told of this capture, or it is no longer wanted; `capture-busy` while something of its host is written. */
  async progress(agent: Agent, id: string): Promise<CaptureProgress> {
    return this.#alone(agent, async () => this.#settle(await this.#wanted(agent, id)));
  }

  /**
   * @param fromBytes where the piece belongs: exactly where the last one ended.
   * @throws Failure `capture-piece-misplaced` otherwise; `capture-differs` when the whole is not what was said.
   */
  async take(agent: Agent, { id, fromBytes, bytes }: Piece): Promise<CaptureProgress> {
    return this.#alone(agent, async () => this.#append(await this.#wanted(agent, id), fromBytes, bytes));
  }

  async #alone<T>({ host }: Agent, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(host)) throw busy(host);
    this.#busy.add(host);
    try {
      return await work();
    } finally {
      this.#busy.delete(host);
    }
  }

  async #append(row: CaptureRow, fromBytes: number, bytes: Buffer): Promise<CaptureProgress> {
    const { directory } = this.#options;
    const before = await this.#settle(row);
    if (before.isWhole) return before;
    if (before.receivedBytes !== fromBytes) throw misplaced(row.id, `${before.receivedBytes} bytes have come`);
    if (fromBytes + bytes.length > row.size_bytes) throw differs(row.id);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (before.receivedBytes === 0) await this.#makeRoom(row);
    const file = await open(this.#partOf(row.id), 'a', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    return this.#settle(row);
  }

  /** How far it has come. What is complete is finished here, also what a crash kept from it. */
  async #settle(row: CaptureRow): Promise<CaptureProgress> {
    const whole = { receivedBytes: row.size_bytes, isWhole: true };
    if ((await sizeOf(this.#fileOf(row.id))) !== null) {
      if (row.received_bytes !== row.size_bytes) await this.#enter(row);
      return whole;
    }
    const receivedBytes = (await sizeOf(this.#partOf(row.id))) ?? 0;
    if (receivedBytes < row.size_bytes) return { receivedBytes, isWhole: false };
    await this.#finish(row);
    return whole;
  }

  async #finish(row: CaptureRow): Promise<void> {
    const part = this.#partOf(row.id);
    if ((await hashOfFile(part)) !== row.sha256) {
      await rm(part, { force: true });
      throw differs(row.id);
    }
    await rename(part, this.#fileOf(row.id));
    await this.#enter(row);
  }

  /** It lies here, whole. */
  async #enter(row: CaptureRow): Promise<void> {
    const { state, clock } = this.#options;
    await state.transaction(async (trx) => {
      await noteReceived(trx, row);
      const { id, host, rule, size_bytes: sizeBytes, sha256 } = row;
      const parameters = { host, id, rule, fromMs: row.from_ms, toMs: row.to_ms, sizeBytes, sha256 };
      await appendJournal(trx, {
        kind: 'capture-received',
        caseId: null,
        actor: null,
        timeMs: clock.nowMs(),
        parameters,
      });
    });
  }

  async #wanted(agent: Agent, id: string): Promise<CaptureRow> {
    const row = await captureById(this.#options.state, id);
    if (row === null || row.host !== agent.host || row.received_bytes === null || !isComplete(row)) throw unknown(id);
    // Of nothing there is nothing to bring.
    if (row.size_bytes > LARGEST_CAPTURE_BYTES || row.size_bytes === 0) throw differs(id);
    return row;
  }

  /**
   * Before anything of a capture is written, all of it has room.
   *
   * @throws Failure `capture-no-room` when what has begun to come of others leaves none.
   */
  async #makeRoom(coming: CaptureRow): Promise<void> {
    const { state, clock, totalBytes = TOTAL_BYTES } = this.#options;
    const nowMs = clock.nowMs();
    const left = totalBytes - (await this.#begunBytes(coming, nowMs)) - coming.size_bytes;
    if (left < 0) throw noRoom(coming.id);
    for (const row of tooMuch(await agentCapturesHere(state), { totalBytes: left, nowMs })) {
      await rm(this.#fileOf(row.id), { force: true });
      await state.transaction(async (trx) => {
        await removeCapture(trx, row.id);
        const parameters = { host: row.host, id: row.id, sizeBytes: row.size_bytes, sha256: row.sha256 };
        await appendJournal(trx, { kind: 'capture-removed', caseId: null, actor: null, timeMs: nowMs, parameters });
      });
    }
  }

  /**
   * What other hosts have begun to send will be as large as was said. An agent sends one after the other: what the same host had begun before is
   * given up, as is what nobody goes on with or wants any longer.
   */
  async #begunBytes(coming: CaptureRow, nowMs: number): Promise<number> {
    const { state, directory } = this.#options;
    let begunBytes = 0;
    for (const name of await readdir(directory)) {
      if (!name.endsWith(PART)) continue;
      const part = join(directory, name);
      const row = await captureById(state, name.slice(0, -PART.length));
      const modifiedMs = (await stat(part).catch(() => null))?.mtimeMs ?? 0;
      const isWanted = row !== null && isComplete(row) && nowMs - modifiedMs <= STALE_PART_MS;
      if (isWanted && row.host !== coming.host) begunBytes += row.size_bytes;
      else await rm(part, { force: true });
    }
    return begunBytes;
  }

  #partOf(id: string): string {
    return join(this.#options.directory, `${id}${PART}`);
  }

  /** Ids are checked where they come in. */
  #fileOf(id: string): string {
    const file = recordingFile(this.#options.directory, id);
    if (file === null) throw unknown(id);
    return file;
  }
}

export interface Piece {
  readonly id: string;
  readonly fromBytes: number;
  readonly bytes: Buffer;
}

/**
 * What must go: all that is too old, then the oldest of the host that has most, until the rest fits. A host that makes much of it does not
 * push out what others have.
 *
 * @param rows the oldest first.
 */
export function tooMuch(
  rows: readonly CaptureRow[],
  { totalBytes, nowMs }: { readonly totalBytes: number; readonly nowMs: number },
): readonly CaptureRow[] {
  const gone = rows.filter((row) => nowMs - row.created_ms > KEEP_MS);
  const hosts = new Map<string, { bytes: number; rows: CaptureRow[] }>();
  let total = 0;
  for (const row of rows.slice(gone.length)) {
    const host = hosts.get(row.host) ?? { bytes: 0, rows: [] };
    host.bytes += row.size_bytes;
    host.rows.push(row);
    hosts.set(row.host, host);
    total += row.size_bytes;
  }
  while (total > totalBytes) {
    const [most] = [...hosts.values()].sort((one, other) => other.bytes - one.bytes);
    const oldest = most?.rows.shift();
    if (most === undefined || oldest === undefined) break;
    most.bytes -= oldest.size_bytes;
    total -= oldest.size_bytes;
    gone.push(oldest);
  }
  return gone;
}

function isComplete({ state }: CaptureRow): boolean {
  return state === 'kept' || state === 'cut';
}

/** Null when it is not there. Anything else that keeps us from it is no answer. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function unknown(id: string): Failure {
  const message = `nothing is known of a capture ${id} that is complete and not here`;
  return new Failure(message, { code: 'capture-not-found', httpStatus: 404, retryable: true });
}

function misplaced(id: string, why: string): Failure {
  const message = `this piece of the capture ${id} belongs elsewhere: ${why}`;
  return new Failure(message, { code: 'capture-piece-misplaced', httpStatus: 409, retryable: true });
}

function busy(host: string): Failure {
  const message = `something of ${host} is being written; ask again`;
  return new Failure(message, { code: 'capture-busy', httpStatus: 409, retryable: true });
}

function noRoom(id: string): Failure {
  const message = `there is no room for the capture ${id}: what other hosts have begun to send takes it`;
  return new Failure(message, { code: 'capture-no-room', httpStatus: 503, retryable: true });
}

function differs(id: string): Failure {
  const message = `the capture ${id} is not what was said of it: its size or its SHA-256 differs`;
  return new Failure(message, { code: 'capture-differs', httpStatus: 422, retryable: false });
}
