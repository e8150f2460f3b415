/** `countersign agent`: watches this host for a server elsewhere. One small process beside the sensor. */
import { runAgent } from '../agent-host.ts';
import { createLog } from '../ground/log.ts';
import { sensorProgram } from '../sources/sensor/program/sensor-program.ts';
import { type Command, EXIT_FINE, parseArguments, UsageError } from './command-line.ts';
import { readToken, serverAddress } from './server-address.ts';

const USAGE = `countersign agent --server URL [--token-file FILE] [--data DIR] [--host NAME] [--network NAME] [--spool-mb N]
                  [--cluster NAME] [--contain] [--no-watch]

Watches this host for a Countersign server: rules run here, connections and activity are rolled up here, and what the server has not taken
yet is kept on disk, 512 MB of it unless told otherwise (findings are never dropped).

The first start needs a token: Settings → Agents makes one that works once, for a day. Put it into a file that only you can read and name the
file with --token-file; later starts do not need it. --network tells apart networks whose addresses repeat.

In a pod of a cluster that the server follows, --cluster names the cluster and --token-file the token of the pod's service account, made for the
audience 'countersign': the cluster answers for the agent, and --host must be the name of its node (docs/kubernetes.md).

--contain lets responders hold a process, freeze a container and cut off an address on this host, from a case, with a second person's approval.
It needs root (or CAP_KILL, CAP_NET_ADMIN and the right to write to /sys/fs/cgroup), and does nothing else. --no-watch does only that.`;

const VERSION = '0.1.0';
const DEFAULT_DATA = './agent-data';
const DEFAULT_SPOOL_MB = 512;
const MOST_SPOOL_MB = 1_000_000;
const BYTES_A_MB = 1_000_000;

export const agentCommand: Command = {
  name: 'agent',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, {
      server: 'text',
      'token-file': 'text',
      data: 'text',
      host: 'text',
      network: 'text',
      cluster: 'text',
      'spool-mb': 'text',
      contain: 'present',
      'no-watch': 'present',
    });
    if (given.positionals.length > 0) throw new UsageError(`'${given.positionals[0]}' is too much`);
    if (given.has('no-watch') && !given.has('contain'))
      throw new UsageError('--no-watch leaves nothing to do; with --contain this agent takes orders and nothing else');
    const tokenFile = given.text('token-file');
    const log = createLog({
      write: (line) => terminal.say(line.trimEnd()),
      nowMs: () => terminal.clock.nowMs(),
      level: 'info',
    });
    await runAgent(
      {
        server: serverAddress(given.text('server'), "the agent's secret"),
        token: tokenFile === undefined ? null : readToken(tokenFile),
        cluster: given.text('cluster') ?? null,
        dataDirectory: given.text('data') ?? DEFAULT_DATA,
        host: given.text('host') ?? terminal.hostname,
        network: given.text('network') ?? '',
        hostRoot: terminal.environment['COUNTERSIGN_HOST_ROOT'] ?? '/',
        version: VERSION,
        sensor: sensorProgram(terminal.environment['COUNTERSIGN_SENSOR']),
        contains: given.has('contain'),
        watches: !given.has('no-watch'),
        spoolBytes: spoolMbOf(given.text('spool-mb')) * BYTES_A_MB,
        clock: terminal.clock,
        random: terminal.random,
        log,
      },
      terminal.interrupted,
    );
    return EXIT_FINE;
  },
};

function spoolMbOf(text: string | undefined): number {
  const megabytes = text === undefined ? DEFAULT_SPOOL_MB : Number(text);
  if (!Number.isInteger(megabytes) || megabytes < 1 || megabytes > MOST_SPOOL_MB)
    throw new UsageError(`--spool-mb is '${text ?? ''}', it must be a whole number from 1 to ${MOST_SPOOL_MB}`);
  return megabytes;
}
