/** The forms behind "More…", filled with more and longer than Slack takes: it must still show them. */
import { describe, expect, test } from 'vitest';
import { complaintAboutView, optionsOf } from '../../../../test/fakes/slack-blocks.ts';
import type { Case } from '../case.ts';
import { wordsFor } from '../words.ts';
import { chooseView, fillView, readTicket, RESPONSES } from './forms.ts';
import { type Target, targetsOf } from '../page/targets.ts';

const LONG = `${'<&>'.repeat(40)}${'長い名前😀'.repeat(60)}`;
const ticket = { form: 'f', caseId: 'c', openedMs: 1, action: null };
const target = (group: Target['group'], index: number): Target => ({
  key: `${group}:${index}`,
  group,
  name: `${LONG}${index}`,
  called: 'x',
  address: null,
  people: [{ id: String(index), name: LONG }],
  escalation: null,
});
const many = (group: Target['group']) => Array.from({ length: 300 }, (_, index) => target(group, index));
const parts = {
  current: { id: 'c', state: 'paged', priority: 'P2' } as unknown as Case,
  summary: LONG.repeat(20),
  targets: (['people', 'teams', 'schedules', 'escalations'] as const).flatMap(many),
  others: Array.from({ length: 300 }, (_, index) => ({ id: `case-${index}`, summary: LONG })),
};

describe.each(['en', 'ja'] as const)('in %s', (language) => {
  const words = wordsFor(language);

  test('Slack takes the choice of what is to be done', () => {
    expect(complaintAboutView({ ...chooseView(words, ticket, parts.summary) })).toBeNull();
  });

  test.each(RESPONSES)('Slack takes the form to %s, however much there is to choose from', (action) => {
    const view = fillView(words, { ...ticket, action }, parts);
    expect(complaintAboutView({ ...view })).toBeNull();
    expect(readTicket(view.private_metadata ?? '')).toEqual({ ...ticket, action });
    expect(JSON.stringify(view).isWellFormed()).toBe(true);
  });
});

test('the fake refuses what Slack refuses, or the tests above would say nothing', () => {
  const view = fillView(wordsFor('en'), { ...ticket, action: 'merge' }, parts);
  const options = optionsOf((view.blocks[1] as unknown as { element: Record<string, unknown> }).element);
  const choice = (given: readonly unknown[]) => ({
    ...view,
    blocks: [
      {
        type: 'input',
        label: { type: 'plain_text', text: 'x' },
        element: { type: 'static_select', options: given },
      },
    ],
  });
  expect(complaintAboutView(choice(options))).toBeNull();
  expect(complaintAboutView(choice([...options, ...options]))).toContain('number of options');
  expect(complaintAboutView(choice([{ value: 'v', text: { type: 'plain_text', text: LONG } }]))).toContain('text');
  expect(complaintAboutView({ ...view, title: { type: 'plain_text', text: LONG } })).toContain('title');
});

test('a ticket that we did not write is none', () => {
  for (const text of ['', '{}', 'null', '[]', '{"form":1,"caseId":"c","openedMs":1,"action":null}']) {
    expect(readTicket(text), text).toBeNull();
  }
  expect(readTicket(JSON.stringify({ ...ticket, action: 'resolve' }))).toBeNull();
});

test('a team without known people and a schedule without anybody on call are not offered', () => {
  const directory = {
    people: [],
    teams: new Map([['ghosts', ['gone@example.com']]]),
    accountOwners: new Map(),
    defaultOwner: null,
    trustedRoles: [],
    provesOutside: false,
  };
  const onCall = [{ schedule: 'empty', email: null }];
  expect(targetsOf({ directory, onCall, escalations: ['default'] }).map(({ name }) => name)).toEqual(['default']);
});
