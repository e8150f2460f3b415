/** What no revert brings back is told in both languages. */
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../../server/src/cases/revert/rows.ts';
import { en } from '../../../web/src/words/en.ts';
import { ja } from '../../../web/src/words/ja.ts';

test('what remains after a revert has its sentence in every language', () => {
  const said = CATALOGUE.flatMap(({ remains }) => remains ?? []);
  expect(Object.keys(en.reverts.remains)).toEqual(expect.arrayContaining(said));
  expect(Object.keys(ja.reverts.remains)).toEqual(expect.arrayContaining(said));
});
