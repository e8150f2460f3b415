/** `countersign reverts list`: what can be put back, generated from the catalogue itself. */
import { type EntryListing, listRows } from '../cases/revert/rows.ts';
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
      const modes = new Set(row.entries.map(({ default_mode: mode, only }) => `${mode} ${only ?? ''}`));
      const paging = row.page_only.length === 0 ? '' : `\n      page only: ${row.page_only.join(', ')}`;
      const open = row.not_yet.length === 0 ? '' : `\n      not yet: ${row.not_yet.join(', ')}`;
      const head = `${String(row.row).padStart(2)} ${row.class.padEnd(3)} ${modeOf(row)}, proven: ${row.proven}`;
      const lines =
        modes.size > 1
          ? row.entries.map((entry) => `\n      ${modeOf(entry)}: ${entry.events.join(', ')}`).join('')
          : `\n      ${row.events.join(', ')}`;
      await terminal.print(`${head}${lines}${paging}${open}\n`);
    }
    return EXIT_FINE;
  },
};

function modeOf({
  default_mode: mode,
  approval,
  only,
}: Pick<EntryListing, 'default_mode' | 'approval' | 'only'>): string {
  return `${mode}${approval ? ', approved by a second person' : ''}${only === undefined ? '' : ` if ${only}`}`;
}
