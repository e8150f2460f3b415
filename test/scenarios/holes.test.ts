/**
 * What others let pass, and we do not: second factors that were refused, bypassed, reused, lost in a restart or answered too late.
 * Rows of a real database, and a Duo that checks signatures.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { burstKey } from '../../server/src/cases/burst.ts';
import { type Cases, createCases } from '../../server/src/cases/cases.ts';
import { answerChallenge, type ChallengeOptions } from '../../server/src/cases/challenge/challenge.ts';
import { duoPrompt, duoPush } from '../../server/src/cases/challenge/duo.ts';
import type { Factors } from '../../server/src/cases/challenge/factor.ts';
import { createLinkSigner } from '../../server/src/cases/challenge/link.ts';
import { createProofs } from '../../server/src/cases/challenge/proofs.ts';
import { conductFindings } from '../../server/src/cases/conduct.ts';
import { unitOf } from '../../server/src/cases/sql-store.ts';
import { recordMatches } from '../../server/src/findings/store.ts';
import { systemRandom } from '../../server/src/ground/random.ts';
import { verifyJournal } from '../../server/src/ground/journal.ts';
import type { State } from '../../server/src/ground/state.ts';
import { createDuoAuthApi } from '../../server/src/vendors/duo/auth-api.ts';
import { type FakeDuo, startDuo } from '../fakes/duo.ts';
import { sampleConduct, samplePlanner } from '../sample-case.ts';
import { sampleActor, sampleFacts } from '../sample-finding.ts';
import { openTestPglite } from '../state.ts';

const ALICE = { id: 'alice', name: 'Alice', email: 'alice@example.com', language: 'en', duoUsername: 'alice' } as const;
const MINUTE = 60_000;
const RETURN = 'http://localhost:8420/api/duo/callback';

describe('what others let pass', () => {
  let state: State;
  let duo: FakeDuo;
  let cases: Cases;
  let nowMs = Date.now();
  let tests = 0;
  let known = true;

  beforeAll(async () => {
    [state, duo] = await Promise.all([openTestPglite(), startDuo()]);
    const planner = samplePlanner({ channels: ['console', 'pager'] });
    cases = createCases({ state, loadPlanner: async () => planner, followers: [], nowMs: () => nowMs });
  });
  afterAll(async () => {
    expect(await verifyJournal(state)).toMatchObject({ ok: true });
    await duo.close();
    await state.close();
  });

  /** As a server that has just started: nothing but what the rows say. */
  const server = (): ChallengeOptions => {
    const prompt = { host: duo.settings.host, ...duo.client, redirectUrl: RETURN, url: duo.url };
    const factors: Factors = {
      totp: { has: async () => false, verify: async () => false },
      passkey: null,
      push: duoPush(createDuoAuthApi(duo.settings, () => Date.now())),
      prompt: duoPrompt(() => prompt),
    };
    const proverOf = async () => (known ? ALICE : null);
    const proofs = createProofs({ cases, factors, random: systemRandom, proverOf });
    return { cases, factors, proofs, proverOf, links: createLinkSigner(new Uint8Array(32), systemRandom) };
  };
  const did = (name: string, id: string) =>
    state.transaction(async (trx) => {
      const facts = sampleFacts({ id, timeMs: nowMs, actor: sampleActor({ id: name, sessionKey: name }) });
      const match = {
        rule: 'Trail stopped',
        priority: 'Critical',
        tags: [],
        techniques: [],
        risk: 60,
        facts,
        output: '',
        outputFields: {},
      } as const;
      const options = { accounts: new Map(), isKnownPerson: () => null, burstKey, nowMs };
      const findings = await recordMatches(trx, [match], options);
      const unit = unitOf(trx, async () => samplePlanner({ channels: ['console', 'pager'] }));
      const given = { ...sampleConduct(ALICE), nowMs, receivedMs: nowMs };
      return conductFindings(unit, burstKey(findings[0]!), findings, given);
    });
  /** Alice did something new, and holds the link to the question about it. */
  const asked = async (options = server()) => {
    tests += 1;
    const name = `alice-${tests}`;
    const found = await did(name, `event-${tests}-1`);
    if (found?.state !== 'asked') throw new Error('not asked');
    const ticket = { caseId: found.id, personId: ALICE.id, expiresMs: found.deadlineMs };
    const token = await state.transaction((trx) => options.links.mint(trx, ticket, nowMs));
    return { ...found, name, token };
  };
  const yes = ({ token, digest }: { token: string; digest: string }, factor: 'duo-push' | 'duo-prompt' = 'duo-push') =>
    answerChallenge(server(), { token, digest, answer: 'yes', reason: 'planned', factor });
  const now = (id: string) => state.transaction((trx) => cases.unit(trx).loadCase(id));
  const proofOf = (id: string) => state.transaction((trx) => server().proofs.latest(trx, id));
  /** What the worker does until there is nothing left to do, or `steps` times. */
  const work = async (caseId: string, steps = 50) => {
    const { proofs } = server();
    const proof = await proofOf(caseId);
    for (let step = 0; proof !== null && step < steps; step += 1) if ((await proofs.prove(proof.id)) === null) return;
  };

  test('a yes whose push is refused confirms nothing, and covers no later change', async () => {
    const found = await asked();
    expect(await yes(found)).toMatchObject({ outcome: 'proving' });
    await work(found.id, 1);
    (await duo.nextPush()).deny();
    await work(found.id);
    expect(await now(found.id)).toMatchObject({ state: 'asked', answer: null, attemptsLeft: 4 });
    nowMs += 11 * MINUTE;
    await cases.conduct(found.id, { type: 'challenge-due', deadlineMs: found.deadlineMs });
    const later = await did(found.name, `event-${tests}-2`);
    expect(later?.state).toBe('paged');
  });

  test('a push covers exactly the changes that it showed', async () => {
    const found = await asked();
    await yes(found);
    await work(found.id, 1);
    const push = await duo.nextPush();
    await did(found.name, `event-${tests}-2`);
    push.approve();
    await work(found.id);
    expect(await now(found.id)).toMatchObject({ state: 'asked', answer: null });
    expect(await proofOf(found.id)).toMatchObject({ state: 'failed', why: 'changes-differ' });
    expect(await yes(found)).toMatchObject({ outcome: 'changes-differ' });
  });

  test.each([
    'allow',
    'deny',
    'enroll',
  ] as const)('whoever has no device, or is let in unasked (%s), has proven nothing', async (result) => {
    duo.setUser('alice', result);
    const found = await asked();
    await yes(found);
    await work(found.id);
    duo.setUser('alice', 'auth');
    expect(await now(found.id)).toMatchObject({ state: 'asked', answer: null });
    expect((await proofOf(found.id))?.state).toBe('failed');
  });

  test('a server that starts again follows the push that is out, and sends no other', async () => {
    const found = await asked();
    await yes(found);
    await work(found.id, 1);
    const before = duo.pushes.length;
    const push = await duo.nextPush();
    // Everything in memory is gone: `work` makes a new server each time.
    push.approve();
    await work(found.id);
    expect(duo.pushes).toHaveLength(before);
    expect(await now(found.id)).toMatchObject({
      state: 'confirmed',
      answer: { factor: 'duo-push', reason: 'planned' },
    });
  });

  test('two clicks are one push, and one approval answers one question', async () => {
    const [found, other] = [await asked(), await asked()];
    await Promise.all([yes(found), yes(found)]);
    const before = duo.pushes.length;
    await work(found.id, 1);
    (await duo.nextPush()).approve();
    await work(found.id);
    await work(found.id);
    expect(duo.pushes).toHaveLength(before + 1);
    expect((await now(found.id))?.state).toBe('confirmed');
    expect((await now(other.id))?.state).toBe('asked');
  });

  test('a push that nobody answers ends by itself, and the deadline comes all the same', async () => {
    const found = await asked();
    await yes(found);
    await work(found.id, 1);
    const push = await duo.nextPush();
    nowMs += 2 * MINUTE;
    await work(found.id, 1);
    expect(await proofOf(found.id)).toMatchObject({ state: 'failed', why: 'timed-out' });
    nowMs += 9 * MINUTE;
    await cases.conduct(found.id, { type: 'challenge-due', deadlineMs: found.deadlineMs });
    push.approve();
    await work(found.id);
    expect(await now(found.id)).toMatchObject({ state: 'paged', cause: 'expired', answer: null });
  });

  test('an approval after the deadline takes no page back', async () => {
    nowMs = Date.now();
    const found = await asked();
    nowMs = found.deadlineMs - 1_000;
    await yes(found);
    await work(found.id, 1);
    const push = await duo.nextPush();
    push.approve();
    nowMs = found.deadlineMs;
    await work(found.id);
    expect(await now(found.id)).toMatchObject({ state: 'paged', answer: null });
  });

  test('whoever was put out of service meanwhile proves nothing', async () => {
    const found = await asked();
    await yes(found);
    await work(found.id, 1);
    (await duo.nextPush()).approve();
    known = false;
    await work(found.id);
    known = true;
    expect(await now(found.id)).toMatchObject({ state: 'asked', answer: null });
  });

  test('a Duo that is busy, broken or answers 40002 is asked again within the time, and never believed', async () => {
    const found = await asked();
    await yes(found);
    duo.fail(429, 500, 0);
    await work(found.id, 4);
    const push = await duo.nextPush();
    const { push: factor } = server().factors;
    expect(await factor?.status('no such transaction')).toMatchObject({ type: 'waiting' });
    duo.fail(429, 500, 0);
    await work(found.id, 3);
    expect((await now(found.id))?.state).toBe('asked');
    push.approve();
    await work(found.id);
    expect((await now(found.id))?.state).toBe('confirmed');
  });

  describe("a page of the vendor's", () => {
    const visit = async (url: string) => {
      const { pathname, search } = new URL(url);
      const page = await fetch(`${duo.url}${pathname}${search}`, { redirect: 'manual' });
      const back = new URL(page.headers.get('location') ?? '');
      return { state: back.searchParams.get('state') ?? '', code: back.searchParams.get('duo_code') ?? '' };
    };
    const begun = async () => {
      const found = await asked();
      const outcome = await yes(found, 'duo-prompt');
      return { found, ...(await visit(outcome.url ?? '')) };
    };

    test('answers once, and its address opens nothing later', async () => {
      const { found, state: secret, code } = await begun();
      expect(await server().proofs.finishPrompt(secret, code)).toMatchObject({ caseId: found.id });
      expect((await now(found.id))?.state).toBe('confirmed');
      nowMs += 10 * MINUTE;
      expect(await server().proofs.finishPrompt(secret, code)).toBeNull();
    });

    test('that was begun anew, or for other changes, answers nothing', async () => {
      const { found, state: secret, code } = await begun();
      await yes(found, 'duo-prompt');
      await server().proofs.finishPrompt(secret, code);
      expect((await now(found.id))?.state).toBe('asked');
      expect(await server().proofs.finishPrompt('made up', 'made up')).toBeNull();
      const other = await begun();
      await did(other.found.name, `event-${tests}-2`);
      await server().proofs.finishPrompt(other.state, other.code);
      expect((await now(other.found.id))?.state).toBe('asked');
    });

    test.each([
      'bypass_user',
      'remembered_device',
      'trusted_network',
      'allow_unenrolled_user',
      'allowed_by_policy',
    ])('that let the person in for the reason %s has proven nothing', async (reason) => {
      duo.decide({ result: 'allow', factor: 'duo_push', reason });
      const { found, state: secret, code } = await begun();
      await server().proofs.finishPrompt(secret, code);
      duo.decide({ result: 'allow', factor: 'duo_push' });
      expect((await now(found.id))?.state).toBe('asked');
      expect(await proofOf(found.id)).toMatchObject({ state: 'failed', why: 'bypassed' });
    });
  });

  test('nothing unexpected reached the vendor', () => {
    // The transaction that was made up, and nothing else.
    expect(duo.refused).toEqual(['Invalid request parameters: txid']);
  });
});
