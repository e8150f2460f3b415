/** How each host's sensor runs, as somebody sees it: on the page of now and beside the agents, in both languages, wide and narrow, light and dark. */
import type { AgentInvitation } from '@countersign/contract';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveGap } from '../../server/src/sources/sensor/store.ts';
import { createAgentCalls } from '../../server/src/vendors/countersign/agent-calls.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WATCHING = {
  ...{ events: 812_345, eventsPerSecond: 1_240, lost: 31, repeats: 4, lastEventMs: 1 },
  ...{ lookBackMs: 61_000, lookBackBytes: 9_000_000, threads: 410, containers: 12 },
};
const ALLOW =
  'sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search=ep /opt/countersign/sensor/build/countersign-sensor';
const REFUSED = `the sensor may not load its programs: it needs CAP_BPF and CAP_PERFMON\n${ALLOW}`;

describeInBrowser('how sensors run', () => {
  const complaints: string[] = [];
  let running: RunningApp;
  let browser: Browser;
  let person: EnrolledPerson;

  beforeAll(async () => {
    running = await startRunningApp('people: [{ email: ann@example.com, name: Ann Example, role: admin }]\n', {});
    person = await running.enrol('ann@example.com');
    browser = await openBrowser();
    const watching = { version: '1.4.0', state: 'watching', problem: null, health: WATCHING };
    await tell('edge-1', watching);
    await tell('a-host-with-a-long-name.of-a-rack.in-a-room.example.com', watching);
    await tell('db-1', { version: '1.3.2', state: 'not-allowed', problem: REFUSED, health: null });
    const now = Date.now();
    await saveGap(running.app.state, 'edge-1', { class: 'file', lost: 29, fromMs: now - 60_000, toMs: now - 50_000 });
    await saveGap(running.app.state, 'edge-1', { class: 'network', lost: 2, fromMs: now - 60_000, toMs: now - 50_000 });
  });
  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  async function tell(host: string, told: object): Promise<void> {
    const { body } = await running.call(person, 'POST', '/api/agents/invitations', {});
    const { token } = body as unknown as AgentInvitation;
    const server = new URL(running.app.url);
    const joined = await createAgentCalls({ server, secret: () => '' }).join({ token, host, version: '1.0.0' });
    if (joined.type !== 'joined') throw new Error(joined.reason);
    expect(await createAgentCalls({ server, secret: () => joined.secret }).tellWatch(told)).toEqual({ type: 'told' });
  }

  async function open(path: string, options: Parameters<typeof openPageAs>[1] = {}): Promise<Page> {
    const page = await openPageAs({ browser, running, person, complaints }, options);
    await page.goto(`${running.app.url}${path}`);
    return page;
  }

  test.each(['/', '/settings'])('at %s: rate, losses by class, version; why not, and how to allow it', async (path) => {
    const page = await open(path);
    const place = page.locator('li', { hasText: 'edge-1' }).first();
    for (const text of [
      'watched',
      '1,240 events a second',
      '31 lost in the last hour: files 29, connections 2',
      '1.4.0',
    ])
      await place.getByText(text).first().waitFor();
    const refused = page.locator('li', { hasText: 'db-1' }).first();
    for (const text of ['not allowed to watch', ALLOW, '1.3.2']) await refused.getByText(text).first().waitFor();
    await look(page, `sensors${path.replace('/', '-')}`);
    await page.context().close();
  });

  test.each(['/', '/settings'])('at %s in Japanese, in the dark, on a phone', async (path) => {
    const page = await open(path, {
      locale: 'ja-JP',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
    });
    await page.getByText('監視の権限がありません').first().waitFor();
    await page.getByText('ファイル 29').first().waitFor();
    await look(page, `sensors${path.replace('/', '-')}-ja`);
    await page.context().close();
    expect(complaints).toEqual([]);
  });
});
