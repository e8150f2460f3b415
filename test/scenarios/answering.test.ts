/**
 * Answering in a real browser: a passkey of a virtual authenticator, Duo's page, a push; the on-call page, a case with everything
 * that can be done with it. Wide and narrow, light and dark, in both languages.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { type FakeDuo, startDuo } from '../fakes/duo.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };

describeInBrowser('answering in a browser', () => {
  let duo: FakeDuo;
  let running: RunningApp;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let alice: EnrolledPerson;
  let ben: EnrolledPerson;
  const complaints: string[] = [];

  beforeAll(async () => {
    duo = await startDuo();
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod } }
people:
  - { email: alice@example.com, name: Alice Example, role: admin, identities: { aws_users: [alice] } }
  - { email: ben@example.com, name: Ben Example, identities: { aws_users: [ben] } }
schedules:
  security:
    time_zone: Europe/Berlin
    layers: [{ people: [alice@example.com, ben@example.com], start: '2026-01-05 09:00', rotate: daily, restrict: [{ days: [mon, tue, wed, thu, fri, sat], from: '00:00', to: '00:00' }] }]
escalations: { default: { steps: [{ to: 'schedule:security', wait: 5m }, { to: [ben@example.com], wait: 10m }] } }
duo: { host: ${duo.settings.host}, integration_key: ${duo.settings.integrationKey}, secret_key: { env: DUO }, client_id: ${duo.client.clientId}, client_secret: { env: DUO_CLIENT }, url: '${duo.url}' }
policy:
  - { when: { action: DeleteTrail }, then: page }
  - { when: { risk: ">= 20", actor: person }, then: challenge, within: 10m }
  - { when: {}, then: record }
`,
      { DUO: duo.settings.secretKey, DUO_CLIENT: duo.client.clientSecret },
    );
    alice = await running.enrol('alice@example.com');
    ben = await running.enrol('ben@example.com');
    browser = await openBrowser();
    page = await openPageAs({ browser, running, person: alice, complaints }, { viewport: WIDE });
    context = page.context();
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await running?.close();
    await duo?.close();
  });

  /** Alice does something; the challenge page about it. */
  const asked = async (bucket: string) => {
    await running.happens({ call: 'PutBucketPolicy', service: 's3', user: 'alice', request: { bucketName: bucket } });
    const found = await running.until('asked', ({ state }) => state === 'asked');
    await page.goto(`${running.app.url}/cases/${found.id}`);
    await page.getByRole('button', { name: 'Answer the question' }).click();
    await page.getByRole('heading', { name: 'Was this you?' }).waitFor();
    await page.getByRole('button', { name: 'Yes, I did this' }).click();
    await page.getByLabel('Why was it done?').fill('a planned change');
    return found;
  };

  test('a passkey is added in the settings and confirms exactly this change', async () => {
    await page.goto(`${running.app.url}/settings`);
    await page.getByLabel('Name of this key').fill('Sample laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('Sample laptop').waitFor();
    await look(page, 'settings-passkey');
    const found = await asked('passkey-bucket');
    await page.getByLabel('Passkey of this device').check();
    await page.setViewportSize(NARROW);
    await look(page, 'challenge-factors-narrow');
    await page.setViewportSize(WIDE);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    const confirmed = await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
    expect(confirmed.answer).toMatchObject({ factor: 'passkey', reason: 'a planned change' });
  });

  test('an assertion is worth nothing for another change, another person, or a second time', async () => {
    const answers: { passkey?: unknown }[] = [];
    await page.route('**/api/challenges/answer', async (route) => {
      answers.push(route.request().postDataJSON() as { passkey?: unknown });
      await route.fulfill({ status: 409, json: { code: 'sample', message: 'held back by the test' } });
    });
    const found = await asked('passkey-other');
    const link = await running.call(alice, 'POST', `/api/cases/${found.id}/challenge-link`, {});
    const token = String(link.body['url']).split('#')[1] ?? '';
    await page.getByLabel('Passkey of this device').check();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expect.poll(() => answers.length, { timeout: 20_000 }).toBeGreaterThan(0);
    await page.unroute('**/api/challenges/answer');
    const [{ passkey } = {}] = answers;
    expect(passkey).toMatchObject({ type: 'public-key' });
    const answer = async (parts: Record<string, unknown>) => {
      const given = { token, answer: 'yes', reason: 'planned', factor: 'passkey', digest: found.digest, passkey };
      return (await running.call(null, 'POST', '/api/challenges/answer', { ...given, ...parts })).body;
    };
    // Somebody else's question, with the key and the challenge of this one.
    await running.happens({ call: 'PutBucketPolicy', service: 's3', user: 'ben', request: { bucketName: 'of-ben' } });
    const other = await running.until(
      'ben',
      ({ state, person }) => state === 'asked' && person?.name === 'Ben Example',
    );
    const theirs = await running.call(ben, 'POST', `/api/cases/${other.id}/challenge-link`, {});
    const theirToken = String(theirs.body['url']).split('#')[1] ?? '';
    expect(await answer({ token: theirToken, digest: other.digest })).toMatchObject({ outcome: 'wrong-code' });
    for (const garbage of [null, 'text', { id: 'x', response: {} }])
      expect(await answer({ passkey: garbage })).toMatchObject({ outcome: 'wrong-code' });
    // More changes came: what was signed was signed over others.
    await running.happens({ call: 'PutBucketPolicy', service: 's3', user: 'alice', request: { bucketName: 'more' } });
    const grown = await running.until('grown', ({ id, digest }) => id === found.id && digest !== found.digest);
    expect(await answer({})).toMatchObject({ outcome: 'changes-differ' });
    expect(await answer({ digest: grown.digest })).toMatchObject({ outcome: 'wrong-code' });
    expect((await running.cases()).find(({ id }) => id === found.id)).toMatchObject({ state: 'asked', answer: null });
    await running.call(null, 'POST', '/api/challenges/answer', {
      ...{ token, digest: grown.digest, answer: 'no', reason: '' },
    });
    await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    for (const { id } of await running.cases()) await running.call(alice, 'POST', `/api/cases/${id}/resolve`, {});
    await running.call(null, 'POST', '/api/challenges/answer', {
      ...{ token: theirToken, digest: other.digest, answer: 'no', reason: '' },
    });
    await running.call(alice, 'POST', `/api/cases/${other.id}/resolve`, {});
  });

  test('one that was used is used up', async () => {
    const answers: Record<string, unknown>[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/api/challenges/answer'))
        answers.push(request.postDataJSON() as Record<string, unknown>);
    });
    const found = await asked('passkey-twice');
    await page.getByLabel('Passkey of this device').check();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
    const again = await asked('passkey-twice-again');
    const link = await running.call(alice, 'POST', `/api/cases/${again.id}/challenge-link`, {});
    const token = String(link.body['url']).split('#')[1] ?? '';
    const replayed = { ...answers.at(-1), token, digest: again.digest };
    expect((await running.call(null, 'POST', '/api/challenges/answer', replayed)).body).toMatchObject({
      outcome: 'wrong-code',
    });
    await page.getByLabel('Passkey of this device').check();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    await running.until('confirmed', ({ id, state }) => id === again.id && state === 'confirmed');
  });

  test("Duo's page proves it where no phone does", async () => {
    const found = await asked('prompt-bucket');
    await page.getByLabel('Duo in this browser').check();
    // Duo's own page stands elsewhere; here the sample Duo is asked in its place.
    await page.route('https://api-sample.duosecurity.com/**', async (route) => {
      const { pathname, search } = new URL(route.request().url());
      const answer = await fetch(`${duo.url}${pathname}${search}`, { redirect: 'manual' });
      await route.fulfill({ status: 302, headers: { location: answer.headers.get('location') ?? '' } });
    });
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    const confirmed = await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
    expect(confirmed.answer).toMatchObject({ factor: 'duo-prompt' });
  });

  test('a push that nobody approves is told, and another way is open', async () => {
    const found = await asked('push-bucket');
    await page.getByLabel('Push to my phone').check();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Look at your phone', { exact: false }).waitFor();
    await look(page, 'challenge-push');
    (await duo.nextPush()).timeout();
    await page.getByText('Nobody approved it in time', { exact: false }).waitFor();
    await page.getByLabel('Passkey of this device').check();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Thank you. It is confirmed.').waitFor();
    await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
  });

  test('who is on call, the gaps in red words, the ladder, and standing in', async () => {
    await page.goto(`${running.app.url}/on-call`);
    await page.getByRole('heading', { name: 'Who would be paged right now' }).waitFor();
    await page.getByText('Nobody is on call in security from', { exact: false }).first().waitFor();
    await look(page, 'on-call-wide');
    await page.getByText('Stand in', { exact: true }).click();
    await page.getByLabel('Who', { exact: true }).selectOption({ label: 'Ben Example' });
    await page.getByRole('textbox', { name: 'From' }).fill('2027-03-01T09:00');
    await page.getByRole('textbox', { name: 'To', exact: true }).fill('2027-03-02T09:00');
    await page.getByRole('button', { name: 'Put on call' }).click();
    await running.until('journaled', () => true);
    const calendar = await running.call(alice, 'GET', '/api/on-call/schedules/security/calendar.ics');
    expect(String(calendar.body['text'])).toContain('BEGIN:VEVENT');
    await page.setViewportSize(NARROW);
    await look(page, 'on-call-narrow');
  });

  test('a page is snoozed, noted, handed over and resolved from its page', async () => {
    await page.setViewportSize(WIDE);
    await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state, person }) => state === 'paged' && person === null);
    await page.goto(`${running.app.url}/cases/${found.id}`);
    await page.getByText('More', { exact: true }).click();
    await page.getByLabel('Add a note').fill('looking at it');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('Alice Example: looking at it').waitFor();
    await page.getByLabel('Hand over to').selectOption({ label: 'Ben Example' });
    await page.getByRole('button', { name: 'Hand over', exact: true }).click();
    await page.getByText('Alice Example handed it over').waitFor();
    await page.getByLabel('Snooze').selectOption({ label: '1 hour' });
    await page.locator('.field', { hasText: 'Snooze' }).getByRole('button', { name: 'Set' }).click();
    await page.getByText('Snoozed by Alice Example').waitFor();
    await look(page, 'case-responding');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize(NARROW);
    await look(page, 'case-responding-dark-narrow');
    await page.getByRole('button', { name: 'Resolve' }).click();
    await page.getByText('Resolved by Alice Example').waitFor();
  });

  test('all of it stands in Japanese', async () => {
    await page.evaluate(() => localStorage.setItem('countersign.language', 'ja'));
    for (const [path, heading] of [
      ['/on-call', '当番'],
      ['/settings', '設定'],
    ] as const) {
      await page.goto(`${running.app.url}${path}`);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await look(page, `ja${path.replace('/', '-')}`);
    }
  });

  test('nothing complained', () => {
    expect(complaints.filter((text) => !text.includes('status of 4'))).toEqual([]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(duo.refused).toEqual([]);
  });
});
