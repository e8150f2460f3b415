/**
 * Somebody leaves, as an identity provider says it: what they were asked, what they had acknowledged and what would have reached them goes
 * to others at once, and is never silent.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeSmtp, startSmtp } from '../fakes/smtp.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

describe('whoever leaves', () => {
  let smtp: FakeSmtp;
  let running: RunningApp;
  let ada: EnrolledPerson;
  let ann: EnrolledPerson;
  let authorization: string;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    smtp = await startSmtp();
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod } }
people:
  - { email: ada@example.com, name: Ada Example, role: admin }
  - { email: alice@example.com, name: Alice Example, identities: { aws_users: [alice] } }
  - { email: ann@example.com, name: Ann Example, role: responder }
  - { email: ben@example.com, name: Ben Example, role: responder }
  - { email: cal@example.com, name: Cal Example, role: responder }
scim: {}
schedules:
  security: { time_zone: Europe/Berlin, layers: [{ people: [ann@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  default: { steps: [{ to: schedule:security, wait: 30m }, { to: ben@example.com, wait: 30m }] }
catch_all: [cal@example.com]
email: { host: 127.0.0.1, port: ${smtp.port}, from: countersign@example.com }
policy: [{ when: { action: StopLogging }, then: challenge, within: 24h }, { when: {}, then: page }]
`,
      {},
    );
    ada = await running.enrol('ada@example.com');
    ann = await running.enrol('ann@example.com');
    await running.enrol('alice@example.com');
    const token = { name: 'provider', purpose: 'scim', role: 'member', days: 1, code: await ada.code() };
    authorization = `Bearer ${String((await running.call(ada, 'POST', '/api/tokens', token)).body['token'])}`;
    for (const name of ['alice', 'ann', 'ben']) {
      const made = await scim('POST', '/Users', { userName: `${name}@example.com`, active: true });
      ids.set(name, String(made['id']));
    }
  }, 240_000);
  afterAll(async () => {
    await running?.close();
    await smtp?.close();
  });

  const scim = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${running.app.url}/scim/v2${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    });
    expect(response.ok).toBe(true);
    return (await response.json()) as Record<string, unknown>;
  };
  const outOfService = (name: string, active = false) =>
    scim('PATCH', `/Users/${ids.get(name) ?? ''}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'Replace', path: 'active', value: active ? 'True' : 'False' }],
    });
  const mails = (to: string) => smtp.inbox(to).length;
  const mailed = async (to: string, before: number) => {
    for (let tries = 0; tries < 200 && mails(to) === before; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(mails(to)).toBeGreaterThan(before);
  };
  const by = (user: string, call = 'DeleteTrail') =>
    running.happens({ call, user, request: { name: `trail-of-${user}` } });

  test('with a question to answer: it pages whoever is on call, long before its deadline', async () => {
    await by('alice', 'StopLogging');
    const found = await running.until('asked', ({ state }) => state === 'asked');
    const before = mails('ann@example.com');
    await outOfService('alice');
    await running.until('paged', ({ id, state }) => id === found.id && state === 'paged');
    await mailed('ann@example.com', before);
    expect(await running.entries(found.id)).toContain('paged');
  });

  test('with a page that they had put off for days: it begins again, with the next on the ladder', async () => {
    const [found] = await running.cases();
    const id = found?.id ?? '';
    await running.call(ann, 'POST', `/api/cases/${id}/snooze`, { seconds: 6 * 86_400 });
    await running.until('acknowledged', ({ state }) => state === 'acknowledged');
    const before = mails('ben@example.com');
    await outOfService('ann');
    await running.until('paged again', (one) => one.id === id && one.state === 'paged');
    await mailed('ben@example.com', before);
  });

  test('while on call: the empty step is passed at once, and behind the whole ladder stands the catch-all', async () => {
    const before = [mails('ben@example.com'), mails('cal@example.com'), mails('ann@example.com')] as const;
    await by('stranger');
    await mailed('ben@example.com', before[0]);
    await outOfService('ben');
    await by('another');
    await mailed('cal@example.com', before[1]);
    expect(mails('ann@example.com')).toBe(before[2]);
  });

  test('and comes back is called again', async () => {
    await outOfService('ann', true);
    const before = mails('ann@example.com');
    await by('third');
    await mailed('ann@example.com', before);
  });
});
