/**
 * A night's page worked on from Slack alone, read like a timetable: snoozed, noted, prioritised, more people called in, handed
 * over, merged. Whoever may not is refused, and whatever Slack sends twice or late happens once.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { journalOfCase, verifyJournal } from '../../server/src/ground/journal.ts';
import type { PeopleTables } from '../../server/src/people/tables.ts';
import { type FakeSlack, type SlackPerson, type SlackPost, startSlack } from '../fakes/slack.ts';
import { optionsOf } from '../fakes/slack-blocks.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const SECURITY = 'CSECURITY';
const MINUTE_MS = 60_000;

describe('responding from Slack', () => {
  let slack: FakeSlack;
  let running: RunningApp;
  let annSlack: SlackPerson;
  let benSlack: SlackPerson;
  let choSlack: SlackPerson;
  let malSlack: SlackPerson;
  let newSlack: SlackPerson;
  let nobody: SlackPerson;
  let ann: EnrolledPerson;
  let first: string;
  let second: string;
  let page: SlackPost;

  beforeAll(async () => {
    slack = await startSlack();
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod, owner: security } }
people:
  - { email: ann@example.com, name: Ann Example }
  - { email: ben@example.com, name: Ben Example, role: responder }
  - { email: cho@example.com, name: Cho Example, role: responder, language: ja }
  - { email: mallory@example.com, name: Mallory Example }
  - { email: newcomer@example.com, name: Newcomer Example, role: responder }
${Array.from({ length: 110 }, (_, index) => `  - { email: zoe${index}@example.com, name: Zoe Example }`).join('\n')}
teams: { security: [ann@example.com], platform: [ben@example.com, cho@example.com] }
schedules:
  security: { time_zone: Europe/Berlin, layers: [{ people: [ann@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
  night: { time_zone: Asia/Tokyo, layers: [{ people: [ben@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  default: { steps: [{ to: 'schedule:security', wait: 30m }] }
  nights: { steps: [{ to: 'schedule:night', wait: 30m }] }
slack: { bot_token: { env: SLACK_BOT }, signing_secret: { env: SLACK_SECRET }, security_channel: ${SECURITY}, url: '${slack.apiUrl}' }
policy:
  - { when: { action: DeleteTrail }, then: page }
  - { when: {}, then: record }
`,
      { SLACK_BOT: slack.botToken, SLACK_SECRET: slack.signingSecret },
    );
    slack.sendTo(`${running.app.url}/api/slack`);
    annSlack = slack.addPerson('UANN', 'ann@example.com');
    benSlack = slack.addPerson('UBEN', 'ben@example.com');
    choSlack = slack.addPerson('UCHO', 'cho@example.com');
    malSlack = slack.addPerson('UMALLORY', 'mallory@example.com');
    newSlack = slack.addPerson('UNEW', 'newcomer@example.com');
    nobody = slack.addPerson('UNOBODY', 'nobody@elsewhere.example');
    ann = await running.enrol('ann@example.com');
    await running.enrol('ben@example.com');
    await running.enrol('cho@example.com', 'ja');
    await running.enrol('mallory@example.com');
  }, 240_000);

  afterAll(async () => {
    await running?.close();
    await slack?.close();
  });

  afterEach(() => {
    expect(slack.refused).toEqual([]);
  });

  const shows = (post: { blocks: readonly unknown[] }) => JSON.stringify(post.blocks);
  const caseOf = async (id: string) => (await running.cases()).find((one) => one.id === id);
  const journal = async (id: string, kind: string) =>
    (await journalOfCase(running.app.state, id, 1_000)).filter((entry) => entry.kind === kind);
  const pagedBy = async (user: string) => {
    const known = new Set((await running.cases()).map(({ id }) => id));
    await running.happens({ call: 'DeleteTrail', user, request: { name: 'trail' } });
    const found = await running.until(`${user} pages`, ({ id, state }) => state === 'paged' && !known.has(id));
    const post = await slack.expect(
      'DUANN',
      (one) => shows(one).includes(found.id) && shows(one).includes('case_more'),
    );
    return { id: found.id, post };
  };
  const opened = async (who: SlackPerson, post: SlackPost) => {
    await who.click(post, 'case_more');
    for (let tries = 0; tries < 100 && who.view()?.view['callback_id'] !== 'case_more'; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return who.view()?.view;
  };
  /** The whole way: the button, what is to be done, what it needs. */
  const respond = async (
    who: SlackPerson,
    post: SlackPost,
    action: string,
    values: Readonly<Record<string, string>>,
    times = 1,
  ) => {
    await opened(who, post);
    expect(await who.submit({ action }, { times })).toMatchObject({ response_action: 'update' });
    return who.submit(values, { times });
  };
  const offered = (who: SlackPerson, blockId: string) => {
    const blocks = (who.view()?.view['blocks'] ?? []) as Record<string, unknown>[];
    const block = blocks.find((one) => one['block_id'] === blockId);
    const options = optionsOf(block?.['element'] as Record<string, unknown>);
    return options.map(({ text }) => (text as { text: string }).text);
  };

  test('22:00 two pages reach Ann', async () => {
    ({ id: first, post: page } = await pagedBy('stranger-one'));
    ({ id: second } = await pagedBy('stranger-two'));
    expect(first).not.toBe(second);
  });

  test('22:01 strangers, members and people who have not enrolled get the refusal that buttons always gave', async () => {
    const thread = await slack.expect(SECURITY, (post) => shows(post).includes(first) && post.threadTs === null);
    for (const who of [nobody, malSlack, newSlack]) {
      await who.click(thread, 'case_more');
      await slack.expect(SECURITY, ({ onlyFor, text }) => onlyFor === who.id && text.includes('for somebody else'));
      expect(who.view()).toBeUndefined();
    }
    expect(await caseOf(first)).toMatchObject({ state: 'paged', priority: null });
  });

  test('22:02 Ann snoozes for a number of minutes of her own; what is no such number stands beside the field', async () => {
    const answer = await respond(annSlack, page, 'Snooze', { minutes: '20000' });
    expect(answer).toMatchObject({ response_action: 'errors', errors: { minutes: expect.stringContaining('10080') } });
    expect(await caseOf(first)).toMatchObject({ state: 'paged' });
    const before = Date.now();
    expect(await annSlack.submit({ minutes: '90' }, { times: 2 })).toEqual({});
    const snoozed = await running.until('snoozed', ({ id, state }) => id === first && state === 'acknowledged');
    expect(snoozed).toMatchObject({ acknowledgedBy: { name: 'Ann Example' } });
    const deadlineMs = snoozed.state === 'acknowledged' ? snoozed.deadlineMs : 0;
    expect(deadlineMs - before).toBeGreaterThanOrEqual(90 * MINUTE_MS);
    expect(deadlineMs - before).toBeLessThan(91 * MINUTE_MS);
    expect(await journal(first, 'page-snoozed')).toHaveLength(1);
    await slack.expect('DUANN', (post) => post.ts === page.ts && shows(post).includes('Acknowledged by Ann Example'));
  });

  test('22:03 the usual hour is chosen already', async () => {
    const before = Date.now();
    expect(await respond(annSlack, page, 'Snooze', {})).toEqual({});
    const snoozed = await caseOf(first);
    const deadlineMs = snoozed?.state === 'acknowledged' ? snoozed.deadlineMs : 0;
    expect(Math.round((deadlineMs - before) / MINUTE_MS)).toBe(60);
  });

  test('22:05 a note is told once, however often and in whatever order Slack sends it', async () => {
    expect(await respond(annSlack, page, 'Add a note', { main: 'looks like <!channel> & co' }, 3)).toEqual({});
    await Promise.all([annSlack.submitAgain(), annSlack.submitAgain()]);
    expect(await journal(first, 'note-added')).toMatchObject([{ parameters: { text: 'looks like <!channel> & co' } }]);
    const line = await slack.expect(SECURITY, ({ threadTs, text }) => threadTs !== null && text.includes('note added'));
    expect(line.text).toContain('&lt;!channel&gt; &amp; co');
    expect(await respond(annSlack, page, 'Add a note', { main: 'looks like <!channel> & co' })).toEqual({});
    expect(await journal(first, 'note-added')).toHaveLength(2);
    expect(await respond(annSlack, page, 'Add a note', { main: ' ' })).toMatchObject({ response_action: 'errors' });
  });

  test('22:06 Ben, who sees the thread, sets the priority, which every message shows', async () => {
    const thread = await slack.expect(SECURITY, (post) => shows(post).includes(first) && post.threadTs === null);
    expect(await respond(benSlack, thread, 'Set the priority', { main: 'P1' }, 2)).toEqual({});
    expect(await caseOf(first)).toMatchObject({ priority: 'P1' });
    expect(await journal(first, 'priority-set')).toMatchObject([
      { parameters: { name: 'Ben Example', priority: 'P1' } },
    ]);
    await slack.expect('DUANN', (post) => post.ts === page.ts && shows(post).includes(' · P1'));
    await slack.expect(SECURITY, ({ threadTs, text }) => threadTs !== null && text.includes('priority: P1'));
    expect(await respond(benSlack, thread, 'Set the priority', {})).toMatchObject({
      errors: { main: expect.stringContaining('already') },
    });
    expect(await respond(benSlack, thread, 'Set the priority', { main: 'None' })).toEqual({});
    expect(await caseOf(first)).toMatchObject({ priority: null });
    // Late: what it wished was done before, and has been taken back since.
    await respond(benSlack, thread, 'Set the priority', { main: 'P3' });
    await respond(annSlack, page, 'Set the priority', { main: 'P2' });
    await benSlack.submitAgain();
    expect(await caseOf(first)).toMatchObject({ priority: 'P2' });
  });

  test('22:08 the platform team is called in, and Ann keeps the case', async () => {
    await opened(annSlack, page);
    await annSlack.submit({ action: 'Call in' });
    const names = offered(annSlack, 'main');
    expect(names.slice(0, 10)).toEqual([
      ...['security: Ann Example', 'night: Ben Example', 'security', 'platform'],
      ...['Admin', 'Ann Example', 'Ben Example', 'Cho Example', 'Newcomer Example', 'Mallory Example'],
    ]);
    // Two of one name are told apart by their addresses.
    expect(names).toContain('Zoe Example (zoe1@example.com)');
    expect(await annSlack.submit({ main: 'platform' }, { times: 2 })).toEqual({});
    expect(await caseOf(first)).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: { name: 'Ann Example' },
      responders: [{ name: 'Ben Example' }, { name: 'Cho Example' }],
    });
    expect(await journal(first, 'responders-added')).toHaveLength(1);
    await slack.expect('DUBEN', (post) => shows(post).includes(first));
    await slack.expect('DUCHO', (post) => shows(post).includes(first));
  });

  test('22:09 whoever is not among the hundred of the list is called in by their address', async () => {
    expect(await respond(annSlack, page, 'Call in', { address: 'nobody@elsewhere.example' })).toMatchObject({
      errors: { main: expect.stringContaining('Choose somebody else') },
    });
    expect(await annSlack.submit({ address: ' Zoe109@example.com' })).toEqual({});
    const responders = (await journal(first, 'responders-added')).at(-1);
    expect(responders).toMatchObject({ parameters: { names: ['Zoe Example'] } });
    expect(await respond(annSlack, page, 'Call in', {})).toMatchObject({ response_action: 'errors' });
  });

  test('22:10 Cho does it in Japanese', async () => {
    const post = await slack.expect('DUCHO', (one) => shows(one).includes('case_more'));
    const view = await opened(choSlack, post);
    expect(JSON.stringify(view)).toContain('このケースへの対応');
    await choSlack.submit({ action: '後回しにする' });
    expect(offered(choSlack, 'main')).toEqual(['15分', '1時間', '4時間', '1日']);
    expect(await choSlack.submit({ minutes: '0' })).toMatchObject({
      errors: { minutes: expect.stringContaining('整数') },
    });
  });

  test('22:15 Ann hands over to whoever is on call at night, who is called; then to a ladder', async () => {
    expect(await respond(annSlack, page, 'Hand over', { main: 'night: Ben Example' }, 2)).toEqual({});
    expect(await caseOf(first)).toMatchObject({ state: 'paged', assigned: [{ name: 'Ben Example' }] });
    expect(await journal(first, 'reassigned')).toMatchObject([
      { parameters: { name: 'Ann Example', to: ['Ben Example'], escalation: null } },
    ]);
    await respond(annSlack, page, 'Hand over', { main: 'nights' });
    expect(await caseOf(first)).toMatchObject({ state: 'paged', assigned: [], escalation: 'nights' });
    await annSlack.submitAgain();
    expect(await journal(first, 'reassigned')).toHaveLength(2);
  });

  test('22:20 an answer of ours that Slack never heard: sent again, it is done once; other words are another wish', async () => {
    const told = async (text: string) =>
      (await journal(first, 'note-added')).filter(({ parameters }) => parameters['text'] === text).length;
    await opened(benSlack, page);
    await benSlack.submit({ action: 'Add a note' });
    await benSlack.submit({ main: 'one' }, { isLost: true });
    await benSlack.submit({ main: 'one' }, { isLost: true });
    expect(await benSlack.submit({ main: 'two' })).toEqual({});
    expect([await told('one'), await told('two')]).toEqual([1, 1]);
    await opened(benSlack, page);
    await benSlack.submit({ action: 'Add a note' });
    await Promise.all([1, 2, 3].map(() => benSlack.submit({ main: 'at the same time' }, { isLost: true })));
    expect(await told('at the same time')).toBe(1);
  });

  test('22:22 a form that has been open since yesterday is too late', async () => {
    await opened(benSlack, page);
    await benSlack.submit({ action: 'Add a note' });
    const view = benSlack.view()?.view ?? {};
    const ticket = JSON.parse(String(view['private_metadata'])) as { openedMs: number };
    view['private_metadata'] = JSON.stringify({ ...ticket, openedMs: ticket.openedMs - 25 * 60 * MINUTE_MS });
    const notes = (await journal(first, 'note-added')).length;
    expect(await benSlack.submit({ main: 'yesterday' })).toMatchObject({ response_action: 'errors' });
    expect(await journal(first, 'note-added')).toHaveLength(notes);
  });

  test('22:25 whoever lost the role while the form was open is refused', async () => {
    await opened(choSlack, page);
    await choSlack.submit({ action: 'メモを残す' });
    const setRole = (role: 'member' | 'responder') =>
      running.app.state.db
        .withTables<PeopleTables>()
        .updateTable('person')
        .set({ role })
        .where('email', '=', 'cho@example.com')
        .execute();
    await setRole('member');
    expect(await choSlack.submit({ main: 'too much' })).toMatchObject({
      errors: { main: expect.stringContaining('別の方宛て') },
    });
    await setRole('responder');
    const told = (await journal(first, 'note-added')).map(({ parameters }) => parameters['text']);
    expect(told).not.toContain('too much');
  });

  test('22:30 it is merged into the other case, once; forms that come later change nothing', async () => {
    await opened(annSlack, page);
    await annSlack.submit({ action: 'Snooze' });
    const late = annSlack.view();
    expect(late?.view['callback_id']).toBe('case_respond');
    await opened(benSlack, page);
    await benSlack.submit({ action: 'Merge' });
    const [other, ...more] = offered(benSlack, 'main');
    expect(other).toContain('stranger-two');
    expect(more).toEqual([]);
    expect(await benSlack.submit({ main: other ?? '' }, { times: 2 })).toEqual({});
    await Promise.all([benSlack.submitAgain(), benSlack.submitAgain()]);
    expect(await caseOf(first)).toMatchObject({ state: 'resolved', mergedInto: second });
    expect(await journal(first, 'case-merged')).toHaveLength(1);
    expect(await journal(second, 'case-absorbed')).toHaveLength(1);
    const version = (await caseOf(first))?.version;
    expect(await annSlack.submit({})).toMatchObject({ errors: { main: expect.stringContaining('already') } });
    expect((await caseOf(first))?.version).toBe(version);
    await annSlack.click(page, 'case_more');
    await slack.expect('DUANN', ({ onlyFor, text }) => onlyFor === 'UANN' && text.includes('decided already'));
    await slack.expect('DUANN', (post) => post.ts === page.ts && !shows(post).includes('case_more'));
  });

  test('22:35 the last open case has nothing to be merged into', async () => {
    const post = await slack.expect('DUANN', (one) => shows(one).includes(second));
    await opened(annSlack, post);
    expect(await annSlack.submit({ action: 'Merge' })).toMatchObject({
      errors: { action: 'There is no other open case.' },
    });
  });

  test('22:40 Slack does not open the form: the person is told where else it can be done', async () => {
    slack.fail('views.open', 'internal_error');
    const post = await slack.expect('DUANN', (one) => shows(one).includes(second));
    await annSlack.click(post, 'case_more');
    await slack.expect('DUANN', ({ onlyFor, text }) => onlyFor === 'UANN' && text.includes(`/cases/${second}`));
  });

  test('morning: the journal reads as if the console had been used', async () => {
    const post = (path: string, body: unknown) => running.call(ann, 'POST', `/api/cases/${second}/${path}`, body);
    await post('snooze', { seconds: 900 });
    await post('notes', { text: 'from the console' });
    await post('priority', { priority: 'P1' });
    await post('responders', { people: ['ben@example.com'] });
    await post('reassign', { people: ['ben@example.com'] });
    for (const kind of ['page-snoozed', 'note-added', 'priority-set', 'responders-added', 'reassigned']) {
      const [there] = await journal(first, kind);
      const [here] = await journal(second, kind);
      expect(Object.keys(here?.parameters ?? {}), kind).toEqual(Object.keys(there?.parameters ?? { none: kind }));
      expect(there?.actor, kind).not.toBeNull();
    }
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(await verifyJournal(running.app.state)).toMatchObject({ ok: true });
  });
});
