/** Duo as a factor, against a Duo that checks signatures: every ending, and that a bypass proves nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FakeDuo, startDuo } from '../../../../test/fakes/duo.ts';
import { MONDAY_MS, sampleFacts, sampleFinding } from '../../../../test/sample-finding.ts';
import { canonicalQuery, createDuoAuthApi, signDuo } from '../../vendors/duo/auth-api.ts';
import { duoPrompt, duoPush, pushInfo } from './duo.ts';

const ANN = { id: 'ann', name: 'Ann', email: 'ann@example.com', language: 'en', duoUsername: 'ann' } as const;
const SHOWN = { headline: sampleFinding(), changes: 2, deadlineMs: MONDAY_MS + 600_000 };

describe('signatures', () => {
  const settings = {
    host: 'api-sample.duosecurity.com',
    integrationKey: 'DIXXXXXXXXXXXXXXXXXX',
    secretKey: 's'.repeat(40),
  };
  const date = 'Mon, 02 Mar 2026 10:00:00 -0000';
  const signatureOf = (header: string) => Buffer.from(header.slice(6), 'base64').toString('utf8').split(':')[1];

  // Both made with Duo's own Python client.
  test('of a body are what Duo expects', () => {
    const body = '{"async":"1","device":"auto","factor":"push","username":"ann@example.com"}';
    const header = signDuo(settings, { method: 'POST', path: '/auth/v2/auth', query: '', body, date });
    expect(signatureOf(header)).toBe(
      '6eb180a1f99d1d970d522299da4a5d034fa760ee4f7565beea587e078fe30b91daa37439d613e162e3284cc4bff379a0ac485985046a3889045db868ca4eb4f8',
    );
  });

  test('of a query are, whatever stands in it', () => {
    const query = canonicalQuery({ txid: "a b!'()*~ü&=" });
    const header = signDuo(settings, { method: 'GET', path: '/auth/v2/auth_status', query, body: '', date });
    expect(signatureOf(header)).toBe(
      '4d427971e16a6b53708ee83b7a99f871fccc783136a0e1793259a64fd15583f86feecb90447d44f7d03fb3831986ebf4e61c15874f466a1c6867b3bba25e5d3f',
    );
  });
});

describe('a push', () => {
  let duo: FakeDuo;
  beforeAll(async () => {
    duo = await startDuo();
  });
  afterAll(() => duo.close());
  beforeEach(() => duo.setUser('ann', 'auth'));
  const factor = () => duoPush(createDuoAuthApi(duo.settings, () => Date.now()));

  test('shows the change on the phone', async () => {
    const begun = await factor().begin(ANN, SHOWN);
    expect(begun.type).toBe('waiting');
    expect((await duo.nextPush()).shown).toEqual({
      Call: 'StopLogging',
      By: 'alice',
      Account: 'shop',
      Region: 'eu-west-1',
      From: '192.0.2.10',
      At: '2026-03-02T10:00:00Z',
      'More changes': '1',
      'Answer by': '10:10:00Z',
    });
    (await duo.nextPush()).approve();
  });

  test.each([
    ['approve', { type: 'proven' }],
    ['deny', { type: 'no-proof', why: 'refused' }],
    ['fraud', { type: 'fraud' }],
    ['timeout', { type: 'no-proof', why: 'timed-out' }],
    ['lockedOut', { type: 'no-proof', why: 'locked-out' }],
  ] as const)('%s', async (ending, expected) => {
    const begun = await factor().begin(ANN, SHOWN);
    (await duo.nextPush())[ending]();
    expect(await factor().status(begun.type === 'waiting' ? begun.transactionId : '')).toEqual(expected);
  });

  test.each([
    ['allow', { type: 'no-proof', why: 'bypassed' }],
    ['deny', { type: 'no-proof', why: 'unavailable' }],
    ['enroll', { type: 'no-proof', why: 'unavailable' }],
  ] as const)('a user whom Duo would %s before asking has proven nothing', async (result, expected) => {
    duo.setUser('ann', result);
    expect(await factor().begin(ANN, SHOWN)).toEqual(expected);
  });

  test('a user without a phone that takes pushes cannot be asked this way', async () => {
    duo.setUser('ann', 'auth', ['sms']);
    expect(await factor().begin(ANN, SHOWN)).toEqual({ type: 'no-proof', why: 'unavailable' });
  });

  test('a Duo that is busy, broken or cut off is asked again later, each time later when it is busy', async () => {
    const one = factor();
    duo.fail(429, 429, 500, 0);
    expect(await one.begin(ANN, SHOWN)).toEqual({ type: 'later', afterMs: 1_000 });
    expect(await one.begin(ANN, SHOWN)).toEqual({ type: 'later', afterMs: 2_000 });
    expect(await one.begin(ANN, SHOWN)).toMatchObject({ type: 'later' });
    expect(await one.begin(ANN, SHOWN)).toMatchObject({ type: 'later' });
    duo.fail(500);
    expect(await one.status('tx')).toMatchObject({ type: 'waiting' });
  });

  test('wrong keys are no proof', async () => {
    const wrong = duoPush(createDuoAuthApi({ ...duo.settings, secretKey: 'x'.repeat(40) }, () => Date.now()));
    expect(await wrong.begin(ANN, SHOWN)).toEqual({ type: 'no-proof', why: 'unavailable' });
    expect(duo.refused.at(-1)).toContain('Invalid signature');
  });

  test('nothing on the phone is endless', () => {
    const facts = sampleFacts({ action: 'a'.repeat(5_000), resources: [{ type: 'x', id: 'r'.repeat(5_000) }] });
    const text = pushInfo({ ...SHOWN, headline: sampleFinding({ facts }) })
      .flat()
      .join('');
    expect(text.length).toBeLessThan(700);
  });
});

describe('the prompt', () => {
  let duo: FakeDuo;
  beforeAll(async () => {
    duo = await startDuo();
  });
  afterAll(() => duo.close());

  const redirectUrl = 'http://localhost:8420/api/duo/callback';
  const factor = () => duoPrompt(() => ({ host: duo.settings.host, ...duo.client, redirectUrl, url: duo.url }));
  const visit = async () => {
    const begun = await factor().begin(ANN, 's'.repeat(43));
    if (begun.type !== 'redirect') throw new Error('the prompt does not open');
    const { pathname, search } = new URL(begun.url);
    const page = await fetch(`${duo.url}${pathname}${search}`, { redirect: 'manual' });
    const back = new URL(page.headers.get('location') ?? '');
    expect(back.searchParams.get('state')).toBe('s'.repeat(43));
    return back.searchParams.get('duo_code') ?? '';
  };

  test.each([
    [{ result: 'allow', factor: 'duo_push' }, { type: 'proven' }],
    [{ result: 'allow', factor: 'webauthn_platform' }, { type: 'proven' }],
    [
      { result: 'allow', factor: 'bypass_user' },
      { type: 'no-proof', why: 'bypassed' },
    ],
    [
      { result: 'allow', factor: 'remembered_device' },
      { type: 'no-proof', why: 'bypassed' },
    ],
    [
      { result: 'allow', factor: 'not_available' },
      { type: 'no-proof', why: 'bypassed' },
    ],
    [
      { result: 'deny', factor: 'duo_push' },
      { type: 'no-proof', why: 'refused' },
    ],
    [{ result: 'deny', factor: 'duo_push', status: 'fraud' }, { type: 'fraud' }],
    [
      { result: 'allow', factor: 'duo_push', username: 'mallory' },
      { type: 'no-proof', why: 'refused' },
    ],
  ] as const)('%o ends as %o', async (decision, expected) => {
    duo.decide(decision);
    expect(await factor().finish(ANN, await visit())).toEqual(expected);
  });

  test('a code counts once, and one that is not of Duo counts never', async () => {
    duo.decide({ result: 'allow', factor: 'duo_push' });
    const code = await visit();
    expect(await factor().finish(ANN, code)).toEqual({ type: 'proven' });
    expect(await factor().finish(ANN, code)).toMatchObject({ type: 'no-proof' });
    expect(await factor().finish(ANN, 'made up')).toMatchObject({ type: 'no-proof' });
  });
});
