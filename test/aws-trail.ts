/** A trail on an emulator of AWS: its bucket and queues, what it writes and announces, and who asked for which role. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { TrailPublicKey } from '../server/src/vendors/aws/trail.ts';
import { startMoto } from './fakes/moto.ts';

export const REGION = 'eu-west-1';
export const BUCKET = 'sample-org-trail';
/** The emulator's own account. */
export const ROLE = 'arn:aws:iam::123456789012:role/countersign-reader';
const FINGERPRINT = 'f'.repeat(32);
/** Of one connection, or made anew for the next. */
const HOP: readonly string[] = ['host', 'content-length', 'connection', 'expect', 'transfer-encoding'];

export interface StoredObject {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
}

export interface AssumedRole {
  readonly role: string;
  readonly externalId: string | null;
}

/** Only requests with this external id get the role; others are refused as AWS refuses them. */
export const EXTERNAL_ID = 'a fictional external id';

export type AwsTrail = Awaited<ReturnType<typeof startTrail>>;

export async function startTrail() {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'sample', AWS_SECRET_ACCESS_KEY: 'sample' });
  const moto = await startMoto();
  const signer = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const keys = [{ fingerprint: FINGERPRINT, der: signer.publicKey.export({ format: 'der', type: 'pkcs1' }) }];
  const door = await startDoor(moto.endpoint, keys);
  const s3 = new S3Client({ region: REGION, endpoint: moto.endpoint, forcePathStyle: true });
  const clients = new Map<string, SQSClient>();
  const sqsIn = (region: string) => {
    const known = clients.get(region) ?? new SQSClient({ region, endpoint: moto.endpoint });
    clients.set(region, known);
    return known;
  };
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  const put = async (key: string, body: Buffer | string, metadata: Record<string, string> = {}) => {
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, Metadata: metadata }));
    return { key, etag: (ETag ?? '').replaceAll('"', ''), size: Buffer.byteLength(body) };
  };
  const send = (queueUrl: string, body: unknown, region = REGION) =>
    sqsIn(region).send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  return {
    /** Through a door that looks at who asks for a role. */
    endpoint: door.endpoint,
    assumed: door.assumed,
    s3,
    queue: async (name: string, region = REGION) => {
      const attributes = { VisibilityTimeout: '1' };
      const { QueueUrl = '' } = await sqsIn(region).send(
        new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
      );
      return QueueUrl.replace(moto.endpoint, door.endpoint);
    },
    put,
    remove: (key: string) => s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key })),
    trail: (key: string, ...records: unknown[]) => put(key, gzipSync(JSON.stringify({ Records: records }))),
    send,
    notify: (queueUrl: string, object: StoredObject) => send(queueUrl, notification(object)),
    /** What the queue hands out a second later: what was not deleted, and nobody works on. */
    left: async (queueUrl: string) => {
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const { Messages = [] } = await sqsIn(REGION).send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
      );
      return Messages.length;
    },
    /** As `ListPublicKeys` tells it. */
    keys,
    digest: signedDigests(put, signer.privateKey),
    close: async () => {
      await door.close();
      moto.close();
    },
  };
}

type Put = (key: string, body: Buffer | string, metadata?: Record<string, string>) => Promise<StoredObject>;

/** A digest as CloudTrail writes it, signed; `change` edits it before. */
function signedDigests(put: Put, key: KeyObject) {
  return async (
    name: DigestName,
    listed: readonly { readonly key: string; readonly text: string }[],
    previous: { readonly key: string; readonly signature: string } | null,
    change: (digest: Record<string, unknown>) => Record<string, unknown> = (digest) => digest,
  ) => {
    const object = digestKey(name);
    const digest = change({
      awsAccountId: name.account,
      digestStartTime: iso(name.endMs - 3_600_000),
      digestEndTime: iso(name.endMs),
      digestS3Bucket: BUCKET,
      digestS3Object: object,
      digestPublicKeyFingerprint: FINGERPRINT,
      digestSignatureAlgorithm: 'SHA256withRSA',
      previousDigestS3Bucket: previous === null ? null : BUCKET,
      previousDigestS3Object: previous?.key ?? null,
      previousDigestSignature: previous?.signature ?? null,
      logFiles: listed.map((file) => ({
        s3Bucket: BUCKET,
        s3Object: file.key,
        hashValue: sha256(file.text),
        hashAlgorithm: 'SHA-256',
      })),
    });
    const text = JSON.stringify(digest);
    const signed = [iso(name.endMs), `${BUCKET}/${object}`, sha256(text), previous?.signature ?? 'null'].join('\n');
    const signature = sign('sha256', Buffer.from(signed), key).toString('hex');
    const metadata = { signature, 'signature-algorithm': 'SHA256withRSA' };
    return { ...(await put(object, gzipSync(text), metadata)), signature };
  };
}

export interface DigestName {
  readonly account: string;
  readonly endMs: number;
}

export function digestKey({ account, endMs }: DigestName): string {
  const [date = '', time = ''] = iso(endMs).split('T');
  const stamp = `${date.replaceAll('-', '')}T${time.replaceAll(':', '')}`;
  const name = `${account}_CloudTrail-Digest_${REGION}_sample-trail_${REGION}_${stamp}.json.gz`;
  return `AWSLogs/o-sample/${account}/CloudTrail-Digest/${REGION}/${date.replaceAll('-', '/')}/${name}`;
}

export function notification({ key, etag, size }: StoredObject) {
  const object = { key: encodeURIComponent(key), eTag: etag, size };
  return {
    Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { bucket: { name: BUCKET }, object } }],
  };
}

export function trailRecord(id: string, parts: Readonly<Record<string, unknown>> = {}) {
  const account = typeof parts['recipientAccountId'] === 'string' ? parts['recipientAccountId'] : '111122223333';
  return {
    eventVersion: '1.10',
    eventID: id,
    eventName: 'StopLogging',
    eventSource: 'cloudtrail.amazonaws.com',
    eventTime: '2026-03-02T10:00:00Z',
    awsRegion: REGION,
    recipientAccountId: account,
    userIdentity: {
      type: 'IAMUser',
      userName: 'sample',
      accountId: account,
      arn: `arn:aws:iam::${account}:user/sample`,
    },
    requestParameters: { name: 'sample-trail' },
    readOnly: false,
    ...parts,
  };
}

function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The emulator gives a role to anybody, and knows no keys of digests: this stands before it and does better. */
async function startDoor(endpoint: string, keys: readonly TrailPublicKey[]) {
  const assumed: AssumedRole[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      pass(request, response, Buffer.concat(chunks)).catch(() => response.destroy());
    });
  });
  const pass = async (request: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const form = new URLSearchParams(body.toString('latin1'));
    const externalId = form.get('ExternalId');
    if (form.get('Action') === 'AssumeRole') assumed.push({ role: form.get('RoleArn') ?? '', externalId });
    if (form.get('Action') === 'AssumeRole' && externalId !== EXTERNAL_ID) {
      const error =
        '<Error><Code>AccessDenied</Code><Message>not authorized to perform sts:AssumeRole</Message></Error>';
      response.writeHead(403, { 'content-type': 'text/xml' }).end(`<ErrorResponse>${error}</ErrorResponse>`);
      return;
    }
    if (request.headers['x-amz-target']?.toString().endsWith('.ListPublicKeys') === true) {
      const PublicKeyList = keys.map(({ fingerprint: Fingerprint, der }) => {
        return { Fingerprint, Value: Buffer.from(der).toString('base64') };
      });
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify({ PublicKeyList }));
      return;
    }
    const headers: Record<string, string> = { host: new URL(endpoint).host };
    for (const [name, value] of Object.entries(request.headers))
      if (typeof value === 'string' && !HOP.includes(name)) headers[name] = value;
    const answer = await fetch(`${endpoint}${request.url ?? ''}`, {
      method: request.method ?? 'GET',
      headers,
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    });
    const given = [...answer.headers].filter(([name]) => name !== 'transfer-encoding');
    response.writeHead(answer.status, Object.fromEntries(given)).end(Buffer.from(await answer.arrayBuffer()));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    assumed,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}
