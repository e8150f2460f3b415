/** Matches that wait: for the name of a container, and for the server. */
import { expect, test } from 'vitest';
import { ManualClock } from '../../../ground/clock.ts';
import type { SyscallRecord } from '../../syscall/record.ts';
import { RecordQueue } from './record-queue.ts';

function record(id: string, container = 'host'): SyscallRecord {
  return { host: 'web-1', id, timeMs: 0, fields: { 'container.id': container }, matches: [], repeats: 0 };
}

function queue() {
  const clock = new ManualClock(0);
  const pending = new Set<string>();
  const sent: string[][] = [];
  const made = new RecordQueue({
    clock,
    isUnnamed: ({ fields }) => pending.has(String(fields['container.id'])),
    complete: (one) => ({ ...one, id: `${one.id} named` }),
    send: (_, records) => sent.push(records.map(({ id }) => id)),
  });
  return { made, clock, pending, sent };
}

test('a match waits for the name of its container, the others do not', () => {
  const { made, pending, sent } = queue();
  pending.add('cafe');
  made.add(record('a', 'cafe'));
  made.add(record('b'));
  made.flush();
  expect(sent).toEqual([['b']]);
  pending.delete('cafe');
  made.flush();
  expect(sent).toEqual([['b'], ['a named']]);
});

test('nor does it wait for long, nor at the end', () => {
  const { made, clock, pending, sent } = queue();
  pending.add('cafe');
  made.add(record('a', 'cafe'));
  clock.advance(6_000);
  made.flush();
  made.add(record('b', 'cafe'));
  made.flush(true);
  expect(sent).toEqual([['a named'], ['b named']]);
});

test('whoever reads waits while the server is behind, and goes on when it has taken what was sent', async () => {
  const { made, sent } = queue();
  for (let at = 0; at < 2_100; at += 1) made.add(record(String(at)));
  made.flush();
  expect(sent).toHaveLength(11);
  let isFree = false;
  const waiting = made.room(new AbortController().signal).then(() => (isFree = true));
  made.taken(99);
  await Promise.resolve();
  expect(isFree).toBe(false);
  made.taken(1);
  await waiting;
  expect(isFree).toBe(true);
});

test('a stop ends the waiting', async () => {
  const { made } = queue();
  for (let at = 0; at < 2_100; at += 1) made.add(record(String(at)));
  made.flush();
  const stopping = new AbortController();
  const waiting = made.room(stopping.signal);
  stopping.abort();
  await waiting;
});
