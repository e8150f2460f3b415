/**
 * How long from an event's arrival until the resource is as it was, in the running server against an emulator of AWS on this machine?
 *
 * The limit would be two looks, half of each in the median: that of the pipeline (250 ms) and that of the case worker (500 ms), and the
 * calls themselves, of which the emulator's share is told apart. AWS adds its own time to deliver the event, which is not measured here.
 */
import { createServer, request, type Server } from 'node:http';
import { acceptBatch } from '../server/src/sources/inbox.ts';
import { createCaller } from '../server/src/vendors/aws/calls.ts';
import { MOTO_PRESENT, startMoto } from '../test/fakes/moto.ts';
import { startRunningApp } from '../test/running-app.ts';
import { type Machine, thisMachine } from './machine.ts';

const ACCOUNT = '123456789012';
const MOST_EVENTS = 100;
/** Whatever the machine is busy with, it ends: the figures tell how many events that were. */
const BUDGET_MS = 90_000;
const APART_MS = 300;
const MOST_MS = 20_000;

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
  const way = await openWay(moto.endpoint);
  const { endpoint } = moto;
  const aws = createCaller({ region: 'us-east-1', roleArn: null, externalId: null, sessionName: 'bench', endpoint });
  const call = (operation: string, input: Record<string, unknown>) =>
    aws.call({ service: 'cloudtrail', operation, input });
  await aws.call({ service: 's3', operation: 'CreateBucket', input: { Bucket: 'trail-store' } });
  const running = await startRunningApp(
    `
accounts: { "${ACCOUNT}": { name: shop-prod, label: prod } }
reverts: { mode: auto, role: countersign-revert, endpoint: '${way.endpoint}', most_per_account: 1000, drift: off }
policy: [{ when: {}, then: [page, revert] }]
`,
    {},
  );
  const times: number[] = [];
  const emulator: number[] = [];
  const beganMs = performance.now();
  for (let index = 0; index < MOST_EVENTS && performance.now() - beganMs < BUDGET_MS; index += 1) {
    const name = `trail-${index}`;
    await call('CreateTrail', { Name: name, S3BucketName: 'trail-store' });
    await call('StopLogging', { Name: name });
    const json = JSON.stringify(stopped(name, index));
    const start = performance.now();
    way.answeringMs = 0;
    const restored = way.untilAnswered('StartLogging', name);
    const records = [{ id: `event-${index}`, timeMs: Date.now(), json }];
    await acceptBatch(running.app.state, { source: 'aws_cloudtrail', origin: 'bench', records }, Date.now());
    const end = await restored;
    if ((await call('GetTrailStatus', { Name: name }))['IsLogging'] !== true) throw new Error(`${name} is not back`);
    times.push(end - start);
    emulator.push(way.answeringMs);
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
  }
  await running.close();
  way.server.close();
  moto.close();
  const figures = {
    events: times.length,
    p50_ms: at(times, 0.5),
    p90_ms: at(times, 0.9),
    p99_ms: at(times, 0.99),
    fastest_ms: at(times, 0),
    emulator_p50_ms: at(emulator, 0.5),
    emulator_share: Math.round((100 * sum(emulator)) / sum(times)) / 100,
  };
  return { bench: 'revert', machine: thisMachine(), figures };
}

function at(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

function sum(times: readonly number[]): number {
  return times.reduce((total, ms) => total + ms, 0);
}

/** The server's way to the emulator: tells when a call was answered, and how long the emulator took, without asking it anything itself. */
interface Way {
  readonly endpoint: string;
  readonly server: Server;
  /** Since it was last set to 0. */
  answeringMs: number;
  /** @returns when, by `performance.now()`. */
  untilAnswered(operation: string, name: string): Promise<number>;
}

async function openWay(upstream: string): Promise<Way> {
  let wanted: { operation: string; name: string; answered: (atMs: number) => void } | null = null;
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts);
      const startMs = performance.now();
      const { method, headers } = incoming;
      const onward = request(new URL(incoming.url ?? '/', upstream), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.on('end', () => {
          const nowMs = performance.now();
          way.answeringMs += nowMs - startMs;
          const isIt =
            wanted !== null &&
            String(headers['x-amz-target']).endsWith(`.${wanted.operation}`) &&
            body.includes(wanted.name);
          if (isIt) wanted?.answered(nowMs);
        });
      });
      onward.on('error', () => outgoing.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const way: Way = {
    endpoint: `http://127.0.0.1:${port}`,
    server,
    answeringMs: 0,
    untilAnswered: (operation, name) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${name} was not put back`)), MOST_MS);
        const answered = (atMs: number) => {
          clearTimeout(timer);
          wanted = null;
          resolve(atMs);
        };
        wanted = { operation, name: `"${name}"`, answered };
      }),
  };
  return way;
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
