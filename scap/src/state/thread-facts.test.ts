/** As long as the facts of a thread are the same object, the fields that are said to follow from them have the same values. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dataPath, describeWithData } from '../../../test/data.ts';
import { SYSCALL_FIELDS } from '../fields/fields.ts';
import { CaptureReader } from '../format/capture-reader.ts';
import { Machine } from './machine.ts';
import { LASTING_FIELDS, type ThreadFacts } from './thread-facts.ts';

const NAMES = [...LASTING_FIELDS];

function valuesOf(machine: Machine): string {
  return JSON.stringify(NAMES.map((name) => SYSCALL_FIELDS.get(name)?.read(machine, null) ?? null));
}

describeWithData('facts of a thread', () => {
  test.each(['attack2.scap.gz', 'old/sysdig-inspect__502error.scap'])('hold for all of its events in %s', (name) => {
    const known = new Map<ThreadFacts, string>();
    const kinds = new Set<string>();
    let events = 0;
    let differing = 0;
    const machine = new Machine({
      onEvent: (current) => {
        const facts = current.currentThread?.facts;
        if (facts === undefined || current.announced !== null) return;
        events += 1;
        const values = valuesOf(current);
        kinds.add(values);
        const before = known.get(facts);
        if (before === undefined) known.set(facts, values);
        else if (before !== values) differing += 1;
      },
    });
    const bytes = readFileSync(dataPath(`captures/${name}`));
    const reader = new CaptureReader(machine);
    reader.write(name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    expect(differing).toBe(0);
    // Many kinds of threads were seen, and far fewer facts than events.
    expect(kinds.size).toBeGreaterThan(5);
    expect(known.size).toBeLessThan(events / 4);
  });
});
