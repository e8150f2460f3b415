/** A capture that is cut out of another: the state at the cut and the events after it say what the whole said of them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { SYSCALL_FIELDS } from '../fields/fields.ts';
import { STATE_ONLY } from '../format/capture-event.ts';
import { type CaptureHandler, CaptureReader } from '../format/capture-reader.ts';
import { CaptureWriter } from '../format/capture-writer.ts';
import { Machine } from './machine.ts';
import { writeState } from './written-state.ts';

/** What the format has no place for, and what is counted from the beginning of a capture. */
const LOST =
  /^(?:evt\.(?:num|latency|deltatime|reltime|around)|proc\.(?:duration|ppid\.duration|p?pid\.ts|ppid\.ts)|.*ctime_duration_proc_start)/;
/** Of files of unusual types, which close when another program starts, and of a thread that begins at the very cut. */
const LOST_OF_FEW = new Set([
  ...['proc.fdopencount', 'proc.fdusage', 'fd.types', 'fd.nameraw'],
  ...['thread.cpu', 'proc.nthreads', 'proc.nchilds'],
]);
const MOST_DIFFERING = 0.01;
const SAMPLES = 1_500;
const ARGUMENTS: Readonly<Record<string, string>> = { 'proc.env': 'PATH', 'evt.rawarg': 'fd', 'evt.arg': '0' };
const NAMES = [...SYSCALL_FIELDS.keys()].filter((name) => !LOST.test(name));

function values(machine: Machine): readonly string[] {
  return NAMES.map((name) => {
    const argument = ARGUMENTS[name] ?? (/^proc\.a(?:name|pid|exe|exepath|cmdline)$/.test(name) ? '1' : null);
    const value = SYSCALL_FIELDS.get(name)?.read(machine, argument) ?? null;
    return JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}` : (one as unknown)));
  });
}

/** Everything to the machine; from `from` on, to the writer too, after the machine's state. */
function cutAt(machine: Machine, from: number, onBytes: (bytes: Buffer) => void): CaptureHandler {
  const writer = new CaptureWriter(onBytes);
  return {
    section: (littleEndian) => machine.section(littleEndian),
    machine: (info) => machine.machine(info),
    thread: (thread) => machine.thread(thread),
    fd: (tid, fd) => machine.fd(tid, fd),
    interface: (one) => machine.interface(one),
    account: (account) => machine.account(account),
    event: (event) => {
      if (event.number === from) onBytes(writeState(machine));
      if (event.number >= from) {
        writer.event(event);
        writer.end();
      }
      machine.event(event);
    },
  };
}

describeWithData('a cut', () => {
  test.each([
    ['attack2.scap.gz', 24_000],
    ['attack2.scap.gz', 40_000],
    ['old/libs__single_ipv6_conn.scap', 800],
    ['old/sysdig-inspect__502error.scap', 9_000],
  ])('%s from event %i on', { timeout: 60_000 }, (file, from) => {
    const packed = readFileSync(dataPath('captures', file));
    const bytes = packed[0] === 0x1f ? gunzipSync(packed) : packed;
    const wanted = new Map<number, readonly string[]>();
    const whole: Machine = new Machine({
      onEvent: ({ current }) => {
        const number = current.number - from;
        if (number >= 0 && number % step === 0) wanted.set(number, values(whole));
      },
    });
    const pieces: Buffer[] = [];
    const counter = new CaptureReader(new Machine({ onEvent: () => undefined }));
    counter.write(bytes);
    const step = Math.ceil((counter.counts.events - from) / SAMPLES);
    new CaptureReader(cutAt(whole, from, (piece) => pieces.push(piece))).write(bytes);

    let seen = 0;
    const differing = new Map<string, number>();
    let toldOfState = 0;
    const cut: Machine = new Machine({
      onEvent: ({ current }) => {
        const was = wanted.get(current.number - 1 - toldOfState);
        if (was === undefined) return;
        seen += 1;
        values(cut).forEach((value, index) => {
          const name = NAMES[index] ?? '';
          if (value !== was[index]) differing.set(name, (differing.get(name) ?? 0) + 1);
        });
      },
    });
    const reader = new CaptureReader({
      ...cutAt(cut, Number.MAX_SAFE_INTEGER, () => undefined),
      event: (event) => {
        if (event.blockFlags === STATE_ONLY && event.tid === -1) toldOfState += 1;
        cut.event(event);
      },
    });
    reader.write(Buffer.concat(pieces));
    reader.end();
    expect(seen).toBe(wanted.size);
    expect(seen).toBeGreaterThan(SAMPLES / 3);
    const often = [...differing].filter(([name, count]) => !LOST_OF_FEW.has(name) && count > seen * MOST_DIFFERING);
    expect(often).toEqual([]);
  });
});
