/** `countersign up`: the server and the console, on embedded stores unless the environment names others. */
import { isAbsolute, resolve } from 'node:path';
import { startApp } from '../app.ts';
import { createLog } from '../ground/log.ts';
import { type Command, EXIT_FINE, InputError, parseArguments, type Terminal, UsageError } from './command-line.ts';
import { readConfigurationFile } from './configuration-file.ts';

const USAGE = `countersign up [--config FILE] [--data DIR] [--port N] [--host ADDRESS]

Runs the server with the console on http://localhost:8420. State and events are kept in ./data; set
COUNTERSIGN_DATABASE_URL and COUNTERSIGN_EVENTS_URL to keep them in PostgreSQL and ClickHouse servers.`;

const DEFAULT_PORT = 8420;
const HIGHEST_PORT = 65_535;

export const upCommand: Command = {
  name: 'up',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { config: 'text', data: 'text', port: 'text', host: 'text' });
    if (given.positionals.length > 0) throw new UsageError(`'${given.positionals[0]}' is not expected here`);
    const port = given.text('port') === undefined ? DEFAULT_PORT : Number(given.text('port'));
    if (!Number.isInteger(port) || port < 0 || port > HIGHEST_PORT)
      throw new UsageError('--port must be a number from 0 to 65535');
    const log = createLog({
      write: (line) => terminal.say(line.trimEnd()),
      nowMs: () => terminal.clock.nowMs(),
      level: 'info',
    });
    const data = given.text('data') ?? 'data';
    const app = await startApp({
      configuration: await readConfigurationFile(given.text('config')),
      dataDirectory: isAbsolute(data) ? data : resolve(data),
      environment: terminal.environment,
      hostname: terminal.hostname,
      host: given.text('host') ?? '127.0.0.1',
      port,
      clock: terminal.clock,
      random: terminal.random,
      log,
    }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 'EADDRINUSE') {
        throw new InputError(`port ${port} is in use: stop what listens there, or choose another with --port`);
      }
      throw error;
    });
    announce(app, terminal);
    await untilInterrupted(terminal);
    await app.close();
    return EXIT_FINE;
  },
};

function announce(app: { readonly url: string; readonly firstSignInUrl: string | null }, terminal: Terminal): void {
  terminal.say(`\nCountersign is running at ${app.url}`);
  if (app.firstSignInUrl !== null) {
    terminal.say(`Sign in as the first admin with this link; it works once, for a day:\n\n  ${app.firstSignInUrl}\n`);
  }
}

function untilInterrupted({ interrupted }: Terminal): Promise<void> {
  return new Promise((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
}
