/** How far a change may be put back: the least of the configuration, the policy and the catalogue. And every change of a case is planned. */
import { expect, test } from 'vitest';
import { sampleFacts, sampleFinding } from '../../../../test/sample-finding.ts';
import type { Case } from '../case.ts';
import type { Cases } from '../cases.ts';
import { resourceKey, Unsettled } from './catalogue.ts';
import type { Reverts } from './engine.ts';
import { modeOf, revertFollower, type RevertFollowerOptions } from './follower.ts';

const paged = (cause: string) => ({ state: 'paged', cause, answer: null }) as unknown as Case;
const asked = { state: 'asked', answer: null } as unknown as Case;
const usual = { most: 'auto', wish: 'usual', spared: false, current: paged('policy') } as const;

test.each([
  ['what the catalogue puts back at once', { usual: 'auto' }, 'auto'],
  ['what waits for the answer, while there is none', { usual: 'after-answer' }, 'approve'],
  ['what waits for the answer, after no', { usual: 'after-answer', current: paged('denied') }, 'auto'],
  ['what waits for the answer, after silence', { usual: 'after-answer', current: paged('expired') }, 'auto'],
  ['what a second person looks at first', { usual: 'approve', current: paged('denied') }, 'approve'],
  ['what only a person puts back', { usual: 'page', wish: 'auto' }, 'page'],
  ['the policy goes before the catalogue', { usual: 'approve', wish: 'auto' }, 'auto'],
  ['also when it is more careful', { usual: 'auto', wish: 'plan' }, 'plan'],
  ['the configuration goes before both', { usual: 'auto', wish: 'auto', most: 'approve' }, 'approve'],
  ['and may only want to see', { usual: 'auto', wish: 'auto', most: 'plan' }, 'plan'],
  ['break-glass is put back by nobody alone', { usual: 'auto', wish: 'auto', spared: true }, 'approve'],
  ['while a person is asked, what goes first', { usual: 'auto', current: asked }, 'auto'],
  ['while a person is asked, the rest waits', { usual: 'after-answer', current: asked }, null],
] as const)('%s', (_name, parts, mode) => {
  expect(modeOf({ ...usual, ...parts })).toBe(mode);
});

/** A case of so many changes, each of a trail of its own; `plan` says what becomes of one. */
function caseOf(count: number, plan: (trail: string) => 'planned' | 'nothing' | 'unsettled', state = paged('policy')) {
  const findings = Array.from({ length: count }, (_, index) =>
    sampleFinding({ id: `finding-${index}`, facts: sampleFacts({ id: `event-${index}` }) }),
  );
  const raw = (id: string) => ({
    ...{ eventID: id, eventSource: 'cloudtrail.amazonaws.com', eventName: 'StopLogging', readOnly: false },
    ...{ eventTime: '2026-01-01T00:00:00Z', awsRegion: 'eu-west-1', recipientAccountId: '111122223333' },
    requestParameters: { name: `trail-of-${id}` },
  });
  const planned = new Set<string>();
  const tried: string[] = [];
  const told: number[] = [];
  const reverts: Pick<Reverts, 'plan' | 'plannedOf'> = {
    plannedOf: () => Promise.resolve(({ resource }) => planned.has(resourceKey(resource))),
    plan: async (events) => {
      for (const { request } of [events].flat()) {
        const trail = String(request['name']);
        tried.push(trail);
        const outcome = plan(trail);
        if (outcome === 'unsettled') throw new Unsettled('AWS may still tell what was before the change');
        if (outcome === 'planned') planned.add(`AWS::CloudTrail::Trail|111122223333|eu-west-1|${trail}`);
      }
      return [];
    },
  };
  const current = { ...state, id: 'case-1' };
  const unit = { loadCase: () => Promise.resolve(current), findingsOfCase: () => Promise.resolve(findings) };
  const cases = { state: { transaction: (body: (trx: unknown) => unknown) => body(null) }, unit: () => unit };
  const read: string[] = [];
  const follower = revertFollower({
    ...{ reverts: reverts as Reverts, cases: () => cases as unknown as Cases, most: 'auto' },
    events: {
      findEvents: (source, ids) => {
        read.push(...ids);
        const found = source === 'aws_cloudtrail' ? ids.map((id) => ({ id, raw: JSON.stringify(raw(id)) })) : [];
        return Promise.resolve(found as unknown as Awaited<ReturnType<RevertFollowerOptions['events']['findEvents']>>);
      },
    },
    decide: (all) =>
      Promise.resolve(all.map((one) => [one, { type: 'challenge', revert: 'usual', revertFirst: true }] as never)),
    ...{ isSpared: () => false, isApproved: () => false, trust: () => Promise.resolve() },
    tellLeft: (_caseId, left) => Promise.resolve(void told.push(left)),
  });
  const follow = () => follower.follow({ caseId: 'case-1', key: 'key', kinds: ['paged'], attempt: 1 });
  const followToItsEnd = async () => {
    const outcomes: string[] = [(await follow()).type];
    while (outcomes.at(-1) === 'part-done' && outcomes.length < 20) outcomes.push((await follow()).type);
    return outcomes;
  };
  return { followToItsEnd, planned, tried, told, read };
}

test('of a case with more changes than are looked at in one go, every one is planned, and what is left is told', async () => {
  const { followToItsEnd, planned, tried, told, read } = caseOf(120, () => 'planned');
  expect(await followToItsEnd()).toEqual(['part-done', 'part-done', 'part-done', 'part-done', 'delivered']);
  expect(planned.size).toBe(120);
  expect(told).toEqual([95, 70, 45, 20]);
  // Each change is read and looked at in one part alone.
  expect(read).toHaveLength(120);
  expect(tried).toHaveLength(120);
  // What is done with is not read again whenever the case grows.
  read.length = 0;
  await followToItsEnd();
  expect(read).toEqual([]);
});

test.each([
  ['nothing', 'delivered'],
  ['unsettled', 'failed'],
] as const)('changes of which %s can be planned yet hold up none of the others, and nothing goes round', async (outcome, end) => {
  const ripe = new Set(['trail-of-event-3', 'trail-of-event-58', 'trail-of-event-59']);
  const { followToItsEnd, planned, tried, told } = caseOf(60, (trail) => (ripe.has(trail) ? 'planned' : outcome));
  expect(await followToItsEnd()).toEqual([end]);
  expect(planned.size).toBe(ripe.size);
  expect(tried).toHaveLength(60);
  expect(told).toEqual([]);
});

test.each([
  ['that is tried again', paged('policy'), 'unsettled'],
  ['that grows while a person is asked', asked, 'planned'],
] as const)('of a case %s, each event is read once', async (_name, state, outcome) => {
  const { followToItsEnd, read, tried } = caseOf(60, () => outcome, state);
  await followToItsEnd();
  await followToItsEnd();
  expect(read).toHaveLength(60);
  // And looked at again all the same: AWS may have finished with it, the person may have answered.
  expect(tried).toHaveLength(120);
});

test('where some can be planned and many cannot, each has one turn', async () => {
  const isRipe = (trail: string) => Number(trail.split('-').at(-1)) % 2 === 1;
  const { followToItsEnd, planned, tried, told } = caseOf(120, (trail) => (isRipe(trail) ? 'planned' : 'unsettled'));
  expect(await followToItsEnd()).toEqual(['part-done', 'part-done', 'failed']);
  expect(planned.size).toBe(60);
  expect(tried).toHaveLength(120);
  expect(told).toHaveLength(2);
});
