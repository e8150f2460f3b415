/** The state machine by tables: every state against every input, and the arrows that matter in words. */
import { describe, expect, test } from 'vitest';
import {
  ACKNOWLEDGEMENT_MS,
  type Case,
  type CaseInput,
  decide,
  type Gathered,
  MAXIMUM_ATTEMPTS,
  openCase,
  REPAGE_MS,
} from './case.ts';

const NOW = 1_800_000_000_000;
const ALICE = { id: 'alice', name: 'Alice' };
const ONCALL = { id: 'oncall', name: 'On call' };
const CHALLENGE = { type: 'challenge', ask: 'actor', withinMs: 600_000 } as const;
const gathered = (parts: Partial<Gathered> = {}): Gathered => ({
  risk: 60,
  reasons: [],
  decision: CHALLENGE,
  headlineId: 'f1',
  findingIds: ['f1'],
  digest: 'digest-1',
  firstMs: NOW,
  lastMs: NOW,
  ...parts,
});
const open = (parts: Partial<Gathered> = {}, person: typeof ALICE | null = ALICE) =>
  openCase(gathered(parts), {
    id: 'c',
    burstKey: 'b',
    nowMs: NOW,
    person,
    whyNobody: person === null ? 'no-owner' : null,
  });
const yes = (digest = 'digest-1', by = ALICE): CaseInput => ({
  type: 'answered-yes',
  by,
  reason: 'mine',
  proof: { factor: 'totp', digest },
});
const no: CaseInput = { type: 'answered-no', by: ALICE, reason: 'never' };
const play = (start: Case, ...inputs: (readonly [CaseInput, number])[]) =>
  inputs.reduce((current, [input, atMs]) => decide(current, input, NOW + atMs).case, start);

const asked = open().case;
const paged = open({ decision: { type: 'page' } }).case;
const confirmed = play(asked, [yes(), 1]);
const acknowledged = play(paged, [{ type: 'acknowledged', by: ONCALL }, 1]);
const resolved = play(acknowledged, [{ type: 'resolved', by: ONCALL, note: '' }, 2]);

describe('opening', () => {
  test('a challenge asks the person and sets a deadline', () => {
    const { case: found, effects } = open();
    expect(found).toMatchObject({ state: 'asked', person: ALICE, deadlineMs: NOW + 600_000 });
    expect(effects.map(({ type }) => type)).toEqual(['ask', 'challenge-deadline']);
  });

  test('a challenge with nobody to ask pages', () => {
    expect(open({}, null).case).toMatchObject({ state: 'paged', cause: 'cannot-ask' });
  });

  test('a page pages at once and again until somebody acknowledges', () => {
    const { case: found, effects } = open({ decision: { type: 'page' } });
    expect(found).toMatchObject({ state: 'paged', cause: 'policy', pageNumber: 1 });
    expect(effects).toEqual([
      { type: 'page', action: 'trigger', pageNumber: 1 },
      { type: 'page-repeat', dueMs: NOW + REPAGE_MS, pageNumber: 1 },
    ]);
  });
});

describe('answering', () => {
  test('yes with a proof of exactly these changes confirms', () => {
    expect(confirmed).toMatchObject({ state: 'confirmed', answer: { answer: 'yes', factor: 'totp', by: ALICE } });
  });

  test('yes with a proof of other changes confirms nothing', () => {
    expect(decide(asked, yes('digest-0'), NOW + 1)).toMatchObject({
      outcome: 'changes-differ',
      case: { state: 'asked' },
    });
  });

  test('yes by somebody else confirms nothing and is journaled', () => {
    const verdict = decide(asked, yes('digest-1', ONCALL), NOW + 1);
    expect(verdict).toMatchObject({ outcome: 'wrong-person', case: { state: 'asked' } });
    expect(verdict.entries[0]?.kind).toBe('answer-refused');
  });

  test('no pages', () => {
    expect(play(asked, [no, 1])).toMatchObject({ state: 'paged', cause: 'denied', answer: { answer: 'no' } });
  });

  test('too many refused codes page', () => {
    const inputs = Array.from(
      { length: MAXIMUM_ATTEMPTS },
      () => [{ type: 'code-refused', by: ALICE, factor: 'totp' }, 1] as const,
    );
    expect(play(asked, ...inputs.slice(1))).toMatchObject({ state: 'asked', attemptsLeft: 1 });
    expect(play(asked, ...inputs)).toMatchObject({ state: 'paged', cause: 'cannot-verify' });
  });

  test('silence pages at the deadline, not before, and an answer at the deadline is too late', () => {
    const due: CaseInput = { type: 'challenge-due', deadlineMs: NOW + 600_000 };
    expect(play(asked, [due, 599_999])).toMatchObject({ state: 'asked' });
    expect(play(asked, [due, 600_000])).toMatchObject({ state: 'paged', cause: 'expired' });
    expect(play(asked, [yes(), 600_000])).toMatchObject({ state: 'paged', cause: 'expired' });
  });

  test('a late yes is recorded and takes no page back', () => {
    const late = decide(
      play(asked, [{ type: 'challenge-due', deadlineMs: NOW + 600_000 }, 600_000]),
      yes(),
      NOW + 700_000,
    );
    expect(late).toMatchObject({ outcome: 'expired', case: { state: 'paged' } });
    expect(late.entries[0]?.kind).toBe('answered-late');
  });
});

describe('more changes', () => {
  const more = (parts: Partial<Gathered>): CaseInput => ({
    type: 'findings-added',
    gathered: gathered({ findingIds: ['f1', 'f2'], digest: 'digest-2', ...parts }),
  });

  test('keep the deadline and void a proof of the old ones', () => {
    const grown = play(asked, [more({}), 300_000]);
    expect(grown).toMatchObject({ state: 'asked', deadlineMs: NOW + 600_000, digest: 'digest-2' });
    expect(decide(grown, yes('digest-1'), NOW + 300_001).outcome).toBe('changes-differ');
  });

  test('that are worse page at once', () => {
    expect(play(asked, [more({ decision: { type: 'page' } }), 1])).toMatchObject({ state: 'paged', cause: 'policy' });
  });

  test('are never covered by an earlier confirmation', () => {
    expect(decide(confirmed, more({}), NOW + 2)).toMatchObject({ outcome: 'ignored', case: confirmed });
  });
});

describe('paging', () => {
  test('repeats, each time with a new number, until acknowledged', () => {
    const again = decide(paged, { type: 'page-due', pageNumber: 1 }, NOW + REPAGE_MS);
    expect(again.case).toMatchObject({ state: 'paged', pageNumber: 2 });
    expect(decide(again.case, { type: 'page-due', pageNumber: 1 }, NOW + REPAGE_MS).outcome).toBe('ignored');
    expect(decide(acknowledged, { type: 'page-due', pageNumber: 1 }, NOW + REPAGE_MS).outcome).toBe('ignored');
  });

  test('comes back when whoever acknowledged falls silent', () => {
    const due: CaseInput = { type: 'acknowledgement-due', deadlineMs: NOW + 1 + ACKNOWLEDGEMENT_MS };
    expect(play(acknowledged, [due, 1 + ACKNOWLEDGEMENT_MS])).toMatchObject({
      state: 'paged',
      cause: 'acknowledgement-expired',
      pageNumber: 2,
    });
  });
});

test('every state takes every input without throwing, and an ignored one changes nothing', () => {
  const inputs: CaseInput[] = [
    { type: 'findings-added', gathered: gathered() },
    yes(),
    no,
    { type: 'code-refused', by: ALICE, factor: 'totp' },
    { type: 'cannot-ask', why: 'chat is down' },
    { type: 'challenge-due', deadlineMs: NOW },
    { type: 'page-due', pageNumber: 1 },
    { type: 'acknowledgement-due', deadlineMs: NOW },
    { type: 'acknowledged', by: ONCALL },
    { type: 'resolved', by: ONCALL, note: '' },
  ];
  for (const state of [asked, paged, confirmed, acknowledged, resolved]) {
    for (const input of inputs) {
      const verdict = decide(state, input, NOW + 10);
      if (verdict.outcome === 'ignored') expect(verdict).toMatchObject({ case: state, effects: [], entries: [] });
      if (verdict.case.state !== state.state) expect(verdict.entries.length).toBeGreaterThan(0);
      if (verdict.case.state === 'confirmed' && state.state !== 'confirmed') expect(input).toEqual(yes());
    }
  }
});
