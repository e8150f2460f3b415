/**
 * What a responder does from Slack besides a page's form, as a timetable: standing in, planned work that holds pages back, silent jobs, taking
 * an acknowledgement back, reopening. Each is there for the API, too.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { journalOfCase } from '../../server/src/ground/journal.ts';
import { type FakeSlack, type SlackPerson, type SlackPost, startSlack } from '../fakes/slack.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const SECURITY = 'CSECURITY';

describe('a responder in Slack', () => {
  let slack: FakeSlack;
  let running: RunningApp;
  let annSlack: SlackPerson;
  let benSlack: SlackPerson;
  let malSlack: SlackPerson;
  let ann: EnrolledPerson;

  beforeAll(async () => {
    slack = await startSlack();
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod, owner: ann@example.com } }
people:
  - { email: ann@example.com, name: Ann Example }
  - { email: ben@example.com, name: Ben Example, role: responder, language: ja }
  - { email: mallory@example.com, name: Mallory Example }
schedules:
  security: { time_zone: Europe/Berlin, layers: [{ people: [ann@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  default: { steps: [{ to: 'schedule:security', wait: 30m }] }
heartbeats: [{ name: nightly-backup, every: 1h, key: { env: BEAT } }]
slack: { bot_token: { env: SLACK_BOT }, signing_secret: { env: SLACK_SECRET }, security_channel: ${SECURITY}, url: '${slack.apiUrl}' }
policy: [{ when: { action: [PutBucketPolicy, DeleteTrail] }, then: page }, { when: {}, then: record }]
`,
      { SLACK_BOT: slack.botToken, SLACK_SECRET: slack.signingSecret, BEAT: 'a-shared-and-fictional-key' },
    );
    slack.sendTo(`${running.app.url}/api/slack`);
    annSlack = slack.addPerson('UANN', 'ann@example.com');
    benSlack = slack.addPerson('UBEN', 'ben@example.com');
    malSlack = slack.addPerson('UMALLORY', 'mallory@example.com');
    ann = await running.enrol('ann@example.com');
    await running.enrol('ben@example.com', 'ja');
    await running.enrol('mallory@example.com');
  }, 120_000);
  afterAll(async () => {
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    await running.close();
    await slack.close();
  });
  afterEach(() => expect(slack.refused).toEqual([]));

  const happens = (user: string, bucketName: string) =>
    running.happens({ call: 'PutBucketPolicy', service: 's3', user, request: { bucketName } });
  const stateOf = async (id: string) => (await running.cases()).find((found) => found.id === id);
  const shows = (post: SlackPost, text: string) => JSON.stringify(post.blocks).includes(text);

  test('21:00 Ben stands in for two hours, in his language, and gives it back', async () => {
    expect(await annSlack.command('cover nowhere 2h')).toContain('security');
    expect(await annSlack.command('cover security tomorrow')).toContain('For how long');
    expect(await benSlack.command('cover security 2h')).toContain('当番に入りました');
    expect(await annSlack.command('who')).toContain('Ben Example (until');
    const { body } = await running.call(ann, 'GET', '/api/on-call');
    expect(body['schedules']).toMatchObject([
      { now: { name: 'Ben Example' }, overrides: [{ person: { name: 'Ben Example' } }] },
    ]);
    expect(await annSlack.command('uncover security')).toContain('do not stand in');
    expect(await benSlack.command('uncover security')).toContain('終了しました');
    expect(await annSlack.command('who')).toContain('Ann Example');
  });

  let held = '';
  test('22:00 planned work holds back a page, but never what is as risky as an attack, nor a call for help', async () => {
    expect(await malSlack.command('maintenance 2h account=111122223333 moving')).toContain('Only people who answer');
    expect(await annSlack.command('maintenance 2h account=*? moving the network')).toContain('not possible');
    expect(await annSlack.command('maintenance 2h account=111122223333 x')).toContain('not possible');
    expect(await annSlack.command('maintenance 2h account=111122223333 moving the network')).toContain(
      'moving the network',
    );
    expect(await annSlack.command('maintenance 1h source=countersign quiet')).toContain('source=countersign');
    await happens('builder', 'shop-orders');
    const found = await running.until('held', ({ state, rule }) => state === 'paged' && rule !== 'Paged by a person');
    held = found.id;
    expect(found).toMatchObject({ pageNumber: 0, times: { pagedMs: null } });
    await running.happens({ call: 'DeleteTrail', user: 'stranger', request: { name: 'trail' } });
    expect(
      await running.until('paged', ({ id, state, risk }) => id !== held && state === 'paged' && risk >= 85),
    ).toMatchObject({ pageNumber: 1 });
    await malSlack.command('page the shop is on fire');
    expect(await running.until('help', ({ rule }) => rule === 'Paged by a person')).toMatchObject({ pageNumber: 1 });
    expect(await stateOf(held)).toMatchObject({ pageNumber: 0 });
  });

  test('22:30 the work ends early: what waited goes out, and what other work holds goes on waiting', async () => {
    const { body } = await running.call(ann, 'POST', '/api/maintenance', {
      rule: '*',
      account: '1111*',
      reason: 'another team works there',
      from: new Date(Date.now() - 1_000).toISOString(),
      to: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const listed = await annSlack.command('maintenance');
    const mine = listed.split('\n').find((line) => line.includes('moving the network'));
    const id = /`([\w-]+)`/.exec(mine ?? '')?.[1] ?? '';
    expect(await annSlack.command(`maintenance end ${id}`)).toContain('It is over');
    expect(await annSlack.command(`maintenance end ${id}`)).toContain('no such planned work');
    expect(await stateOf(held)).toMatchObject({ pageNumber: 0 });
    expect((await running.call(ann, 'DELETE', `/api/maintenance/${String(body['id'])}`)).status).toBe(200);
    await running.until('paged', (found) => found.id === held && found.state === 'paged' && found.pageNumber === 1);
    await slack.expect('DUANN', (post) => shows(post, held) && shows(post, 'case_acknowledge'));
  });

  test('22:40 Ann acknowledges, takes it back, has the next called while she is on it, resolves and reopens', async () => {
    const shown = (action: string) => slack.expect('DUANN', (post) => shows(post, held) && shows(post, action));
    const click = async (action: string, offers: string) => annSlack.click(await shown(offers), action);
    const becomes = (state: string) => running.until(state, (found) => found.id === held && found.state === state);
    await click('case_acknowledge', 'case_acknowledge');
    await becomes('acknowledged');
    await click('case_unacknowledge', 'case_unacknowledge');
    await becomes('paged');
    await click('case_acknowledge', 'case_acknowledge');
    await becomes('acknowledged');
    await click('case_escalate', 'case_unacknowledge');
    await becomes('paged');
    await click('case_resolve', 'case_resolve');
    await becomes('resolved');
    await click('case_reopen', 'case_reopen');
    await becomes('paged');
    const kinds = (await journalOfCase(running.app.state, held, 1_000)).map(({ kind }) => kind);
    for (const kind of ['page-held', 'page-acknowledged', 'escalated', 'case-resolved', 'case-reopened'])
      expect(kinds).toContain(kind);
  });

  test('23:00 which jobs are silent', async () => {
    expect(await annSlack.command('heartbeats')).toContain('nightly-backup: not heard yet');
    const beaten = await fetch(`${running.app.url}/api/heartbeats/nightly-backup`, {
      method: 'POST',
      headers: { authorization: 'Bearer a-shared-and-fictional-key' },
    });
    expect(await beaten.text()).toContain('beaten');
    expect(await annSlack.command('heartbeats')).toContain('nightly-backup: heard');
  });
});
