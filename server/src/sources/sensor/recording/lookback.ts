/**
 * The last minutes of a host's stream, compressed, within a bound: so that a capture can begin before the moment that made
 * somebody want it.
 *
 * ```
 *  generation 3: began 08:00:10          generation 4: began 08:00:20
 *  ┌───────┬────────┬────────┬ … ┐       ┌───────┬────────┬ … ┐
 *  │ state │ piece  │ piece  │   │       │ state │ piece  │   │       each a gzip member; joined they are a file
 *  └───────┴────────┴────────┴ … ┘       └───────┴────────┴ … ┘
 * ```
 *
 * A capture is the state of one generation and all pieces from there on. The surprise: pieces are compressed while the stream
 * goes on, so that they are promises; nobody waits for one before a capture is written.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);
/** Fast, and still a tenth of the bytes: most of a stream repeats itself. */
const LEVEL = 1;

export interface LookBackLimits {
  /** How far back a capture can reach, where the bytes allow. */
  readonly keepMs: number;
  readonly budgetBytes: number;
}

export interface LookBackOptions extends LookBackLimits {
  /** The state of the host now, as the beginning of a capture. */
  readonly state: () => Uint8Array | null;
  /** Told of every piece as soon as it is complete, in order. */
  readonly onPiece: (piece: Piece) => void;
}

/** Whole blocks of the stream. */
export interface Piece {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: Promise<Buffer>;
}

/** Where a capture can begin: the state then, and the pieces since. */
export interface Cut {
  readonly fromMs: number;
  readonly pieces: readonly Piece[];
}

interface Generation {
  readonly state: Piece | null;
  readonly fromMs: number;
  pieces: Piece[];
  heldBytes: number;
}

const PIECE_BYTES = 1024 * 1024;
const PIECE_MS = 1_000;
/** A state is taken this often, sooner when very much comes, and never so often that it costs more than this share of the time. */
const GENERATION_MS = 10_000;
const STATE_SHARE = 1 / 50;
/** Of the budget: so much in one generation, and another begins, since only whole ones can be forgotten. */
const GENERATION_SHARE = 1 / 4;

export class LookBack {
  readonly #options: LookBackOptions;
  #generations: Generation[] = [];
  #raw: Buffer[] = [];
  #rawBytes = 0;
  #rawFromMs = 0;
  #incomplete = 0;
  #eventMs = 0;
  /** What is pushed between the stream's own blocks as soon as a piece ends. */
  #inserted: Buffer[] = [];

  constructor(options: LookBackOptions) {
    this.#options = options;
  }

  /** Of what is kept. */
  get heldBytes(): number {
    return this.#generations.reduce((sum, { heldBytes }) => sum + heldBytes, this.#rawBytes);
  }

  get fromMs(): number | null {
    return this.#generations[0]?.fromMs ?? null;
  }

  /** A new stream: what was kept belongs to another section. */
  clear(): void {
    this.#generations = [];
    this.#raw = [];
    this.#rawBytes = 0;
    this.#inserted = [];
  }

  /**
   * The next bytes, already read by the machine.
   *
   * @param incomplete how many bytes at their end belong to a block whose rest has not come.
   * @param steadyMs for measuring what a state costs.
   */
  add(chunk: Buffer, incomplete: number, at: { readonly eventMs: number; readonly steadyMs: () => number }): void {
    if (this.#rawBytes === 0) this.#rawFromMs = at.eventMs;
    this.#raw.push(Buffer.from(chunk));
    this.#rawBytes += chunk.length;
    this.#incomplete = incomplete;
    this.#eventMs = at.eventMs;
    if (this.#rawBytes < PIECE_BYTES && at.eventMs - this.#rawFromMs < PIECE_MS) return;
    this.#endPiece(incomplete, at.eventMs);
    this.#beginGeneration(at.eventMs, at.steadyMs);
    this.#forget(at.eventMs);
  }

  /** The stream ended: what has come is a piece, as far as it is whole. */
  end(): void {
    this.#endPiece(this.#incomplete, this.#eventMs);
  }

  /** A block of ours, for instance what a runtime said of a container. */
  insert(block: Buffer): void {
    this.#inserted.push(block);
  }

  /** Everything from `fromMs` on, as far back as it reaches. Null before anything came. */
  cut(fromMs: number): Cut | null {
    const first = this.#generations.findLastIndex((one) => one.fromMs <= fromMs);
    const chosen = this.#generations.slice(Math.max(first, 0));
    const [beginning] = chosen;
    if (beginning === undefined) return null;
    const pieces = chosen.flatMap((one) => one.pieces);
    return {
      fromMs: beginning.fromMs,
      pieces: beginning.state === null ? pieces : [beginning.state, ...pieces],
    };
  }

  #endPiece(incomplete: number, eventMs: number): void {
    const joined = Buffer.concat(this.#raw, this.#rawBytes);
    const end = joined.length - incomplete;
    if (end <= 0) return;
    const whole = Buffer.concat([joined.subarray(0, end), ...this.#inserted]);
    this.#inserted = [];
    this.#raw = incomplete === 0 ? [] : [Buffer.from(joined.subarray(end))];
    this.#rawBytes = incomplete;
    const piece = { fromMs: this.#rawFromMs, toMs: eventMs, bytes: compress(whole, { level: LEVEL }) };
    this.#rawFromMs = eventMs;
    const generation = this.#generations.at(-1) ?? this.#firstGeneration(piece.fromMs);
    generation.pieces.push(piece);
    this.#hold(generation, whole.length, piece.bytes);
    this.#options.onPiece(piece);
  }

  /** The stream itself begins with its state. */
  #firstGeneration(fromMs: number): Generation {
    const generation: Generation = { state: null, fromMs, pieces: [], heldBytes: 0 };
    this.#generations.push(generation);
    return generation;
  }

  #stateTookMs = 0;

  #beginGeneration(eventMs: number, steadyMs: () => number): void {
    const last = this.#generations.at(-1);
    if (last === undefined) return;
    const ageMs = eventMs - last.fromMs;
    const isFull = last.heldBytes >= this.#options.budgetBytes * GENERATION_SHARE;
    if (ageMs < this.#stateTookMs / STATE_SHARE || (ageMs < GENERATION_MS && !isFull)) return;
    const started = steadyMs();
    const state = this.#options.state();
    if (state === null) return;
    this.#stateTookMs = steadyMs() - started;
    const bytes = compress(state, { level: LEVEL });
    const generation: Generation = {
      state: { fromMs: eventMs, toMs: eventMs, bytes },
      fromMs: eventMs,
      pieces: [],
      heldBytes: 0,
    };
    this.#generations.push(generation);
    this.#hold(generation, state.byteLength, bytes);
  }

  /** Counts what is there: the raw bytes until they are compressed. */
  #hold(generation: Generation, rawBytes: number, bytes: Promise<Buffer>): void {
    generation.heldBytes += rawBytes;
    void bytes.then((packed) => {
      generation.heldBytes += packed.length - rawBytes;
    });
  }

  #forget(nowMs: number): void {
    const { keepMs, budgetBytes } = this.#options;
    let held = this.heldBytes;
    while (this.#generations.length > 1) {
      const [oldest, next] = this.#generations;
      const isOld = next !== undefined && nowMs - next.fromMs >= keepMs;
      if (!isOld && held <= budgetBytes) return;
      held -= oldest?.heldBytes ?? 0;
      this.#generations.shift();
    }
  }
}
