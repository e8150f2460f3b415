/** A trail read live from S3 and SQS as an emulator of AWS speaks them: duplicates, damage, crashes, and what must never be lost. */
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import { type AwsIntakeOptions, takeMessage } from '../../server/src/sources/aws-live/intake.ts';
import { readMessage } from '../../server/src/sources/aws-live/message.ts';
import { lookAtIntake, noteAccountsHeard, type WatchOptions } from '../../server/src/sources/aws-live/watch.ts';
import { ManualClock } from '../../server/src/ground/clock.ts';
import { malformedRecords } from '../../server/src/sources/inbox-health.ts';
import { createTrailClient, type QueueMessage, type TrailClient } from '../../server/src/vendors/aws/trail.ts';
import type { State } from '../../server/src/ground/state.ts';
import { describeWith } from '../data.ts';
import { type Moto, MOTO_PRESENT, startMoto } from '../fakes/moto.ts';
import { openTestPglite } from '../state.ts';

const REGION = 'eu-west-1';
const BUCKET = 'sample-org-trail';
const NEVER = new AbortController().signal;

const record = (id: string, account = '111122223333') => ({
  eventVersion: '1.10',
  eventID: id,
  eventName: 'StopLogging',
  eventSource: 'cloudtrail.amazonaws.com',
  eventTime: '2026-03-02T10:00:00Z',
  awsRegion: REGION,
  recipientAccountId: account,
  userIdentity: { type: 'IAMUser', userName: 'sample', accountId: account, arn: `arn:aws:iam::${account}:user/sample` },
});

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('a trail read live', () => {
  let moto: Moto;
  let s3: S3Client;
  let sqs: SQSClient;
  let queueUrl: string;
  let state: State;
  let client: TrailClient;
  let queues = 0;
  const log = recordingLog();
  const before = { ...process.env };

  beforeAll(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'sample', AWS_SECRET_ACCESS_KEY: 'sample' });
    moto = await startMoto();
    s3 = new S3Client({ region: REGION, endpoint: moto.endpoint, forcePathStyle: true });
    sqs = new SQSClient({ region: REGION, endpoint: moto.endpoint });
    await s3.send(
      new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }),
    );
  }, 60_000);

  afterAll(() => {
    moto?.close();
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });

  beforeEach(async () => {
    queues += 1;
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: `trail-${queues}`, Attributes: { VisibilityTimeout: '1' } }),
    );
    queueUrl = QueueUrl;
    state = await openTestPglite();
    client = createTrailClient({
      region: REGION,
      queueUrl,
      endpoint: moto.endpoint,
      // The emulator's own account.
      roleArn: 'arn:aws:iam::123456789012:role/countersign-reader',
      externalId: 'a fictional external id',
    });
    return async () => {
      client.close();
      await state.close();
    };
  });

  const options = (given: TrailClient = client): AwsIntakeOptions => ({
    name: 'sample',
    state,
    client: given,
    clock: systemClock,
    log,
  });
  const put = async (key: string, body: Buffer | string) => {
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
    return { key, etag: (ETag ?? '').replaceAll('"', ''), size: Buffer.byteLength(body) };
  };
  const trail = (key: string, ...records: unknown[]) => put(key, gzipSync(JSON.stringify({ Records: records })));
  const notify = (object: { key: string; etag: string; size: number }) =>
    send({
      Records: [
        {
          eventSource: 'aws:s3',
          eventName: 'ObjectCreated:Put',
          s3: {
            bucket: { name: BUCKET },
            object: { key: encodeURIComponent(object.key), eTag: object.etag, size: object.size },
          },
        },
      ],
    });
  const send = (body: unknown) =>
    sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  /** Takes what the queue hands out now; failures are left to it, as in the loop. */
  const work = async (given: TrailClient = client) => {
    const messages = await given.receive(NEVER);
    for (const message of messages) await takeMessage(message, options(given)).catch(() => undefined);
    return messages.length;
  };
  const accepted = async () => {
    const { rows } = await sql<{ body: string }>`select body from inbox order by id`.execute(state.db);
    return rows.flatMap(({ body }) => (JSON.parse(body) as { id: string }[]).map(({ id }) => id));
  };
  const left = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    );
    return Messages.length;
  };

  test('objects of several accounts are taken and their messages deleted, whatever they are wrapped in', async () => {
    const one = await trail(
      'AWSLogs/o-sample/111122223333/CloudTrail/eu-west-1/2026/03/02/a b+c.json.gz',
      record('e1'),
      record('e2'),
    );
    const two = await trail(
      'AWSLogs/o-sample/444455556666/CloudTrail/us-east-1/2026/03/02/two.json.gz',
      record('e3', '444455556666'),
    );
    const three = await trail(
      'AWSLogs/o-sample/777788889999/CloudTrail/us-east-1/2026/03/02/three.json.gz',
      record('e4', '777788889999'),
    );
    await notify(one);
    const plain = {
      Records: [{ s3: { bucket: { name: BUCKET }, object: { key: two.key, eTag: two.etag, size: two.size } } }],
    };
    await send({ Type: 'Notification', Message: JSON.stringify(plain) });
    await send({
      'detail-type': 'Object Created',
      detail: { bucket: { name: BUCKET }, object: { key: three.key, etag: three.etag, size: three.size } },
    });
    await send({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: BUCKET });
    await work();
    expect((await accepted()).sort()).toEqual(['e1', 'e2', 'e3', 'e4']);
    expect(await left()).toBe(0);
  });

  test('an event by EventBridge is taken, and the same event by the trail is the same event', async () => {
    await send({ 'detail-type': 'AWS API Call via CloudTrail', detail: record('e1') });
    await notify(await trail('AWSLogs/o-sample/111122223333/CloudTrail/x/both.json.gz', record('e1'), record('e2')));
    await work();
    // Both are in the inbox; ids make them one event and one finding behind it.
    expect(new Set(await accepted())).toEqual(new Set(['e1', 'e2']));
    expect(await left()).toBe(0);
  });

  test('dying between the commit and the deletion accepts nothing twice', async () => {
    await notify(await trail('AWSLogs/o-sample/111122223333/CloudTrail/x/crash.json.gz', record('e1'), record('e2')));
    const dying: TrailClient = { ...client, delete: async () => Promise.reject(new Error('killed')) };
    await work(dying);
    expect(await accepted()).toEqual(['e1', 'e2']);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    // The first try had asked for five minutes; the queue hands it out again when they are over.
    await redeliver();
    expect(await accepted()).toEqual(['e1', 'e2']);
    expect(await left()).toBe(0);
  });

  /** A message whose time of invisibility is over, as the queue would hand it out. */
  const redeliver = async () => {
    const body = JSON.stringify({
      Records: [
        {
          s3: { bucket: { name: BUCKET }, object: { key: 'AWSLogs/o-sample/111122223333/CloudTrail/x/crash.json.gz' } },
        },
      ],
    });
    await send(body);
    await work();
  };

  test('an object that is not there stays in the queue, and after many tries is put aside in full', async () => {
    await send({ Records: [{ s3: { bucket: { name: BUCKET }, object: { key: 'AWSLogs/missing.json.gz' } } }] });
    await work();
    expect(await accepted()).toEqual([]);
    const message: QueueMessage = {
      id: 'm',
      receipt: 'r',
      receives: 10,
      body: JSON.stringify({
        Records: [{ s3: { bucket: { name: BUCKET }, object: { key: 'AWSLogs/missing.json.gz' } } }],
      }),
    };
    const deleted: string[] = [];
    await takeMessage(
      message,
      options({ ...client, extend: async () => undefined, delete: async ({ id }) => void deleted.push(id) }),
    );
    expect(deleted).toEqual(['m']);
    const [aside] = await malformedRecords(state, 10);
    expect(aside?.reason).toContain('NoSuchKey');
    expect(aside?.raw.toString('utf8')).toBe(message.body);
  });

  test('a damaged object gives what can be read of it, and the rest is told and kept', async () => {
    const whole = gzipSync(
      JSON.stringify({ Records: Array.from({ length: 2_000 }, (_, index) => record(`d${index}`)) }),
    );
    await notify(
      await put(
        'AWSLogs/o-sample/111122223333/CloudTrail/x/cut.json.gz',
        whole.subarray(0, Math.floor(whole.length * 0.7)),
      ),
    );
    await notify(await put('AWSLogs/o-sample/111122223333/CloudTrail/x/garbage.json.gz', 'no trail at all'));
    await work();
    expect((await accepted()).length).toBeGreaterThan(500);
    expect((await malformedRecords(state, 10)).length).toBeGreaterThanOrEqual(2);
    expect(await left()).toBe(0);
  });

  test('an object that was replaced since its notification is not taken for it', async () => {
    const old = await trail('AWSLogs/o-sample/111122223333/CloudTrail/x/replaced.json.gz', record('old'));
    await trail('AWSLogs/o-sample/111122223333/CloudTrail/x/replaced.json.gz', record('new'), record('newer'));
    await notify(old);
    await work();
    expect(await accepted()).toEqual([]);
  });

  test('signatures of trails are passed over, and what is nothing of ours is put aside', async () => {
    await notify(await put('AWSLogs/o-sample/111122223333/CloudTrail-Digest/x/digest.json.gz', gzipSync('{}')));
    await send('no JSON at all');
    await send({ 'detail-type': 'EC2 Instance State-change Notification', detail: {} });
    await work();
    expect(await accepted()).toEqual([]);
    expect(await malformedRecords(state, 10)).toHaveLength(2);
    expect(await left()).toBe(0);
  });
});

test('no message makes the reader throw', () => {
  for (const body of [
    '',
    'null',
    '[]',
    '{"Records":[{}]}',
    '{"Records":"x"}',
    '{"Type":"Notification","Message":"{"}',
    '{"detail-type":"Object Created"}',
  ]) {
    expect(['malformed', 'nothing', 'objects']).toContain(readMessage(body).type);
  }
});

describe('watching intake', () => {
  const MINUTE = 60_000;
  const START = Date.UTC(2026, 2, 2, 10);

  test('an account that falls silent raises one alert and resolves it when it is heard again', async () => {
    const state = await openTestPglite();
    const clock = new ManualClock(START);
    const raised: string[] = [];
    const options: WatchOptions = {
      state,
      clock,
      log: recordingLog(),
      limits: { silenceMs: 15 * MINUTE, lagMs: 30 * MINUTE, backlogBatches: 10 },
      accounts: new Map([['111122223333', 'shop-prod']]),
      raise: async (_trx, { action, dedupKey }) => void raised.push(`${action} ${dedupKey}`),
    };
    const look = () => lookAtIntake(options, START);
    const heard = (account: string, eventMs: number) =>
      state.transaction((trx) => noteAccountsHeard(trx, [{ account, eventMs }], clock.nowMs()));
    await look();
    expect(raised).toEqual([]);
    await heard('111122223333', START);
    await heard('444455556666', START);
    clock.advance(14 * MINUTE);
    await heard('444455556666', clock.nowMs());
    await look();
    expect(raised).toEqual([]);
    clock.advance(2 * MINUTE);
    await look();
    await look();
    expect(raised).toEqual(['trigger intake:silence:111122223333']);
    await heard('111122223333', clock.nowMs());
    clock.advance(2 * MINUTE);
    await look();
    expect(raised).toEqual(['trigger intake:silence:111122223333', 'resolve intake:silence:111122223333']);
    await heard('444455556666', clock.nowMs() - 40 * MINUTE);
    await heard('111122223333', clock.nowMs() - 2 * 3_600_000);
    await state.close();
  });

  test('events that come late are told', async () => {
    const state = await openTestPglite();
    const clock = new ManualClock(START);
    const raised: string[] = [];
    await state.transaction((trx) => noteAccountsHeard(trx, [{ account: 'a', eventMs: START - 45 * MINUTE }], START));
    await lookAtIntake(
      {
        state,
        clock,
        log: recordingLog(),
        limits: { silenceMs: 15 * MINUTE, lagMs: 30 * MINUTE, backlogBatches: 10 },
        accounts: new Map(),
        raise: async (_trx, { summary }) => void raised.push(summary),
      },
      START,
    );
    expect(raised).toEqual(['Events of a come 45 minutes late']);
    await state.close();
  });
});
