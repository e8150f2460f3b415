/**
 * kill -9 of the real server at random moments while it takes in an attack, with a real PagerDuty protocol on the other side:
 * every case that must page has paged, none is lost, and the journal verifies.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';

const PROGRAM = fileURLToPath(new URL('../../server/bin/countersign.js', import.meta.url));
const KILLS = Number(process.env['COUNTERSIGN_KILLS'] ?? '4');
const FILES = KILLS * 2;
const ACTORS_PER_FILE = 5;
const ROUTING_KEY = 'a'.repeat(32);
const folder = mkdtempSync(join(tmpdir(), 'countersign-kill-'));
const events = join(folder, 'events');
const data = join(folder, 'data');
let server: ChildProcess | null = null;
let pagerDuty: FakePagerDuty | null = null;

afterAll(async () => {
  server?.kill('SIGKILL');
  await pagerDuty?.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(): ChildProcess {
  const child = spawn(
    process.execPath,
    [PROGRAM, 'up', '--config', join(folder, 'countersign.yaml'), '--data', data, '--port', '0'],
    {
      env: { ...process.env, KILL_TEST_ROUTING_KEY: ROUTING_KEY },
      stdio: 'ignore',
    },
  );
  return child;
}

/** Many thieves stop many trails: each is a case of its own that must page at once. */
function dropFile(index: number): void {
  const records = Array.from({ length: ACTORS_PER_FILE }, (_, actor) => {
    const name = `sample-thief-${index}-${actor}`;
    return {
      eventVersion: '1.10',
      eventID: `00000000-0000-4000-8000-${String(index * 1_000 + actor).padStart(12, '0')}`,
      eventName: 'StopLogging',
      eventSource: 'cloudtrail.amazonaws.com',
      eventTime: '2026-03-02T10:00:00Z',
      awsRegion: 'eu-west-1',
      recipientAccountId: '111122223333',
      sourceIPAddress: '198.51.100.7',
      userIdentity: {
        type: 'IAMUser',
        userName: name,
        accountId: '111122223333',
        arn: `arn:aws:iam::111122223333:user/${name}`,
      },
      requestParameters: { name: `trail-${name}` },
      readOnly: false,
    };
  });
  const file = join(folder, `file-${index}.json`);
  writeFileSync(file, JSON.stringify({ Records: records }));
  renameSync(file, join(events, `file-${index}.json`));
}

test(`${KILLS} times kill -9: every case pages, none is lost, the journal verifies`, {
  timeout: 60_000 + KILLS * 30_000,
}, async () => {
  expect(existsSync(PROGRAM)).toBe(true);
  mkdirSync(events);
  pagerDuty = await startPagerDuty(ROUTING_KEY);
  writeFileSync(
    join(folder, 'countersign.yaml'),
    `sources:\n  - path: ${events}\npages:\n  - pagerduty: { routing_key: { env: KILL_TEST_ROUTING_KEY }, url: '${pagerDuty.url}' }\n`,
  );
  let dropped = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    server = start();
    dropFile(dropped++);
    pagerDuty.fail(...(kill % 3 === 0 ? [500, 202] : []));
    await sleep(1_500 + Math.random() * 3_500);
    dropFile(dropped++);
    await sleep(Math.random() * 2_500);
    server.kill('SIGKILL');
    await new Promise((resolve) => server?.once('exit', resolve));
  }
  server = start();
  const expected = new Set(
    Array.from(
      { length: FILES * ACTORS_PER_FILE },
      (_, index) => `sample-thief-${Math.floor(index / ACTORS_PER_FILE)}-${index % ACTORS_PER_FILE}`,
    ),
  );
  const paged = () =>
    new Set(
      [...(pagerDuty?.incidents.values() ?? [])].flatMap(({ triggers }) =>
        triggers.map((summary) => /sample-thief-\d+-\d+/.exec(summary)?.[0] ?? ''),
      ),
    );
  const deadline = Date.now() + 90_000;
  while (paged().size < expected.size && Date.now() < deadline) await sleep(250);
  expect([...expected].filter((name) => !paged().has(name))).toEqual([]);
  expect(pagerDuty.incidents.size).toBe(expected.size);
  expect(pagerDuty.refused).toEqual([]);
  server.kill('SIGTERM');
  await new Promise((resolve) => server?.once('exit', resolve));
  const verify = spawnSync(process.execPath, [PROGRAM, 'journal', 'verify', '--data', data, '--output', 'json'], {
    encoding: 'utf8',
  });
  expect(JSON.parse(verify.stdout)).toMatchObject({ ok: true });
  expect(verify.status).toBe(0);
});
