/** The quick comparison of globs says what the pattern says, for globs and texts of the same few characters. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { expect, test } from 'vitest';
import { globTest, globToPattern } from './globs.ts';

const globs = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '.', '*', '?', '[', ']', '!', '\\', '\n'),
  maxLength: 9,
});
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*', '\n', '[', '\\'), maxLength: 9 });

function patternOf(glob: string): RE2JS | null {
  try {
    return RE2JS.compile(globToPattern(glob), RE2JS.DOTALL);
  } catch {
    return null;
  }
}

test('globs are compared as their patterns are', () => {
  let matched = 0;
  fc.assert(
    fc.property(globs, fc.array(texts, { minLength: 5, maxLength: 5 }), (glob, many) => {
      const pattern = patternOf(glob);
      if (pattern === null) return;
      const matches = globTest(glob);
      for (const text of [...many, glob, glob.replaceAll('*', 'ab'), glob.replaceAll('*', '')]) {
        if (pattern.matches(text)) matched += 1;
        expect(matches(text), JSON.stringify([glob, text])).toBe(pattern.matches(text));
      }
    }),
    { numRuns: 3_000 },
  );
  expect(matched).toBeGreaterThan(500);
});

test.each([
  ['*/.ssh/id_*', '/home/ann/.ssh/id_rsa', true],
  ['*/.ssh/id_*', '/home/ann/.ssh/config', false],
  ['a*a', 'a', false],
  ['*a*a*', 'a', false],
  ['/proc/[0-9]*/environ', '/proc/17/environ', true],
  ['/proc/[0-9]*/environ', '/proc/self/environ', false],
])('%s on %s is %s', (glob, text, expected) => {
  expect(globTest(glob)(text)).toBe(expected);
});
