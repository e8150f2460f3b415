/**
 * The digest that CloudTrail writes every hour: which objects the trail holds, with the digest of each, signed, and chained to the
 * digest before. Pure.
 *
 * ```
 *  signed text = end time \n bucket/key of the digest \n hex SHA-256(its JSON) \n signature of the digest before, or "null"
 *  signature   = RSASSA-PKCS1-v1_5 with SHA-256, by a key that AWS publishes for the region
 * ```
 *
 * The surprise: digests are of the unpacked text, not of the objects' bytes.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { at, isObject, list, textOrNull } from '../json-value.ts';
import type { ObjectName } from './ledger.ts';

export interface ListedObject extends ObjectName {
  readonly sha256: string;
}

export interface Digest extends ObjectName {
  readonly account: string;
  readonly startTime: string;
  readonly endTime: string;
  readonly endMs: number;
  readonly keyFingerprint: string;
  readonly previous: (ObjectName & { readonly signature: string }) | null;
  readonly objects: readonly ListedObject[];
  /** Hex SHA-256 of the digest's own text. */
  readonly sha256: string;
}

export interface TrailKey {
  readonly fingerprint: string;
  /** PKCS #1, DER. */
  readonly der: Uint8Array;
}

export const LARGEST_DIGEST_BYTES = 16 * 1024 * 1024;
const MOST_LISTED = 50_000;
const SHA256 = 'SHA-256';
const RSA = 'SHA256withRSA';

/** Null when it is no digest that can be checked. */
export function readDigest(text: Buffer): Digest | null {
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const word = (name: string) => textOrNull(at(value, name));
  const [account, bucket, key] = [word('awsAccountId'), word('digestS3Bucket'), word('digestS3Object')];
  const [startTime, endTime] = [word('digestStartTime'), word('digestEndTime')];
  const keyFingerprint = word('digestPublicKeyFingerprint');
  const endMs = Date.parse(endTime ?? '');
  const files = list(value['logFiles']);
  const objects = files.flatMap(listedObject);
  const isWhole = objects.length === files.length && files.length <= MOST_LISTED && !Number.isNaN(endMs);
  if (!isWhole || word('digestSignatureAlgorithm') !== RSA) return null;
  if (account === null || bucket === null || key === null || startTime === null || endTime === null) return null;
  if (keyFingerprint === null) return null;
  const sha256 = createHash('sha256').update(text).digest('hex');
  const previous = previousOf(value);
  return { account, bucket, key, startTime, endTime, endMs, keyFingerprint, previous, objects, sha256 };
}

function listedObject(file: unknown): ListedObject[] {
  const word = (name: string) => textOrNull(at(file, name));
  const [bucket, key, sha256] = [word('s3Bucket'), word('s3Object'), word('hashValue')];
  if (bucket === null || key === null || sha256 === null || word('hashAlgorithm') !== SHA256) return [];
  return [{ bucket, key, sha256: sha256.toLowerCase() }];
}

function previousOf(value: unknown): Digest['previous'] {
  const word = (name: string) => textOrNull(at(value, name));
  const [bucket, key] = [word('previousDigestS3Bucket'), word('previousDigestS3Object')];
  const signature = word('previousDigestSignature');
  return bucket === null || key === null || signature === null ? null : { bucket, key, signature };
}

/** Whether AWS signed exactly this digest. Never throws. @param signature hex, from the object's metadata. */
export function isSigned(digest: Digest, signature: string, keys: readonly TrailKey[]): boolean {
  const key = keys.find(({ fingerprint }) => fingerprint === digest.keyFingerprint);
  if (key === undefined) return false;
  const { endTime, bucket, key: object, sha256, previous } = digest;
  const text = [endTime, `${bucket}/${object}`, sha256, previous?.signature ?? 'null'].join('\n');
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key.der), format: 'der', type: 'pkcs1' });
    return verify('sha256', Buffer.from(text), publicKey, Buffer.from(signature, 'hex'));
  } catch {
    return false;
  }
}

/** What one trail writes in one account and region: its bucket and key without the time. */
export function chainOf({ bucket, key }: ObjectName): string {
  const [, folder, name] = /^(.*)\/\d{4}\/\d{2}\/\d{2}\/(.*)_\d{8}T\d{6}Z\.json\.gz$/.exec(key) ?? [];
  return folder === undefined ? `${bucket}/${key}` : `${bucket}/${folder}/${name ?? ''}`;
}

/** `…/CloudTrail-Digest/eu-west-1/2026/…`: whose keys signed it. */
export function regionOf(key: string): string | null {
  return /\/CloudTrail-Digest\/([a-z0-9-]+)\//.exec(key)?.[1] ?? null;
}

/** `…/AWSLogs/[o-…/]111122223333/CloudTrail…`: whose calls an object holds. */
export function accountOf(key: string): string | null {
  return /(?:^|\/)AWSLogs\/(?:o-[a-z0-9]+\/)?(\d{12})\/CloudTrail/.exec(key)?.[1] ?? null;
}
