/**
 * The console by daylight, in a real browser: numbers, exemptions, planned work, tokens, who is heard and who is silent. Wide and narrow, light
 * and dark, in both languages.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };

describeInBrowser('by daylight', () => {
  let running: RunningApp;
  let browser: Browser;
  let page: Page;
  let ann: EnrolledPerson;
  const complaints: string[] = [];

  beforeAll(async () => {
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod }, "444455556666": { name: shop-staging, label: staging } }
people:
  - { email: ann@example.com, name: Ann Example, role: admin }
  - { email: somebody.with.a.long.address@engineering.example.com, name: Somebody With A Long Name, role: responder }
heartbeats: [{ name: nightly-backup, every: 1h, key: { env: BEAT } }]
policy: [{ when: {}, then: page }]
`,
      { BEAT: 'a shared and fictional key' },
    );
    ann = await running.enrol('ann@example.com');
    await running.happens({ call: 'StopLogging', user: 'deployer', request: { name: 'trail' } });
    const { id } = await running.until('paged', ({ state }) => state === 'paged');
    await running.call(ann, 'POST', `/api/cases/${id}/acknowledge`, {});
    await running.call(ann, 'POST', `/api/cases/${id}/resolve`, { note: 'a planned change of the trail' });
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  test('numbers: by everything, by rule, as a file', async () => {
    await page.goto(`${running.app.url}/insights`);
    await page.getByRole('heading', { name: 'Time to acknowledge' }).waitFor();
    await page.getByText('How each is measured').click();
    await look(page, 'insights-wide');
    await page.getByRole('button', { name: 'Rule', exact: true }).click();
    await page.getByRole('rowheader').first().waitFor();
    await page.setViewportSize(NARROW);
    await look(page, 'insights-by-rule-narrow');
    await page.setViewportSize(WIDE);
    expect(page.url()).toContain('by=rule');
    const href = await page.getByRole('link', { name: 'Download as CSV' }).getAttribute('href');
    const { body } = await running.call(ann, 'GET', href ?? '');
    expect(String(body['text']).split('\n').length).toBeGreaterThan(2);
  });

  test('an exemption: from the finding, with what it would have hidden, made with a code, ended', async () => {
    const [found] = await running.cases();
    await page.goto(`${running.app.url}/cases/${found?.id ?? ''}`);
    await page.getByRole('link', { name: 'This is known and wanted' }).click();
    expect(await page.getByLabel('Account or cluster').inputValue()).toBe('111122223333');
    await page.getByLabel('Resource (id').fill('*trail');
    await page.getByRole('button', { name: 'What would it have hidden?' }).click();
    await page.getByText('It would have hidden 1 findings of the last 30 days').waitFor();
    await page.getByLabel('Why is this wanted?').fill('the trail moves this week');
    await page.getByLabel('code').fill(await ann.code());
    await look(page, 'exemption-making');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('It holds from now on.').waitFor();
    await page.getByText('the trail moves this week').waitFor();
    await look(page, 'exemptions');
    await page.getByRole('button', { name: 'End now' }).click();
    await page.getByText('Over', { exact: true }).waitFor();
  });

  test('planned work is planned and ended', async () => {
    await page.goto(`${running.app.url}/on-call`);
    await page.getByText('Plan work').first().click();
    await page.getByLabel('Account or cluster').fill('444455556666');
    await page.getByLabel('What is done').fill('moving the staging network');
    const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
    await page.getByLabel('From').last().fill(inHours(1));
    await page.getByLabel('To', { exact: true }).last().fill(inHours(3));
    await page.getByRole('button', { name: 'Plan work' }).click();
    await page.getByText('moving the staging network').waitFor();
    await look(page, 'planned-work');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('Nothing is planned.').waitFor();
  });

  test('a token is made, shown once, and revoked', { timeout: 60_000 }, async () => {
    await page.goto(`${running.app.url}/settings`);
    await page.getByText('Make a token').first().click();
    await page.getByLabel('What it is for').fill('nightly report');
    await page.getByLabel('Role').selectOption('member');
    await page
      .getByLabel('code')
      .last()
      .fill(await ann.code());
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByText('Copy it now').waitFor();
    await look(page, 'settings-token');
    await page.setViewportSize(NARROW);
    await look(page, 'settings-token-narrow');
    await page.setViewportSize(WIDE);
    await page.reload();
    await page.getByText('nightly report').waitFor();
    expect(await page.getByText('Copy it now').count()).toBe(0);
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('nightly report').waitFor({ state: 'detached' });
  });

  test('Now says which account and which job is silent, narrow and dark', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize(NARROW);
    await page.goto(running.app.url);
    await page.getByRole('heading', { name: 'Accounts and clusters' }).waitFor();
    await page.getByText('shop-staging').waitFor();
    await page.getByText('nightly-backup').waitFor();
    await look(page, 'now-watched-dark-narrow');
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('all of it stands in Japanese', async () => {
    await page.goto(`${running.app.url}/settings`);
    await page.getByLabel('Language').selectOption('ja');
    for (const path of ['/', '/insights', '/exemptions', '/on-call', '/settings']) {
      await page.goto(`${running.app.url}${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle').catch(() => undefined);
      await look(page, `ja-daylight${path.replace('/', '-')}`);
    }
    expect(complaints).toEqual([]);
  });
});
