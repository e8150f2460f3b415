/** The adapter in Socket Mode, where nothing needs to reach us: the same values come over a socket that we opened. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeSlack, type SlackPerson, startSlack } from '../../../../test/fakes/slack.ts';
import { createSlack, type Slack, type SlackAction } from './slack.ts';

let fake: FakeSlack;
let slack: Slack;
let person: SlackPerson;
const actions: SlackAction[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  fake = await startSlack();
  person = fake.addPerson('UANN', 'ann@example.com');
  slack = createSlack({
    botToken: fake.botToken,
    mode: { type: 'socket', appToken: fake.appToken },
    apiUrl: fake.apiUrl,
    onError: (error) => errors.push(error),
    handlers: {
      action: async (input) => {
        actions.push(input);
        return { text: 'seen' };
      },
      submission: async () => null,
      command: async ({ text }) => ({ text: `you said ${text}` }),
    },
  });
  await slack.start();
});

afterAll(async () => {
  await slack?.stop();
  await fake?.close();
});

test('a command is answered and a click arrives, without any request to us', { timeout: 20_000 }, async () => {
  let answer = '';
  for (let tries = 0; tries < 40 && answer === ''; tries += 1) {
    answer = await person.command('who').catch(() => '');
    if (answer === '') await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(answer).toBe('you said who');
  const posted = await slack.client.post({
    channel: 'DUANN',
    text: 'hello',
    key: 'k',
    blocks: [
      {
        type: 'actions',
        elements: [{ type: 'button', action_id: 'go', value: 'v', text: { type: 'plain_text', text: 'Go' } }],
      },
    ],
  });
  expect(posted.type).toBe('ok');
  await person.click(await fake.expect('DUANN', ({ key }) => key === 'k'), 'go');
  for (let tries = 0; tries < 40 && actions.length === 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(actions).toMatchObject([{ actionId: 'go', value: 'v', user: { id: 'UANN' } }]);
  expect(errors).toEqual([]);
  const request = { headers: {}, rawBody: '', nowMs: 0 };
  expect((await slack.receive(request)).status).toBe(404);
});

test('a Slack that is away, or breaks the line, is connected to again, however it fails meanwhile', {
  timeout: 30_000,
}, async () => {
  const lost: unknown[] = [];
  const note = (error: unknown) => void lost.push(error);
  process.on('unhandledRejection', note);
  fake.fail('apps.connections.open', 'error', 'invalid_auth');
  fake.dropSockets();
  await fake.listened();
  expect(await person.command('again')).toBe('you said again');
  expect(errors.length).toBeGreaterThanOrEqual(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('unhandledRejection', note);
  expect(lost).toEqual([]);
});

test('a Slack that is away at the start keeps nobody from starting', { timeout: 30_000 }, async () => {
  fake.fail('apps.connections.open', 'error', 'error');
  const later = createSlack({
    botToken: fake.botToken,
    mode: { type: 'socket', appToken: fake.appToken },
    apiUrl: fake.apiUrl,
    onError: () => undefined,
    handlers: { action: async () => null, submission: async () => null, command: async () => ({ text: 'later' }) },
  });
  await slack.stop();
  fake.dropSockets();
  await later.start();
  await fake.listened();
  expect(await person.command('x')).toBe('later');
  await later.stop();
});
