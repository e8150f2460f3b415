/** A process that appends to the journal of a PGlite directory until it is killed, and prints each sequence once committed. */
import { writeSync } from 'node:fs';
import { appendJournal, journalLength } from '../server/src/ground/journal.ts';
import { silentLog } from '../server/src/ground/log.ts';
import { openState } from '../server/src/ground/state.ts';

/** What it prints: the sequence of the entry that was committed. */
export type Answer = number;

const MOST_ENTRIES = 10_000;
const state = await openState({ dataDirectory: process.argv[2], log: silentLog });
for (let index = 0; index < MOST_ENTRIES; index += 1) {
  await state.transaction((trx) =>
    appendJournal(trx, { kind: 'test', caseId: null, actor: null, parameters: { index }, timeMs: index }),
  );
  writeSync(1, `${await journalLength(state)}\n`);
}
