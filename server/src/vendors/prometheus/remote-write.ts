/**
 * Prometheus remote write 1.0: one POST of a `WriteRequest`, packed with snappy.
 *
 * ```
 *  WriteRequest  1: TimeSeries …      TimeSeries  1: Label …  2: Sample …
 *  Label         1: name  2: value    Sample      1: double value  2: int64 milliseconds
 * ```
 *
 * The surprise: a receiver that answers 400 may have taken the rest of the request. It must not be sent again, and is not.
 */
import { describeFailure, type PostResult, readReply, resultOf, TIMEOUT_MS } from '../post.ts';
import { snappy } from './snappy.ts';

export interface TimeSeries {
  /** With `__name__`; sorted by name, each once, none empty. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
  readonly timeMs: number;
}

const HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
  'user-agent': 'countersign',
} as const;

/** Rejects never. */
export async function postWrite(
  url: string,
  series: readonly TimeSeries[],
  headers: Readonly<Record<string, string>>,
): Promise<PostResult> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...HEADERS, ...headers },
      body: new Uint8Array(snappy(encodeWriteRequest(series))),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return resultOf(response.status, await readReply(response), response.headers.get('retry-after'));
  } catch (error) {
    return { type: 'unreachable', reason: describeFailure(error) };
  }
}

const LENGTH_DELIMITED = 2;
const FIXED_64 = 1;
const VARINT = 0;

export function encodeWriteRequest(series: readonly TimeSeries[]): Buffer {
  const writer = new Writer();
  for (const { labels, value, timeMs } of series) {
    writer.message(1, () => {
      for (const [name, text] of labels) {
        writer.message(1, () => {
          writer.text(1, name);
          writer.text(2, text);
        });
      }
      writer.message(2, () => {
        writer.double(1, value);
        writer.integer(2, timeMs);
      });
    });
  }
  return writer.bytes();
}

/** Grows as it is written. A message's length is not known before its content: four bytes are kept free for it, which a varint may fill. */
class Writer {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #end = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  message(field: number, write: () => void): void {
    this.#room(8);
    this.#byte((field << 3) | LENGTH_DELIMITED);
    const place = this.#end;
    this.#end += LENGTH_BYTES;
    write();
    let left = this.#end - place - LENGTH_BYTES;
    for (let byte = 0; byte < LENGTH_BYTES; byte += 1) {
      this.#buffer[place + byte] = (left & 0x7f) | (byte < LENGTH_BYTES - 1 ? 0x80 : 0);
      left >>>= 7;
    }
  }

  text(field: number, text: string): void {
    const size = Buffer.byteLength(text);
    this.#room(size + 16);
    this.#byte((field << 3) | LENGTH_DELIMITED);
    this.#varint(size);
    this.#end += this.#buffer.write(text, this.#end);
  }

  double(field: number, value: number): void {
    this.#room(16);
    this.#byte((field << 3) | FIXED_64);
    this.#end = this.#buffer.writeDoubleLE(value, this.#end);
  }

  integer(field: number, value: number): void {
    this.#room(16);
    this.#byte((field << 3) | VARINT);
    this.#varint(value);
  }

  #varint(value: number): void {
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 128)) this.#byte((left % 128) | 0x80);
    this.#byte(left);
  }

  #byte(value: number): void {
    this.#buffer[this.#end] = value;
    this.#end += 1;
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#buffer.length + bytes) * 2);
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

/** A varint may be longer than it must be: 4 bytes hold 28 bits, far more than a request has. */
const LENGTH_BYTES = 4;
