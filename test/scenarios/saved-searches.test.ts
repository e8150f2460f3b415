/** Searches of the activity that people keep: an address that everybody may open, what only the owner may do, what is refused in words. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const YAML = `
people:
  - { email: ann@example.com, name: Ann Example, role: responder }
  - { email: ben@example.com, name: Ben Builder, role: member }
policy: [{ when: {}, then: record }]
`;
const PATH = '/api/activity/searches';

describe('saved searches', () => {
  let running: RunningApp;
  let ann: EnrolledPerson;
  let ben: EnrolledPerson;
  beforeAll(async () => {
    running = await startRunningApp(YAML, {});
    ann = await running.enrol('ann@example.com');
    ben = await running.enrol('ben@example.com');
  });
  afterAll(() => running?.close());

  const save = (person: EnrolledPerson, name: string, query: string) =>
    running.call(person, 'POST', PATH, { name, query });
  const listed = async (person: EnrolledPerson) => {
    const { searches } = (await running.call(person, 'GET', PATH)).body as { searches: { name: string }[] };
    return searches.map(({ name }) => name);
  };

  test('a search is kept under a name, by its owner alone, and opened by whoever has its address', async () => {
    const { status, body } = await save(ann, ' Root on web ', 'with=user%3Aroot&minutes=15&tree=x');
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ name: 'Root on web', query: 'with=user%3Aroot&minutes=15', mine: true }),
    ]);
    expect([await listed(ann), await listed(ben)]).toEqual([['Root on web'], []]);
    const opened = await running.call(ben, 'GET', `${PATH}/${String(body['id'])}`);
    expect(opened.body).toMatchObject({ name: 'Root on web', query: 'with=user%3Aroot&minutes=15', mine: false });
  });

  test('under the same name another one takes its place and its address; others have names of their own', async () => {
    const first = (await save(ann, 'Logins', 'with=kind:login')).body['id'];
    expect((await save(ann, 'Logins', 'with=kind:login&q=ssh')).body['id']).toBe(first);
    expect((await save(ben, 'Logins', '')).body['id']).not.toBe(first);
    const { body } = await running.call(ben, 'GET', `${PATH}/${String(first)}`);
    expect(new URLSearchParams(String(body['query'])).get('q')).toBe('ssh');
    expect(await listed(ann)).toEqual(['Logins', 'Root on web']);
  });

  test('nobody removes what is not theirs', async () => {
    const { body } = await save(ann, 'To go', '');
    const address = `${PATH}/${String(body['id'])}`;
    expect((await running.call(ben, 'DELETE', address)).status).toBe(404);
    expect((await running.call(ann, 'GET', address)).status).toBe(200);
    expect((await running.call(ann, 'DELETE', address)).status).toBe(200);
    expect((await running.call(ann, 'GET', address)).body).toMatchObject({ code: 'search-not-found' });
  });

  test('what the activity would refuse is refused, and so are strangers', async () => {
    for (const [name, query, said] of [
      ['x', 'with=color:red', 'the fields are kind, host'],
      ['x', 'without=nothing', 'the fields are kind, host'],
      ['x', 'from=yesterday&to=2026-01-05T00:00Z', 'write ISO 8601'],
      ['x', Array.from({ length: 31 }, (_, index) => `with=pid:${index}`).join('&'), 'at most 30'],
      ['  ', '', 'name'],
      ['x'.repeat(81), '', 'name'],
      ['x', `q=${'x'.repeat(8_001)}`, 'query'],
    ] as const) {
      const { status, body } = await save(ann, name, query);
      expect([status, body['message']], said).toEqual([400, expect.stringContaining(said)]);
    }
    expect((await running.call(null, 'GET', PATH)).status).toBe(401);
    expect((await running.call(null, 'POST', PATH, { name: 'x', query: '' })).status).toBe(401);
    expect(await listed(ann)).toEqual(['Logins', 'Root on web']);
  });
});
