/** Patterns in policies match what a person expects, and cannot be made slow. */
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';

test.each([
  ['stoplogging', 'StopLogging', true],
  ['iam:Create*', 'iam:CreateUser', true],
  ['iam:Create*', 'ec2:CreateUser', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['*.amazonaws.com', 'rds.amazonaws.com', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-b-b-d', false],
  ['T1562.0*', 'T1562x008', false],
])('%s on %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

test('a hostile pattern on a hostile text ends at once', () => {
  expect(matchesGlob(`${'*a'.repeat(60)}b`, 'a'.repeat(2_000))).toBe(false);
});
