/**
 * One gRPC call over a Unix socket: HTTP/2 without TLS, a message with five bytes before it, the outcome in the trailers.
 * A connection a call: containers are asked about once each.
 */
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';

const TIMEOUT_MS = 3_000;
const LARGEST_BYTES = 4 * 1024 * 1024;
const PREFIX_BYTES = 5;
const OK = 0;
const NOT_FOUND = 5;

export interface GrpcCall {
  readonly socketPath: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly message: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer's message; null when what was asked for is not there. Throws when the call failed otherwise. */
export function callGrpc({ socketPath, path, message, headers = {} }: GrpcCall): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) });
    const finish = (error: Error | null, answer: Buffer | null = null) => {
      session.destroy();
      if (error === null) resolve(answer);
      else reject(error);
    };
    session.on('error', (error) => finish(error));
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.setTimeout(TIMEOUT_MS, () => finish(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    const pieces: Buffer[] = [];
    let size = 0;
    let outcome: IncomingHttpHeaders = {};
    // A call that fails at once has its outcome in the headers.
    stream.once('response', (told) => {
      outcome = told;
    });
    stream.once('trailers', (told) => {
      outcome = told;
    });
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > LARGEST_BYTES) finish(new Error(`an answer of more than ${LARGEST_BYTES} bytes`));
      else pieces.push(piece);
    });
    stream.on('error', (error) => finish(error));
    stream.once('end', () => {
      const status = outcome['grpc-status'];
      const body = Buffer.concat(pieces);
      // Also a connection that was cut off ends the stream; only the status says that the call is over.
      if (status === undefined) finish(new Error(`${path}: the answer ended without a status`));
      else if (Number(status) === NOT_FOUND) finish(null);
      else if (Number(status) !== OK)
        finish(new Error(`${path}: ${String(outcome['grpc-message'] ?? `status ${String(status)}`)}`));
      else if (!isWhole(body)) finish(new Error(`${path}: the answer is not one whole message`));
      else finish(null, body.subarray(PREFIX_BYTES));
    });
    stream.once('close', () => finish(new Error(`${path}: the call was broken off`)));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
  });
}

/** A byte for compression, which we do not take, and the length of what follows. */
function isWhole(body: Buffer): boolean {
  return body.length >= PREFIX_BYTES && body[0] === 0 && body.readUInt32BE(1) === body.length - PREFIX_BYTES;
}
