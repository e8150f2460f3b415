/** How far a change may be put back: the least of the configuration, the policy and the catalogue. And every change of a case is planned. */
import { expect, test } from 'vitest';
import { sampleFacts, sampleFinding } from '../../../../test/sample-finding.ts';
import type { Case } from '../case.ts';
import type { Cases } from '../cases.ts';
import { resourceKey } from './catalogue.ts';
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

test('of a case with more changes than are looked at in one go, every one is planned, and what is left is told', async () => {
  const count = 120;
  const findings = Array.from({ length: count }, (_, index) =>
    sampleFinding({ id: `finding-${index}`, facts: sampleFacts({ id: `event-${index}` }) }),
  );
  const raw = (id: string) => ({
    ...{ eventID: id, eventSource: 'cloudtrail.amazonaws.com', eventName: 'StopLogging', readOnly: false },
    ...{ eventTime: '2026-01-01T00:00:00Z', awsRegion: 'eu-west-1', recipientAccountId: '111122223333' },
    requestParameters: { name: `trail-of-${id}` },
  });
  const planned = new Set<string>();
  const told: number[] = [];
  const reverts: Pick<Reverts, 'plan' | 'plannedOf'> = {
    plannedOf: () => Promise.resolve(({ resource }) => planned.has(resourceKey(resource))),
    plan: (events) => {
      for (const { request } of [events].flat())
        planned.add(`AWS::CloudTrail::Trail|111122223333|eu-west-1|${String(request['name'])}`);
      return Promise.resolve([]);
    },
  };
  const current = { ...paged('policy'), id: 'case-1' };
  const unit = { loadCase: () => Promise.resolve(current), findingsOfCase: () => Promise.resolve(findings) };
  const cases = { state: { transaction: (body: (trx: unknown) => unknown) => body(null) }, unit: () => unit };
  const asked: string[] = [];
  const follower = revertFollower({
    ...{ reverts: reverts as Reverts, cases: () => cases as unknown as Cases, most: 'auto' },
    events: {
      findEvents: (source, ids) => {
        asked.push(...ids);
        const found = source === 'aws_cloudtrail' ? ids.map((id) => ({ id, raw: JSON.stringify(raw(id)) })) : [];
        return Promise.resolve(found as unknown as Awaited<ReturnType<RevertFollowerOptions['events']['findEvents']>>);
      },
    },
    decide: (all) => Promise.resolve(all.map((one) => [one, { type: 'page', revert: 'usual' }] as never)),
    ...{ isSpared: () => false, isApproved: () => false, trust: () => Promise.resolve() },
    tellLeft: (_caseId, left) => Promise.resolve(void told.push(left)),
  });
  const follow = () => follower.follow({ caseId: 'case-1', key: 'key', kinds: ['paged'], attempt: 1 });
  const outcomes: string[] = [];
  while (outcomes.at(-1) !== 'delivered' && outcomes.length < 20) outcomes.push((await follow()).type);
  expect(planned.size).toBe(count);
  expect(outcomes).toEqual(['part-done', 'part-done', 'part-done', 'part-done', 'delivered']);
  expect(told).toEqual([95, 70, 45, 20]);
  // What is done with is not read again whenever the case grows.
  asked.length = 0;
  await follow();
  expect(asked).toEqual([]);
});
