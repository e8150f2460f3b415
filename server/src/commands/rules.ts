/** `countersign rules check` and `rules test`: what is wrong with rules, and whether they do what their tests say. */
import { formatDiagnostic } from '@countersign/falco';
import { loadPack } from '../rules/pack.ts';
import { testRules } from '../rules/spec.ts';
import { type Command, EXIT_BAD_INPUT, EXIT_FINE, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign rules check FILE…     every error and warning, with its place and how to mend it
countersign rules test PATH…      runs the tests that stand beside rules (*.test.yaml); folders are looked through`;

export const rulesCommand: Command = {
  name: 'rules',
  usage: USAGE,
  async run(argv, terminal) {
    const { positionals } = parseArguments(argv, {});
    const [action, ...paths] = positionals;
    if (paths.length === 0) throw new UsageError('name at least one file');
    if (action === 'check') {
      const { diagnostics, ruleset } = loadPack(paths);
      for (const diagnostic of diagnostics) await terminal.print(`${formatDiagnostic(diagnostic)}\n`);
      const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
      terminal.say(`${ruleset.rules.length} rules, ${errors} errors, ${diagnostics.length - errors} warnings`);
      return errors > 0 ? EXIT_BAD_INPUT : EXIT_FINE;
    }
    if (action === 'test') {
      const { passed, failed, text } = await testRules(paths);
      if (text !== '') await terminal.print(`${text}\n`);
      terminal.say(`${passed} passed, ${failed} failed`);
      return failed > 0 ? EXIT_BAD_INPUT : EXIT_FINE;
    }
    throw new UsageError(`'${action ?? ''}' is not 'check' or 'test'`);
  },
};
