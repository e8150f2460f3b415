/** Exemptions: narrow, expiring, with a second factor, looked at before they are made, and never wider than they say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleActor, sampleFacts } from '../sample-finding.ts';
import { exemptionFor, tooWide } from '../../server/src/findings/exemptions/exemption.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const PARTS = {
  rule: 'Trail stopped',
  actor: 'arn:aws:iam::111122223333:user/deploy',
  resource: 'sample-trail',
  account: '111122223333',
};

describe('what an exemption covers', () => {
  const finding = (parts: Partial<Parameters<typeof sampleFacts>[0]> = {}) => ({
    rule: 'Trail stopped',
    facts: sampleFacts({
      actor: sampleActor({ id: PARTS.actor, name: 'deploy' }),
      resources: [{ type: 'trail', id: 'sample-trail' }],
      ...parts,
    }),
  });
  const exemption = { ...PARTS, id: 'x', expiresMs: 1_000 };

  test('exactly this rule, actor, resource and account, until it expires', () => {
    expect(exemptionFor(finding(), [exemption], 999)?.id).toBe('x');
    expect(exemptionFor(finding(), [exemption], 1_000)).toBeNull();
    expect(exemptionFor({ ...finding(), rule: 'Another' }, [exemption], 0)).toBeNull();
    expect(exemptionFor(finding({ account: '444455556666' }), [exemption], 0)).toBeNull();
    expect(exemptionFor(finding({ actor: sampleActor({ id: 'someone', name: 'else' }) }), [exemption], 0)).toBeNull();
    expect(exemptionFor(finding({ resources: [] }), [exemption], 0)).toBeNull();
  });

  test('no session that merely calls itself like a user, and nothing that we say of ourselves', () => {
    const user = { ...exemption, actor: 'deploy' };
    const role = 'arn:aws:iam::111122223333:role/ci';
    const session = sampleActor({
      kind: 'role',
      id: role,
      name: 'ci',
      session: 'deploy',
      sessionKey: `${role}/deploy`,
    });
    expect(exemptionFor(finding(), [user], 0)?.id).toBe('x');
    expect(exemptionFor(finding({ actor: session }), [user], 0)).toBeNull();
    expect(exemptionFor(finding({ actor: { ...session, kind: 'person', name: 'deploy' } }), [user], 0)).toBeNull();
    expect(exemptionFor(finding({ actor: session }), [{ ...exemption, actor: `${role}/deploy` }], 0)?.id).toBe('x');
    expect(exemptionFor(finding({ actor: { ...session, kind: 'role', session: 'other' } }), [user], 0)).toBeNull();
    const own = finding({ source: 'alert', service: 'countersign' });
    expect(exemptionFor(own, [exemption], 0)).toBeNull();
  });

  test('nothing that is changed along with what it names', () => {
    const both = [
      { type: 'trail', id: 'sample-trail' },
      { type: 'trail', id: 'another-trail' },
    ];
    expect(exemptionFor(finding({ resources: both }), [exemption], 0)).toBeNull();
  });

  test.each([
    [{ actor: '*' }, 'actor'],
    [{ resource: '*' }, 'resource'],
    [{ actor: 'a*' }, 'actor'],
    [{ rule: 'Trail*' }, 'rule'],
    [{ account: '1111*' }, 'account'],
    [{ resource: 'sam*ple' }, 'resource'],
    [{ actor: 'deploy*', resource: 'sample*' }, 'at most one'],
  ])('%o is too wide', (parts, why) => {
    expect(tooWide({ ...PARTS, ...parts })).toContain(why);
  });

  test('a name with a beginning is narrow enough', () => {
    expect(tooWide({ ...PARTS, resource: 'sample-*' })).toBeNull();
  });
});

describe('making one', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;

  beforeAll(async () => {
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop, label: prod } }
people: [{ email: ann@example.com, name: Ann Example, role: responder, identities: { aws_users: [annex], arns: ['arn:aws:iam::*:role/ann-*'] } }, { email: mia@example.com, name: Mia Example, identities: { aws_users: [mia] } }]
policy: [{ when: { action: DeleteTrail }, then: challenge, within: 1h }, { when: {}, then: page }]
`,
      {},
    );
    ann = await running.enrol('ann@example.com');
  }, 240_000);
  afterAll(() => running?.close());

  test('shows what it would have hidden, wants a code, hides exactly that, and is journaled', async () => {
    const stop = (name: string) => running.happens({ call: 'StopLogging', user: 'deploy', request: { name } });
    await stop('arn:aws:cloudtrail:eu-west-1:111122223333:trail/sample-trail');
    const paged = await running.until('paged', ({ state }) => state === 'paged');
    await running.call(ann, 'POST', `/api/cases/${paged.id}/resolve`, {});
    const parts = { rule: paged.rule, actor: 'deploy', resource: '*sample-trail', account: '111122223333' };
    const look = await running.call(ann, 'POST', '/api/exemptions/preview', parts);
    expect(look.body).toMatchObject({ findings: 1, paged: 1, denied: 0, confirmed: 0 });
    const expires = new Date(Date.now() + 86_400_000).toISOString();
    const make = (code: string, more = {}) =>
      running.call(ann, 'POST', '/api/exemptions', { ...parts, reason: 'nightly job', expires, code, ...more });
    expect((await make('000000')).status).toBe(403);
    expect(
      (await make(await ann.code(), { expires: new Date(Date.now() + 100 * 86_400_000).toISOString() })).status,
    ).toBe(400);
    for (const actor of ['annex', 'ann@example.com', 'arn:aws:iam::111122223333:role/ann-admin']) {
      expect(await make('000000', { actor })).toMatchObject({ status: 403, body: { code: 'own-exemption' } });
    }
    const made = await make(await ann.code());
    expect(made.status).toBe(200);
    await stop('arn:aws:cloudtrail:eu-west-1:111122223333:trail/sample-trail');
    await stop('arn:aws:cloudtrail:eu-west-1:111122223333:trail/other-trail');
    const other = await running.until('the other', ({ id, state }) => id !== paged.id && state === 'paged');
    expect(other.findingIds.length).toBeGreaterThan(0);
    expect(await running.cases()).toHaveLength(2);
    const { body } = await running.call(ann, 'GET', '/api/exemptions');
    expect(body['exemptions']).toMatchObject([{ active: true, hidden: 1 }]);
    expect((await running.call(ann, 'DELETE', `/api/exemptions/${String(made.body['id'])}`)).status).toBe(200);
    expect((await running.call(null, 'GET', '/api/exemptions')).status).toBe(401);
    const mia = await running.enrol('mia@example.com');
    expect((await running.call(mia, 'POST', '/api/exemptions/preview', parts)).status).toBe(403);
  }, 90_000);

  test('the numbers and the review of a case can be had', async () => {
    const numbers = await running.call(ann, 'GET', '/api/numbers?by=rule');
    expect(numbers.body['groups']).toMatchObject([{ numbers: { acknowledge: { pages: 2, never: 2 } } }]);
    const csv = await running.call(ann, 'GET', '/api/numbers.csv?by=account');
    expect(String(csv.body['text'])).toMatch(/^account,cases,detect_n/);
    const [first] = await running.cases();
    const review = await running.call(ann, 'GET', `/api/cases/${first?.id ?? ''}/review.md`);
    expect(String(review.body['text'])).toContain('## Timeline (UTC)');
  });

  test('says how many of what it would have hidden were denied by the person', { timeout: 60_000 }, async () => {
    const mia = await running.enrol('mia@example.com');
    const trail = 'arn:aws:cloudtrail:eu-west-1:111122223333:trail/of-mia';
    await running.happens({ call: 'DeleteTrail', user: 'mia', request: { name: trail } });
    const found = await running.until(
      'asked',
      ({ state, person }) => state === 'asked' && person?.name === 'Mia Example',
    );
    const parts = { rule: found.rule, actor: 'mia', resource: '*of-mia', account: '111122223333' };
    const waiting = await running.call(ann, 'POST', '/api/exemptions/preview', parts);
    expect(waiting.body).toMatchObject({ findings: 1, denied: 0, confirmed: 0 });
    const link = await running.call(mia, 'POST', `/api/cases/${found.id}/challenge-link`, {});
    const token = String(link.body['url']).split('#')[1];
    await running.call(null, 'POST', '/api/challenges/answer', {
      token,
      answer: 'no',
      reason: '',
      digest: found.digest,
    });
    const { body } = await running.call(ann, 'POST', '/api/exemptions/preview', parts);
    expect(body).toMatchObject({ findings: 1, denied: 1, paged: 1, expired: 0, confirmed: 0 });
    await running.call(ann, 'POST', `/api/cases/${found.id}/resolve`, {});
  });
});
