/** Capacity in a real browser: who has too much or too little, one workload over time, wide and narrow, in both languages, light and dark. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SAMPLE_WINDOW_MS, type Sample } from '../../server/src/inventory/telemetry/sample.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';
import { sampleTelemetry } from '../sample-telemetry.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const WINDOWS = 300;
const GIB = 2 ** 30;

const held = (bytes: number): Partial<Sample> => ({
  memoryBytes: Math.round(bytes),
  memoryMaxBytes: Math.round(bytes * 1.1),
  memoryLastBytes: Math.round(bytes),
});
const free: Partial<Sample> = { cpuRequest: null, cpuLimit: null, memoryLimit: null };

/** One window of a shop: an idle web server, a worker that is held back and killed, a database that fits, a unit and a program. */
function aWindow(windowMs: number, index: number): Sample[] {
  const wave = 0.5 + 0.5 * Math.sin(index / 20);
  const of = (application: string, ...changes: readonly Partial<Sample>[]) => {
    const quiet = { periods: null, throttled: null, oomKills: 0 };
    const named = { application, id: application, name: application };
    return sampleTelemetry(windowMs, Object.assign({ ...quiet, ...named }, ...changes) as Partial<Sample>);
  };
  const web = { cpuMs: 300 + 400 * wave, cpuMax: 0.2, cpuRequest: 1, memoryLimit: 2 * GIB };
  const isKilled = index % 97 === 0 ? 1 : 0;
  return [
    ...['a', 'b', 'c'].map((id) => of('shop/deployment/web', { id }, web, held(0.2 * GIB))),
    of(
      'shop/deployment/checkout-worker-for-very-long-orders',
      { part: 'worker', cpuMs: 4_700 + 200 * wave, cpuMax: 0.5, cpuLimit: 0.5, cpuRequest: 0.25 },
      { periods: 100, throttled: 35, memoryLimit: GIB, oomKills: isKilled, restarts: isKilled, host: 'node-2' },
      held((0.7 + 0.25 * wave) * GIB),
    ),
    of(
      'shop/statefulset/db',
      { cpuMs: 7_000 + 1_000 * wave, cpuMax: 0.9, memoryLimit: 4 * GIB, host: 'node-2' },
      held(3 * GIB),
    ),
    of('unit:nginx.service', { kind: 'unit', cpuMs: 20 }, free, held(0.03 * GIB)),
    of('program:node', { kind: 'program', cpuMs: 900 * wave }, free, held(0.3 * GIB)),
    ...['node-1', 'node-2'].map((host) =>
      of('', { kind: 'host', id: '', host, cpuMs: 15_000 * wave, cpuMax: 3.5 }, free, held(9 * GIB), {
        cpuLimit: 4,
        memoryLimit: 16 * GIB,
      }),
    ),
    of('shop/deployment/web', { kind: 'process', id: '4711.99', name: 'nginx', cpuMs: 250 }),
  ];
}

function anHour(last: number): Sample[] {
  return Array.from({ length: WINDOWS }, (_, index) => aWindow(last - index * SAMPLE_WINDOW_MS, index)).flat();
}

describeInBrowser('capacity', () => {
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
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE });
  });
  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  test('says what to do while nothing was measured', async () => {
    await page.goto(`${running.app.url}/capacity`);
    await page.getByText('Nothing was measured in this time.').waitFor();
    await look(page, 'capacity-empty-wide');
  });

  test('what has too little comes first, and lists narrow it down', async () => {
    const last = Math.trunc(Date.now() / SAMPLE_WINDOW_MS - 1) * SAMPLE_WINDOW_MS;
    await running.app.telemetry.insertSamples(anHour(last), 'agent.1');
    await page.goto(`${running.app.url}/capacity`);
    const rows = page.locator('table.sizes tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(5);
    expect(await rows.first().textContent()).toMatch(/checkout-worker.*Has too little.*held back by its quota/s);
    await look(page, 'capacity-wide');
    await page.getByRole('button', { name: 'Promised too much' }).click();
    expect(await rows.count()).toBe(1);
    expect(await rows.first().textContent()).toMatch(/shop\/deployment\/web.*mostly idle/s);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('searchbox', { name: 'Search workloads' }).fill('NODE');
    expect(await rows.count()).toBe(1);
    await page.getByRole('searchbox', { name: 'Search workloads' }).fill('');
  });

  test('one workload over time, as lines and as a table, by an address that others can open', async () => {
    await page.getByRole('button', { name: 'shop/deployment/web', exact: true }).click();
    await page.getByRole('heading', { name: 'shop/deployment/web over time' }).waitFor();
    await page.locator('.line-chart path').first().waitFor();
    expect(await page.locator('.line-chart').count()).toBe(2);
    const svg = page.locator('.line-chart svg[role="img"]').first();
    await svg.hover();
    expect(await page.locator('.line-chart .pointer').count()).toBe(1);
    await page.getByText('nginx 4711').waitFor();
    await page.getByText('The same as a table').click();
    await look(page, 'capacity-workload-wide');
    const address = page.url();
    await page.goto(address);
    await page.getByRole('heading', { name: 'shop/deployment/web over time' }).waitFor();
  });

  test('the same as a file, in which no name is a formula', async () => {
    await running.app.telemetry.insertSamples(
      [sampleTelemetry(Math.trunc(Date.now() / SAMPLE_WINDOW_MS - 1) * SAMPLE_WINDOW_MS, { application: '=1+1' })],
      'agent.2',
    );
    const from = new Date(Date.now() - 86_400_000).toISOString();
    const answer = await fetch(`${running.app.url}/api/capacity.csv?from=${from}`, { headers: { cookie: ann.cookie } });
    expect(answer.headers.get('content-type')).toContain('text/csv');
    const lines = (await answer.text()).trimEnd().split('\r\n');
    expect(lines).toHaveLength(7);
    expect(lines[0]).toContain('application,part,kind,instances');
    expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1);
    expect(lines.some((line) => line.startsWith(`"'=1+1"`))).toBe(true);
  });

  test('on a phone, in the dark, in Japanese', async () => {
    const phone = await openPageAs(
      { browser, running, person: ann, complaints },
      { viewport: NARROW, colorScheme: 'dark', locale: 'ja-JP' },
    );
    await phone.goto(
      `${running.app.url}/capacity?workload=container|shop/deployment/checkout-worker-for-very-long-orders|worker`,
    );
    await phone.getByRole('heading', { name: 'キャパシティ' }).waitFor();
    await phone.locator('.line-chart path').first().waitFor();
    await phone.locator('table.sizes').waitFor();
    await look(phone, 'capacity-phone-dark-ja');
    await page.setViewportSize(NARROW);
    await page.goto(`${running.app.url}/capacity`);
    await page.locator('table.sizes').waitFor();
    await look(page, 'capacity-phone');
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'capacity-wide-dark');
    expect(complaints).toEqual([]);
  });
});
