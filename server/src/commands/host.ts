/**
 * `countersign host`: the privileged side of what is done on a machine. One wish from the command line, one answer on stdout; whoever runs
 * it must be root, and it does nothing else.
 */
import { createHostCaller } from '../vendors/linux/host.ts';
import { CallFailure } from '../vendors/aws/calls.ts';
import { type Command, EXIT_FINE, InputError, parseArguments, UsageError } from './command-line.ts';

const USAGE = `countersign host read-process|stop-process|continue-process --pid N --start-ticks N
countersign host read-freezer|freeze|thaw --cgroup /PATH
countersign host read-peer|block-peer|unblock-peer --address IP

Holds a process (known by its id and field 22 of /proc/PID/stat), freezes a control group (version 1 or 2), drops everything from and to one
address (nftables, table inet countersign), and lets each go on again. Prints what was read as JSON; exit 1 when it could not be done.`;

const OPERATIONS: Readonly<Record<string, string>> = {
  'read-process': 'ReadProcess',
  'stop-process': 'StopProcess',
  'continue-process': 'ContinueProcess',
  'read-freezer': 'ReadFreezer',
  freeze: 'Freeze',
  thaw: 'Thaw',
  'read-peer': 'ReadPeer',
  'block-peer': 'BlockPeer',
  'unblock-peer': 'UnblockPeer',
};

export const hostCommand: Command = {
  name: 'host',
  usage: USAGE,
  async run(argv, terminal) {
    const given = parseArguments(argv, { pid: 'text', 'start-ticks': 'text', cgroup: 'text', address: 'text' });
    const [name = '', ...more] = given.positionals;
    const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
    if (operation === undefined || more.length > 0)
      throw new UsageError(`say one of: ${Object.keys(OPERATIONS).join(', ')}`);
    const pid = given.text('pid');
    const input = {
      ...(pid === undefined ? {} : { pid: Number(pid) }),
      startTicks: given.text('start-ticks'),
      cgroup: given.text('cgroup'),
      address: given.text('address'),
    };
    try {
      const answer = await createHostCaller().call({ service: 'linux', operation, input });
      await terminal.print(`${JSON.stringify(answer)}\n`);
      return EXIT_FINE;
    } catch (error) {
      if (error instanceof CallFailure) throw new InputError(`${error.code}: ${error.message}`);
      throw error;
    }
  },
};
