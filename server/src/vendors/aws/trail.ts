/**
 * The few calls of AWS with which a trail is read live: messages of a queue, objects of a bucket. Credentials come from where the
 * SDK finds them, and where a role is named it is assumed, with its external id, and renewed in time.
 */
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
  | { readonly type: 'object'; readonly chunks: AsyncIterable<Buffer>; readonly sizeBytes: number | null }
  /** Will not change by itself: it is not there, or we may not read it. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string };

export interface TrailClient {
  /** Waits up to twenty seconds for at most ten. Rejects when the queue cannot be used. */
  receive(signal: AbortSignal): Promise<readonly QueueMessage[]>;
  delete(message: QueueMessage): Promise<void>;
  /** Nobody else gets it for so long. */
  extend(message: QueueMessage, seconds: number): Promise<void>;
  /** With an etag, only that very version. Rejects never. */
  fetchObject(bucket: string, key: string, etag: string | null): Promise<ObjectResult>;
  close(): void;
}

const WAIT_SECONDS = 20;
const MOST_MESSAGES = 10;
const SESSION = 'countersign-intake';
const REFUSALS: readonly string[] = [
  'NoSuchKey',
  'NoSuchBucket',
  'AccessDenied',
  'PreconditionFailed',
  'InvalidObjectState',
];

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
        const { Body, ContentLength } = await objects.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, ...match }),
        );
        if (Body === undefined) return { type: 'failed', reason: 'the object has no body' };
        return { type: 'object', chunks: Body as unknown as AsyncIterable<Buffer>, sizeBytes: ContentLength ?? null };
      } catch (error) {
        const name = error instanceof S3ServiceException ? error.name : error instanceof Error ? error.name : 'unknown';
        const reason = `${bucket}/${key} cannot be read: ${name}`;
        return REFUSALS.includes(name) ? { type: 'refused', reason } : { type: 'failed', reason };
      }
    },
    close: () => {
      queue.destroy();
      objects.destroy();
    },
  };
}
