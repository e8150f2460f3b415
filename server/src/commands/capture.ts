/**
 * `countersign capture`: records what this host does for some seconds into a `.scap` file that `replay`, sysdig, Stratoshark and
 * Falco read. The sensor writes the file by itself; this only starts it, and says how it went.
 */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { messageOf } from '../ground/failure.ts';
import { sensorProgram, whyRefused } from '../sources/sensor/program/sensor-program.ts';
import { type Command, EXIT_BAD_INPUT, EXIT_FINE, InputError, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign capture --seconds N -o FILE [--events LIST] [--env-bytes N]

Records every process, file and connection of this host for N seconds and writes them as .scap. --events takes names of events
with commas between, as in a rule's evt.type; without it, all are recorded. The file holds command lines and environments of
every user: it is readable by its owner alone; --env-bytes 0 leaves the environments out.

Needs Linux 5.15 or newer and either root or a sensor with the rights that docs/sensor.md names. COUNTERSIGN_SENSOR names the
sensor's program when it is not where Countersign was built.`;

const LONGEST_SECONDS = 86_400;

export const captureCommand: Command = {
  name: 'capture',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(shortened(argv), {
      seconds: 'text',
      output: 'text',
      events: 'text',
      'env-bytes': 'text',
    });
    if (given.positionals.length > 0) throw new UsageError(`'${given.positionals[0]}' is too much`);
    const file = given.text('output');
    if (file === undefined) throw new UsageError('say where to with -o FILE');
    const seconds = secondsOf(given.text('seconds'));
    const program = sensorProgram(terminal.environment['COUNTERSIGN_SENSOR']);
    if (!existsSync(program)) {
      throw new InputError(
        `there is no sensor at ${program}: install clang, llvm, libbpf-dev and bpftool and run npm run build, or name it in COUNTERSIGN_SENSOR`,
      );
    }
    const passed = ['events', 'env-bytes'].flatMap((flag) => {
      const value = given.text(flag);
      return value === undefined ? [] : [`--${flag}`, value];
    });
    const args = ['--output', file, '--seconds', String(seconds), ...passed];
    const { code, complaints } = await runSensor(program, args, terminal.interrupted);
    for (const complaint of complaints) terminal.say(complaint);
    if (code !== 0) return EXIT_BAD_INPUT;
    terminal.say(`${file}: ${statSync(file).size} bytes`);
    return EXIT_FINE;
  },
};

/** `-o` is what everybody types. */
function shortened(argv: readonly string[]): readonly string[] {
  return argv.map((argument) => (argument === '-o' ? '--output' : argument));
}

function secondsOf(text: string | undefined): number {
  const seconds = Number(text);
  if (text === undefined || !Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_SECONDS) {
    throw new UsageError(`--seconds is ${text ?? 'missing'}, it must be a whole number from 1 to ${LONGEST_SECONDS}`);
  }
  return seconds;
}

interface Ended {
  readonly code: number;
  readonly complaints: readonly string[];
}

const MOST_COMPLAINTS = 50;

/** Resolves when the sensor has ended, by itself or because the person interrupted. */
function runSensor(program: string, args: readonly string[], interrupted: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown): void => {
      const why = whyRefused(program, error) ?? `${program}: ${messageOf(error)}`;
      reject(new InputError(`the sensor cannot be started: ${why}`));
    };
    const child = start(program, args, refuse);
    if (child === null) return;
    let text = '';
    const stop = (): void => {
      child.kill('SIGTERM');
    };
    interrupted.addEventListener('abort', stop);
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (piece: string) => {
      text += piece;
    });
    child.once('error', refuse);
    child.once('close', (code, signal) => {
      interrupted.removeEventListener('abort', stop);
      const complaints = text.split('\n').filter((line) => line !== '');
      if (signal !== null) complaints.push(`the sensor was ended by ${signal}`);
      resolve({ code: code ?? 1, complaints: complaints.slice(0, MOST_COMPLAINTS) });
    });
  });
}

/** Node throws some refusals and tells the others later. */
function start(program: string, args: readonly string[], refuse: (error: unknown) => void) {
  try {
    return spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    refuse(error);
    return null;
  }
}
