/**
 * The first hour of `docs/getting-started.md`, walked: the real program with the very configuration that the guide tells people to write, a
 * Slack over Socket Mode and a Duo that check what they are sent, people who enrol by their links, and a file that an attack left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeDuo, startDuo } from '../fakes/duo.ts';
import { type FakeSlack, type SlackPerson, type SlackPost, startSlack } from '../fakes/slack.ts';

const PROGRAM = fileURLToPath(new URL('../../server/bin/countersign.js', import.meta.url));
const GUIDE = readFileSync(new URL('../../docs/getting-started.md', import.meta.url), 'utf8');
const WAIT_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'countersign-hour-'));
const events = join(folder, 'events');
const file = join(folder, 'countersign.yaml');
type Json = Record<string, unknown>;

let slack: FakeSlack;
let duo: FakeDuo;
let server: ChildProcess | null = null;
let said = '';
let url = '';

beforeAll(async () => {
  mkdirSync(events);
  [slack, duo] = await Promise.all([startSlack(), startDuo()]);
});
afterAll(async () => {
  await stop();
  await Promise.all([slack, duo].map((fake) => fake?.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not: ${what}; the server said: ${said.slice(-2_000)}`);
    await sleep(50);
  }
}

async function start(...args: string[]): Promise<void> {
  said = '';
  const secrets = {
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    DUO_SECRET_KEY: duo.settings.secretKey,
    DUO_CLIENT_SECRET: duo.client.clientSecret,
  };
  const child = spawn(process.execPath, [PROGRAM, 'up', '--data', join(folder, 'data'), '--port', '0', ...args], {
    env: { ...process.env, ...secrets },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  server = child;
  url = await until('an address', () => /http:\/\/localhost:\d+/.exec(said)?.[0]);
}

async function stop(): Promise<void> {
  const child = server;
  server = null;
  if (child === null || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

interface Visitor {
  call(method: string, path: string, body?: unknown): Promise<Json>;
  code(): string;
}

/** Somebody opens their link, scans the code and sets a passphrase. */
async function enrol(link: string, email: string, name: string): Promise<Visitor> {
  let cookie = '';
  const call = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { origin: url, cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const [set] = response.headers.getSetCookie();
    if (set !== undefined) cookie = set.split(';')[0] ?? '';
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
    return JSON.parse(text) as Json;
  };
  await call('POST', '/api/session/link', { token: link.split('#')[1] });
  const { secret } = await call('POST', '/api/enrolment/start', {});
  const totp = new TOTP({ secret: Secret.fromBase32(String(secret)) });
  const passphrase = 'a long and fictional passphrase 7';
  await call('POST', '/api/enrolment/finish', { name, email, passphrase, code: totp.generate(), language: 'en' });
  // The next step's code: each counts once.
  return { call, code: () => totp.generate({ timestamp: Date.now() + 30_000 }) };
}

/** What the guide says to write, led to the Slack and the Duo of this test, with the watched folder of its fifth step. */
function guideConfiguration(): string {
  const blocks = [...GUIDE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
  const yaml = blocks.filter((block) => !block.includes('display_information')).join('\n');
  return `${yaml
    .replace('slack:\n', `slack:\n  url: '${slack.apiUrl}'\n`)
    .replace('duo:\n', `duo:\n  url: '${duo.url}'\n`)
    .replace('api-12345678.duosecurity.com', duo.settings.host)
    .replace(/DIX+/, duo.settings.integrationKey)
    .replace(/DIY+/, duo.client.clientId)}
sources: [{ path: '${events}' }]
`;
}

/** `npx countersign drill`, as step 6 has it. */
function runDrill(token: string): Promise<{ readonly exitCode: number | null; readonly report: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'drill', '--url', url, '--wait', '1m'], {
    env: { ...process.env, COUNTERSIGN_TOKEN: token },
  });
  let report = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (report += text.toString()));
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, report })));
}

let dropped = 0;

/** Alice makes a key for somebody else; the trail's file says so. */
function happens(user: string): void {
  dropped += 1;
  const record = {
    eventVersion: '1.10',
    eventID: `00000000-0000-4000-8000-${String(dropped).padStart(12, '0')}`,
    eventName: 'CreateAccessKey',
    eventSource: 'iam.amazonaws.com',
    eventTime: `${new Date().toISOString().slice(0, 19)}Z`,
    awsRegion: 'eu-west-1',
    recipientAccountId: '111122223333',
    sourceIPAddress: '203.0.113.7',
    readOnly: false,
    requestParameters: { userName: user },
    userIdentity: {
      type: 'IAMUser',
      userName: 'alice',
      accountId: '111122223333',
      arn: 'arn:aws:iam::111122223333:user/alice',
    },
  };
  const part = join(folder, `part-${dropped}`);
  writeFileSync(part, JSON.stringify({ Records: [record] }));
  renameSync(part, join(events, `trail-${dropped}.json`));
}

test('the first hour goes as the guide tells it', { timeout: 480_000 }, async () => {
  // 1. Start, and see a sample.
  await start();
  const first = await until('a link', () => /http:\/\/localhost:\d+\/sign-in#\S+/.exec(said)?.[0]);
  const admin = await enrol(first, 'ann@example.com', 'Ann Example');
  await admin.call('POST', '/api/samples/attack/replay', {}).catch(async () => {
    const [sample] = (await admin.call('GET', '/api/samples')) as unknown as { id: string }[];
    return admin.call('POST', `/api/samples/${sample?.id ?? ''}/replay`, {});
  });
  await until('something on Now', async () => {
    const { waiting, paged } = (await admin.call('GET', '/api/now')) as { waiting: unknown[]; paged: unknown[] };
    return waiting.length + paged.length > 0 ? true : undefined;
  });
  await stop();

  // 2 to 4. People, a schedule, a ladder; Slack; Duo.
  writeFileSync(file, guideConfiguration());
  const people = new Map<string, SlackPerson>(
    ['alice', 'ann', 'ben'].map((name) => [name, slack.addPerson(`U${name.toUpperCase()}`, `${name}@example.com`)]),
  );
  const alice = people.get('alice');
  if (alice === undefined) throw new Error('Alice has no Slack');
  duo.setUser('alice@example.com', 'auth');
  await start('--config', file);
  await slack.listened();
  const { people: listed } = (await admin.call('GET', '/api/people')) as { people: { id: string; email: string }[] };
  const ben = listed.find(({ email }) => email === 'ben@example.com');
  const { url: link } = await admin.call('POST', `/api/people/${ben?.id ?? ''}/link`, {});
  await enrol(String(link), 'ben@example.com', 'Ben Example');
  const onCall = (await admin.call('GET', '/api/on-call')) as { schedules: { now: { name: string } | null }[] };
  const onDuty = people.get(onCall.schedules[0]?.now?.name.split(' ')[0]?.toLowerCase() ?? '');
  if (onDuty === undefined) throw new Error('nobody is on call');

  // 5. A risky change: "not me", from Slack, over a socket that was cut a moment ago.
  happens('shop-deployer');
  const question = await slack.expect('DUALICE', ({ text }) => text.startsWith('Was this you?'));
  expect(JSON.stringify(question.blocks)).toContain('CreateAccessKey');
  slack.dropSockets();
  await slack.listened();
  await alice.click(question, 'challenge_no');
  const offers = (post: SlackPost, action: string) => JSON.stringify(post.blocks).includes(action);
  const page = await until('a page', () => onDuty.messages().find((post) => offers(post, 'case_acknowledge')));
  await onDuty.click(page, 'case_acknowledge');
  const stateOf = async () => {
    const { cases } = (await admin.call('GET', '/api/cases')) as {
      cases: { id: string; state: string; headline: { resources: { id: string }[] } }[];
    };
    return cases.map(({ state, headline }) => [headline.resources[0]?.id, state]);
  };
  const becomes = (user: string, state: string) =>
    until(`${user} ${state}`, async () =>
      (await stateOf()).some(([id, now]) => id === user && now === state) ? true : undefined,
    );
  await becomes('shop-deployer', 'acknowledged');
  const shown = await slack.expect(page.channel, (post) => post.ts === page.ts && offers(post, 'case_resolve'));
  await onDuty.click(shown, 'case_resolve');
  await becomes('shop-deployer', 'resolved');

  // And another one: yes, a reason, and the push that shows it. Alice never enrolled anything here.
  const before = alice.messages().length;
  happens('shop-reporter');
  const again = await until('asked again', () =>
    alice
      .messages()
      .slice(before)
      .find(({ text }) => text.startsWith('Was this you?')),
  );
  await alice.click(again, 'challenge_yes');
  await until('a form', () => alice.view());
  await alice.submit({ reason: 'the report runs elsewhere now' });
  (await duo.nextPush()).approve();
  await becomes('shop-reporter', 'confirmed');

  // 6. Exercise it, with a token as the guide says to make one.
  const wanted = { name: 'exercises', purpose: 'api', role: 'responder', days: 1, code: admin.code() };
  const { token } = await admin.call('POST', '/api/tokens', wanted);
  const drill = runDrill(String(token));
  const isExercise = (post: SlackPost) => post.text.includes('DRILL') || JSON.stringify(post.blocks).includes('DRILL');
  const exercise = await until('an exercise', () =>
    onDuty.messages().find((post) => isExercise(post) && offers(post, 'case_acknowledge')),
  );
  await onDuty.click(exercise, 'case_acknowledge');
  const held = await slack.expect(exercise.channel, (post) => post.ts === exercise.ts && offers(post, 'case_resolve'));
  await onDuty.click(held, 'case_resolve');
  expect(await drill).toMatchObject({ exitCode: 0, report: expect.stringContaining('acknowledge') });
  expect([...slack.refused, ...duo.refused]).toEqual([]);
});
