/**
 * Sessions of one chDB directory as lanes: one that writes and a few that read, so that a slow search does not hold up what
 * must be stored. A lane runs one statement at a time; what waits is bounded.
 *
 * Settings and parameters stick to a chDB session, which is why parameters are bound and never `SET`.
 */
import type * as Chdb from 'chdb';

const READERS = 2;
const MOST_WAITING = 64;
const READS = /^[\s(]*(select|with|show|describe|exists|explain)\b/i;

/** Too much waits already: the caller should come back later. */
export class LanesFull extends Error {}

interface Lane {
  readonly session: Chdb.Session;
  waiting: number;
  last: Promise<unknown>;
}

export class ChdbLanes {
  readonly #writer: Lane;
  readonly #readers: readonly Lane[];
  readonly #drain: () => Promise<void>;

  private constructor(writer: Lane, readers: readonly Lane[], drain: () => Promise<void>) {
    this.#writer = writer;
    this.#readers = readers;
    this.#drain = drain;
  }

  /** Throws when the directory is in use or cannot be read. */
  static open(chdb: typeof Chdb, directory: string): ChdbLanes {
    const lane = (): Lane => ({ session: new chdb.Session(directory), waiting: 0, last: Promise.resolve() });
    const writer = lane();
    return new ChdbLanes(writer, Array.from({ length: READERS }, lane), () => chdb.drainPending());
  }

  /** Runs one statement. `parameters` fill `{name:Type}` places. */
  async run(statement: string, parameters: Readonly<Record<string, string | null>>): Promise<Buffer> {
    const lane = READS.test(statement) ? this.#freestReader() : this.#writer;
    if (lane.waiting >= MOST_WAITING) throw new LanesFull(`more than ${MOST_WAITING} statements wait`);
    lane.waiting += 1;
    const turn = lane.last.then(async () => {
      const options = { format: 'TabSeparated' };
      const result =
        Object.keys(parameters).length === 0
          ? await lane.session.queryAsync(statement, options)
          : await lane.session.queryBindAsync(statement, parameters, options);
      return Buffer.from(result.bytes());
    });
    lane.last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      lane.waiting -= 1;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#writer, ...this.#readers].map(({ last }) => last));
    for (const { session } of [...this.#readers, this.#writer]) session.close();
    await this.#drain();
  }

  #freestReader(): Lane {
    return this.#readers.reduce(
      (best, lane) => (lane.waiting < best.waiting ? lane : best),
      this.#readers[0] ?? this.#writer,
    );
  }
}
