/** The trail's own digests: what was changed, deleted, never announced or forged is found out. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import type { State } from '../../server/src/ground/state.ts';
import type { OwnAlert } from '../../server/src/sources/alerts/raise.ts';
import { takeMessage } from '../../server/src/sources/aws-live/intake.ts';
import { createTrailClient, type TrailClient } from '../../server/src/vendors/aws/trail.ts';
import {
  type AwsTrail,
  EXTERNAL_ID,
  notification,
  REGION,
  ROLE,
  startTrail,
  type StoredObject,
  trailRecord,
} from '../aws-trail.ts';
import { describeWith } from '../data.ts';
import { MOTO_PRESENT } from '../fakes/moto.ts';
import { emptyIntake, openTestPglite } from '../state.ts';

const ACCOUNT = '111122223333';
const IN = `AWSLogs/o-sample/${ACCOUNT}/CloudTrail/eu-west-1/2026/03/02`;
const TEN = Date.UTC(2026, 2, 2, 10);
const HOUR = 3_600_000;

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('the digests of a trail', () => {
  let aws: AwsTrail;
  let state: State;
  let client: TrailClient;
  let raised: OwnAlert[] = [];
  let tests = 0;

  beforeAll(async () => {
    state = await openTestPglite();
    aws = await startTrail();
    const queueUrl = await aws.queue('digests');
    const place = { region: REGION, queueUrl, endpoint: aws.endpoint };
    const real = createTrailClient({ ...place, roleArn: ROLE, externalId: EXTERNAL_ID });
    const still = { extend: async () => undefined, delete: async () => undefined };
    client = { ...real, ...still };
  });
  afterAll(async () => {
    client?.close();
    await aws?.close();
    await state?.close();
  });
  beforeEach(async () => {
    raised = [];
    tests += 1;
    await emptyIntake(state);
  });

  /** As the queue hands out a notification. */
  const comes = async (object: StoredObject, receives = 1, given: Partial<TrailClient> = {}) => {
    const message = { id: 'm', receipt: 'r', receives, body: JSON.stringify(notification(object)) };
    const raise = async (_trx: unknown, alert: OwnAlert) => void raised.push(alert);
    const log = recordingLog();
    const options = { name: 'trail', state, client: { ...client, ...given }, clock: systemClock, log, raise };
    return takeMessage(message, options).then(
      () => 'done',
      (error: unknown) => String(error),
    );
  };
  /** An object of this test, with its text as digests know it. */
  const write = async (name: string) => {
    const records = [trailRecord(`${tests}-${name}`)];
    const object = await aws.trail(`${IN}/${tests}-${name}.json.gz`, ...records);
    return { ...object, text: JSON.stringify({ Records: records }) };
  };
  const name = (hours: number) => ({ account: ACCOUNT, endMs: TEN + (tests * 100 + hours) * HOUR });
  const taken = async () => {
    const { rows } = await sql<{ body: string }>`select body from inbox order by id`.execute(state.db);
    return rows.flatMap(({ body }) => (JSON.parse(body) as { id: string }[]).map(({ id }) => id.split('-')[1]));
  };
  const classes = () => raised.map((alert) => `${alert.class}: ${alert.summary.split(': ')[1] ?? ''}`);

  test('that agree with what was taken vouch for it, and nothing is kept of it', async () => {
    const one = await write('one');
    await comes(one);
    const first = await aws.digest(name(0), [one], null);
    expect(await comes(first)).toBe('done');
    expect(await comes(await aws.digest(name(1), [], first))).toBe('done');
    expect(raised).toEqual([]);
    const { rows } = await sql`select * from trail_object`.execute(state.db);
    expect(rows).toEqual([]);
  });

  test('tell of an object whose content is not what CloudTrail wrote', async () => {
    const one = await write('one');
    await comes(one);
    expect(await comes(await aws.digest(name(0), [{ ...one, text: 'what was written' }], null))).toBe('done');
    expect(classes()).toEqual([`Trail object changed: ${tests}-one.json.gz`]);
    expect(raised[0]).toMatchObject({ severity: 'critical', account: ACCOUNT });
  });

  test('bring an object of which no notification ever came', async () => {
    const lost = await write('lost');
    expect(await comes(await aws.digest(name(0), [lost], null))).toBe('done');
    expect(await taken()).toEqual(['lost']);
    expect(raised).toEqual([]);
  });

  test('tell of an object that was deleted before anybody saw it', async () => {
    const gone = await write('gone');
    await aws.remove(gone.key);
    expect(await comes(await aws.digest(name(0), [gone], null))).toBe('done');
    expect(classes()).toEqual([`Trail object lost: ${tests}-gone.json.gz`]);
  });

  test('that nobody can read now come again, and are told in the end', async () => {
    const one = await write('one');
    const denied: TrailClient['fetchObject'] = async (bucket, key, etag) =>
      key === one.key ? { type: 'failed', reason: 'AccessDenied' } : client.fetchObject(bucket, key, etag);
    const digest = await aws.digest(name(0), [one], null);
    expect(await comes(digest, 1, { fetchObject: denied })).toContain('AccessDenied');
    expect(raised).toEqual([]);
    expect(await comes(digest, 10, { fetchObject: denied })).toBe('done');
    expect(classes()).toEqual([`Trail object lost: ${tests}-one.json.gz`]);
  });

  test.each([
    ['changed after it was signed', (digest: Record<string, unknown>) => digest, { text: 'other' }],
    ['signed for another place', (digest: Record<string, unknown>) => ({ ...digest, digestS3Object: 'AWSLogs/x' }), {}],
    [
      'of a key that AWS never published',
      (digest: Record<string, unknown>) => ({ ...digest, digestPublicKeyFingerprint: 'x' }),
      {},
    ],
    ['without a list that can be read', (digest: Record<string, unknown>) => ({ ...digest, logFiles: [{}] }), {}],
  ])('%s count for nothing and are told', async (_how, change, forged) => {
    const one = await write('one');
    await comes(one);
    const signed = await aws.digest(name(0), [one], null, change);
    // The same signature over another text.
    const digest =
      'text' in forged
        ? { ...(await aws.digest(name(0), [{ ...one, text: 'forged' }], null)), signature: signed.signature }
        : signed;
    const fetchObject: TrailClient['fetchObject'] = async (bucket, key, etag) => {
      const found = await client.fetchObject(bucket, key, etag);
      return found.type === 'object' && key === digest.key
        ? { ...found, metadata: { signature: signed.signature } }
        : found;
    };
    expect(await comes(digest, 1, { fetchObject })).not.toBe('done');
    expect(await comes(digest, 10, { fetchObject })).toBe('done');
    expect(raised.map((alert) => alert.class)).toEqual(['Trail digest lost']);
  });

  test('are looked for where one of the chain never came, with what only it lists', async () => {
    const [one, two, three] = [await write('one'), await write('two'), await write('three')];
    await comes(one);
    const first = await aws.digest(name(0), [one], null);
    await comes(first);
    const second = await aws.digest(name(1), [two], first);
    const third = await aws.digest(name(2), [three], second);
    expect(await comes(await aws.digest(name(3), [], third))).toBe('done');
    expect(new Set(await taken())).toEqual(new Set(['one', 'two', 'three']));
    expect(raised).toEqual([]);
  });

  test('tell of one that was deleted, and of one that was made anew', async () => {
    const first = await aws.digest(name(0), [], null);
    await comes(first);
    const second = await aws.digest(name(1), [], first);
    const third = await aws.digest(name(2), [], second);
    await aws.remove(second.key);
    expect(await comes(third)).toBe('done');
    expect(raised.map((alert) => alert.class)).toEqual(['Trail digest lost']);
    raised = [];
    const other = { ...third, signature: '00' };
    expect(await comes(await aws.digest(name(3), [], other))).toBe('done');
    expect(raised.map((alert) => alert.class)).toEqual(['Trail digest changed']);
  });

  test('whose keys cannot be asked for are waited for', async () => {
    const publicKeys = async () => Promise.reject(new Error('not authorized to perform: cloudtrail:ListPublicKeys'));
    const digest = await aws.digest(name(0), [], null);
    expect(await comes(digest, 1, { publicKeys })).toContain('ListPublicKeys');
    expect(await comes(digest)).toBe('done');
    expect(raised).toEqual([]);
  });
});
