/** Pages to browsers: what a person reads there, and what becomes of a page when the browser is gone. */
import { createECDH } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../server/src/configuration.ts';
import { type FakeBrowser, type FakePush, openPush, startPush } from '../fakes/push.ts';
import { type FakeSmtp, startSmtp } from '../fakes/smtp.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

interface Shown {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
  readonly url: string;
  readonly urgent: boolean;
  readonly lang: string;
}

const PEOPLE = `
accounts: { "111122223333": { name: shop-prod, label: prod } }
people:
  - { email: ann@example.com, name: Ann Example }
  - { email: ben@example.com, name: Ben Example }
escalations: { default: { steps: [{ to: [ann@example.com], wait: 10m }, { to: [ben@example.com], wait: 10m }] } }
policy: [{ when: {}, then: page }]
`;
const PUSH_ALONE = { high: [{ channel: 'push', afterSeconds: 0 }], low: [{ channel: 'push', afterSeconds: 0 }] };

const shownIn = ({ received }: FakeBrowser) => received.map(({ text }) => JSON.parse(text) as Shown);

async function eventually<T>(what: string, look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not: ${what}`);
}

/** The console of a person in a browser that allows notifications. */
async function joined(running: RunningApp, push: FakePush, person: EnrolledPerson): Promise<FakeBrowser> {
  const { body } = await running.call(person, 'GET', '/api/me/notifications');
  const browser = push.subscribe(String(body['pushKey']));
  const answer = await running.call(person, 'PUT', '/api/me/push', browser.subscription);
  expect(answer.status).toBe(200);
  return browser;
}

const browsersOf = async (running: RunningApp, person: EnrolledPerson) =>
  (await running.call(person, 'GET', '/api/me/notifications')).body['browsers'] as readonly string[];
const leaveAll = (running: RunningApp, person: EnrolledPerson) =>
  running.call(person, 'DELETE', '/api/me/push', { endpoint: null });

test('the push service opens what RFC 8291 shows as its example', () => {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url');
  const auth = Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url');
  const body =
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN';
  expect(openPush(Buffer.from(body, 'base64url'), { ecdh, auth }).toString()).toBe(
    'When I grow up, I want to be a watermelon',
  );
});

describe('a person whom mail reaches as well', () => {
  let push: FakePush;
  let mail: FakeSmtp;
  let running: RunningApp;
  let ann: EnrolledPerson;
  let ben: EnrolledPerson;
  let happened = 0;

  beforeAll(async () => {
    [push, mail] = await Promise.all([startPush(), startSmtp()]);
    running = await startRunningApp(
      `${PEOPLE}
email: { host: 127.0.0.1, port: ${mail.port}, from: countersign@example.com }
push: { subject: 'mailto:security@example.com', url: '${push.url}' }
`,
      {},
    );
    ann = await running.enrol('ann@example.com');
    ben = await running.enrol('ben@example.com', 'ja');
  });

  afterAll(async () => {
    await running?.close();
    await Promise.all([push?.close(), mail?.close()]);
  });

  /** Somebody unknown does something; the case that is paged about it. */
  const paged = async (trail = 'trail') => {
    happened += 1;
    const user = `stranger-${happened}`;
    const known = new Set((await running.cases()).map(({ id }) => id));
    await running.happens({ call: 'DeleteTrail', user, request: { name: trail } });
    return running.until('paged', ({ id, state }) => state === 'paged' && !known.has(id));
  };
  const rules = (person: EnrolledPerson, chosen: typeof PUSH_ALONE | null) =>
    running.call(person, 'PUT', '/api/me/notifications', { phone: null, webhookUrl: null, rules: chosen });
  const wayLost = async (caseId: string) => (await running.entries(caseId)).filter((kind) => kind === 'way-lost');

  test('reads in the browser what happened, where, and where to go', async () => {
    const browser = await joined(running, push, ann);
    const { id } = await paged('audit');
    const [shown] = await eventually('pushed', () => (browser.received.length > 0 ? shownIn(browser) : undefined));
    expect(shown).toMatchObject({ tag: id, url: `${running.app.url}/cases/${id}`, urgent: true, lang: 'en' });
    expect(shown?.title).toMatch(/^Risk \d+: stranger-\d+ called DeleteTrail on .*audit.* in shop-prod/);
    expect(shown?.body.split('\n')).toEqual(
      expect.arrayContaining(['Call: DeleteTrail', 'Account: shop-prod (prod)', 'From: 203.0.113.7']),
    );
    expect(browser.received[0]?.urgency).toBe('high');
    await leaveAll(running, ann);
  });

  test('reads it in their own language, and the next page of the case takes the place of the first', async () => {
    const browser = await joined(running, push, ben);
    const { id } = await paged();
    // A page that has not gone out yet gives way to a newer one: the first must have arrived before the next is asked for.
    for (const pages of [1, 2]) {
      for (let call = 0; call < 2; call += 1) await running.call(ann, 'POST', `/api/cases/${id}/escalate`, {});
      await eventually('paged again', () => (browser.received.length >= pages ? true : undefined));
    }
    const shown = shownIn(browser);
    expect(shown[0]).toMatchObject({ lang: 'ja', tag: id });
    expect(shown[0]?.body).toContain('アカウント: shop-prod (prod)');
    expect(new Set(shown.map(({ tag }) => tag)).size).toBe(1);
    expect(new Set(browser.received.map(({ topic }) => topic)).size).toBe(1);
    expect(browser.received[0]?.topic).toMatch(/^[\w-]{32}$/);
    await leaveAll(running, ben);
  });

  test('is reached in each of their browsers; one that is gone is forgotten, the others stay', async () => {
    const [phone, laptop] = [await joined(running, push, ann), await joined(running, push, ann)];
    expect(await browsersOf(running, ann)).toHaveLength(2);
    phone.leave(404);
    const { id } = await paged();
    await eventually('pushed', () => (laptop.received.length === 1 ? true : undefined));
    await expect.poll(() => browsersOf(running, ann)).toHaveLength(1);
    expect(phone.received).toEqual([]);
    expect(await wayLost(id)).toEqual([]);
    await leaveAll(running, ann);
  });

  test('whose only way was a browser that is gone is called by mail, and the case says so', async () => {
    const browser = await joined(running, push, ann);
    await rules(ann, PUSH_ALONE);
    browser.leave(410);
    const { id } = await paged('gone');
    await mail.expect('ann@example.com', ({ text = '' }) => text.includes(id));
    expect(await browsersOf(running, ann)).toEqual([]);
    expect(await wayLost(id)).toHaveLength(1);
    // Still the first call: nobody else was woken.
    expect(await running.entries(id)).not.toContain('paged-again');
    expect(mail.inbox('ben@example.com').filter(({ text = '' }) => text.includes(id))).toEqual([]);
    await rules(ann, null);
  });

  test('who has other ways of their own is not called twice by them', async () => {
    const browser = await joined(running, push, ann);
    browser.leave(410);
    const { id } = await paged();
    await expect.poll(() => wayLost(id), { timeout: 8_000 }).toHaveLength(1);
    await mail.expect('ann@example.com', ({ text = '' }) => text.includes(id));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(mail.inbox('ann@example.com').filter(({ text = '' }) => text.includes(id))).toHaveLength(1);
  });

  test.each([429, 500])('a push that is answered %d is tried again', async (status) => {
    const browser = await joined(running, push, ann);
    push.fail(status);
    const { id } = await paged();
    const [shown] = await eventually('pushed', () => (browser.received.length > 0 ? shownIn(browser) : undefined));
    expect(shown?.tag).toBe(id);
    const warned = running.log.entries.find(({ fields }) => JSON.stringify(fields ?? {}).includes(`answers ${status}`));
    expect(warned).toMatchObject({ level: 'warn' });
    if (status === 429) expect(warned?.fields).toMatchObject({ waitMs: 2_000 });
    await leaveAll(running, ann);
  });

  test('a browser leaves by itself, and takes no other with it', async () => {
    const [one, other] = [await joined(running, push, ann), await joined(running, push, ann)];
    const { endpoint } = one.subscription;
    await running.call(ben, 'DELETE', '/api/me/push', { endpoint });
    expect(await browsersOf(running, ann)).toHaveLength(2);
    const left = await running.call(ann, 'DELETE', '/api/me/push', { endpoint });
    expect(left).toMatchObject({ status: 200, body: { browsers: [expect.stringMatching(/^[0-9a-f]{64}$/)] } });
    await paged();
    await eventually('pushed', () => (other.received.length === 1 ? true : undefined));
    expect(one.received).toEqual([]);
    await leaveAll(running, ann);
    expect(await browsersOf(running, ann)).toEqual([]);
  });

  test('a text of any length fits', async () => {
    const browser = await joined(running, push, ben);
    const { id } = await paged('監'.repeat(3_000));
    await running.call(ann, 'POST', `/api/cases/${id}/escalate`, {});
    const [shown] = await eventually('pushed', () => (browser.received.length > 0 ? shownIn(browser) : undefined));
    expect(shown).toMatchObject({ tag: id, url: `${running.app.url}/cases/${id}` });
    await leaveAll(running, ben);
  });

  test.each([
    'http://push.example.com/send/x',
    'https://127.0.0.1/x',
    'https://10.0.0.1/x',
    'https://[::1]/x',
    'https://localhost/x',
    'https://localhost./x',
    'https://metadata.google.internal/x',
    'https://metadata.google.internal./x',
    'https://0x7f000001/x',
    'not an address',
  ])('%s is no push service', async (endpoint) => {
    const { keys } = push.subscribe('key').subscription;
    expect((await running.call(ann, 'PUT', '/api/me/push', { endpoint, keys })).status).toBe(400);
    expect(await browsersOf(running, ann)).toEqual([]);
  });

  test('keys that no push could be sealed for are refused', async () => {
    const { endpoint, keys } = push.subscribe('key').subscription;
    const noPoint = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]).toString('base64url');
    for (const wrong of [
      { ...keys, p256dh: noPoint },
      { ...keys, p256dh: 'BA' },
      { ...keys, auth: 'short' },
    ]) {
      expect((await running.call(ann, 'PUT', '/api/me/push', { endpoint, keys: wrong })).status).toBe(400);
    }
  });

  test('only a signed-in person changes where their pages go', async () => {
    const { subscription } = push.subscribe('key');
    expect((await running.call(null, 'PUT', '/api/me/push', subscription)).status).toBe(401);
    expect((await running.call(null, 'DELETE', '/api/me/push', { endpoint: null })).status).toBe(401);
  });

  test('the address of a browser stands in no journal and no log, and every push kept to the standards', async () => {
    const journal = await running.app.state.db
      .withTables<{ journal: Record<string, unknown> }>()
      .selectFrom('journal')
      .selectAll()
      .execute();
    expect(JSON.stringify([journal, running.log.entries])).not.toContain('/send/');
    expect(push.refused).toEqual([]);
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a person whom nothing but a browser reaches', () => {
  let push: FakePush;
  let running: RunningApp;
  beforeAll(async () => {
    push = await startPush();
    running = await startRunningApp(`${PEOPLE}\npush: { subject: 'https://example.com/us', url: '${push.url}' }\n`, {});
  });
  afterAll(async () => {
    await running?.close();
    await push?.close();
  });

  test('is not waited for when it is gone: the ladder is climbed at once', async () => {
    const [ann, ben] = [await running.enrol('ann@example.com'), await running.enrol('ben@example.com')];
    const [gone, next] = [await joined(running, push, ann), await joined(running, push, ben)];
    gone.leave(410);
    await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
    const { id } = await running.until('paged', ({ state }) => state === 'paged');
    const [shown] = await eventually('pushed', () => (next.received.length > 0 ? shownIn(next) : undefined));
    expect(shown?.tag).toBe(id);
    expect(await running.entries(id)).toEqual(['case-opened', 'paged', 'way-lost', 'paged-again']);
    expect(await browsersOf(running, ann)).toEqual([]);
  });
});

test('pushes go through a relay only over https, or on loopback', () => {
  const problems = (url: string) =>
    readConfiguration(`push: { subject: 'mailto:us@example.com', url: '${url}' }`, 'countersign.yaml').diagnostics.map(
      ({ severity, message }) => `${severity}: ${message}`,
    );
  expect(problems('http://relay.example.com')).toEqual(['error: this is no https address']);
  expect(problems('http://10.0.0.1')).toHaveLength(1);
  expect(problems('https://relay.example.com')).toEqual([]);
});

describe('a server that notifies no browsers', () => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startRunningApp(PEOPLE, {});
  });
  afterAll(() => running?.close());

  test('says so, and takes none', async () => {
    const ann = await running.enrol('ann@example.com');
    expect((await running.call(ann, 'GET', '/api/me/notifications')).body).toMatchObject({
      pushKey: null,
      browsers: [],
    });
    const subscription = {
      endpoint: 'https://push.example.com/x',
      keys: { p256dh: 'x', auth: 'x' },
    };
    expect((await running.call(ann, 'PUT', '/api/me/push', subscription)).status).toBe(400);
  });
});
