/**
 * The whole conversation, read like a timetable: a developer changes something risky, is asked in Slack, proves it with Duo, denies
 * it, reports fraud or stays silent; whoever is on call is paged and acknowledges from Slack, by phone and in PagerDuty. Every
 * vendor is a server that checks signatures.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import { type FakeDuo, startDuo } from '../fakes/duo.ts';
import { type FakePagerDuty, startPagerDuty } from '../fakes/pagerduty.ts';
import { type FakeSlack, type SlackPerson, startSlack } from '../fakes/slack.ts';
import { type FakeSmtp, startSmtp } from '../fakes/smtp.ts';
import { type FakeTwilio, startTwilio } from '../fakes/twilio.ts';
import { type FakeWebhook, startWebhook } from '../fakes/webhook.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROUTING_KEY = 'r'.repeat(32);
const SECURITY = 'CSECURITY';
const PHONE = '+4915112345678';

describe('the conversation', () => {
  let slack: FakeSlack;
  let duo: FakeDuo;
  let mail: FakeSmtp;
  let twilio: FakeTwilio;
  let pagerDuty: FakePagerDuty;
  let hook: FakeWebhook;
  let running: RunningApp;
  let alice: SlackPerson;
  let mallory: SlackPerson;
  let oncall: SlackPerson;
  let ann: EnrolledPerson;
  let bob: EnrolledPerson;

  beforeAll(async () => {
    [slack, duo, mail, twilio, pagerDuty, hook] = await Promise.all([
      startSlack(),
      startDuo(),
      startSmtp(),
      startTwilio(),
      startPagerDuty(ROUTING_KEY),
      startWebhook('a shared secret'),
    ]);
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod, owner: security } }
people:
  - { email: alice@example.com, name: Alice Example, identities: { aws_users: [alice], duo: alice-duo } }
  - { email: bob@example.com, name: Bob Example, language: ja, identities: { aws_users: [bob] } }
  - { email: mallory@example.com, name: Mallory Example }
  - { email: ann@example.com, name: Ann Example, identities: { aws_users: [ann] } }
teams: { security: [ann@example.com] }
schedules:
  security: { time_zone: Europe/Berlin, layers: [{ people: [ann@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  default: { steps: [{ to: ['schedule:security', 'channel:pd'], wait: 5m }] }
pages: [{ name: pd, pagerduty: { routing_key: { env: PD_KEY }, url: '${pagerDuty.url}' } }]
slack: { bot_token: { env: SLACK_BOT }, signing_secret: { env: SLACK_SECRET }, security_channel: ${SECURITY}, url: '${slack.apiUrl}' }
duo: { host: ${duo.settings.host}, integration_key: ${duo.settings.integrationKey}, secret_key: { env: DUO_KEY }, url: '${duo.url}' }
email: { host: 127.0.0.1, port: ${mail.port}, from: 'Countersign <countersign@example.com>' }
twilio: { account_sid: ${twilio.accountSid}, auth_token: { env: TWILIO }, from: '${twilio.from}', voice: true, url: '${twilio.url}' }
pagerduty: { webhook_secrets: [{ env: PD_OLD }, { env: PD_NEW }] }
webhooks: [{ name: siem, url: '${hook.url}', secret: { env: HOOK } }]
policy:
  - { when: { action: DeleteTrail }, then: page }
  - { when: { risk: ">= 20", actor: person }, then: challenge, within: 10m }
  - { when: {}, then: record }
`,
      {
        PD_KEY: ROUTING_KEY,
        SLACK_BOT: slack.botToken,
        SLACK_SECRET: slack.signingSecret,
        DUO_KEY: duo.settings.secretKey,
        TWILIO: twilio.authToken,
        PD_OLD: 'an old secret',
        PD_NEW: 'a new secret',
        HOOK: 'a shared secret',
      },
    );
    slack.sendTo(`${running.app.url}/api/slack`);
    alice = slack.addPerson('UALICE', 'alice@example.com');
    mallory = slack.addPerson('UMALLORY', 'mallory@example.com');
    oncall = slack.addPerson('UANN', 'ann@example.com');
    await running.enrol('alice@example.com');
    await running.enrol('mallory@example.com');
    bob = await running.enrol('bob@example.com', 'ja');
    ann = await running.enrol('ann@example.com');
    await running.call(ann, 'PUT', '/api/me/notifications', { phone: PHONE, webhookUrl: null, rules: null });
  }, 240_000);

  afterAll(async () => {
    await running?.close();
    await Promise.all([slack, duo, mail, twilio, pagerDuty, hook].map((fake) => fake?.close()));
  });

  afterEach(() => {
    expect([...slack.refused, ...duo.refused, ...pagerDuty.refused, ...twilio.refused]).toEqual([]);
  });

  /** Alice does something; the question as it stands in her direct messages. */
  const asked = async (bucket: string) => {
    // An open case takes further changes of its person: what earlier tests left open is ended first.
    for (const { id, state, person } of await running.cases()) {
      const open = state === 'paged' || state === 'acknowledged';
      if (open && person?.name === 'Alice Example') await running.call(ann, 'POST', `/api/cases/${id}/resolve`, {});
    }
    const { length } = await running.cases();
    const before = alice.messages().length;
    await running.happens({ call: 'PutBucketPolicy', service: 's3', user: 'alice', request: { bucketName: bucket } });
    const found = await running.until(
      'asked',
      ({ state, person }) => state === 'asked' && person?.name === 'Alice Example',
    );
    expect((await running.cases()).length).toBe(length + 1);
    const question = await slack.expect(
      'DUALICE',
      ({ ts, text }) =>
        text.startsWith('Was this you?') && alice.messages().findIndex((post) => post.ts === ts) >= before,
    );
    return { found, question };
  };
  const yes = async (question: Awaited<ReturnType<typeof asked>>['question'], reason = 'a planned change') => {
    await alice.click(question, 'challenge_yes');
    for (let tries = 0; tries < 100 && alice.view()?.view['callback_id'] !== 'challenge_reason'; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return alice.submit({ reason });
  };
  const shows = (post: { text: string; blocks: readonly unknown[] }) => JSON.stringify(post.blocks);

  test('a developer is asked in Slack, says why, approves the push that shows the change, and it is confirmed', async () => {
    const { found, question } = await asked('shop-orders');
    for (const part of ['PutBucketPolicy', 'shop-orders', 'shop-prod', 'eu-west-1', '203.0.113.7', 'Answer by'])
      expect(shows(question)).toContain(part);
    await alice.click(question, 'challenge_show');
    expect(
      JSON.stringify(
        await slack.expect('DUALICE', ({ text, onlyFor }) => text === 'The change' && onlyFor === 'UALICE'),
      ),
    ).toContain('bucketName');
    expect(await yes(question)).toMatchObject({ response_action: 'update' });
    const push = await duo.nextPush();
    expect(push.username).toBe('alice-duo');
    expect(push.shown).toMatchObject({
      Call: 'PutBucketPolicy',
      Resource: expect.stringContaining('shop-orders'),
      Account: 'shop-prod',
      From: '203.0.113.7',
    });
    await slack.expect('DUALICE', (post) => post.ts === question.ts && shows(post).includes('approve the push'));
    push.approve();
    const confirmed = await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
    expect(confirmed.answer).toMatchObject({
      answer: 'yes',
      reason: 'a planned change',
      factor: 'duo-push',
      by: { name: 'Alice Example' },
    });
    const after = await slack.expect(
      'DUALICE',
      (post) => post.ts === question.ts && shows(post).includes('Confirmed. Thank you.'),
    );
    expect(shows(after)).not.toContain('challenge_yes');
    await slack.expect(SECURITY, ({ threadTs, text }) => threadTs !== null && text.includes('challenge confirmed'));
    expect(pagerDuty.incidents.size).toBe(0);
  });

  test('"not me" pages whoever is on call, who acknowledges and resolves from Slack; every message follows', async () => {
    const { found, question } = await asked('shop-carts');
    await alice.click(question, 'challenge_no', { times: 2 });
    const paged = await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    expect(paged).toMatchObject({ cause: 'denied' });
    await slack.expect(
      'DUALICE',
      (post) => post.ts === question.ts && shows(post).includes('Not you: security has been paged'),
    );
    const page = await slack.expect('DUANN', (post) => shows(post).includes('case_acknowledge'));
    await mail.expect('ann@example.com', ({ subject }) => subject?.includes('[page]') === true);
    expect(pagerDuty.incidents.get(`countersign-${found.id}`)?.status).toBe('triggered');
    await mallory.click(page, 'case_acknowledge');
    expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('paged');
    await oncall.click(page, 'case_acknowledge', { times: 3 });
    await running.until('acknowledged', ({ id, state }) => id === found.id && state === 'acknowledged');
    expect((await running.entries(found.id)).filter((kind) => kind === 'page-acknowledged')).toHaveLength(1);
    const acked = await slack.expect(
      'DUANN',
      (post) => post.ts === page.ts && shows(post).includes('Acknowledged by Ann Example'),
    );
    await oncall.click(acked, 'case_resolve');
    await running.until('resolved', ({ id, state }) => id === found.id && state === 'resolved');
    for (
      let tries = 0;
      tries < 100 && pagerDuty.incidents.get(`countersign-${found.id}`)?.status !== 'resolved';
      tries += 1
    )
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pagerDuty.incidents.get(`countersign-${found.id}`)?.status).toBe('resolved');
  });

  describe('what others let pass, and we do not', () => {
    test('saying yes and refusing the second factor confirms nothing, for this change or any later one', async () => {
      const { found, question } = await asked('hole-denied');
      await yes(question);
      (await duo.nextPush()).deny();
      await running.until('refused', ({ id, state }) => id === found.id && state === 'asked');
      for (let tries = 0; tries < 100 && !(await running.entries(found.id)).includes('code-refused'); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await running.entries(found.id)).toContain('code-refused');
      await slack.expect(SECURITY, ({ threadTs, text }) => threadTs !== null && text.includes('code refused'));
      await alice.click(question, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
      const { found: next, question: again } = await asked('hole-denied-later');
      expect(next.id).not.toBe(found.id);
      await alice.click(again, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === next.id && state === 'paged');
    });

    test('one push covers exactly the changes it showed: more changes meanwhile make it worth nothing', async () => {
      const { found, question } = await asked('hole-one');
      await yes(question);
      const push = await duo.nextPush();
      await running.happens({
        call: 'PutBucketPolicy',
        service: 's3',
        user: 'alice',
        request: { bucketName: 'hole-two' },
      });
      await running.until(
        'grown',
        ({ id, findingIds }) => id === found.id && findingIds.length > found.findingIds.length,
      );
      push.approve();
      for (let tries = 0; tries < 100 && !(await running.entries(found.id)).includes('proof-failed'); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('asked');
      await alice.click(question, 'challenge_yes');
      await slack.expect('DUALICE', ({ onlyFor, text }) => onlyFor === 'UALICE' && text.includes('More changes'));
      const renewed = await slack.expect(
        'DUALICE',
        (post) => post.ts === question.ts && shows(post).includes('1 more change'),
      );
      await alice.click(renewed, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    });

    test.each([
      'allow',
      'deny',
      'enroll',
    ] as const)('a person whom the second factor would %s without asking has proven nothing', async (result) => {
      duo.setUser('alice-duo', result);
      const { found, question } = await asked(`hole-${result}`);
      await yes(question);
      for (let tries = 0; tries < 100 && !(await running.entries(found.id)).includes('proof-failed'); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('asked');
      duo.setUser('alice-duo', 'auth');
      const failed = await slack.expect(
        'DUALICE',
        (post) => post.ts === question.ts && shows(post).includes('no proof'),
      );
      await alice.click(failed, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    });

    test('a hijacked chat account cannot answer, end or silence anything for somebody else', async () => {
      const { found, question } = await asked('hole-hijacked');
      await mallory.click(question, 'challenge_yes');
      await mallory.click(question, 'challenge_no');
      expect(mallory.view()).toBeUndefined();
      expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('asked');
      expect(await running.entries(found.id)).toContain('answer-refused');
      await alice.click(question, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    });

    test('reporting the push as fraud pages at once and tells the security channel', async () => {
      const { found, question } = await asked('hole-fraud');
      await yes(question);
      (await duo.nextPush()).fraud();
      const paged = await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
      expect(paged).toMatchObject({ cause: 'fraud' });
      await slack.expect(SECURITY, ({ threadTs, text }) => threadTs !== null && text.includes('fraud reported'));
      await yes(question).catch(() => undefined);
      expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('paged');
    });

    test('an unsigned, wrongly signed or old interaction is refused', async () => {
      const { found, question } = await asked('hole-signature');
      expect(await alice.click(question, 'challenge_no', { signedAtMs: Date.now() - 6 * 60_000 })).toBe(401);
      expect(await alice.click(question, 'challenge_no', { signedWith: 'another secret' })).toBe(401);
      expect((await fetch(`${running.app.url}/api/slack`, { method: 'POST', body: 'payload={}' })).status).toBe(401);
      expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('asked');
      await alice.click(question, 'challenge_no');
      await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    });
  });

  test('a Slack whose answers are lost posts each message once', async () => {
    slack.fail('chat.postMessage', 'cut', 'cut');
    const { found, question } = await asked('slack-lost');
    await slack.expect(SECURITY, ({ threadTs }) => threadTs !== null);
    const same = alice.messages().filter(({ key }) => key === question.key);
    expect(same).toHaveLength(1);
    await alice.click(question, 'challenge_no');
    await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
  });

  test('a person without Slack is asked by mail, in their language, and answers on the page with a code', async () => {
    await running.happens({
      call: 'PutBucketPolicy',
      service: 's3',
      user: 'bob',
      request: { bucketName: 'shop-mail' },
    });
    const found = await running.until(
      'asked',
      ({ state, person }) => state === 'asked' && person?.name === 'Bob Example',
    );
    const letter = await mail.expect(
      'bob@example.com',
      ({ subject }) => subject?.includes('この操作はご本人ですか') === true,
    );
    const link = /http\S+\/challenge#\S+/.exec(letter.text ?? '')?.[0] ?? '';
    const token = link.split('#')[1] ?? '';
    const view = await running.call(null, 'POST', '/api/challenges/view', { token });
    expect(view.body).toMatchObject({ state: 'waiting', factors: ['duo-push', 'totp'] });
    const answer = {
      token,
      answer: 'yes',
      reason: 'planned',
      digest: view.body['digest'],
      factor: 'totp',
      code: await bob.code(),
    };
    expect((await running.call(null, 'POST', '/api/challenges/answer', answer)).body).toMatchObject({
      outcome: 'confirmed',
    });
    await running.until('confirmed', ({ id, state }) => id === found.id && state === 'confirmed');
  }, 240_000);

  test('a page reaches the phone, and a digit or a reply acknowledges it', async () => {
    await running.happens({ call: 'DeleteTrail', user: 'stranger-one', request: { name: 'trail' } });
    const found = await running.until(
      'paged',
      ({ state, rule, person }) => state === 'paged' && person === null && rule !== '',
    );
    const phone = twilio.phone(PHONE);
    for (let tries = 0; tries < 100 && !phone.texts.some((text) => text.includes(found.id)); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(phone.texts.some((text) => text.includes('stranger-one'))).toBe(true);
    for (let tries = 0; tries < 100 && !phone.calls.some(({ action }) => action.includes(found.id)); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await phone.press('4')).toContain('Thank you');
    await running.until('acknowledged', ({ id, state }) => id === found.id && state === 'acknowledged');
    expect(
      await phone.reply(
        `resolve ${found.id.replace(/[^0-9a-z]/gi, '').slice(-6)}`,
        `${running.app.url}/api/twilio/sms`,
      ),
    ).toContain('Done');
    await running.until('resolved', ({ id, state }) => id === found.id && state === 'resolved');
    const forged = await fetch(`${running.app.url}/api/twilio/sms`, {
      method: 'POST',
      body: new URLSearchParams({ From: PHONE, Body: 'ack' }),
    });
    expect(forged.status).toBe(401);
  });

  test('a phone ends no page about what its owner did, and none for somebody who answers no pages', async () => {
    const own = '+4915187654321';
    const phone = twilio.phone(own);
    const say = (text: string) => phone.reply(text, `${running.app.url}/api/twilio/sms`);
    const code = (id: string) => id.replace(/[^0-9a-z]/gi, '').slice(-6);
    await running.call(bob, 'PUT', '/api/me/notifications', { phone: own, webhookUrl: null, rules: null });
    await running.happens({ call: 'DeleteTrail', user: 'stranger-phone', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state, person }) => state === 'paged' && person === null);
    expect(await say(`ack ${code(found.id)}`)).not.toContain('Done');
    expect(await say('resolve')).not.toContain('Done');
    expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('paged');
    await running.call(ann, 'POST', `/api/cases/${found.id}/resolve`, {});
    await running.happens({ call: 'DeleteTrail', user: 'ann', request: { name: 'trail-of-ann' } });
    const hers = await running.until('hers', ({ openedMs, state }) => openedMs > found.openedMs && state === 'paged');
    expect(await twilio.phone(PHONE).reply(`ack ${code(hers.id)}`, `${running.app.url}/api/twilio/sms`)).not.toContain(
      'Done',
    );
    expect((await running.cases()).find(({ id }) => id === hers.id)?.state).toBe('paged');
    await running.call(ann, 'POST', `/api/cases/${hers.id}/resolve`, {});
  });

  test('what people do in PagerDuty happens here, once, and never in circles', async () => {
    const { createHmac } = await import('node:crypto');
    await running.happens({ call: 'DeleteTrail', user: 'stranger-two', request: { name: 'trail' } });
    const found = await running.until('paged', ({ state, person }) => state === 'paged' && person === null);
    const send = (
      id: string,
      type: string,
      secondsAgo: number,
      data: Record<string, unknown> = {},
      secret = 'a new secret',
    ) => {
      const event = {
        id,
        event_type: type,
        resource_type: 'incident',
        occurred_at: new Date(Date.now() - secondsAgo * 1_000).toISOString(),
        agent: { id: 'PUSER', type: 'user_reference', summary: 'Pat Example' },
        data: { id: 'PINC', type: 'incident', incident_key: `countersign-${found.id}`, ...data },
      };
      const body = JSON.stringify({ event });
      const sign = (key: string) => `v1=${createHmac('sha256', key).update(body).digest('hex')}`;
      return fetch(`${running.app.url}/api/pagerduty`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-pagerduty-signature': `${sign('nobody knows it')},${sign(secret)}`,
        },
        body,
      });
    };
    expect((await send('1', 'incident.acknowledged', 10, {}, 'forged')).status).toBe(401);
    expect(await (await send('2', 'incident.acknowledged', 10)).json()).toEqual({ taken: 'taken' });
    expect(await (await send('2', 'incident.acknowledged', 10)).json()).toEqual({ taken: 'known' });
    expect((await running.cases()).find(({ id }) => id === found.id)).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: { name: 'Pat Example' },
    });
    expect(await (await send('3', 'incident.resolved', 5, {}, 'an old secret')).json()).toEqual({ taken: 'taken' });
    expect(await (await send('4', 'incident.unacknowledged', 8)).json()).toEqual({ taken: 'late' });
    expect((await running.cases()).find(({ id }) => id === found.id)?.state).toBe('resolved');
    expect(await (await send('5', 'incident.something_new', 1)).json()).toEqual({ taken: 'other' });
    expect((await running.entries(found.id)).filter((kind) => kind === 'case-resolved')).toHaveLength(1);
  });

  test('/countersign tells my questions and who is on call, and pages', async () => {
    const { question } = await asked('command');
    expect(await alice.command('')).toContain('PutBucketPolicy');
    expect(await alice.command('who')).toMatch(
      /^• security: Ann Example \(until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)$/,
    );
    expect(await alice.command('page the shop is down')).toContain('being paged');
    const paged = await running.until('paged by a person', ({ rule }) => rule === 'Paged by a person');
    expect(paged.state).toBe('paged');
    expect(await alice.command('nonsense')).toContain('/countersign');
    await alice.click(question, 'challenge_no');
  });

  test('our own webhook hears of every change, signed, and the log says so', async () => {
    const kinds = hook.accepted.flatMap(({ body }) => (body as { kinds?: string[] }).kinds ?? []);
    for (const kind of [
      'case-opened',
      'challenge-asked',
      'challenge-confirmed',
      'challenge-denied',
      'paged',
      'page-acknowledged',
      'case-resolved',
    ])
      expect(kinds).toContain(kind);
    expect(hook.refused).toEqual([]);
    const { body } = await running.call(ann, 'GET', '/api/webhooks/deliveries');
    expect((body['deliveries'] as { state: string }[]).some(({ state }) => state === 'delivered')).toBe(true);
  });

  test('nothing went wrong inside, and the journal is whole', async () => {
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(await verifyJournal(running.app.state)).toMatchObject({ ok: true });
  });
});
