/**
 * What an agent could not send yet, on disk: one file a batch, in the order of their numbers. A batch is there, whole, before anybody relies on
 * it, and goes only when the server has said that it has it.
 *
 * ```
 *  spool/0000000000000042.must.gz      findings and gaps: never dropped
 *  spool/0000000000000043.may.gz       activity and lines: the oldest go first when the bound is reached, and are counted
 *  spool/0000000000000041.gone         the highest number that is no longer here: none is given twice, also when all was sent
 * ```
 *
 * The surprise: findings are not bounded. When they alone fill the disk, writing fails, and whoever made them waits: that is said, not hidden.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Urgency = 'must' | 'may';

export interface SpooledBatch {
  readonly sequence: number;
  readonly urgency: Urgency;
  readonly sizeBytes: number;
}

export interface SpoolOptions {
  readonly directory: string;
  /** Of everything; what may be dropped is dropped above it. */
  readonly mostBytes: number;
}

const NAME = /^(\d{16})\.(must|may)\.gz$/;
const GONE = /^(\d{16})\.gone$/;
const DRAFT = '.draft';

export class Spool {
  readonly #directory: string;
  readonly #mostBytes: number;
  /** In the order of their numbers. */
  readonly #batches: SpooledBatch[];
  #bytes: number;
  #next: number;
  #dropped = 0;
  #gone: number;
  /** Batches come in the order of their numbers, whatever their size: the server takes a number that it has passed for one that it has. */
  #adding: Promise<unknown> = Promise.resolve();

  private constructor({ directory, mostBytes }: SpoolOptions, batches: SpooledBatch[], gone: number) {
    this.#directory = directory;
    this.#mostBytes = mostBytes;
    this.#batches = batches;
    this.#bytes = batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#gone = gone;
    this.#next = Math.max(gone, batches.at(-1)?.sequence ?? 0) + 1;
  }

  /** Finds what an earlier life of the agent left. Drafts that were never finished are removed: nobody relied on them. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const batches: SpooledBatch[] = [];
    let gone = 0;
    for (const name of (await readdir(directory)).toSorted()) {
      if (name.endsWith(DRAFT)) await rm(join(directory, name), { force: true });
      gone = Math.max(gone, Number(GONE.exec(name)?.[1] ?? 0));
      const [, sequence, urgency] = NAME.exec(name) ?? [];
      if (sequence === undefined) continue;
      const { size } = await stat(join(directory, name));
      batches.push({ sequence: Number(sequence), urgency: urgency === 'must' ? 'must' : 'may', sizeBytes: size });
    }
    return new Spool(options, batches, gone);
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#batches.length;
  }

  /** Batches that were dropped since the agent began, since the spool was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Resolves when the batch is on disk.
   *
   * @param make is given the number of the batch and returns its bytes.
   */
  add(urgency: Urgency, make: (sequence: number) => Uint8Array): Promise<SpooledBatch> {
    const added = this.#adding.then(() => this.#write(urgency, make));
    // One that fails holds up none that follows; whoever asked for it is told.
    this.#adding = added.catch(() => undefined);
    return added;
  }

  /** What is to be sent next: findings before the rest, the oldest first. Null: nothing. */
  next(): SpooledBatch | null {
    return this.#batches.find(({ urgency }) => urgency === 'must') ?? this.#batches[0] ?? null;
  }

  read(batch: SpooledBatch): Promise<Buffer> {
    return readFile(this.#pathOf(batch));
  }

  /** The server has it. */
  async remove(batch: SpooledBatch): Promise<void> {
    const place = this.#batches.indexOf(batch);
    if (place === -1) return;
    this.#batches.splice(place, 1);
    this.#bytes -= batch.sizeBytes;
    await this.#remember(batch);
    await rm(this.#pathOf(batch), { force: true });
  }

  /** Puts aside what the server will never take, for whoever wants to know why. */
  async setAside(batch: SpooledBatch): Promise<string> {
    const place = this.#batches.indexOf(batch);
    if (place !== -1) this.#batches.splice(place, 1);
    this.#bytes -= batch.sizeBytes;
    await this.#remember(batch);
    const aside = join(this.#directory, 'refused');
    await mkdir(aside, { recursive: true, mode: 0o700 });
    const target = join(aside, this.#nameOf(batch));
    await rename(this.#pathOf(batch), target);
    return target;
  }

  async #write(urgency: Urgency, make: (sequence: number) => Uint8Array): Promise<SpooledBatch> {
    const sequence = this.#next;
    this.#next += 1;
    const bytes = make(sequence);
    const batch = { sequence, urgency, sizeBytes: bytes.length };
    const path = this.#pathOf(batch);
    const file = await open(`${path}${DRAFT}`, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}${DRAFT}`, path);
    await this.#syncDirectory();
    this.#batches.push(batch);
    this.#bytes += bytes.length;
    await this.#makeRoom();
    return batch;
  }

  /** Before the batch of the highest number goes, its number is kept. */
  async #remember({ sequence }: SpooledBatch): Promise<void> {
    if (sequence <= this.#gone) return;
    const former = this.#gone;
    await writeFile(this.#markOf(sequence), '', { mode: 0o600 });
    this.#gone = sequence;
    if (former > 0) await rm(this.#markOf(former), { force: true });
  }

  #markOf(sequence: number): string {
    return join(this.#directory, `${String(sequence).padStart(16, '0')}.gone`);
  }

  async #makeRoom(): Promise<void> {
    while (this.#bytes > this.#mostBytes) {
      const oldest = this.#batches.find(({ urgency }) => urgency === 'may');
      if (oldest === undefined) return;
      await this.remove(oldest);
      this.#dropped += 1;
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  #nameOf({ sequence, urgency }: SpooledBatch): string {
    return `${String(sequence).padStart(16, '0')}.${urgency}.gz`;
  }

  #pathOf(batch: SpooledBatch): string {
    return join(this.#directory, this.#nameOf(batch));
  }
}
