/**
 * Cuts the readings of one file into batches that the inbox takes: bounded in records and bytes, one source each.
 *
 * Deterministic: the same file is cut the same way, so reading it again after a crash accepts no batch twice.
 */
import type { FileCheckpoint, NewRecord, IntakeBatch, MalformedRecord } from './inbox.ts';
import { MOST_BATCH_BYTES, MOST_RECORDS } from './inbox.ts';
import type { Reading, SourceName } from './source.ts';

/** What a batch's JSON holds around each record. */
const OVERHEAD_BYTES = 64;
/** A batch takes no more after this; a reasonable transaction, well below what the inbox refuses. */
const FULL_BYTES = Math.floor(MOST_BATCH_BYTES / 4);

/**
 * The batches of one file. With a `checkpoint` the last one carries it; an empty file then yields one empty batch.
 * `source` is where malformed records are counted when no record told the source yet.
 */
export async function* batchesOf(
  readings: AsyncIterable<Reading> | Iterable<Reading>,
  options: {
    readonly origin: string;
    readonly source: SourceName | null;
    readonly checkpoint?: () => FileCheckpoint | null;
  },
): AsyncGenerator<IntakeBatch> {
  let batch = new OpenBatch(options.source);
  for await (const given of readings) {
    const { reading, json } = written(given);
    if (!batch.hasRoomFor(reading, json)) {
      yield batch.close(options.origin, null);
      batch = new OpenBatch(batch.source);
    }
    batch.add(reading, json);
  }
  const checkpoint = options.checkpoint?.() ?? null;
  if (!batch.isEmpty() || checkpoint !== null) yield batch.close(options.origin, checkpoint);
}

/** A record as text. One that nests so deep that writing it would end the stack is put aside instead. */
function written(reading: Reading): { readonly reading: Reading; readonly json: string } {
  if (reading.type === 'malformed') return { reading, json: '' };
  try {
    return { reading, json: JSON.stringify(reading.record) };
  } catch {
    const { origin, id } = reading;
    const reason = `the record ${id} nests too deep to be stored`;
    return { reading: { type: 'malformed', reason, raw: '', origin }, json: '' };
  }
}

class OpenBatch {
  source: SourceName | null;
  readonly #records: NewRecord[] = [];
  readonly #malformed: MalformedRecord[] = [];
  #bytes = 0;
  #malformedBytes = 0;

  constructor(source: SourceName | null) {
    this.source = source;
  }

  isEmpty(): boolean {
    return this.#records.length === 0 && this.#malformed.length === 0;
  }

  /** An empty batch has room for anything: a record that is too large for any batch travels alone. */
  hasRoomFor(next: Reading, json: string): boolean {
    if (this.isEmpty()) return true;
    if (next.type === 'malformed') {
      return this.#malformed.length < MOST_RECORDS && this.#malformedBytes + next.raw.length <= MOST_BATCH_BYTES;
    }
    if (this.#records.length === 0) return true;
    if (this.#records.length >= MOST_RECORDS || this.#bytes >= FULL_BYTES) return false;
    return next.source.name === this.source && this.#bytes + sizeOf(next.id, json) <= MOST_BATCH_BYTES;
  }

  add(reading: Reading, json: string): void {
    if (reading.type === 'malformed') {
      const { origin, reason, raw } = reading;
      this.#malformed.push({ origin, reason, raw });
      this.#malformedBytes += raw.length;
      return;
    }
    const { id, timeMs, source } = reading;
    this.source = source.name;
    this.#records.push({ id, timeMs, json });
    this.#bytes += sizeOf(id, json);
  }

  close(origin: string, checkpoint: FileCheckpoint | null): IntakeBatch {
    return { source: this.source, origin, records: this.#records, malformed: this.#malformed, checkpoint };
  }
}

/** At most six bytes of JSON for a UTF-16 unit of an id. */
function sizeOf(id: string, json: string): number {
  return Buffer.byteLength(json) + 6 * id.length + OVERHEAD_BYTES;
}
