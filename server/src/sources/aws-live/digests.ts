/**
 * Checks what was taken against the trail's own digests: an object that was changed is told, one that was deleted is told, and one of
 * which no notification came is taken now. A digest that is missing in the chain is looked for.
 *
 * The surprise: this is also how lost notifications heal. Whoever cuts the bucket off from the queue, or whatever drops a message,
 * is found out by the next digest.
 */
import { sql } from 'kysely';
import type { QueueMessage } from '../../vendors/aws/trail.ts';
import { unpack } from '../reading/byte-stream.ts';
import {
  chainOf,
  type Digest,
  isSigned,
  LARGEST_DIGEST_BYTES,
  type ListedObject,
  readDigest,
  regionOf,
} from './digest.ts';
import type { AwsIntakeOptions } from './intake.ts';
import { forgetVouched, type ObjectName, takenDigests } from './ledger.ts';
import type { ObjectRef } from './message.ts';
import { takeObject, tellLost } from './objects.ts';
import type { TrailTables } from './tables.ts';

/** Digests looked for behind one message; each covers an hour. */
const MOST_BACK = 48;
const MOST_AT_ONCE = 1_000;
const KEEP_SECONDS = 300;

interface SignedDigest {
  readonly digest: Digest;
  readonly signature: string;
}

export interface DigestCheck {
  readonly ref: ObjectRef;
  readonly message: QueueMessage;
  /** What cannot be read now is told as lost instead of waited for. */
  readonly isLastTry: boolean;
}

/** @throws Error when it is to be tried again: something cannot be read now. */
export async function checkDigest(check: DigestCheck, options: AwsIntakeOptions): Promise<void> {
  const { ref, message, isLastTry } = check;
  const last = await lastOf(ref, options);
  let wanted: ObjectName | null = ref;
  let newest: SignedDigest | null = null;
  for (let back = 0; wanted !== null && back < MOST_BACK; back += 1) {
    if (last !== null && wanted.bucket === last.bucket && wanted.key === last.key) break;
    await options.client.extend(message, KEEP_SECONDS);
    const found: SignedDigest | string = await fetchDigest(wanted, options);
    if (typeof found === 'string') {
      // The first is what the message is about and comes again; one further back that is gone was deleted.
      if (back === 0) throw new Error(found);
      await tellLost('Trail digest lost', wanted, found, options);
      break;
    }
    await checkObjects(found.digest, isLastTry, options);
    newest ??= found;
    const { previous, endMs } = found.digest;
    if (last === null || endMs <= last.end_ms) break;
    const isNext = previous !== null && previous.bucket === last.bucket && previous.key === last.key;
    if (isNext && previous.signature !== last.signature)
      await tellLost(
        'Trail digest changed',
        previous,
        'its signature is not the one that the next digest names',
        options,
      );
    wanted = previous;
  }
  if (newest !== null) await remember(ref, newest, options);
}

async function lastOf(ref: ObjectRef, { state }: AwsIntakeOptions): Promise<TrailTables['trail_digest'] | null> {
  const rows = state.db.withTables<TrailTables>().selectFrom('trail_digest').selectAll();
  return (await rows.where('chain', '=', chainOf(ref)).executeTakeFirst()) ?? null;
}

async function remember(
  ref: ObjectRef,
  { digest, signature }: SignedDigest,
  { state, clock }: AwsIntakeOptions,
): Promise<void> {
  const nowMs = clock.nowMs();
  await sql`
    insert into trail_digest as d (chain, bucket, key, signature, end_ms, seen_ms)
    values (${chainOf(ref)}, ${ref.bucket}, ${ref.key}, ${signature}, ${digest.endMs}, ${nowMs})
    on conflict (chain) do update set
      bucket = excluded.bucket, key = excluded.key, signature = excluded.signature, end_ms = excluded.end_ms,
      seen_ms = excluded.seen_ms
    where d.end_ms < excluded.end_ms`.execute(state.db);
}

/** The digest, checked; why not when it is not there, or not AWS' own. */
async function fetchDigest(name: ObjectName, options: AwsIntakeOptions): Promise<SignedDigest | string> {
  const { client } = options;
  const place = `${name.bucket}/${name.key}`;
  const object = await client.fetchObject(name.bucket, name.key, null);
  if (object.type !== 'object') return object.reason;
  const digest = readDigest(await textOf(object.chunks));
  const { signature } = object.metadata;
  if (digest === null || signature === undefined) return `${place} is no signed digest`;
  if (digest.bucket !== name.bucket || digest.key !== name.key) return `${place} was made for another place`;
  for (const region of [regionOf(name.key), null]) {
    const keys = await client.publicKeys(region, digest.startTime, digest.endTime);
    if (isSigned(digest, signature, keys)) return { digest, signature };
  }
  return `${place} is not signed by AWS: it was changed`;
}

async function textOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of unpack(chunks)) {
    if (part.type === 'damage') break;
    bytes += part.bytes.length;
    if (bytes > LARGEST_DIGEST_BYTES) break;
    parts.push(part.bytes);
  }
  return Buffer.concat(parts);
}

async function checkObjects({ objects }: Digest, isLastTry: boolean, options: AwsIntakeOptions): Promise<void> {
  const buckets = new Set(objects.map(({ bucket }) => bucket));
  for (const bucket of buckets) {
    const listed = objects.filter((object) => object.bucket === bucket);
    for (let start = 0; start < listed.length; start += MOST_AT_ONCE)
      await checkSome({ bucket, listed: listed.slice(start, start + MOST_AT_ONCE), isLastTry }, options);
  }
}

async function checkSome(
  { bucket, listed, isLastTry }: { bucket: string; listed: readonly ListedObject[]; isLastTry: boolean },
  options: AwsIntakeOptions,
): Promise<void> {
  const { state, name, log } = options;
  const keys = listed.map(({ key }) => key);
  const taken = new Map(await takenDigests(state, bucket, keys));
  for (const { key } of listed.filter(({ key }) => !taken.has(key))) {
    const ref = { bucket, key, etag: null, sizeBytes: null };
    const result = await takeObject(ref, options);
    if (result.type === 'taken') {
      log.warn('an object was taken of which no notification had come', { queue: name, key });
      taken.set(key, result.sha256);
    } else if (result.type === 'gone' || isLastTry) await tellLost('Trail object lost', ref, result.reason, options);
    else throw new Error(result.reason);
  }
  for (const { key, sha256 } of listed) {
    const found = taken.get(key);
    if (found === undefined || found === sha256) continue;
    const why = 'its content is not what CloudTrail wrote, by the digest of the trail';
    await tellLost('Trail object changed', { bucket, key }, why, options);
  }
  await forgetVouched(state, bucket, keys);
}
