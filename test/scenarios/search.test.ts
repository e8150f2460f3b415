/** What is found by what somebody remembers of it, and which cases are like one: through the real server. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { indexSome } from '../../server/src/cases/search/indexing.ts';
import { beginningWith, wordsAsked, wordsOf } from '../../server/src/cases/search/words.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const YAML = `
accounts: { "111122223333": { name: shop-prod, label: prod }, "444455556666": { name: shop-staging, label: staging } }
people:
  - { email: ann@example.com, name: Ann Example, role: responder }
  - { email: ben@example.com, name: Ben Builder, role: responder }
  - { email: mia@example.com, name: Mia Example, role: member }
schedules:
  security: { time_zone: UTC, layers: [{ people: [ben@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  night: { steps: [{ to: 'schedule:security', wait: 30m }] }
  weekend: { steps: [{ to: 'schedule:security', wait: 60m }] }
policy: [{ when: {}, then: page }]
`;

describe('words', () => {
  test('an identifier is found whole and by its parts', () => {
    const words = wordsOf(['arn:aws:s3:::shop-data/photos', 'StopLogging']);
    for (const word of ['arn:aws:s3:::shop-data/photos', 'shop-data', 'photos', 'data', 'stoplogging', 'logging'])
      expect(words).toContain(word);
  });

  test('what is typed cannot leave its quotes', () => {
    expect(beginningWith(wordsAsked(`o'neil \\ x'|'y`))).toBe(`'o''neil':* & '\\\\':* & 'x''|''y':*`);
    expect(wordsAsked('  ')).toEqual([]);
    expect(wordsAsked('a b c d e f g h i j')).toHaveLength(8);
  });
});

describe('search and similar cases', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;
  let mia: EnrolledPerson;
  const of = async (path: string) => (await running.call(ann, 'GET', path)).body as Record<string, never[]>;
  const find = (text: string) => of(`/api/search?q=${encodeURIComponent(text)}`);
  const happens = async (call: string, user: string, name: string, account?: string) => {
    const before = new Set((await running.cases()).map(({ id }) => id));
    await running.happens({ call, user, request: { name }, ...(account === undefined ? {} : { account }) });
    return running.until(`${call} by ${user}`, ({ id }) => !before.has(id));
  };

  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    ann = await running.enrol('ann@example.com');
    mia = await running.enrol('mia@example.com');
  });
  afterAll(() => running?.close());

  test('a case is found by its actor, its resource, its rule and its account, with people and rules beside it', async () => {
    const first = await happens('StopLogging', 'deployer', 'audit-trail');
    for (const text of ['deployer', 'audit', 'AUDIT-tr', 'stoplogging 203.0.113', 'shop-prod deplo', first.id]) {
      expect((await find(text))['cases'], text).toMatchObject([{ id: first.id, state: 'paged' }]);
    }
    expect((await find('deployer nobody'))['cases']).toEqual([]);
    expect((await find('ben'))['people']).toEqual([{ id: expect.any(String), name: 'Ben Builder' }]);
    expect((await find('cloudtrail'))['rules']).not.toEqual([]);
    expect((await find('audit'))['resources']).toMatchObject([{ account: 'shop-prod' }]);
    expect((await of('/api/cases?q=deployer'))['cases']).toHaveLength(1);
    expect((await of('/api/cases?q=nobody'))['cases']).toEqual([]);
  });

  test('who is here is told to responders, and nobody learns an address', async () => {
    expect((await find('ben@example.com'))['people']).toEqual([{ id: expect.any(String), name: 'Ben Builder' }]);
    for (const text of ['ben', 'ben@example.com', 'mia']) {
      const { status, body } = await running.call(mia, 'GET', `/api/search?q=${encodeURIComponent(text)}`);
      expect([status, body['people']], text).toEqual([200, []]);
      expect(JSON.stringify(body)).not.toContain('@example.com');
    }
  });

  test('whatever is typed is an answer or a clear error, and nobody asks without signing in', async () => {
    for (const text of [`'`, `' | 'deployer`, '\\', ':*', '&', '山田']) {
      expect((await running.call(ann, 'GET', `/api/search?q=${encodeURIComponent(text)}`)).status, text).toBe(200);
    }
    expect((await running.call(ann, 'GET', `/api/search?q=${'x'.repeat(201)}`)).status).toBe(400);
    expect((await running.call(ann, 'GET', '/api/search?q=%00')).status).toBe(400);
    expect((await running.call(ann, 'GET', '/api/search')).status).toBe(400);
    expect((await running.call(null, 'GET', '/api/search?q=x')).status).toBe(401);
    expect((await running.call(null, 'GET', '/api/cases/x/similar')).status).toBe(401);
  });

  test('the most alike comes first, with what was found then', async () => {
    const [first] = await running.cases();
    const other = await happens('StopLogging', 'tester', 'staging-trail', '444455556666');
    await running.call(ann, 'POST', `/api/cases/${first?.id ?? ''}/resolve`, { note: 'a planned move' });
    const again = await happens('DeleteTrail', 'deployer', 'audit-trail');
    const { cases } = await of(`/api/cases/${again.id}/similar`);
    expect(cases).toMatchObject([
      {
        id: first?.id,
        state: 'resolved',
        shared: ['resource', 'actor', 'account'],
        resolution: { by: { name: 'Ann Example' }, note: 'a planned move' },
      },
    ]);
    const same = await of(`/api/cases/${other.id}/similar`);
    expect(same['cases']).toMatchObject([{ id: first?.id, shared: ['rule'] }]);
    expect((await running.call(ann, 'GET', '/api/cases/nothing/similar')).status).toBe(404);
  });

  test('cases from before there were words get theirs, and once', async () => {
    const { state } = running.app;
    await sql`update case_record set words = null`.execute(state.db);
    expect((await find('deployer'))['cases']).toEqual([]);
    expect(await indexSome(state, 2)).toBe(2);
    while ((await indexSome(state, 2)) > 0);
    expect((await find('deployer'))['cases']).toHaveLength(2);
  });

  test('a case is handed to whoever is on call, to a ladder, to a person; nobody unknown', async () => {
    const { id } = await happens('StopLogging', 'handed', 'another-trail');
    const { body } = await running.call(ann, 'GET', '/api/cases/targets');
    const targets = JSON.parse(String(body['text'])) as { key: string; group: string; name: string }[];
    const key = (group: string, name: string) => targets.find((one) => one.group === group && one.name === name)?.key;
    const hand = (targetKey: string | undefined) =>
      running.call(ann, 'POST', `/api/cases/${id}/reassign`, { targets: [targetKey] });
    expect((await hand(key('schedules', 'security: Ben Builder'))).body).toMatchObject({ outcome: 'done' });
    expect(await running.until('handed', (one) => one.id === id)).toMatchObject({
      assigned: [{ name: 'Ben Builder' }],
    });
    expect((await hand(key('escalations', 'night'))).body).toMatchObject({ outcome: 'done' });
    expect(await running.until('ladder', (one) => one.id === id)).toMatchObject({ assigned: [], escalation: 'night' });
    const called = { targets: [key('people', 'Ann Example')] };
    expect((await running.call(ann, 'POST', `/api/cases/${id}/responders`, called)).body).toMatchObject({
      outcome: 'done',
    });
    expect((await hand('people:nobody')).status).toBe(400);
    // What could only be done in part is not done.
    const ladders = ['night', 'weekend'].map((name) => key('escalations', name));
    const refused = async (path: string, wish: object, why: string) =>
      expect(await running.call(ann, 'POST', `/api/cases/${id}/${path}`, wish)).toMatchObject({
        ...{ status: 400, body: { code: 'invalid-input', message: expect.stringContaining(why) } },
      });
    await refused('reassign', { targets: ladders }, 'one ladder, not night and weekend');
    await refused('reassign', { targets: ladders.slice(0, 1), escalation: 'weekend' }, 'one ladder');
    await refused('responders', { targets: [...called.targets, ladders[0]] }, "the ladder 'night' cannot be called in");
    await refused('responders', { targets: ladders.slice(1) }, "the ladder 'weekend'");
    const same = { targets: ladders.slice(0, 1), escalation: 'night' };
    expect((await running.call(ann, 'POST', `/api/cases/${id}/reassign`, same)).status).toBe(200);
    expect(await running.entries(id)).toEqual(expect.arrayContaining(['reassigned', 'responders-added']));
  });

  test('an acknowledgement is taken back, and pages again', async () => {
    const { id } = await happens('StopLogging', 'taken-back', 'third-trail');
    await running.call(ann, 'POST', `/api/cases/${id}/acknowledge`);
    const detail = await running.call(ann, 'GET', `/api/cases/${id}`);
    expect(detail.body['actions']).toContain('unacknowledge');
    await running.call(ann, 'POST', `/api/cases/${id}/unacknowledge`);
    expect(await running.until('paged again', (one) => one.id === id && one.state === 'paged')).toBeDefined();
  });
});
