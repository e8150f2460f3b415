/** Activity that is held: placed by responders with a reason, copied afterwards, released by admins, all of it in the journal. */
import type { ActivityHold, ActivityHolds } from '@countersign/contract';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const CONFIG = `
people:
  - { email: ann@example.com, name: Ann, role: admin }
  - { email: rob@example.com, name: Rob, role: responder }
  - { email: max@example.com, name: Max, role: member }
`;

let running: RunningApp;
let people: Record<'ann' | 'rob' | 'max', EnrolledPerson>;
const toMs = Date.now();
const range = new URLSearchParams({ from: new Date(toMs - 3_600_000).toISOString(), to: new Date(toMs).toISOString() });

beforeAll(async () => {
  running = await startRunningApp(CONFIG, {});
  const enrol = (name: string) => running.enrol(`${name}@example.com`);
  people = { ann: await enrol('ann'), rob: await enrol('rob'), max: await enrol('max') };
}, 60_000);
afterAll(() => running?.close());

const place = (who: EnrolledPerson, query: string, reason: string) =>
  running.call(who, 'POST', `/api/activity/holds?${query}`, { reason });

async function theOnly(): Promise<ActivityHold | undefined> {
  const { body } = await running.call(people.max, 'GET', '/api/activity/holds');
  return (body as unknown as ActivityHolds).holds[0];
}

test('a responder places one with a reason, on a time that has passed; members see it and place none', async () => {
  expect((await place(people.max, `${range}`, 'inquiry 7')).status).toBe(403);
  expect((await place(people.rob, '', 'inquiry 7')).status).toBe(400);
  expect((await place(people.rob, `${range}`, '  ')).status).toBe(400);
  expect((await place(people.rob, `${range}&with=colour:red`, 'inquiry 7')).status).toBe(400);
  const late = new URLSearchParams({ from: String(range.get('from')), to: new Date(toMs + 3_600_000).toISOString() });
  expect((await place(people.rob, `${late}`, 'inquiry 7')).status).toBe(400);

  const placed = await place(people.rob, `${range}&with=host:web-1`, 'inquiry 7');
  expect(placed.status).toBe(200);
  expect(placed.body).toMatchObject({ reason: 'inquiry 7', state: 'copying', rows: null });
  await expect.poll(async () => (await theOnly())?.state, { timeout: 20_000 }).toBe('kept');
  expect(await theOnly()).toMatchObject({ rows: 0, problem: null, query: expect.stringContaining('host%3Aweb-1') });
});

test('an admin lets it go, nobody else does; both stand in the journal', async () => {
  const path = `/api/activity/holds/${(await theOnly())?.id}`;
  expect((await running.call(people.rob, 'DELETE', path)).status).toBe(403);
  expect((await running.call(people.ann, 'DELETE', path)).status).toBe(200);
  await expect.poll(async () => (await theOnly())?.state, { timeout: 20_000 }).toBe('released');
  expect((await running.call(people.ann, 'DELETE', path)).status).toBe(404);
  const { rows } = await sql<{
    kind: string;
  }>`select kind from journal where kind like 'hold-%' order by sequence`.execute(running.app.state.db);
  expect(rows.map(({ kind }) => kind)).toEqual(['hold-placed', 'hold-released']);
});
