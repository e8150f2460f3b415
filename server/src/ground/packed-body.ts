/**
 * Bodies that come packed (`Content-Encoding: gzip`), unpacked before they are parsed.
 *
 * The surprise: the limit of a route holds for what comes out, so that a small body cannot become a large one; the server counts
 * both, given `receivedEncodedLength`.
 */
import { PassThrough, type Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from './failure.ts';

/** A `preParsing` hook. @throws Failure `unsupported-media-type` for any other packing. */
export async function unpackBody(request: FastifyRequest, _reply: FastifyReply, payload: Readable): Promise<Readable> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return payload;
  if (encoding !== 'gzip') {
    const message = `bodies packed as '${encoding}' are not taken: send gzip, or none`;
    throw new Failure(message, { code: 'unsupported-media-type', httpStatus: 415, retryable: false });
  }
  const unpacked = Object.assign(createGunzip(), { receivedEncodedLength: 0 });
  const counted = new PassThrough();
  counted.on('data', (chunk: Buffer) => {
    unpacked.receivedEncodedLength += chunk.length;
  });
  // A failure shows where the unpacked side is read.
  pipeline(payload, counted, unpacked, () => undefined);
  return unpacked;
}
