/** What a ladder promises, by tables: whom each step reaches, when the next comes, and that it never ends and is never empty. */
import { describe, expect, test } from 'vitest';
import {
  type Call,
  type Escalation,
  type EscalationStep,
  LADDER_START,
  nextCall,
  type Notice,
  type OnCallSnapshot,
  type Target,
} from './escalation.ts';

const MINUTE_MS = 60_000;
const person = (name: string): Target => ({ type: 'person', email: `${name}@example.com` });
const schedule = (name: string): Target => ({ type: 'schedule', name });
const channel = (name: string): Target => ({ type: 'channel', name });
const step = (targets: readonly Target[], parts: Partial<EscalationStep> = {}): EscalationStep => ({
  targets,
  waitMs: 5 * MINUTE_MS,
  roundRobin: false,
  ...parts,
});
const ladder = (steps: readonly EscalationStep[], repeat = 1): Escalation => ({
  name: 'default',
  steps,
  repeat,
  acknowledgementMs: null,
});

/** Ann, Ben and Cal are reached by mail; nothing reaches Mute; nobody is on call in `empty`. */
function snapshot(parts: Partial<OnCallSnapshot> = {}): OnCallSnapshot {
  const known = ['ann', 'ben', 'cal', 'mute'];
  const reachable = (name: string) => ({ id: name, name, email: `${name}@example.com` });
  return {
    onCall: (name) => (name === 'day' ? reachable('ann') : null),
    person: (email) => known.map(reachable).find((one) => one.email === email) ?? null,
    rulesOf: (id) => (id === 'mute' ? [] : [{ channel: 'email', afterMs: 0 }]),
    channels: ['pager'],
    catchAll: [],
    ...parts,
  };
}
const reached = (notices: readonly Notice[]) => notices.map(({ personId, channel: name }) => personId ?? name);

/** The calls of a page that nobody acknowledges. */
function climb(escalation: Escalation, calls: number, options: { turn?: number; at?: OnCallSnapshot } = {}): Call[] {
  const made: Call[] = [];
  let position = LADDER_START;
  for (let index = 0; index < calls; index += 1) {
    const call = nextCall(escalation, position, {
      turn: options.turn ?? 0,
      urgency: 'high',
      snapshot: options.at ?? snapshot(),
    });
    made.push(call);
    position = call.next;
  }
  return made;
}
const climbed = (...given: Parameters<typeof climb>) => climb(...given).map(({ notices }) => reached(notices));

describe('steps', () => {
  test('follow one another and begin again, for ever', () => {
    const two = ladder([step([schedule('day')]), step([person('ben')])], 9);
    expect(climbed(two, 5)).toEqual([['ann'], ['ben'], ['ann'], ['ben'], ['ann']]);
    const late = nextCall(two, { round: 1_000_000, step: 1 }, { turn: 0, urgency: 'high', snapshot: snapshot() });
    expect(late.next).toEqual({ round: 1_000_000, step: 0 });
  });

  test.each([
    ['a schedule without anybody', [schedule('empty')]],
    ['a schedule that is not there', [schedule('gone')]],
    ['somebody who left', [person('stranger')]],
    ['somebody whom nothing reaches', [person('mute')]],
    ['a channel that is not configured', [channel('gone')]],
    ['all of these', [schedule('empty'), person('stranger'), person('mute'), channel('gone')]],
  ])('that reach nobody (%s) are passed at once, and cost no wait', (_, targets) => {
    const call = nextCall(ladder([step(targets, { waitMs: 60 * MINUTE_MS }), step([person('ben')])]), LADDER_START, {
      turn: 0,
      urgency: 'high',
      snapshot: snapshot(),
    });
    expect(call).toMatchObject({ position: { round: 0, step: 1 }, waitMs: 5 * MINUTE_MS, caughtAll: false });
    expect(reached(call.notices)).toEqual(['ben']);
  });

  test('reach the same person once by the same way, the soonest', () => {
    const at = snapshot({
      rulesOf: () => [
        { channel: 'email', afterMs: 2 * MINUTE_MS },
        { channel: 'sms', afterMs: MINUTE_MS },
      ],
    });
    const [call] = climb(ladder([step([schedule('day'), person('ann')])]), 1, { at });
    expect(call?.notices.map(({ channel: name, afterMs }) => [name, afterMs])).toEqual([
      ['email', 2 * MINUTE_MS],
      ['sms', MINUTE_MS],
    ]);
  });

  test.each([
    [1, MINUTE_MS],
    [90 * 24 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS],
  ])('wait at least a minute and at most a day (%d ms)', (waitMs, expected) => {
    expect(climb(ladder([step([person('ann')], { waitMs })]), 1)[0]?.waitMs).toBe(expected);
  });
});

describe('a step that goes round', () => {
  const round = ladder([step([person('ann'), person('ben'), person('cal')], { roundRobin: true })], 9);

  test('calls one, and the next page calls the next', () => {
    const first = [0, 1, 2, 3].map((turn) => climbed(round, 1, { turn })[0]);
    expect(first).toEqual([['ann'], ['ben'], ['cal'], ['ann']]);
  });

  test('goes on to the next when the one is silent', () => {
    expect(climbed(round, 4)).toEqual([['ann'], ['ben'], ['cal'], ['ann']]);
  });

  test('gives no turn to whom nothing reaches', () => {
    const some = ladder([step([person('mute'), person('ben'), schedule('empty')], { roundRobin: true })]);
    expect([0, 1, 2].map((turn) => climbed(some, 1, { turn })[0])).toEqual([['ben'], ['ben'], ['ben']]);
  });
});

describe('the catch-all', () => {
  const at = snapshot({ catchAll: [person('cal')] });

  test('joins every step once the ladder was climbed as often as it says', () => {
    const two = ladder([step([person('ann')]), step([person('ben')])], 2);
    expect(climbed(two, 6, { at })).toEqual([['ann'], ['ben'], ['ann'], ['ben'], ['ann', 'cal'], ['ben', 'cal']]);
  });

  test('is called at once where the whole ladder reaches nobody, again and again', () => {
    const calls = climb(ladder([step([schedule('empty')]), step([person('mute')])]), 3, { at });
    expect(calls.map(({ notices, caughtAll, waitMs }) => [reached(notices), caughtAll, waitMs])).toEqual(
      Array.from({ length: 3 }, () => [['cal'], true, 5 * MINUTE_MS]),
    );
  });

  test.each([
    ['there is none', snapshot()],
    ['nothing reaches it', snapshot({ catchAll: [person('mute')] })],
  ])('gives way to every channel there is where %s', (_, none) => {
    const [call] = climb(ladder([step([schedule('empty')])]), 1, { at: none });
    expect([reached(call?.notices ?? []), call?.caughtAll]).toEqual([['pager'], true]);
  });

  test('is called for a ladder without a step', () => {
    expect(climbed(ladder([]), 2, { at })).toEqual([['cal'], ['cal']]);
  });

  test('hands the page back to the ladder as soon as somebody can be reached', () => {
    const [caught] = climb(ladder([step([schedule('day')])]), 1, { at: { ...at, onCall: () => null } });
    const next = nextCall(ladder([step([schedule('day')])]), caught?.next ?? LADDER_START, {
      turn: 0,
      urgency: 'high',
      snapshot: at,
    });
    expect([reached(next.notices), next.caughtAll]).toEqual([['ann', 'cal'], false]);
  });
});
