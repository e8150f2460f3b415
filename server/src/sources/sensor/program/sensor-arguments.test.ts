/** What a sensor is asked for, by what the rules are about. */
import { expect, test } from 'vitest';
import { sensorArguments, sensorWishes } from './sensor-arguments.ts';

test('a sensor tells what rules and a look back need, of what it can', () => {
  const args = sensorArguments({
    eventNames: ['bpf', 'execve', 'a-call-of-tomorrow'],
    known: ['bpf', 'execve', 'openat', 'futex'],
    allReads: true,
  });
  expect(args).toEqual(['--output', '-', '--events', 'bpf,execve,openat']);
});

test('files that are only read are told where secrets lie', () => {
  const args = sensorArguments({ eventNames: ['openat'], known: ['openat'], allReads: false });
  const below = args.filter((_, at) => args[at - 1] === '--read-below');
  expect(below).toContain('/etc/');
  expect(below).not.toContain('/usr/');
});

test('one that cannot be asked tells everything', () => {
  expect(sensorArguments({ eventNames: ['execve'], known: null, allReads: true })).toEqual(['--output', '-']);
});

test('of one that connects by itself the same is wanted, also what it may not know', () => {
  const lines = sensorWishes({ eventNames: ['bpf', 'a-call-of-tomorrow', 'futex2'], allReads: false }).split('\n');
  const [first = '', ...below] = lines;
  expect(first).toMatch(/^events [a-z0-9_,]+$/);
  const events = first.slice('events '.length).split(',');
  expect(events).toEqual(expect.arrayContaining(['bpf', 'futex2', 'execve', 'openat', 'connect', 'write']));
  expect(below).toContain('read-below /etc/');
  expect(sensorWishes({ eventNames: [], allReads: true })).not.toContain('read-below');
});
