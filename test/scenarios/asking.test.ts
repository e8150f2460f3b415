/**
 * Asking over Socket Mode, without a vendor for the second factor: who is asked and how, what chat may not do, and what comes late,
 * twice or from strangers.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeSlack, type SlackPerson, type SlackPost, startSlack } from '../fakes/slack.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ROLE = 'arn:aws:iam::111122223333:role/ci-deploy';
const SECURITY = 'CSECURITY';
const PLACES: Readonly<Record<string, string>> = { alice: 'DUALICE', ann: 'DUANN', bob: 'DUBOB' };

describe('asking, over a socket', () => {
  let slack: FakeSlack;
  let running: RunningApp;
  let alice: SlackPerson;
  let ann: SlackPerson;
  let bob: SlackPerson;
  let stranger: SlackPerson;
  const enrolled: Record<string, EnrolledPerson> = {};

  beforeAll(async () => {
    slack = await startSlack();
    alice = slack.addPerson('UALICE', 'alice@example.com');
    ann = slack.addPerson('UANN', 'ann@example.com');
    bob = slack.addPerson('UBOB', 'bob@example.com');
    stranger = slack.addPerson('USTRANGER', 'carl@example.com', 'T9');
    running = await startRunningApp(
      `
accounts: { "111122223333": { name: shop-prod, label: prod, owner: security } }
people:
  - { email: alice@example.com, name: Alice Example, identities: { aws_users: [alice] } }
  - { email: ann@example.com, name: Ann Example }
  - { email: bob@example.com, name: Bob Example, language: ja, identities: { aws_users: [bob] } }
  - { email: carl@example.com, name: Carl Example, role: admin }
teams: { security: [ann@example.com], shop: [bob@example.com] }
schedules:
  developers: { time_zone: Europe/Berlin, layers: [{ people: [alice@example.com], start: '2026-01-05 09:00', rotate: weekly }] }
escalations:
  default: { steps: [{ to: ['schedule:developers'], wait: 5m }] }
  quiet: { steps: [{ to: [ann@example.com], wait: 5m }] }
slack: { bot_token: { env: SLACK_BOT }, app_token: { env: SLACK_APP }, security_channel: ${SECURITY}, url: '${slack.apiUrl}' }
policy:
  - { when: { action: DeleteTrail }, then: page }
  - { when: { action: DeleteFlowLogs }, then: challenge, within: 3s }
  - { when: { risk: ">= 20", actor: person }, then: challenge, within: 10m }
  - { when: { risk: ">= 20" }, then: challenge, ask: owner, within: 10m }
  - { when: {}, then: record }
`,
      { SLACK_BOT: slack.botToken, SLACK_APP: slack.appToken },
    );
    for (const [name, language] of [
      ['alice', 'en'],
      ['ann', 'en'],
      ['bob', 'ja'],
      ['carl', 'en'],
    ] as const)
      enrolled[name] = await running.enrol(`${name}@example.com`, language);
    await slack.listened();
  }, 120_000);

  afterAll(async () => {
    await running?.close();
    await slack?.close();
  });

  const shows = ({ blocks }: SlackPost) => JSON.stringify(blocks);
  const caseOf = async (id: string) => (await running.cases()).find((one) => one.id === id);
  const policy = (bucket: string) => ({ call: 'PutBucketPolicy', service: 's3', request: { bucketName: bucket } });
  /** Waits for the case of this person and their message about it. */
  const askedOf = async (name: string, text: string, words = '') => {
    const question = await slack.expect(
      PLACES[name] ?? '',
      (post) => post.text.startsWith(text) && shows(post).includes(words),
    );
    const { caseId } = JSON.parse(buttonValue(question)) as { caseId: string };
    return { question, caseId };
  };
  const buttonValue = ({ blocks }: SlackPost) => {
    const actions = blocks.find(({ type }) => type === 'actions') as { elements: { value: string }[] } | undefined;
    return actions?.elements[0]?.value ?? '{}';
  };
  const drawn = (name: string, { ts }: SlackPost, words: string) =>
    slack.expect(PLACES[name] ?? '', (post) => post.ts === ts && shows(post).includes(words));

  test('yes wants a reason, then the second factor on the page; the message follows', async () => {
    await running.happens({ ...policy('socket-yes'), user: 'alice' });
    const { question, caseId } = await askedOf('alice', 'Was this you?', 'socket-yes');
    for (const part of ['PutBucketPolicy', 'shop-prod (prod)', 'eu-west-1', '203.0.113.7', 'user/alice', 'Answer by'])
      expect(shows(question)).toContain(part);
    await alice.click(question, 'challenge_yes');
    for (let tries = 0; tries < 100 && alice.view() === undefined; tries += 1) await sleep();
    expect(await alice.submit({ reason: '  ' })).toMatchObject({ response_action: 'errors' });
    const told = JSON.stringify(await alice.submit({ reason: 'a planned change' }));
    const [, token = '', typed = ''] = /challenge#([^~"\\]+)~([\w-]+)/.exec(told) ?? [];
    expect(Buffer.from(typed, 'base64url').toString()).toBe('a planned change');
    const { body } = await running.call(null, 'POST', '/api/challenges/view', { token });
    expect(body).toMatchObject({ state: 'waiting', asOwner: false, factors: ['totp'] });
    const yes = { token, answer: 'yes', digest: body['digest'], factor: 'totp' };
    const blank = await running.call(null, 'POST', '/api/challenges/answer', { ...yes, reason: ' ', code: '000000' });
    expect(blank).toMatchObject({ status: 400, body: { code: 'invalid-input' } });
    const code = (await enrolled['alice']?.code()) ?? '';
    const answer = { ...yes, reason: 'a planned change', code };
    expect((await running.call(null, 'POST', '/api/challenges/answer', answer)).body).toMatchObject({
      outcome: 'confirmed',
    });
    expect((await drawn('alice', question, 'Confirmed. Thank you.')).text).toContain('PutBucketPolicy');
    expect((await caseOf(caseId))?.state).toBe('confirmed');
    // The same code, and the same answer, once more.
    expect((await running.call(null, 'POST', '/api/challenges/answer', answer)).body).toMatchObject({
      outcome: 'already-answered',
    });
  });

  test('nobody confirms for another, an admin neither, and no word in chat stops the questions', async () => {
    expect(await alice.command('stop')).toContain('/countersign who');
    await running.happens({ ...policy('socket-other'), user: 'alice' });
    const { question, caseId } = await askedOf('alice', 'Was this you?', 'socket-other');
    const admin = enrolled['carl'] ?? null;
    const link = await running.call(admin, 'POST', `/api/cases/${caseId}/challenge-link`, {});
    expect(link).toMatchObject({ status: 403, body: { code: 'not-asked' } });
    const digest = (await caseOf(caseId))?.digest ?? '';
    const code = (await admin?.code()) ?? '';
    const forged = { token: `${'a'.repeat(40)}.${'b'.repeat(43)}`, answer: 'yes', reason: 'for her', digest, code };
    expect((await running.call(admin, 'POST', '/api/challenges/answer', forged)).status).toBe(404);
    for (const button of ['challenge_yes', 'challenge_no']) await ann.click(question, button);
    expect(ann.view()).toBeUndefined();
    expect(await caseOf(caseId)).toMatchObject({ state: 'asked', answer: null });
    await alice.click(question, 'challenge_no');
    await running.until('paged', ({ id, state }) => id === caseId && state === 'paged');
    await running.call(admin, 'POST', `/api/cases/${caseId}/resolve`, {});
  });

  test('a role of many is asked about at whoever answers for the account, as what they are', async () => {
    const session = 'build-4711';
    await running.happens({
      ...policy('socket-owner'),
      user: 'ci-deploy',
      identity: {
        type: 'AssumedRole',
        arn: `arn:aws:sts::111122223333:assumed-role/ci-deploy/${session}`,
        accountId: '111122223333',
        sessionContext: { sessionIssuer: { type: 'Role', arn: ROLE, userName: 'ci-deploy' } },
      },
    });
    const { question, caseId } = await askedOf('ann', 'Do you know of this?', 'socket-owner');
    expect(shows(question)).toContain(`${ROLE}/${session}`);
    expect(shows(question)).toContain('You are asked because you answer for shop-prod.');
    expect(shows(question)).toContain('No, I do not know of it');
    await ann.click(question, 'challenge_no');
    await drawn('ann', question, 'Not known to you: security has been paged');
    expect(await caseOf(caseId)).toMatchObject({ state: 'paged', cause: 'denied', asOwner: true });
  });

  test('everything is said in the language of the person asked', async () => {
    await running.happens({ ...policy('socket-ja'), user: 'bob' });
    const { question } = await askedOf('bob', 'この操作はご本人ですか？', 'socket-ja');
    for (const part of ['操作者', 'アカウント', '回答期限', 'はい、私です']) expect(shows(question)).toContain(part);
    await bob.click(question, 'challenge_show');
    await slack.expect('DUBOB', ({ text, onlyFor }) => text === '変更内容' && onlyFor === 'UBOB');
    expect(await bob.command('')).toContain('PutBucketPolicy');
    await bob.click(question, 'challenge_no');
    await drawn('bob', question, 'ご本人ではないため、セキュリティ担当者を呼び出しました');
  });

  test('chat ends no page about what its owner did: a hijacked account would answer for itself', async () => {
    await running.happens({ call: 'DeleteTrail', user: 'alice', request: { name: 'trail-of-alice' } });
    const page = await slack.expect(
      'DUALICE',
      (post) => shows(post).includes('case_acknowledge') && shows(post).includes('DeleteTrail'),
    );
    const caseId = buttonValue(page);
    for (const button of ['case_acknowledge', 'case_escalate', 'case_resolve', 'case_more'])
      await alice.click(page, button);
    await slack.expect('DUALICE', ({ text, onlyFor }) => onlyFor === 'UALICE' && text.includes(`/cases/${caseId}`));
    expect((await caseOf(caseId))?.state).toBe('paged');
    expect(await running.entries(caseId)).not.toContain('page-acknowledged');
    const console = await running.call(enrolled['alice'] ?? null, 'POST', `/api/cases/${caseId}/acknowledge`, {});
    expect(console.status).toBe(200);
    expect((await caseOf(caseId))?.state).toBe('acknowledged');
    await running.call(enrolled['alice'] ?? null, 'POST', `/api/cases/${caseId}/resolve`, {});
  });

  test('somebody of another company in a shared channel is nobody here, whatever address they were given there', async () => {
    await running.happens({ call: 'DeleteTrail', user: 'somebody', request: { name: 'trail-of-somebody' } });
    const found = await running.until(
      'paged',
      ({ state, headlineId, person }) => state === 'paged' && headlineId !== '' && person === null,
    );
    const page = await slack.expect('DUALICE', (post) => buttonValue(post) === found.id);
    await stranger.click(page, 'case_acknowledge');
    expect(await stranger.command('who')).toContain('does not know you');
    expect((await caseOf(found.id))?.state).toBe('paged');
    await alice.click(page, 'case_resolve');
    await running.until('resolved', ({ id, state }) => id === found.id && state === 'resolved');
  });

  test('what comes late, again, or from somebody else is told once and changes nothing', {
    timeout: 60_000,
  }, async () => {
    await running.happens({ call: 'DeleteFlowLogs', service: 'ec2', user: 'alice', request: { name: 'late' } });
    const { question, caseId } = await askedOf('alice', 'Was this you?', 'DeleteFlowLogs');
    await ann.click(question, 'challenge_no', { times: 3 });
    await running.until('expired', ({ id, state }) => id === caseId && state === 'paged');
    await alice.click(question, 'challenge_no', { times: 3 });
    await alice.click(question, 'challenge_yes');
    for (let tries = 0; tries < 100 && !(await running.entries(caseId)).includes('answered-late'); tries += 1)
      await sleep();
    const entries = await running.entries(caseId);
    expect(entries.filter((kind) => kind === 'answer-refused')).toHaveLength(1);
    expect(entries.filter((kind) => kind === 'answered-late')).toHaveLength(1);
    expect(await caseOf(caseId)).toMatchObject({ state: 'paged', cause: 'expired', answer: null });
    await drawn('alice', question, 'No answer in time: security has been paged');
    await running.call(enrolled['ann'] ?? null, 'POST', `/api/cases/${caseId}/resolve`, {});
  });

  test('/countersign leads to my questions, and pages exactly somebody', { timeout: 60_000 }, async () => {
    await running.happens({ ...policy('socket-command'), user: 'alice' });
    await askedOf('alice', 'Was this you?', 'socket-command');
    const [, token = ''] = /challenge#(\S+)/.exec(await alice.command('mine')) ?? [];
    expect((await running.call(null, 'POST', '/api/challenges/view', { token })).body).toMatchObject({
      state: 'waiting',
    });
    const paged = async (command: string, answer: string) => {
      const words = `call ${command}`;
      expect(await alice.command(`page ${command} ${words}`)).toContain(answer);
      for (let tries = 0; tries < 200; tries += 1) {
        const found = (await running.cases()).find(
          ({ rule, state }) => rule === 'Paged by a person' && state === 'paged',
        );
        if (found !== undefined && found.state === 'paged') {
          await running.call(enrolled['ann'] ?? null, 'POST', `/api/cases/${found.id}/resolve`, {});
          return { assigned: found.assigned.map(({ name }) => name), escalation: found.escalation };
        }
        await sleep();
      }
      throw new Error(`nobody was paged by: ${command}`);
    };
    expect(await paged('@ann@example.com', 'Ann Example is being paged')).toMatchObject({ assigned: ['Ann Example'] });
    expect(await paged('<@UBOB|bob>', 'Bob Example')).toMatchObject({ assigned: ['Bob Example'] });
    expect(await paged('@shop', 'shop')).toMatchObject({ assigned: ['Bob Example'] });
    expect(await paged('@developers', 'developers')).toMatchObject({ assigned: ['Alice Example'] });
    expect(await paged('@quiet', 'quiet')).toEqual({ assigned: [], escalation: 'quiet' });
    expect(await paged('everybody', 'Whoever is on call')).toMatchObject({ assigned: [] });
    expect(await alice.command('page @nobody help')).toContain('Nobody is called @nobody here');
  });

  test('nothing went wrong inside', () => {
    expect(running.log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(slack.refused).toEqual([]);
  });
});

function sleep(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
