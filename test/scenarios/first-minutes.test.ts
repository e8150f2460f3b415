/**
 * A newcomer's first minutes, in a real browser against the real server: sign-in link, second factor, sample attack, a page to
 * acknowledge and a question to answer. Every page is looked at by axe, in both languages, wide and narrow, light and dark.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, startApp } from '../../server/src/app.ts';
import { defaultConfiguration } from '../../server/src/configuration.ts';
import { systemClock } from '../../server/src/ground/clock.ts';
import { recordingLog } from '../../server/src/ground/log.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import { describeInBrowser, openBrowser, openContext, openPageOf } from '../browser.ts';
import { look } from '../look.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };

describeInBrowser('the first minutes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-first-'));
  const log = recordingLog();
  const complaints: string[] = [];
  let app: App;
  let browser: Browser;
  let page: Page;
  let totp: TOTP;
  let lastStep = 0;

  beforeAll(async () => {
    app = await startApp({
      configuration: defaultConfiguration(),
      dataDirectory: folder,
      environment: {},
      hostname: 'web-1',
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log,
    });
    browser = await openBrowser();
    page = await openPageOf(await openContext(browser, { viewport: WIDE }), complaints);
  });

  afterAll(async () => {
    await browser?.close();
    await app?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A code of a later step than any used before: each counts once. */
  const freshCode = async () => {
    while (Math.floor(Date.now() / 30_000) <= lastStep) await new Promise((resolve) => setTimeout(resolve, 250));
    lastStep = Math.floor(Date.now() / 30_000);
    return totp.generate();
  };

  test('the sign-in link leads to enrolment, and the token leaves the address bar', async () => {
    const link = app.firstSignInUrl;
    expect(link).toContain('/sign-in#');
    await page.goto(link ?? '');
    await page.getByRole('heading', { name: 'Set up your account' }).waitFor();
    expect(page.url()).not.toContain('#');
    const secret = await page.locator('.value').getAttribute('title');
    totp = new TOTP({ secret: Secret.fromBase32(secret ?? ''), digits: 6, period: 30 });
    await look(page, 'enrolment');
    await page.getByLabel('Your name').fill('Sample Admin');
    await page.getByLabel('E-mail address').fill('admin@example.com');
    await page.getByLabel(/^Passphrase/).fill('a long and fictional passphrase 7');
    await page.getByLabel('Six-digit code').fill(await freshCode());
    await page.getByRole('button', { name: 'Finish' }).click();
    await page.getByText('Nothing has come in yet', { exact: false }).waitFor();
    await look(page, 'first-run');
  });

  test('the sample attack becomes a page and a question within a minute', async () => {
    const started = Date.now();
    await page.getByRole('button', { name: 'Replay it now' }).click();
    await page.getByRole('heading', { name: /Paged, not acknowledged/ }).waitFor({ timeout: 60_000 });
    await page.getByRole('heading', { name: /Waiting for an answer/ }).waitFor({ timeout: 60_000 });
    expect(Date.now() - started).toBeLessThan(60_000);
    await look(page, 'now');
  });

  test('a page is acknowledged and resolved', async () => {
    await page.locator('section', { hasText: 'Paged, not acknowledged' }).locator('a.line').first().click();
    await page.getByRole('button', { name: 'Acknowledge' }).waitFor();
    await look(page, 'case-paged');
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('Acknowledged by Sample Admin').first().waitFor();
    await page.getByLabel('What was found (optional)').fill('a stolen key; it was disabled');
    await page.getByRole('button', { name: 'Resolve' }).click();
    await page.getByText('Resolved by Sample Admin').waitFor();
  });

  test('the question is answered with a reason and a second factor; a wrong code is told', {
    timeout: 120_000,
  }, async () => {
    await page.goto(`${app.url}/`);
    await page.locator('section', { hasText: 'Waiting for an answer' }).locator('a.line').first().click();
    await page.getByRole('button', { name: 'Answer the question' }).waitFor();
    await look(page, 'case-asked');
    await page.getByRole('button', { name: 'Answer the question' }).click();
    await page.getByRole('heading', { name: 'Do you know of this?' }).waitFor();
    expect(page.url()).not.toContain('#');
    await page.setViewportSize(NARROW);
    await look(page, 'challenge-narrow');
    await page.getByRole('button', { name: 'Yes, it was planned' }).click();
    await page.getByLabel('Why was it done?').fill('debugging a host; it is closed again');
    await page.getByLabel(/Six-digit code/).fill('000000');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('4 tries left', { exact: false }).waitFor();
    await page.getByLabel(/Six-digit code/).fill(await freshCode());
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    await look(page, 'challenge-confirmed');
  });

  test('the journal is whole, and says so on the settings page', async () => {
    await page.setViewportSize(WIDE);
    await page.goto(`${app.url}/settings`);
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('The journal is whole', { exact: false }).waitFor();
    await look(page, 'settings');
    expect(await verifyJournal(app.state)).toMatchObject({ ok: true });
  });

  test('every page stands in Japanese, in the dark and on a phone', async () => {
    await page.getByLabel('Language').selectOption('ja');
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const [path, heading] of [
      ['/', '現在'],
      ['/cases', 'ケース'],
      ['/settings', '設定'],
    ] as const) {
      for (const viewport of [WIDE, NARROW]) {
        await page.setViewportSize(viewport);
        await page.goto(`${app.url}${path}`);
        await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
        await look(page, `ja-dark-${path.slice(1) || 'now'}-${viewport.width}`);
      }
    }
    await page.locator('nav').getByText('ケース').click();
    await page.locator('a.line').first().click();
    await page.getByRole('heading', { name: '経過' }).waitFor();
    await look(page, 'ja-dark-case-390');
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  });

  test('the list of cases is walked with the keyboard', async () => {
    await page.goto(`${app.url}/cases`);
    await page.locator('a.line').first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/cases\/.+/);
  });

  test('nothing complained: neither the browser nor the server', () => {
    expect(complaints).toEqual([]);
    expect(log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
