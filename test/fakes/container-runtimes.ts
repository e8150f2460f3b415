/**
 * Container runtimes at Unix sockets: one speaks Docker's HTTP, one the gRPC of containerd and of the Kubernetes runtime interface.
 * Messages are written here byte by byte, after the published definitions, and not with the product's own code.
 */
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { constants, createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';

export interface FakeRuntime {
  /** What was asked, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** @param containers the JSON of `GET /containers/ID/json`, by id. */
export async function startDocker(
  socketPath: string,
  containers: Readonly<Record<string, object>>,
): Promise<FakeRuntime> {
  const asked: string[] = [];
  const server = createHttp((request: IncomingMessage, response) => {
    asked.push(`${request.method} ${request.url}`);
    const id = /^\/containers\/([^/]+)\/json$/.exec(request.url ?? '')?.[1] ?? '';
    const found = containers[id];
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { message: `No such container: ${id}` }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    asked,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/**
 * An answer's message; null: not found; a text: the call fails with it. Broken off: `ended` without trailers, `reset` after the headers, `gone` with
 * the connection.
 */
export type GrpcAnswer = Buffer | null | string | { readonly broken: 'ended' | 'reset' | 'gone' };

/** @param answer gets the path, the message, and the namespace that containerd's clients name. */
export async function startGrpc(
  socketPath: string,
  answer: (path: string, message: Buffer, namespace: string) => GrpcAnswer,
): Promise<FakeRuntime> {
  const asked: string[] = [];
  const server = createHttp2();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const path = String(headers[':path']);
    const namespace = String(headers['containerd-namespace'] ?? '');
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('error', () => undefined);
    stream.once('end', () => {
      asked.push(namespace === '' ? path : `${path} ${namespace}`);
      reply(stream, answer(path, Buffer.concat(pieces).subarray(5), namespace));
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return { asked, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function reply(stream: ServerHttp2Stream, answer: GrpcAnswer): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  if (answer !== null && typeof answer === 'object' && 'broken' in answer) {
    stream.respond(headers);
    if (answer.broken === 'ended') stream.end();
    else if (answer.broken === 'reset') stream.close(constants.NGHTTP2_NO_ERROR);
    else stream.session?.destroy();
    return;
  }
  if (!Buffer.isBuffer(answer)) {
    // Without a message the outcome comes with the headers.
    const outcome = answer === null ? { 'grpc-status': 5, 'grpc-message': 'not found' } : { 'grpc-status': 13 };
    stream.respond({ ...headers, ...outcome, ...(answer === null ? {} : { 'grpc-message': answer }) });
    stream.end();
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(answer.length, 1);
  // In two pieces: a message may come in any number of frames.
  stream.write(Buffer.concat([prefix, answer.subarray(0, 3)]));
  stream.end(answer.subarray(3));
}

/** Field `number` of a message: a text, a message, or a number of one byte. */
export function field(number: number, value: string | Buffer | number): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...lengthOf(bytes.length)]), bytes]);
}

export function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

export function entry(number: number, key: string, value: string): Buffer {
  return field(number, message(field(1, key), field(2, value)));
}

function lengthOf(length: number): readonly number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...lengthOf(length >> 7)];
}
