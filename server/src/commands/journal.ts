/** `countersign journal verify`: reads the whole chain and says whether anything in it was altered, taken out or moved. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MOST_FAULTS, verifyJournal } from '../ground/journal.ts';
import { silentLog } from '../ground/log.ts';
import { openState } from '../ground/state.ts';
import { type Command, EXIT_BAD_INPUT, EXIT_FINE, InputError, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign journal verify [--data DIR] [--output json|text]

Verifies the journal of a stopped server's data directory, or of the database in COUNTERSIGN_DATABASE_URL.
Prints the number of entries and the hash of the last one; exit 1 when anything is wrong.`;

export const journalCommand: Command = {
  name: 'journal',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { data: 'text', output: 'text' });
    if (given.positionals.join(' ') !== 'verify')
      throw new UsageError("the only thing to do with the journal is 'verify'");
    const url = terminal.environment['COUNTERSIGN_DATABASE_URL'];
    const dataDirectory = given.text('data') ?? 'data';
    if (url === undefined && !existsSync(join(dataDirectory, 'pglite'))) {
      throw new InputError(`${dataDirectory} holds no state: name the server's data directory with --data`);
    }
    const state = await openState({ url, dataDirectory, log: silentLog });
    try {
      const { ok, entries, head, faults } = await verifyJournal(state);
      if (given.text('output') === 'json') await terminal.print(`${JSON.stringify({ ok, entries, head, faults })}\n`);
      else await terminal.print(`${ok ? 'ok' : 'BROKEN'}: ${entries} entries, head ${head}\n`);
      for (const { sequence, fault } of faults) terminal.say(`entry ${sequence}: ${fault}`);
      if (faults.length >= MOST_FAULTS) terminal.say('there may be more');
      return ok ? EXIT_FINE : EXIT_BAD_INPUT;
    } finally {
      await state.close();
    }
  },
};
