/**
 * What stays in the console while something else goes on: what somebody typed, what they look at, where they were; and keys that are meant
 * for what is still on its way.
 */
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };
const SMALLEST = { width: 320, height: 640 };
const YAML = `
accounts: { "111122223333": { name: shop-prod, label: prod } }
people: [{ email: ann@example.com, name: Ann Example, role: admin, identities: { aws_users: [ann] } }]
policy:
  - { when: { action: PutBucketPolicy }, then: challenge, within: 30m }
  - { when: {}, then: page }
`;
const FINDINGS = 'What was found (optional)';
const LOST = 'The server does not answer.';

describeInBrowser('what stays', () => {
  let running: RunningApp;
  let browser: Browser;
  let page: Page;
  let ann: EnrolledPerson;
  const complaints: string[] = [];

  const opened = async (call: string, name: string) => {
    const before = new Set((await running.cases()).map(({ id }) => id));
    await running.happens({ call, user: name, request: { name: `${name}-trail` } });
    return (await running.until(`${call} by ${name}`, ({ id }) => !before.has(id))).id;
  };
  /** Ann did something and is asked about it; the link that leads to the question. */
  const asked = async (bucket: string) => {
    await running.happens({ call: 'PutBucketPolicy', service: 's3', user: 'ann', request: { bucketName: bucket } });
    const { id } = await running.until('asked', ({ state }) => state === 'asked');
    const { body } = await running.call(ann, 'POST', `/api/cases/${id}/challenge-link`, {});
    return String(body['url']);
  };
  const stateOf = async (id: string) => (await running.cases()).find((one) => one.id === id)?.state;
  const visit = async (path: string) => {
    await page.goto(`${running.app.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  const line = (id: string) => page.locator(`a.line[data-case="${id}"]`);
  /** What goes there hangs until it is let through. */
  const hold = async (where: string) => {
    let release = () => {};
    const open = new Promise<void>((resolve) => (release = resolve));
    const handler = (route: Route) => open.then(() => route.continue());
    await page.route(where, handler);
    return {
      let: async () => {
        release();
        await page.unrouteAll({ behavior: 'wait' });
      },
    };
  };

  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    ann = await running.enrol('ann@example.com');
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: ann, complaints }, { viewport: WIDE });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  test('what is typed while search is still on its way does nothing to the case', async () => {
    const id = await opened('DeleteTrail', 'waiting');
    const held = await hold('**/palette*.js');
    await visit(`/cases/${id}`);
    await page.getByRole('button', { name: 'Acknowledge', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('a');
    await held.let();
    await page.getByRole('dialog').getByRole('combobox').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await stateOf(id)).toBe('paged');
    await page.keyboard.press('a');
    await page.getByText('Acknowledged by Ann Example').first().waitFor();
  });

  test('what cannot be loaded takes nothing with it', async () => {
    const id = await opened('DeleteTrail', 'missing');
    await page.route('**/{palette,key-help}*.js', (route) => route.abort());
    await visit(`/cases/${id}`);
    await page.getByLabel(FINDINGS).fill('half a sentence');
    await page.getByLabel(FINDINGS).press('Tab');
    await page.keyboard.press('/');
    const told = page.getByText('A part of the console could not be loaded.', { exact: false });
    await told.waitFor();
    await look(page, 'case-without-palette');
    expect(await page.getByLabel(FINDINGS).inputValue()).toBe('half a sentence');
    await page.getByRole('button', { name: 'Close' }).click();
    await told.waitFor({ state: 'detached' });
    await page.keyboard.press('a');
    await page.getByText('Acknowledged by Ann Example').first().waitFor();
    expect(await page.getByLabel(FINDINGS).inputValue()).toBe('half a sentence');
    await page.unrouteAll({ behavior: 'wait' });

    await page.route('**/insights*.js', (route) => route.abort());
    await page.getByRole('link', { name: 'Insights' }).click();
    await page.getByRole('button', { name: 'Reload the page' }).waitFor();
    await page.getByRole('link', { name: 'Cases' }).click();
    await line(id).waitFor();
    await page.unrouteAll({ behavior: 'wait' });
    expect(complaints.length).toBeGreaterThan(0);
    complaints.length = 0;
  });

  test('a value of a case leads to others about it, and to what was done with it around then', async () => {
    const id = await opened('StopLogging', 'valued');
    await visit(`/cases/${id}`);
    await page.getByRole('button', { name: 'valued-trail', exact: true }).click();
    await look(page, 'case-value', { whole: false });
    await page.getByRole('button', { name: 'Cases about this' }).click();
    await page.getByText('Cases about “valued-trail”').waitFor();
    await line(id).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'valued-trail', exact: true }).click();
    await page.getByRole('button', { name: 'Activity with this around then' }).click();
    await page.locator('td').getByRole('button', { name: 'StopLogging', exact: true }).waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
  });

  test('Enter opens nothing that was found for a text which stands there no longer', async () => {
    await visit('/');
    await page.keyboard.press('/');
    const field = page.getByRole('dialog').getByRole('combobox');
    await field.fill('waiting-trail');
    await page.getByRole('option', { name: /DeleteTrail/ }).waitFor();
    const held = await hold('**/api/search?**');
    await field.fill('zzz');
    await page.keyboard.press('Enter');
    await held.let();
    await page.getByText('Nothing fits.', { exact: false }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/');
    await page.keyboard.press('Escape');
  });

  test('what was typed stays with its case, also when More is closed or the case cannot be loaded again', async () => {
    const first = await opened('StopLogging', 'first');
    const second = await opened('StopLogging', 'second');
    await visit(`/cases/${first}`);
    await page.getByLabel(FINDINGS).fill('half a sentence');
    await page.getByText('More', { exact: true }).click();
    await page.getByLabel('Add a note').fill('a note about it');
    await page.getByText('More', { exact: true }).click();
    await page.getByText('More', { exact: true }).click();
    expect(await page.getByLabel('Add a note').inputValue()).toBe('a note about it');

    await page.route(`**/api/cases/${first}`, (route) => route.abort());
    await page.getByText(LOST).first().waitFor({ timeout: 40_000 });
    expect(await page.getByLabel(FINDINGS).inputValue()).toBe('half a sentence');
    expect(await page.getByLabel('Add a note').inputValue()).toBe('a note about it');
    await look(page, 'case-not-refreshed');
    await page.unroute(`**/api/cases/${first}`);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText(LOST).waitFor({ state: 'detached' });
    complaints.length = 0;

    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').fill('second-trail');
    await page
      .getByRole('dialog')
      .getByRole('option', { name: /StopLogging/ })
      .click();
    await page.waitForURL(`**/cases/${second}`);
    await page.getByRole('heading', { name: /second called StopLogging/ }).waitFor();
    expect(await page.getByLabel(FINDINGS).inputValue()).toBe('');
  });

  test('a page that comes is seen at once where one has left, what has left says so, and keys pass it', async () => {
    const [leaving, staying] = [await opened('StopLogging', 'leaving'), await opened('StopLogging', 'staying')];
    await visit('/');
    await line(leaving).waitFor();
    await running.call(ann, 'POST', `/api/cases/${leaving}/resolve`, { note: '' });
    await line(leaving).getByText('No longer in this list').waitFor();
    const ids = () => page.locator('a.line').evaluateAll((lines) => lines.map((one) => one.getAttribute('data-case')));
    const before = await ids();
    const walked: (string | null)[] = [];
    for (let down = 0; down < before.length; down += 1) {
      await page.keyboard.press('j');
      walked.push(await page.locator('a.line[data-current="true"]').getAttribute('data-case'));
    }
    expect(new Set(walked)).toEqual(new Set(before.filter((id) => id !== leaving)));
    expect(walked).toContain(staying);
    await look(page, 'now-with-one-gone');

    const coming = await opened('StopLogging', 'coming');
    await line(coming).waitFor();
    expect(await ids()).toEqual(before.map((id) => (id === leaving ? coming : id)));
    expect(await page.getByText('No longer in this list').count()).toBe(0);
  });

  test('the language of a question is spoken there alone', async () => {
    const link = await asked('bucket');
    await visit('/settings');
    await page.getByLabel('Language').selectOption('ja');
    await page.goto(link);
    await page.getByRole('heading', { name: 'Was this you?' }).waitFor();
    expect(await page.evaluate(() => localStorage.getItem('countersign.language'))).toBe('ja');
    await page.goto(`${running.app.url}/settings`);
    await page.getByRole('heading', { name: '設定' }).waitFor();
    await page.getByLabel('言語').selectOption('en');
  });

  test('a question that cannot be asked again for a moment keeps its answer', async () => {
    await page.goto(await asked('another'));
    await page.getByRole('button', { name: 'Yes, I did this' }).click();
    await page.getByLabel('Why was it done?').fill('a planned change');
    await page.route('**/api/challenges/view', (route) => route.abort());
    await page.getByText(LOST).first().waitFor({ timeout: 40_000 });
    expect(await page.getByLabel('Why was it done?').inputValue()).toBe('a planned change');
    await page.unroute('**/api/challenges/view');
    await page.getByText(LOST).waitFor({ state: 'detached' });
    complaints.length = 0;
  });

  test('on a phone search and every page are one or two touches away, and nothing scrolls sideways', async () => {
    await visit('/');
    for (const viewport of [SMALLEST, NARROW]) {
      await page.setViewportSize(viewport);
      const rail = page.getByRole('navigation');
      expect(await rail.evaluate((bar) => bar.scrollWidth - bar.clientWidth)).toBe(0);
      await look(page, `now-bar-${viewport.width}`);
      await page.getByRole('button', { name: 'Menu' }).click();
      await look(page, `now-menu-${viewport.width}`);
      await rail.getByRole('link', { name: 'On-call' }).click();
      await page.getByRole('heading', { name: 'On-call', level: 1 }).waitFor();
      expect(await rail.getByRole('link', { name: 'On-call' }).isVisible()).toBe(false);
      await rail.getByRole('link', { name: 'Now' }).click();
      await rail.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('dialog').getByRole('combobox').fill('staying-trail');
      await page.getByRole('option', { name: /StopLogging/ }).click();
      await page.waitForURL(/\/cases\/.+/);
    }
    await page.setViewportSize(WIDE);
  });

  test('the list of cases goes on where its rows end, whatever came and left meanwhile, and shows none twice', {
    timeout: 120_000,
  }, async () => {
    const PAGE = 50;
    const missing = () => running.cases().then((all) => PAGE + 5 - all.length);
    const many = Array.from({ length: await missing() }, (_, index) => `many-${index}`);
    await Promise.all(
      many.map((user) => running.happens({ call: 'StopLogging', user, request: { name: `${user}-trail` } })),
    );
    await expect.poll(missing, { timeout: 60_000 }).toBeLessThanOrEqual(0);
    const all = (await running.cases()).length;
    await visit('/cases');
    const lines = page.locator('a.line');
    await expect.poll(() => lines.count()).toBe(PAGE);
    const first = (await lines.first().getAttribute('data-case')) ?? '';
    await opened('StopLogging', 'after');
    await page.getByRole('button', { name: 'Show 1 new' }).waitFor();
    expect(await lines.first().getAttribute('data-case')).toBe(first);
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => lines.count()).toBe(all);
    await page.getByRole('button', { name: 'Show 1 new' }).click();
    await expect.poll(() => lines.count()).toBe(PAGE);
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => lines.count()).toBe(all + 1);
    const ids = await lines.evaluateAll((found) => found.map((one) => one.getAttribute('data-case')));
    expect(new Set(ids).size).toBe(all + 1);
  });

  test('nothing complained', () => {
    expect(complaints).toEqual([]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
