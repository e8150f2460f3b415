/** `countersign reverts list`: what can be put back, generated from the catalogue itself. */
import { listRows } from '../cases/revert/rows.ts';
import { type Command, EXIT_FINE, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign reverts list [--output json|text]

Prints the catalogue of reverts, one row of the specification a line: which events, the class (X: from the event alone, B: needs a
baseline, C: contained, P: pages only), what happens by default, whether a second person approves, and where it was proven
(emulator, shape, none). With --output json one object a line.`;

export const revertsCommand: Command = {
  name: 'reverts',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { output: 'text' });
    if (given.positionals.join(' ') !== 'list') throw new UsageError("the only thing to do with reverts is 'list'");
    const output = given.text('output') ?? 'text';
    if (output !== 'json' && output !== 'text') throw new UsageError('--output is json or text');
    for (const row of listRows()) {
      if (output === 'json') {
        await terminal.print(`${JSON.stringify(row)}\n`);
        continue;
      }
      const approval = row.approval ? ', approved by a second person' : '';
      const paging = row.page_only.length === 0 ? '' : `\n      page only: ${row.page_only.join(', ')}`;
      const open = row.not_yet.length === 0 ? '' : `\n      not yet: ${row.not_yet.join(', ')}`;
      await terminal.print(
        `${String(row.row).padStart(2)} ${row.class.padEnd(3)} ${row.default_mode}${approval}, proven: ${row.proven}\n      ${row.events.join(', ')}${paging}${open}\n`,
      );
    }
    return EXIT_FINE;
  },
};
