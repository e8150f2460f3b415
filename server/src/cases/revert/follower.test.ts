/** How far a change may be put back: the least of the configuration, the policy and the catalogue. */
import { expect, test } from 'vitest';
import type { Case } from '../case.ts';
import { modeOf } from './follower.ts';

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
