/**
 * How long from an event's arrival until the resource is as it was, in the running server against an emulator of AWS on this machine?
 *
 * The limit would be three looks: that of the pipeline (250 ms), that of the case worker (500 ms), and the calls themselves, which the
 * emulator answers in some milliseconds. AWS adds its own time to deliver the event, which is not measured here.
 */
import { acceptBatch } from '../server/src/sources/inbox.ts';
import { createCaller } from '../server/src/vendors/aws/calls.ts';
import { MOTO_PRESENT, startMoto } from '../test/fakes/moto.ts';
import { startRunningApp } from '../test/running-app.ts';
import { type Machine, thisMachine } from './machine.ts';

const ACCOUNT = '123456789012';
const EVENTS = 60;
const APART_MS = 700;
const LOOK_MS = 5;
const MOST_MS = 30_000;

interface RevertReport {
  readonly bench: 'revert';
  readonly machine: Machine;
  readonly figures: Readonly<Record<string, number>>;
}

export async function run(): Promise<RevertReport> {
  if (!MOTO_PRESENT) throw new Error('moto (PyPI) is not installed');
  process.env['AWS_ACCESS_KEY_ID'] ??= 'sample';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'sample';
  const moto = await startMoto();
  const { endpoint } = moto;
  const aws = createCaller({ region: 'us-east-1', roleArn: null, externalId: null, sessionName: 'bench', endpoint });
  const call = (operation: string, input: Record<string, unknown>) =>
    aws.call({ service: 'cloudtrail', operation, input });
  await aws.call({ service: 's3', operation: 'CreateBucket', input: { Bucket: 'trail-store' } });
  const running = await startRunningApp(
    `
accounts: { "${ACCOUNT}": { name: shop-prod, label: prod } }
reverts: { mode: auto, role: countersign-revert, endpoint: '${endpoint}', most_per_account: 1000, drift: off }
policy: [{ when: {}, then: [page, revert] }]
`,
    {},
  );
  const isLogging = async (Name: string) => (await call('GetTrailStatus', { Name }))['IsLogging'] === true;
  const times: number[] = [];
  for (let index = 0; index < EVENTS; index += 1) {
    const name = `trail-${index}`;
    await call('CreateTrail', { Name: name, S3BucketName: 'trail-store' });
    await call('StopLogging', { Name: name });
    const json = JSON.stringify(stopped(name, index));
    const start = performance.now();
    const records = [{ id: `event-${index}`, timeMs: Date.now(), json }];
    await acceptBatch(running.app.state, { source: 'aws_cloudtrail', origin: 'bench', records }, Date.now());
    while (!(await isLogging(name))) {
      if (performance.now() - start > MOST_MS) throw new Error(`${name} was not put back`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
  }
  await running.close();
  moto.close();
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  const figures = { events: EVENTS, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), fastest_ms: at(0) };
  return { bench: 'revert', machine: thisMachine(), figures };
}

/** Each by a thief of its own, so that each is a case of its own. */
function stopped(name: string, index: number) {
  return {
    ...{
      eventVersion: '1.10',
      eventID: `event-${index}`,
      eventName: 'StopLogging',
      eventSource: 'cloudtrail.amazonaws.com',
    },
    ...{ eventTime: new Date().toISOString(), awsRegion: 'us-east-1', recipientAccountId: ACCOUNT, readOnly: false },
    ...{ sourceIPAddress: '203.0.113.7', requestParameters: { name } },
    userIdentity: {
      ...{ type: 'IAMUser', userName: `thief-${index}`, accountId: ACCOUNT },
      arn: `arn:aws:iam::${ACCOUNT}:user/thief-${index}`,
    },
  };
}
