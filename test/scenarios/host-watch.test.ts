/**
 * A host is watched: what an intruder and two containers did becomes findings, cases and questions, with captures as evidence.
 * The stream is a recording, told through the socket as a sensor tells it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { CaseDetail, HostEvidence, HostHealth, NowView } from '@countersign/contract';
import type { Browser } from 'playwright-core';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCaptureAlerts } from '../../server/src/rules/capture-alerts.ts';
import { bundledRulesets, loadPack } from '../../server/src/rules/pack.ts';
import { readCaptureFile } from '../../server/src/sources/captures/capture-file.ts';
import { toldBlock } from '../../server/src/sources/sensor/recording/told-block.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { dataPath, describeWithData } from '../data.ts';
import { type FakeRuntime, startDocker } from '../fakes/container-runtimes.ts';
import { tellRecording } from '../fakes/sensor.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const PATIENCE_MS = 100_000;
const CONTAINER = '2872482e64e1d28401541fa3e1c4c4fdc0733bc6a752aa949b5915240a9d0be8';

describeWithData('a host that is watched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-sensor-'));
  const socket = join(folder, 'sensor.sock');
  const runtime = join(folder, 'docker.sock');
  const capture = gunzipSync(readFileSync(dataPath('captures', 'attack2.scap.gz')));
  let running: RunningApp;
  let olga: EnrolledPerson;
  let sensor: Socket;
  let docker: FakeRuntime;

  beforeAll(async () => {
    const shop = { Id: CONTAINER, Name: '/shop', Config: { Image: 'registry.example.com/shop:1.2' } };
    docker = await startDocker(runtime, { [CONTAINER]: shop });
    running = await startRunningApp(
      `
people:
  - { email: olga@example.com, name: Olga, role: responder }
  - { email: mallory@example.com, name: Mallory }
accounts: { web-1: { label: prod, owner: olga@example.com } }
sources: [{ sensor: { host: web-1, socket: ${socket}, runtimes: [${runtime}] } }]
`,
      {},
    );
    olga = await running.enrol('olga@example.com');
    await waitFor('the socket', async () => (await host()).state === 'waiting');
    sensor = await tellRecording(socket, capture);
  });

  afterAll(async () => {
    sensor?.destroy();
    await running?.close();
    await docker?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function get<T>(path: string): Promise<T> {
    const { status, body } = await running.call(olga, 'GET', path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return body as T;
  }

  async function host(): Promise<HostHealth> {
    const { hosts } = await get<NowView>('/api/now');
    return hosts[0] ?? ({ state: 'starting' } as HostHealth);
  }

  async function caseWith(rule: string): Promise<CaseDetail | null> {
    for (const { id } of await running.cases()) {
      const detail = await get<CaseDetail>(`/api/cases/${id}`);
      if (detail.findings.some((finding) => finding.rule === rule)) return detail;
    }
    return null;
  }

  let contained: CaseDetail;

  test('what a container of two seconds did is one case of what its image is called, and pages', {
    timeout: 150_000,
  }, async () => {
    await waitFor('the case', async () => (await caseWith('Release agent of a control group set')) !== null);
    contained = (await caseWith('Release agent of a control group set')) as CaseDetail;
    expect(contained.summary.state).toBe('paged');
    expect(new Set(contained.findings.map(({ actor }) => actor.id))).toEqual(new Set(['registry.example.com/shop']));
    expect(contained.findings.map(({ rule }) => rule)).toContain('New program run in a container');
    expect(contained.summary.headline.output).toContain('/tmp/release_agent');
  });

  test('what is worth a question is asked of whoever answers for the host', async () => {
    const asked = await running.until('a question', ({ state }) => state === 'asked');
    const { summary, findings } = await get<CaseDetail>(`/api/cases/${asked.id}`);
    expect(summary.person?.name).toBe('Olga Example');
    expect(findings[0]).toMatchObject({ source: 'syscall', account: { id: 'web-1', label: 'prod' } });
  });

  test('the console says that the host is watched, and what its sensor lost', { timeout: 150_000 }, async () => {
    sensor.write(toldBlock(lastTime(capture), 'gap', gapJson(lastTime(capture))));
    await waitFor('the gap', async () => (await host()).lostCount === 7);
    expect(await host()).toMatchObject({ host: 'web-1', state: 'watching', problem: null });
  });

  test('a capture holds what happened around it, and is for responders alone', { timeout: 150_000 }, async () => {
    sensor.end();
    const evidence = async (): Promise<HostEvidence> => {
      contained = (await caseWith('Release agent of a control group set')) ?? contained;
      return get<HostEvidence>(`/api/cases/${contained.summary.id}/recordings`);
    };
    await waitFor('the capture', async () => (await evidence()).captures.some(({ state }) => state !== 'recording'));
    const { captures, gaps } = await evidence();
    expect(gaps).toMatchObject([{ host: 'web-1', class: 'file', lost: 7 }]);
    const { id = '' } = captures[0] ?? {};
    const file = join(folder, 'evidence.scap.gz');
    const response = await fetch(`${running.app.url}/api/captures/${id}`, { headers: { cookie: olga.cookie } });
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    expect(await rulesIn(file)).toContain('Release agent of a control group set');
    const mallory = await running.enrol('mallory@example.com');
    expect((await running.call(mallory, 'GET', `/api/captures/${id}`)).status).toBe(403);
    expect((await running.call(null, 'GET', `/api/captures/${id}`)).status).toBe(401);
    const { rows: read } = await sql<{ parameters: string }>`
      select parameters from journal where kind = 'capture-read'`.execute(running.app.state.db);
    expect(read.map(({ parameters }) => JSON.parse(parameters) as unknown)).toEqual([{ capture: id, host: 'web-1' }]);
    const moment = `/api/recordings?${new URLSearchParams({ host: 'web-1', at: contained.summary.headline.time })}`;
    expect((await get<HostEvidence>(moment)).captures.map((one) => one.id)).toContain(id);
    expect((await running.call(mallory, 'GET', moment)).status).toBe(403);
    expect((await running.call(olga, 'GET', '/api/recordings?host=web-1&at=noon')).status).toBe(400);
  });

  describeInBrowser('in the console', () => {
    let browser: Browser;
    afterAll(() => browser?.close());

    test('a finding leads to the processes of its moment in one click', { timeout: 150_000 }, async () => {
      const complaints: string[] = [];
      browser = await openBrowser();
      // What was done is stored at the end of its window.
      const tree = `/api/activity/tree?${new URLSearchParams({ host: 'web-1', at: contained.summary.headline.time })}`;
      await waitFor('the processes', async () => (await get<{ rows: readonly unknown[] }>(tree)).rows.length > 0);
      const page = await openPageAs({ browser, running, person: olga, complaints });
      await page.goto(`${running.app.url}/cases/${contained.summary.id}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await look(page, 'host-case');
      await page.getByRole('link', { name: 'Processes at this moment' }).click();
      await page.locator('.tree [aria-current]').waitFor();
      expect(new URL(page.url()).searchParams.get('with')).toBe('host:web-1');
      await page.locator('.gap').first().waitFor({ state: 'attached' });
      await page.getByRole('link', { name: /^Download/ }).waitFor();
      await look(page, 'host-tree');
      await page.setViewportSize({ width: 390, height: 844 });
      await look(page, 'host-tree-narrow');
      expect(complaints).toEqual([]);
    });
  });

  test('a sensor that has gone is seen at once', { timeout: 150_000 }, async () => {
    await waitFor('the end', async () => (await host()).state === 'waiting');
  });
});

function lastTime(capture: Buffer): bigint {
  // The end of the last block leads to its beginning.
  const at = capture.length - capture.readUInt32LE(capture.length - 4);
  return capture.readBigUInt64LE(at + 8 + (capture.readUInt32LE(at) === 0x217 ? 6 : 2));
}

function gapJson(timeNs: bigint): string {
  const span = { fromNs: String(timeNs - 1_000_000_000n), toNs: String(timeNs) };
  return JSON.stringify({ class: 'file', lost: 7, ...span });
}

async function rulesIn(file: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const machine = createCaptureAlerts({
    rules: loadPack(bundledRulesets()).ruleset.rules,
    match: 'all',
    hostname: 'web-1',
    onAlert: ({ rule }) => found.add(rule),
  });
  const { damage } = await readCaptureFile(file, machine, () => Promise.resolve());
  expect(damage).toBeNull();
  return [...found];
}

async function waitFor(what: string, fits: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await fits())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
