/** One object of a trail: into the inbox, with the digest of its content; and the alert about one that cannot be had any more. */
import { createHash } from 'node:crypto';
import { cloudtrailSource } from '../cloudtrail/cloudtrail.ts';
import { acceptBatch } from '../inbox.ts';
import { batchesOf } from '../inbox-batches.ts';
import { eachReading, readChunks } from '../reading/read-paths.ts';
import { accountOf } from './digest.ts';
import type { AwsIntakeOptions } from './intake.ts';
import { noteTaken, type ObjectName } from './ledger.ts';
import type { ObjectRef } from './message.ts';

export type Taking =
  | { readonly type: 'taken'; readonly sha256: string }
  /** Deleted, or not what the notification spoke of: it will not come back. */
  | { readonly type: 'gone'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string };

const LARGEST_OBJECT_BYTES = 512 * 1024 * 1024;

/** Taken means: every record of it is in the inbox, or aside in full. Rejects when the connection ends in the middle. */
export async function takeObject(ref: ObjectRef, options: AwsIntakeOptions): Promise<Taking> {
  const { state, client, clock, name } = options;
  const { bucket, key, etag, sizeBytes } = ref;
  const object = await client.fetchObject(bucket, key, etag);
  if (object.type !== 'object') return object;
  if (sizeBytes !== null && object.sizeBytes !== null && sizeBytes !== object.sizeBytes) {
    const reason = `${bucket}/${key} has ${object.sizeBytes} bytes, its notification says ${sizeBytes}`;
    return { type: 'gone', reason };
  }
  if ((object.sizeBytes ?? 0) > LARGEST_OBJECT_BYTES) {
    return { type: 'failed', reason: `${bucket}/${key} is larger than ${LARGEST_OBJECT_BYTES} bytes` };
  }
  const origin = `s3://${bucket}/${key}`;
  const hash = createHash('sha256');
  const sources = [cloudtrailSource];
  const onUnpacked = (bytes: Buffer) => void hash.update(bytes);
  const readings = readChunks(object.chunks, origin, { sources, source: cloudtrailSource, onUnpacked });
  for await (const batch of batchesOf(eachReading(readings), { origin, source: cloudtrailSource.name })) {
    await acceptBatch(state, batch, clock.nowMs());
  }
  const sha256 = hash.digest('hex');
  await noteTaken(state, ref, { queue: name, sha256, nowMs: clock.nowMs() });
  return { type: 'taken', sha256 };
}

/** Raises the alert: part of the trail is missing or is not what AWS wrote. It stays until a person has looked at it. */
export async function tellLost(
  what: 'Trail object lost' | 'Trail object changed' | 'Trail digest lost' | 'Trail digest changed',
  { bucket, key }: ObjectName,
  why: string,
  { state, log, raise, name }: AwsIntakeOptions,
): Promise<void> {
  log.warn('the trail is not whole', { queue: name, what, bucket, key, why });
  const digest = createHash('sha256').update(`${bucket}/${key}`).digest('hex').slice(0, 32);
  await state.transaction((trx) =>
    raise(trx, {
      action: 'trigger',
      dedupKey: `intake:${what.toLowerCase().replaceAll(' ', '-')}:${digest}`,
      summary: `${what}: ${key.split('/').at(-1) ?? key}`,
      severity: 'critical',
      source: 'intake',
      component: `s3://${bucket}/${key}`,
      class: what,
      account: accountOf(key),
      details: { bucket, key, why, queue: name },
    }),
  );
}
