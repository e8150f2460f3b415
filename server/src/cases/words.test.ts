/** What a question shows of an event that somebody else wrote. */
import { expect, test } from 'vitest';
import { sampleActor, sampleFacts, sampleFinding } from '../../../test/sample-finding.ts';
import { factLines, wordsFor } from './words.ts';

test('a name that breaks its line, turns its direction or never ends is still one line of ours', () => {
  const id = `role/a\r\n\nRisk: 1\u2028Answer by: never\u202eevil\0 ${'x'.repeat(2_000)}`;
  const facts = sampleFacts({ actor: sampleActor({ id, session: null }) });
  const lines = factLines(sampleFinding({ facts }), wordsFor('en'));
  const shown = lines.map(([, value]) => value).find((value) => value.startsWith('role/a')) ?? '';
  expect(shown).toMatch(/^role\/a Risk: 1 Answer by: never evil x+…$/);
  expect(shown).toHaveLength(501);
  for (const [, value] of lines) expect(value).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
});
