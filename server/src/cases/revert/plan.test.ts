/** Planning by itself: what is compared and what is not, what is contained, and what stands in the way. */
import { expect, test } from 'vitest';
import type { CatalogueEntry, TrailEvent } from './catalogue.ts';
import { makePlan, type Planned, undoOf } from './plan.ts';
import { deadPrincipals } from './policy-document.ts';
import { compareThreeWay, type Json, type ResourceState, restored } from './state.ts';

const EVENT: TrailEvent = {
  eventId: 'e',
  service: 'moon',
  name: 'OpenDoor',
  account: '111122223333',
  region: 'eu-west-1',
  timeMs: 0,
  request: {},
  response: {},
};
const VOUCHED = { digest: 'd', takenMs: 0, trust: 'enrolled', because: 'a test' } as const;
const RESOURCE = { type: 'Moon::Door', account: '111122223333', region: 'eu-west-1', id: 'front' };

/** A door that is opened; leading anywhere is one call that says what differs. */
const door = (parts: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  row: 1,
  events: ['moon:OpenDoor'],
  class: 'B',
  mode: 'after-answer',
  proof: 'none',
  resources: () => [RESOURCE],
  read: () => Promise.resolve(null),
  after: (_event, baseline) => (baseline === null ? null : { ...baseline, open: true }),
  lead: (from, to) => [{ service: 'moon', operation: 'SetDoor', input: { from, to } }],
  ...parts,
});
const plan = (entry: CatalogueEntry, baseline: ResourceState | undefined, current: ResourceState): Planned =>
  makePlan({
    changes: [{ entry, event: EVENT }],
    resource: RESOURCE,
    baseline: baseline === undefined ? null : { ...VOUCHED, state: baseline },
    current,
    begun: false,
  });

test('a note is kept, given to the calls as the trusted state has it, and never compared', () => {
  const baseline = { open: false, '(id)': 'old' };
  const current = { open: true, '(id)': 'new', colour: 'red' };
  expect(compareThreeWay(baseline, { open: true, '(id)': 'another' }, current)).toEqual({
    type: 'restore',
    fields: ['open'],
  });
  expect(restored(baseline, current, ['open'])).toEqual({ open: false, '(id)': 'old', colour: 'red' });
  expect(plan(door(), baseline, current)).toMatchObject({ plan: { lines: [{ field: 'open' }], fields: ['open'] } });
});

const statement = (parts: { readonly [key: string]: Json }) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...parts }],
});

test.each([
  [
    'an account by its number or its ARN',
    { Principal: { AWS: '444455556666' } },
    { Principal: { AWS: 'arn:aws:iam::444455556666:root' } },
    true,
  ],
  ['one value or a list of it', { Action: ['s3:GetObject'] }, {}, true],
  ['a list in another order', { Resource: ['a', 'b'] }, { Resource: ['b', 'a'] }, true],
  ['everybody, twice spelled', { Principal: '*' }, { Principal: { AWS: ['*'] } }, true],
  [
    'a truth as a word',
    { Condition: { Bool: { 'aws:SecureTransport': false } } },
    { Condition: { Bool: { 'aws:securetransport': ['false'] } } },
    true,
  ],
  ['an empty statement id', { Sid: '' }, {}, true],
  ['another action', { Action: 's3:PutObject' }, {}, false],
  ['another effect', { Effect: 'Deny' }, {}, false],
  ['one condition less', { Condition: { Bool: { 'aws:SecureTransport': false } } }, {}, false],
])('policies are compared by what they say: %s', (_name, one, other, same) => {
  const comparison = compareThreeWay({ document: statement(one) }, { document: statement(other) }, { document: null });
  expect(comparison.type === 'already-done').toBe(same);
});

test('a principal that is gone is found by the id that AWS left', () => {
  const AWS = ['arn:aws:iam::444455556666:root', 'AROAEXAMPLEEXAMPLE12'];
  expect(deadPrincipals(statement({ Principal: { AWS } }))).toEqual(['AROAEXAMPLEEXAMPLE12']);
  expect(deadPrincipals(statement({ Principal: '*' }))).toEqual([]);
});

test('what is contained is led to what contains it, whatever was vouched for', () => {
  const entry = door({ class: 'C', before: () => ({ open: false }) });
  expect(plan(entry, { open: true }, { open: true })).toMatchObject({ plan: { to: { open: false } } });
});

test('a revert may aim beyond what the event changed, and undoing leads back from there', () => {
  const entry = door({ aim: (back) => (back === null ? null : { ...back, alarm: true }) });
  const planned = plan(entry, { open: false }, { open: true, alarm: false });
  expect(planned).toMatchObject({ plan: { fields: ['alarm', 'open'], to: { open: false, alarm: true } } });
  if (planned.type !== 'plan') throw new Error('nothing was planned');
  const back = undoOf(planned.plan, entry, { open: false, alarm: true, colour: 'red' });
  expect(back).toMatchObject({ to: { open: true, alarm: false, colour: 'red' } });
});

test('what stands in the way is a conflict, with its reason', () => {
  expect(plan(door({ hindrance: () => 'it is locked' }), { open: false }, { open: true })).toEqual({
    type: 'conflict',
    why: 'it is locked',
  });
});

test('some changes of an entry cannot wait', () => {
  const urgent = { mode: 'auto', of: 'front doors', applies: () => true } as const;
  expect(plan(door({ urgent }), { open: false }, { open: true })).toMatchObject({ plan: { mode: 'auto' } });
  expect(plan(door(), { open: false }, { open: true })).toMatchObject({ plan: { mode: 'after-answer' } });
});

test('a resource that was vouched not to be there may still be contained by what the event tells', () => {
  const entry = door({ class: 'X', before: () => ({ open: false }) });
  expect(plan(entry, null, { open: true })).toMatchObject({ plan: { to: { open: false } } });
  expect(plan(door(), null, { open: true })).toEqual({ type: 'already-done' });
});
