/** The map in a real browser, of 20, 300 and 5,000 services: drawn, folded, searched, focused, as a table; wide and narrow, in both languages. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionLine } from '../../server/src/inventory/connections/line.ts';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
/** Longer than this between two frames while dragging is felt. */
const SMOOTH_MS = 250;
const HOUR_MS = 3_600_000;

/** Services that call each other inside their namespace mostly, and the outside now and then. At `daysAgo` hours so that the sizes stay apart. */
function world(services: number, hoursAgo: number): ConnectionLine[] {
  const nowMs = Date.now() - hoursAgo * HOUR_MS;
  const spaces = Math.max(3, Math.round(services / 30));
  const ip = (service: number) => `10.${service >> 8}.${service & 255}.7`;
  const name = (service: number) => `space-${service % spaces}/deployment/service-${service}`;
  return Array.from({ length: services * 2 }, (_, index): ConnectionLine[] => {
    const from = index % services;
    const isFar = index % 5 === 0;
    const to = (from + (isFar ? 7 : spaces * (1 + (index % 3)))) % services;
    const bytes = 1_000 + ((index * 7_919) % 100_003) * (index % 17);
    const common = {
      windowMs: nowMs,
      scope: '',
      exe: '',
      protocol: 'tcp',
      remoteName: '',
      failed: index % 29 === 0 ? 9 : 0,
    } as const;
    const times = { opened: 3, live: 1, retransmits: 0, firstMs: nowMs, lastMs: nowMs + 5_000 };
    const out = {
      ...common,
      ...times,
      host: `node-${from % 9}`,
      application: name(from),
      container: '',
      process: 'app',
    };
    const outside = index % 11 === 0;
    const lines: ConnectionLine[] = [
      {
        ...out,
        direction: 'out',
        localIp: ip(from),
        remoteIp: outside ? `203.0.113.${index % 250}` : ip(to),
        remoteName: outside ? `api-${index % 40}.example.com` : '',
        port: outside ? 443 : 8080,
        sentBytes: bytes,
        receivedBytes: bytes * 3,
      },
    ];
    if (!outside)
      lines.push({
        ...common,
        ...times,
        host: `node-${to % 9}`,
        application: name(to),
        container: '',
        process: 'app',
        direction: 'in',
        localIp: ip(to),
        remoteIp: ip(from),
        port: 8080,
        sentBytes: bytes * 3,
        receivedBytes: bytes,
      });
    return lines;
  }).flat();
}

describeInBrowser('the map', () => {
  let running: RunningApp;
  let browser: Browser;
  let page: Page;
  let ann: EnrolledPerson;
  const complaints: string[] = [];

  beforeAll(async () => {
    running = await startRunningApp(
      'people: [{ email: ann@example.com, name: Ann Example, role: admin }]\npolicy: [{ when: {}, then: page }]\n',
      {},
    );
    ann = await running.enrol('ann@example.com');
    for (const [services, hoursAgo] of [
      [20, 0],
      [300, 5],
      [5_000, 10],
    ] as const)
      await running.app.connections.insertLines(world(services, hoursAgo), `world-${services}`);
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE, timezoneId: 'UTC' });
  });

  afterAll(async () => {
    await browser?.close();
    await running?.close();
    expect(complaints).toEqual([]);
  });

  const open = async (hoursAgo: number, more = '') => {
    const toMs = Date.now() - hoursAgo * HOUR_MS + 600_000;
    const [from, to] = [toMs - HOUR_MS, toMs].map((ms) => new Date(ms).toISOString());
    await page.goto(`${running.app.url}/map?from=${from}&to=${to}${more}`);
    await page.locator('[data-settled="true"]').waitFor();
  };

  test('20 services are drawn at once, each with its name', async () => {
    await open(0);
    await page.getByText(/^2\d nodes/).waitFor();
    await look(page, 'map-20-wide');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'map-20-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(NARROW);
    await look(page, 'map-20-narrow');
    await page.setViewportSize(WIDE);
  });

  test('is written as an SVG, in which each service has its whole name', async () => {
    await open(0);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'SVG', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('countersign-map.svg');
    const svg = readFileSync(await download.path(), 'utf8');
    expect(svg.match(/<circle /g)).toHaveLength(20);
    expect(svg).toContain('>service-0</text>');
  });

  test('as a table every line is a row; a row opens its line, a name its node', async () => {
    await open(0);
    await page.getByRole('button', { name: 'As a table' }).click();
    const rows = page.getByRole('row');
    await expect.poll(() => rows.count(), { timeout: 20_000 }).toBeGreaterThan(20);
    await page.getByRole('button', { name: '8080/tcp' }).first().click();
    await page.getByText('Connections', { exact: true }).waitFor();
    await look(page, 'map-table-wide');
    await page.getByRole('button', { name: 'service-3', exact: true }).first().click();
    await page.getByRole('button', { name: 'Only its neighbours' }).click();
    await expect.poll(() => page.url()).toContain('focus=workload');
    await page.getByRole('button', { name: 'Whole map' }).waitFor();
    await expect.poll(() => rows.count(), { timeout: 20_000 }).toBeLessThan(15);
  });

  test('300 services begin as their namespaces, and unfold', async () => {
    await open(5);
    await page.getByText(/^3\d\d nodes/).waitFor();
    await look(page, 'map-300-wide');
    await page.getByRole('searchbox').fill('space-3');
    await page.getByText('1 found').waitFor();
  });

  test('5,000 services stay smooth, and in Japanese', async () => {
    await open(10);
    const box = await page.locator('canvas').boundingBox();
    if (box === null) throw new Error('there is no picture');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.evaluate(() => {
      const found = globalThis as unknown as { longest: number };
      found.longest = 0;
      let before = performance.now();
      const frame = () => {
        const now = performance.now();
        found.longest = Math.max(found.longest, now - before);
        before = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let step = 0; step < 30; step += 1) await page.mouse.move(x + step * 4, y + step * 2);
    await page.mouse.up();
    const longest = await page.evaluate(() => (globalThis as unknown as { longest: number }).longest);
    await look(page, 'map-5000-wide');
    await page.evaluate(() => localStorage.setItem('countersign.language', 'ja'));
    await page.reload();
    await page.getByRole('heading', { name: 'マップ' }).waitFor();
    await page.locator('[data-settled="true"]').waitFor();
    await look(page, 'map-5000-ja');
    expect(longest).toBeLessThan(SMOOTH_MS);
  });
});
