/**
 * The program: finds the command, hands it the world, and turns what it returns into an exit code. The only file besides
 * `ground/` and `vendors/` that touches the process.
 */
import { hostname } from 'node:os';
import {
  type Command,
  EXIT_BAD_INPUT,
  EXIT_USAGE,
  InputError,
  type Terminal,
  UsageError,
} from './commands/command-line.ts';
import { Failure } from './ground/failure.ts';
import { systemClock } from './ground/clock.ts';
import { systemRandom } from './ground/random.ts';

/** Loaded on demand: `replay` needs neither a database nor a web server. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).upCommand,
  replay: async () => (await import('./commands/replay.ts')).replayCommand,
  capture: async () => (await import('./commands/capture.ts')).captureCommand,
  rules: async () => (await import('./commands/rules.ts')).rulesCommand,
  journal: async () => (await import('./commands/journal.ts')).journalCommand,
  drill: async () => (await import('./commands/drill.ts')).drillCommand,
  baseline: async () => (await import('./commands/baseline.ts')).baselineCommand,
  agent: async () => (await import('./commands/agent.ts')).agentCommand,
  host: async () => (await import('./commands/host.ts')).hostCommand,
  top: async () => (await import('./commands/top.ts')).topCommand,
  inventory: async () => (await import('./commands/inventory.ts')).inventoryCommand,
  reverts: async () => (await import('./commands/reverts.ts')).revertsCommand,
  people: async () => (await import('./commands/people.ts')).peopleCommand,
};

const HELP = `countersign COMMAND [ARGUMENTS]

  up        runs the server and the console
  agent     watches this host for a server elsewhere
  replay    judges recorded events without a server
  capture   records what this host does for some seconds
  rules     checks rules and runs their tests
  journal   verifies the journal
  drill     pages whoever is on call with an exercise, and reports the times
  baseline  reads what an account holds and trusts it, and shows what is trusted
  top       shows what this machine's workloads use
  inventory lists what exists, and what existed at a moment
  reverts   lists what can be put back
  host      holds a process, freezes a container, cuts off a peer, on this machine
  people    makes a sign-in link for somebody

countersign COMMAND --help tells more.`;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(EXIT_BAD_INPUT);
    interrupt.abort();
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has gone (`| head`): nothing is left to do.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const terminal: Terminal = {
  clock: systemClock,
  random: systemRandom,
  environment: process.env,
  isErrorTerminal: process.stderr.isTTY === true,
  hostname: hostname(),
  interrupted: interrupt.signal,
  print: (text) => {
    if (!process.stdout.write(text)) return new Promise((resolve) => process.stdout.once('drain', resolve));
    return undefined;
  },
  say: (text) => {
    process.stderr.write(`${text}\n`);
  },
};

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...argv]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.say(HELP);
    return name === undefined ? EXIT_USAGE : 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    terminal.say(`countersign: there is no command '${name}'\n\n${HELP}`);
    return EXIT_USAGE;
  }
  const command = await load();
  if (argv.includes('--help') || argv.includes('-h')) {
    terminal.say(command.usage);
    return 0;
  }
  try {
    return await command.run(argv, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.say(`countersign ${name}: ${error.message}\n\n${command.usage}`);
      return EXIT_USAGE;
    }
    if (error instanceof InputError || error instanceof Failure) {
      terminal.say(`countersign ${name}: ${error.message}`);
      return EXIT_BAD_INPUT;
    }
    throw error;
  }
}
