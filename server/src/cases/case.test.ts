/** The state machine by tables: every state against every input, and the arrows that matter in words. */
import { describe, expect, test } from 'vitest';
import { sampleGathered, samplePlanner } from '../../../test/sample-case.ts';
import { MAXIMUM_ATTEMPTS } from './asking.ts';
import {
  type Case,
  type CaseEffect,
  type CaseEntry,
  type CaseInput,
  decide as decideWith,
  type Gathered,
  openCase,
} from './case.ts';
import { ACKNOWLEDGEMENT_MS } from './page/planner.ts';
import { urgencyOf } from './paging.ts';

const NOW = 1_800_000_000_000;
const ALICE = { id: 'alice', name: 'Alice' };
const ONCALL = { id: 'oncall', name: 'On call' };
const REPAGE_MS = 5 * 60_000;
const planner = samplePlanner({ channels: ['pager'] });
const decide = (current: Case, input: CaseInput, nowMs: number) => decideWith(current, input, { nowMs, planner });
const gathered = (parts: Partial<Gathered> = {}): Gathered =>
  sampleGathered({ firstMs: NOW, lastMs: NOW, eventMs: NOW, ...parts });
const open = (parts: Partial<Gathered> = {}, person: typeof ALICE | null = ALICE) =>
  openCase(gathered(parts), {
    id: 'c',
    burstKey: 'b',
    nowMs: NOW,
    receivedMs: NOW,
    person,
    whyNobody: person === null ? 'no-owner' : null,
    planner,
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
      {
        type: 'page',
        action: 'trigger',
        pageNumber: 1,
        channel: 'pager',
        person: null,
        call: 'ladder',
        dueMs: NOW,
      },
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

  test('a deadline is counted by the clock: Friday night is not stretched over the weekend', () => {
    const friday = Date.UTC(2026, 10, 20, 21);
    const opened = openCase(gathered({ decision: { type: 'challenge', ask: 'actor', withinMs: 3_600_000 } }), {
      id: 'c',
      burstKey: 'b',
      nowMs: friday,
      receivedMs: friday,
      person: ALICE,
      whyNobody: null,
      planner: samplePlanner({ channels: ['pager'] }),
    });
    expect(opened.case).toMatchObject({ state: 'asked', deadlineMs: friday + 3_600_000 });
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
    const back = decide(acknowledged, due, NOW + 1 + ACKNOWLEDGEMENT_MS);
    expect(back.case).toMatchObject({ state: 'paged', cause: 'policy', pageNumber: 2 });
    expect(back.entries).toMatchObject([{ kind: 'paged', parameters: { cause: 'acknowledgement-expired' } }]);
  });

  test('about a denied change stays urgent, and says why it was paged, however long somebody sits on it', () => {
    const denied = play(asked, [no, 1], [{ type: 'acknowledged', by: ONCALL }, 2]);
    expect(urgencyOf(denied)).toBe('high');
    const back = play(denied, [
      { type: 'acknowledgement-due', deadlineMs: NOW + 2 + ACKNOWLEDGEMENT_MS },
      2 + ACKNOWLEDGEMENT_MS,
    ]);
    expect(back).toMatchObject({ state: 'paged', cause: 'denied' });
    expect(urgencyOf(back)).toBe('high');
  });

  test('begins anew where it was held for acknowledged, unless that side took it back itself', () => {
    const triggers = (verdict: { effects: readonly CaseEffect[] }) =>
      verdict.effects.flatMap((effect) =>
        effect.type === 'page' && effect.action === 'trigger' ? [[effect.channel, effect.anew === true]] : [],
      );
    const repeated = decide(paged, { type: 'page-due', pageNumber: 1 }, NOW + REPAGE_MS);
    expect(triggers(repeated)).toEqual([['pager', false]]);
    const back = decide(acknowledged, { type: 'unacknowledged', by: ONCALL }, NOW + 2);
    expect(triggers(back)).toEqual([['pager', true]]);
    expect(triggers(decide(back.case, { type: 'page-due', pageNumber: 2 }, NOW + REPAGE_MS))).toEqual([
      ['pager', false],
    ]);
    const there = decide(acknowledged, { type: 'unacknowledged', by: ONCALL, elsewhere: true }, NOW + 2);
    expect(triggers(there)).toEqual([['pager', false]]);
  });
});

describe('more changes of a page', () => {
  const low = open({ risk: 60, decision: { type: 'page' } }).case;
  const added = (risk: number, parts: Partial<Gathered> = {}): CaseInput => ({
    type: 'findings-added',
    gathered: gathered({ risk, decision: { type: 'page' }, findingIds: ['f1', 'f2'], digest: 'digest-2', ...parts }),
  });
  const pages = ({ entries }: { entries: readonly CaseEntry[] }) => entries.some(({ kind }) => kind === 'paged');

  test('that make it urgent call again, even while somebody snoozes it for a week', () => {
    const snoozed = play(low, [{ type: 'snoozed', by: ONCALL, untilMs: NOW + 7 * 86_400_000 }, 1]);
    const worse = decide(snoozed, added(95), NOW + 2);
    expect(worse.case).toMatchObject({ state: 'paged', risk: 95, pageNumber: 2 });
    expect(pages(decide(worse.case, added(96, { findingIds: ['f1', 'f2', 'f3'] }), NOW + 3))).toBe(false);
  });

  test('that change nothing about its urgency wake nobody again', () => {
    expect(pages(decide(low, added(65), NOW + 1))).toBe(false);
    expect(pages(decide(acknowledged, added(65), NOW + 1))).toBe(false);
  });

  test('that a maintenance window does not cover end its hold at once', () => {
    const held = open({ risk: 60, decision: { type: 'page' }, heldUntilMs: NOW + 3_600_000 }).case;
    expect(pages(decide(held, added(60, { heldUntilMs: NOW + 3_600_000 }), NOW + 1))).toBe(false);
    const loose = decide(held, added(60), NOW + 1);
    expect(loose.case).toMatchObject({ state: 'paged', pageNumber: 1 });
    expect(decide(loose.case, { type: 'page-due', pageNumber: 0 }, NOW + 3_600_000).outcome).toBe('ignored');
  });
});

describe('the ladder', () => {
  const person = (id: string) => ({ id, name: id, email: `${id}@example.com` });
  const step = (...names: string[]) => ({
    targets: names.map((name) => ({ type: 'schedule', name }) as const),
    waitMs: 300_000,
    roundRobin: false,
  });
  const ladder = {
    name: 'default',
    repeat: 1,
    acknowledgementMs: 5 * 60_000,
    steps: [step('first'), step('empty'), step('second')],
  };
  const climbing = samplePlanner({
    channels: ['pager'],
    escalations: [ladder],
    onCall: { first: person('ann'), empty: null, second: person('ben') },
  });
  const with_ = (current: Case, input: CaseInput, atMs: number) =>
    decideWith(current, input, { nowMs: NOW + atMs, planner: climbing });
  const reached = (verdict: { effects: readonly unknown[] }) =>
    verdict.effects.flatMap((effect) => {
      const {
        type,
        person: who,
        channel,
        action,
      } = effect as Record<string, unknown> & { person: { id: string } | null };
      return type === 'page' && action === 'trigger' ? [`${who?.id ?? ''}:${String(channel)}`] : [];
    });
  const first = openCase(gathered({ decision: { type: 'page' } }), {
    id: 'c',
    burstKey: 'b',
    nowMs: NOW,
    receivedMs: NOW,
    person: null,
    whyNobody: null,
    planner: climbing,
  });

  test('says how long an acknowledgement holds', () => {
    const by = { id: 'ann', name: 'ann' };
    const held = with_(first.case, { type: 'acknowledged', by }, 60_000);
    expect(held.case).toMatchObject({ state: 'acknowledged', deadlineMs: NOW + 60_000 + 5 * 60_000 });
  });

  test('calls the first step, then passes the empty one at once', () => {
    expect(reached(first)).toEqual(['ann:slack', 'ann:sms']);
    const second = with_(first.case, { type: 'page-due', pageNumber: 1 }, 300_000);
    expect(reached(second)).toEqual(['ben:slack', 'ben:sms']);
    const third = with_(second.case, { type: 'page-due', pageNumber: 2 }, 600_000);
    expect(reached(third)).toEqual(['ann:slack', 'ann:sms']);
  });

  test('a person who takes it over is called first, and their silence leads to the ladder', () => {
    const cara = person('cara');
    const given = with_(first.case, { type: 'reassigned', by: ONCALL, to: [cara], escalation: null }, 1);
    expect(reached(given)).toEqual(['cara:slack', 'cara:sms']);
    const silent = with_(given.case, { type: 'page-due', pageNumber: 2 }, 300_001);
    expect(reached(silent)).toEqual(['ann:slack', 'ann:sms']);
  });

  test('somebody may climb it at once', () => {
    const second = with_(first.case, { type: 'escalated', by: ONCALL }, 1);
    expect(reached(second)).toEqual(['ben:slack', 'ben:sms']);
    expect(with_(second.case, { type: 'page-due', pageNumber: 1 }, 300_000).outcome).toBe('ignored');
  });

  test('a way that is lost is made up for by others where it was the only one, and by the next step where there is none', () => {
    const lost = { type: 'way-lost', way: 'push', person: person('ann'), call: 'ladder', pageNumber: 1 } as const;
    expect(reached(with_(first.case, { ...lost, onlyWay: true }, 1))).toEqual(['ann:slack', 'ann:sms']);
    const noted = with_(first.case, { ...lost, onlyWay: false }, 1);
    expect(reached(noted)).toEqual([]);
    expect(noted.entries).toMatchObject([{ kind: 'way-lost', parameters: { channel: 'push', names: ['ann'] } }]);
    const nobody = { ...climbing, reach: () => [] };
    const context = { nowMs: NOW + 1, planner: nobody };
    const climbed = decideWith(first.case, { ...lost, onlyWay: true }, context);
    expect(reached(climbed)).toEqual(['ben:slack', 'ben:sms']);
    expect(climbed.entries.map(({ kind }) => kind)).toEqual(['way-lost', 'paged-again']);
    // A later page is on its way already, or somebody is on it: nobody else is woken.
    expect(reached(decideWith(first.case, { ...lost, pageNumber: 0, onlyWay: true }, context))).toEqual([]);
    const has = with_(first.case, { type: 'acknowledged', by: ONCALL }, 1).case;
    expect(decideWith(has, { ...lost, onlyWay: true }, context).outcome).toBe('ignored');
    expect(reached(with_(has, { ...lost, call: 'responder', onlyWay: true }, 1))).toEqual(['ann:slack', 'ann:sms']);
  });

  test('more responders are called without taking it from whoever has it', () => {
    const has = with_(first.case, { type: 'acknowledged', by: ONCALL }, 1).case;
    const added = with_(has, { type: 'responders-added', by: ONCALL, people: [person('dora')] }, 2);
    expect(reached(added)).toEqual(['dora:slack', 'dora:sms']);
    expect(added.case).toMatchObject({ state: 'acknowledged', acknowledgedBy: ONCALL });
    expect(with_(added.case, { type: 'responders-added', by: ONCALL, people: [person('dora')] }, 3).outcome).toBe(
      'ignored',
    );
  });

  test('a page held by a maintenance window pages when the window ends', () => {
    const held = openCase(gathered({ decision: { type: 'page' }, heldUntilMs: NOW + 3_600_000 }), {
      id: 'c',
      burstKey: 'b',
      nowMs: NOW,
      receivedMs: NOW,
      person: null,
      whyNobody: null,
      planner: climbing,
    });
    expect(reached(held)).toEqual([]);
    expect(held.case.times.pagedMs).toBeNull();
    const paged = with_(held.case, { type: 'page-due', pageNumber: 0 }, 3_600_000);
    expect(reached(paged)).toEqual(['ann:slack', 'ann:sms']);
    expect(paged.case.times.pagedMs).toBe(NOW + 3_600_000);
  });

  test('a channel that was called hears of the acknowledgement and of the end', () => {
    const told = (verdict: { effects: readonly unknown[] }) =>
      verdict.effects.flatMap((effect) => {
        const { type, channel, action } = effect as Record<string, unknown>;
        return type === 'page' ? [`${String(channel)}:${String(action)}`] : [];
      });
    const acked = decide(paged, { type: 'acknowledged', by: ONCALL }, NOW + 1);
    expect(told(acked)).toEqual(['pager:acknowledge']);
    expect(told(decide(acked.case, { type: 'resolved', by: ONCALL, note: '' }, NOW + 2))).toEqual(['pager:resolve']);
  });

  test('a snoozed page comes back when the person said', () => {
    const snoozed = play(paged, [{ type: 'snoozed', by: ONCALL, untilMs: NOW + 7_200_000 }, 1]);
    expect(snoozed).toMatchObject({ state: 'acknowledged', deadlineMs: NOW + 7_200_000 });
    const due: CaseInput = { type: 'acknowledgement-due', deadlineMs: NOW + 7_200_000 };
    expect(play(snoozed, [due, 7_200_000])).toMatchObject({ state: 'paged', pageNumber: 2 });
  });
});

describe('a revert that failed', () => {
  const failed: CaseInput = {
    type: 'revert-stepped',
    entry: { kind: 'revert-failed', actor: null, parameters: { failure: 'AccessDenied' } },
    outcome: 'failed',
  };

  test('calls, wherever the case stands, and says so', () => {
    const held = open({ risk: 60, decision: { type: 'page' }, heldUntilMs: NOW + 3_600_000 }).case;
    const low = open({ risk: 60, decision: { type: 'page' } }).case;
    for (const current of [asked, held, low, acknowledged, resolved, confirmed]) {
      const called = decide(current, failed, NOW + 3);
      expect(called.case, current.state).toMatchObject({ state: 'paged', cause: 'revert-failed' });
      expect(called.effects.some(({ type }) => type === 'page')).toBe(true);
    }
  });

  test('is noted where somebody is being called urgently already', () => {
    const urgent = open({ risk: 90, decision: { type: 'page' } }).case;
    expect(decide(urgent, failed, NOW + 3)).toMatchObject({ case: { pageNumber: 1 }, effects: [] });
  });
});

describe('the times of a case', () => {
  test('are noted once, whatever happens later', () => {
    const again = play(
      acknowledged,
      [{ type: 'unacknowledged', by: ONCALL }, 5],
      [{ type: 'acknowledged', by: ONCALL }, 6],
      [{ type: 'resolved', by: ONCALL, note: '' }, 9],
    );
    expect(again.times).toMatchObject({ pagedMs: NOW, acknowledgedMs: NOW + 1, resolvedMs: NOW + 9, askedMs: null });
    expect(confirmed.times).toMatchObject({ askedMs: NOW, answeredMs: NOW + 1, pagedMs: null });
  });
});

test('every state takes every input without throwing, and an ignored one changes nothing', () => {
  const inputs: CaseInput[] = [
    { type: 'findings-added', gathered: gathered() },
    yes(),
    no,
    { type: 'code-refused', by: ALICE, factor: 'totp' },
    { type: 'cannot-ask', why: 'chat is down' },
    { type: 'person-left', person: ALICE },
    { type: 'challenge-due', deadlineMs: NOW },
    { type: 'page-due', pageNumber: 1 },
    { type: 'acknowledgement-due', deadlineMs: NOW },
    { type: 'way-lost', way: 'push', person: ALICE, call: 'ladder', pageNumber: 1, onlyWay: true },
    { type: 'acknowledged', by: ONCALL },
    { type: 'unacknowledged', by: ONCALL },
    { type: 'snoozed', by: ONCALL, untilMs: NOW + 3_600_000 },
    { type: 'escalated', by: ONCALL },
    { type: 'reassigned', by: ONCALL, to: [ALICE], escalation: null },
    { type: 'responders-added', by: ONCALL, people: [ALICE] },
    { type: 'noted', by: ONCALL, text: 'looked' },
    { type: 'prioritised', by: ONCALL, priority: 'P1' },
    { type: 'merged', by: ONCALL, into: 'another' },
    { type: 'absorbed', by: ONCALL, from: 'another' },
    { type: 'reopened', by: ONCALL, why: 'it came back' },
    { type: 'proof-started', by: ALICE, factor: 'duo-push', reason: 'mine' },
    { type: 'proof-failed', by: ALICE, factor: 'duo-push', why: 'timed-out' },
    { type: 'fraud-reported', by: ALICE, factor: 'duo-push' },
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

describe('putting back', () => {
  const stepped = (outcome: 'begun' | 'contained' | 'failed') => ({
    type: 'revert-stepped' as const,
    entry: { kind: `revert-${outcome}`, actor: null, parameters: { failure: 'AWS refuses' } },
    outcome,
  });
  const at = NOW + 60_000;

  test('what was put back contains the damage', () => {
    expect(decide(paged, stepped('contained'), at).case).toMatchObject({
      state: 'paged',
      times: { containedMs: at },
    });
    expect(decide(paged, stepped('begun'), at).case.times.containedMs).toBeNull();
  });

  test('what could not be put back calls again, also where somebody had acknowledged or resolved it', () => {
    for (const current of [acknowledged, resolved]) {
      const { case: next, entries, effects } = decide(current, stepped('failed'), at);
      expect(next).toMatchObject({ state: 'paged', cause: 'revert-failed', times: { resolvedMs: null } });
      expect(entries.map(({ kind }) => kind)).toEqual(['revert-failed', 'paged']);
      expect(effects.some(({ type }) => type === 'page')).toBe(true);
    }
    // Where it is being called for as urgently already, it is only told; a call that could wait is made again as one that cannot.
    expect(decide(paged, stepped('failed'), at).case).toMatchObject({ cause: 'revert-failed', pageNumber: 2 });
    expect(decide({ ...paged, risk: 90 }, stepped('failed'), at)).toMatchObject({
      effects: [],
      entries: [{ kind: 'revert-failed' }],
    });
  });
});
