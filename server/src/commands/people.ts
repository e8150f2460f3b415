/** `countersign people sign-in-link`: for whoever lost their second factor, when no admin can sign in either. */
import { silentLog } from '../ground/log.ts';
import { openState } from '../ground/state.ts';
import { createSignInLink, signInUrl } from '../people/sign-in/links.ts';
import { type Command, EXIT_FINE, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign people sign-in-link EMAIL [--data DIR] [--url URL]

Makes a single-use link with which a person signs in and sets passphrase and second factor anew. Embedded state: stop the
server first.`;

export const peopleCommand: Command = {
  name: 'people',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { data: 'text', url: 'text' });
    const [action, email, ...more] = given.positionals;
    if (action !== 'sign-in-link' || email === undefined || more.length > 0)
      throw new UsageError('name one e-mail address');
    const url = terminal.environment['COUNTERSIGN_DATABASE_URL'];
    const state = await openState({ url, dataDirectory: given.text('data') ?? 'data', log: silentLog });
    try {
      const at = { nowMs: terminal.clock.nowMs(), random: terminal.random, createdBy: null };
      const { token } = await state.transaction((trx) => createSignInLink(trx, { email }, at));
      await terminal.print(`${signInUrl(given.text('url') ?? 'http://localhost:8420', token)}\n`);
      return EXIT_FINE;
    } finally {
      await state.close();
    }
  },
};
