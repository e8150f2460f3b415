/** A trail read live from S3 and SQS as an emulator of AWS speaks them: duplicates, damage, crashes, and what must never be lost. */
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import type { State } from '../../server/src/ground/state.ts';
import type { OwnAlert } from '../../server/src/sources/alerts/raise.ts';
import { type AwsIntakeOptions, takeMessage } from '../../server/src/sources/aws-live/intake.ts';
import { readMessage } from '../../server/src/sources/aws-live/message.ts';
import { malformedRecords } from '../../server/src/sources/inbox-health.ts';
import { createTrailClient, type QueueMessage, type TrailClient } from '../../server/src/vendors/aws/trail.ts';
import {
  type AwsTrail,
  BUCKET,
  EXTERNAL_ID,
  notification,
  REGION,
  ROLE,
  startTrail,
  trailRecord,
} from '../aws-trail.ts';
import { describeWith } from '../data.ts';
import { MOTO_PRESENT } from '../fakes/moto.ts';
import { emptyIntake, openTestPglite } from '../state.ts';

const NEVER = new AbortController().signal;
const IN = 'AWSLogs/o-sample/111122223333/CloudTrail/eu-west-1/2026/03/02';

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('a trail read live', () => {
  let aws: AwsTrail;
  let queueUrl: string;
  let state: State;
  let client: TrailClient;
  let raised: OwnAlert[] = [];
  let queues = 0;
  const log = recordingLog();

  beforeAll(async () => {
    state = await openTestPglite();
    aws = await startTrail();
  });
  afterAll(async () => {
    await aws?.close();
    await state?.close();
  });

  const openClient = (externalId: string) =>
    createTrailClient({ region: REGION, queueUrl, endpoint: aws.endpoint, roleArn: ROLE, externalId });

  beforeEach(async () => {
    queues += 1;
    raised = [];
    queueUrl = await aws.queue(`trail-${queues}`);
    await emptyIntake(state);
    client = openClient(EXTERNAL_ID);
    return () => client.close();
  });

  const options = (given: TrailClient = client): AwsIntakeOptions => ({
    name: 'sample',
    state,
    client: given,
    clock: systemClock,
    log,
    raise: async (_trx, alert) => void raised.push(alert),
  });
  const notify = (object: Parameters<typeof notification>[0]) => aws.notify(queueUrl, object);
  const send = (body: unknown) => aws.send(queueUrl, body);
  const left = () => aws.left(queueUrl);
  /** Takes what the queue hands out now; failures are left to it, as in the loop. */
  const work = async (given: TrailClient = client) => {
    const messages = await given.receive(NEVER);
    for (const message of messages) await takeMessage(message, options(given)).catch(() => undefined);
    return messages.length;
  };
  /** A message that was handed out so often. */
  const handedOut = async (receives: number, key: string, given: Partial<TrailClient> = {}) => {
    const deleted: string[] = [];
    const body = JSON.stringify(bare(key));
    const message: QueueMessage = { id: 'm', receipt: 'r', receives, body };
    const still = { extend: async () => undefined, delete: async ({ id }: QueueMessage) => void deleted.push(id) };
    const outcome = await takeMessage(message, options({ ...client, ...still, ...given })).then(
      () => 'taken',
      (error: unknown) => String(error),
    );
    return { deleted, outcome, body };
  };
  const bare = (key: string) => ({ Records: [{ s3: { bucket: { name: BUCKET }, object: { key } } }] });
  const accepted = async () => {
    const { rows } = await sql<{ body: string }>`select body from inbox order by id`.execute(state.db);
    return rows.flatMap(({ body }) => (JSON.parse(body) as { id: string }[]).map(({ id }) => id));
  };

  test('objects of several accounts are taken and their messages deleted, whatever they are wrapped in', async () => {
    const one = await aws.trail(`${IN}/a b+c.json.gz`, trailRecord('e1'), trailRecord('e2'));
    const two = await aws.trail(
      'AWSLogs/o-sample/444455556666/CloudTrail/us-east-1/2026/03/02/two.json.gz',
      trailRecord('e3', { recipientAccountId: '444455556666' }),
    );
    const three = await aws.trail(
      'AWSLogs/o-sample/777788889999/CloudTrail/us-east-1/2026/03/02/three.json.gz',
      trailRecord('e4', { recipientAccountId: '777788889999' }),
    );
    await notify(one);
    await send({ Type: 'Notification', Message: JSON.stringify(notification(two)) });
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
    await send({ 'detail-type': 'AWS API Call via CloudTrail', detail: trailRecord('e1') });
    await notify(await aws.trail(`${IN}/both.json.gz`, trailRecord('e1'), trailRecord('e2')));
    await work();
    // Both are in the inbox; ids make them one event and one finding behind it.
    expect(new Set(await accepted())).toEqual(new Set(['e1', 'e2']));
    expect(await left()).toBe(0);
  });

  test('dying between the commit and the deletion accepts nothing twice', async () => {
    const object = await aws.trail(`${IN}/crash.json.gz`, trailRecord('e1'), trailRecord('e2'));
    await notify(object);
    await work({ ...client, delete: async () => Promise.reject(new Error('killed')) });
    expect(await accepted()).toEqual(['e1', 'e2']);
    // The first try had asked for five minutes; this is how the queue hands it out again when they are over.
    await notify(object);
    await work();
    expect(await accepted()).toEqual(['e1', 'e2']);
    expect(await left()).toBe(0);
  });

  test('a connection that ends in the middle of an object leaves the message in the queue, and it is taken whole later', async () => {
    const records = Array.from({ length: 3_000 }, (_, index) => trailRecord(`c${index}`));
    const object = await aws.trail(`${IN}/long.json.gz`, ...records);
    const cut: TrailClient['fetchObject'] = async (...given) => {
      const found = await client.fetchObject(...given);
      if (found.type !== 'object') return found;
      async function* half(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
          yield chunk.subarray(0, chunk.length / 2);
          throw new Error('aborted');
        }
      }
      return { ...found, chunks: half(found.chunks) };
    };
    const { deleted, outcome } = await handedOut(1, object.key, { fetchObject: cut });
    expect(deleted).toEqual([]);
    expect(outcome).toContain('aborted');
    expect((await handedOut(2, object.key)).deleted).toEqual(['m']);
    expect(new Set(await accepted()).size).toBe(3_000);
    expect(await malformedRecords(state, 10)).toEqual([]);
  });

  test('an object that is not there stays in the queue; after many tries it is put aside in full, and that is an alert', async () => {
    const key = 'AWSLogs/o-sample/111122223333/CloudTrail/missing.json.gz';
    expect((await handedOut(9, key)).deleted).toEqual([]);
    expect(raised).toEqual([]);
    const { deleted, body } = await handedOut(10, key);
    expect(deleted).toEqual(['m']);
    const [aside] = await malformedRecords(state, 10);
    expect(aside?.reason).toContain('NoSuchKey');
    expect(aside?.raw.toString('utf8')).toBe(body);
    expect(raised).toMatchObject([{ action: 'trigger', class: 'Trail object lost', account: '111122223333' }]);
  });

  test('an object that may not be read is waited for, however often it was tried, and noted from the first time on', async () => {
    const denied: TrailClient['fetchObject'] = async () => ({ type: 'failed', reason: 'AccessDenied' });
    const key = 'AWSLogs/denied.json.gz';
    for (const receives of [1, 10, 499])
      expect((await handedOut(receives, key, { fetchObject: denied })).deleted).toEqual([]);
    const rows = await sql<{ failure: string }>`select failure from trail_object`.execute(state.db);
    expect(rows.rows).toEqual([{ failure: 'AccessDenied' }]);
    expect(raised).toEqual([]);
    expect((await handedOut(500, key, { fetchObject: denied })).deleted).toEqual(['m']);
    expect(raised).toMatchObject([{ class: 'Trail object lost' }]);
  });

  test('a damaged object gives what can be read of it, and the rest is told and kept', async () => {
    const records = Array.from({ length: 2_000 }, (_, index) => trailRecord(`d${index}`));
    const whole = gzipSync(JSON.stringify({ Records: records }));
    await notify(await aws.put(`${IN}/cut.json.gz`, whole.subarray(0, Math.floor(whole.length * 0.7))));
    await notify(await aws.put(`${IN}/garbage.json.gz`, 'no trail at all'));
    await work();
    expect((await accepted()).length).toBeGreaterThan(500);
    expect((await malformedRecords(state, 10)).length).toBeGreaterThanOrEqual(2);
    expect(await left()).toBe(0);
  });

  test('an object that was replaced since its notification is not taken for it', async () => {
    const old = await aws.trail(`${IN}/replaced.json.gz`, trailRecord('old'));
    await aws.trail(`${IN}/replaced.json.gz`, trailRecord('new'), trailRecord('newer'));
    await notify(old);
    await work();
    expect(await accepted()).toEqual([]);
  });

  test('what is nothing of ours is put aside', async () => {
    await send('no JSON at all');
    await send({ 'detail-type': 'EC2 Instance State-change Notification', detail: {} });
    await work();
    expect(await accepted()).toEqual([]);
    expect(await malformedRecords(state, 10)).toHaveLength(2);
    expect(await left()).toBe(0);
  });

  test('the role is asked for with its external id, and without the right one nothing is read', async () => {
    await send('anything');
    expect(await client.receive(NEVER)).toHaveLength(1);
    expect(aws.assumed).toContainEqual({ role: ROLE, externalId: EXTERNAL_ID });
    const other = openClient('somebody else');
    await expect(other.receive(NEVER)).rejects.toThrow(/AssumeRole/);
    other.close();
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
