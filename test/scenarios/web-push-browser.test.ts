/**
 * Pages in a real browser: the switch in the settings, the worker, and the notification that a push becomes. Chromium's own push
 * service stands on the internet: a fake one takes the browser's place in it, and what it opened is handed to the worker.
 */
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeInBrowser, openBrowser, openContextAs, openPageAs, openPageOf } from '../browser.ts';
import { type FakeBrowser, type FakePush, startPush } from '../fakes/push.ts';
import { look } from '../look.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const NARROW = { width: 390, height: 844 };
const YAML = `
people: [{ email: ann@example.com, name: Ann Example, role: admin }]
escalations: { default: { steps: [{ to: [ann@example.com], wait: 10m }] } }
policy: [{ when: {}, then: page }]
`;
const START = 'Notify this browser';
const STOP = 'Stop notifying this browser';

/** In the page: `PushManager` as the fake push service would have it, remembered over reloads. */
function subscribeWith(subscription: FakeBrowser['subscription']): void {
  const key = 'test.subscribed';
  const subscribed = {
    endpoint: subscription.endpoint,
    toJSON: () => subscription,
    unsubscribe: async () => {
      localStorage.removeItem(key);
      return true;
    },
  } as unknown as PushSubscription;
  PushManager.prototype.getSubscription = async () => (localStorage.getItem(key) === null ? null : subscribed);
  PushManager.prototype.subscribe = async () => {
    localStorage.setItem(key, 'yes');
    return subscribed;
  };
}

/** What the functions below use of a worker's world. */
interface WorkerWorld {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { openWindow(url: string): Promise<null> };
  readonly WindowClient: { readonly prototype: { focus(this: { readonly url: string }): Promise<null> } };
  readonly NotificationEvent: new (type: string, init: { readonly notification: Notification }) => Event;
  readonly ExtendableEvent: new (type: string) => Event;
  dispatchEvent(event: Event): boolean;
}

/** In the worker. */
async function clickInWorker(tag: string): Promise<readonly string[]> {
  const world = globalThis as unknown as WorkerWorld;
  const wanted: string[] = [];
  world.clients.openWindow = async (url) => {
    wanted.push(`opened ${url}`);
    return null;
  };
  world.WindowClient.prototype.focus = async function focus() {
    wanted.push(`focused ${this.url}`);
    return null;
  };
  const [notification] = await world.registration.getNotifications({ tag });
  if (notification === undefined) throw new Error(`no notification of ${tag}`);
  const waiting: Promise<unknown>[] = [];
  const waitUntil = { value: (work: Promise<unknown>) => void waiting.push(work) };
  const event = new world.NotificationEvent('notificationclick', { notification });
  world.dispatchEvent(Object.defineProperty(event, 'waitUntil', waitUntil));
  await Promise.all(waiting);
  return wanted;
}

/** In the worker: the browser says which subscription is new, or leaves it to the worker to make one. */
async function renewInWorker(given: { subscription: FakeBrowser['subscription']; told: boolean }): Promise<void> {
  const world = globalThis as unknown as WorkerWorld;
  const subscription = { toJSON: () => given.subscription } as unknown as PushSubscription;
  PushManager.prototype.subscribe = async () => subscription;
  const waiting: Promise<unknown>[] = [];
  const event = new world.ExtendableEvent('pushsubscriptionchange');
  Object.defineProperty(event, 'waitUntil', { value: (work: Promise<unknown>) => void waiting.push(work) });
  Object.defineProperty(event, 'newSubscription', { value: given.told ? subscription : null });
  world.dispatchEvent(event);
  await Promise.all(waiting);
}

describeInBrowser('pages in a browser', () => {
  let push: FakePush;
  let running: RunningApp;
  let ann: EnrolledPerson;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let devtools: CDPSession;
  let subscriber: FakeBrowser;
  let registrationId = '';
  const complaints: string[] = [];

  const open = async (permissions: string[]) => {
    const fresh = await openContextAs({ browser, running, person: ann });
    await fresh.grantPermissions(permissions, { origin: running.app.url });
    return fresh;
  };
  /** What the worker shows now. */
  const shown = () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      // `renotify` is younger than the types.
      const notifications = (await registration.getNotifications()) as (Notification & { renotify?: boolean })[];
      return notifications.map(({ title, body, tag, lang, requireInteraction, renotify, data }) => ({
        ...{ title, body, tag, lang, requireInteraction, renotify },
        url: (data as { url: string }).url,
      }));
    });
  const deliver = (data: string) =>
    devtools.send('ServiceWorker.deliverPushMessage', { origin: running.app.url, registrationId, data });

  /** Somebody clicks on the notification of a case; what the worker wanted of the browser, which heeds only real clicks. */
  const clicked = async (tag: string) => {
    await expect.poll(async () => (await shown()).map((one) => one.tag)).toContain(tag);
    const [worker] = context.serviceWorkers();
    const wanted = await worker?.evaluate(clickInWorker, tag);
    await expect.poll(async () => (await shown()).map((one) => one.tag)).not.toContain(tag);
    return wanted;
  };
  const renewed = async (subscription: FakeBrowser['subscription'], told: boolean) => {
    const [worker] = context.serviceWorkers();
    await worker?.evaluate(renewInWorker, { subscription, told });
  };

  beforeAll(async () => {
    push = await startPush();
    running = await startRunningApp(
      `${YAML}push: { subject: 'mailto:security@example.com', url: '${push.url}' }\n`,
      {},
    );
    ann = await running.enrol('ann@example.com');
    const { body } = await running.call(ann, 'GET', '/api/me/notifications');
    subscriber = push.subscribe(String(body['pushKey']));
    browser = await openBrowser();
    context = await open(['notifications']);
    await context.addInitScript(subscribeWith, subscriber.subscription);
    page = await openPageOf(context, complaints);
    devtools = await context.newCDPSession(page);
    devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      registrationId = registrations.at(-1)?.registrationId ?? registrationId;
    });
    await devtools.send('ServiceWorker.enable');
  });

  afterAll(async () => {
    await browser?.close();
    await running?.close();
    await push?.close();
  });

  test('the worker stands at the root, is script, and is asked for anew', async () => {
    const answer = await fetch(`${running.app.url}/push-worker.js`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('content-security-policy')).toContain("worker-src 'self'");
    expect(await answer.text()).not.toMatch(/^\s*(?:import|export)\b/m);
  });

  test('it is turned on in the settings, in words and for a keyboard', async () => {
    await page.goto(`${running.app.url}/settings`);
    await page.getByText('This browser is not notified when you are paged.').waitFor();
    await look(page, 'settings-browser-off');
    await page.getByRole('button', { name: START, exact: true }).press('Enter');
    await page.getByText('This browser is notified when you are paged').waitFor();
    await page.getByText(/Urgent: browser, at once/).waitFor();
    await look(page, 'settings-browser-on');
    await page.reload();
    await page.getByRole('button', { name: STOP }).waitFor();
    const { scope, script } = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      return { scope: registration.scope, script: registration.active?.scriptURL };
    });
    expect({ scope, script }).toEqual({
      scope: `${running.app.url}/`,
      script: `${running.app.url}/push-worker.js`,
    });
  });

  test('a page becomes a notification, and the next one of the case takes its place', async () => {
    await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
    const { id } = await running.until('paged', ({ state }) => state === 'paged');
    await expect.poll(() => subscriber.received.length, { timeout: 8_000 }).toBe(1);
    await deliver(subscriber.received[0]?.text ?? '');
    await expect.poll(shown, { timeout: 8_000 }).toHaveLength(1);
    const [first] = await shown();
    expect(first).toMatchObject({
      tag: id,
      lang: 'en',
      url: `${running.app.url}/cases/${id}`,
      requireInteraction: true,
      renotify: true,
    });
    expect(first?.title).toContain('stranger called DeleteTrail');
    expect(first?.body).toContain('From: 203.0.113.7');
    await running.call(ann, 'POST', `/api/cases/${id}/escalate`, {});
    await expect.poll(() => subscriber.received.length, { timeout: 8_000 }).toBe(2);
    await deliver(subscriber.received[1]?.text ?? '');
    await deliver(JSON.stringify({ title: 'another', tag: 'another', url: 'https://elsewhere.example.com/cases/9' }));
    await expect.poll(shown, { timeout: 8_000 }).toHaveLength(2);
    // Whatever a push says, it leads into this console.
    expect((await shown()).map(({ tag, url }) => `${tag} ${url}`).sort()).toEqual(
      [`${id} ${running.app.url}/cases/${id}`, `another ${running.app.url}/cases/9`].sort(),
    );
  });

  test('a notification leads to its case: to the tab that shows it, or to a new one', async () => {
    const [{ id } = { id: '' }] = await running.cases();
    const caseUrl = `${running.app.url}/cases/${id}`;
    expect(await clicked(id)).toEqual([`opened ${caseUrl}`]);
    await deliver(subscriber.received[1]?.text ?? '');
    const tab = await context.newPage();
    await tab.goto(`${caseUrl}?from=here`);
    expect(await clicked(id)).toEqual([`focused ${caseUrl}?from=here`]);
    await tab.close();
  });

  test('a subscription that the browser renewed, or lost, is made known by the worker', async () => {
    const known = async () => (await running.call(ann, 'GET', '/api/me/notifications')).body['browsers'] as string[];
    const before = await known();
    const [first, second] = [push.subscribe('renewed').subscription, push.subscribe('lost').subscription];
    await renewed(first, true);
    expect(await known()).toHaveLength(before.length + 1);
    await renewed(second, false);
    expect(await known()).toHaveLength(before.length + 2);
    for (const { endpoint } of [first, second]) await running.call(ann, 'DELETE', '/api/me/push', { endpoint });
  });

  test('a push that cannot be read still says that somebody is called', async () => {
    // What the devtools deliver is lost with a worker that is just being stopped; a push service sends it again.
    const titles = async () => {
      await deliver('no JSON');
      return (await shown()).map(({ title }) => title);
    };
    await expect.poll(titles, { timeout: 20_000, interval: 500 }).toContain('Countersign: a page');
  });

  test('it is turned off, and no page comes any more', async () => {
    await page.getByRole('button', { name: STOP }).click();
    await page.getByText('This browser is not notified when you are paged.').waitFor();
    const { body } = await running.call(ann, 'GET', '/api/me/notifications');
    expect(body['browsers']).toEqual([]);
    const before = new Set((await running.cases()).map(({ id }) => id));
    await running.happens({ call: 'DeleteTrail', user: 'another', request: { name: 'trail' } });
    await running.until('paged', ({ id, state }) => state === 'paged' && !before.has(id));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(subscriber.received).toHaveLength(2);
  });

  test('a browser that is on but unknown here says that it is off, and all can be stopped from any', async () => {
    await running.call(ann, 'PUT', '/api/me/push', push.subscribe('another').subscription);
    await page.evaluate(() => localStorage.setItem('test.subscribed', 'yes'));
    await page.reload();
    await page.getByText('This browser is not notified when you are paged.').waitFor();
    await page.getByRole('button', { name: 'Stop all of my browsers (1)' }).click();
    await page.getByRole('button', { name: 'Stop all of my browsers' }).waitFor({ state: 'detached' });
    const { body } = await running.call(ann, 'GET', '/api/me/notifications');
    expect(body['browsers']).toEqual([]);
  });

  test('in Japanese, on a phone', async () => {
    await page.setViewportSize(NARROW);
    await page.getByLabel('Language').selectOption('ja');
    await page.getByRole('button', { name: 'このブラウザーに通知する' }).waitFor();
    await look(page, 'ja-settings-browser-narrow');
  });

  test('a browser that blocks notifications, and one that has none, say so', async () => {
    const blocked = await open([]);
    await blocked.addInitScript(() => Object.defineProperty(Notification, 'permission', { get: () => 'denied' }));
    const one = await blocked.newPage();
    await one.goto(`${running.app.url}/settings`);
    await one.getByText('Notifications from this console are blocked.', { exact: false }).waitFor();
    expect(await one.getByRole('button', { name: START }).count()).toBe(0);
    await look(one, 'settings-browser-blocked');
    const bare = await open([]);
    await bare.addInitScript(() => Reflect.deleteProperty(window, 'PushManager'));
    const other = await bare.newPage();
    await other.goto(`${running.app.url}/settings`);
    await other.getByText('This browser cannot be notified.', { exact: false }).waitFor();
    await Promise.all([blocked.close(), bare.close()]);
  });

  test('a push service that cannot be reached changes nothing', async () => {
    const real = await open(['notifications']);
    await real.addInitScript(() => {
      PushManager.prototype.subscribe = async () => {
        throw new DOMException('Registration failed - push service not available', 'AbortError');
      };
    });
    const one = await real.newPage();
    await one.goto(`${running.app.url}/settings`);
    await one.getByRole('button', { name: START, exact: true }).click();
    await one.getByText('The browser could not reach its push service.', { exact: false }).waitFor();
    await one.getByText('This browser is not notified when you are paged.').waitFor();
    await real.close();
  });

  test('nothing complained', () => {
    expect(complaints).toEqual([]);
    expect(push.refused).toEqual([]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describeInBrowser('a console whose server notifies no browsers', () => {
  let running: RunningApp;
  let browser: Browser;
  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await running?.close();
  });

  test('says so', async () => {
    const ann = await running.enrol('ann@example.com');
    const page = await openPageAs({ browser, running, person: ann, complaints: [] });
    await page.goto(`${running.app.url}/settings`);
    await page.getByText('This server does not notify browsers.', { exact: false }).waitFor();
    expect(await page.getByRole('button', { name: START }).count()).toBe(0);
  });
});
