/** Reverts in the running server, against AWS as moto has it: a trail is stopped, the case pages, the trail runs again; and our own echo. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloudtrailSource } from '../../server/src/sources/cloudtrail/cloudtrail.ts';
import { acceptBatch } from '../../server/src/sources/inbox.ts';
import { type Caller, createCaller } from '../../server/src/vendors/aws/calls.ts';
import type { Browser } from 'playwright-core';
import { describeInBrowser, openBrowser, openPageAs } from '../browser.ts';
import { describeWith } from '../data.ts';
import { type Moto, MOTO_PRESENT, startMoto } from '../fakes/moto.ts';
import { look } from '../look.ts';
import { type FakeSlack, type SlackPerson, type SlackPost, startSlack } from '../fakes/slack.ts';
import { type EnrolledPerson, type RunningApp, startRunningApp } from '../running-app.ts';

const ACCOUNT = '123456789012';

describeWith({ name: 'moto (PyPI)', present: MOTO_PRESENT })('reverts in the running server', () => {
  let moto: Moto;
  let running: RunningApp;
  let aws: Caller;
  let ann: EnrolledPerson;
  let ben: EnrolledPerson;
  let cara: EnrolledPerson;
  let slack: FakeSlack;
  let inSlack: Record<'ann' | 'ben' | 'cara', SlackPerson>;
  let events = 0;

  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] ??= 'sample';
    process.env['AWS_SECRET_ACCESS_KEY'] ??= 'sample';
    moto = await startMoto();
    aws = createCaller({
      region: 'us-east-1',
      roleArn: null,
      externalId: null,
      sessionName: 't',
      endpoint: moto.endpoint,
    });
    slack = await startSlack();
    running = await startRunningApp(
      `
accounts: { "${ACCOUNT}": { name: shop-prod, label: prod } }
people:
  - { email: ann@example.com, name: Ann Example, role: admin }
  - { email: cara@example.com, name: Cara Example, role: responder }
  - { email: ben@example.com, name: Ben Example, role: responder, identities: { aws_users: [ben] } }
reverts: { mode: auto, role: countersign-revert, endpoint: '${moto.endpoint}' }
slack: { bot_token: { env: SLACK_BOT }, signing_secret: { env: SLACK_SECRET }, security_channel: CSECURITY, url: '${slack.apiUrl}' }
policy: [{ when: {}, then: [page, revert] }]
`,
      { SLACK_BOT: slack.botToken, SLACK_SECRET: slack.signingSecret },
    );
    slack.sendTo(`${running.app.url}/api/slack`);
    inSlack = {
      ann: slack.addPerson('UANN', 'ann@example.com'),
      ben: slack.addPerson('UBEN', 'ben@example.com'),
      cara: slack.addPerson('UCARA', 'cara@example.com'),
    };
    ann = await running.enrol('ann@example.com');
    ben = await running.enrol('ben@example.com');
    cara = await running.enrol('cara@example.com', 'ja');
    await aws.call({ service: 's3', operation: 'CreateBucket', input: { Bucket: 'trail-store' } });
    await aws.call({
      service: 'cloudtrail',
      operation: 'CreateTrail',
      input: { Name: 'org', S3BucketName: 'trail-store' },
    });
    await aws.call({ service: 'cloudtrail', operation: 'StartLogging', input: { Name: 'org' } });
  }, 180_000);
  afterAll(async () => {
    await running?.close();
    await slack?.close();
    moto?.close();
  });

  const happens = async (service: string, eventName: string, request: object, identity: object) => {
    events += 1;
    const record = {
      eventVersion: '1.10',
      eventID: `10000000-0000-4000-8000-${String(events).padStart(12, '0')}`,
      eventName,
      eventSource: `${service}.amazonaws.com`,
      eventTime: `${new Date().toISOString().slice(0, 19)}Z`,
      awsRegion: 'us-east-1',
      recipientAccountId: ACCOUNT,
      sourceIPAddress: '203.0.113.7',
      readOnly: false,
      requestParameters: request,
      userIdentity: identity,
    };
    const admission = cloudtrailSource.admit(record);
    if (admission.type !== 'record') throw new Error(admission.reason);
    const records = [{ id: admission.id, timeMs: admission.timeMs, json: JSON.stringify(record) }];
    await acceptBatch(running.app.state, { source: 'aws_cloudtrail', origin: 'test', records }, Date.now());
  };
  const thief = { type: 'IAMUser', userName: 'thief', accountId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/thief` };
  const session = (role: string, name: string) => ({
    type: 'AssumedRole',
    accountId: ACCOUNT,
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${name}`,
    sessionContext: { sessionIssuer: { type: 'Role', userName: role, arn: `arn:aws:iam::${ACCOUNT}:role/${role}` } },
  });
  const isLogging = async () =>
    (await aws.call({ service: 'cloudtrail', operation: 'GetTrailStatus', input: { Name: 'org' } }))['IsLogging'];
  const revertOf = async (caseId: string, state: string) => {
    for (let tries = 0; ; tries += 1) {
      const { body } = await running.call(ann, 'GET', `/api/cases/${caseId}/reverts`);
      const [found] = body['reverts'] as { id: string; state: string; digest: string; lines: unknown[] }[];
      if (found?.state === state) return found;
      if (tries > 200) throw new Error(`no revert is ${state}: ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const shows = (post: { readonly blocks: readonly unknown[] }) => JSON.stringify(post.blocks);
  /** The message as it is redrawn: a post is what stood there once. */
  const follows = async (post: SlackPost, text: string) => {
    for (let tries = 0; ; tries += 1) {
      const now = slack.channel(post.channel).find(({ ts }) => ts === post.ts) ?? post;
      if (shows(now).includes(text)) return now;
      if (tries > 600) throw new Error(`the message does not show ${text}: ${shows(now)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const opened = async (who: SlackPerson) => {
    for (let tries = 0; who.view()?.view['callback_id'] !== 'revert_decide'; tries += 1) {
      if (tries > 200) throw new Error('no form was opened');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return who.view()?.view;
  };
  let stopped = '';

  test('a trail that a thief stops runs again, and the case tells it', async () => {
    await aws.call({ service: 'cloudtrail', operation: 'StopLogging', input: { Name: 'org' } });
    await happens('cloudtrail', 'StopLogging', { name: 'org' }, thief);
    const found = await running.until('paged', ({ state }) => state === 'paged');
    stopped = found.id;
    const revert = await revertOf(found.id, 'reverted');
    expect(revert.lines).toEqual([{ field: 'logging', before: true, after: false, reverted: true }]);
    expect(await isLogging()).toBe(true);
    expect(await running.entries(found.id)).toEqual(
      expect.arrayContaining(['revert-planned', 'revert-started', 'reverted']),
    );
    const { body } = await running.call(ann, 'GET', `/api/cases/${found.id}`);
    expect(JSON.stringify(body['timeline'])).toContain('logging: true → false → true');
  });

  test('the echo of our own call leads to nothing; a session that is named like ours does', async () => {
    const before = (await running.cases()).length;
    await happens('cloudtrail', 'StartLogging', { name: 'org' }, session('countersign-revert', 'countersign-revert'));
    await happens('cloudtrail', 'StopLogging', { name: 'org' }, session('thief-role', 'countersign-revert'));
    await running.until('a case of the thief', ({ id, state }) => id !== stopped && state === 'paged');
    expect((await running.cases()).length).toBe(before + 1);
  });

  test('what the catalogue wants a second person for waits for one, who is not the first', {
    timeout: 240_000,
  }, async () => {
    const iam = (operation: string, input: object) => aws.call({ service: 'iam', operation, input: { ...input } });
    await iam('CreateUser', { UserName: 'newcomer' });
    await iam('CreateGroup', { GroupName: 'admins' });
    await iam('AddUserToGroup', { UserName: 'newcomer', GroupName: 'admins' });
    const actor = { type: 'IAMUser', userName: 'ben', accountId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/ben` };
    await happens('iam', 'AddUserToGroup', { userName: 'newcomer', groupName: 'admins' }, actor);
    const found = await running.until('paged', ({ state, rule }) => state === 'paged' && /group/i.test(rule));
    const { id, digest } = await revertOf(found.id, 'planned');
    const members = async () => ((await iam('GetGroup', { GroupName: 'admins' }))['Users'] as unknown[]).length;
    expect(await members()).toBe(1);
    const approve = (person: EnrolledPerson, body: object) =>
      running.call(person, 'POST', `/api/reverts/${id}/approve`, body);
    expect((await approve(ann, { digest, code: '000000' })).status).toBe(403);
    // Ben made the change himself.
    expect(await approve(ben, { digest, code: '000000' })).toMatchObject({
      status: 403,
      body: { code: 'second-person' },
    });
    expect((await approve(ann, { digest: 'another', code: '000000' })).status).toBe(409);
    const done = await approve(ann, { digest, code: await ann.code() });
    expect(done).toMatchObject({ status: 200, body: { state: 'reverted' } });
    expect(await members()).toBe(0);
    expect((await running.call(null, 'POST', `/api/reverts/${id}/undo`, { digest, code: '1' })).status).toBe(401);
    // Who made it cannot undo its revert either, and nobody with a code of nowhere.
    const undo = { digest, code: '000000' };
    expect(await running.call(ben, 'POST', `/api/reverts/${id}/undo`, undo)).toMatchObject({
      body: { code: 'second-person' },
    });
    expect(await running.call(cara, 'POST', `/api/reverts/${id}/undo`, undo)).toMatchObject({
      body: { code: 'wrong-code' },
    });

    // The message in the channel follows, and another responder undoes it from there.
    const thread = await slack.expect('CSECURITY', (one) => shows(one).includes(found.id) && one.threadTs === null);
    await follows(thread, 'Undo…');
    expect(shows(await follows(thread, 'Put back, and read back'))).toContain('admins');
    const putBack = await follows(thread, 'Undo…');
    await inSlack.ben.click(putBack, 'revert_decide_0');
    await slack.expect('CSECURITY', ({ onlyFor, text }) => onlyFor === 'UBEN' && text.includes('cannot decide'));
    await inSlack.cara.click(putBack, 'revert_decide_0');
    await opened(inSlack.cara);
    expect(await inSlack.cara.submit({ code: '000000' })).toMatchObject({ response_action: 'errors' });
    expect(await inSlack.cara.submit({ code: await cara.code() })).toMatchObject({ response_action: 'update' });
    await revertOf(found.id, 'undone');
    expect(await members()).toBe(1);
    await follows(thread, 'Undone');
    expect(slack.refused).toEqual([]);
  });

  test('a plan is approved in Slack, exactly as it was shown there', { timeout: 240_000 }, async () => {
    const iam = (operation: string, input: object) => aws.call({ service: 'iam', operation, input: { ...input } });
    await iam('CreateUser', { UserName: 'climber' });
    await iam('AddUserToGroup', { UserName: 'climber', GroupName: 'admins' });
    const actor = { type: 'IAMUser', userName: 'zoe', accountId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/zoe` };
    await happens('iam', 'AddUserToGroup', { userName: 'climber', groupName: 'admins' }, actor);
    const known = new Set((await running.cases()).map(({ id }) => id));
    const found = await running.until('a case', (one) => /group/i.test(one.rule) && !known.has(one.id));
    await revertOf(found.id, 'planned');
    const thread = await slack.expect('CSECURITY', (one) => shows(one).includes(found.id) && one.threadTs === null);
    await inSlack.cara.click(await follows(thread, 'Put back…'), 'revert_decide_0');
    const view = JSON.stringify(await opened(inSlack.cara));
    expect(view).toContain('RemoveUserFromGroup');
    expect(view).toContain('元に戻しますか？');
    expect(await inSlack.cara.submit({ code: await cara.code() })).toMatchObject({ response_action: 'update' });
    const done = await revertOf(found.id, 'reverted');
    expect(done.lines.length).toBeGreaterThan(0);
    expect(slack.refused).toEqual([]);
  });

  test('who has our role and not our journal pages by that alone', { timeout: 60_000 }, async () => {
    await happens('iam', 'CreateUser', { userName: 'backdoor' }, session('countersign-revert', 'countersign-revert'));
    const found = await running.until('paged', ({ rule }) => rule === 'Revert role in other hands');
    expect(found).toMatchObject({ state: 'paged' });
    // What was done with it is put back by nobody alone.
    const other = await running.until(
      'a case of what was done',
      ({ id, rule }) => id !== found.id && /user/i.test(rule) && !/group/i.test(rule),
    );
    const { body } = await running.call(ann, 'GET', `/api/cases/${other.id}/reverts`);
    for (const revert of body['reverts'] as { mode: string }[]) expect(revert.mode).not.toBe('auto');
  });

  describeInBrowser('on the page of the case', () => {
    let browser: Browser;
    afterAll(() => browser?.close());

    test('before, after and what was put back stand there, wide and narrow, in two languages', {
      timeout: 120_000,
    }, async () => {
      browser = await openBrowser();
      const waiting = (await running.cases()).find(({ rule }) => /user/i.test(rule) && !/group/i.test(rule));
      for (const [person, locale, restored] of [
        [ann, 'en-GB', 'Put back, and read back'],
        [cara, 'ja-JP', '元に戻し、確認済み'],
      ] as const) {
        const complaints: string[] = [];
        const page = await openPageAs({ browser, running, person, complaints }, { locale });
        await page.goto(`${running.app.url}/cases/${stopped}`);
        await page.getByText(restored, { exact: true }).first().waitFor();
        await page.getByText('logging', { exact: true }).first().waitFor();
        await look(page, `case-reverted-${locale}`);
        await page.setViewportSize({ width: 390, height: 844 });
        await look(page, `case-reverted-narrow-${locale}`);
        await page.goto(`${running.app.url}/cases/${waiting?.id ?? ''}`);
        await page.locator('.badge').first().waitFor();
        await page.waitForTimeout(1_000);
        await look(page, `case-waiting-narrow-${locale}`);
        await page.context().close();
        expect(complaints).toEqual([]);
      }
    });
  });
});
