/**
 * The few calls of AWS with which a trail is read live: messages of a queue, objects of a bucket. Credentials come from where the
 * SDK finds them, and where a role is named it is assumed, with its external id, and renewed in time.
 */
import { CloudTrailClient, type CloudTrailClientConfig, ListPublicKeysCommand } from '@aws-sdk/client-cloudtrail';
import { GetObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';

export interface TrailSettings {
  readonly region: string;
  readonly queueUrl: string;
  readonly roleArn: string | null;
  readonly externalId: string | null;
  /** For emulators and private endpoints. */
  readonly endpoint: string | null;
}

export interface QueueMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
  /** How often it was handed out, this time included. */
  readonly receives: number;
}

export type ObjectResult =
  | {
      readonly type: 'object';
      readonly chunks: AsyncIterable<Buffer>;
      readonly sizeBytes: number | null;
      readonly metadata: Readonly<Record<string, string>>;
    }
  /** It is not there, or another one is. Where we may not list the bucket, S3 says `AccessDenied` instead: that is `failed`. */
  | { readonly type: 'gone'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string };

export interface TrailClient {
  /** Waits up to twenty seconds for at most ten. Rejects when the queue cannot be used. */
  receive(signal: AbortSignal): Promise<readonly QueueMessage[]>;
  delete(message: QueueMessage): Promise<void>;
  /** Nobody else gets it for so long. */
  extend(message: QueueMessage, seconds: number): Promise<void>;
  /** With an etag, only that very version. Rejects never. */
  fetchObject(bucket: string, key: string, etag: string | null): Promise<ObjectResult>;
  /** With which CloudTrail signed digests of that time. A region, or null for the queue's own. Rejects when it cannot be asked. */
  publicKeys(region: string | null, startTime: string, endTime: string): Promise<readonly TrailPublicKey[]>;
  close(): void;
}

export interface TrailPublicKey {
  readonly fingerprint: string;
  /** PKCS #1, DER. */
  readonly der: Uint8Array;
}

const WAIT_SECONDS = 20;
const MOST_MESSAGES = 10;
const SESSION = 'countersign-intake';
const GONE: readonly string[] = ['NoSuchKey', 'PreconditionFailed'];
/** Requests for keys are few: one for each digest whose key is not known yet. */
const MOST_KEY_CLIENTS = 40;
const MOST_KEYS = 500;

export function createTrailClient(settings: TrailSettings): TrailClient {
  const { region, queueUrl, roleArn, externalId, endpoint } = settings;
  const place = endpoint === null ? { region } : { region, endpoint };
  const credentials =
    roleArn === null
      ? {}
      : {
          credentials: fromTemporaryCredentials({
            params: {
              RoleArn: roleArn,
              RoleSessionName: SESSION,
              ...(externalId === null ? {} : { ExternalId: externalId }),
            },
            clientConfig: place,
          }),
        };
  const queue = new SQSClient({ ...place, ...credentials, useQueueUrlAsEndpoint: endpoint === null });
  const objects = new S3Client({ ...place, ...credentials, forcePathStyle: endpoint !== null });
  const keys = createKeys({ ...place, ...credentials });
  return {
    async receive(signal) {
      const command = new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: MOST_MESSAGES,
        WaitTimeSeconds: WAIT_SECONDS,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      });
      const { Messages = [] } = await queue.send(command, { abortSignal: signal });
      return Messages.map(({ MessageId, ReceiptHandle, Body, Attributes }) => ({
        id: MessageId ?? '',
        receipt: ReceiptHandle ?? '',
        body: Body ?? '',
        receives: Number(Attributes?.ApproximateReceiveCount ?? '1'),
      }));
    },
    delete: async ({ receipt }) => {
      await queue.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: receipt }));
    },
    extend: async ({ receipt }, seconds) => {
      const given = { QueueUrl: queueUrl, ReceiptHandle: receipt, VisibilityTimeout: seconds };
      await queue.send(new ChangeMessageVisibilityCommand(given));
    },
    async fetchObject(bucket, key, etag) {
      try {
        const match = etag === null ? {} : { IfMatch: etag };
        const { Body, ContentLength, Metadata } = await objects.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, ...match }),
        );
        if (Body === undefined) return { type: 'failed', reason: 'the object has no body' };
        const chunks = Body as unknown as AsyncIterable<Buffer>;
        return { type: 'object', chunks, sizeBytes: ContentLength ?? null, metadata: Metadata ?? {} };
      } catch (error) {
        const name = error instanceof S3ServiceException ? error.name : error instanceof Error ? error.name : 'unknown';
        const reason = `${bucket}/${key} cannot be read: ${name}`;
        return GONE.includes(name) ? { type: 'gone', reason } : { type: 'failed', reason };
      }
    },
    publicKeys: (asked, startTime, endTime) => keys.list(asked ?? region, startTime, endTime),
    close: () => {
      keys.close();
      queue.destroy();
      objects.destroy();
    },
  };
}

/** Keys are asked for in the region whose digests they signed: one client each. */
function createKeys(settings: CloudTrailClientConfig) {
  const clients = new Map<string, CloudTrailClient>();
  return {
    list: async (region: string, startTime: string, endTime: string): Promise<readonly TrailPublicKey[]> => {
      const known = clients.get(region);
      const client = known ?? new CloudTrailClient({ ...settings, region });
      if (known === undefined && clients.size < MOST_KEY_CLIENTS) clients.set(region, client);
      const command = new ListPublicKeysCommand({ StartTime: new Date(startTime), EndTime: new Date(endTime) });
      const { PublicKeyList = [] } = await client.send(command);
      return PublicKeyList.slice(0, MOST_KEYS).flatMap(({ Fingerprint, Value }) =>
        Fingerprint === undefined || Value === undefined ? [] : [{ fingerprint: Fingerprint, der: Value }],
      );
    },
    close: () => {
      for (const client of clients.values()) client.destroy();
    },
  };
}
