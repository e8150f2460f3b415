/** The inventory in a real browser: what is there, what was there, and the card of one thing; wide and narrow, in both languages. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Workload } from '../../server/src/inventory/workload.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { sampleWorkload } from '../sample-workload.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW = Date.now();
/** A moment of yesterday at which something ran for a third of a second. */
const THEN = Math.trunc((NOW - 26 * HOUR_MS) / MINUTE_MS) * MINUTE_MS;
const BRIEF = 'b7'.repeat(32);

const life = (changes: Partial<Workload>) =>
  sampleWorkload(NOW, { firstMs: NOW - 40 * HOUR_MS, teller: 'cluster shop-prod', cluster: 'shop-prod', ...changes });
const inShop = { namespace: 'shop', host: 'node-1' };
const LIVES: readonly Workload[] = [
  life({
    ...{
      kind: 'host',
      id: 'node-1',
      name: 'node-1',
      host: 'node-1',
      teller: 'agent node-1',
      cluster: '',
      parent: null,
    },
    ...{ application: '', addresses: ['192.0.2.10'] },
    facts: {
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.1.0-28-cloud-amd64',
      cloud: 'aws',
      instance: 'i-0123456789abcdef0',
      memoryBytes: String(32 * 2 ** 30),
    },
  }),
  life({ kind: 'namespace', id: 'n1', name: 'shop', namespace: 'shop', host: '', application: '', parent: null }),
  life({
    kind: 'deployment',
    id: 'd1',
    name: 'web',
    namespace: 'shop',
    host: '',
    application: 'shop/deployment/web',
    parent: { kind: 'namespace', id: 'n1' },
    facts: { replicas: '2', ready: '2' },
  }),
  ...[1, 2].map((number) =>
    life({
      ...{
        kind: 'pod',
        id: `p${number}`,
        name: `web-7d9c6b5f4-x2x8${number}`,
        ...inShop,
        parent: { kind: 'deployment', id: 'd1' },
      },
      ...{
        application: 'shop/deployment/web',
        addresses: [`10.244.0.${number}`],
        labels: { app: 'web', 'pod-template-hash': '7d9c6b5f4' },
      },
      facts: { phase: 'Running', qosClass: 'Burstable' },
    }),
  ),
  life({
    ...{
      kind: 'container',
      id: 'a1'.repeat(32),
      name: 'web',
      ...inShop,
      application: 'shop/deployment/web',
      parent: { kind: 'pod', id: 'p1' },
    },
    facts: {
      image: 'registry.example.com/shop/web:1.4',
      cpuRequestMillis: '250',
      memoryLimitBytes: String(256 * 2 ** 20),
      restarts: '0',
    },
  }),
  life({
    ...{
      kind: 'container',
      id: BRIEF,
      name: 'migrate',
      ...inShop,
      application: 'shop/job/migrate',
      parent: { kind: 'host', id: 'node-1' },
    },
    ...{ firstMs: THEN, lastMs: THEN + 300, endedMs: THEN + 300, toldMs: THEN + 300 },
    facts: { image: 'registry.example.com/shop/migrate:1.4', exitCode: '0' },
  }),
  life({
    kind: 'unit',
    id: 'node-1/nginx.service/77',
    name: 'nginx.service',
    host: 'node-1',
    cluster: '',
    application: 'unit:nginx.service',
    teller: 'agent node-1',
  }),
];

describeInBrowser('the inventory', () => {
  let running: RunningApp;
  let browser: Browser;
  let page: Page;
  let ann: EnrolledPerson;
  const complaints: string[] = [];
  beforeAll(async () => {
    running = await startRunningApp('people: [{ email: ann@example.com, name: Ann Example, role: admin }]\n', {});
    ann = await running.enrol('ann@example.com');
    await running.app.workloads.insert(LIVES, 'browser');
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE, timezoneId: 'UTC' });
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await running?.close();
    expect(complaints).toEqual([]);
  });
  const visit = async (query: string) => {
    await page.goto(`${running.app.url}/inventory${query}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByRole('table').waitFor();
  };

  test('everything that is there is listed, counted by kind, and narrowed down by kind and words', async () => {
    await visit('');
    await page.getByRole('button', { name: 'Pods 2' }).waitFor();
    expect(await page.getByText('migrate').count()).toBe(0);
    await look(page, 'inventory-now');
    await page.getByRole('button', { name: 'Pods 2' }).click();
    await page.getByText('2 listed').waitFor();
    await page.getByRole('searchbox').fill('10.244.0.2');
    await page.getByRole('searchbox').press('Enter');
    await page.getByText('1 listed').waitFor();
    expect(page.url()).toContain('kind=pod');
    expect(page.url()).toContain('q=10.244.0.2');
  });

  test('the past is asked to the second: a container that lived for a third of one is there', async () => {
    await visit(`?at=${new Date(THEN).toISOString().slice(0, 19)}&kind=container&host=node-1`);
    await page.getByRole('button', { name: 'migrate', exact: true }).click();
    const card = page.getByRole('complementary', { name: 'What was chosen' });
    await card.getByText('300 ms').waitFor();
    await card.getByText('registry.example.com/shop/migrate:1.4').waitFor();
    await look(page, 'inventory-past');
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await page.getByText('1 listed').waitFor();
  });

  test('a card leads up to what a thing belongs to, down to what it holds, and on to its activity and the map', async () => {
    await visit('?card=pod:p1');
    const card = page.getByRole('complementary', { name: 'What was chosen' });
    await card.getByText('pod-template-hash=7d9c6b5f4').waitFor();
    await look(page, 'inventory-card');
    await card.getByRole('button', { name: 'web', exact: true }).last().click();
    await card.getByText('268 MB').waitFor();
    await card.getByRole('link', { name: 'Activity' }).click();
    await page.getByRole('heading', { level: 1, name: 'Activity' }).waitFor();
    expect(decodeURIComponent(page.url())).toContain(`with=container:${'a1'.repeat(32)}`);
    await page.goBack();
    await card.getByRole('link', { name: 'Map' }).click();
    await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
    expect(decodeURIComponent(page.url())).toContain('focus=workload:shop/deployment/web');
  });

  test('where nothing was, the page says what to do', async () => {
    await page.goto(`${running.app.url}/inventory?at=2020-01-01T00:00:00`);
    await page.getByText('Nothing was there at that time.').waitFor();
    await look(page, 'inventory-empty');
  });

  test('narrow, dark and in Japanese it reads as well', async () => {
    await page.evaluate(() => localStorage.setItem('countersign.language', 'ja'));
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize(NARROW);
    await visit('?card=pod:p1');
    await page.getByRole('heading', { level: 1, name: 'インベントリ' }).waitFor();
    await page.getByText('pod-template-hash=7d9c6b5f4').waitFor();
    await look(page, 'inventory-narrow-ja-dark');
    await page.setViewportSize(WIDE);
    await look(page, 'inventory-wide-ja-dark');
  });
});
