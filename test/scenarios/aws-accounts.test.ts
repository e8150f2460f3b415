/**
 * Many accounts and regions in one configuration, live, against an emulator of AWS: both paths of an event are one event, each account has its
 * label, one that falls silent is a case, and a server that is killed loses nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findingsById } from '../../server/src/findings/store.ts';
import { type AwsTrail, EXTERNAL_ID, notification, REGION, ROLE, startTrail, trailRecord } from '../aws-trail.ts';
import { describeWith } from '../data.ts';
import { MOTO_PRESENT } from '../fakes/moto.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { type RunningApp, startRunningApp } from '../running-app.ts';

const PROGRAM = fileURLToPath(new URL('../../server/bin/countersign.js', import.meta.url));
const SILENT = 'Account fell silent';
const LATELY = { fromMs: Date.now() - 86_400_000, toMs: Date.now() + 86_400_000, limit: 10 };
const OTHER_REGION = 'us-east-1';
const PROD = '111122223333';
const STAGING = '444455556666';
const ROUTING_KEY = 'a'.repeat(32);

const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const user = (name: string, account: string) => ({
  userIdentity: { type: 'IAMUser', userName: name, accountId: account, arn: `arn:aws:iam::${account}:user/${name}` },
  recipientAccountId: account,
  eventTime: iso(Date.now()),
});

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('many accounts, live', () => {
  let aws: AwsTrail;
  let running: RunningApp | null = null;
  let server: ChildProcess | null = null;
  let pagerDuty: FakePagerDuty | null = null;
  const folder = mkdtempSync(join(tmpdir(), 'countersign-aws-'));

  beforeAll(async () => {
    aws = await startTrail();
  });
  afterEach(async () => {
    server?.kill('SIGKILL');
    await running?.close();
    await pagerDuty?.close();
    running = null;
    pagerDuty = null;
  });
  afterAll(async () => {
    await aws?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const queue = (name: string, region: string, url: string) =>
    `  - { name: ${name}, region: ${region}, queue: '${url}', role_arn: '${ROLE}', external_id: { env: EXTERNAL_ID }, endpoint: '${aws.endpoint}' }`;
  const key = (account: string, name: string) =>
    `AWSLogs/o-sample/${account}/CloudTrail/${REGION}/2026/03/02/${name}.json.gz`;

  test('an event that comes both ways is one event of a labelled account, and an account that falls silent is a case', async () => {
    const [objects, here, there] = [
      await aws.queue('objects'),
      await aws.queue('here'),
      await aws.queue('there', OTHER_REGION),
    ];
    running = await startRunningApp(
      `
accounts:
  "${PROD}": { name: shop-prod, label: prod }
  "${STAGING}": { name: shop-staging, label: staging }
aws:
${queue('objects', REGION, objects)}
${queue('here', REGION, here)}
${queue('there', OTHER_REGION, there)}
watch: { silence: 8s }
policy: [{ when: {}, then: page }]
`,
      { EXTERNAL_ID, AWS_ACCESS_KEY_ID: 'sample', AWS_SECRET_ACCESS_KEY: 'sample' },
    );
    const { app } = running;
    const ours = trailRecord('both-ways', user('alice', PROD));
    await aws.send(here, { 'detail-type': 'AWS API Call via CloudTrail', detail: ours });
    await aws.notify(objects, await aws.trail(key(PROD, 'both'), ours, trailRecord('second', user('bob', PROD))));
    const theirs = trailRecord('elsewhere', { ...user('eve', STAGING), awsRegion: OTHER_REGION });
    await aws.send(there, { 'detail-type': 'AWS API Call via CloudTrail', detail: theirs }, OTHER_REGION);
    await running.until('staging', ({ account, rule }) => account === STAGING && rule !== SILENT);
    await running.until('both of prod', ({ account, rule }) => account === PROD && rule !== SILENT);
    for (let tries = 0; tries < 100 && (await app.events.searchEvents(LATELY)).length < 3; tries += 1) await sleep(100);
    const events = await app.events.searchEvents(LATELY);
    expect(new Set(events.map(({ id }) => id))).toEqual(new Set(['both-ways', 'second', 'elsewhere']));
    const findingsOf = async () => {
      const cases = ((await running?.cases()) ?? []).filter(({ rule }) => rule !== SILENT);
      return findingsById(
        app.state.db,
        cases.flatMap(({ findingIds }) => findingIds),
      );
    };
    let findings = await findingsOf();
    // An event is stored before it is judged.
    for (let tries = 0; tries < 100 && !findings.some(({ facts }) => facts.id === 'second'); tries += 1) {
      await sleep(100);
      findings = await findingsOf();
    }
    const told = findings.map(
      ({ facts, account }) => `${facts.id} ${account?.name ?? ''} ${account?.label ?? ''} ${facts.region ?? ''}`,
    );
    expect(new Set(told)).toEqual(
      new Set([
        'both-ways shop-prod prod eu-west-1',
        'second shop-prod prod eu-west-1',
        'elsewhere shop-staging staging us-east-1',
      ]),
    );
    expect(told.filter((line) => line.startsWith('both-ways'))).toHaveLength(
      new Set(findings.map(({ rule }) => rule)).size,
    );
    expect(aws.assumed.filter(({ externalId }) => externalId !== EXTERNAL_ID)).toEqual([]);
    const silent = async () => (await running?.cases())?.filter(({ rule }) => rule === SILENT) ?? [];
    for (let tries = 0; tries < 300 && (await silent()).length < 2; tries += 1) await sleep(100);
    expect((await silent()).map(({ account, state }) => `${account ?? ''} ${state}`)).toEqual(
      expect.arrayContaining([`${PROD} paged`, `${STAGING} paged`]),
    );
  }, 120_000);

  test('kill -9 while objects are taken from a queue: every case pages, none twice', { timeout: 400_000 }, async () => {
    const url = await aws.queue('killed');
    pagerDuty = await startPagerDuty(ROUTING_KEY);
    const config = `
aws:
${queue('killed', REGION, url)}
pages: [{ pagerduty: { routing_key: { env: ROUTING_KEY }, url: '${pagerDuty.url}' } }]
policy: [{ when: {}, then: page }]
`;
    writeFileSync(join(folder, 'countersign.yaml'), config);
    const environment = { EXTERNAL_ID, ROUTING_KEY, AWS_ACCESS_KEY_ID: 'sample', AWS_SECRET_ACCESS_KEY: 'sample' };
    const start = async () => {
      const up = ['up', '--config', join(folder, 'countersign.yaml'), '--data', join(folder, 'data'), '--port', '0'];
      const child = spawn(process.execPath, [PROGRAM, ...up], {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      server = child;
      for await (const line of createInterface(child.stderr)) if (line.includes('is running')) break;
      child.stderr.resume();
      return child;
    };
    const names: string[] = [];
    const written: { key: string; text: string }[] = [];
    const announce = async () => {
      for (let object = 0; object < 3; object += 1) {
        const name = `sample-thief-${names.length}`;
        const record = trailRecord(name, user(name, PROD));
        const stored = await aws.trail(key(PROD, name), record);
        names.push(name);
        written.push({ key: stored.key, text: JSON.stringify({ Records: [record] }) });
        await aws.send(url, notification(stored));
      }
    };
    for (let kill = 0; kill < 2; kill += 1) {
      await announce();
      const child = await start();
      await announce();
      await sleep(Math.random() * 1_500);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    await start();
    // What the dead server held stays invisible for minutes; the digest of the hour names it before.
    await aws.notify(url, await aws.digest({ account: PROD, endMs: Date.now() }, written, null));
    const paged = () =>
      [...(pagerDuty?.incidents.values() ?? [])].flatMap(({ triggers }) =>
        [...new Set(triggers)].flatMap((summary) => /sample-thief-\d+/.exec(summary)?.[0] ?? []),
      );
    const deadline = Date.now() + 120_000;
    while (new Set(paged()).size < names.length && Date.now() < deadline) await sleep(250);
    expect(names.filter((name) => !paged().includes(name))).toEqual([]);
    expect(pagerDuty.incidents.size).toBe(names.length);
    expect(pagerDuty.refused).toEqual([]);
  });
});
