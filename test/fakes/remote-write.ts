/**
 * A receiver of Prometheus remote write for tests: unpacks snappy by the format's description, reads the message, checks what the protocol asks
 * for, and answers what it is told to.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number;
}

export interface FakeReceiver {
  readonly url: string;
  readonly samples: readonly ReceivedSample[];
  readonly authorizations: readonly (string | undefined)[];
  /** Faults of the protocol; the test expects none. */
  readonly faults: readonly string[];
  /** What to answer from now on; null: 204. */
  answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | null;
  requests: number;
  close(): Promise<void>;
}

export async function startFakeReceiver(): Promise<FakeReceiver> {
  const samples: ReceivedSample[] = [];
  const faults: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      fake.requests += 1;
      authorizations.push(request.headers.authorization);
      for (const [name, value] of EXPECTED)
        if (request.headers[name] !== value) faults.push(`${name} is ${String(request.headers[name])}`);
      const { status, headers = {} } = fake.answer ?? { status: 204 };
      if (status === 204) take(Buffer.concat(pieces), samples, faults);
      response.writeHead(status, headers).end(status === 204 ? '' : 'not now');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const fake: FakeReceiver = {
    url: `http://127.0.0.1:${port}/api/v1/write`,
    samples,
    authorizations,
    faults,
    answer: null,
    requests: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;
}

const EXPECTED = [
  ['content-type', 'application/x-protobuf'],
  ['content-encoding', 'snappy'],
  ['x-prometheus-remote-write-version', '0.1.0'],
] as const;

function take(body: Buffer, samples: ReceivedSample[], faults: string[]): void {
  try {
    for (const series of messages(unsnappy(body), 1)) {
      const pairs = messages(series, 1).map((label) => [text(label, 1), text(label, 2)] as const);
      const names = pairs.map(([name]) => name);
      if (names.join() !== [...new Set(names)].sort().join()) faults.push(`labels are not in order: ${names.join()}`);
      if (pairs.some(([, value]) => value === '')) faults.push('a label is empty');
      for (const sample of messages(series, 2)) {
        const value = field(sample, 1) as Buffer;
        samples.push({
          labels: Object.fromEntries(pairs),
          value: value.readDoubleLE(0),
          timeMs: Number(field(sample, 2)),
        });
      }
    }
  } catch (error) {
    faults.push(String(error));
  }
}

/** The block format of snappy, every form of it. @throws Error when it is damaged. */
export function unsnappy(bytes: Buffer): Buffer {
  const length = varint(bytes, 0);
  const output = Buffer.alloc(Number(length.value));
  let end = 0;
  for (let at = length.next; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    at += 1;
    const kind = tag & 3;
    if (kind === 0) {
      let size = (tag >> 2) + 1;
      if (size > 60) {
        const wide = size - 60;
        size = bytes.readUIntLE(at, wide) + 1;
        at += wide;
      }
      if (at + size > bytes.length || end + size > output.length) throw new Error('a literal beyond the end');
      end += bytes.copy(output, end, at, at + size);
      at += size;
      continue;
    }
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = kind === 1 ? ((tag >> 5) << 8) | (bytes[at] ?? 0) : bytes.readUIntLE(at, kind === 2 ? 2 : 4);
    at += kind === 1 ? 1 : kind === 2 ? 2 : 4;
    if (offset === 0 || offset > end || end + size > output.length) throw new Error('a copy from nowhere');
    for (let left = size; left > 0; left -= 1, end += 1) output[end] = output[end - offset] ?? 0;
  }
  if (end !== output.length) throw new Error(`${end} bytes, not ${output.length}`);
  return output;
}

type Value = Buffer | bigint;

function* fields(bytes: Buffer): Generator<readonly [number, Value]> {
  for (let at = 0; at < bytes.length; ) {
    const key = varint(bytes, at);
    at = key.next;
    const [number, wire] = [Number(key.value >> 3n), Number(key.value & 7n)];
    if (wire === 0) {
      const found = varint(bytes, at);
      at = found.next;
      yield [number, found.value];
    } else {
      const size = wire === 1 ? { value: 8n, next: at } : wire === 2 ? varint(bytes, at) : null;
      if (size === null) throw new Error(`a field of type ${wire}`);
      at = size.next + Number(size.value);
      if (at > bytes.length) throw new Error('a field beyond the end');
      yield [number, bytes.subarray(size.next, at)];
    }
  }
}

function messages(bytes: Buffer, number: number): readonly Buffer[] {
  return [...fields(bytes)].flatMap(([found, value]) => (found === number && Buffer.isBuffer(value) ? [value] : []));
}

function field(bytes: Buffer, number: number): Value {
  const found = [...fields(bytes)].find(([one]) => one === number);
  if (found === undefined) throw new Error(`no field ${number}`);
  return found[1];
}

function text(bytes: Buffer, number: number): string {
  return String(field(bytes, number));
}

function varint(bytes: Buffer, from: number): { readonly value: bigint; readonly next: number } {
  let value = 0n;
  for (let at = from, shift = 0n; at < from + 10; at += 1, shift += 7n) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('a number beyond the end');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  throw new Error('a number without end');
}
